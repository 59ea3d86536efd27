"""The estimator of skembed inside of a Pipeline, and the rows that it is given."""

from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skembed._base import BaseNeuralEmbedding
from skembed._utils.sklearn_compat import safe_indexing


def find_inside(estimator, X=None, column=None):
    """Find the estimator of skembed.

    Parameters
    ----------
    estimator : estimator
        Fitted: of skembed, or a Pipeline, ColumnTransformer or search that holds one.
    X : data frame or array-like, default=None
        Rows for ``estimator``.
    column : str, default=None
        A column or cross that is looked for, where there are several estimators of skembed.

    Returns
    -------
    found : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
    X : data frame or array-like
        The rows that ``found`` is given, None without rows.

    Raises
    ------
    TypeError
        If ``estimator`` holds none, or several.
    """
    check_is_fitted(estimator)
    found = list(_inside(estimator, lambda: X))
    having = [(each, rows) for each, rows in found if column in each.tables_]
    if len(found) > 1 and len(having) == 1:
        found = having
    if len(found) != 1:
        raise TypeError(
            f"estimator must be of skembed, or a Pipeline, ColumnTransformer or search with one "
            f"estimator of skembed, but the {type(estimator).__name__} holds {len(found)}: give "
            "the one to show, such as pipeline[0]."
        )
    ((each, rows),) = found
    return each, None if X is None else rows()


def _inside(estimator, rows):
    """Estimators of skembed, each with a function that returns its rows."""
    if isinstance(estimator, BaseNeuralEmbedding):
        yield estimator, rows
    elif isinstance(estimator, Pipeline):
        for i, (_, step) in enumerate(estimator.steps):
            before = estimator[:i]
            yield from _inside(step, lambda b=before: b.transform(rows()) if len(b) else rows())
    elif isinstance(estimator, ColumnTransformer):
        for _, part, columns in estimator.transformers_:
            yield from _inside(part, lambda c=columns: safe_indexing(rows(), c, axis=1))
    elif isinstance(estimator, FrozenEstimator):
        yield from _inside(estimator.estimator, rows)
    elif hasattr(estimator, "best_estimator_"):
        yield from _inside(estimator.best_estimator_, rows)
