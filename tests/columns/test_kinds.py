"""One answer for what a column holds, in every container."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skembed._columns.frames import Columns

DAYS = [date(2024, 2, 29), None, date(2023, 12, 31)]
MOMENTS = [datetime(2024, 2, 29, 7, 30), None, datetime(2023, 12, 31)]
HOURS = [time(7, 30), None, time(22, 0, 5)]
SPANS = [timedelta(days=3), None, timedelta(hours=5)]
MONTHS = [pd.Period("2024-02", "M"), None, pd.Period("2023-12", "M")]
BYTES = [b"ab", None, b"cd"]
RANGES = [pd.Interval(0, 1), None, pd.Interval(1, 2)]


def containers(values, pandas_types=(), polars=True, arrow_types=(), numpy_type=None):
    """The same values in columns of objects, typed columns of pandas, polars, Arrow and numpy."""
    found = {
        "pandas objects": pd.DataFrame({"x": pd.Series(values, dtype=object)}),
        "numpy objects": np.fromiter(values, dtype=object, count=len(values))[:, None],
        "lists": [[value] for value in values],
    }
    for kind in pandas_types:
        found[f"pandas {kind}"] = pd.DataFrame({"x": pd.Series(values, dtype=kind)})
    for kind in arrow_types:
        found[f"pyarrow {kind}"] = pa.table({"x": pa.array(values, kind)})
    if polars:
        found["polars"] = pl.DataFrame({"x": values})
    if numpy_type:
        found[f"numpy {numpy_type}"] = np.array(values, dtype=numpy_type)[:, None]
    return found


TIMES = {
    "days": containers(DAYS, ["date32[pyarrow]"], arrow_types=[pa.date32(), pa.date64()]),
    "moments": containers(
        MOMENTS,
        ["datetime64[ns]", "datetime64[s]", "timestamp[us][pyarrow]"],
        arrow_types=[pa.timestamp("ms")],
        numpy_type="M8[us]",
    ),
    "hours": containers(HOURS, ["time64[us][pyarrow]"], arrow_types=[pa.time32("s")]),
    "spans": containers(
        SPANS,
        ["timedelta64[ns]", "duration[us][pyarrow]"],
        arrow_types=[pa.duration("s")],
        numpy_type="m8[s]",
    ),
    "months": containers(MONTHS, ["period[M]"], polars=False),
}
LABELS = {
    "bytes": containers(
        BYTES,
        ["binary[pyarrow]", pd.ArrowDtype(pa.large_binary())],
        arrow_types=[pa.binary(), pa.large_binary(), pa.binary(2), pa.binary_view()],
    ),
    "intervals": containers(RANGES, ["interval[float64]"], polars=False),
    "UUIDs": containers([UUID(int=1), None, UUID(int=2)], polars=False),
}


def each(kinds):
    return [
        pytest.param(X, id=f"{kind} in {container}")
        for kind, of in kinds.items()
        for container, X in of.items()
    ]


@pytest.mark.parametrize("X", each(TIMES))
def test_kinds_times_are_neither_levels_nor_numbers(X):
    columns = Columns(X)
    assert columns.looks_categorical().tolist() == [False]
    with pytest.raises(
        ValueError, match=r"^Column 'x0?' .*Dates and times are neither .* the year"
    ):
        columns.numbers(0)


@pytest.mark.parametrize("kind", TIMES)
def test_kinds_times_that_are_named_have_the_same_levels_in_every_container(kind):
    found = [Columns(X).levels(0) for X in TIMES[kind].values()]
    assert all(rows.tolist() == [0, -1, 1] for rows, _ in found)
    assert all(values == found[0].values for _, values in found)
    assert all({*map(type, values)} == {type(found[0].values[0])} for _, values in found)


@pytest.mark.parametrize("X", each(LABELS))
def test_kinds_bytes_intervals_and_uuids_are_levels(X):
    columns = Columns(X)
    assert columns.looks_categorical().tolist() == [True]
    with pytest.raises(ValueError, match=r"^Column 'x0?' is not embedded, so it must be numeric"):
        columns.numbers(0)


@pytest.mark.parametrize("kind", LABELS)
def test_kinds_labels_are_the_same_in_every_container(kind):
    found = [Columns(X).levels(0) for X in LABELS[kind].values()]
    assert all(rows.tolist() == [0, -1, 1] for rows, _ in found)
    assert all(values == found[0].values for _, values in found)


def test_kinds_bytes_of_digits_are_no_numbers_in_an_array_of_objects():
    """Python's float takes them, and strings of digits."""
    for value in (b"7", "7"):
        with pytest.raises(ValueError, match=f"^Column 'x0' .*it holds {value!r}"):
            Columns(np.array([[value]], dtype=object)).numbers(0)


@pytest.mark.parametrize(
    "values",
    [[1, None, 3], [True, None, False], [1.5, pd.NA, 2.5], [None] * 3, [Decimal("1.5"), None, 2.5]],
)
def test_kinds_numbers_and_gaps_are_read_in_objects_of_array_and_frame(values):
    objects = np.fromiter(values, dtype=object, count=3)
    expected = [np.nan if pd.isna(value) else float(value) for value in values]
    for X in (objects[:, None], pd.DataFrame({"x": objects})):
        np.testing.assert_array_equal(Columns(X).numbers(0), expected)


@pytest.mark.parametrize(
    "wrap",
    [lambda x: x[:, None], lambda x: pd.Series(x, dtype=object).to_frame("x0")],
    ids=["array", "frame"],
)
def test_kinds_integers_that_no_float_reaches_are_no_numbers(wrap):
    columns = Columns(wrap(np.array([10**400, 7], dtype=object)))
    with pytest.raises(ValueError, match=r"^Column 'x0' is not embedded, .* it holds 10000"):
        columns.numbers(0)


def arrow_extension(kind, values, storage):
    return pa.ExtensionArray.from_storage(kind, pa.array(values, storage))


FEW_DIGITS = [Decimal("1.50"), None, Decimal("2.25")]
RARE_NUMBERS = [
    pytest.param(pa.table({"x": pa.array(FEW_DIGITS, kind)}), id=str(kind))
    for kind in (pa.decimal128(5, 2), pa.decimal256(50, 2))
]
if hasattr(pa, "decimal32"):
    RARE_NUMBERS += [
        pytest.param(pa.table({"x": pa.array(FEW_DIGITS, kind)}), id=str(kind))
        for kind in (pa.decimal32(5, 2), pa.decimal64(9, 2))
    ]
RARE_NUMBERS += [
    pytest.param(pl.DataFrame({"x": FEW_DIGITS}), id="polars decimal"),
    pytest.param(
        pd.DataFrame({"x": pd.Series(FEW_DIGITS, dtype=pd.ArrowDtype(pa.decimal256(50, 2)))}),
        id="pandas decimal256",
    ),
]


@pytest.mark.parametrize("X", RARE_NUMBERS)
def test_kinds_decimals_are_numbers(X):
    columns = Columns(X)
    assert columns.looks_categorical().tolist() == [False]
    np.testing.assert_array_equal(columns.numbers(0), [1.5, np.nan, 2.25])
    assert columns.levels(0).values == [Decimal("1.5"), Decimal("2.25")]


@pytest.mark.skipif(not hasattr(pl, "Int128"), reason="this polars has no integers of 128 bits")
def test_kinds_integers_beyond_numpy_are_numbers_and_may_be_levels():
    columns = Columns(pl.DataFrame({"x": [1, None, 2**70]}, schema={"x": pl.Int128}))
    assert columns.looks_categorical().tolist() == [False]
    np.testing.assert_array_equal(columns.numbers(0), [1, np.nan, 2.0**70])
    assert columns.levels(0).values == [1, 2**70]


@pytest.mark.skipif(not hasattr(pa, "json_"), reason="this pyarrow has no such types")
@pytest.mark.parametrize("library", ["pyarrow", "pandas"])
def test_kinds_arrow_extension_types_are_what_they_store(library):
    stored = {
        "uuid": pa.array([UUID(int=5).bytes, None], pa.uuid()),
        "json": arrow_extension(pa.json_(), ['{"a": 1}', None], pa.string()),
        "bool8": arrow_extension(pa.bool8(), [1, None], pa.int8()),
    }
    X = pa.table(stored)
    if library == "pandas":
        X = X.to_pandas(types_mapper=pd.ArrowDtype)
    columns = Columns(X)
    assert columns.looks_categorical().tolist() == [True, True, True]
    found = [columns.levels(j).values for j in range(3)]
    assert found == [[UUID(int=5).bytes], ['{"a": 1}'], [True]]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        (pa.array([{"a": 1}]), "Struct"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), "map<string, int64>"),
        (pa.RunEndEncodedArray.from_arrays([1], ["a"]), "run_end_encoded"),
    ],
    ids=["struct", "map", "run ends"],
)
def test_kinds_of_other_columns_are_an_error_that_names_column_and_type(column, kind):
    columns = Columns(pa.table({"x": column}))
    assert columns.looks_categorical().tolist() == [False]
    with pytest.raises(ValueError, match=f"^Column 'x' .*its type is {kind}"):
        columns.numbers(0)
