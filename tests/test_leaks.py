"""Canaries: a target that is pure noise must not become predictable by its own encoding."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
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
def test_two_rows_per_level(seed):
    """0.03 is 3.7 standard errors of the AUC of a random score over 5,000 rows."""
    X, y = noise(2500, seed)
    features = NeuralEmbeddingEncoder(random_state=seed).fit_transform(X, y)
    assert abs(cross_validated_auc(features, y, seed) - 0.5) < 0.03
    theirs = TargetEncoder().fit_transform(X, y)
    assert training_auc(features, y) <= training_auc(theirs, y)


@pytest.mark.parametrize("n_levels", [2500, 500, 50])
def test_vectors_that_training_was_made_to_keep(n_levels):
    """Without early stopping the vectors are noise, but not the noise of their own rows."""
    aucs = []
    for seed in range(3):
        X, y = noise(n_levels, seed)
        encoder = NeuralEmbeddingEncoder(early_stopping=False, max_epochs=10, random_state=seed)
        aucs.append(cross_validated_auc(encoder.fit_transform(X, y), y, seed))
    assert abs(np.mean(aucs) - 0.5) < 0.03


def test_the_canary_sings_without_folds():
    """The same vectors from one table, trained by all rows, give the target away."""
    X, y = noise(2500, seed=0)
    features = NeuralEmbeddingEncoder(cv=None, random_state=0).fit_transform(X, y)
    assert cross_validated_auc(features, y, seed=0) > 0.7
