"""Any data frame, array or sparse matrix in, typed columns out."""

import copy
from collections import Counter
from collections.abc import Mapping
from numbers import Number
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import check_array

from skembed._columns.bags import is_bag, members_of_lists, members_of_sparse
from skembed._columns.factorize import (
    BEYOND_NUMPY,
    Labels,
    Levels,
    factorize,
    factorize_series,
    factorize_strings,
    labels_of,
)
from skembed._columns.kinds import (
    LEVELS,
    NUMBERS,
    TIMES,
    hold_numbers,
    kind_of,
    kind_of_objects,
    kinds_of_array,
    levels_of_array,
    plain,
    whole_columns,
)

BLOCK = 2**16  # rows that are scored at once
MANY = BLOCK // 4  # values in a block, of a column that is factorised at once


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
    is_new : bool
        Whether the rows are new to a fitted estimator, for which the advice of errors is another.
    counted : ndarray of bool, shape (n_rows,), or None
        Rows whose values decide what an untyped column holds: those with weight. None if all do.
    """

    is_new = False
    counted: Any = None

    def __init__(self, X):
        self.sparse = X if issparse(X) else None
        self._rows = None  # of a block, which has a whole
        self._whole: Any = None
        self._labels = {}
        frame = None if issparse(X) else _frame_or_none(X)
        self.is_frame = frame is not None
        if issparse(X):
            self.names, self.n_rows = ["bag"], X.shape[0]
        elif isinstance(frame, pd.DataFrame):
            self._natives = [plain(column) for _, column in frame.items()]
            self.names, self.n_rows = frame.columns.tolist(), len(frame)
        elif frame is not None:
            self._natives = [plain(series.to_native()) for series in frame.iter_columns()]
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
            These rows.
        """
        if self.n_rows <= BLOCK // 64 or self.sparse is not None:
            yield slice(None), self
            return
        if self.is_frame:
            labels = map(labels_of, self._natives)
            self._labels = {j: of for j, of in enumerate(labels) if of is not None}
        for start in range(0, self.n_rows, BLOCK):
            part = copy.copy(self)
            rows = slice(start, min(start + BLOCK, self.n_rows))
            part._whole, part._rows = self, rows
            part.n_rows = rows.stop - start
            part.counted = None if self.counted is None else self.counted[rows]
            if not self.is_frame:
                part.array = self.array[rows]
            yield rows, part

    def by_label(self, j):
        """Column ``j`` in factorised form, of a block.

        Where the column has labels, these are its values, the same list in all blocks, though
        they may not occur; and missing rows may have the position behind the last. So it is
        from the first block with many values on.
        """
        if j not in self._labels:
            levels = self.levels(j)
            if len(levels.values) <= MANY or self._rows is None:
                return levels
            # Most of them would be looked up again in every block.
            rows, values = self._whole.levels(j)
            self._labels[j] = Labels(values, rows.astype(np.min_scalar_type(-len(values))))
        labels = self._labels[j]
        return Levels(labels.at(self._rows), labels.labels)

    def looks_categorical(self):
        """Whether each column holds levels by its type, and in an array also by its values.

        Returns
        -------
        ndarray of bool, shape (n_columns,)
        """
        if not self.is_frame:
            return levels_of_array(self._counted(self.array))
        kinds = map(self._kind, range(len(self._natives)))
        return np.array([kind == LEVELS for kind in kinds], dtype=bool)

    def looks_whole(self):
        """Whether each column of an array holds whole numbers, be it ids or quantities.

        Returns
        -------
        ndarray of bool, shape (n_columns,)
        """
        return whole_columns(self._counted(self.array))

    def is_bag(self, j):
        """Whether column ``j`` holds lists; a sparse matrix is one column that does."""
        if self.sparse is not None:
            return True
        if not self.is_frame:
            return self.array.dtype == object and is_bag(self._counted(self.array[:, j]))
        series = _typed(self._natives[j])
        if series.dtype == nw.Object:
            return is_bag(self._counted(series.to_numpy()))
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
        return factorize(members.values), members

    def levels(self, j):
        """Column ``j`` in factorised form.

        Raises
        ------
        TypeError
            If a value cannot be hashed (a list or a dict, say).
        """
        try:
            if not self.is_frame:
                return factorize(self.array[:, j])
            native = self._native(j)
            if not isinstance(native, pd.Series):
                return factorize_series(_typed(native))
            if native.dtype == object:
                return factorize(native.to_numpy())
            if isinstance(native.dtype, pd.StringDtype):
                return factorize_strings(native.array)
            native = _dense(native)
            dtype = _typed(native).dtype
            if dtype.is_float():  # pandas separates NaN from missing in its own float types
                return factorize(self._numeric_series(j))
            if dtype == nw.Date:
                native = native.astype("datetime64[s]")
            rows, values = pd.factorize(native)
            return Levels(rows, values.tolist())
        except TypeError as error:
            instead = "give levels as in fit" if self.is_new else "turn the column into strings"
            raise TypeError(
                f"Column {self.names[j]!r} holds values that cannot be hashed ({error}). A level "
                f"must be a string, a number, a boolean or another hashable value: {instead}"
                f"{'' if self.is_new else ' or leave it out'}."
            ) from error

    def numbers(self, j, dtype=np.float64, first_row=0, used=None):
        """Column ``j`` as numbers, missing as NaN; errors count rows from ``first_row``.

        Rows that are not ``used``, which is of shape (n_rows,), may hold infinite numbers.

        Returns
        -------
        ndarray of dtype, shape (n_rows,)

        Raises
        ------
        ValueError
            If the column is not numeric, or holds an infinite value.
        """
        values = self._numeric_series(j) if self.is_frame else self._numeric_array(j)
        try:
            numbers = values.astype(dtype, copy=False)
        except (TypeError, ValueError, OverflowError) as error:
            raise self.not_numeric(j, f"it holds {_first_unreadable(values)!r}") from error
        infinite = np.isinf(numbers) if values.dtype.kind not in "biu" else np.zeros(1, dtype=bool)
        if used is not None:
            infinite = infinite & used
        if infinite.any():
            row = (self._rows.start if self._rows else first_row) + int(infinite.argmax())
            raise ValueError(
                f"Column {self.names[j]!r} holds an infinite value (row {row}). Numeric columns "
                "must be finite or missing: replace infinity by a number or by NaN."
            )
        return numbers

    def why_not_numeric(self, j, *, by_type=False):
        """Say why column ``j`` cannot be read as numbers; None where it can.

        Parameters
        ----------
        j : int
        by_type : bool
            Whether a column without values is judged by its type too.
        """
        if not self.is_frame:
            values = self._counted(self.array[:, j])
            if values.dtype.kind in "mM":
                return f"its type is {values.dtype}"
            try:
                readable = hold_numbers(values) if values.dtype == object else True
                values.astype(np.float64, copy=False)
            except (TypeError, ValueError, OverflowError):
                readable = False
            return None if readable else f"it holds {_first_non_number(values)!r}"
        series = _typed(self._natives[j])
        if series.dtype == nw.Object:
            values = self._counted(series.to_numpy())
            return None if hold_numbers(values) else f"it holds {_first_non_number(values)!r}"
        known = kind_of(series) == NUMBERS or series.dtype in (nw.Boolean, nw.Unknown)
        # A column of text that is missing throughout may have lost its type.
        known = known or (not by_type and bool(series.is_null().all()))
        return None if known else f"its type is {_type_of(series)}"

    def holds_integers(self, j):
        """Whether column ``j`` of a frame holds integers, by its type."""
        return bool(_typed(self._natives[j]).dtype.is_integer())

    def number_dtype(self, j):
        """Smallest dtype of numpy that holds column ``j`` and float32 vectors without loss."""
        if not self.is_frame:
            dtype = self.array.dtype
        else:
            dtype = np.dtype(_NUMPY_NAMES.get(str(_typed(self._natives[j]).dtype), "float64"))
        return np.result_type(np.float32, dtype if dtype.kind in "biuf" else np.float64)

    def _native(self, j):
        """Column ``j`` of a frame as its library has it; of a block, its rows."""
        native, rows = self._natives[j], self._rows
        if rows is None:
            return native
        return native.iloc[rows] if hasattr(native, "iloc") else native[rows]

    def _numeric_series(self, j):
        native = self._native(j)
        dtype = native.dtype if isinstance(native, pd.Series) else None
        if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
            return native.to_numpy()
        native = _dense(native)
        series = _typed(native)
        if series.dtype == nw.Object:
            return self._numeric_objects(j, series.to_numpy())
        kind = kind_of(series)
        if not (kind == NUMBERS or series.dtype == nw.Boolean) and self.n_rows:
            # A column of a batch that is missing throughout may have lost its type.
            if not series.is_null().all():
                raise self.not_numeric(j, f"its type is {_type_of(series)}", kind)
            return np.full(self.n_rows, np.nan)
        if not series.dtype.is_numeric():  # an Arrow decimal that narwhals does not know
            if kind == NUMBERS:
                return native.cast("float64").to_numpy()
        elif str(series.dtype) in BEYOND_NUMPY:
            return series.cast(nw.Float64).to_numpy()
        if isinstance(native, pd.Series) and not isinstance(native.dtype, np.dtype):
            return native.to_numpy(dtype=np.float64, na_value=np.nan)
        return series.to_numpy()

    def _numeric_array(self, j):
        values = self.array[:, j]
        if values.dtype == object:
            return self._numeric_objects(j, values)
        if values.dtype.kind in "mM":  # which would turn into ticks, and NaT into -2**63
            raise self.not_numeric(j, f"its type is {values.dtype}", TIMES)
        return values

    def _numeric_objects(self, j, values):
        counted = self._counted(values)
        if not hold_numbers(counted):
            held = f"it holds {_first_non_number(counted)!r}"
            raise self.not_numeric(j, held, kind_of_objects(counted))
        if self.counted is not None:
            values = np.where(self.counted, values, pd.to_numeric(values, errors="coerce"))
        return np.where(pd.isna(values), np.nan, values)

    def _counted(self, values):
        """Those of the values, or rows, that decide what an untyped column holds."""
        return values if self.counted is None else values[self.counted]

    def _kind(self, j):
        """Kind of column ``j`` of a frame."""
        series = _typed(self._natives[j])
        if series.dtype == nw.Object:
            return kind_of_objects(self._counted(series.to_numpy()))
        return kind_of(series)

    def not_numeric(self, j, reason, kind=None):
        """Error that says why column ``j`` cannot be read as numbers."""
        if self.is_new:
            return ValueError(
                f"Column {self.names[j]!r} must be numeric, but {reason}. Give numbers, or NaN "
                "where there is none."
            )
        if kind is None and self.is_frame:
            kind = self._kind(j)
        elif kind is None:
            (kind,) = kinds_of_array(self.array[:, [j]])
        advice = "Name it in categorical_features, turn it into numbers, or leave it out of X."
        if kind == TIMES:
            advice = (
                "Dates and times are neither levels nor numbers: make numbers of them, such as the "
                "year and the day of the week, name the column in categorical_features if few "
                "values come back again and again, or leave it out of X."
            )
        return ValueError(
            f"Column {self.names[j]!r} is not embedded, so it must be numeric, but {reason}. "
            f"{advice}"
        )


_NUMPY_NAMES = {
    "Boolean": "bool",
    **{f"{sign}Int{bits}": f"{sign.lower()}int{bits}" for sign in ("", "U") for bits in (8, 16)},
    "Float32": "float32",
}


def _typed(native):
    """A column as narwhals sees it."""
    return nw.from_native(_dense(native), series_only=True)


def _dense(native):
    """A column, unpacked where it is a sparse one of pandas."""
    sparse = isinstance(native, pd.Series) and isinstance(native.dtype, pd.SparseDtype)
    return native.astype(native.dtype.subtype) if sparse else native


def _objects(values):
    return np.fromiter(values, dtype=object, count=len(values))


def _type_of(series):
    """Type of a column, by the name that its library gives it where narwhals has none."""
    if series.dtype != nw.Unknown:
        return series.dtype
    native = series.to_native()
    return native.type if series.implementation.is_pyarrow() else native.dtype


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
            f"but is a {_public_name(type(X))}. Give {instead}."
        )
    return None


def _instead(X, frame):
    """What to give instead of a container that is neither a frame nor an array."""
    if isinstance(frame, nw.LazyFrame):
        return "X.collect(), or X.compute() in dask"
    if type(X).__module__.startswith("pyarrow"):
        return "pyarrow.Table.from_batches([X]) of a batch, pyarrow.table({'name': X}) of a column"
    if isinstance(X, pd.Series):
        return "X.to_frame() of a column, frame.iloc[[i]] of a row"
    if isinstance(frame, nw.Series):
        return "X.to_frame()"
    if isinstance(X, Mapping) and not any(map(np.ndim, X.values())):
        return "pandas.DataFrame([X])"
    if isinstance(X, Mapping) or getattr(getattr(X, "dtype", None), "names", None):
        return "pandas.DataFrame(X)"
    return None


def _public_name(kind):
    """Name of a class of another library, without its modules, which may be private."""
    library = kind.__module__.partition(".")[0]
    return kind.__name__ if library == "builtins" else f"{library}.{kind.__name__}"


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


def _first_non_number(values):
    others = bool, np.timedelta64  # which Python takes for integers
    is_number = (isinstance(value, Number) and not isinstance(value, others) for value in values)
    known = zip(values, is_number, pd.isna(values), strict=True)
    return next((value for value, is_one, missing in known if not (is_one or missing)), None)


def _first_unreadable(values):
    for value in values:
        try:
            float(value)
        except (TypeError, ValueError, OverflowError):
            return value
    return None
