import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skembed._files import sources as record_batches
from skembed._files.sources import Joined, format_of, open_source, open_writer


@pytest.fixture
def table():
    cities = ["Oslo", "Rome", "Bern", None] * 25
    return pa.table({"city": cities, "rooms": np.arange(100), "rent": np.linspace(0, 1, 100)})


def rooms(source, first_row=0, names=("rooms",)):
    """What is read of the column, row by row, after a look at the numbers of the rows."""
    found = []
    for row, batch, malformed in source.batches(list(names), first_row):
        assert row == first_row + len(found)
        assert not malformed
        found += batch["rooms"].to_pylist()
    return found


@pytest.mark.parametrize("first_row", [0, 1, 29, 30, 31, 99])
@pytest.mark.parametrize("name", ["rows.parquet", "rows.arrow"])
def test_source_reads_from_any_row_on(table, tmp_path, monkeypatch, name, first_row):
    monkeypatch.setattr(record_batches, "BATCH_ROWS", 7)
    path = tmp_path / name
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=30)
    else:
        with pa.ipc.new_file(path, table.schema) as file:
            file.write_table(table, max_chunksize=30)
    source = open_source(path)
    assert (source.names, source.n_rows) == (["city", "rooms", "rent"], 100)
    assert rooms(source, first_row) == list(range(first_row, 100))


def test_source_batches_are_no_longer_than_asked_for(table, tmp_path, monkeypatch):
    monkeypatch.setattr(record_batches, "BATCH_ROWS", 7)
    with pa.ipc.new_file(tmp_path / "rows.arrow", table.schema) as file:
        file.write_table(table)
    sizes = [len(part) for _, part, _ in open_source(tmp_path / "rows.arrow").batches(["city"], 0)]
    assert max(sizes) == 7


def test_source_skips_row_groups_that_are_left_out(table, tmp_path):
    pq.write_table(table, tmp_path / "rows.parquet", row_group_size=50)
    data = bytearray((tmp_path / "rows.parquet").read_bytes())
    data[4:50] = bytes(46)  # in the first row group
    (tmp_path / "rows.parquet").write_bytes(data)
    assert rooms(open_source(tmp_path / "rows.parquet"), 50) == list(range(50, 100))


def test_source_of_a_parquet_folder_has_partition_columns(table, tmp_path):
    for year in (2025, 2026):
        (tmp_path / "all" / f"year={year}").mkdir(parents=True)
        pq.write_table(table, tmp_path / "all" / f"year={year}" / "rows.parquet")
    source = open_source(tmp_path / "all")
    years = [year for _, batch, _ in source.batches(["year"], 0) for year in batch[0].to_pylist()]
    assert years == [2025] * 100 + [2026] * 100


def test_source_labels_come_as_dictionaries(table, tmp_path):
    pq.write_table(table, tmp_path / "rows.parquet")
    source = open_source(tmp_path / "rows.parquet", labels=["city", "rooms"])
    _, batch, _ = next(source.batches(["city", "rooms"], 0))
    assert pa.types.is_dictionary(batch.schema.field("city").type)
    assert batch.schema.field("rooms").type == pa.int64()


@pytest.mark.parametrize("kind", ["parquet", "csv", "arrow"])
def test_joined_parts_equal_one_file(table, tmp_path, kind):
    parts = []
    for i, rows in enumerate([table[:30], table[30:30], table[30:]]):
        parts.append(tmp_path / f"{i}.{kind}")
        with open_writer(parts[-1], table.schema, kind, header=i == 0) as writer:
            writer.write_table(rows)
    joined = Joined(tmp_path / f"all.{kind}", kind)
    for part in parts:
        joined.add(part)
    joined.close()
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "arrow": pd.read_feather}[kind]
    got, expected = read(tmp_path / f"all.{kind}"), table.to_pandas()
    # pandas 2 has two values for a missing string.
    pd.testing.assert_frame_equal(got.convert_dtypes(), expected.convert_dtypes())


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.PARQUET", "parquet"), ("a.pq", "parquet"), ("folder", "parquet"), ("a.feather", "arrow")],
)
def test_format_follows_the_suffix(name, kind):
    assert format_of(name) == kind
