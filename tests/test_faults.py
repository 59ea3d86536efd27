"""Kills, full disks, folders that cannot be written, threads and forks: nothing breaks or is lost.

What a kill does to `save` is in test_persistence.py; Ctrl-C in `fit` is in test_bad_input.py.
"""

import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed.scoring import score_file

QUICK = {"max_epochs": 1, "cv": 2, "early_stopping": False, "random_state": 0}


@pytest.fixture(scope="module")
def encoder():
    X = pd.DataFrame({"id": np.arange(3000) % 900, "kind": np.arange(3000) % 7}).astype(str)
    crosses = [("id", "kind")]
    return NeuralEmbeddingEncoder(crosses=crosses, embedding_dim=4, **QUICK).fit(X, X["id"])


@pytest.fixture(scope="module")
def rows():
    """2,000 rows, some unseen and some missing."""
    ids = pd.Series(np.arange(2000) % 1000).astype(str)
    return pd.DataFrame({"id": ids, "kind": ids.str[-1].where(ids.str[-1] != "9")})


# Kills

SCORE = """
import sys
from skembed import NeuralEmbeddingEncoder
from skembed.scoring import score_file
encoder, source, out = sys.argv[1:]
encoder = NeuralEmbeddingEncoder.load(encoder)
print("ready", flush=True)
score_file(encoder, source, out, part_rows=50, resume=True)
"""


@pytest.mark.filterwarnings("ignore:.*that fit did not see")  # of parts of 50 rows
@pytest.mark.parametrize("source", ["rows.csv", "rows.parquet"])
@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out"])
def test_score_file_resume_after_a_kill_at_any_moment(
    encoder, rows, tmp_path, rounds, source, name
):
    """Killed and resumed until it is done, it gives what one run gives, and leaves nothing else."""
    encoder.save(tmp_path / "e.skembed")
    source = tmp_path / source
    if source.suffix == ".csv":
        rows.to_csv(source, index=False)
    else:
        rows.to_parquet(source, row_group_size=130)  # which parts of 50 rows do not end with
    out = tmp_path / "results" / name
    rng = np.random.default_rng(0)
    for _ in range(rounds(1, 34)):
        shutil.rmtree(out.parent, ignore_errors=True)
        out.parent.mkdir()
        for _ in range(3):
            if os.listdir(out.parent) == [name]:
                break
            paths = [tmp_path / "e.skembed", source, out]
            command = [sys.executable, "-c", SCORE, *paths]
            with subprocess.Popen(command, stdout=subprocess.PIPE) as child:
                child.stdout.readline()
                time.sleep(rng.uniform(0, 0.3))
                child.send_signal(signal.SIGKILL)
        if os.listdir(out.parent) != [name]:
            loaded = NeuralEmbeddingEncoder.load(tmp_path / "e.skembed")
            score_file(loaded, source, out, part_rows=50, resume=True)
        assert os.listdir(out.parent) == [name]
        if out.is_dir():
            assert not [file for file in os.listdir(out) if not file.startswith("part-")]
        found = pd.read_csv(out) if name.endswith("csv") else pd.read_parquet(out)
        np.testing.assert_array_equal(found.astype("float32"), encoder.transform(rows))


LAST_STEPS = """
import os, sys
import pandas as pd
from skembed import NeuralEmbeddingEncoder
from skembed.scoring import score_file

replace, rmdir = os.replace, os.rmdir
part_rows, left = map(int, sys.argv[1:])

def counted(step):
    def stepped(*given, **options):
        global left
        if left == 0:
            os._exit(9)
        left -= 1
        return step(*given, **options)
    return stepped

encoder = NeuralEmbeddingEncoder.load("e.skembed")
os.replace, os.rmdir = counted(replace), counted(rmdir)
score_file(
    encoder, "rows.csv", "results/out.csv", part_rows=part_rows, quarantine="results/bad.csv"
)
"""


# Steps are that a part gets its name, that a file gets it, and that the folder of parts goes.
@pytest.mark.parametrize(
    ("part_rows", "n_steps"),
    [*((500, n_steps) for n_steps in range(7, 12)), *((5000, n_steps) for n_steps in range(1, 6))],
)
def test_score_file_resume_after_a_kill_between_last_steps(
    encoder, rows, tmp_path, part_rows, n_steps
):
    """The output has its name, and its parts, or those of the quarantine, are still there."""
    encoder.save(tmp_path / "e.skembed")
    rows.to_csv(tmp_path / "rows.csv", index=False)
    lines = (tmp_path / "rows.csv").read_text().splitlines()
    (tmp_path / "rows.csv").write_text("\n".join([*lines[:7], "no row,,", *lines[7:]]))
    results = tmp_path / "results"
    results.mkdir()
    command = [sys.executable, "-c", LAST_STEPS, str(part_rows), str(n_steps)]
    assert subprocess.run(command, cwd=tmp_path, check=False).returncode == 9
    score_file(
        NeuralEmbeddingEncoder.load(tmp_path / "e.skembed"),
        tmp_path / "rows.csv",
        results / "out.csv",
        part_rows=part_rows,
        quarantine=results / "bad.csv",
        resume=True,
    )
    assert sorted(os.listdir(results)) == ["bad.csv", "out.csv"]
    assert pd.read_csv(results / "bad.csv")["row"].tolist() == [6]
    found = pd.read_csv(results / "out.csv").astype("float32")
    np.testing.assert_array_equal(found, encoder.transform(rows))


FIT = """
import sys
from skembed import NeuralEmbeddingEncoder
NeuralEmbeddingEncoder(
    max_epochs=10**6, cv=2, early_stopping=False, verbose=1
).fit_transform_parquet(sys.argv[1], "y", sys.argv[2])
"""


def test_fit_parquet_ctrl_c_leaves_nothing(rows, tmp_path):
    rows.assign(y=np.arange(2000) % 2).to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "temporary").mkdir()
    (tmp_path / "out.parquet").write_text("the old one")
    command = [sys.executable, "-uc", FIT, tmp_path / "rows.parquet", tmp_path / "out.parquet"]
    environment = os.environ | {"TMPDIR": str(tmp_path / "temporary")}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as child:
        assert any(b"out_of_fold_loss" in line for line in child.stdout)
        assert list((tmp_path / "temporary").glob("skembed-*/0"))
        child.send_signal(signal.SIGINT)
        assert b"KeyboardInterrupt" in child.stderr.read()
    assert list((tmp_path / "temporary").iterdir()) == []
    assert (tmp_path / "out.parquet").read_text() == "the old one"
    assert sorted(os.listdir(tmp_path)) == ["out.parquet", "rows.parquet", "temporary"]


# Disks


@contextmanager
def disk_full_after(n_bytes):
    """No file of this process grows beyond so many bytes: writes fail as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def nobody():
    """As a user who may write nowhere but in /tmp; root may write anywhere."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@contextmanager
def full(folder):
    with disk_full_after(2000):
        yield


@contextmanager
def read_only(folder):
    folder.chmod(0o555)
    with nobody():
        yield


@pytest.fixture
def folder():
    """A folder that is reached by way of folders that anybody may enter."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("fault", [full, read_only])
def test_save_fault_keeps_the_old_file(encoder, folder, fault):
    path = folder / "e.skembed"
    encoder.save(path)
    before = path.read_bytes()
    with fault(folder), pytest.raises(OSError, match=r"too large|Permission denied"):
        encoder.save(path)
    assert os.listdir(folder) == ["e.skembed"]
    assert path.read_bytes() == before


@pytest.mark.parametrize("name", ["out.csv", "out.parquet", "out.arrow", "out"])
@pytest.mark.parametrize("fault", [full, read_only])
def test_score_file_fault_keeps_the_old_file_and_can_go_on(
    encoder, rows, folder, tmp_path, fault, name, monkeypatch
):
    rows.to_parquet(tmp_path / "rows.parquet")
    out, old = folder / name, name != "out"
    if old:
        out.write_text("the old one")
    score_file(encoder, tmp_path / "rows.parquet", tmp_path / name)  # imports all that is needed
    monkeypatch.chdir(tmp_path)
    with fault(folder), pytest.raises(OSError, match=r"too large|Permission denied"):
        score_file(encoder, "rows.parquet", out, part_rows=500)
    assert not old or out.read_text() == "the old one"
    left = {file.name for file in folder.rglob("*") if file.is_file() and file != out}
    assert all(file.startswith("part-") for file in left)
    folder.chmod(0o755)
    score_file(encoder, "rows.parquet", out, part_rows=500, resume=True)
    assert os.listdir(folder) == [name]


@pytest.mark.parametrize("fault", [full, read_only])
def test_fit_parquet_fault_keeps_the_old_file(rows, folder, tmp_path, fault, monkeypatch):
    rows.assign(y=np.arange(2000) % 2).to_parquet(tmp_path / "rows.parquet")
    (folder / "out.parquet").write_text("the old one")
    (folder / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder / "temporary"))
    encoder = NeuralEmbeddingEncoder(crosses=None, **QUICK)
    with fault(folder), pytest.raises(OSError, match=r"too large.*TMPDIR|Permission denied"):
        encoder.fit_transform_parquet(str(tmp_path / "rows.parquet"), "y", folder / "out.parquet")
    assert (folder / "out.parquet").read_text() == "the old one"
    assert sorted(os.listdir(folder)) == ["out.parquet", "temporary"]
    assert os.listdir(folder / "temporary") == []
    assert not hasattr(encoder, "tables_")


# Threads and forks


def test_threads_use_one_encoder_at_once(encoder, rows, tmp_path, rounds):
    """32 threads, and 10,000 calls at night; the lookups that are made at first use are new."""
    parts = [rows.iloc[start : start + 7] for start in range(0, 320, 10)]
    expected = [encoder.transform(part) for part in parts]
    encoder.save(tmp_path / "e.skembed")
    loaded, together = NeuralEmbeddingEncoder.load(tmp_path / "e.skembed"), threading.Barrier(32)

    def call(i):
        together.wait()
        for k in range(rounds(1600, 10_000) // 32 + 1):
            part = (i + k) % len(parts)
            np.testing.assert_array_equal(loaded.transform(parts[part]), expected[part])

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(call, range(32)))


def _transforms_as(encoder, rows, expected):
    for _ in range(20):
        np.testing.assert_array_equal(encoder.transform(rows), expected)


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_forks_while_threads_use_the_same_encoder(encoder, rows):
    expected, stop = encoder.transform(rows), threading.Event()

    def call():
        while not stop.is_set():
            _transforms_as(encoder, rows, expected)

    fork = multiprocessing.get_context("fork")
    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(call) for _ in range(4)]
        children = [
            fork.Process(target=_transforms_as, args=(encoder, rows, expected)) for _ in range(4)
        ]
        for child in children:
            child.start()
        for child in children:
            child.join(60)
        stop.set()
    for each in calls:
        each.result()
    assert [child.exitcode for child in children] == [0] * 4
