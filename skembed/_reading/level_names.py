"""Codes back to levels: tuples of a cross, intervals of bins."""

import numpy as np
import pandas as pd

from skembed._columns.crosses import Cross
from skembed._columns.numeric import Bins
from skembed._columns.vocabulary import RESERVED

INFREQUENT_LABEL = "infrequent_sklearn"  # as OneHotEncoder.inverse_transform calls it


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


def level_frame(name, table, levels, parts):
    """Table as a frame: a row per code, a column per component."""
    own = labels(levels, parts, np.arange(len(RESERVED), len(table)))
    index = pd.Index(typed_series([*RESERVED, *own]), name=name, tupleize_cols=False)
    return pd.DataFrame(table, index, [f"{name}_{i}" for i in range(table.shape[1])])


def _objects(values):
    return np.fromiter(values, dtype=object, count=len(values))


def typed_series(values):
    """Series of the type that the values have in common."""
    series = pd.Series(values, dtype=object)
    try:
        return series.infer_objects()
    # Half of a surrogate pair, which no string of Arrow holds; integers too large for pandas 2
    except (UnicodeEncodeError, OverflowError):
        return series
