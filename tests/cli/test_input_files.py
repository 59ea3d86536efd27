"""CSV, Parquet and Arrow files give the same rows."""

import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import typer
from pyarrow import feather

from skembed._cli.input_files import missing_in_words, reading_rows

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


def read(path, **options):
    with reading_rows(path, **options) as rows:
        return rows.dataset.to_table()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ".feather"])
def test_input_files_of_all_formats_are_equal(tmp_path, suffix):
    assert read(write(tmp_path, suffix)) == ROWS


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow", ""], ids=lambda s: s or "folder")
def test_input_files_columns_are_left_out_and_cast(tmp_path, suffix):
    path = write(tmp_path, suffix)
    rows = read(path, without=["price"], types={"zip": "string"})
    assert rows["zip"].to_pylist() == ["70", None, "150"]
    assert rows.column_names == ["zip", "city", *(["year"] if suffix == "" else [])]


def test_input_files_csv_digits_keep_zeros_as_strings(tmp_path):
    (tmp_path / "rows.csv").write_text("zip\n007\n")
    rows = read(tmp_path / "rows.csv", types={"zip": "string"})
    assert rows["zip"].to_pylist() == ["007"]


def test_input_files_missing_words_are_those_of_pandas(tmp_path):
    (tmp_path / "rows.csv").write_text('city\nNA\nOslo\n<NA>\nNone\n"NA"\n')
    cities = read(tmp_path / "rows.csv")["city"].to_pylist()
    assert cities == [None, "Oslo", None, None, "NA"]


def test_input_files_missing_words_can_be_given(tmp_path):
    (tmp_path / "rows.csv").write_text("city,n\nNA,1\n-,2\n,-\n")
    assert read(tmp_path / "rows.csv", missing=["-"]).to_pydict() == {
        "city": ["NA", None, None],
        "n": [1, 2, None],
    }


def test_input_files_missing_cells_of_csv_are_counted(tmp_path):
    (tmp_path / "rows.csv").write_text('city,n,id\nNA,1,a\nNone,NA,b\nNA,,"NA"\n,4,c\n')
    with reading_rows(tmp_path / "rows.csv") as rows:
        assert rows.missing == {"city": {"NA": 2, "None": 1, "": 1}, "n": {"": 2}}
        told = missing_in_words(rows.missing)
    assert told == "4 of 'city' (2 are NA, 1 are None), 2 of 'n'"


def test_input_files_missing_words_are_of_csv_alone(tmp_path):
    with pytest.raises(typer.BadParameter, match=r"is not CSV.*leave out --missing"):
        read(write(tmp_path, ".parquet"), missing=["-"])


def test_input_files_csv_leaves_no_temporary_file(tmp_path, monkeypatch):
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    with reading_rows(write(tmp_path, ".csv")):
        assert [*Path(tmp_path, "temporary").glob("skembed-*/rows.arrow")]
    assert not [*Path(tmp_path, "temporary").iterdir()]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
@pytest.mark.parametrize("option", ["without", "types"])
def test_input_files_unknown_column_is_an_error(tmp_path, suffix, option):
    path = write(tmp_path, suffix)
    named = {"without": "--exclude", "types": "--dtype"}[option]
    with pytest.raises(ValueError, match=rf"{named} names 'prize', .* \['zip', 'city', 'price'\]"):
        read(path, **{option: {"prize": "string"}})


def test_input_files_without_columns_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"--exclude leaves no column of .*rows\.csv"):
        read(write(tmp_path, ".csv"), without=["zip", "city", "price"])


def test_input_files_unknown_format_is_an_error(tmp_path):
    with pytest.raises(ValueError, match=r"rows\.xls"):
        read(tmp_path / "rows.xls")


@pytest.mark.parametrize("name", ["rows.csv", "rows.parquet", "rows.arrow"])
def test_input_files_absent_file_is_an_error(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read(tmp_path / name)


def test_input_files_column_of_changing_type_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("skembed._files.csv.BLOCK_BYTES", 64)  # several blocks
    path = tmp_path / "rows.csv"
    path.write_text("id,zip\n" + "1,70\n" * 50 + "2,N1\n")
    with pytest.raises(ValueError, match=r"Column 'zip': .*'N1'.*--dtype zip="):
        read(path, without=["id"])


def test_input_files_csv_not_utf8_is_an_error(tmp_path):
    (tmp_path / "rows.csv").write_bytes("city\nKöln\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"'city' .*rows\.csv' is not UTF-8"):
        read(tmp_path / "rows.csv")
