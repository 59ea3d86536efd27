import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from skembed.target import encode_target


def encode(y, target_type="auto", weight=None, **loss):
    weight = np.ones(np.shape(y)[0]) if weight is None else np.array(weight)
    return encode_target(y, target_type, weight, **loss)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (["yes", "no", "no"], "binary"),
        ([True, False, True], "binary"),
        ([3, 5, 3], "binary"),
        (pd.Series(["a", "b", "c"], dtype="category"), "multiclass"),
        ([0, 1, 2], "multiclass"),
        ([9.99, 4.5, 3.0], "continuous"),
        (pd.DataFrame({"price": [9.99, 4.5], "weight": [1.0, 2.0]}), "multioutput"),
        ([[0, 1], [1, 1], [0, 0]], "multilabel"),
        (sparse.csr_matrix([[0, 1], [1, 1]]), "multilabel"),
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


def test_a_class_may_be_half_of_a_surrogate_pair():
    """Which a string of pyarrow, and so of pandas, cannot hold."""
    target = encode(np.array(["\ud800", "b", "b"], dtype=object))
    assert target.classes.tolist() == ["b", "\ud800"]


def test_quantities_are_scaled_by_weight():
    values = encode([1.0, 3.0, 1000.0], weight=[1, 1, 0]).values
    np.testing.assert_allclose(values[:2, 0], [-1, 1])


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e307])
def test_extreme_quantities(scale):
    values = encode(scale * np.array([1.0, 2.0, 3.0])).values
    np.testing.assert_allclose(values[:, 0], [-1.2247449, 0, 1.2247449], rtol=1e-6)


def test_a_constant_quantity_is_zero():
    assert encode([7.0, 7.0, 7.0]).values.tolist() == [[0], [0], [0]]


def test_the_net_starts_at_the_distribution_of_the_target():
    np.testing.assert_allclose(encode([0, 0, 0, 1]).bias, [np.log(1 / 3)], rtol=1e-6)
    np.testing.assert_allclose(encode([0, 1, 2, 2]).bias, np.log([0.25, 0.25, 0.5]), rtol=1e-6)
    assert encode([1.5, 2.5]).bias.tolist() == [0.0]


def test_counts_are_divided_by_their_mean():
    target = encode([0.0, 1.0, 5.0], loss="poisson")
    np.testing.assert_allclose(target.values[:, 0], [0, 0.5, 2.5])
    assert target.bias.tolist() == [0.0]


def test_the_net_starts_at_the_quantile():
    target = encode([10.0, 20.0, 30.0, 1000.0], loss="quantile", quantile=0.75)
    assert target.bias * target.scale + target.centre == pytest.approx(30)


def test_the_net_starts_at_the_mean_within_its_range():
    target = encode([1.0, 4.0, 4.0], y_range=(0.5, 5.5))
    assert target.loss.predict(target.bias) * target.scale + target.centre == pytest.approx(3)


@pytest.mark.parametrize(
    ("y", "given", "error"),
    [
        ([1.0, 6.0], {"y_range": (0.5, 5.5)}, r"y holds 6 \(row 1\)"),
        ([1.0, 2.0], {"y_range": (5.5, 0.5)}, "low < high"),
        ([1.0, 2.0], {"y_range": (1, 2, 3)}, "low, high"),
        ([1.0, -2.0], {"loss": "poisson"}, r"y holds -2 \(row 1\)"),
        ([0.0, 0.0], {"loss": "poisson"}, "above 0"),
        ([1.0, 2.0], {"loss": "poisson", "y_range": (0, 5)}, "no top"),
        ([1.0, 2.0], {"loss": "quantile"}, "give both loss='quantile' and quantile"),
        ([1.0, 2.0], {"quantile": 0.5}, "give both loss='quantile' and quantile"),
        (["a", "b"], {"loss": "poisson"}, "y holds classes"),
        (["a", "b"], {"y_range": (0, 1)}, "y holds classes"),
        ([[0, 1], [1, 2]], {}, "y holds 2"),
        ([["a", "b"], ["a", "c"]], {}, "several columns of classes"),
        ([[1.0, 2.0], [1.0, np.nan]], {}, "first in row 1"),
        ([[1.0, 2.0], [1.0, np.inf]], {}, "infinite value .row 1"),
    ],
)
def test_a_target_that_does_not_fit(y, given, error):
    with pytest.raises(ValueError, match=error):
        encode(y, **given)


def test_one_column_is_asked_for_and_several_are_given():
    with pytest.raises(ValueError, match="Several columns are 'multilabel'"):
        encode([[0, 1], [1, 1]], "binary")


@pytest.mark.parametrize(
    ("y", "given"),
    [
        (["yes", "no", "no"], {}),
        ([3, 5, 4], {}),
        ([1.5, 2.0, 7.0], {}),
        ([1.0, 2.0, 9.0], {"loss": "poisson"}),
        ([1.0, 2.0, 9.0], {"loss": "quantile", "quantile": 0.7}),
    ],
)
def test_other_rows_are_encoded_as_those_of_fit(y, given):
    target = encode(y, **given)
    again = target.encode(np.array(y)[[2, 0]])
    assert again.dtype == target.values.dtype
    np.testing.assert_array_equal(again, target.values[[2, 0]])
