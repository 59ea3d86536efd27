import numpy as np
import torch

from skembed.nn import Decoder, FoldTables


def tables():
    """Two columns of 4 and 5 codes, vectors of 2 and 3, three folds, filled by hand."""
    tables = FoldTables([4, 5], [2, 3], n_folds=3)
    tables.deviation = torch.arange(tables.deviation.numel()).view(tables.deviation.shape).float()
    tables.deviation[0] = 0
    tables.prior = torch.arange(6.0).requires_grad_()
    return tables


def test_codes_are_packed_into_one_weight():
    packed = tables().pack(torch.tensor([[0, 0], [1, 1], [3, 4]]))
    assert packed.tolist() == [[0, 0], [1, 4], [3, 7]]


def test_vectors_are_those_of_a_plain_lookup():
    made = tables()
    codes = torch.tensor([[1, 4], [0, 2], [3, 0]])
    touched, where = made.pack(codes).unique(return_inverse=True)
    vectors = made.vectors(made.deviation[touched], where).view(3, 3, 2, 3).detach().numpy()
    priors, deviations = made.numpy()
    for row, fold in np.ndindex(3, 3):
        for column, dim in enumerate([2, 3]):
            expected = priors[column] + deviations[column][codes[row, column], fold]
            np.testing.assert_array_equal(vectors[row, fold, column, :dim], expected)


def test_the_unseen_code_is_the_prior_in_every_fold():
    _, deviations = tables().numpy()
    assert not any(deviation[0].any() for deviation in deviations)


def test_restore_gives_the_snapshot_back():
    made = tables()
    before = made.snapshot()
    with torch.no_grad():
        made.deviation += 1
        made.prior += 1
    made.restore(before)
    assert torch.equal(made.prior.detach(), torch.arange(6.0))
    assert made.deviation[1, 0] == 9


def decoder(n_outputs, hidden=(4,), dropout=0.0):
    generator = torch.Generator().manual_seed(0)
    bias = np.linspace(1, 2, n_outputs, dtype=np.float32)
    return Decoder(tables(), 1, hidden, bias, dropout=dropout, generator=generator)


def test_at_the_start_one_output_is_the_bias_and_the_own_effects():
    net = decoder(1)
    vectors = torch.tensor([[10.0, 0, 0, 5.0, 0, 0]])
    assert net(vectors, torch.zeros(1, 1)).tolist() == [[16.0]]  # bias 1, effects 10 and 5


def test_at_the_start_several_outputs_are_the_bias():
    net = decoder(3)
    assert net(torch.ones(1, 6), torch.zeros(1, 1)).tolist() == [[1.0, 1.5, 2.0]]


def test_padding_is_not_seen():
    net, context = decoder(1), torch.zeros(1, 1)
    torch.nn.init.ones_(net.layers[-1].weight)
    padded = torch.zeros(1, 6)
    padded[0, 2] = 100.0  # third component of the column that has two
    assert torch.equal(net(padded, context), net(torch.zeros(1, 6), context))


def test_without_hidden_layers_it_is_linear():
    net = decoder(1, hidden=())
    torch.nn.init.ones_(net.layers[-1].weight)
    x, y, context = torch.ones(1, 6), torch.full((1, 6), 3.0), torch.zeros(1, 1)
    torch.testing.assert_close(net((x + y) / 2, context), (net(x, context) + net(y, context)) / 2)


def test_dropout_draws_from_its_own_generator():
    state = torch.get_rng_state()
    net, x = decoder(1, hidden=(64,), dropout=0.5), torch.ones(1, 6)
    torch.nn.init.ones_(net.layers[-1].weight)
    assert not torch.equal(net(x, torch.ones(1, 1)), net(x, torch.ones(1, 1)))
    assert torch.equal(torch.get_rng_state(), state)
