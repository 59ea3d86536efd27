from itertools import pairwise

import numpy as np
import pytest

from skembed._model.decoder import MLP, Dot


def net(n_inputs, hidden, n_outputs):
    """Layers of random numbers, and five rows of inputs."""
    rng = np.random.default_rng(0)
    sizes = [n_inputs, *hidden, n_outputs]
    layers = [
        (rng.normal(size=(n_out, n_in)), rng.normal(size=n_out)) for n_in, n_out in pairwise(sizes)
    ]
    return layers, rng.normal(size=(5, n_inputs))


def test_mlp_own_effects_are_added_to_a_single_output():
    layers, inputs = net(6, (4,), 1)
    without = MLP(layers, []).output(inputs)
    np.testing.assert_allclose(
        MLP(layers, [0, 3]).output(inputs) - without, inputs[:, [0]] + inputs[:, [3]]
    )


def test_mlp_own_effects_are_not_added_to_several_outputs():
    layers, inputs = net(6, (4,), 3)
    np.testing.assert_array_equal(
        MLP(layers, [0, 3]).output(inputs), MLP(layers, []).output(inputs)
    )


def check_gradient(decoder, inputs, n_outputs):
    """By central differences."""
    outer = np.random.default_rng(1).normal(size=(len(inputs), n_outputs))
    slope = decoder.gradient(inputs, outer)
    for j in range(inputs.shape[1]):
        step = np.zeros(inputs.shape[1])
        step[j] = 1e-3
        rise = decoder.output(inputs + step) - decoder.output(inputs - step)
        np.testing.assert_allclose(slope[:, j], (rise * outer).sum(axis=1) / 2e-3, atol=2e-3)


@pytest.mark.parametrize("hidden", [(), (8,), (8, 5)])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_mlp_gradient_is_that_of_central_differences(hidden, n_outputs):
    layers, inputs = net(6, hidden, n_outputs)
    check_gradient(MLP(layers, [0, 3]), inputs, n_outputs)


@pytest.fixture
def dot():
    """Three columns, of which the second has an own effect alone; one number beside."""
    trust = np.array([[0.0, 0.5], [0.5, 0.0]])
    return Dot(10.0, np.array([1.0, 2.0, 1.0]), trust, np.array([0.1]), [3, 1, 3])


def test_dot_output_is_own_effects_and_product(dot):
    vectors = [[1.0, 2.0, 3.0], [4.0], [5.0, 6.0, 7.0]]
    inputs = np.array([[*vectors[0], *vectors[1], *vectors[2], 8.0]])
    product = 2.0 * 6.0 + 3.0 * 7.0
    expected = 10 + (1 + 2 * 4 + 5) + 0.5 * product + 0.1 * 8
    assert dot.output(inputs).tolist() == [[pytest.approx(expected)]]


def test_dot_gradient_is_that_of_central_differences(dot):
    check_gradient(dot, np.random.default_rng(0).normal(size=(5, 8)), 1)
