import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

QUICK = {"crosses": None, "max_epochs": 2, "random_state": 0}


@pytest.fixture
def notes(rents):
    """The rents with a day and a text beside the columns that are embedded."""
    X, y = rents
    day = pd.date_range("2024-01-01", periods=len(X), unit="us")
    note = np.where(np.arange(len(X)) % 2, "quiet", "loud")
    return X.assign(day=day, note=note), y


def encoder(**parameters):
    return NeuralEmbeddingEncoder(categorical_features=["city", "kind"], **QUICK, **parameters)


CONTAINERS = {
    "pandas": lambda X: X,
    "polars": pl.DataFrame,
    "pyarrow": lambda X: pa.Table.from_pandas(X, preserve_index=False),
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("with_target", [True, False])
def test_columns_that_are_no_numbers_are_dropped_by_name(notes, container, with_target):
    X, y = notes
    y, given = (y, {}) if with_target else (None, {"target_type": "none"})
    with pytest.warns(UserWarning, match=r"leaves out the columns \['day', 'note'\], as remainder"):
        features = encoder(remainder="drop", **given).fit_transform(container(X), y)
    plain = encoder(remainder="drop", **given)
    plain = plain.fit_transform(X.drop(columns=["day", "note"]), y)
    np.testing.assert_array_equal(features, plain)


def test_columns_that_are_no_numbers_are_dropped_of_a_file(notes, tmp_path):
    X, y = notes
    X.assign(rent=y).to_parquet(tmp_path / "rents.parquet")
    with pytest.warns(UserWarning, match=r"leaves out the columns \['day', 'note'\], as remainder"):
        of_file = encoder(remainder="drop").fit_parquet(tmp_path / "rents.parquet", "rent")
    plain = encoder(remainder="drop").fit(X.drop(columns=["day", "note"]), y)
    for name, table in plain.tables_.items():
        np.testing.assert_array_equal(of_file.tables_[name], table)


def test_columns_that_are_no_numbers_are_dropped_of_an_array(notes):
    X, y = notes
    X = X[["city", "kind", "rooms", "note"]]
    fitted = NeuralEmbeddingEncoder(categorical_features=[0, 1], remainder="drop", **QUICK)
    with pytest.warns(UserWarning, match=r"leaves out the columns \['x3'\], as remainder"):
        features = fitted.fit_transform(X.to_numpy(dtype=object), y)
    np.testing.assert_array_equal(
        features, encoder(remainder="drop").fit_transform(X.drop(columns="note"), y)
    )


@pytest.mark.parametrize("use_context", [True, False])
@pytest.mark.parametrize("column", ["note", "day"])
@pytest.mark.parametrize("method", ["fit", "fit_transform", "fit_parquet"])
def test_columns_that_are_no_numbers_cannot_pass_and_nothing_is_trained(
    notes, tmp_path, monkeypatch, use_context, column, method
):
    X, y = notes
    X = X[["city", "kind", "rooms", column]]
    path = tmp_path / "rents.parquet"
    X.assign(rent=y).to_parquet(path)
    given = (path, "rent") if method == "fit_parquet" else (X, y)
    monkeypatch.setattr("skembed._training.loop.train", None)
    message = f"Column '{column}' is not embedded, so it must be numeric.*or leave it out of X"
    with pytest.raises(ValueError, match=message):
        getattr(encoder(use_context=use_context), method)(*given)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ([1, "many", None, 2.5], "it holds 'many'"),
        (["1", "2", None, "3"], "its type is String"),
        ([[1], [2], None, [3]], r"it holds \[1\]"),
    ],
    ids=["mixed", "digits", "lists"],
)
def test_columns_of_objects_say_why_they_are_no_numbers(rents, values, reason):
    X, y = rents
    column = pd.Series(values * 100, dtype=object)
    with pytest.raises(ValueError, match=f"Column 'extra' is not embedded.* but {reason}. Name"):
        encoder().fit(X.assign(extra=column), y)


def test_columns_that_are_no_numbers_are_an_error_of_a_predictor_that_reads_them(notes):
    X, y = notes
    model = NeuralEmbeddingRegressor(categorical_features=["city", "kind"], **QUICK)
    with pytest.raises(ValueError, match=r"Column 'day' is not embedded, so it must be numeric"):
        model.fit(X, y)
    assert model.set_params(use_context=False).fit(X, y).predict(X).shape == (400,)


def test_columns_of_text_without_a_value_pass_as_missing_numbers(notes):
    X, y = notes
    X = X[["city", "kind"]].assign(note=pd.Series([None] * len(X), dtype="string"))
    assert np.isnan(encoder().fit_transform(X, y)[:, -1]).all()
