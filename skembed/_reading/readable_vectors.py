"""Methods of the estimators that read vectors."""

from sklearn.utils.validation import check_is_fitted

from skembed._reading.level_names import level_frame
from skembed._reading.near_names import did_you_mean, near_names
from skembed._reading.nearest import neighbours
from skembed._utils.public_names import without_class_names


@without_class_names
class ReadableVectors:
    """Methods that read the vectors of a fitted estimator."""

    def nearest(self, column, level_or_vector, k=5):
        """Find the levels whose vectors are nearest.

        Parameters
        ----------
        column : str
            An embedded column, or a cross.

        level_or_vector : level, tuple or array-like of shape (dim,)
            A level; of a cross, a tuple of them, with a number or an interval for a numeric column.
            None is the missing level. An array or list is taken as a vector.

        k : int, default=5
            How many levels to find.

        Returns
        -------
        DataFrame of shape (k, 3)
            ``level``, Euclidean ``distance`` and ``rows``, the number of rows in `fit`. The
            nearest level comes first, and of levels at one distance the one of most rows. The
            level itself is left out, and so are the vectors of unseen, missing and infrequent
            levels. The frame is shorter if there are fewer levels. Distances are those of the
            vectors that `embedding` gives.

        Examples
        --------
        >>> import pandas as pd
        >>> from skembed import NeuralEmbeddingEncoder
        >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern", "Pisa"] * 40})
        >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2, 1.6] * 40)
        >>> encoder.nearest("city", "Rome")["level"].tolist()
        ['Pisa', 'Oslo', 'Bern']
        """
        table, levels, parts = find_learned(self, column)
        return neighbours(column, level_or_vector, k, table, levels, parts)

    def embedding(self, column):
        """Get the vectors of a column as a frame, to the precision of training.

        The features of an encoder are shorter and rounded: they stand in ``tables_``.

        Parameters
        ----------
        column : str
            An embedded column, or a cross.

        Returns
        -------
        DataFrame of shape (n_codes, n_components)
            A row per code, in the order of ``tables_``: first always "unseen", "missing" and
            "infrequent", then the levels; those of a cross are tuples, with an interval for a
            numeric column. ``.iloc[3:]`` are the levels alone. There is a column for each
            component, the strongest first. The first columns are named as the output, and more
            than those move the answer next to nothing.

        Examples
        --------
        >>> import pandas as pd
        >>> from skembed import NeuralEmbeddingEncoder
        >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
        >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
        >>> encoder.embedding("city").index.tolist()
        ['unseen', 'missing', 'infrequent', 'Bern', 'Oslo', 'Rome']
        """
        table, levels, parts = find_learned(self, column)
        return level_frame(column, table, levels, parts)


def find_learned(estimator, column):
    """Find what was learned of a column or cross.

    Parameters
    ----------
    estimator : ReadableVectors
        Fitted.
    column : str

    Returns
    -------
    table : ndarray of shape (n_codes, n_components)
        As trained.
    levels : Vocabulary or Cross
    parts : dict of str to Vocabulary or Bins
        The columns that crosses are made of.
    """
    check_is_fitted(estimator)
    if column not in estimator.tables_:
        raise ValueError(
            f"column must be an embedded column or a cross, got {column!r}."
            f"{did_you_mean(near_names(column, list(estimator.tables_)))} There are "
            f"{list(estimator.tables_)}."
        )
    parts = estimator.vocabularies_ | estimator.bins_
    tables = getattr(estimator, "trained_tables_", estimator.tables_)  # a predictor has those alone
    return tables[column], (parts | estimator.crosses_)[column], parts
