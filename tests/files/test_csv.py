import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from skembed._files import csv as csv_rows
from skembed._files.csv import CsvSource, Malformed


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rows.csv"


def read(path, names=("a", "b"), first_row=0, *, types=None, lenient=False):
    """Rows and malformed lines, each with the number that it was given with."""
    source = CsvSource(path, types or {}, lenient=lenient)
    rows, lines = [], []
    for row, batch, malformed in source.batches(list(names), first_row):
        rows += enumerate(batch.to_pylist(), row)
        lines += malformed
    return rows, lines


def test_csv_columns_are_taken_by_name(path):
    path.write_text("a,b,c\n1,x,2.5\n")
    assert CsvSource(path, {}, lenient=False).names == ["a", "b", "c"]
    assert read(path, ["c", "a"]) == ([(0, {"c": 2.5, "a": 1})], [])


def test_csv_given_types_go_before_inferred_ones(path):
    path.write_text("a,b\n01,x\n")
    rows, _ = read(path, types={"a": pa.string()})
    assert rows == [(0, {"a": "01", "b": "x"})]


@pytest.mark.parametrize("text", ["", "NA", "nan", "NULL", '""', "<NA>", "None"])
def test_csv_missing_words_are_those_of_pandas(path, text):
    path.write_text(f"a,b\nx,{text}\n")
    assert read(path)[0] == [(0, {"a": "x", "b": None})]


def test_csv_field_may_hold_several_lines(path):
    path.write_text('a,b\n1,"x\ny"\n2,z\n')
    assert [row["b"] for _, row in read(path)[0]] == ["x\ny", "z"]


def test_csv_first_rows_can_be_left_out(path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 64)  # several blocks
    path.write_text("a,b\n" + "".join(f"{i},x\n" for i in range(100)))
    for first_row in (0, 1, 50, 99, 100, 200):
        rows, _ = read(path, first_row=first_row)
        assert [row["a"] for _, row in rows] == list(range(100))[first_row:]
        assert [number for number, _ in rows] == list(range(100))[first_row:]


@pytest.fixture
def faulty(path, monkeypatch):
    """Rows 0 to 99, before every seventh of which, and behind the last, stands no row."""
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 64)
    lines = ["a,b"]
    for i in range(100):
        lines += [f"{i},x"] if i % 7 else ["", f"{i},x,more", f"{i},x"]
    path.write_text("\n".join([*lines, "end"]) + "\n")
    return path


def test_csv_malformed_lines_come_once_each(faulty):
    rows, lines = read(faulty, lenient=True)
    assert [row["a"] for _, row in rows] == list(map(str, range(100)))
    assert lines[0] == Malformed(0, "0,x,more", "3 fields instead of 2")
    assert [line.row for line in lines] == [*range(0, 100, 7), 100]


@pytest.mark.parametrize("first_row", [1, 49, 50, 98, 99, 100])
def test_csv_malformed_lines_before_the_first_row_are_left_out(faulty, first_row):
    _, lines = read(faulty, first_row=first_row, lenient=True)
    assert [line.row for line in lines] == [i for i in [*range(0, 100, 7), 100] if i >= first_row]


def test_csv_malformed_lines_come_with_the_next_row(faulty):
    source = CsvSource(faulty, {}, lenient=True)
    for row, batch, malformed in source.batches(["a"], 0):
        for line in malformed:
            assert row <= line.row < row + max(batch.num_rows, 1)


def test_csv_malformed_line_is_an_error_unless_lenient(faulty):
    with pytest.raises(ValueError, match=r"rows.csv': CSV parse error.*Give a quarantine"):
        read(faulty)


def test_csv_bad_number_is_an_error_that_names_the_column(path):
    path.write_text("a,b\n1,x\nabc,y\n")
    with pytest.raises(ValueError, match=r"In CSV column #0.*'abc'.*column_types"):
        read(path, types={"a": pa.float64()})


def test_csv_of_a_header_alone_has_no_rows(path):
    path.write_text("a,b\n")
    assert read(path) == ([], [])


def test_csv_empty_file_is_an_error(path):
    path.write_text("")
    with pytest.raises(ValueError, match="Empty CSV file"):
        read(path)


def test_csv_source_lists_its_file(path):
    path.write_text("a,b\n1,2\n")
    assert CsvSource(str(path), {}, lenient=False).files == [Path(path)]


@pytest.mark.parametrize("lenient", [False, True])
def test_csv_not_utf_8_is_an_error_that_names_the_file(path, lenient):
    path.write_bytes("a,b\nZürich,1\n".encode("latin-1"))
    instead = "Save the file as UTF-8" if lenient else "Give a quarantine"
    with pytest.raises(ValueError, match=rf"rows\.csv.*invalid UTF8 data. {instead}"):
        read(path, types={"a": pa.string()}, lenient=lenient)


HELD = """
import threading, time, weakref
from skembed._files import csv

def handle(line):
    return "skip"

def hold(function):
    while threading.main_thread().is_alive():
        time.sleep(0.01)
    time.sleep(0.1)
    del function
    print("let go", flush=True)

csv._held.append(weakref.ref(handle))
threading.Thread(target=hold, args=(handle,), daemon=True).start()
del handle
"""


def test_csv_process_ends_when_no_thread_holds_a_handler():
    """A thread of pyarrow that let go of one while Python ended aborted the process."""
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    assert done.stdout == "let go\n"


def test_csv_handlers_of_readers_that_failed_are_waited_for(path):
    path.write_text("")
    with pytest.raises(ValueError, match="Empty CSV file"):
        CsvSource(path, {}, lenient=False)
    assert len(csv_rows._held) >= 1
    csv_rows._wait_for_readers()
    assert csv_rows._still_held() == []
