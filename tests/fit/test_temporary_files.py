"""The temporary files of a fit: where they lie, and when they go."""

import os
import signal
import subprocess
import sys
import tempfile

import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder


@pytest.fixture
def rows(tmp_path):
    path = tmp_path / "rows.parquet"
    pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40, "y": [3.0, 1.5, 4.2] * 40}).to_parquet(
        path
    )
    return path


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


FIT = """
import sys
from skembed import NeuralEmbeddingEncoder
NeuralEmbeddingEncoder(
    max_epochs=10**6, cv=2, early_stopping=False, verbose=1
).fit_parquet(sys.argv[1], "y")
"""


def test_temporary_files_of_a_killed_fit_stay(rows, temporary):
    command = [sys.executable, "-uc", FIT, rows]
    environment = os.environ | {"TMPDIR": str(temporary)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as child:
        assert any(b"dealt the rows" in line for line in child.stdout)
        child.send_signal(signal.SIGKILL)
    (left,) = temporary.iterdir()
    assert left.name.startswith("skembed-")
    files = sorted(os.listdir(left))
    assert files
    NeuralEmbeddingEncoder(max_epochs=1, random_state=0).fit_parquet(rows, "y")
    assert list(temporary.iterdir()) == [left]
    assert sorted(os.listdir(left)) == files


def test_temporary_folder_of_a_user_stays(rows, temporary):
    (temporary / "skembed-x").mkdir()
    (temporary / "skembed-x" / "lock").write_text("mine")
    NeuralEmbeddingEncoder(max_epochs=1, random_state=0).fit_parquet(rows, "y")
    assert [path.name for path in temporary.iterdir()] == ["skembed-x"]
    assert (temporary / "skembed-x" / "lock").read_text() == "mine"
