"""Columns that hold labels and codes already: categories, enums, Arrow dictionaries.

Their codes need not be found by looking at the rows. `Columns.levels` does look: it gives those
labels alone that occur.
"""

import numpy as np
import pandas as pd


def with_one_dictionary(native):
    """Give all chunks of an Arrow dictionary column the same labels; other columns as they are."""
    return native.unify_dictionaries() if _is_arrow_dictionary(native) else native


def labels_of(native):
    """Labels of a column in the order of its codes; None if it has no codes to rely on.

    Parameters
    ----------
    native : pandas or polars Series, or pyarrow ChunkedArray

    Returns
    -------
    list or None
    """
    if isinstance(native, pd.Series):
        dtype = native.dtype
        return dtype.categories.tolist() if isinstance(dtype, pd.CategoricalDtype) else None
    if _is_arrow_dictionary(native):
        labels = native.chunk(0).dictionary.to_pylist() if native.num_chunks else []
        return labels if set(map(type, labels)) == {str} else None
    is_enum = str(getattr(native, "dtype", "")).startswith("Enum")
    return native.dtype.categories.to_list() if is_enum else None


def label_positions(native):
    """Position of each row's label, -1 where it is missing.

    Parameters
    ----------
    native : pandas or polars Series, or pyarrow ChunkedArray
        A column that has labels, or a part of it.

    Returns
    -------
    ndarray of int, shape (n_rows,)
    """
    if isinstance(native, pd.Series):
        return native.array.codes
    if _is_arrow_dictionary(native):
        parts = [_filled(chunk.indices).to_numpy() for chunk in native.chunks]
        return parts[0] if len(parts) == 1 else np.concatenate(parts)
    return _filled(native.to_physical(), int).to_numpy()


def _filled(codes, signed="int64"):
    """Codes without nulls: -1 instead."""
    return codes.cast(signed).fill_null(-1) if codes.null_count else codes


def _is_arrow_dictionary(native):
    return str(getattr(native, "type", "")).startswith("dictionary")
