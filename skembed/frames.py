"""Any data frame, array or sparse matrix in, typed columns out; the only user of narwhals."""

import copy
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import check_array

from skembed.bags import is_bag, members_of_lists, members_of_sparse
from skembed.labels import label_positions, labels_of, with_one_dictionary

BLOCK = 2**16
FEW = 8


class Levels(NamedTuple):
    """A column in factorised form: its distinct values, and which of them each row holds.

    Attributes
    ----------
    rows : ndarray of intp, shape (n_rows,)
        Position in ``values``, or -1 where the row is missing.
    values : list
        Distinct values as Python scalars, in the order in which they appear.
    """

    rows: np.ndarray
    values: list


class Columns:
    """The columns of a pandas, polars or pyarrow frame, or of a two-dimensional array.

    A sparse matrix is one column, a bag.

    Attributes
    ----------
    names : list
        Column labels; ``x0, x1, ...`` for an array.
    n_rows : int
    is_frame : bool
    array : ndarray of shape (n_rows, n_columns)
        Only if X is neither a frame nor sparse.
    sparse : sparse matrix or None
    """

    def __init__(self, X):
        self.sparse = X if issparse(X) else None
        self._first_row = 0
        self._labels = {}
        frame = None if issparse(X) else _frame_or_none(X)
        self.is_frame = frame is not None
        if issparse(X):
            self.names, self.n_rows = ["bag"], X.shape[0]
        elif isinstance(frame, pd.DataFrame):
            self._natives = [_dense(column) for _, column in frame.items()]
            self.names, self.n_rows = frame.columns.tolist(), len(frame)
        elif frame is not None:
            self._natives = [series.to_native() for series in frame.iter_columns()]
            self.names, self.n_rows = list(frame.columns), len(frame)
        else:
            self.array = _as_array(X)
            self.n_rows = self.array.shape[0]
            self.names = [f"x{j}" for j in range(self.array.shape[1])]

    def blocks(self):
        """Rows from top to bottom, so many at once as the cache of a processor holds.

        Yields
        ------
        rows : slice
        part : Columns
            These rows. Columns that have labels and codes already give those to
            `by_label`, if there are not more labels than rows.
        """
        if self.n_rows <= BLOCK // 64 or self.sparse is not None:
            yield slice(None), self
            return
        if self.is_frame:
            self._natives = list(map(with_one_dictionary, self._natives))
            labels = map(labels_of, self._natives)
            self._labels = {j: of for j, of in enumerate(labels) if of and len(of) <= self.n_rows}
        for start in range(0, self.n_rows, BLOCK):
            part = copy.copy(self)
            rows = slice(start, min(start + BLOCK, self.n_rows))
            part._first_row, part.n_rows = start, rows.stop - start
            if self.is_frame:
                part._natives = [_part(native, rows) for native in self._natives]
            else:
                part.array = self.array[rows]
            yield rows, part

    def by_label(self, j):
        """Column ``j`` in factorised form; its values may be more than those that occur.

        Where they are labels, they are the same list in all blocks.
        """
        if j not in self._labels:
            return self.levels(j)
        return Levels(label_positions(self._natives[j]), self._labels[j])

    def looks_categorical(self):
        """Whether each column holds levels by its type; in an array every column does.

        Returns
        -------
        ndarray of bool, shape (n_columns,)
        """
        if not self.is_frame:
            return np.ones(len(self.names), dtype=bool)
        kinds = (nw.String, nw.Categorical, nw.Enum, nw.Boolean, nw.List, nw.Array)
        return np.array(
            [
                isinstance(series.dtype, kinds)
                or (series.dtype == nw.Object and _kind_of_objects(series) not in _NUMERIC)
                for series in map(_typed, self._natives)
            ],
            dtype=bool,
        )

    def is_bag(self, j):
        """Whether column ``j`` holds lists; a sparse matrix is one column that does."""
        if self.sparse is not None:
            return True
        if not self.is_frame:
            return self.array.dtype == object and is_bag(self.array[:, j])
        series = _typed(self._natives[j])
        if series.dtype == nw.Object:
            return is_bag(series.to_native())
        return isinstance(series.dtype, (nw.List, nw.Array))

    def members(self, j):
        """Column ``j``, which holds lists, as members in factorised form.

        Returns
        -------
        levels : Levels
            Of the members, row after row.
        members : Members
            Their rows and weights.
        """
        if self.sparse is not None:
            members = members_of_sparse(self.sparse)
            return Levels(members.values, list(range(self.sparse.shape[1]))), members
        values = (
            self.array[:, j] if not self.is_frame else _objects(_typed(self._natives[j]).to_list())
        )
        members = members_of_lists(values, self.names[j])
        return _factorize(members.values), members

    def levels(self, j):
        """Column ``j`` in factorised form.

        Raises
        ------
        TypeError
            If a value cannot be hashed (a list or a dict, say).
        """
        try:
            if not self.is_frame:
                return _factorize(self.array[:, j])
            native = self._natives[j]
            if not isinstance(native, pd.Series):
                return _factorize_series(_typed(native))
            if native.dtype == object:
                return _factorize(native.to_numpy())
            if isinstance(native.dtype, pd.StringDtype):
                return _factorize_strings(native.array)
            dtype = _typed(native).dtype
            if dtype.is_float():  # pandas tells NaN from missing in its own float types
                return _factorize(self._numeric_series(j))
            if dtype == nw.Date:
                native = native.astype("datetime64[s]")
            rows, values = pd.factorize(native)
            return Levels(rows, values.tolist())
        except TypeError as error:
            raise TypeError(
                f"Column {self.names[j]!r} holds values that cannot be hashed ({error}). A level "
                "must be a string, a number, a boolean or another hashable value: turn the "
                "column into strings or leave it out."
            ) from error

    def numbers(self, j, dtype=np.float64):
        """Column ``j`` as numbers, missing as NaN.

        Returns
        -------
        ndarray of dtype, shape (n_rows,)

        Raises
        ------
        ValueError
            If the column is not numeric, or holds an infinite value.
        """
        values = self.array[:, j] if not self.is_frame else self._numeric_series(j)
        if values.dtype.kind in "mM":  # which would turn into ticks, and NaT into -2**63
            raise self._not_numeric(j, f"its type is {values.dtype}")
        try:
            numbers = values.astype(dtype, copy=False)
        except (TypeError, ValueError) as error:
            raise self._not_numeric(j, f"it holds {_first_non_number(values)!r}") from error
        if values.dtype.kind not in "biu" and np.isinf(numbers).any():
            row = self._first_row + int(np.flatnonzero(np.isinf(numbers))[0])
            raise ValueError(
                f"Column {self.names[j]!r} holds an infinite value (row {row}). Numeric columns "
                "must be finite or missing: replace infinity by a number or by NaN."
            )
        return numbers

    def number_dtype(self, j):
        """Smallest dtype of numpy that holds column ``j`` and float32 vectors without loss."""
        if not self.is_frame:
            dtype = self.array.dtype
        else:
            dtype = np.dtype(_NUMPY_NAMES.get(str(_typed(self._natives[j]).dtype), "float64"))
        return np.result_type(np.float32, dtype if dtype.kind in "biuf" else np.float64)

    def _numeric_series(self, j):
        native = self._natives[j]
        dtype = native.dtype if isinstance(native, pd.Series) else None
        if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
            return native.to_numpy()
        series = _typed(native)
        if series.dtype == nw.Object and _kind_of_objects(series) in {*_NUMERIC, "boolean"}:
            values = series.to_numpy()
            return np.where(pd.isna(values), np.nan, values)
        if not (series.dtype.is_numeric() or series.dtype == nw.Boolean) and self.n_rows:
            # A column of a batch that is missing throughout may have lost its type.
            if not series.is_null().all():
                raise self._not_numeric(j, f"its type is {series.dtype}")
            return np.full(self.n_rows, np.nan)
        if isinstance(native, pd.Series) and not isinstance(native.dtype, np.dtype):
            return native.to_numpy(dtype=np.float64, na_value=np.nan)
        return series.to_numpy()

    def _not_numeric(self, j, reason):
        return ValueError(
            f"Column {self.names[j]!r} is not embedded, so it must be numeric, but {reason}. "
            "Name it in categorical_features, encode it before, or leave out such columns with "
            "remainder='drop' and use_context=False."
        )


_NUMPY_NAMES = {
    "Boolean": "bool",
    **{f"{sign}Int{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16)},
    "Float32": "float32",
}

# What pandas calls the values of a column of objects, where they are numbers.
_NUMERIC = {"integer", "floating", "mixed-integer-float", "decimal"}


def _typed(native):
    """A column as narwhals sees it."""
    return nw.from_native(native, series_only=True)


def _part(native, rows):
    return native.iloc[rows] if isinstance(native, pd.Series) else native[rows]


def _dense(column):
    """A column of pandas, unpacked where it is sparse."""
    sparse = isinstance(column.dtype, pd.SparseDtype)
    return column.astype(column.dtype.subtype) if sparse else column


def _objects(values):
    return np.fromiter(values, dtype=object, count=len(values))


def _kind_of_objects(series):
    return pd.api.types.infer_dtype(series.to_numpy(), skipna=True)


def _frame_or_none(X):
    if isinstance(X, pd.DataFrame):
        if not X.columns.is_unique:
            twice = [name for name, count in Counter(X.columns).items() if count > 1]
            raise ValueError(
                f"Column names must be unique, but {twice} occur more than once: rename."
            )
        return X
    frame = nw.from_native(X, pass_through=True, allow_series=True)
    if isinstance(frame, nw.DataFrame):
        return frame
    instead = _instead(X, frame)
    if instead:
        raise TypeError(
            "X must be a pandas, polars or pyarrow table in memory or a two-dimensional array, "
            f"but is a {type(X).__module__}.{type(X).__name__}. Give {instead}."
        )
    return None


def _instead(X, frame):
    """What to give instead of a container that is neither a frame nor an array."""
    if isinstance(frame, nw.LazyFrame):
        return "X.collect(), or X.compute() in dask"
    if type(X).__module__.startswith("pyarrow"):
        return "pyarrow.Table.from_batches([X]) of a batch, pyarrow.table({'name': X}) of a column"
    if isinstance(frame, nw.Series):
        return "X.to_frame()"
    if isinstance(X, Mapping) or getattr(getattr(X, "dtype", None), "names", None):
        return "pandas.DataFrame(X)"
    return None


def _as_array(X):
    """Two-dimensional array with scikit-learn's checks, of objects where X is not numeric."""
    options: dict[str, Any] = {
        "dtype": None,
        "ensure_all_finite": False,
        "ensure_min_samples": 0,
        "ensure_min_features": 0,
    }
    array = check_array(X, **options)
    if not hasattr(X, "dtype") and array.dtype.kind in "SU":
        # numpy turns the numbers of a mixed list into strings: keep each value as it is.
        array = check_array(X, **{**options, "dtype": object})
    return array


def _factorize(values):
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


def _factorize_strings(array):
    """Factorise strings of pandas; so few that each is looked up by itself, as they are."""
    if len(array) > FEW:
        rows, values = pd.factorize(array)
        return Levels(rows, values.tolist())
    at: dict = {}
    rows = [at.setdefault(value, len(at)) if isinstance(value, str) else -1 for value in array]
    return Levels(np.array(rows, dtype=np.intp), list(at))


def _factorize_series(series):
    """Factorise a polars or pyarrow column.

    Nulls are set apart first: as numpy arrays, integers with nulls lose digits and Arrow
    dictionaries turn null into a level.
    """
    if series.dtype.is_nested():
        raise TypeError(f"of type {series.dtype}")
    if isinstance(series.dtype, (nw.Categorical, nw.Enum)):
        series = _decoded(series)
    if series.dtype == nw.String:
        return _factorize(series.to_numpy())
    present = ~series.is_null().to_numpy()
    rows = np.full(len(present), -1, dtype=np.intp)
    values = series.drop_nulls().to_numpy()
    if isinstance(series.dtype, nw.Datetime) and series.dtype.time_zone:
        values = pd.DatetimeIndex(values).tz_localize("UTC").tz_convert(series.dtype.time_zone)
    levels = _factorize(values)
    rows[present] = levels.rows
    return Levels(rows, levels.values)


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


def _first_non_number(values):
    for value in values:
        try:
            float(value)
        except (TypeError, ValueError):
            return value
    return None
