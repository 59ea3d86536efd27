import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from skembed.target import derivatives, encode_target, losses


def encode(y, target_type="auto", weight=None):
    return encode_target(y, target_type, np.ones(len(y)) if weight is None else np.array(weight))


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (["yes", "no", "no"], "binary"),
        ([True, False, True], "binary"),
        ([3, 5, 3], "binary"),
        (pd.Series(["a", "b", "c"], dtype="category"), "multiclass"),
        ([0, 1, 2], "multiclass"),
        ([9.99, 4.5, 3.0], "continuous"),
    ],
)
def test_kind_by_type(y, kind):
    assert encode(y).kind == kind


def test_whole_floats_are_quantities():
    """Prices and ratings; scikit-learn's type_of_target would call them classes."""
    assert encode([1.0, 5.0, 4.0, 1.0]).kind == "continuous"


def test_integers_can_be_quantities():
    assert encode([1, 5, 4, 1], "continuous").kind == "continuous"


def test_classes_are_sorted_and_coded():
    target = encode(["b", "a", "c", "a"])
    assert target.classes.tolist() == ["a", "b", "c"]
    assert target.values.tolist() == [1, 0, 2, 0]


def test_quantities_are_scaled_by_weight():
    values = encode([1.0, 3.0, 1000.0], weight=[1, 1, 0]).values
    np.testing.assert_allclose(values[:2], [-1, 1])


@pytest.mark.parametrize("scale", [1e-12, 1e12])
def test_extreme_quantities(scale):
    values = encode(scale * np.array([1.0, 2.0, 3.0])).values
    np.testing.assert_allclose(values, [-1.2247449, 0, 1.2247449], rtol=1e-6)


def test_a_constant_quantity_is_zero():
    assert encode([7.0, 7.0, 7.0]).values.tolist() == [0, 0, 0]


def test_the_net_starts_at_the_distribution_of_the_target():
    np.testing.assert_allclose(encode([0, 0, 0, 1]).bias, [np.log(1 / 3)], rtol=1e-6)
    np.testing.assert_allclose(encode([0, 1, 2, 2]).bias, np.log([0.25, 0.25, 0.5]), rtol=1e-6)
    assert encode([1.5, 2.5]).bias.tolist() == [0.0]


@pytest.mark.parametrize("y", [[0, 1, 1, 0], [0, 1, 2, 2], [1.0, 2.5, 3.0, 9.0]])
def test_derivatives_are_those_of_the_losses(y):
    """By central differences."""
    target = encode(y)
    output = np.random.default_rng(0).normal(size=(4, len(target.bias)))
    residual, curvature = derivatives(target, output)
    for j in range(output.shape[1]):
        step = np.zeros_like(output)
        step[:, j] = 1e-4
        low, middle, high = (losses(target, output + s) for s in (-step, 0, step))
        np.testing.assert_allclose((low - high) / 2e-4, residual[:, j], atol=1e-6)
        np.testing.assert_allclose((low - 2 * middle + high) / 1e-8, curvature[:, j], atol=1e-5)


def test_losses_are_those_of_scikit_learn():
    target = encode([0, 1, 1, 0])
    output = np.array([[-1.0], [2.0], [0.5], [0.0]])
    probability = 1 / (1 + np.exp(-output[:, 0]))
    assert losses(target, output).mean() == pytest.approx(log_loss([0, 1, 1, 0], probability))
