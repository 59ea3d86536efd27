import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone

from skembed import NeuralEmbeddingEncoder
from skembed._persistence.encoder_state import put_together, take_apart
from skembed.exceptions import InvalidFileError

N = 60
OSLO = ZoneInfo("Europe/Oslo")  # pandas 2 would take one of pytz
CITIES = ["Oslo", "Zürich", "東京"] * (N // 3)
RENT = np.arange(N) % 7 + 0.5
SETTINGS = {
    "crosses": None,
    "cv": 2,
    "max_epochs": 1,
    "early_stopping": False,
    "random_state": 0,
}


def frame(**columns):
    return pd.DataFrame({"city": CITIES, **columns})


def with_rare():
    X = frame(size=np.arange(N) / 4)
    X.loc[:4, "city"] = ["Rome", "Bern", None, None, "Bonn"]
    return X


def labelled(values):
    return frame(extra=pd.Series(values * (N // len(values)), dtype=object))


CASES = {
    "crosses with bins": (frame(size=np.arange(N) / 7), {"crosses": [("city", "size")]}),
    "missing and infrequent": (with_rare(), {"min_frequency": 2}),
    "bags": (frame(tags=[["a", "b"], ["b"], []] * (N // 3)), {}),
    "sums of bags": (frame(tags=[["a", "b"], ["b"], []] * (N // 3)), {"bag_mode": "sum"}),
    "sparse": (csr_array(np.eye(6, 9)[np.arange(N) % 6]), {}),
    "array": (np.array([CITIES, CITIES[::-1]]).T, {}),
    "ints by number": (np.arange(N)[:, None] % 5, {}),
    "polars": (pl.DataFrame({"city": CITIES, "size": np.arange(N)}), {}),
    "a name in quotes": (frame().rename(columns={"city": '"Zürich" \\n'}), {}),
    "names of ints": (frame().rename(columns={"city": 7}), {}),
    "float32": (frame(size=np.arange(N, dtype=np.float32)), {}),
    "drop": (frame(size=np.arange(N)), {"remainder": "drop"}),
    "dot": (frame(kind=list("ab") * (N // 2)), {"interaction": "dot"}),
    "errors": (frame(), {"handle_unknown": "error", "handle_missing": "error"}),
    "days": (
        frame(day=pd.Timestamp("2024-03-31") + pd.to_timedelta(np.arange(N) % 4, "D")),
        {"categorical_features": ["city", "day"]},
    ),
    "hours of a zone": (
        frame(hour=pd.date_range("2024-10-27", periods=N, freq="h", tz=OSLO).floor("3h")),
        {"categorical_features": ["city", "hour"]},
    ),
    "intervals": (frame(size=pd.cut(np.arange(N), 4)), {}),
    "large ints": (labelled([2**70, -(2**80), 1]), {"categorical_features": [0, 1]}),
    "mixed": (labelled([1, "1", True, 2.5, ("a", 1)]), {}),
    "dates": (
        labelled([datetime.datetime(2024, 1, 1), datetime.date(2024, 1, 2)]),
        {"categorical_features": [0, 1]},
    ),
    "decimals": (labelled([Decimal("1.10"), b"\x00", None]), {"categorical_features": [0, 1]}),
}


@pytest.fixture(params=CASES)
def fitted(request):
    X, parameters = CASES[request.param]
    encoder = NeuralEmbeddingEncoder(**SETTINGS | parameters)
    encoder.fit(X, RENT)
    return encoder, X.copy() if hasattr(X, "copy") else X.clone()


def again(encoder):
    return put_together(type(encoder), *take_apart(encoder))


def plain_fit(X, y, **parameters):
    encoder = NeuralEmbeddingEncoder(**SETTINGS | parameters)
    return encoder.fit(X, y)


def assert_same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(got, expected)
    elif isinstance(expected, dict):
        assert list(got) == list(expected)
        for key in expected:
            assert_same(got[key], expected[key])
    else:
        np.testing.assert_array_equal(got, expected, strict=True)


def test_state_transform_is_the_same_to_the_bit(fitted):
    encoder, X = fitted
    assert_same(again(encoder).transform(X), encoder.transform(X))


def test_state_names_and_readings_are_the_same(fitted):
    encoder, X = fitted
    loaded, out = again(encoder), encoder.transform(X)
    assert_same(loaded.get_feature_names_out(), encoder.get_feature_names_out())
    if not encoder.row_encoder_.bags:
        assert_same(loaded.inverse_transform(out), encoder.inverse_transform(out))
    for column in encoder.tables_:
        assert_same(loaded.embedding(column), encoder.embedding(column))
        assert_same(
            loaded.nearest(column, encoder.trained_tables_[column][3]),
            encoder.nearest(column, encoder.trained_tables_[column][3]),
        )


def test_state_fitted_attributes_are_the_same(fitted):
    encoder, _ = fitted
    loaded = again(encoder)
    assert_same(loaded.tables_, encoder.tables_)
    assert_same(loaded.trained_tables_, encoder.trained_tables_)
    assert_same(loaded.history_, encoder.history_)
    assert loaded.vocabularies_ == encoder.vocabularies_
    assert loaded.get_params() == encoder.get_params()
    for name in ("n_iter_", "best_epoch_", "classes_", "target_type_", "n_features_in_"):
        assert getattr(loaded, name) == getattr(encoder, name)
    assert vars(loaded).keys() == vars(encoder).keys() - {"_fitted_on"}


def test_state_clone_fits_to_the_same_bits(fitted):
    encoder, X = fitted
    refitted = clone(again(encoder)).fit(X, RENT)
    assert_same(refitted.tables_, encoder.tables_)


@pytest.mark.parametrize(
    "y",
    [
        np.array(["no", "yes"] * (N // 2)),
        np.array(["no", "yes", "so so"] * (N // 3), dtype=object),
        np.arange(N, dtype=np.int16) % 3,
        np.arange(N) % 2 == 0,
        np.eye(3, dtype=int)[np.arange(N) % 3],
        np.stack([RENT, -RENT], axis=1),
        None,
    ],
    ids=["strings", "objects", "int16", "booleans", "labels", "quantities", "none"],
)
def test_state_classes_keep_their_type(y):
    kind = "none" if y is None else "auto"
    encoder = plain_fit(frame(size=np.arange(N)), y, target_type=kind)
    loaded = again(encoder)
    assert_same(loaded.classes_, encoder.classes_)
    assert loaded.target_type_ == encoder.target_type_


def test_state_unseen_and_missing_levels():
    encoder = plain_fit(with_rare(), RENT, min_frequency=2)
    rows = pd.DataFrame({"city": ["Lima", None, "Bern", "Oslo"], "size": [1.0, np.nan, -5, 1e9]})
    assert_same(again(encoder).transform(rows), encoder.transform(rows))


def test_state_handle_unknown_still_is_an_error():
    loaded = again(plain_fit(frame(), RENT, handle_unknown="error"))
    with pytest.raises(ValueError, match="Column 'city' holds 1 levels that fit did not see"):
        loaded.transform(pd.DataFrame({"city": ["Lima"]}))


def test_state_set_output_is_kept():
    loaded = again(plain_fit(frame(), RENT).set_output(transform="polars"))
    assert isinstance(loaded.transform(frame()), pl.DataFrame)


def test_state_has_no_reference_to_the_rows_of_fit():
    X = frame()
    again(plain_fit(X, RENT)).transform(X)  # would warn


def test_state_level_without_a_form_as_data_is_an_error():
    encoder = plain_fit(labelled([frozenset, "x"]), RENT, categorical_features=[0, 1])
    said = "Level .*frozenset.* is a type of column 'extra'.*Turn the column into strings"
    with pytest.raises(ValueError, match=said):
        take_apart(encoder)


def test_state_column_name_without_a_form_as_data_is_an_error():
    encoder = plain_fit(frame().rename(columns={"city": frozenset("x")}), RENT)
    with pytest.raises(ValueError, match=r"The column name frozenset.*Use a string, or joblib"):
        take_apart(encoder)


def test_state_output_of_another_type_is_an_error():
    encoder = plain_fit(frame(size=np.arange(N)), RENT)
    encoder.output_layout_.dtype = np.dtype("complex64")  # stands for long doubles
    with pytest.raises(ValueError, match="dtype complex64, which a file cannot hold"):
        take_apart(encoder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c, a: c.update(kind="x"), "'x' is no kind of estimator"),
        (lambda c, a: c["parameters"].update(cv="x"), "'cv' parameter"),
        (lambda c, a: c["parameters"].update(eval="x"), "does not have"),
        (lambda c, a: c.update(n_features_in=10**12), "1000000000000 is out of place"),
        (lambda c, a: c.update(dtype="O"), "dtype 'O'"),
        (lambda c, a: c.update(passing=[0]), "pass twice, or are no columns"),
        (lambda c, a: c["columns"][1].update(position=0), "share a position"),
        (lambda c, a: c["crosses"][0].update(columns=[0, 0]), "is no cross"),
        (lambda c, a: c.update(output={"transform": "x"}), "output is 'x'"),
        (lambda c, a: a.update(more=np.zeros(1)), r"nothing is known of \['more'\]"),
        (lambda c, a: a.update({"columns.0.table": np.zeros((9, 1), "f4")}), "shape \\(9, 1\\)"),
        (lambda c, a: a.update({"columns.0.table": np.zeros((6, 0), "f4")}), "no components"),
        (lambda c, a: a.update({"columns.0.counts": np.zeros(9, "i8")}), "not a count per code"),
        (lambda c, a: a.update({"columns.0.levels.lengths": np.ones(3, "u4")}), "do not add up"),
        (lambda c, a: a.update({"columns.1.edges": np.ones(3)}), "do not rise"),
        (lambda c, a: a["crosses.0.keys"].fill(0), "keys of .* are wrong"),
    ],
)
def test_state_that_does_not_fit_together_is_an_error(change, says):
    X = frame(size=np.arange(N) % 3)
    encoder = plain_fit(X, RENT, crosses=[("city", "size")])
    content, arrays = take_apart(encoder)
    change(content, arrays)
    with pytest.raises((ValueError, TypeError), match=says):
        put_together(NeuralEmbeddingEncoder, content, arrays)


class WithOption(NeuralEmbeddingEncoder):
    """Has a parameter that the encoder does not have."""

    _parameter_constraints = NeuralEmbeddingEncoder._parameter_constraints | {
        "option": "no_validation"
    }

    def __init__(self, option=None, *, random_state=None, early_stopping=True):
        super().__init__(random_state=random_state, early_stopping=early_stopping)
        self.option = option


def test_state_of_a_derived_class_is_loaded_by_that_class():
    fitted = WithOption(option=3, random_state=0, early_stopping=False).fit(frame(), RENT)
    content, arrays = take_apart(fitted)
    assert put_together(WithOption, content, arrays).option == 3
    says = r"holds the parameters \['option'\], which NeuralEmbeddingEncoder does not have"
    with pytest.raises(InvalidFileError, match=says):
        put_together(NeuralEmbeddingEncoder, content, arrays)


def test_state_parameters_that_set_params_made_wrong_are_not_saved(tmp_path):
    fitted = plain_fit(frame(), RENT).set_params(dropout=7)
    with pytest.raises(ValueError, match="'dropout' parameter of NeuralEmbeddingEncoder"):
        fitted.save(tmp_path / "e.skembed")
    assert not [*tmp_path.iterdir()]
