"""The levels whose vectors are nearest to a level or a vector."""

from numbers import Integral

import numpy as np
import pandas as pd
from scipy.spatial import cKDTree

from skembed._columns.crosses import Cross
from skembed._columns.numeric import Bins
from skembed._columns.vocabulary import INFREQUENT, MISSING, RESERVED, UNSEEN
from skembed._reading.level_names import INFREQUENT_LABEL, labels, typed_series
from skembed._reading.near_names import did_you_mean, near_levels

CHUNK_LEVELS = 1_000_000  # whose distances are computed at once


def neighbours(name, level_or_vector, k, table, levels, parts):
    """Frame of the k levels nearest to a level or vector, their distances and their rows.

    Of levels at one distance those of most rows come first.

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
    codes = _smallest(distances, levels.counts, k)
    return pd.DataFrame(
        {
            "level": typed_series(labels(levels, parts, codes)),
            "distance": distances[codes],
            "rows": levels.counts[codes],
        }
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


def _code_of(name, level, levels, parts):
    """Code of a level of a column or cross; that of missing for None."""
    code, meant = UNSEEN, []
    if not isinstance(levels, Cross):
        code = _code(level, levels)
        if code == UNSEEN:
            meant = near_levels(level, levels)
        hint = f"such as {levels.levels[:3]}; all stand in vocabularies_[{name!r}].levels"
    else:
        if isinstance(level, tuple) and len(level) == len(levels.names):
            code = _code_of_tuple(level, levels, parts)
            meant = _near_tuple(level, levels, parts) if code == UNSEEN else []
        hint = f"a tuple, one of each of {list(levels.names)}, that occurred in fit"
    if code == UNSEEN:
        raise ValueError(
            f"{level!r} is not a level of {name!r}.{did_you_mean(meant)} Give one that fit has "
            f"seen, {hint}; or a vector, as an array."
        )
    return int(code)


def _code_of_tuple(values, cross, parts):
    """Code of a level of a cross."""
    named = zip(cross.names, values, strict=True)
    return cross.encode({name: np.array([_code(value, parts[name])]) for name, value in named})[0]


def _near_tuple(values, cross, parts):
    """List of the level of a cross of which each part is near, or of none."""
    near = []
    for name, value in zip(cross.names, values, strict=True):
        part = parts[name]
        if isinstance(part, Bins) or _code(value, part) != UNSEEN:
            near.append(value)
        else:
            near += near_levels(value, part)[:1]
    is_level = len(near) == len(values) and _code_of_tuple(near, cross, parts) != UNSEEN
    return [tuple(near)] if is_level else []


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
            f"The vectors of {name!r} are {dim} finite numbers long, as embedding({name!r}) gives "
            f"them, got {values!r}. A level is given by itself, not in a list."
        )
    return vector


def _distances(table, vector):
    """Euclidean distances, in pieces that do not grow with the vocabulary."""
    distances = np.empty(len(table))
    for start in range(0, len(table), CHUNK_LEVELS):
        part = table[start : start + CHUNK_LEVELS].astype(np.float64)
        distances[start : start + CHUNK_LEVELS] = np.linalg.norm(part - vector, axis=1)
    return distances


def _smallest(distances, rows, k):
    """Positions of the k smallest that are finite; of equal ones, those of most rows."""
    k = min(int(k), int(np.isfinite(distances).sum()))
    if k == 0:
        return np.empty(0, dtype=np.intp)
    near = np.flatnonzero(distances <= np.partition(distances, k - 1)[k - 1])
    return near[np.lexsort((-rows[near], distances[near]))][:k]
