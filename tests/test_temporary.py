import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from skembed.temporary import temporary_folder

pytest.importorskip("fcntl")


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Where the temporary folders of a test are."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


HOLD = """
import sys, tempfile, time
from skembed.temporary import temporary_folder
tempfile.tempdir = sys.argv[1]
with temporary_folder() as folder:
    open(f"{folder}/0", "w").write("rows")
    print("ready", flush=True)
    time.sleep(60)
"""


@pytest.mark.parametrize("kill", [signal.SIGTERM, signal.SIGKILL])
def test_temporary_folder_of_a_killed_process_is_removed(place, kill):
    with subprocess.Popen([sys.executable, "-c", HOLD, place], stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        with temporary_folder() as own:
            assert len(os.listdir(place)) == 2  # that of a process at work stays
            assert Path(own).is_dir()
        child.send_signal(kill)
    (left,) = place.iterdir()
    assert sorted(os.listdir(left)) == ["0", "lock"]
    with temporary_folder() as own:
        assert list(place.iterdir()) == [Path(own)]
    assert list(place.iterdir()) == []


def test_temporary_folders_without_a_lock_stay(place):
    (place / "skembed-mine").mkdir()
    (place / "skembed-link").symlink_to(place / "skembed-mine")
    with temporary_folder():
        pass
    assert sorted(os.listdir(place)) == ["skembed-link", "skembed-mine"]


def test_temporary_folders_of_one_process_coexist(place):
    with temporary_folder() as one, temporary_folder() as other:
        assert {Path(one), Path(other)} == {*place.iterdir()}
