"""Files and folders appear whole or not at all; what was there before stays until then."""

import os
import resource
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skembed._files.atomic import (
    check_new_folder,
    check_target,
    making_folder,
    put_in_place,
    replacing,
    write_bytes,
)
from skembed._files.parquet import write_tables


def mode_of(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def old(tmp_path):
    path = tmp_path / "page.html"
    path.write_bytes(b"old")
    return path


# A file


def test_replacing_shows_the_file_when_it_is_whole(tmp_path):
    with replacing(tmp_path / "page.html") as file:
        file.write(b"new")
        assert not (tmp_path / "page.html").exists()
    assert os.listdir(tmp_path) == ["page.html"]
    assert (tmp_path / "page.html").read_bytes() == b"new"


def test_replacing_nothing_gives_the_mode_of_any_new_file(tmp_path):
    (tmp_path / "other").write_bytes(b"")
    write_bytes(tmp_path / "page.html", b"new")
    assert mode_of(tmp_path / "page.html") == mode_of(tmp_path / "other")


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664, 0o444], ids=oct)
def test_replacing_keeps_the_mode(old, mode):
    old.chmod(mode)
    write_bytes(old, b"new")
    assert mode_of(old) == mode
    assert old.read_bytes() == b"new"


def test_replacing_a_private_file_is_private_from_the_start(old):
    old.chmod(0o600)
    with replacing(old) as file:
        assert mode_of(Path(file.name)) == 0o600


def test_replacing_by_a_writer_that_wants_a_path(tmp_path):
    table = pa.table({"x": [1, 2]})
    with replacing(tmp_path / "x.parquet") as file:
        pq.write_table(table, file.name)
    assert pq.read_table(tmp_path / "x.parquet") == table


def test_replacing_by_a_writer_that_replaces_the_file(tmp_path):
    with replacing(tmp_path / "page.html") as file:
        write_bytes(file.name, b"new")
    assert os.listdir(tmp_path) == ["page.html"]
    assert (tmp_path / "page.html").read_bytes() == b"new"


def test_replacing_a_relative_path_ignores_a_change_of_folder(old, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with replacing("page.html") as file:
        file.write(b"new")
        os.chdir("elsewhere")
    assert old.read_bytes() == b"new"
    assert os.listdir() == []


def test_replacing_a_name_of_255_bytes(tmp_path):
    name = "ß" * 127
    write_bytes(tmp_path / name, b"new")
    assert os.listdir(tmp_path) == [name]


# Links


def test_replacing_a_link_keeps_the_link(old, tmp_path):
    (tmp_path / "folder").mkdir()
    link = tmp_path / "folder" / "link.html"
    link.symlink_to(Path("..", "page.html"))
    write_bytes(link, b"new")
    assert os.readlink(link) == "../page.html"
    assert old.read_bytes() == b"new"
    assert os.listdir(link.parent) == ["link.html"]


def test_replacing_a_link_to_nothing(tmp_path):
    (tmp_path / "link.html").symlink_to("page.html")
    write_bytes(tmp_path / "link.html", b"new")
    assert (tmp_path / "link.html").is_symlink()
    assert (tmp_path / "page.html").read_bytes() == b"new"


def test_replacing_behind_a_linked_folder_and_dots(tmp_path):
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b")
    write_bytes(f"{tmp_path}/link/../page.html", b"new")
    assert (tmp_path / "a" / "page.html").read_bytes() == b"new"


def test_replacing_a_link_into_no_folder_is_an_error(tmp_path):
    (tmp_path / "link.html").symlink_to(tmp_path / "none" / "page.html")
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*none' to write to"):
        write_bytes(tmp_path / "link.html", b"new")


# Errors


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_replacing_error_leaves_the_old_file_and_nothing_else(old, error):
    def write():
        with replacing(old) as file:
            file.write(b"ne")
            raise error

    with pytest.raises(error):
        write()
    assert os.listdir(old.parent) == ["page.html"]
    assert old.read_bytes() == b"old"


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_replacing_error_at_the_end_names_the_file(old, monkeypatch, call):
    def full(*_):
        raise OSError(28, "No space left on device", "hidden")

    monkeypatch.setattr(os, call, full)
    with pytest.raises(OSError, match="No space left on device") as raised:
        write_bytes(old, b"new")
    assert raised.value.filename == str(old)
    assert os.listdir(old.parent) == ["page.html"]
    assert old.read_bytes() == b"old"


def test_replacing_in_a_folder_that_cannot_be_synced(tmp_path, monkeypatch):
    fsync = os.fsync

    def refuse(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refuse)
    write_bytes(tmp_path / "page.html", b"new")
    assert (tmp_path / "page.html").read_bytes() == b"new"


def test_replacing_syncs_file_and_folder(tmp_path, monkeypatch):
    synced, fsync = [], os.fsync

    def counted(descriptor):
        synced.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    write_bytes(tmp_path / "page.html", b"new")
    assert synced == [(tmp_path / "page.html").stat().st_ino, tmp_path.stat().st_ino]


def test_replacing_error_of_the_hidden_file_names_the_target(old):
    def write():
        with replacing(old) as file:
            raise ValueError(f"{file.name!r} cannot be written")

    with pytest.raises(ValueError, match=r"page.html' cannot be written") as raised:
        write()
    assert str(raised.value) == f"{str(old)!r} cannot be written"

    def read():
        with replacing(old) as file:
            Path(f"{file.name}.none").read_bytes()

    with pytest.raises(FileNotFoundError) as raised:
        read()
    assert raised.value.filename == f"{old}.none"


def test_replacing_names_a_missing_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "none" / "page.html", "none/page.html"):
        with pytest.raises(FileNotFoundError) as raised:
            write_bytes(path, b"new")
        assert str(raised.value) == f"There is no folder '{tmp_path / 'none'}' to write to."


def test_replacing_refuses_a_folder(tmp_path):
    with pytest.raises(FileExistsError, match="is a folder: give the name of a file"):
        check_target(tmp_path)
    with pytest.raises(FileExistsError, match=r"'' is a folder"):
        check_target("")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names here")
def test_replacing_refuses_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="pipe' is a pipe or a device"):
        write_bytes(tmp_path / "pipe", b"new")
    assert (tmp_path / "pipe").is_fifo()


# Processes

WRITE = """
import sys
from skembed._files.atomic import replacing

while True:
    with replacing(sys.argv[1]) as file:
        for _ in range(200):
            file.write(b"new" * 10_000)
            print("writing", flush=True)
"""


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_replacing_in_a_process_that_ends_leaves_a_whole_file(old, rounds, sent):
    for _ in range(rounds(3, 50)):
        with subprocess.Popen(
            [sys.executable, "-c", WRITE, old],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        ) as child:
            child.stdout.readline()
            child.send_signal(sent)
            _, told = child.communicate()
        assert old.read_bytes() in (b"old", b"new" * 2_000_000)
        if sent == signal.SIGINT:
            assert b"KeyboardInterrupt" in told
            assert os.listdir(old.parent) == ["page.html"]


# Parquet


def test_write_tables_makes_one_file(tmp_path):
    tables = [pa.table({"x": [1, 2]}), pa.table({"x": [3]})]
    write_tables(tmp_path / "x.parquet", iter(tables))
    assert pq.read_table(tmp_path / "x.parquet")["x"].to_pylist() == [1, 2, 3]


def test_write_tables_error_of_the_rows_leaves_the_old_file(old):
    def tables():
        yield pa.table({"x": [1, 2]})
        raise OSError(5, "Input/output error", "rows.parquet")

    with pytest.raises(OSError, match=r"rows\.parquet"):
        write_tables(old, tables())
    assert os.listdir(old.parent) == ["page.html"]
    assert old.read_bytes() == b"old"


# A full disk


@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_bytes(path, b"new" * 10_000),
        lambda path: write_bytes(path, b"new" * 1000),  # which goes to the disk when it is closed
        lambda path: write_tables(path, [pa.table({"x": range(10_000)})]),
        lambda path: write_tables(path, [pa.table({str(i): [i] for i in range(100)})]),
    ],
    ids=["bytes", "few bytes", "table", "the end of a table"],
)
def test_replacing_on_a_full_disk_names_the_file(old, write):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(OSError, match="too large") as raised:
            write(old)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert raised.value.filename == str(old)
    assert os.listdir(old.parent) == ["page.html"]
    assert old.read_bytes() == b"old"


# A folder


def test_making_folder_shows_it_when_its_files_are_there(tmp_path):
    with making_folder(tmp_path / "out", ["a", "b"]) as folder:
        for name in ("a", "b", "of a lost writer"):
            (folder / name).write_text(name)
        assert not (tmp_path / "out").exists()
    assert os.listdir(tmp_path) == ["out"]
    assert sorted(os.listdir(tmp_path / "out")) == ["a", "b"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_making_folder_error_leaves_nothing(tmp_path, error):
    def write():
        with making_folder(tmp_path / "out", ["a"]) as folder:
            (folder / "a").write_text("a")
            raise error(f"{str(folder / 'a')!r} is too large")

    with pytest.raises(error, match=r"out/a' is too large"):
        write()
    assert os.listdir(tmp_path) == []


def test_making_folder_where_a_link_leads(tmp_path):
    (tmp_path / "link").symlink_to("out")
    with making_folder(tmp_path / "link", ["a"]) as folder:
        (folder / "a").write_text("a")
    assert (tmp_path / "link").is_symlink()
    assert os.listdir(tmp_path / "out") == ["a"]


def test_making_folder_refuses_what_is_there(tmp_path):
    with pytest.raises(FileExistsError, match="is there already: remove it"):
        check_new_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"There is no folder '.*none' to write to"):
        check_new_folder(tmp_path / "none" / "out")


def test_put_in_place_of_a_folder(tmp_path, monkeypatch):
    (tmp_path / "parts").mkdir()
    monkeypatch.chdir(tmp_path)
    put_in_place("parts", "out")
    assert os.listdir() == ["out"]
