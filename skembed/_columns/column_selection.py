"""Which columns are embedded."""

from numbers import Integral

import numpy as np

from skembed._utils.warnings import warn_user

# A column with so many levels per row teaches nothing: one seen once says nothing about others.
NEARLY_UNIQUE = 0.95
FEWEST_ROWS = 20  # fewer may differ by chance


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


def leave_out(spec, name, counted, *, is_frame):
    """Whether "auto" leaves a column out, because nearly every row has a level of its own.

    It does so with columns of labels. A column of numbers, which "auto" takes from an array, stays,
    but warns, as floats do that were named: they look like quantities.

    Parameters
    ----------
    spec : "auto", list or callable
        As ``categorical_features`` of the encoder.
    name : str
        Of the column.
    counted : Counts
        Its levels.
    is_frame : bool
        Whether X is a frame, of which "auto" takes labels alone.
    """
    by_type = isinstance(spec, str)
    n_levels, n_rows = int((counted.counts > 0).sum()), counted.n_rows
    if n_rows < FEWEST_ROWS or n_levels < NEARLY_UNIQUE * n_rows:
        return False
    if by_type and (is_frame or all(isinstance(value, str) for value in counted.values)):
        return True
    if by_type or any(isinstance(value, float) for value in counted.values):
        warn_user(
            f"Column {name!r} is embedded, but has {n_levels} different values in {n_rows} "
            "rows: a level that is seen once teaches nothing. If it is a quantity, give the "
            "columns without it in categorical_features, and the net sees it as a number."
        )
    return False


def report_left_out(left_out, names, *, any_kept):
    """Warn of the columns that `leave_out` found; raise if no other is embedded."""
    what = (
        f"{left_out}: nearly every row has a level of its own there, and what is seen once teaches "
        "nothing. To embed them anyway, name them in categorical_features"
    )
    if not any_kept:
        raise ValueError(f"No categorical column among {names} but {what}.")
    warn_user(f"fit leaves out the columns {what}; to end this warning, drop them from X.")


def _position(item, names):
    if isinstance(item, Integral):
        position = int(item)
        if -len(names) <= position < len(names):
            return position % len(names)
    if item in names:
        return names.index(item)
    raise ValueError(f"categorical_features names {item!r}, which is not a column. X has {names}.")
