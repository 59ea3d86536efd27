"""scikit-learn's own checks."""

from functools import partial

import numpy as np
import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skembed import (
    NeuralEmbeddingClassifier,
    NeuralEmbeddingEncoder,
    NeuralEmbeddingRegressor,
)

SHUFFLED = (
    "training takes shuffled batches and folds: a row of weight 2 and a row given twice are alike "
    "in expectation, not to the bit"
)
CROSS_FITTED = (
    "fit_transform gives the vectors of a row's own fold, transform the mean of all folds: they "
    "differ by design, as TargetEncoder's do"
)


def expected_failures(estimator):
    failures = {
        "check_sample_weight_equivalence_on_dense_data": SHUFFLED,
        "check_sample_weight_equivalence_on_sparse_data": SHUFFLED,
    }
    if hasattr(estimator, "transform") and estimator.cv is not None:
        failures["check_transformer_general"] = CROSS_FITTED
        failures["check_transformer_data_not_an_array"] = CROSS_FITTED
    return failures


class EveryColumn:
    """Some checks pass frames of numbers alone, of which "auto" embeds none."""

    def __call__(self, X):
        return list(range(np.asarray(X).shape[1]))

    def __repr__(self):
        return "every_column"


@pytest.mark.filterwarnings("ignore")
@parametrize_with_checks(
    [
        NeuralEmbeddingEncoder(categorical_features=EveryColumn()),
        NeuralEmbeddingEncoder(categorical_features=EveryColumn(), cv=None),
        NeuralEmbeddingClassifier(categorical_features=EveryColumn()),
        NeuralEmbeddingRegressor(categorical_features=EveryColumn()),
    ],
    expected_failed_checks=expected_failures,
)
def test_scikit_learn_check(estimator, check):
    check(estimator)


# All rows in each batch, and nothing drawn: then a weight is a number of rows. The first columns
# are embedded, the others are context.
WHOLE = {
    "categorical_features": [0, 1],
    "crosses": None,
    "unseen_rate": 0.0,
    "batch_size": 1000,
    "max_epochs": 10,
    "early_stopping": False,
}


@pytest.mark.filterwarnings("ignore:.* rows are copies of a row in another fold")
@pytest.mark.parametrize(
    "estimator",
    [
        NeuralEmbeddingEncoder(**WHOLE),
        NeuralEmbeddingEncoder(target_type="continuous", **WHOLE),
        NeuralEmbeddingEncoder(target_type="continuous", loss="absolute_error", **WHOLE),
        NeuralEmbeddingClassifier(**WHOLE),
        NeuralEmbeddingRegressor(**WHOLE),
        NeuralEmbeddingRegressor(interaction="dot", **WHOLE),
    ],
    ids=lambda estimator: f"{type(estimator).__name__}-{estimator.loss}-{estimator.interaction}",
)
def test_sample_weight_is_a_number_of_rows(estimator, monkeypatch):
    """scikit-learn's check, but for the rounding of sums in float32."""
    like = partial(estimator_checks.assert_allclose_dense_sparse, atol=1e-3)
    monkeypatch.setattr(estimator_checks, "assert_allclose_dense_sparse", like)
    estimator_checks.check_sample_weight_equivalence_on_dense_data("", estimator)
