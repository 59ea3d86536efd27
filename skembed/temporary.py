"""A temporary folder that no kill leaves behind for ever: the next one removes it."""

import shutil
import tempfile
from contextlib import contextmanager, suppress
from pathlib import Path

PREFIX = "skembed-"
LOCK = "lock"


@contextmanager
def temporary_folder():
    """Make a folder for a while, and remove those of processes that were killed.

    A killed process cannot remove its folder, but the system takes its lock from it. Where there
    are no such locks (Windows), nothing is removed.

    Yields
    ------
    str
    """
    for other in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        _remove_if_abandoned(other)
    with tempfile.TemporaryDirectory(prefix=PREFIX) as folder, _locked(Path(folder)):
        yield folder


@contextmanager
def _locked(folder):
    """Hold the lock of a folder."""
    unlocked = folder / f"{LOCK}.new"
    with open(unlocked, "wb") as file:
        _try_to_lock(file)
        unlocked.rename(folder / LOCK)  # under its name it is locked at any moment
        yield


def _remove_if_abandoned(folder):
    with suppress(OSError):  # it is another's, is gone by now, or has no lock
        if folder.is_symlink():
            return
        with open(folder / LOCK, "rb") as file:
            if _try_to_lock(file):
                shutil.rmtree(folder, ignore_errors=True)


def _try_to_lock(file):
    """Whether nobody else holds the lock of a file, which this process then does."""
    try:
        import fcntl
    except ModuleNotFoundError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
