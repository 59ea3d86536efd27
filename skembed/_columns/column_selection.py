"""Which columns are embedded."""

from numbers import Integral

import numpy as np

from skembed._columns.vocabulary import kinds
from skembed._utils.warnings import called_by, warn_user

# A column with so many levels per row teaches nothing: one seen once tells of no other row.
NEARLY_UNIQUE = 0.95
FEWEST_ROWS = 20  # fewer may differ by chance
MOST_NAMES = 8  # that a message shows


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
        if not columns.is_frame:
            _warn_of_lost_types(columns, positions)
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


def _warn_of_lost_types(columns, embedded):
    """Warn of columns of whole numbers in an array that may be ids or quantities.

    Those of a frame have types. An array of such numbers alone is taken as one of codes without a
    word, unless an ensemble has made it.
    """
    whole = columns.looks_whole()
    if not whole.any() or (whole.all() and not called_by("sklearn.ensemble")):
        return
    numbers = [j for j in range(len(columns.names)) if j not in embedded]
    as_numbers = f" and takes {_names(columns, numbers)} as numbers" if numbers else ""
    warn_user(
        f"X is an array, whose columns have no types: fit embeds {_names(columns, embedded)}"
        f"{as_numbers}. The whole numbers in {_names(columns, np.flatnonzero(whole))} may be ids "
        "or quantities. Give the positions of the columns to embed, such as "
        f"categorical_features={embedded[:MOST_NAMES]}, or a data frame. Steps before this one "
        "keep the frame after set_output(transform='pandas'); an ensemble does not."
    )


def _names(columns, positions):
    """Names of columns as a message shows them."""
    shown = [columns.names[j] for j in positions[:MOST_NAMES]]
    return (
        f"{shown} and {len(positions) - MOST_NAMES} more" if len(positions) > MOST_NAMES else shown
    )


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
    if by_type and (is_frame or not kinds(counted.values) <= {"numbers"}):
        return True
    if by_type or any(isinstance(value, float) for value in counted.values):
        warn_user(
            f"Column {name!r} is embedded, but has {n_levels} different values in {n_rows} "
            "rows: a level that is seen once teaches nothing. If it is a quantity, give the "
            "columns without it in categorical_features, and the net sees it as a number."
        )
    return False


def report_left_out(left_out, names, *, any_kept):
    """Warn of the columns that `leave_out` told of; raise if no other is embedded."""
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
