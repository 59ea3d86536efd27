"""A fitted estimator that takes and gives batches of columns."""

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from skembed._base import BaseNeuralEmbedding
from skembed._columns.vocabulary import kinds
from skembed._encoder import NeuralEmbeddingEncoder
from skembed.scoring._columnar import feature_columns

METHODS = ("transform", "predict", "predict_proba", "decision_function")


class Scorer:
    """A fitted estimator that takes and gives batches of columns.

    Parameters
    ----------
    estimator : estimator
        Fitted on a frame, whose columns it will find by their names.
    method : {"transform", "predict", "predict_proba", "decision_function"}
        What it shall do.
    keep : sequence of str
        Columns to put out as they are, before the others.

    Attributes
    ----------
    names : list of str
        Of the columns that the estimator takes.
    columns : list of str
        These and those that are kept.
    labels : list of str
        Those that may come as dictionaries, which are faster.
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
        first = estimator.steps[0][1] if isinstance(estimator, Pipeline) else estimator
        self._embedding = first if isinstance(first, BaseNeuralEmbedding) else None
        self.labels = [] if self._embedding is None else sorted({*self.names} - {*self.keep})

    def check(self, names, what):
        """Raise unless there are all columns that are needed.

        Parameters
        ----------
        names : list of str
            Those that there are.
        what : str
            Where they are, for the error.
        """
        for role, needed in (("fit was given", self.names), ("keep names", self.keep)):
            absent = [name for name in needed if name not in names]
            if absent:
                raise ValueError(f"{what} has no columns {absent}, which {role}. It has {names}.")
            twice = [name for name in needed if names.count(name) > 1]
            if twice:
                raise ValueError(f"{what} has several columns {twice}: rename all but one of each.")

    def types_of_text(self):
        """Types of the columns where they have none, as in CSV, as far as the estimator knows.

        Returns
        -------
        dict of str to pyarrow.DataType
        """
        import pyarrow as pa

        if self._embedding is None:
            return {}
        embedded = self._embedding.vocabularies_
        types = {name: pa.string() for name in self.names if name not in embedded}
        types |= {name: pa.float64() for name in self._embedding.row_encoder_.number_names}
        for name, vocabulary in embedded.items():
            found = kinds(vocabulary.levels)
            if found == {"strings"}:
                types[name] = pa.string()
            elif found == {"booleans"}:
                types[name] = pa.bool_()
            elif found == {"numbers"}:
                whole = all(isinstance(level, int) for level in vocabulary.levels)
                types[name] = pa.int64() if whole else pa.float64()
        return types

    def __call__(self, batch):
        """Score rows.

        Parameters
        ----------
        batch : pyarrow.RecordBatch
            Of one row or more.

        Returns
        -------
        pyarrow.RecordBatch
            Their kept columns, and what the method gives: by `transform`, columns named as by
            ``get_feature_names_out``; ``prediction``, or ``prediction_0, ...`` of several
            targets; ``probability_<class>``; ``decision`` or ``decision_<class>``.
        """
        import pyarrow as pa

        names, columns = self._scored(batch.select(self.names))
        taken = [name for name in self.keep if name in names]
        if taken:
            raise ValueError(
                f"keep names {taken}, which are columns of the output already: rename them in the "
                "data, or leave them out of keep."
            )
        kept = [batch[name] for name in self.keep]
        return pa.RecordBatch.from_arrays(
            [*kept, *map(pa.array, columns)], names=[*self.keep, *names]
        )

    def _scored(self, batch):
        """Names and arrays of what the method gives."""
        import pyarrow as pa

        X = batch.to_pandas() if self._embedding is None else pa.Table.from_batches([batch])
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

    def _names(self, result):
        if self.method == "transform":
            return list(self.estimator.get_feature_names_out())
        if self.method == "predict":
            what, each = "prediction", range(result.shape[-1])
        else:
            what = {"predict_proba": "probability", "decision_function": "decision"}[self.method]
            each = self.estimator.classes_
        return [what] if result.ndim == 1 else [f"{what}_{of}" for of in each]
