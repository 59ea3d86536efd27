"""What a column holds by its type: levels, numbers, or times. Every container gets one answer.

Dates, times, durations and periods are neither levels nor numbers. As levels, those to come are all
unseen; as numbers, they count from a day that nobody chose. A user says which they are.
"""

from datetime import date, time, timedelta
from decimal import Decimal
from fractions import Fraction

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd

LEVELS, NUMBERS, TIMES, OTHERS = "levels", "numbers", "times", "others"

# What pandas calls the values of a column of objects, where they are not levels.
_OF_OBJECTS = {
    **dict.fromkeys(("integer", "floating", "mixed-integer-float", "decimal"), NUMBERS),
    **dict.fromkeys(("date", "datetime", "datetime64", "time", "period"), TIMES),
    **dict.fromkeys(("timedelta", "timedelta64"), TIMES),
    "complex": OTHERS,
}
_OF_NUMPY = {**dict.fromkeys("SUTb", LEVELS), **dict.fromkeys("iuf", NUMBERS)}
_OF_NUMPY |= dict.fromkeys("mM", TIMES)

# Types of pandas and Arrow that narwhals does not know, by the beginning of their names.
_UNKNOWN = {
    "large_binary": LEVELS,
    "fixed_size_binary": LEVELS,
    "interval": LEVELS,
    "decimal": NUMBERS,
    "period": TIMES,
    "month_day_nano_interval": TIMES,
}
_OF_LEVELS = nw.String, nw.Categorical, nw.Enum, nw.Boolean, nw.Binary, nw.List, nw.Array

# Types of Arrow that some functions do not know, by the beginning of their names, and what replaces
# them; None where the columns of pandas become those of Arrow and keep their type.
_SAME_AS = {
    "extension<arrow.bool8": "bool",
    "extension": "what is stored",
    "binary_view": "large_binary",
    "date64": "date32",
    "large_binary": None,
    "fixed_size_binary": None,
    "decimal32": None,
    "decimal64": None,
    "decimal256": None,
}
_RARE = tuple(_SAME_AS)


def kind_of(series):
    """Kind of a column of a frame.

    Parameters
    ----------
    series : narwhals Series

    Returns
    -------
    {"levels", "numbers", "times", "others"}
    """
    dtype = series.dtype
    if dtype == nw.Object:
        return kind_of_objects(series.to_numpy())
    if isinstance(dtype, _OF_LEVELS):
        return LEVELS
    if dtype.is_numeric():
        return NUMBERS
    if dtype.is_temporal():
        return TIMES
    native = series.to_native()
    return _first_match(_UNKNOWN, str(_arrow_type(native) or native.dtype), OTHERS)


def kind_of_objects(values):
    """Kind of an array of objects; levels if they are of several kinds, and lists are levels."""
    return _inferred(values)[0]


def hold_numbers(values):
    """Whether an array of objects holds nothing but numbers and gaps, or booleans and gaps."""
    kind, name = _inferred(values)
    return kind == NUMBERS or name in {"boolean", "empty"} or bool(pd.isna(values).all())


def _inferred(values):
    """Kind of an array of objects, and what pandas calls it."""
    name = pd.api.types.infer_dtype(values, skipna=True)
    if name in {"mixed", "mixed-integer"}:  # of several types, which may be of one kind
        kinds = set(map(_kind_of_type, {*map(type, values[~pd.isna(values)])}))
        return kinds.pop() if len(kinds) == 1 else LEVELS, name
    return _OF_OBJECTS.get(name, LEVELS), name


def _kind_of_type(kind):
    if issubclass(kind, (date, time, timedelta, np.datetime64, np.timedelta64)):
        return TIMES
    is_number = issubclass(kind, (int, float, np.integer, np.floating, Decimal, Fraction))
    return NUMBERS if is_number and kind is not bool else LEVELS


def kinds_of_array(array):
    """Kind of each column of an array (n_rows, n_columns)."""
    if array.dtype == object:
        return np.array([kind_of_objects(column) for column in array.T], dtype=object)
    return np.full(array.shape[1], _OF_NUMPY.get(array.dtype.kind, OTHERS), dtype=object)


def levels_of_array(array):
    """Which columns of an array are embedded, if nothing else is said.

    Columns of strings and booleans are. Where an array holds numbers alone, the columns of whole
    numbers are codes of levels, as OrdinalEncoder makes them, and those with fractions quantities.
    Where all columns have fractions, there are no codes, and all of them are embedded.

    Returns
    -------
    ndarray of bool, shape (n_columns,)
    """
    kinds = kinds_of_array(array)
    levels, numbers = kinds == LEVELS, kinds == NUMBERS
    if levels.any() or not numbers.any():
        return levels
    whole = whole_columns(array)
    return whole if whole.any() else numbers


def whole_columns(array):
    """Which columns of an array hold whole numbers, and nothing else but gaps.

    Returns
    -------
    ndarray of bool, shape (n_columns,)
    """
    numbers = kinds_of_array(array) == NUMBERS
    if array.dtype.kind in "iu":
        return numbers
    return np.array(
        [
            is_number and _are_whole(column)
            for is_number, column in zip(numbers, array.T, strict=True)
        ],
        dtype=bool,
    )


def _are_whole(column):
    present = column[~pd.isna(column)]
    try:
        numbers = present.astype(np.float64)
    except OverflowError:  # of an integer that no float reaches
        return True
    return bool(len(numbers) and (numbers == np.floor(numbers)).all())


def plain(native):
    """Column of a frame, of a type that narwhals, pandas and Arrow's functions know.

    Arrow's UUIDs become bytes and its JSON strings, as they are stored. Columns of pandas that hold
    rare types of Arrow become columns of Arrow.

    Parameters
    ----------
    native : pandas or polars Series, or pyarrow ChunkedArray or Array
    """
    kind = _arrow_type(native)
    if kind is None or not str(kind).startswith(_RARE):
        return native
    replaced = _first_match(_SAME_AS, str(kind), None)
    if isinstance(native, pd.Series):
        native = native.array.__arrow_array__()
    if replaced == "what is stored":
        return plain(native.cast(kind.storage_type))
    return native if replaced is None else native.cast(replaced)


def _arrow_type(native):
    if isinstance(native, pd.Series):
        return getattr(native.dtype, "pyarrow_dtype", None)
    return native.type if type(native).__module__.startswith("pyarrow") else None


def _first_match(by_beginning, name, otherwise):
    found = (of for beginning, of in by_beginning.items() if name.startswith(beginning))
    return next(found, otherwise)
