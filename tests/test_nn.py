import numpy as np
import torch

from skembed.nn import Decoder, DotDecoder, FoldTables
from skembed.pretrained import Start


def tables():
    """Two columns of 4 and 5 codes, vectors of 2 and 3, three folds, filled by hand."""
    tables = FoldTables([4, 5], [2, 3], n_folds=3)
    for weight in tables.weights:
        deviation = weight.deviation
        deviation.copy_(torch.arange(deviation.numel()).view(deviation.shape))
        deviation[0] = 0
    tables.prior.copy_(torch.arange(tables.padded))
    return tables


def test_columns_of_like_length_are_packed_into_one_weight():
    made = FoldTables([4, 5, 6], [3, 3, 1], n_folds=3)
    short, long = made.pack(list(np.array([[0, 0, 0], [1, 1, 1], [3, 4, 5]]).T))
    assert short.tolist() == [[0], [1], [5]]
    assert long.tolist() == [[0, 0], [1, 4], [3, 7]]
    assert made.weights[1].deviation.shape == (8, 9)


def test_vectors_are_those_of_a_plain_lookup():
    made = tables()
    codes = np.array([[1, 4], [0, 2], [3, 0]])
    vectors = made.vectors(made.pack(list(codes.T))).numpy()
    priors, deviations = made.numpy()
    for row, fold in np.ndindex(3, 3):
        for column, (first, dim) in enumerate(zip(made.first, [2, 3], strict=True)):
            expected = priors[column] + deviations[column][codes[row, column], fold]
            np.testing.assert_array_equal(vectors[row, fold, first : first + dim], expected)


def test_the_unseen_code_is_the_prior_in_every_fold():
    _, deviations = tables().numpy()
    assert not any(deviation[0].any() for deviation in deviations)


def test_restore_gives_the_snapshot_back():
    made = tables()
    before = made.snapshot()
    for part in (made.prior, *(weight.deviation for weight in made.weights)):
        part += 1
    made.restore(before)
    assert torch.equal(made.prior, torch.arange(made.padded))
    assert made.weights[0].deviation[1, 0] == 6


def test_a_snapshot_may_be_taken_into_an_older_one():
    made = tables()
    older = made.snapshot()
    made.prior += 1
    assert made.snapshot(older) is older
    assert torch.equal(older[0], made.prior)


def test_a_step_moves_what_was_looked_up():
    made = FoldTables([4, 5], [2, 2], n_folds=3)
    packed = made.pack([np.array([1, 0]), np.array([2, 2])])
    made.step(packed, torch.ones(2, 3, 4), 0.1)
    _, deviations = made.numpy()
    assert deviations[0].any(axis=(1, 2)).tolist() == [False, True, False, False]
    assert deviations[1].any(axis=(1, 2)).tolist() == [False, False, True, False, False]
    assert made.prior.all()


def test_the_prior_of_frozen_vectors_does_not_move():
    made = FoldTables([5, 4], [3, 3], n_folds=2)
    made.start_at(0, Start(np.array([2]), np.ones((1, 3), dtype=np.float32), frozen=True))
    packed = made.pack([np.array([2]), np.array([1])])
    made.step(packed, torch.ones(1, 2, 6), 0.1)
    assert (made.prior != 0).tolist() == [False] * 3 + [True] * 3
    assert made.weights[0].fixed.nonzero().flatten().tolist() == [0, 2]


def decoder(n_outputs, hidden=(4,), dropout=0.0):
    generator = torch.Generator().manual_seed(0)
    bias = np.linspace(1, 2, n_outputs, dtype=np.float32)
    return Decoder(tables(), 1, hidden, bias, dropout=dropout, generator=generator)


def test_at_the_start_one_output_is_the_bias_and_the_own_effects():
    net = decoder(1)
    vectors = torch.tensor([[10.0, 0, 5.0, 0, 0]])
    assert net(vectors, torch.zeros(1, 1)).tolist() == [[16.0]]  # bias 1, effects 10 and 5


def test_at_the_start_several_outputs_are_the_bias():
    net = decoder(3)
    assert net(torch.ones(1, 5), torch.zeros(1, 1)).tolist() == [[1.0, 1.5, 2.0]]


def test_padding_is_not_seen():
    made, generator = FoldTables([4, 5], [3, 4], n_folds=2), torch.Generator().manual_seed(0)
    net = Decoder(made, 0, (4,), np.zeros(1, "float32"), dropout=0.0, generator=generator)
    torch.nn.init.ones_(net.layers[-1].weight)
    padded, context = torch.zeros(1, 8), torch.zeros(1, 0)
    padded[0, 3] = 100.0  # fourth component of the column that has three
    assert torch.equal(net(padded, context), net(torch.zeros(1, 8), context))


def test_without_hidden_layers_it_is_linear():
    net = decoder(1, hidden=())
    torch.nn.init.ones_(net.layers[-1].weight)
    x, y, context = torch.ones(1, 5), torch.full((1, 5), 3.0), torch.zeros(1, 1)
    torch.testing.assert_close(net((x + y) / 2, context), (net(x, context) + net(y, context)) / 2)


def test_dropout_draws_from_its_own_generator():
    state = torch.get_rng_state()
    net, x = decoder(1, hidden=(64,), dropout=0.5), torch.ones(1, 5)
    torch.nn.init.ones_(net.layers[-1].weight)
    assert not torch.equal(net(x, torch.ones(1, 1)), net(x, torch.ones(1, 1)))
    assert torch.equal(torch.get_rng_state(), state)


def test_products_start_random_and_equal_in_all_folds():
    made = FoldTables([4, 5, 3], [3, 3, 1], n_folds=2)
    made.start_products(0.1, torch.Generator().manual_seed(0))
    _, deviations = made.numpy()
    for deviation in deviations[:2]:
        assert np.array_equal(deviation[:, 0], deviation[:, 1])
        assert not deviation[0].any()
        assert not deviation[:, :, 0].any()
        assert deviation[1:, :, 1:].all()
    assert not deviations[2].any()


def started(*, frozen):
    """Two columns, of which the second starts at three vectors given for codes 3, 4 and 1."""
    made = FoldTables([4, 5], [2, 3], n_folds=2)
    vectors = np.array([[5, 6, 7], [7, 7, 8], [6, 5, 9]], dtype=np.float32)
    made.start_at(1, Start(np.array([3, 4, 1]), vectors, frozen))
    return made, vectors


def test_given_vectors_are_the_start_in_every_fold():
    made, vectors = started(frozen=False)
    priors, deviations = made.numpy()
    np.testing.assert_allclose(priors[1], vectors.mean(axis=0))
    table = priors[1] + deviations[1]
    np.testing.assert_allclose(table[[3, 4, 1]], np.repeat(vectors[:, None], 2, axis=1), rtol=1e-6)
    assert not deviations[1][[0, 2]].any()
    assert not deviations[0].any()


def test_given_vectors_hold_no_own_effect():
    made, _ = started(frozen=False)
    generator = torch.Generator().manual_seed(0)
    net = Decoder(made, 0, (4,), np.zeros(1, "float32"), dropout=0.0, generator=generator)
    assert net(torch.tensor([[10.0, 0, 5.0, 0, 0]]), torch.zeros(1, 0)).tolist() == [[10.0]]
    assert net.numpy().first.tolist() == [0]


def test_the_decoder_in_numpy_reads_vectors_in_their_units():
    made, _ = started(frozen=False)
    generator = torch.Generator().manual_seed(0)
    net = Decoder(made, 1, (4,), np.zeros(1, "float32"), dropout=0.0, generator=generator)
    torch.nn.init.ones_(net.layers[-1].weight)
    padded, context = torch.randn(6, made.padded), torch.randn(6, 1)
    inside = padded[:, made.kept].numpy()
    centre, scale = made.units[1]
    outside = np.hstack([inside[:, :2], centre + scale * inside[:, 2:], context.numpy()])
    np.testing.assert_allclose(
        net.numpy().output(outside), net(padded, context).detach().numpy(), rtol=1e-4
    )


def test_the_dot_decoder_in_numpy_is_that_in_torch():
    made = FoldTables([4, 5, 3], [3, 3, 1], n_folds=2)
    net = DotDecoder(made, 2, np.array([0.5], dtype=np.float32))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=parameter.shape)))
    padded, context = torch.randn(6, made.padded), torch.randn(6, 2)
    inputs = torch.cat([padded[:, made.kept], context], dim=1).numpy()
    np.testing.assert_allclose(
        net.numpy().output(inputs), net(padded, context).detach().numpy(), rtol=1e-5
    )
