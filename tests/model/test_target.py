import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skembed._model.target import encode_target


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
        (pd.DataFrame({"cat": [0, 1], "dog": [True, False]}), "multilabel"),
    ],
)
def test_target_kind_by_type(y, kind):
    assert encode(y).kind == kind


def test_target_whole_floats_are_quantities():
    """Prices and ratings; scikit-learn's type_of_target would call them classes."""
    assert encode([1.0, 5.0, 4.0, 1.0]).kind == "continuous"


@pytest.mark.parametrize(
    "y",
    [
        pd.Series([Decimal("9.99"), Decimal("4.5"), Decimal("3")]),
        np.array([Decimal("9.99"), 4.5, 3], dtype=object),
        pd.Series([9.99, 4.5, 3.0], dtype=pd.ArrowDtype(pa.decimal128(5, 2))),
        pa.array([Decimal("9.99"), Decimal("4.5"), Decimal("3")]),
    ],
    ids=["objects", "with floats", "pandas on Arrow", "pyarrow"],
)
def test_target_of_decimals_is_a_quantity(y):
    target, of_floats = encode(y), encode([9.99, 4.5, 3.0])
    assert target.kind == "continuous"
    np.testing.assert_array_equal(target.values, of_floats.values)


def test_target_of_several_columns_of_decimals_is_several_quantities():
    y = pd.DataFrame({"price": [Decimal("9.99"), Decimal("4.5")], "weight": [1.0, 2.0]})
    target = encode(y)
    assert target.kind == "multioutput"
    np.testing.assert_array_equal(target.values, encode(y.astype(float)).values)


DAYS = pd.date_range("2024-02-28", periods=3)


@pytest.mark.parametrize("target_type", ["auto", "continuous", "multiclass", "quantities"])
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (DAYS, r"y holds dates \(its type is datetime64"),
        (pd.Series(DAYS.tolist(), dtype=object), r"y holds dates \(its type is datetime64"),
        (pd.DataFrame({"from": DAYS, "to": DAYS}), r"y holds dates \(its type is datetime64"),
        (DAYS - DAYS[0], r"y holds durations \(its type is timedelta64"),
        (DAYS.tz_localize("UTC"), r"y holds values of the type Timestamp\. A target must be num"),
        (DAYS.date, r"y holds values of the type date\. A target must be numbers or classes"),
        ([datetime.time(1), datetime.time(2)], r"y holds values of the type time\."),
        (pa.array(DAYS), r"y holds dates \(its type is datetime64"),
    ],
    ids=["dates", "objects", "two columns", "durations", "zone", "days", "times", "pyarrow"],
)
def test_target_of_dates_is_refused(y, message, target_type):
    with pytest.raises(ValueError, match=message):
        encode(y, target_type)


def test_target_integers_can_be_quantities():
    assert encode([1, 5, 4, 1], "continuous").kind == "continuous"


@pytest.mark.parametrize("target_type", ["multilabel", "multioutput"])
def test_target_several_columns_can_be_labels_or_quantities(target_type):
    assert encode([[0, 1], [1, 1]], target_type).kind == target_type


@pytest.mark.parametrize(
    ("y", "given", "loss"),
    [
        (["yes", "no"], {}, "log_loss"),
        (["a", "b", "c"], {}, "cross_entropy"),
        ([[0, 1], [1, 1]], {}, "log_loss"),
        ([1.5, 2.5], {}, "squared_error"),
        ([1.5, 2.5], {"loss": "squared_error"}, "squared_error"),
        ([1.5, 2.5], {"loss": "absolute_error"}, "quantile"),
        ([1.5, 2.5], {"loss": "quantile", "quantile": 0.9}, "quantile"),
        ([1.5, 2.5], {"loss": "poisson"}, "poisson"),
    ],
)
def test_target_loss_by_kind(y, given, loss):
    assert encode(y, **given).loss.name == loss


@pytest.mark.parametrize("y", [["yes", "no"], ["a", "b", "c"], [[0, 1], [1, 1]], [1.5, 2.5]])
def test_target_bias_is_in_single_precision(y):
    assert encode(y).bias.dtype == np.float32


def test_target_classes_are_sorted_and_coded():
    target = encode(["b", "a", "c", "a"])
    assert target.classes.tolist() == ["a", "b", "c"]
    assert target.values.tolist() == [1, 0, 2, 0]


@pytest.mark.parametrize(
    ("y", "strata"),
    [
        (["yes", "no", "yes"], [1, 0, 1]),
        (["b", "a", "c"], [1, 0, 2]),
    ],
    ids=["two classes", "three classes"],
)
def test_target_strata_are_the_classes(y, strata):
    assert encode(y).strata.tolist() == strata
    assert encode(y).strata.dtype == np.int64


@pytest.mark.parametrize("y", [[1.5, 2.5], [[0, 1], [1, 1]]], ids=["quantities", "labels"])
def test_target_without_classes_has_no_strata(y):
    assert encode(y).strata is None


def test_target_classes_have_no_unit():
    assert encode(["yes", "no"]).centre is encode(["yes", "no"]).scale is None


def test_target_class_may_be_half_of_a_surrogate_pair():
    """Which a string of pyarrow, and so of pandas, cannot hold."""
    target = encode(np.array(["\ud800", "b", "b"], dtype=object))
    assert target.classes.tolist() == ["b", "\ud800"]


@pytest.mark.parametrize(
    ("y", "classes"), [([3, 5, 3], [3, 5]), ([True, False, True], [False, True])]
)
def test_target_numbers_in_an_object_array_are_numbers(y, classes):
    target = encode(np.array(y, dtype=object))
    assert target.classes.tolist() == classes
    assert target.classes.dtype == np.array(y).dtype


@pytest.mark.parametrize("dtype", ["Int64", "int64[pyarrow]", "boolean"])
def test_target_nullable_types_are_not_floats(dtype):
    """Which would be quantities."""
    target = encode(pd.Series([0, 1, 0], dtype=dtype))
    assert target.kind == "binary"
    assert target.classes.dtype.kind in "ib"


def test_target_frame_of_one_column_warns():
    with pytest.warns(DataConversionWarning):
        assert encode(pd.DataFrame({"price": [9.99, 4.5]})).kind == "continuous"


def test_target_labels_are_as_they_were_given():
    target = encode([[0, 1], [1, 1], [0, 0]])
    assert target.classes.tolist() == [0, 1]
    assert target.values.tolist() == [[0, 1], [1, 1], [0, 0]]
    assert target.values.dtype == np.float32


@pytest.mark.parametrize(
    ("y", "said"),
    [
        (list(range(20)), []),
        (list(range(21)), ["y holds integers with 21 different values, taken as classes."]),
        (list("abcdefghijklmnopqrstuvwxyz"), []),
    ],
    ids=["few", "many", "letters"],
)
def test_target_many_integers_warn(y, said, recwarn):
    encode(y)
    assert [str(warning.message).split(" If")[0] for warning in recwarn] == said


def test_target_many_integers_called_classes_do_not_warn():
    """A warning would be an error here."""
    assert encode(list(range(21)), "multiclass").kind == "multiclass"


def test_target_quantities_are_scaled_by_weight():
    values = encode([1.0, 3.0, 1000.0], weight=[1, 1, 0]).values
    np.testing.assert_allclose(values[:2, 0], [-1, 1])
    target = encode([0.0, 4.0], weight=[3, 1])
    np.testing.assert_allclose([target.centre, target.scale], [[1], [np.sqrt(3)]])


def test_target_quantities_of_weight_zero_leave_no_trace():
    """To the bit, which sums that they are a part of would not be."""
    y, used = np.random.default_rng(0).normal(size=1000), np.arange(1000) % 3 > 0
    target, alone = encode(y, weight=1.0 * used), encode(y[used])
    assert target.centre.tolist() == alone.centre.tolist()
    assert target.scale.tolist() == alone.scale.tolist()


@pytest.mark.parametrize(
    "loss", [{"loss": "quantile", "quantile": 0.9}, {"loss": "absolute_error"}]
)
def test_target_unit_of_robust_losses_ignores_outliers(loss):
    target = encode([1.0, 2.0, 3.0, 4.0, 1000.0], **loss)
    assert target.centre.tolist() == [3]
    np.testing.assert_allclose(target.scale, [2 / 1.349])


def test_target_unit_where_most_quantities_are_the_same():
    target = encode([5.0, 5.0, 5.0, 5.0, 100.0], loss="absolute_error")
    np.testing.assert_allclose(target.scale, [38])


@pytest.mark.parametrize(
    ("loss", "quantile"),
    [({"loss": "quantile", "quantile": 0.9}, 0.9), ({"loss": "absolute_error"}, 0.5)],
)
def test_target_quantile_is_that_of_the_loss(loss, quantile):
    assert encode([1.0, 2.0, 4.0], **loss).loss.quantile == quantile


@pytest.mark.parametrize("loss", ["auto", "absolute_error"])
def test_target_y_range_is_in_the_units_of_the_net(loss):
    target = encode([1.0, 4.0, 6.0, 9.0], loss=loss, y_range=(0.5, 9.5))
    low, high = target.loss.bounds
    np.testing.assert_allclose(low * target.scale + target.centre, [0.5])
    np.testing.assert_allclose(high * target.scale + target.centre, [9.5])


def test_target_may_lie_at_the_ends_of_y_range():
    assert encode([0.5, 5.5], y_range=(0.5, 5.5)).values[:, 0].tolist() == [-1, 1]


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 5e307])
def test_target_extreme_quantities(scale):
    values = encode(scale * np.array([1.0, 2.0, 3.0])).values
    np.testing.assert_allclose(values[:, 0], [-1.2247449, 0, 1.2247449], rtol=1e-6)


def test_target_constant_quantity_is_zero():
    target = encode([7.0, 7.0, 7.0])
    assert target.values.tolist() == [[0], [0], [0]]
    assert target.scale.tolist() == [1]


def test_target_bias_is_the_distribution():
    np.testing.assert_allclose(encode([0, 0, 0, 1]).bias, [np.log(1 / 3)], rtol=1e-6)
    np.testing.assert_allclose(encode([0, 1, 2, 2]).bias, np.log([0.25, 0.25, 0.5]), rtol=1e-6)
    assert encode([1.5, 2.5]).bias.tolist() == [0.0]


def test_target_bias_is_the_weighted_distribution():
    np.testing.assert_allclose(encode([0, 1], weight=[1, 3]).bias, [np.log(3)], rtol=1e-6)
    labels = encode([[0, 1], [1, 1], [0, 0]], weight=[1, 1, 2])
    np.testing.assert_allclose(labels.bias, [np.log(1 / 3), 0], rtol=1e-6)


@pytest.mark.parametrize("loss", ["auto", "squared_error"])
def test_target_bias_is_the_mean_without_its_rounding(loss):
    y = [1.0, 2.0, 4.0]
    target = encode(y, loss=loss)
    assert np.average(target.values[:, 0], weights=np.ones(3)) != 0
    assert target.bias.tolist() == [0.0]


def test_target_counts_are_divided_by_their_mean():
    target = encode([0.0, 1.0, 5.0], loss="poisson")
    np.testing.assert_allclose(target.values[:, 0], [0, 0.5, 2.5])
    assert target.bias.tolist() == target.centre.tolist() == [0.0]
    assert target.bias.dtype == np.float32
    assert target.kind == "continuous"


def test_target_bias_is_the_quantile():
    target = encode([10.0, 20.0, 30.0, 1000.0], loss="quantile", quantile=0.75)
    assert target.bias * target.scale + target.centre == pytest.approx(30)


def test_target_bias_is_the_mean_within_y_range():
    target = encode([1.0, 4.0, 4.0], y_range=(0.5, 9.5))
    assert target.loss.predict(target.bias) * target.scale + target.centre == pytest.approx(3)


@pytest.mark.parametrize(
    ("y", "given", "error"),
    [
        ([1.0, 6.0], {"y_range": (0.5, 5.5)}, r"y holds 6 \(row 1\)"),
        ([1.0, 2.0], {"y_range": (5.5, 0.5)}, "low < high"),
        ([5.0, 5.0], {"y_range": (5, 5)}, "low < high"),
        ([1.0, 2.0], {"y_range": (1, 2, 3)}, "low, high"),
        ([0.0, 0.5, -2.0], {"loss": "poisson"}, r"y holds -2 \(row 2\)"),
        ([0.0, 0.0], {"loss": "poisson"}, "above 0"),
        ([1.0, 2.0], {"loss": "poisson", "y_range": (0, 5)}, "no top"),
        ([1.0, 2.0], {"loss": "quantile"}, "give both loss='quantile' and quantile"),
        ([1.0, 2.0], {"quantile": 0.5}, "give both loss='quantile' and quantile"),
        (["a", "b"], {"loss": "poisson"}, "^loss='poisson' .*classes .target_type='classes'"),
        (["a", "b"], {"quantile": 0.5}, "^quantile=0.5 is for .* y holds classes"),
        (["a", "b"], {"y_range": (0, 1)}, r"^y_range=\(0, 1\) is for .* y holds classes"),
        (["a", "a"], {}, "^y holds one class, 'a'"),
        (["a", "b", "c"], {"target_type": "binary"}, "needs two classes in y, but it has 3"),
        (["1.5", "n/a"], {"target_type": "continuous"}, "needs numbers in y, but it holds 'n/a'"),
        (np.array([1.5, ("a",)], dtype=object), {"target_type": "continuous"}, "mixture of"),
        (np.array([1, "a"], dtype=object), {}, r"mixture of \['int', 'str'\]\. Make"),
        (None, {"weight": [1]}, "^This estimator requires y to be passed, but .* y is None"),
        ([[0, 1], [1, 2]], {}, "y holds 2"),
        ([["a", "b"], ["a", "c"]], {}, "several columns of classes"),
        ([[1.0, 2.0], [np.nan, 1.0], [2.0, np.nan]], {}, "None: 2 values, the first in row 1"),
        ([[1.0, 2.0], [np.inf, 1.0]], {}, "infinite value .row 1"),
    ],
)
def test_target_that_does_not_fit_is_an_error(y, given, error):
    with pytest.raises(ValueError, match=error):
        encode(y, **given)


def test_target_of_several_columns_for_one_is_an_error():
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
def test_target_encodes_other_rows_as_those_of_fit(y, given):
    target = encode(y, **given)
    again = target.encode(np.array(y)[[2, 0]])
    assert again.dtype == target.values.dtype
    np.testing.assert_array_equal(again, target.values[[2, 0]])
