"""A column in factorised form: its distinct values, and which of them each row holds."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

FEW = 8  # values that are sooner looked at one by one
BEYOND_NUMPY = {"Int128", "UInt128"}  # types of integers that numpy does not have


class Levels(NamedTuple):
    """A column in factorised form: its distinct values, and which of them each row holds.

    Attributes
    ----------
    rows : ndarray of int, shape (n_rows,)
        Position in ``values``, or -1 where the row is missing.
    values : list
        Distinct values as Python scalars, in the order in which they appear.
    """

    rows: np.ndarray
    values: list

    def count(self, used):
        """Count how often each value occurs in the rows that are used, (n_rows,) of bool."""
        rows = self.rows[used]
        counts = np.bincount(rows[rows >= 0], minlength=len(self.values))
        return Counts(self.values, counts, int((rows < 0).sum()))


class Counts(NamedTuple):
    """How often each value of a column occurs.

    Attributes
    ----------
    values : list
        Distinct values as Python scalars, in the order in which they appear.
    counts : ndarray of int, shape (n_values,)
    n_missing : int
        Rows in which the column is missing.
    """

    values: list
    counts: np.ndarray
    n_missing: int

    @property
    def n_rows(self):
        """Number of rows, those in which the column is missing included."""
        return int(self.counts.sum()) + self.n_missing


def factorize(values):
    """Factorise an array; True, 1 and "1" stay apart, 1 and 1.0 are one number."""
    if values.dtype.kind in "SUT":
        values = values.astype(object)
    elif values.dtype.kind in "mM":
        values = pd.Index(values)  # whose values are Timestamps, whatever the unit
    mixed = values.dtype == object and pd.api.types.infer_dtype(values, skipna=True) != "string"
    if mixed:
        values = np.frompyfunc(_distinct, 1, 1)(values)
    rows, distinct = pd.factorize(values)
    if mixed:
        return Levels(rows, [v.value if isinstance(v, _Boolean) else v for v in distinct])
    return Levels(rows, distinct.tolist())


def factorize_strings(array):
    """Factorise strings of pandas; so few that each is looked up by itself, as they are."""
    if len(array) > FEW:
        rows, values = pd.factorize(array)
        return Levels(rows, values.tolist())
    at: dict = {}
    rows = [at.setdefault(value, len(at)) if isinstance(value, str) else -1 for value in array]
    return Levels(np.array(rows, dtype=np.intp), list(at))


def factorize_series(series):
    """Factorise a polars or pyarrow column.

    Nulls are set apart first: as numpy arrays, integers with nulls lose digits and Arrow
    dictionaries turn null into a level.
    """
    if series.dtype.is_nested():
        raise TypeError(f"of type {series.dtype}")
    if isinstance(series.dtype, (nw.Categorical, nw.Enum)):
        series = _decoded(series)
    if series.dtype == nw.String:
        return _of_strings(series)
    present = ~series.is_null().to_numpy()
    rows = np.full(len(present), -1, dtype=np.intp)
    values = series.drop_nulls()
    if str(series.dtype) in BEYOND_NUMPY:
        values = np.fromiter(values.to_list(), dtype=object, count=len(values))
    else:
        values = values.to_numpy()
    if isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone:
        values = pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(series.dtype.time_zone)
    levels = factorize(values)
    rows[present] = levels.rows
    return Levels(rows, levels.values)


def _of_strings(series):
    """Factorise strings of polars or pyarrow."""
    try:
        # Without its name, in which polars cannot hand over a NUL.
        native = (
            series.to_native()
            if series.implementation.is_pyarrow()
            else series.alias("").to_arrow()
        )
    except ModuleNotFoundError:  # polars without pyarrow
        return factorize(series.to_numpy())
    encoded = native.dictionary_encode()
    chunks = getattr(encoded, "chunks", [encoded])  # all with the same dictionary
    return Levels(arrow_positions(encoded), chunks[0].dictionary.to_pylist() if chunks else [])


def _decoded(series):
    """Labels of a dictionary column: codes may differ between chunks and between frames."""
    if series.implementation.is_pyarrow():  # where labels may be numbers
        native = series.to_native()
        return nw.from_native(native.cast(native.type.value_type), series_only=True)
    return series.cast(nw.String)


class _Boolean(NamedTuple):
    """A boolean that is not equal to the number 0 or 1."""

    kind: str
    value: bool


# What levels of Python become, as they come from typed columns. A day is its midnight in the frames
# that have no type for days.
_AS_TYPED = {date: pd.Timestamp, datetime: pd.Timestamp, timedelta: pd.Timedelta}


def _distinct(value):
    if type(value) in _AS_TYPED:
        return _AS_TYPED[type(value)](value)
    return _Boolean("boolean", bool(value)) if isinstance(value, (bool, np.bool_)) else value


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
        return _labels_of_arrow(native)
    elif type(getattr(native, "dtype", None)).__name__ in ("Categorical", "Enum"):
        return _labels_of_polars(native)
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


def _labels_of_arrow(native):
    native = native.unify_dictionaries()
    if not native.num_chunks or len(native.chunk(0).dictionary) > len(native):
        return None
    labels = native.chunk(0).dictionary.to_pylist()
    return Labels(labels, native) if set(map(type, labels)) == {str} else None


def _labels_of_polars(native):
    categories: Any = getattr(native.dtype, "categories", None)
    codes = native.to_physical()
    if hasattr(categories, "to_series"):  # those of a Categorical, where polars tells them
        categories = categories.to_series()
    if not hasattr(categories, "to_list"):
        return None
    if codes.null_count():
        codes = codes.fill_null(len(categories))  # for which polars leaves a number
    return _unless_many(categories, codes.to_numpy())
