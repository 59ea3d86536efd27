import bz2
import gzip
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


def read(path, names=("a", "b"), first_row=0, **options):
    """Rows and malformed lines, each with the number that it was given with."""
    source = CsvSource(path, **options)
    rows, lines = [], []
    for row, batch, malformed in source.batches(list(names), first_row):
        rows += enumerate(batch.to_pylist(), row)
        lines += malformed
    return rows, lines


def test_csv_columns_are_taken_by_name(path):
    path.write_text("a,b,c\n1,x,2.5\n")
    assert CsvSource(path).names == ["a", "b", "c"]
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
    source = CsvSource(faulty, lenient=True)
    for row, batch, malformed in source.batches(["a"], 0):
        for line in malformed:
            assert row <= line.row < row + max(batch.num_rows, 1)


def test_csv_malformed_line_is_an_error_unless_lenient(faulty):
    with pytest.raises(ValueError, match=r"rows.csv': CSV parse error.*Give a quarantine"):
        read(faulty)


def test_csv_bad_number_makes_strings_from_its_block_on(path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 64)
    path.write_text("a,b\n" + "1,x\n" * 50 + "abc,y\n" + "1,x\n" * 50)
    source = CsvSource(path)
    kinds = [batch.schema.field("a").type for _, batch, _ in source.batches(["a", "b"], 0)]
    assert kinds[0] == pa.int64()
    assert kinds[-2] == pa.string()
    rows, _ = read(path)
    assert [str(row["a"]) for _, row in rows] == ["1"] * 50 + ["abc"] + ["1"] * 50


def test_csv_typed_names_column_and_cell(path):
    path.write_text("a,b\n1,x\nabc,y\n")
    source = CsvSource(path, {"a": pa.float64()})
    assert source.typed("a", pa.array([" 1.5", None, "NA", ""])).to_pylist() == [1.5] + 3 * [None]
    with pytest.raises(ValueError, match=r"^Column 'a': .*'abc' as a scalar of type double"):
        source.typed("a", pa.array(["1", "abc"]))
    assert source.typed("b", pa.array([" x", "NA"])).to_pylist() == [" x", "NA"]


def test_csv_of_a_header_alone_has_no_rows(path):
    path.write_text("a,b\n")
    assert read(path) == ([], [])


def test_csv_empty_file_is_an_error(path):
    path.write_text("")
    with pytest.raises(ValueError, match="Empty CSV file"):
        read(path)


def test_csv_source_lists_its_file(path):
    path.write_text("a,b\n1,2\n")
    assert CsvSource(str(path)).files == [Path(path)]


@pytest.mark.parametrize("lenient", [False, True])
def test_csv_not_utf_8_is_an_error_that_names_the_file(path, lenient):
    path.write_bytes("a,b\nZürich,1\n".encode("latin-1"))
    with pytest.raises(ValueError, match=r"rows\.csv.*invalid UTF8 data. Save the file as UTF-8"):
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


@pytest.mark.parametrize("lenient", [False, True])
def test_csv_quoted_word_is_text(path, lenient):
    path.write_text('a,b\nNA,1\n"NA",2\n')
    rows, _ = read(path, types={"a": pa.string()}, lenient=lenient)
    assert [row["a"] for _, row in rows] == [None, "NA"]


def test_csv_quoted_words_alone_make_a_column_of_strings(path):
    path.write_text('a,b\n"NA",1\n"None",2\n')
    assert [row["a"] for _, row in read(path)[0]] == ["NA", "None"]


@pytest.mark.parametrize("field", ['"NA"', '""', "NA", ""])
def test_csv_number_is_missing_between_quotes_too(path, field):
    path.write_text(f"a,b\n1.5,x\n{field},y\n2,z\n")
    source = CsvSource(path)
    ((_, batch, _), _) = source.batches(["a", "b"], 0)
    assert source.typed("a", batch["a"]).to_pylist() == [1.5, None, 2]


@pytest.mark.parametrize("lenient", [False, True])
def test_csv_word_that_is_a_level_is_not_missing_in_its_column(path, lenient):
    path.write_text('a,b\nNA,NA\nnull,null\n,""\n"NA","NA"\n')
    options = {"words": {"a": {"NA"}}, "types": dict.fromkeys("ab", pa.string())}
    rows, _ = read(path, lenient=lenient, **options)
    assert [row["a"] for _, row in rows] == ["NA", None, None, "NA"]
    assert [row["b"] for _, row in rows] == [None, None, None, "NA"]


def test_csv_empty_text_is_a_level_between_quotes(path):
    path.write_text('a,b\n"",1\n,2\n')
    rows, _ = read(path, words={"a": {""}}, types={"a": pa.string()})
    assert [row["a"] for _, row in rows] == ["", None]


def test_csv_words_for_missing_can_be_given(path):
    path.write_text("a,b\nNA,1\n-,2\n,3\n")
    rows, _ = read(path, missing=["-"])
    assert [row["a"] for _, row in rows] == ["NA", None, None]


LINES = {
    "bare": 'a,b\n00501,1\n+4711,2\n123456789012345678901,3\nNA,4\n"NA",5\n"",6\n,7\n"x,""y""",8\n',
    "quoted": '"a","b"\n"00501",1\n"Oslo",2\nNA,3\n"NA",4\n"",5\n,6\n"x,""y""",7\n',
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
@pytest.mark.parametrize("lenient", [False, True])
def test_csv_fields_come_as_they_are_written(path, lines, lenient):
    path.write_text(lines)
    source = CsvSource(path, lenient=lenient, as_written=["a"])
    ((_, batch, _), _) = source.batches(["b"], 0)
    assert batch.schema.names == ["b", "a"]
    fields = [line.rpartition(",")[0] or None for line in lines.splitlines()[1:]]
    assert batch["a"].to_pylist() == fields


def test_csv_fields_come_beside_the_same_column_with_its_type(path, monkeypatch):
    monkeypatch.setattr(csv_rows, "BLOCK_BYTES", 64)  # several blocks
    path.write_text("a,b\n" + "".join(f"{i:03d},x\n" for i in range(100)))
    source = CsvSource(path, as_written=["a"])
    found = pa.Table.from_batches([batch for _, batch, _ in source.batches(["a"], 7)])
    assert found.column(0).to_pylist() == list(range(7, 100))
    assert found.column(1).to_pylist() == [f"{i:03d}" for i in range(7, 100)]


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_csv_separator_is_that_of_the_first_line(path, sign):
    path.write_text(f'"a, x"{sign}b\n1{sign}"x{sign}y"\n')
    assert read(path, ["a, x", "b"])[0] == [(0, {"a, x": 1, "b": f"x{sign}y"})]


@pytest.mark.parametrize(("suffix", "compress"), [(".gz", gzip.compress), (".bz2", bz2.compress)])
def test_csv_may_be_compressed(path, suffix, compress):
    path = path.with_suffix(f".csv{suffix}")
    path.write_bytes(compress(b"a,b\n1,x\n"))
    assert read(path)[0] == [(0, {"a": 1, "b": "x"})]
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=rf"csv\{suffix}.*may be damaged"):
        read(path)


def test_csv_byte_order_mark_is_no_part_of_a_name(path):
    path.write_text("a,b\n1,x\n", encoding="utf-8-sig")
    assert read(path)[0] == [(0, {"a": 1, "b": "x"})]


def test_csv_utf_16_is_an_error_that_names_the_file(path):
    path.write_text("a,b\n1,x\n", encoding="utf-16")
    with pytest.raises(ValueError, match=r"rows\.csv': it is UTF-16. Save the file as UTF-8"):
        read(path)
