"""Command lines that fuzz_commands.py has drawn: few of them anew, and those that once failed."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import csv
from pyarrow import parquet as pq
from typer.testing import CliRunner

from skembed import NeuralEmbeddingEncoder
from skembed._cli.app import app

X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern", "Kyiv"] * 15, "rooms": np.arange(60) % 5})
RENT = X["city"].map({"Oslo": 3.0, "Rome": 1.5, "Bern": 4.2, "Kyiv": 1.0})
ROWS = pa.table({"city": X["city"], "rooms": X["rooms"], "rent": RENT, "id": ["a"] * 60})
FIT = ["fit", "rows.csv", "--target", "rent", "--out", "out.skembed", "--exclude", "id"]
FIT += ["--set", "max_epochs=1", "--set", "crosses=None"]


@pytest.fixture(scope="module")
def encoder():
    return NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, RENT)


@pytest.fixture
def folder(encoder, tmp_path, monkeypatch):
    """A folder with a saved encoder and rows, in which commands run."""
    monkeypatch.chdir(tmp_path)
    encoder.save("e.skembed")
    csv.write_csv(ROWS, "rows.csv")
    pq.write_table(ROWS, "rows.parquet")
    with pa.ipc.new_file("rows.arrow", ROWS.schema) as file:
        file.write_table(ROWS)
    return tmp_path


def transform(data, out="out.csv", *options):
    return ["transform", "e.skembed", data, "--out", out, *options]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_cli_mutated_commands_are_done_or_are_one_error(rounds, tmp_path):
    fuzz = Path(__file__).with_name("fuzz_commands.py")
    command = [sys.executable, fuzz, str(rounds(150, 20_000))]
    subprocess.run(command, check=True, cwd=tmp_path)


# Each was a traceback, a crash, an endless wait, a lost file, or an error without a name.


def doubled_column():
    Path("rows.csv").write_text("city,rooms,city\nOslo,1,Rome\n")
    return transform("rows.csv"), "rows.csv has several columns ['city']: rename"


def lines_that_are_no_rows_nor_text():
    Path("rows.csv").write_bytes(b"city,rooms\nOslo,1\n\xff\n")
    return transform(
        "rows.csv", "out.csv", "--quarantine", "bad.csv"
    ), "'rows.csv': CSV parse error"


def names_that_are_no_text():
    Path("rows.csv").write_bytes(b"\xff\xfe,rooms\nOslo,1\n")
    return transform("rows.csv", "out.csv", "--quarantine", "bad.csv"), "'rows.csv': "


def no_line():
    Path("rows.csv").write_text("")
    return transform(
        "rows.csv"
    ), "'rows.csv': Empty CSV file. Its first line must name the columns."


def no_rows():
    Path("rows.csv").write_text("city,rooms,rent,id\n")
    return FIT, "'rows.csv' holds no rows"


def a_footer_that_is_none():
    Path("rows.parquet").write_bytes(b"PAR1" + b"\xff" * 99 + b"\x63\0\0\0PAR1")
    return transform("rows.parquet"), "'rows.parquet' cannot be read: "


def offsets_that_point_elsewhere():
    offsets = np.arange(61, dtype=np.int32)
    offsets[30] = 2**30
    city = pa.StringArray.from_buffers(60, pa.py_buffer(offsets), pa.py_buffer(b"x" * 60))
    table = ROWS.set_column(0, "city", city)
    with pa.ipc.new_file("rows.arrow", table.schema) as file:
        file.write_table(table)
    return transform("rows.arrow"), "rows.arrow' cannot be read: In column 0: Invalid: "


def a_long_line_set_aside():
    Path("rows.csv").write_text("city,rooms\nOslo,1\n" + "x" * 2**22 + "\n")
    return transform("rows.csv", "out.csv", "--quarantine", "bad.csv"), None


def a_column_of_nothing_beside_bad_rows():
    Path("rows.csv").write_text("city,rooms,note\nOslo,1,\nRome,x,\n")
    done = transform("rows.csv", "out.csv", "--keep", "note", "--quarantine", "bad.csv")
    return done, None


def lists_into_csv():
    table = ROWS.append_column("tags", pa.array([["a"]] * 60))
    pq.write_table(table, "rows.parquet")
    done = transform("rows.parquet", "out.csv", "--keep", "tags")
    return done, "'out.csv' cannot be written: Unsupported Type:list<element: string>. To be able"


def a_name_that_is_no_text():
    return transform("rows.csv", "\udcff.csv"), r"'\udcff.csv' cannot be written: 'utf-8' codec"


def a_name_that_steers_the_terminal():
    return transform("\x1b[31m.csv"), r"There is no file '\x1b[31m.csv'"


def a_type_without_a_name():
    pq.write_table(ROWS.slice(0, 0), "rows.parquet")
    done = transform("rows.parquet", "out.csv", "--dtype", "rooms=string", "--keep", "no")
    return done, "rows.parquet has no columns ['no'], which --keep names"


def runs_of_values():
    runs = pa.RunEndEncodedArray.from_arrays(pa.array([60], pa.int32()), pa.array(["Oslo"]))
    table = ROWS.set_column(0, "city", runs)
    with pa.ipc.new_file("rows.arrow", table.schema) as file:
        file.write_table(table)
    return transform("rows.arrow", "out.csv", "--quarantine", "bad.csv"), "Column 'city' of "


def one_class():
    csv.write_csv(ROWS.set_column(3, "id", pa.array(["a"] * 60)), "rows.csv")
    return [
        "fit",
        "rows.csv",
        "--target",
        "id",
        "--out",
        "out",
    ], "--target 'id': the target holds one class"


def a_class_of_one_row():
    table = ROWS.set_column(3, "id", pa.array([*["a"] * 59, "b"]))
    pq.write_table(table, "rows.parquet")
    line = ["benchmark", "rows.parquet", "--target", "id", "--seeds", "2"]
    return line, "'rows.parquet', --target 'id': The least populated class"


def a_name_with_signs_of_patterns():
    os.mkdir(".a**[b].csv.0123456789ab.partial")
    return transform("rows.csv", "a**[b].csv", "--resume"), "'a**[b].csv' is of another job"


def a_dict_as_level():
    return ["nearest", "e.skembed", "city", "{1: 2}"], "'{1: 2}' is not a level of 'city'"


def weights_beyond_floats():
    weights = pa.array([2**62 + 1] * 59 + [-(2**62) - 1])
    pq.write_table(ROWS.append_column("weight", weights), "rows.parquet")
    line = [*FIT, "--sample-weight", "weight"]
    return ["fit", "rows.parquet", *line[2:]], "column 'weight' is negative in row 59"


def links_in_a_circle():
    os.symlink("loop.csv", "loop.csv")
    return transform("loop.csv"), "There is no file 'loop.csv'"


def the_encoder_as_the_page():
    return ["explore", "e.skembed", "--out", "e.skembed"], "--out='e.skembed' is among the files"


def no_folder_for_the_page():
    return ["explore", "e.skembed", "--out", "no/page.html"], "There is no folder '"


def one_file_for_two():
    return [*FIT, "--features", "out.skembed"], "--out and --features are both 'out.skembed'"


def a_folder_as_encoder():
    os.mkdir("out")
    return [*FIT, "--out", "out"], "'out' is a folder: give the name of a file."


def a_model_that_cannot():
    return ["score", "e.skembed", "rows.csv", "--out", "out.csv"], "'e.skembed' holds a Neural"


def lists_to_compare():
    table = ROWS.append_column("tags", pa.array([["a"]] * 60))
    pq.write_table(table, "rows.parquet")
    line = ["benchmark", "rows.parquet", "--target", "rent"]
    return line, "The columns {'tags': 'list<element: string>'} hold several"


FOUND = [doubled_column, lines_that_are_no_rows_nor_text, names_that_are_no_text, no_line, no_rows]
FOUND += [a_footer_that_is_none, offsets_that_point_elsewhere, a_long_line_set_aside]
FOUND += [a_column_of_nothing_beside_bad_rows, lists_into_csv, a_name_that_is_no_text]
FOUND += [a_name_that_steers_the_terminal, a_type_without_a_name, runs_of_values, one_class]
FOUND += [a_class_of_one_row, a_name_with_signs_of_patterns, a_dict_as_level, weights_beyond_floats]
FOUND += [links_in_a_circle, the_encoder_as_the_page, no_folder_for_the_page, one_file_for_two]
FOUND += [a_folder_as_encoder, a_model_that_cannot, lists_to_compare]


@pytest.mark.parametrize("found", FOUND, ids=lambda found: found.__name__)
def test_cli_commands_that_once_failed_stay_mended(folder, found):
    line, told = found()
    before = {path: path.is_file() and path.read_bytes() for path in folder.iterdir()}
    done = CliRunner().invoke(app, line)
    if told is None:
        assert done.exit_code == 3
        return
    assert done.exit_code == 1, done.output
    (error,) = [line for line in done.stderr.splitlines() if "warning: " not in line]
    assert told in error
    assert {path: path.is_file() and path.read_bytes() for path in folder.iterdir()} == before


def test_cli_explore_writes_a_page_of_undecodable_name(folder):
    done = CliRunner().invoke(app, ["explore", "e.skembed", "--out", "\udcff.html"])
    assert done.exit_code == 0
    assert done.output == "\\udcff.html\n"


def test_cli_fit_removes_features_if_encoder_cannot_be_saved(folder, monkeypatch):
    def save(*_):
        raise OSError("out.skembed: no space")

    monkeypatch.setattr(NeuralEmbeddingEncoder, "save", save)
    before = sorted(folder.iterdir())
    assert CliRunner().invoke(app, [*FIT, "--features", "f.parquet"]).exit_code == 1
    assert sorted(folder.iterdir()) == before


def test_cli_column_names_do_not_steer_the_terminal(folder):
    columns = ["\x1b[31mcity" if name == "city" else name for name in ROWS.column_names]
    csv.write_csv(ROWS.rename_columns(columns), "rows.csv")
    done = CliRunner().invoke(app, FIT)
    assert done.exit_code == 0
    assert "\\x1b[31mcity" in done.output
    assert "\x1b" not in done.output + CliRunner().invoke(app, ["inspect", "out.skembed"]).output


def test_cli_endless_minus_signs_are_wrong_usage(folder):
    done = CliRunner().invoke(app, [*FIT, "--set", "categorical_features=" + "-" * 9000 + "1"])
    assert done.exit_code == 2
    assert "'categorical_features' parameter" in done.output


@pytest.mark.parametrize(
    "line",
    [
        ["inspect", "pipe.skembed"],
        transform("pipe.csv"),
        transform("pipe.parquet"),
        transform("pipe.arrow"),
        transform("rows.csv", "pipe.csv"),
        [*FIT, "--out", "pipe.skembed"],
        ["explore", "e.skembed", "--out", "pipe.csv"],
    ],
    ids=" ".join,
)
def test_cli_named_pipe_is_neither_awaited_nor_replaced(folder, line):
    for suffix in (".skembed", ".csv", ".parquet", ".arrow"):
        os.mkfifo(f"pipe{suffix}")
    done = CliRunner().invoke(app, line)
    assert done.exit_code == 1
    assert "pipe or a device" in done.stderr
    assert all(path.is_fifo() for path in folder.glob("pipe*"))
