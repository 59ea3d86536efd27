"""Fields of CSV go from one file into another as they are written."""

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import csv, feather, parquet

from skembed._files.csv_fields import FieldsWriter, mark_fields, written_fields
from skembed._files.sources import open_writer

WORDS = ["", "NA"]
TEXTS = pa.array(["Oslo", "NA", "NA", "", None, 'a,"b"', "x;y"])
IS_MISSING = pa.array([False, True, False, True, True, False, False])
FIELDS = {
    False: ["Oslo", "NA", '"NA"', '""', None, '"a,""b"""', '"x;y"'],
    True: ['"Oslo"', "NA", '"NA"', '""', None, '"a,""b"""', '"x;y"'],
}


@pytest.mark.parametrize("quoted", FIELDS)
def test_fields_have_quotes_where_they_need_them(quoted):
    fields = written_fields(TEXTS, IS_MISSING, WORDS, quoted=quoted)
    assert fields.to_pylist() == FIELDS[quoted]


@pytest.fixture
def table():
    batch = pa.RecordBatch.from_pydict({"id": pa.array(FIELDS[False]), "x": [*range(7)]})
    return pa.Table.from_batches([mark_fields(batch, ["id"])])


def write(path, table, kind):
    writer = open_writer(path, table.schema, kind)
    writer.write_table(table)
    writer.close()


def test_fields_are_written_as_they_are_into_csv(tmp_path, table):
    write(tmp_path / "out.csv", table, "csv")
    lines = [f"{field or ''},{i}" for i, field in enumerate(FIELDS[False])]
    assert (tmp_path / "out.csv").read_text().splitlines() == ['"id","x"', *lines]


@pytest.mark.parametrize(
    ("kind", "read"), [("parquet", parquet.read_table), ("arrow", feather.read_table)]
)
def test_fields_become_texts_elsewhere(tmp_path, table, kind, read):
    write(tmp_path / "out", table, kind)
    found = read(tmp_path / "out")
    assert found["id"].to_pylist() == TEXTS.to_pylist()
    assert found.schema.field("id").metadata is None


def test_fields_writer_writes_all_else_as_pyarrow_does(tmp_path):
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=500) * 10.0 ** rng.integers(-30, 30, 500)
    numbers[:3] = np.nan, np.inf, -0.0
    texts = pa.array([None, "", "NA", 'a"b', "a,b", "a\nb", *map(str, range(494))])
    table = pa.table(
        {
            'the "x"': numbers,
            "y": pa.array(numbers.astype(np.float32), mask=rng.random(500) < 0.1),
            "text": texts,
            "label": texts.dictionary_encode(),
            "flag": rng.random(500) < 0.5,
            "day": pa.array(rng.integers(0, 10**9, 500), pa.timestamp("s")),
            "id": pa.array(rng.integers(0, 10**9, 500), mask=rng.random(500) < 0.1),
        }
    )
    writer = FieldsWriter(tmp_path / "ours.csv", table.schema, header=True)
    writer.write_table(table)
    writer.close()
    csv.write_csv(table, tmp_path / "theirs.csv")
    assert (tmp_path / "ours.csv").read_bytes() == (tmp_path / "theirs.csv").read_bytes()
