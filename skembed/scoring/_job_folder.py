"""The hidden folder beside an output in which one job lays down its parts, and what is left of it.

A folder is locked by the system for as long as its job runs, however that ends. Windows and some
network file systems lock no folders: there the same job must not run twice at once.
"""

import os
import re
import weakref
from contextlib import contextmanager, suppress
from pathlib import Path

from skembed._files.atomic import naming_target, without_link

MARK_FILE = ".job"  # a file that says whose folder it is
BUSY = "busy"  # what another process has locked
OF_A_JOB = re.compile(rf"part-\d{{5,}}\.\w+|whole\.\w+|\.\d+\.\w+|{re.escape(MARK_FILE)}")


class JobFolder:
    """The folder of a job that runs, which is made if it is not there.

    Parameters
    ----------
    out : str or PathLike
        The output.
    job : str
        The name of the job.

    Attributes
    ----------
    path : Path

    Raises
    ------
    BlockingIOError
        If the same job is running.
    """

    def __init__(self, out, job):
        self.path = path_of(out, job)
        with naming_target(out):
            lock = _make_and_lock(self.path)
            if lock is BUSY:
                raise BlockingIOError(
                    f"The same job is writing {str(out)!r} already: wait for its end, or give "
                    "another name."
                )
            self._unlock = weakref.finalize(self, _unlock, lock)
            (self.path / MARK_FILE).write_bytes(_mark(self.path))

    def keep_only(self, files):
        """Remove all other files, but for the mark."""
        for path in {*self.path.glob("*")} - {*files, self.path / MARK_FILE}:
            path.unlink()

    def remove(self):
        """Remove the folder and all its files."""
        _remove(self.path)

    def unmark(self):
        """Take the mark away, before the folder becomes the output."""
        (self.path / MARK_FILE).unlink(missing_ok=True)

    def unlock(self):
        """Let others have the folder."""
        self._unlock()


def remove_stopped_jobs(out, *, dry_run=False):
    """Remove what jobs of `score_file` that were stopped have left beside an output.

    A job that was killed, or stopped by an error, leaves its whole parts in a hidden folder
    ``.<name>.<job>.partial`` beside the output, from which ``resume=True`` goes on. A job of
    another estimator, other rows or other parameters has another folder, and leaves that one as it
    is. Nothing but this function removes it.

    A folder is removed only if `score_file` has marked it as its own, no process is at work in it,
    and it holds no file that `score_file` does not write. Where the system locks no folders (on
    Windows, on some network file systems), it is not known whether a process is at work, and none
    is removed.

    Parameters
    ----------
    out : str or PathLike
        Output, or quarantine, of the jobs.

    dry_run : bool, default=False
        Whether to find the folders, and to remove none.

    Returns
    -------
    list of Path
        The folders that were found.

    Examples
    --------
    >>> from skembed.scoring import remove_stopped_jobs
    >>> remove_stopped_jobs("vectors.parquet")
    []
    """
    found = []
    for folder in find_folders(out):
        with _holding(folder) as is_stopped:
            if is_stopped:
                found.append(folder)
                if not dry_run:
                    _remove(folder)
    return found


def path_of(out, job):
    """Path of the folder of a job."""
    target = Path(without_link(out))
    return target.with_name(f".{target.name}.{job}.partial")


def find_folders(out):
    """Folders beside an output that have the name of one of its jobs."""
    target = Path(without_link(out))
    named = re.compile(rf"\.{re.escape(target.name)}\.[0-9a-f]{{12}}\.partial")
    with suppress(FileNotFoundError):
        return sorted(path for path in target.parent.iterdir() if named.fullmatch(path.name))
    return []


@contextmanager
def _holding(folder):
    """Hold a folder, and say whether it is that of a job which no longer runs."""
    lock = None
    with suppress(OSError):  # it is gone, is no folder, or may not be opened
        lock = None if folder.is_symlink() else _lock(folder)
    try:
        yield isinstance(lock, int) and _is_of_a_job(folder)
    finally:
        _unlock(lock)


def _is_of_a_job(folder):
    """Whether a folder has the mark of a job, and holds nothing but files of jobs."""
    try:
        if (folder / MARK_FILE).read_bytes() != _mark(folder):
            return False
    except OSError:
        return False
    with os.scandir(folder) as entries:
        return all(
            entry.is_file(follow_symlinks=False) and OF_A_JOB.fullmatch(entry.name)
            for entry in entries
        )


def _remove(folder):
    """Remove a folder and its files, the mark last, so that a kill leaves what can be removed."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == MARK_FILE):
        path.unlink()
    folder.rmdir()


def _mark(folder):
    return b"skembed.scoring.score_file\n%s\n" % os.fsencode(folder.name)  # any name has bytes


def _make_and_lock(folder):
    """Lock a folder, as `_lock` does, which is made if it is not there."""
    while True:
        folder.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):  # the job that had it has ended just now
            return _lock(folder)


def _lock(folder):
    """Lock a folder until `_unlock`, or until the process ends.

    Returns
    -------
    int, BUSY or None
        None where the system locks no folders.

    Raises
    ------
    FileNotFoundError
        If it is not there, or another was put in its place meanwhile.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not os.path.samestat(os.fstat(descriptor), os.stat(folder)):
            raise FileNotFoundError(folder)
    except BlockingIOError:
        os.close(descriptor)
        return BUSY
    except FileNotFoundError:
        os.close(descriptor)
        raise
    except OSError:  # a file system without such locks
        os.close(descriptor)
        return None
    return descriptor


def _unlock(lock):
    if isinstance(lock, int):
        os.close(lock)
