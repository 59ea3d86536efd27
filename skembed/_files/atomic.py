"""Files and folders that are written whole or not at all.

A new file is written beside its target, under a hidden name, brought to the disk and renamed. A
process that is killed leaves the old file or the new one, and at worst the hidden one.
"""

import os
import secrets
import shutil
import stat
from contextlib import contextmanager, suppress
from pathlib import Path

SHOWN_OF_NAME = 48  # characters: a name has at most 255 bytes


@contextmanager
def replacing(path):
    """Write a new file, which replaces an older one when the block ends without an error.

    A link stays a link: the file that it points to is replaced. The new file has the mode of the
    old one. After an error, Ctrl-C included, the old file is as it was, and nothing else is left.

    Parameters
    ----------
    path : str or PathLike

    Yields
    ------
    io.BufferedWriter
        The new file. A writer that wants a path can write to that of its ``name`` instead.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.
    FileExistsError
        If the path is that of a folder, a pipe or a device.
    OSError
        If the file cannot be written. The error names the file, not the hidden one.
    """
    check_target(path)
    target = without_link(path)
    new, file = _hidden_beside(target), None
    try:
        with naming_target(path):
            file = _create(new, target)
        yield file
        with naming_target(path):
            file.close()
            put_in_place(new, target)
    except BaseException as error:
        if file is not None:
            with suppress(OSError):  # of what a full disk has not taken
                file.close()
        with suppress(FileNotFoundError):
            os.unlink(new)
        _name_target_in(error, new, path)
        raise


def write_bytes(path, data):
    """Write bytes to a file, which is whole or as it was; see `replacing`."""
    with replacing(path) as file, naming_target(path):
        file.write(data)


@contextmanager
def making_folder(path, names):
    """Make a folder, which appears under its name when the block ends without an error.

    After an error nothing is left of it.

    Parameters
    ----------
    path : str or PathLike
        Not there yet.
    names : sequence of str
        Of the files that the block writes into the folder. Files of other names are removed.

    Yields
    ------
    Path
        The folder to write to.

    Raises
    ------
    FileNotFoundError
        If the folder around it does not exist.
    FileExistsError
        If it is there already.
    """
    check_new_folder(path)
    target = without_link(path)
    folder = Path(_hidden_beside(target))
    closed = folder.with_name(f"{folder.name}.closed")
    try:
        with naming_target(path):
            folder.mkdir()
        yield folder
        # A writer that is still at work does not know this name, and can add nothing more.
        folder.rename(closed)
        for other in {*closed.iterdir()} - {closed / name for name in names}:
            other.unlink()
        with naming_target(path):
            put_in_place(closed, target)
    except BaseException as error:
        with suppress(FileNotFoundError):
            folder.rename(closed)
        shutil.rmtree(closed, ignore_errors=True)
        _name_target_in(error, str(folder), path)
        raise


def put_in_place(new, target):
    """Bring a whole file or folder to the disk and give it its name.

    Parameters
    ----------
    new : str or PathLike
        In the folder of ``target``, or below it.
    target : str or PathLike
        No link. The mode of a file that is there is kept.
    """
    if os.path.isdir(new):
        _sync_folder(new)
    else:
        with open(new, "r+b") as file:
            with suppress(FileNotFoundError):
                shutil.copymode(target, new)
            os.fsync(file.fileno())
    os.replace(new, target)
    _sync_folder(os.path.dirname(target) or os.curdir)


def check_target(path):
    """Raise if no file can be written to a path: there is no folder for it, or no file there.

    Raises
    ------
    FileNotFoundError
    FileExistsError
    """
    target = without_link(path)
    _check_folder_of(target)
    if os.path.exists(target) and not os.path.isfile(target):
        what = "folder" if os.path.isdir(target) else "pipe or a device"
        raise FileExistsError(f"{os.fspath(path)!r} is a {what}: give the name of a file.")


def check_new_folder(path):
    """Raise if no folder can be made at a path: there is no folder around it, or something there.

    Raises
    ------
    FileNotFoundError
    FileExistsError
    """
    _check_folder_of(without_link(path))
    if os.path.exists(path):
        raise FileExistsError(
            f"The folder {os.fspath(path)!r} is there already: remove it, or give another name."
        )


@contextmanager
def naming_target(path):
    """Let an error of the system in writing name the file or folder that was to be written."""
    try:
        yield
    except OSError as error:
        if error.errno is None:  # one of ours, which names it
            raise
        raise OSError(error.errno, os.strerror(error.errno), os.fspath(path)) from error


def _check_folder_of(target):
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(f"There is no folder {folder!r} to write to.")


def without_link(path):
    """Absolute path of what a link points to; of anything else, its own."""
    return os.path.realpath(path) if os.path.islink(path) else str(Path(path).absolute())


def _hidden_beside(target):
    folder, name = os.path.split(target)
    return os.path.join(folder, f".{name[:SHOWN_OF_NAME]}.{secrets.token_hex(8)}")


def _create(new, target):
    """Open a new file that nobody may read who may not read the old one."""
    try:
        mode = stat.S_IMODE(os.stat(target).st_mode) & 0o777 | 0o600
    except FileNotFoundError:
        mode = 0o666
    return open(new, "xb", opener=lambda name, flags: os.open(name, flags, mode))


def _sync_folder(folder):
    """Let names survive a loss of power, where folders can be opened and synced."""
    if hasattr(os, "O_DIRECTORY"):
        with suppress(OSError):  # network file systems may refuse; the file is whole all the same
            entry = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(entry)
            finally:
                os.close(entry)


def _name_target_in(error, new, path):
    """Let an error of the block name the target instead of what is hidden beside it."""
    shown = os.fspath(path)
    if isinstance(error, OSError) and isinstance(error.filename, str):
        error.filename = error.filename.replace(new, shown)
    new, shown = repr(new)[1:-1], repr(shown)[1:-1]
    error.args = tuple(
        told.replace(new, shown) if isinstance(told, str) else told for told in error.args
    )
