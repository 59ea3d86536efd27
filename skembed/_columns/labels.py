"""Columns that hold labels and codes already: categories, enums, Arrow dictionaries.

Their codes need not be found by looking at the rows. `Columns.levels` does look: it gives those
labels alone that occur.
"""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd


class Labels(NamedTuple):
    """The labels of a column, and where in them its rows are.

    Attributes
    ----------
    labels : list
    positions : ndarray of int, shape (n_rows,), or pyarrow ChunkedArray of dictionaries
        Missing is -1, or the number of labels if ints are unsigned; null in Arrow.
    """

    labels: list
    positions: Any

    def at(self, rows):
        """Positions of some rows, a slice: ndarray of int."""
        if isinstance(self.positions, np.ndarray):
            return self.positions[rows]
        return arrow_positions(self.positions[rows])


def labels_of(native):
    """Labels of a column; None if it has none to rely on, or more than rows.

    Parameters
    ----------
    native : pandas or polars Series, or pyarrow ChunkedArray

    Returns
    -------
    Labels or None
    """
    if isinstance(native, pd.Series):
        if isinstance(native.dtype, pd.CategoricalDtype):
            return _unless_many(native.dtype.categories, native.array.codes)
    elif str(getattr(native, "type", "")).startswith("dictionary"):
        return _of_arrow(native)
    elif type(getattr(native, "dtype", None)).__name__ in ("Categorical", "Enum"):
        return _of_polars(native)
    return None


def arrow_positions(column):
    """Positions in the dictionary, of an Arrow column or array with one; null is -1."""
    parts = [np.empty(0, dtype=np.intp)]
    for chunk in getattr(column, "chunks", [column]):
        indices = chunk.indices
        if indices.null_count:
            unsigned = str(indices.type).startswith("uint")
            indices = (indices.cast("int64") if unsigned else indices).fill_null(-1)
        parts.append(indices.to_numpy())
    return parts[1] if len(parts) == 2 else np.concatenate(parts)


def _unless_many(labels, positions):
    return Labels(labels.to_list(), positions) if len(labels) <= len(positions) else None


def _of_arrow(native):
    native = native.unify_dictionaries()
    if not native.num_chunks or len(native.chunk(0).dictionary) > len(native):
        return None
    labels = native.chunk(0).dictionary.to_pylist()
    return Labels(labels, native) if set(map(type, labels)) == {str} else None


def _of_polars(native):
    categories: Any = getattr(native.dtype, "categories", None)
    codes = native.to_physical()
    if hasattr(categories, "to_series"):  # those of a Categorical, where polars tells them
        categories = categories.to_series()
    if not hasattr(categories, "to_list"):
        return None
    if codes.null_count():
        codes = codes.fill_null(len(categories))  # for which polars leaves a number
    return _unless_many(categories, codes.to_numpy())
