"""Reading vectors: the levels that they stand for, and the levels near to them."""

from numbers import Integral

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree
from sklearn.utils.validation import check_is_fitted

from skembed._columns.crosses import Cross
from skembed._columns.numeric import Bins
from skembed._columns.vocabulary import INFREQUENT, MISSING, RESERVED, UNSEEN

INFREQUENT_LABEL = "infrequent_sklearn"  # as OneHotEncoder.inverse_transform calls it
CHUNK = 1_000_000  # levels whose distances are computed at once


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
            None stands for missing. An array or list is taken as a vector.

        k : int, default=5
            How many levels to find.

        Returns
        -------
        DataFrame of shape (k, 2)
            ``level`` and Euclidean ``distance``, nearest first. The level itself is left out, and
            so are the rows of unseen, missing and infrequent levels. Fewer rows if there are not as
            many levels.

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
        """Get the vectors of a column as a frame.

        Parameters
        ----------
        column : str
            An embedded column, or a cross.

        Returns
        -------
        DataFrame of shape (n_codes, dim)
            A row per code, in the order of ``tables_``: first always "unseen", "missing" and
            "infrequent", then the levels; those of a cross are tuples, with an interval for a
            numeric column. ``.iloc[3:]`` are the levels alone. Columns are named as the output.

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
    table : ndarray of shape (n_codes, dim)
    levels : Vocabulary or Cross
    parts : dict of str to Vocabulary or Bins
        The columns that crosses are made of.
    """
    check_is_fitted(estimator)
    if column not in estimator.tables_:
        raise ValueError(
            f"column must be an embedded column or a cross, got {column!r}. There are "
            f"{list(estimator.tables_)}."
        )
    parts = estimator.vocabularies_ | estimator.bins_
    return estimator.tables_[column], (parts | estimator.crosses_)[column], parts


def restore_columns(columns, layout, names_in, tables, row_encoder):
    """Restore the columns of X from columns of the output; columns that are not in it are absent.

    Parameters
    ----------
    columns : Columns
        The output.
    layout : Layout
    names_in : list
        Names of the columns of X.
    tables : dict of str to ndarray of shape (n_codes, dim)
    row_encoder : RowEncoder

    Returns
    -------
    DataFrame
    """
    _check_columns(columns, layout.names_out(names_in).tolist())
    given, vocabularies, bags = {}, row_encoder.vocabularies, row_encoder.bags
    for positions, name, place in layout.slots:
        # A cross repeats what its columns tell; a bag cannot be told from its mean.
        if len(positions) > 1 or name in bags:
            continue
        values = np.column_stack([columns.numbers(j) for j in range(place.start, place.stop)])
        if name is None:
            given[names_in[positions[0]]] = values[:, 0]
            continue
        if np.isnan(values).any():
            row, component = np.argwhere(np.isnan(values))[0]
            raise ValueError(
                f"Column {columns.names[place.start + component]!r} is missing in row {row}: give "
                "vectors without gaps."
            )
        codes = nearest_codes(values, tables[name], vocabularies[name].counts)
        given[names_in[positions[0]]] = _typed(labels(vocabularies[name], {}, codes))
    return pd.DataFrame(given)


def _check_columns(columns, names_out):
    if len(columns.names) != len(names_out):
        raise ValueError(
            f"X has {len(columns.names)} features, but inverse_transform is expecting "
            f"{len(names_out)} features as input: what transform puts out, {names_out}."
        )
    if columns.is_frame and list(columns.names) != names_out:
        raise ValueError(
            f"X has the columns {list(columns.names)}, but inverse_transform is expecting those of "
            f"get_feature_names_out(), in their order: {names_out}."
        )


def nearest_codes(vectors, table, counts):
    """Code of the row of a table that is nearest to each vector.

    Where rows of the table are the same, it is that of the most rows in fit.

    Parameters
    ----------
    vectors : ndarray of shape (n_rows, dim)
    table : ndarray of shape (n_codes, dim)
    counts : ndarray of shape (n_codes,)

    Returns
    -------
    ndarray of intp, shape (n_rows,)
    """
    by_count = np.argsort(-counts, kind="stable")
    distinct = by_count[~pd.DataFrame(table[by_count]).duplicated().to_numpy()]
    tree = cKDTree(table[distinct], balanced_tree=False, compact_nodes=False)
    return distinct[tree.query(vectors)[1]]


def neighbours(name, level_or_vector, k, table, levels, parts):
    """Frame of the k levels nearest to a level or vector, and their distances.

    Parameters
    ----------
    name : str
        Of the column or cross.
    level_or_vector : object
        Arrays, lists and series are vectors.
    k : int
    table : ndarray of shape (n_codes, dim)
    levels : Vocabulary or Cross
    parts : dict of str to Vocabulary or Bins
        The columns that a cross is made of.
    """
    if isinstance(k, bool) or not isinstance(k, Integral) or k < 1:
        raise ValueError(f"k must be an int of at least 1, got {k!r}.")
    if isinstance(level_or_vector, (np.ndarray, list, pd.Series)):
        code, vector = UNSEEN, _vector(name, level_or_vector, table.shape[1])
    else:
        code = _code_of(name, level_or_vector, levels, parts)
        vector = table[code]
    distances = _distances(table, vector)
    distances[[*range(len(RESERVED)), code]] = np.inf
    codes = _smallest(distances, k)
    return pd.DataFrame(
        {"level": _typed(labels(levels, parts, codes)), "distance": distances[codes]}
    )


def level_frame(name, table, levels, parts):
    """Table as a frame: a row per code, a column per component."""
    own = labels(levels, parts, np.arange(len(RESERVED), len(table)))
    index = pd.Index(_typed([*RESERVED, *own]), name=name, tupleize_cols=False)
    return pd.DataFrame(table, index, [f"{name}_{i}" for i in range(table.shape[1])])


def labels(levels, parts, codes):
    """Levels of codes: tuples of a cross, intervals of bins; None where unseen or missing.

    Parameters
    ----------
    levels : Vocabulary, Cross or Bins
    parts : dict of str to Vocabulary or Bins
        The columns that a cross is made of.
    codes : ndarray of intp, shape (n,)
        Of a cross, no reserved ones.

    Returns
    -------
    ndarray of object, shape (n,)
    """
    if isinstance(levels, Cross):
        of_part = np.unravel_index(levels.keys[codes - len(RESERVED)], levels.sizes)
        columns = [
            labels(parts[name], parts, part)
            for name, part in zip(levels.names, of_part, strict=True)
        ]
        return _objects(list(zip(*columns, strict=True)))
    if isinstance(levels, Bins):
        own = list(pd.IntervalIndex.from_breaks([-np.inf, *levels.edges, np.inf]))
    else:
        own = levels.levels
    return _objects([None, None, INFREQUENT_LABEL, *own])[codes]


def _code_of(name, level, levels, parts):
    """Code of a level of a column or cross; that of missing for None."""
    code = UNSEEN
    if not isinstance(levels, Cross):
        code = _code(level, levels)
        hint = f"such as {levels.levels[:3]}; all stand in vocabularies_[{name!r}].levels"
    else:
        if isinstance(level, tuple) and len(level) == len(levels.names):
            values = zip(levels.names, level, strict=True)
            code = levels.encode({n: np.array([_code(v, parts[n])]) for n, v in values})[0]
        hint = f"a tuple, one of each of {list(levels.names)}, that occurred in fit"
    if code == UNSEEN:
        raise ValueError(
            f"{level!r} is not a level of {name!r}. Give one that fit has seen, {hint}; or a "
            "vector, as an array."
        )
    return int(code)


def _code(value, levels):
    if isinstance(levels, Bins):
        number = value.right if isinstance(value, pd.Interval) else value
        return levels.encode(np.array([number], dtype=np.float64))[0]
    if not isinstance(value, tuple) and pd.isna(value):
        return MISSING
    code = levels.codes_of([value])[0]
    return INFREQUENT if code == UNSEEN and value == INFREQUENT_LABEL else code


def _vector(name, values, dim):
    try:
        vector = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        vector = np.array(np.nan)
    if vector.shape != (dim,) or not np.isfinite(vector).all():
        raise ValueError(
            f"The vectors of {name!r} are {dim} finite numbers long, got {values!r}. A level is "
            "given by itself, not in a list."
        )
    return vector


def _distances(table, vector):
    """Euclidean distances, in pieces that do not grow with the vocabulary."""
    distances = np.empty(len(table))
    for start in range(0, len(table), CHUNK):
        part = table[start : start + CHUNK].astype(np.float64)
        distances[start : start + CHUNK] = np.linalg.norm(part - vector, axis=1)
    return distances


def _smallest(distances, k):
    """Positions of the k smallest that are finite; of equal ones, the first."""
    k = min(int(k), int(np.isfinite(distances).sum()))
    if k == 0:
        return np.empty(0, dtype=np.intp)
    near = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])
    return near[np.argsort(distances[near], kind="stable")][:k]


def _objects(values):
    return np.fromiter(values, dtype=object, count=len(values))


def _typed(values):
    """Series of the type that the values have in common."""
    series = pd.Series(values, dtype=object)
    try:
        return series.infer_objects()
    # Half of a surrogate pair, which no string of Arrow holds; integers too large for pandas 2
    except (UnicodeEncodeError, OverflowError):
        return series
