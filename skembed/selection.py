"""Which columns are embedded."""

from numbers import Integral

import numpy as np


def embedded_columns(spec, X, columns):
    """Positions of the columns that ``categorical_features`` asks for, in column order.

    Parameters
    ----------
    spec : "auto", list of names, list of positions, boolean mask or callable
        As ``categorical_features`` of the encoder.
    X : array-like
        What a callable is given.
    columns : Columns

    Returns
    -------
    list of int

    Raises
    ------
    ValueError
        If a name or position does not exist, or no column is left.
    """
    names = list(columns.names)
    if callable(spec):
        spec = spec(X)
    if isinstance(spec, slice):
        spec = list(range(len(names)))[spec]
    if isinstance(spec, str) and spec != "auto":
        raise ValueError(
            f"categorical_features must be 'auto', a list of names or positions, a mask or a "
            f"callable, got {spec!r}. For one column, give [{spec!r}]."
        )
    if isinstance(spec, str):
        positions = np.flatnonzero(columns.looks_categorical()).tolist()
    elif len(spec) and all(isinstance(item, (bool, np.bool_)) for item in spec):
        if len(spec) != len(names):
            raise ValueError(
                f"categorical_features is a mask of {len(spec)}, but X has {len(names)} columns."
            )
        positions = np.flatnonzero(np.asarray(spec)).tolist()
    else:
        positions = sorted({_position(item, names) for item in spec})
    if not positions:
        raise ValueError(
            f"No categorical column among {names}: by default the columns of strings, categories "
            "and booleans of a frame are embedded. Name others, such as integer ids, in "
            "categorical_features."
        )
    return positions


def _position(item, names):
    if isinstance(item, Integral):
        position = int(item)
        if -len(names) <= position < len(names):
            return position % len(names)
    if item in names:
        return names.index(item)
    raise ValueError(f"categorical_features names {item!r}, which is not a column. X has {names}.")
