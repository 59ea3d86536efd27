import os

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest

from skembed._files.errors import check_no_pipe, naming_output, naming_source


def test_file_error_names_a_damaged_file(tmp_path):
    path = tmp_path / "flats.parquet"
    path.write_bytes(b"PAR1 no Parquet")
    told = r"flats.parquet' cannot be read: .* write it again"
    with pytest.raises(ValueError, match=told), naming_source(path):
        pyarrow.parquet.read_table(path)


def test_file_error_of_the_system_stays_as_it_is(tmp_path):
    with pytest.raises(FileNotFoundError) as raised, naming_source("flats.parquet"):
        (tmp_path / "none").read_bytes()
    assert raised.value.filename == str(tmp_path / "none")


def test_file_error_names_columns_that_a_format_cannot_hold(tmp_path):
    flats = pa.table({"city": ["Oslo"], "rents": [[900, 950]]})
    told = r"flats.csv' cannot be written: .*'rents': 'list<"
    with pytest.raises(ValueError, match=told), naming_output("flats.csv", flats.schema):
        pyarrow.csv.write_csv(flats, tmp_path / "flats.csv")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_file_error_of_a_named_pipe_comes_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(ValueError, match=r"pipe.csv' is a pipe or a device"):
        check_no_pipe(tmp_path / "pipe.csv")
