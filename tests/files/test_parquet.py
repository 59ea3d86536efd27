"""Parquet datasets are opened and checked, and arrays are written whole or not at all."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skembed._files.parquet import open_dataset, write_parquet


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
