import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import GroupKFold

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

QUICK = {"max_epochs": 1, "early_stopping": False, "crosses": None, "random_state": 0}
SAID = "rows are copies of a row in another fold"


def flats(n_rows=1000):
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "city": rng.choice(list("abcdefghij"), n_rows),
            "kind": rng.choice(list("xyz"), n_rows),
            "area": rng.normal(size=n_rows),
        }
    )
    return X, (X["area"] + rng.normal(size=n_rows) > 1).astype(int)


def oversampled(y):
    """Positions of all rows, and of as many of the rarer class as there are of the other."""
    few = np.flatnonzero(y == 1)
    return np.r_[: len(y), np.random.default_rng(1).choice(few, len(y) - 2 * len(few))]


def bootstrap(y):
    return np.random.default_rng(1).integers(0, len(y), len(y))


def copies_in(model, X, y, **given):
    """Number of warnings of copies."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X, y, **given)
    return sum(SAID in str(each.message) for each in caught)


@pytest.mark.parametrize("draw", [oversampled, bootstrap])
@pytest.mark.parametrize("model", [NeuralEmbeddingEncoder, NeuralEmbeddingClassifier])
def test_copies_of_rows_warn_once_a_fit(draw, model):
    X, y = flats()
    rows = draw(y)
    assert copies_in(model(**QUICK), X.iloc[rows], y.iloc[rows]) == 1


def test_copies_are_counted_if_they_are_in_another_fold():
    X, y = flats()
    rows = np.r_[:1000, :100]
    cv = [(np.arange(1040), np.arange(1040, 1100)), (np.arange(1040, 1100), np.arange(1040))]
    with pytest.warns(UserWarning, match="^120 of 1100 rows are copies"):
        NeuralEmbeddingEncoder(**QUICK, cv=cv).fit(X.iloc[rows], y.iloc[rows])


def test_copies_of_quantities_and_bags_warn():
    X, y = flats()
    X["tags"] = [list(pair) for pair in zip(X["city"], X["kind"], strict=True)]
    rows = bootstrap(y)
    model = NeuralEmbeddingRegressor(**QUICK)
    assert copies_in(model, X[["tags", "kind"]].iloc[rows], X["area"].iloc[rows]) == 1


def test_copies_of_levels_of_one_column_are_silent():
    """A shop has several rows, and one target."""
    rng = np.random.default_rng(0)
    shop = rng.integers(0, 500, 1000)
    X, y = pd.DataFrame({"shop": shop.astype(str)}), rng.normal(size=500)[shop]
    assert copies_in(NeuralEmbeddingRegressor(**QUICK), X, y) == 0


def test_copies_in_parquet_warn(tmp_path):
    X, y = flats()
    rows = bootstrap(y)
    X.assign(y=y).iloc[rows].to_parquet(tmp_path / "rows.parquet")
    with pytest.warns(UserWarning, match=SAID):
        NeuralEmbeddingEncoder(**QUICK).fit_parquet(tmp_path / "rows.parquet", "y")


def test_copies_in_one_fold_are_silent():
    X, y = flats()
    rows = bootstrap(y)
    model = NeuralEmbeddingEncoder(**QUICK, cv=GroupKFold(5))
    assert copies_in(model, X.iloc[rows], y.iloc[rows], groups=rows) == 0


def test_copies_given_as_weights_are_silent():
    X, y = flats()
    counts = np.bincount(bootstrap(y), minlength=len(y))
    assert copies_in(NeuralEmbeddingEncoder(**QUICK), X, y, sample_weight=counts) == 0


def test_copies_that_are_rows_without_weight_are_silent():
    X, y = flats()
    rows, weight = np.r_[:1000, :1000], np.repeat([1.0, 0.0], 1000)
    model = NeuralEmbeddingEncoder(**QUICK)
    assert copies_in(model, X.iloc[rows], y.iloc[rows], sample_weight=weight) == 0


def test_copies_without_folds_are_silent():
    X, y = flats()
    rows = bootstrap(y)
    assert copies_in(NeuralEmbeddingEncoder(**QUICK, cv=None), X.iloc[rows], y.iloc[rows]) == 0


@pytest.mark.parametrize("columns", [["city"], ["city", "kind"]])
def test_copies_that_few_levels_explain_are_silent(columns):
    X, y = flats()
    rows = bootstrap(y)
    assert copies_in(NeuralEmbeddingEncoder(**QUICK), X[columns].iloc[rows], y.iloc[rows]) == 0


@pytest.mark.parametrize("rate", [0.5, 0.05])
def test_copies_of_columns_alone_are_silent(rate):
    """Rows of one shop: its columns are the same in each, its targets are not."""
    rng = np.random.default_rng(0)
    shops = pd.DataFrame(
        {"shop": np.arange(500).astype(str), "size": rng.normal(size=500)}, index=range(500)
    )
    X = shops.iloc[rng.integers(0, 500, 1500)]
    assert copies_in(NeuralEmbeddingEncoder(**QUICK), X, (rng.random(1500) < rate).astype(int)) == 0


def test_copies_that_columns_of_few_levels_make_are_silent():
    """A tenth of the rows has a twin, as in a register of persons: more differ in one column."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {f"c{j}": (rng.random(4000) ** 3 * 9).astype(int).astype(str) for j in range(6)}
    )
    y = (rng.random(4000) < 0.3).astype(int)
    assert X.assign(y=y).duplicated().mean() > 0.1
    assert copies_in(NeuralEmbeddingEncoder(**QUICK), X, y) == 0
