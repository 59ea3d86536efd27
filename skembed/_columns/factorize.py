"""A column in factorised form: its distinct values, and which of them each row holds."""

from datetime import date
from typing import NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

from skembed._columns.labels import arrow_positions

FEW = 8  # values that are sooner looked at one by one


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
        return _of_arrow(series)
    present = ~series.is_null().to_numpy()
    rows = np.full(len(present), -1, dtype=np.intp)
    values = series.drop_nulls().to_numpy()
    if isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone:
        values = pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(series.dtype.time_zone)
    levels = factorize(values)
    rows[present] = levels.rows
    return Levels(rows, levels.values)


def _of_arrow(series):
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


def _distinct(value):
    if type(value) is date:  # a day is its midnight in the frames that have no type for days
        return pd.Timestamp(value)
    return _Boolean("boolean", bool(value)) if isinstance(value, (bool, np.bool_)) else value
