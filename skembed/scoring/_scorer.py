"""A fitted estimator that scores batches of columns."""

from collections import Counter
from contextlib import suppress

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skembed._base import BaseNeuralEmbedding
from skembed._encoder import NeuralEmbeddingEncoder
from skembed.scoring._columnar import feature_columns

METHODS = ("transform", "predict", "predict_proba", "decision_function")


class Scorer:
    """Score batches of Arrow columns by a fitted estimator.

    For engines that give rows in batches: Spark's `mapInArrow`, `map_batches` of Ray Data. Columns
    are found by name and may be in any order; other columns are ignored. A `Scorer` can be
    pickled, and does not import torch.

    Parameters
    ----------
    estimator : estimator
        An encoder or predictor of skembed, or another estimator or Pipeline, fitted on a data
        frame. Estimators that do not begin with skembed get pandas frames.

    method : {"transform", "predict", "predict_proba", "decision_function"}, default="transform"
        Method of the estimator. The output of

        - "transform" has the columns of ``get_feature_names_out``;
        - "predict" has the column ``prediction``, or ``prediction_0``, ``prediction_1``, ... of
          several targets;
        - "predict_proba" has a column ``probability_<class>`` for each class;
        - "decision_function" has the column ``decision``, or ``decision_<class>`` for each class.

    keep : sequence of str, default=()
        Columns to copy from the batch, such as ids. They are the first columns of the output.

    Attributes
    ----------
    names : list of str
        Columns that the estimator was fitted on.

    columns : list of str
        ``names``, and the columns of ``keep`` that are not among them. A batch must hold them.

    labels : list of str
        Columns whose strings may come as Arrow dictionaries, which are faster.

    Raises
    ------
    ValueError
        If the estimator does not have the method, or was fitted without column names.

    See Also
    --------
    score_file : A file into a file, in one process.
    skembed.distributed.transform_parquet : Parquet to Parquet on a cluster of Dask.

    Examples
    --------
    >>> import pandas as pd
    >>> import pyarrow as pa
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.scoring import Scorer
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
    >>> scorer = Scorer(encoder, keep=["id"])
    >>> batch = pa.RecordBatch.from_pydict({"id": [1, 2], "city": ["Rome", "Paris"]})
    >>> scorer(batch).schema.names
    ['id', 'city_0']
    """

    def __init__(self, estimator, method="transform", keep=()):
        check_is_fitted(estimator)
        if method not in METHODS or not hasattr(estimator, method):
            can = [name for name in METHODS if hasattr(estimator, name)]
            raise ValueError(
                f"method={method!r}, but {type(estimator).__name__} can only {' or '.join(can)}: "
                "give one of these."
            )
        if not hasattr(estimator, "feature_names_in_"):
            raise ValueError(
                f"The {type(estimator).__name__} was fitted without column names, by which the "
                "columns of a file are found: fit it on a data frame."
            )
        self.estimator, self.method, self.keep = estimator, method, list(dict.fromkeys(keep))
        self.names = list(estimator.feature_names_in_)
        self.columns = list(dict.fromkeys([*self.names, *self.keep]))
        self._takes_arrow = isinstance(_first_step(estimator), BaseNeuralEmbedding)
        self.labels = sorted({*self.names} - {*self.keep}) if self._takes_arrow else []
        self._check_keep(self._known_names())

    def __call__(self, batch):
        """Score rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Of one row or more.

        Returns
        -------
        pyarrow.RecordBatch
            The kept columns, then the output of the method.

        Raises
        ------
        TypeError
            If ``batch`` is not a RecordBatch.
        ValueError
            If a column is absent, or a row cannot be scored.
        """
        import pyarrow as pa

        if not isinstance(batch, pa.RecordBatch):
            raise TypeError(
                f"batch must be a pyarrow.RecordBatch, but is a {type(batch).__name__}. Batches of "
                "a pyarrow.Table come from its method to_batches."
            )
        check_columns(self, batch.schema.names, "The batch")
        return self.score(batch.select(self.names), {name: batch[name] for name in self.keep})

    def score(self, X, kept):
        """Score rows, whose kept columns are given by themselves.

        Parameters
        ----------
        X : pyarrow.RecordBatch or data frame
            The columns of ``names``.
        kept : dict of str to pyarrow.Array
            The columns of ``keep``.

        Returns
        -------
        pyarrow.RecordBatch
            The kept columns, then the output of the method.
        """
        import pyarrow as pa

        if isinstance(X, pa.RecordBatch):
            X = pa.Table.from_batches([X]) if self._takes_arrow else X.to_pandas()
        names, columns = self._scored(X)
        self._check_keep(names)
        return pa.RecordBatch.from_arrays(
            [*kept.values(), *map(pa.array, columns)], names=[*kept, *names]
        )

    def _scored(self, X):
        """Names and arrays of what the method gives."""
        if self.method == "transform" and isinstance(self.estimator, NeuralEmbeddingEncoder):
            names = self.estimator.get_feature_names_out()
            return list(names), feature_columns(self.estimator, X)
        result = getattr(self.estimator, self.method)(X)
        if isinstance(result, list):
            raise ValueError(
                f"{self.method} gives a list of arrays, one for each of several targets, which has "
                "no form as columns: give method='predict'."
            )
        if isinstance(result, pd.DataFrame):
            return list(result.columns), [column.to_numpy() for _, column in result.items()]
        result = result.toarray() if issparse(result) else np.asarray(result)
        return self._names(result), list(result.T) if result.ndim == 2 else [result]

    def _check_keep(self, names):
        """Raise if a column that is to be kept has the name of a column of the output."""
        taken = [name for name in self.keep if name in names]
        if taken:
            raise ValueError(
                f"keep names {taken}, which are columns of the output already: rename them in the "
                "data, or leave them out of keep."
            )

    def _known_names(self):
        """Names of the output, as far as they are known before there are rows."""
        if self.method == "transform":
            with suppress(AttributeError, ValueError):  # of a step without names
                return list(self.estimator.get_feature_names_out())
            return []
        if self.method == "predict":
            return ["prediction"]
        return self._names(np.empty((0, len(getattr(self.estimator, "classes_", ())))))

    def _names(self, result):
        if self.method == "transform":
            return list(self.estimator.get_feature_names_out())
        if self.method == "predict":
            what, each = "prediction", range(result.shape[-1])
        else:
            what = {"predict_proba": "probability", "decision_function": "decision"}[self.method]
            each = self.estimator.classes_
        return [what] if result.ndim == 1 else [f"{what}_{of}" for of in each]


def _first_step(estimator):
    return estimator.steps[0][1] if isinstance(estimator, Pipeline) else estimator


def check_columns(scorer, names, what):
    """Raise if a column that a scorer needs is absent, or there twice.

    Parameters
    ----------
    scorer : Scorer
    names : list of str
        Columns that there are.
    what : str
        Holds the columns; for the error.

    Raises
    ------
    ValueError
    """
    times = Counter(names)
    for role, needed in (("fit was given", scorer.names), ("keep names", scorer.keep)):
        absent = [name for name in needed if not times[name]]
        if absent:
            raise ValueError(f"{what} has no columns {absent}, which {role}. It has {names}.")
        twice = [name for name in needed if times[name] > 1]
        if twice:
            raise ValueError(f"{what} has several columns {twice}: rename all but one of each.")
