"""Where the outputs of a job are put, and what an error says of them."""

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from skembed.distributed import Part, _write_part
from skembed.scoring._parts import Parts


def numbers(*values):
    return pa.RecordBatch.from_pydict({"x": list(values)})


def written(out, *parts):
    with Parts(out, "job", resume=False) as output:
        for i, values in enumerate(parts):
            output.write(i, numbers(*values))
        output.end_part()
        output.finish()


@pytest.mark.parametrize("parts", [[(1, 2, 3)], [(1, 2), (3,)]], ids=["one part", "two parts"])
@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_output_keeps_link_and_mode(tmp_path, name, parts):
    (tmp_path / "folder").mkdir()
    (tmp_path / "old").write_text("old")
    (tmp_path / "old").chmod(0o640)
    link = tmp_path / "folder" / name
    link.symlink_to(Path("..", "old"))
    written(link, *parts)
    assert os.readlink(link) == "../old"
    assert (tmp_path / "old").stat().st_mode & 0o777 == 0o640
    got = pd.read_csv(link) if name == "out.csv" else pd.read_parquet(tmp_path / "old")
    assert got["x"].tolist() == [1, 2, 3]
    assert sorted(os.listdir(tmp_path)) == ["folder", "old"]
    assert os.listdir(link.parent) == [name]


def test_output_folder_where_a_link_leads(tmp_path):
    (tmp_path / "link").symlink_to("folder")
    written(tmp_path / "link", (1, 2), (3,))
    assert (tmp_path / "link").is_symlink()
    assert sorted(os.listdir(tmp_path / "folder")) == ["part-00000.parquet", "part-00001.parquet"]


def test_output_ignores_a_change_of_folder(tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    with Parts("out.csv", "job", resume=False) as parts:
        os.chdir("elsewhere")
        parts.write(0, numbers(1))
        parts.end_part()
        parts.finish()
    assert sorted(os.listdir(tmp_path)) == ["elsewhere", "out.csv"]
    assert os.listdir() == []


def test_output_is_synced_before_it_has_its_name(tmp_path, monkeypatch):
    steps, fsync, replace = [], os.fsync, os.replace

    def synced(descriptor):
        steps.append("sync")
        fsync(descriptor)

    def replaced(new, target):
        steps.append(Path(target).name)
        replace(new, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    written(tmp_path / "out.csv", (1,))
    # After a name, the folder is synced.
    assert steps == ["sync", "part-00000.csv", "sync", "sync", "out.csv", "sync"]


def test_output_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "none").symlink_to(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError) as raised:
        Parts(tmp_path / "none" / "out.csv", "job", resume=False)
    assert raised.value.filename == str(tmp_path / "none" / "out.csv")


def test_output_folder_that_a_worker_cannot_see(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"A worker finds no folder .*same place on all"):
        _write_part(Part(None, [0], 0), tmp_path / "none" / "part", scorer=None, schema=None)
