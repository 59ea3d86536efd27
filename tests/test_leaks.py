"""Canaries: a target that is pure noise must not become predictable by its own encoding."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import (
    GroupKFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)
from sklearn.preprocessing import TargetEncoder
from xgboost import XGBClassifier

from skembed import NeuralEmbeddingEncoder


def noise(n_levels, seed):
    """5,000 rows over so many levels of an id, and a target that knows nothing of it."""
    rng = np.random.default_rng(seed)
    ids = rng.permutation(np.arange(5000) % n_levels).astype(str)
    return pd.DataFrame({"id": ids}), rng.integers(0, 2, 5000)


def xgboost():
    return XGBClassifier(n_estimators=100, n_jobs=1)


def cross_validated_auc(features, y, seed):
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_score(xgboost(), features, y, cv=folds, scoring="roc_auc").mean()


def training_auc(features, y):
    return roc_auc_score(y, xgboost().fit(features, y).predict_proba(features)[:, 1])


@pytest.mark.filterwarnings("ignore:The columns told nothing")
@pytest.mark.parametrize("seed", range(3))
def test_leak_absent_with_two_rows_per_level(seed):
    """0.03 is 3.7 standard errors of the AUC of a random score over 5,000 rows."""
    X, y = noise(2500, seed)
    features = NeuralEmbeddingEncoder(random_state=seed).fit_transform(X, y)
    assert abs(cross_validated_auc(features, y, seed) - 0.5) < 0.03
    theirs = TargetEncoder().fit_transform(X, y)
    assert training_auc(features, y) <= training_auc(theirs, y)


@pytest.mark.parametrize("n_levels", [2500, 500, 50])
def test_leak_absent_without_early_stopping(n_levels):
    """Without early stopping the vectors are noise, but not the noise of their own rows."""
    aucs = []
    for seed in range(3):
        X, y = noise(n_levels, seed)
        encoder = NeuralEmbeddingEncoder(early_stopping=False, max_epochs=10, random_state=seed)
        aucs.append(cross_validated_auc(encoder.fit_transform(X, y), y, seed))
    assert abs(np.mean(aucs) - 0.5) < 0.03


@pytest.mark.parametrize("cv", [2, 10, LeaveOneOut(), LeaveOneGroupOut()], ids=str)
def test_leak_absent_with_any_number_of_folds(cv):
    """With a table for each, 150 folds let XGBoost reach .70, and 200 groups .76.

    An int above 10 has the folds of 10: `tests/model/test_folds.py`.
    """
    aucs = []
    for seed in range(5):
        X, y = noise(50, seed)
        groups = {"groups": np.arange(5000) % 200} if isinstance(cv, LeaveOneGroupOut) else {}
        encoder = NeuralEmbeddingEncoder(cv=cv, random_state=seed, **QUICK)
        aucs.append(cross_validated_auc(encoder.fit_transform(X, y, **groups), y, seed))
    assert np.mean(aucs) < 0.55


def test_leak_found_with_a_table_for_each_of_many_folds(monkeypatch):
    monkeypatch.setattr("skembed._model.folds.MOST_TABLES", 150)
    X, y = noise(50, seed=0)
    features = NeuralEmbeddingEncoder(cv=150, random_state=0, **QUICK).fit_transform(X, y)
    assert cross_validated_auc(features, y, seed=0) > 0.65


def test_leak_found_without_folds():
    """The same vectors from one table, trained by all rows, give the target away."""
    X, y = noise(2500, seed=0)
    features = NeuralEmbeddingEncoder(cv=None, random_state=0).fit_transform(X, y)
    assert cross_validated_auc(features, y, seed=0) > 0.7


# Every option by which a target could find a way into the features of its own row.

QUICK = {"max_epochs": 8, "early_stopping": False, "crosses": None}
OPTIONS = {
    "two folds": {"cv": 2},
    "ten folds": {"cv": 10},
    "early stopping": {"early_stopping": True},
    "all rows in a batch": {"batch_size": 4000},
    "no unseen codes": {"unseen_rate": 0.0},
    "crosses": {"crosses": [("id", "kind")]},
    "chosen crosses": {"crosses": "auto"},
    "numbers crossed": {"crosses": [("id", "size")]},
    "dot": {"interaction": "dot", "cv": StratifiedKFold(5, shuffle=True, random_state=0)},
    "rare levels pooled": {"min_frequency": 3},
    "a splitter that does not shuffle": {"cv": StratifiedKFold(3)},
}


def noise_of_several(seed):
    """4,000 rows: an id of two rows in the mean, a kind, a number; a target that knows none."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "id": rng.integers(0, 2000, 4000).astype(str),
            "kind": rng.integers(0, 12, 4000).astype(str),
            "size": rng.integers(0, 40, 4000),
        }
    )
    return X, rng.integers(0, 2, 4000)


@pytest.mark.filterwarnings("ignore:The columns told nothing")
@pytest.mark.parametrize("option", OPTIONS)
def test_leak_absent_with_any_option(option):
    """Features of pure noise give this mean a standard deviation of 0.0079, over 60 draws.

    So noise passes 0.03 once in 6,000 runs, and a leak that lets the trees reach an AUC of 0.549
    is found in 99 of 100 runs.
    """
    aucs = []
    for seed in (0, 1):
        X, y = noise_of_several(seed)
        encoder = NeuralEmbeddingEncoder(random_state=seed, **QUICK | OPTIONS[option])
        aucs.append(cross_validated_auc(encoder.fit_transform(X, y), y, seed))
    assert abs(np.mean(aucs) - 0.5) < 0.03


@pytest.mark.parametrize("kind", ["quantity", "three classes", "bags"])
def test_leak_absent_with_any_kind_of_data(kind):
    aucs = []
    for seed in (0, 1):
        X, y = noise_of_several(seed)
        target = y
        if kind == "quantity":
            target = y + np.random.default_rng(seed).normal(size=4000)
        elif kind == "three classes":
            target = np.where(np.arange(4000) % 5 == 0, 2, y)
        else:
            X = pd.DataFrame({"ids": [list(pair) for pair in zip(X["id"], X["kind"], strict=True)]})
        encoder = NeuralEmbeddingEncoder(random_state=seed, **QUICK)
        aucs.append(cross_validated_auc(encoder.fit_transform(X, target), y, seed))
    assert abs(np.mean(aucs) - 0.5) < 0.03


def test_leak_absent_with_groups_and_found_without_them():
    """Pairs of rows with one target and one id, each id in two pairs."""
    rng = np.random.default_rng(0)
    pair = np.arange(4000) // 2
    X = pd.DataFrame({"id": (rng.permutation(2000) // 2)[pair].astype(str)})
    y, folds = rng.integers(0, 2, 2000)[pair], GroupKFold(5)

    def auc(features):
        scores = cross_val_predict(
            xgboost(), features, y, groups=pair, cv=folds, method="predict_proba"
        )
        return roc_auc_score(y, scores[:, 1])

    encoder = NeuralEmbeddingEncoder(random_state=0, **QUICK)
    assert auc(encoder.fit_transform(X, y)) > 0.7
    encoder.set_params(cv=folds)
    assert (
        abs(auc(encoder.fit_transform(X, y, groups=pair)) - 0.5) < 0.05
    )  # 3.9 standard errors, of 2,000 pairs


@pytest.mark.filterwarnings("ignore:.* rows are copies of a row in another fold")
def test_leak_of_copies_absent_with_groups_and_found_without_them():
    """A bootstrap: the targets of rows that the next model has not seen are in their copies."""
    X, y = noise_of_several(0)
    rows = np.random.default_rng(0).integers(0, 4000, 4000)
    X, y, folds = X.iloc[rows], y[rows], GroupKFold(5)

    def auc(features):
        scores = cross_val_predict(
            xgboost(), features, y, groups=rows, cv=folds, method="predict_proba"
        )
        return roc_auc_score(y, scores[:, 1])

    encoder = NeuralEmbeddingEncoder(random_state=0, **QUICK)
    assert auc(encoder.fit_transform(X, y)) > 0.6
    encoder.set_params(cv=folds)
    assert abs(auc(encoder.fit_transform(X, y, groups=rows)) - 0.5) < 0.05


def test_leak_found_in_three_of_ten_rows():
    """The power of these tests, by a leak that users make: vectors of `transform`."""
    aucs = []
    for seed in (0, 1):
        X, y = noise_of_several(seed)
        encoder = NeuralEmbeddingEncoder(random_state=seed, **QUICK)
        features, leaking = encoder.fit_transform(X, y), np.arange(4000) % 10 < 3
        features[leaking] = encoder.transform(X)[leaking]
        aucs.append(cross_validated_auc(features, y, seed))
    assert np.mean(aucs) > 0.549
