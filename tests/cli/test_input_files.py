"""CSV, Parquet and Arrow files give the same rows."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow import feather

from skembed._cli.input_files import naming_columns, open_rows

ROWS = pa.table({"zip": [70, None, 150], "city": ["Oslo", None, "Rome"], "price": [1.5, 2.0, None]})
CSV = 'zip,city,price\n70,Oslo,1.5\n,"",2\n150,Rome,\n'


def write(folder, suffix):
    path = folder / f"rows{suffix}"
    if suffix == ".csv":
        path.write_text(CSV)
    elif suffix == ".parquet":
        pq.write_table(ROWS, path)
    elif suffix == "":
        (path / "year=2020").mkdir(parents=True)
        pq.write_table(ROWS, path / "year=2020" / "a.parquet")
    else:
        feather.write_feather(ROWS, path, compression="uncompressed")
    return path


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".feather"])
def test_input_files_of_all_formats_are_equal(tmp_path, suffix):
    assert open_rows(write(tmp_path, suffix)).to_table() == ROWS


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ""], ids=lambda s: s or "folder")
def test_input_files_columns_are_left_out_and_cast(tmp_path, suffix):
    path = write(tmp_path, suffix)
    rows = open_rows(path, without=["price"], types={"zip": "string"}).to_table()
    assert rows["zip"].to_pylist() == ["70", None, "150"]
    assert rows.column_names == ["zip", "city", *(["year"] if suffix == "" else [])]


def test_input_files_csv_digits_keep_zeros_as_strings(tmp_path):
    (tmp_path / "rows.csv").write_text("zip\n007\n")
    rows = open_rows(tmp_path / "rows.csv", types={"zip": "string"}).to_table()
    assert rows["zip"].to_pylist() == ["007"]


def test_input_files_missing_words_are_those_of_pandas(tmp_path):
    (tmp_path / "rows.csv").write_text("city\nNA\nOslo\n<NA>\nNone\n")
    assert open_rows(tmp_path / "rows.csv").to_table()["city"].to_pylist() == [
        None,
        "Oslo",
        None,
        None,
    ]


def test_input_files_unknown_column_is_an_error(tmp_path):
    path = write(tmp_path, ".csv")
    with pytest.raises(ValueError, match=r"no column 'prize' .* \['zip', 'city', 'price'\]"):
        open_rows(path, without=["prize"])


def test_input_files_unknown_format_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"rows\.xls"):
        open_rows(tmp_path / "rows.xls")


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.arrow"])
def test_input_files_absent_file_is_an_error(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        open_rows(tmp_path / name)


def test_input_files_column_of_changing_type_is_named(tmp_path):
    path = tmp_path / "rows.csv"
    path.write_text("id,zip\n" + "1,70\n" * 400_000 + "2,N1\n")
    rows = open_rows(path, without=["id"])
    with (
        pytest.raises(ValueError, match=r"Column 'zip': .*'N1'.*--dtype zip="),
        naming_columns(rows),
    ):
        rows.to_table()


def test_input_files_csv_not_utf8_is_an_error(tmp_path):
    (tmp_path / "rows.csv").write_bytes("city\nKöln\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"'city' .* is not UTF-8"):
        open_rows(tmp_path / "rows.csv")
