"""One process at a time is at work in the folder of a job; what is left is removed when asked."""

import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed.scoring import remove_stopped_jobs, score_file
from skembed.scoring._job_folder import JobFolder

X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
JOB = "0123456789ab"


@pytest.fixture(scope="module")
def encoder():
    encoder = NeuralEmbeddingEncoder(max_epochs=1, cv=2, crosses=None, random_state=0)
    return encoder.fit(X, np.arange(120) % 3 + 0.5)


@pytest.fixture
def rows(tmp_path):
    X.to_parquet(tmp_path / "rows.parquet")
    return tmp_path / "rows.parquet"


@pytest.fixture
def stopped(encoder, rows, tmp_path):
    """The folders that two jobs of one output have left."""
    out = tmp_path / "out.parquet"

    def stop(done, total):
        if done > 70:
            raise KeyboardInterrupt

    for part_rows in (35, 50):
        with pytest.raises(KeyboardInterrupt):
            score_file(encoder, rows, out, part_rows=part_rows, on_progress=stop)
    folders = sorted(tmp_path.glob(".out.parquet.*.partial"))
    assert len(folders) == 2
    return out, folders


@pytest.mark.parametrize("name", ["out.parquet", "out"])
@pytest.mark.parametrize("resume", [False, True])
def test_score_file_that_is_running_is_not_started_again(encoder, rows, tmp_path, name, resume):
    out, told = tmp_path / name, []

    def start_again(done, total):
        if done > 40:
            with pytest.raises(BlockingIOError, match=f"The same job is writing .*{name}' already"):
                score_file(encoder, rows, out, part_rows=35, resume=resume)
            told.append(done)

    score_file(encoder, rows, out, part_rows=35, on_progress=start_again)
    assert told
    np.testing.assert_array_equal(pd.read_parquet(out), encoder.transform(X.copy()))
    assert sorted(os.listdir(tmp_path)) == sorted([name, "rows.parquet"])


HOLD = """
import sys
from skembed.scoring._job_folder import JobFolder
folder = JobFolder(*sys.argv[1:])
print("ready", flush=True)
sys.stdin.read()
"""


def test_job_folder_is_locked_until_its_process_is_killed(tmp_path):
    out = tmp_path / "out.parquet"
    command = [sys.executable, "-c", HOLD, str(out), JOB]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:
        child.stdout.readline()
        with pytest.raises(BlockingIOError, match="is writing"):
            JobFolder(out, JOB)
        assert remove_stopped_jobs(out) == []
        child.kill()
    JobFolder(out, JOB).unlock()
    assert remove_stopped_jobs(out) == [tmp_path / f".out.parquet.{JOB}.partial"]


def test_job_folder_of_another_job_or_output_is_another(tmp_path):
    jobs = [("a", JOB), ("b", JOB), ("a", JOB[::-1])]
    held = [JobFolder(tmp_path / out, job) for out, job in jobs]
    assert len({each.path for each in held}) == 3
    with pytest.raises(BlockingIOError):
        JobFolder(tmp_path / "a", JOB)


def test_stopped_jobs_are_removed_when_asked(stopped):
    out, folders = stopped
    out.write_text("the old one")
    assert remove_stopped_jobs(out, dry_run=True) == folders
    assert all(folder.is_dir() for folder in folders)
    assert remove_stopped_jobs(out) == folders
    assert sorted(os.listdir(out.parent)) == ["out.parquet", "rows.parquet"]


def test_stopped_jobs_of_other_outputs_stay(stopped):
    out, folders = stopped
    for name in ("out.csv", "other.parquet", "out", "x/out.parquet"):
        assert remove_stopped_jobs(out.parent / name) == []
    assert all(folder.is_dir() for folder in folders)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "notes.txt").write_text("mine"),
        lambda folder: (folder / "part-mine.parquet").write_text("mine"),
        lambda folder: (folder / "part-00009.parquet").mkdir(),
        lambda folder: (folder / ".job").unlink(),
        lambda folder: (folder / ".job").write_text("skembed.scoring.score_file\nother\n"),
        lambda folder: (folder / ".job").write_bytes(b"\xff"),
    ],
    ids=["a file", "a file like a part", "a folder", "no mark", "another's mark", "no text"],
)
def test_stopped_jobs_folder_that_may_be_of_the_user_stays(stopped, change):
    out, (changed, other) = stopped
    change(changed)
    before = sorted(os.listdir(changed))
    assert remove_stopped_jobs(out) == [other]
    assert sorted(os.listdir(changed)) == before


def test_stopped_jobs_behind_a_link_stay(stopped, tmp_path):
    out, (folder, other) = stopped
    shutil.move(folder, tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert remove_stopped_jobs(out) == [other]
    assert (tmp_path / "elsewhere" / "part-00000.parquet").exists()
