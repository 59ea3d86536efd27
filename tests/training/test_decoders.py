import numpy as np
import torch

from skembed._model.pretrained import Start
from skembed._training.decoders import Decoder, DotDecoder
from skembed._training.fold_tables import FoldTables
from skembed._training.rows import TableShape


def fold_tables(sizes, dims, n_folds=2, start=None):
    """Tables, of which the last column has this start."""
    starts = [*[None] * (len(sizes) - 1), start]
    shapes = [TableShape("", *shape) for shape in zip(sizes, dims, starts, strict=True)]
    return FoldTables(shapes, n_folds)


def decoder(n_outputs, hidden=(4,), dropout=0.0):
    generator = torch.Generator().manual_seed(0)
    bias = np.linspace(1, 2, n_outputs, dtype=np.float32)
    return Decoder(
        fold_tables([4, 5], [2, 3]), 1, hidden, bias, dropout=dropout, generator=generator
    )


def test_decoder_starts_at_bias_and_own_effects():
    net = decoder(1)
    vectors = torch.tensor([[10.0, 0, 5.0, 0, 0]])
    assert net(vectors, torch.zeros(1, 1)).tolist() == [[16.0]]  # bias 1, effects 10 and 5


def test_decoder_of_several_outputs_starts_at_the_bias():
    net = decoder(3)
    assert net(torch.ones(1, 5), torch.zeros(1, 1)).tolist() == [[1.0, 1.5, 2.0]]


def test_decoder_does_not_see_padding():
    made, generator = fold_tables([4, 5], [3, 4]), torch.Generator().manual_seed(0)
    net = Decoder(made, 0, (4,), np.zeros(1, "float32"), dropout=0.0, generator=generator)
    torch.nn.init.ones_(net.layers[-1].weight)
    padded, context = torch.zeros(1, 8), torch.zeros(1, 0)
    padded[0, 3] = 100.0  # fourth component of the column that has three
    assert torch.equal(net(padded, context), net(torch.zeros(1, 8), context))


def test_decoder_without_hidden_layers_is_linear():
    net = decoder(1, hidden=())
    torch.nn.init.ones_(net.layers[-1].weight)
    x, y, context = torch.ones(1, 5), torch.full((1, 5), 3.0), torch.zeros(1, 1)
    torch.testing.assert_close(net((x + y) / 2, context), (net(x, context) + net(y, context)) / 2)


def test_decoder_dropout_draws_from_its_own_generator():
    state = torch.get_rng_state()
    net, x = decoder(1, hidden=(64,), dropout=0.5), torch.ones(1, 5)
    torch.nn.init.ones_(net.layers[-1].weight)
    assert not torch.equal(net(x, torch.ones(1, 1)), net(x, torch.ones(1, 1)))
    assert torch.equal(torch.get_rng_state(), state)


def test_decoder_given_vectors_hold_no_own_effect():
    vectors = np.array([[5, 6, 7], [7, 7, 8], [6, 5, 9]], dtype=np.float32)
    made = fold_tables([4, 5], [2, 3], start=Start(np.array([3, 4, 1]), vectors, frozen=False))
    generator = torch.Generator().manual_seed(0)
    net = Decoder(made, 0, (4,), np.zeros(1, "float32"), dropout=0.0, generator=generator)
    assert net(torch.tensor([[10.0, 0, 5.0, 0, 0]]), torch.zeros(1, 0)).tolist() == [[10.0]]
    assert net.to_numpy().first.tolist() == [0]


def test_decoder_in_numpy_reads_vectors_in_their_units():
    vectors = np.array([[5, 6, 7], [7, 7, 8], [6, 5, 9]], dtype=np.float32)
    made = fold_tables([4, 5], [2, 3], start=Start(np.array([3, 4, 1]), vectors, frozen=False))
    generator = torch.Generator().manual_seed(0)
    net = Decoder(made, 1, (4,), np.zeros(1, "float32"), dropout=0.0, generator=generator)
    torch.nn.init.ones_(net.layers[-1].weight)
    padded, context = torch.randn(6, made.padded), torch.randn(6, 1)
    inside = padded[:, made.kept].numpy()
    centre, scale = made.columns[1].centre, made.columns[1].scale
    outside = np.hstack([inside[:, :2], centre + scale * inside[:, 2:], context.numpy()])
    np.testing.assert_allclose(
        net.to_numpy().output(outside), net(padded, context).detach().numpy(), rtol=1e-4
    )


def test_dot_decoder_in_numpy_is_that_in_torch():
    made = fold_tables([4, 5, 3], [3, 3, 1])
    net = DotDecoder(made, 2, np.array([0.5], dtype=np.float32))
    rng = np.random.default_rng(0)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=parameter.shape)))
    padded, context = torch.randn(6, made.padded), torch.randn(6, 2)
    inputs = torch.cat([padded[:, made.kept], context], dim=1).numpy()
    np.testing.assert_allclose(
        net.to_numpy().output(inputs), net(padded, context).detach().numpy(), rtol=1e-5
    )
