"""Pickles hold what files hold: parameters, plain data and arrays, and no private class."""

import copy
import enum
import pickle
import pickletools
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import skembed
from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed.persistence import TRUSTED_TYPES

N = 60
X = pd.DataFrame({"city": ["Oslo", "Rome", None] * (N // 3), "size": np.arange(N) / 7})
Y = np.arange(N) % 7 + 0.5
SETTINGS = {"max_epochs": 1, "cv": 2, "early_stopping": False, "random_state": 0}
FITTED = {
    "encoder": lambda: NeuralEmbeddingEncoder(**SETTINGS, crosses=[("city", "size")]).fit(X, Y),
    "without a target": lambda: NeuralEmbeddingEncoder(**SETTINGS, target_type="none").fit(X),
    "regressor": lambda: NeuralEmbeddingRegressor(**SETTINGS).fit(X, Y),
    "classifier": lambda: NeuralEmbeddingClassifier(**SETTINGS).fit(X, Y > 3),
    "not fitted": lambda: NeuralEmbeddingEncoder(**SETTINGS),
}


@pytest.fixture(params=FITTED, scope="module")
def estimator(request):
    return FITTED[request.param]()


def answers(estimator):
    given = getattr(estimator, "transform", None) or estimator.predict
    return given(X.head(7))


def named_classes(pickled):
    """Modules and names of the classes and functions that a pickle names."""
    strings, found = [], set()
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "STACK_GLOBAL":
            found.add(".".join(strings[-2:]))
        elif opcode.name == "GLOBAL":
            found.add(argument.replace(" ", "."))
        elif isinstance(argument, str):
            strings.append(argument)
    return found


def test_pickle_names_no_private_class(estimator):
    ours = {name for name in named_classes(pickle.dumps(estimator)) if name.startswith("skembed")}
    assert ours == {f"skembed.{type(estimator).__name__}"}


def test_pickle_gives_the_same_bits(estimator):
    again = pickle.loads(pickle.dumps(estimator))
    assert vars(again).keys() == vars(estimator).keys() - {"_fitted_on"}
    if hasattr(estimator, "tables_"):
        np.testing.assert_array_equal(answers(again), answers(estimator))


def test_pickle_deep_copy_shares_nothing():
    encoder = FITTED["encoder"]()
    other = copy.deepcopy(encoder)
    other.tables_["city"][:] = 0
    assert encoder.tables_["city"].any()


def test_pickle_of_arrays_can_be_mapped_into_memory(tmp_path):
    encoder = FITTED["encoder"]()
    joblib.dump(encoder, tmp_path / "e.joblib")
    mapped = joblib.load(tmp_path / "e.joblib", mmap_mode="r")
    assert isinstance(mapped.tables_["city"], np.memmap)
    np.testing.assert_array_equal(mapped.transform(X.head()), encoder.transform(X.head()))


@pytest.mark.parametrize("name", ["encoder", "regressor", "classifier"])
def test_skops_trusts_the_public_class_alone(name, tmp_path):
    estimator = FITTED[name]()
    skops.io.dump(estimator, tmp_path / "e.skops")
    unknown = skops.io.get_untrusted_types(file=tmp_path / "e.skops")
    assert set(unknown) == {f"skembed.{type(estimator).__name__}"}
    loaded = skops.io.load(tmp_path / "e.skops", trusted=TRUSTED_TYPES)
    np.testing.assert_array_equal(answers(loaded), answers(estimator))


DATES = ["2024-01-01", "2024-07-02", "2024-03-31"]
MOMENTS = [datetime.fromisoformat(day) for day in DATES]
KINDS_OF_DATES = {
    "datetime64": pd.to_datetime(DATES).tolist(),
    "datetime64 of seconds": pd.to_datetime(DATES).as_unit("s").tolist(),
    "datetime64 in a zone": pd.to_datetime(DATES).tz_localize("Europe/Oslo").tolist(),
    "Timestamp in several zones": [pd.Timestamp(DATES[0], tz="UTC"), *map(pd.Timestamp, DATES[1:])],
    "numpy.datetime64": [np.datetime64(day) for day in DATES],
    "datetime": MOMENTS,
    "datetime in a zone": [at.replace(tzinfo=ZoneInfo("Europe/Oslo")) for at in MOMENTS],
    "datetime in UTC": [at.replace(tzinfo=UTC) for at in MOMENTS],
    "date": [date.fromisoformat(day) for day in DATES],
    "time": [time(1, 2), time(3, 4, 5, 6), time(7, tzinfo=UTC)],
    "timedelta": [timedelta(days) for days in (1, 2, -3)],
    "Timedelta": pd.to_timedelta(["1h", "2D", "-1ns"]).tolist(),
    "Period": pd.PeriodIndex(DATES, freq="M").tolist(),
    "Interval of dates": pd.interval_range(pd.Timestamp(DATES[0]), periods=3).tolist(),
    "Interval of cut": [*pd.cut([0.5, 1.5, 2.5], [0, 1, 2, 3])],
    "date in a tuple": [("from", date.fromisoformat(day)) for day in DATES],
}


@pytest.mark.parametrize("levels", KINDS_OF_DATES.values(), ids=KINDS_OF_DATES)
def test_skops_keeps_date_levels_of_every_kind(levels, tmp_path):
    rows = pd.DataFrame({"when": pd.Series(levels * (N // 3), dtype=object), "city": X["city"]})
    encoder = NeuralEmbeddingEncoder(**SETTINGS, categorical_features=["when", "city"])
    encoder.fit(rows, Y)
    skops.io.dump(encoder, tmp_path / "e.skops")
    loaded = skops.io.load(tmp_path / "e.skops", trusted=TRUSTED_TYPES)
    kept, given = (each.vocabularies_["when"].levels for each in (loaded, encoder))
    assert kept == given
    assert [*map(type, kept)] == [*map(type, given)]
    np.testing.assert_array_equal(loaded.transform(rows.copy()), encoder.transform(rows.copy()))


def test_skops_keeps_date_levels_of_a_typed_column_and_its_crosses(tmp_path):
    rows = pd.DataFrame({"when": pd.to_datetime(DATES * (N // 3)), "city": X["city"]})
    options = {"categorical_features": ["when", "city"], "crosses": [("when", "city")]}
    encoder = NeuralEmbeddingEncoder(**SETTINGS, **options).fit(rows, Y)
    skops.io.dump(encoder, tmp_path / "e.skops")
    loaded = skops.io.load(tmp_path / "e.skops", trusted=TRUSTED_TYPES)
    assert loaded.vocabularies_["when"].levels == encoder.vocabularies_["when"].levels
    np.testing.assert_array_equal(loaded.transform(rows.copy()), encoder.transform(rows.copy()))


def test_skops_trusted_types_are_the_public_estimators():
    estimators = {f"skembed.{name}" for name in skembed.__all__ if name.startswith("Neural")}
    assert set(TRUSTED_TYPES) == estimators


class Size(enum.StrEnum):
    SMALL, LARGE = "s", "l"


LEVELS = {
    "Enum": [Size.SMALL, Size.LARGE],
    "numpy": [np.float32(0.1), np.float32(2)],
    "no form as data": [frozenset("a"), frozenset("b")],
    "dates": [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")],
}


@pytest.mark.parametrize("levels", LEVELS.values(), ids=LEVELS)
def test_pickle_keeps_levels_of_any_type(levels):
    rows = pd.DataFrame({"level": pd.Series(levels * (N // 2), dtype=object)})
    encoder = NeuralEmbeddingEncoder(**SETTINGS, categorical_features=["level"]).fit(rows, Y)
    again = pickle.loads(pickle.dumps(encoder))
    before, after = (each.vocabularies_["level"].levels for each in (encoder, again))
    assert after == before
    assert [*map(type, after)] == [*map(type, before)]
    np.testing.assert_array_equal(again.transform(rows.copy()), encoder.transform(rows.copy()))


def test_pickle_keeps_column_names_without_a_form_as_data():
    name = frozenset("ab")
    rows = X.rename(columns={"city": name, "size": frozenset("c")})
    encoder = NeuralEmbeddingEncoder(**SETTINGS, crosses=None).fit(rows, Y)
    assert list(pickle.loads(pickle.dumps(encoder)).vocabularies_) == [name]


def test_pickle_of_a_pipeline_scores_the_same():
    model = make_pipeline(FITTED["encoder"](), Ridge())
    model[-1].fit(model[0].transform(X.copy()), Y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X.head(9)), model.predict(X.head(9)))


def test_pickle_keeps_classes_of_the_other_byte_order():
    y = np.where(Y > 3, "yes", "no").astype(np.dtype("U3").newbyteorder())
    model = NeuralEmbeddingClassifier(**SETTINGS).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert again.classes_.tolist() == ["no", "yes"]
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
