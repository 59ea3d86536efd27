"""Reading Parquet: levels of batches are levels of the column, shares of ranks are the data."""

import datetime
from decimal import Decimal
from itertools import chain, pairwise

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from skembed._columns.frames import Columns
from skembed._files.parquet import open_dataset
from skembed._fit.parquet_reader import GrowingLevels, finite, share_of

TWICE = pa.DictionaryArray.from_arrays(pa.array([1, 2, None, 3, 4]), ["x", "a", "b", "a", None])


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["b", None, "a", "b"]),
        pa.array(["b", None, "a", "b"], pa.large_string()),
        pa.array([3, None, 1, 3]),
        pa.array([True, None, False, True]),
        pa.array([0.0, np.nan, -0.0, None, 2.5]),
        pa.array([datetime.date(2020, 1, 1), None, datetime.date(2019, 1, 1)]),
        pa.array([datetime.datetime(2020, 1, 1), None], pa.timestamp("us", "Europe/Oslo")),
        pa.array([Decimal("1.5"), None]),
        TWICE,
        pa.nulls(3),
    ],
    ids=lambda column: str(column.type),
)
def test_growing_levels_of_batches_are_those_of_the_column(column):
    table = pa.table({"x": pa.concat_arrays([column, column[::-1]])})
    growing, used = GrowingLevels(), np.ones(len(column), dtype=bool)
    halves = table.slice(0, len(column)), table.slice(len(column))
    rows = [growing.add(half.combine_chunks(), "x", used) for half in halves]
    whole = Columns(table).levels(0)
    counted, expected = growing.counted(), whole.count(np.ones(len(table), dtype=bool))
    assert counted.values == whole.values
    np.testing.assert_array_equal(np.concatenate(rows), whole.rows)
    np.testing.assert_array_equal(counted.counts, expected.counts)
    assert counted.n_missing == expected.n_missing


def test_growing_levels_ignore_rows_that_do_not_count():
    growing = GrowingLevels()
    growing.add(pa.table({"x": ["a", "b", "a", None]}), "x", np.array([True, False, True, False]))
    assert growing.counted() == (["a", "b"], pytest.approx([2, 0]), 0)


@pytest.mark.parametrize(
    "kind", [pa.int8(), pa.float32(), pa.bool_(), pa.decimal128(22, 2)], ids=str
)
def test_finite_takes_numbers_of_any_type(kind):
    table = pa.table({"y": pa.array([0, 1]).cast(kind)})
    assert finite(table, "y", 0, "target").tolist() == [0, 1]


@pytest.mark.parametrize("size", [2, 3, 5, 40])
def test_shares_in_order_are_the_data(tmp_path, size):
    """Four files of very different size hold five row groups: of many ranks, some read nothing."""
    rows = pa.table({"x": np.arange(6000)})
    for i, (start, stop) in enumerate(pairwise([0, 1600, 1603, 2400, 6000])):
        pq.write_table(rows[start:stop], tmp_path / f"{i}.parquet", row_group_size=2500)
    dataset = open_dataset(tmp_path)
    shares = [share_of(dataset, rank, size) for rank in range(size)]
    parts = [share.to_table()["x"].to_pylist() for share, _ in shares]
    assert list(chain.from_iterable(parts)) == list(range(6000))
    assert parts == [list(numbers) for _, numbers in shares]
    assert ([] in parts) == (size >= 5)


def test_shares_of_rows_in_memory_are_an_error():
    dataset = pyarrow.dataset.dataset(pyarrow.table({"a": [1, 2]}))
    with pytest.raises(TypeError, match="is a InMemoryDataset: give a file, a folder"):
        share_of(dataset, 0, 2)
