"""Reading Parquet: levels of batches are levels of the column, and bad files are told."""

import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skembed._columns.frames import Columns
from skembed._files.parquet import open_dataset, write_parquet
from skembed._fit.parquet_reader import GrowingLevels, finite

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


@pytest.mark.parametrize("kind", [pa.int8(), pa.float32(), pa.bool_()], ids=str)
def test_finite_takes_numbers_of_any_type(kind):
    assert finite(pa.table({"y": pa.array([0, 1]).cast(kind)}), "y", 0, "target").tolist() == [0, 1]


def test_open_dataset_absent_path_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no file or folder"):
        open_dataset(tmp_path / "sales.parquet")


def test_open_dataset_folder_without_files_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no Parquet file"):
        open_dataset(tmp_path)


def test_open_dataset_frame_is_no_path():
    with pytest.raises(TypeError, match="For rows in memory use fit"):
        open_dataset(pa.table({"x": [1]}))


@pytest.mark.parametrize("other", [{"x": ["1"]}, {"z": [1]}], ids=["type", "name"])
def test_open_dataset_files_of_other_columns_are_an_error(tmp_path, other):
    pq.write_table(pa.table({"x": [1]}), tmp_path / "a.parquet")
    pq.write_table(pa.table(other), tmp_path / "b.parquet")
    with pytest.raises(ValueError, match="same columns, but 'x' is int64"):
        open_dataset(tmp_path)


def test_open_dataset_partitions_have_their_column(tmp_path):
    for year in (2020, 2021):
        (tmp_path / f"year={year}").mkdir()
        pq.write_table(pa.table({"x": [1]}), tmp_path / f"year={year}" / "a.parquet")
    assert open_dataset(tmp_path).to_table()["year"].to_pylist() == [2020, 2021]


def test_write_parquet_file_appears_when_it_is_whole(tmp_path):
    def parts():
        yield np.ones((2, 1))
        assert not (tmp_path / "out.parquet").exists()
        yield np.zeros((1, 1))

    write_parquet(tmp_path / "out.parquet", ["x"], parts())
    assert pq.read_table(tmp_path / "out.parquet")["x"].to_pylist() == [1, 1, 0]
    assert [file.name for file in tmp_path.iterdir()] == ["out.parquet"]


def test_write_parquet_failure_leaves_the_older_file(tmp_path):
    def parts():
        yield np.ones((2, 1))
        raise KeyboardInterrupt

    (tmp_path / "out.parquet").write_text("older")
    with pytest.raises(KeyboardInterrupt):
        write_parquet(tmp_path / "out.parquet", ["x"], parts())
    assert [file.read_text() for file in tmp_path.iterdir()] == ["older"]
