import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._columns import unseen
from skembed._columns.factorize import factorize
from skembed._columns.vocabulary import Vocabulary

CITIES = ["Oslo", "Rome", "Bern", "Åre"]
HOURS = pd.date_range("2026-01-01", periods=4, freq="h", tz="Europe/Oslo")


def said_of(levels, now, **given):
    """Warnings of a column that is fitted on some levels and holds others now."""
    at_fit = factorize(np.array(levels, dtype=object))
    vocabulary = Vocabulary.fit(at_fit.count(np.ones(len(levels), dtype=bool)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        vocabulary.encode(factorize(np.array(now, dtype=object)), "city", **given)
    return [str(each.message) for each in caught]


@pytest.fixture(scope="module")
def fitted():
    X = pd.DataFrame({"city": CITIES[:3] * 40, "kind": ["flat", "house"] * 60})
    models = NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
    y = np.random.default_rng(0).normal(size=120)
    return X, [
        model(crosses=None, max_epochs=1, early_stopping=False, random_state=0).fit(X, y)
        for model in models
    ]


@pytest.mark.parametrize("n_rows", [1, 100])
@pytest.mark.parametrize(
    ("levels", "given", "meant"),
    [
        (CITIES, "OSLO", "Oslo"),
        (CITIES, "oslo", "Oslo"),
        (CITIES, "Oslo ", "Oslo"),
        (CITIES, "A\u030are", "Åre"),
        (["OSLO "], "OSLO", "OSLO "),
        (["1", "2"], "1.0", "1"),
        (["1.0", "2.0"], "1", "1.0"),
        (HOURS, HOURS[2].replace(tzinfo=None), HOURS[2]),
        (HOURS.tz_localize(None), HOURS[2], HOURS[2].replace(tzinfo=None)),
    ],
)
def test_unseen_levels_show_the_level_that_was_meant(levels, given, meant, n_rows):
    (said,) = said_of(list(levels), [given] * n_rows)
    assert said.startswith("Column 'city' holds 1 levels that fit did not see: [")
    assert f"{n_rows} of {n_rows} rows get the vector of unseen levels. No row holds" in said
    assert said.endswith(f"fit saw {meant!r}, not {given!r}: give levels as in fit.")


@pytest.mark.parametrize(
    ("levels", "given", "meant"),
    [(["McDonald"], "mcdonald", "McDonald"), (["00501"], "501", "00501"), (["a b"], "a  b", "a b")],
)
def test_unseen_levels_of_many_rows_are_held_against_levels_of_fit(levels, given, meant):
    (said,) = said_of(levels, [given] * 20)
    assert said.endswith(f"fit saw {meant!r}, not {given!r}: give levels as in fit.")
    assert said_of(levels, [given] * 19) == []


def test_unseen_levels_of_many_rows_warn_without_a_level_that_was_meant():
    (said,) = said_of(CITIES, ["Lima", "Quito", None] * 10)
    assert said == (
        "Column 'city' holds 2 levels that fit did not see: ['Lima', 'Quito']. 20 of 30 rows get "
        "the vector of unseen levels. No row holds a level that fit saw."
    )


@pytest.mark.parametrize(
    "now", [["Lima"] * 19, ["OSLO", "Oslo"], ["Lima"] * 100 + ["Oslo"], [None]]
)
def test_unseen_levels_are_silent_where_they_are_ordinary(now):
    assert said_of(CITIES, now) == []


def test_unseen_levels_warn_one_by_one_if_asked_to():
    (said,) = said_of(CITIES, ["Lima", "Oslo", "Quito", "Lima"], warn_unknown=True)
    assert said == (
        "Column 'city' holds 2 levels that fit did not see: ['Lima', 'Quito']. 3 of 4 rows get the "
        "vector of unseen levels."
    )
    assert said_of(CITIES, ["Oslo", None], warn_unknown=True) == []


def test_unseen_levels_do_not_look_at_the_levels_of_fit_without_a_warning(monkeypatch):
    def looked(level):
        raise AssertionError(level)

    monkeypatch.setattr(unseen, "_plain", looked)
    assert said_of(CITIES, ["Lima"] * 10) == []
    assert said_of(CITIES, ["Lima"] * 100 + ["Oslo"]) == []
    assert len(said_of(CITIES, ["Lima", "Oslo"], warn_unknown=True)) == 1


def said_by(call, X):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call(X)
    return [str(each.message) for each in caught]


@pytest.mark.parametrize("container", ["pandas", "categories", "polars", "array"])
@pytest.mark.parametrize("n_rows", [120, 2000])
def test_unseen_column_warns_once_a_call(fitted, container, n_rows, monkeypatch):
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 1024)
    X, models = fitted
    X = X.iloc[np.arange(n_rows) % 120].reset_index(drop=True)
    X = X.assign(city=X["city"].str.upper())
    if container == "categories":  # those of fit among them, which no row holds
        X["city"] = pd.Categorical(X["city"], [*CITIES, "OSLO", "ROME", "BERN"])
    given = {"polars": pl.from_pandas, "array": np.asarray}.get(container, lambda X: X)(X)
    if container == "array":
        warnings.filterwarnings("ignore", "X does not have valid feature names")
    for model in models:
        call = model.transform if hasattr(model, "transform") else model.predict
        said = [each for each in said_by(call, given) if "fit did not see" in each]
        assert len(said) == 1
        assert said[0].startswith("Column 'city' holds 3 levels")


def test_unseen_levels_in_the_first_rows_alone_are_silent(fitted, monkeypatch):
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 1024)
    X, (encoder, _) = fitted
    X = X.iloc[np.arange(3000) % 120].reset_index(drop=True)
    X.loc[:1999, "city"] = "Lima"
    assert said_by(encoder.transform, X) == []


def test_unseen_members_of_bags_warn():
    bags = pd.DataFrame({"tags": [["a", "b"], ["b"], ["a"], []] * 10})
    y = np.random.default_rng(0).normal(size=40)
    encoder = NeuralEmbeddingEncoder(max_epochs=1, early_stopping=False, random_state=0)
    encoder.fit(bags, y)
    with pytest.warns(UserWarning, match="fit saw 'a', not 'A'"):
        encoder.transform(pd.DataFrame({"tags": [["A", "B"]]}))


def test_unseen_levels_warn_by_parameter(fitted):
    X, models = fitted
    X = X.head(3).assign(city=["Oslo", "Lima", "Rome"])
    for model in models:
        call = model.transform if hasattr(model, "transform") else model.predict
        before = call(X)
        model.set_params(handle_unknown="warn")
        with pytest.warns(
            UserWarning, match=r"^Column 'city' holds 1 levels .* \['Lima'\]\. 1 of 3"
        ):
            np.testing.assert_array_equal(call(X), before)
        model.set_params(handle_unknown="embed")
