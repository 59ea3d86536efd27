from itertools import pairwise

import numpy as np
import pytest

from skembed.forward import forward, gradient


def net(n_inputs, hidden, n_outputs):
    """Layers of random numbers, and five rows of inputs."""
    rng = np.random.default_rng(0)
    sizes = [n_inputs, *hidden, n_outputs]
    layers = [
        (rng.normal(size=(n_out, n_in)), rng.normal(size=n_out)) for n_in, n_out in pairwise(sizes)
    ]
    return layers, rng.normal(size=(5, n_inputs))


def test_own_effects_are_added_to_a_single_output():
    layers, inputs = net(6, (4,), 1)
    without = forward(layers, [], inputs)
    np.testing.assert_allclose(
        forward(layers, [0, 3], inputs) - without, inputs[:, [0]] + inputs[:, [3]]
    )


def test_own_effects_are_not_added_to_several_outputs():
    layers, inputs = net(6, (4,), 3)
    np.testing.assert_array_equal(forward(layers, [0, 3], inputs), forward(layers, [], inputs))


@pytest.mark.parametrize("hidden", [(), (8,), (8, 5)])
@pytest.mark.parametrize("n_outputs", [1, 3])
def test_gradient_is_that_of_finite_differences(hidden, n_outputs):
    layers, inputs = net(6, hidden, n_outputs)
    outer = np.random.default_rng(1).normal(size=(5, n_outputs))
    slope = gradient(layers, [0, 3], inputs, outer)
    for j in range(6):
        step = np.zeros(6)
        step[j] = 1e-6
        rise = forward(layers, [0, 3], inputs + step) - forward(layers, [0, 3], inputs - step)
        np.testing.assert_allclose(slope[:, j], (rise * outer).sum(axis=1) / 2e-6, atol=1e-6)
