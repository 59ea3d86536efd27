"""Warnings that show the line of the user, from however deep in the package they come."""

import re
import sys
import warnings
from itertools import count
from types import FrameType
from typing import NamedTuple
from weakref import WeakKeyDictionary

import joblib

from skembed.exceptions import SkembedWarning

# scikit-learn stands between in Pipelines and wrapped methods, joblib where those are cached.
PASSED_THROUGH = {"skembed", "sklearn", "joblib"}
OF_WORKERS = {"threading", "multiprocessing", "concurrent"}  # at the bottom of a worker's stack


class Call(NamedTuple):
    """A line of the user, and which parallel run of joblib it began, if one."""

    file: str
    line: int
    module: str
    run: int | None


_numbers = count()
_number_of_run: WeakKeyDictionary = WeakKeyDictionary()  # by the object of joblib
_sent: list[Call] = []  # the call that began what this process, a worker, was sent last
_told: dict[int | None, set] = {}  # kinds of warnings, of the last run alone


def warn_user(message):
    """Give a SkembedWarning with the line that called into the package, or into scikit-learn.

    A fixed ``stacklevel`` cannot: the same warning comes from methods of several depths. In a
    worker of joblib that line is on another stack, or in another process. Of a parallel run, such
    as a search, a warning of one kind and column comes once from each process.
    """
    call, registry = _find_call()
    caller = sys._getframe(1)
    # Other folds have other numbers of rows and levels; digits in quotes are of names.
    text = re.sub(r"('[^']*')|\d+", lambda found: found[1] or "#", message)
    kind = (caller.f_code, caller.f_lineno, text)
    if call.run is not None:
        if call.run not in _told:
            _told.clear()
        if kind in _told.setdefault(call.run, set()):
            return
    place = (call.file, call.line, call.module)
    warnings.warn_explicit(message, SkembedWarning, *place, registry=registry)
    if call.run is not None:  # not where a filter has made an error of it
        _told.setdefault(call.run, set()).add(kind)


def send_call(state):
    """Put the line of the user into the state of an estimator that joblib sends to a process."""
    frame: FrameType | None = sys._getframe(1)
    while frame and not frame.f_globals.get("__name__", "").startswith("joblib.externals.loky"):
        frame = frame.f_back
    found = frame and _find_in_other_threads()
    return state | {"_call": tuple(found[0])} if found else state


def receive_call(state):
    """Take out of a state what `send_call` put into it."""
    if "_call" in state:
        _sent[:] = [Call(*state["_call"])]
    return {name: value for name, value in state.items() if name != "_call"}


def _find_call():
    """The line of the user, and the registry of the warnings of its module."""
    found, frame = _find_on_stack(sys._getframe(2))
    if _package(frame) in OF_WORKERS:
        other = _find_in_other_threads()
        if other is not None:
            return other
        if _sent:
            return _sent[0], {}
    return found, frame.f_globals.setdefault("__warningregistry__", {})


def _find_in_other_threads():
    """Likewise, of the thread that waits for the workers of joblib; None if there is none."""
    frame: FrameType | None
    for frame in sys._current_frames().values():
        while frame and _package(frame) not in PASSED_THROUGH:  # it sleeps
            frame = frame.f_back
        if frame is None:
            continue
        found, frame = _find_on_stack(frame)
        if found.run is not None:
            return found, frame.f_globals.setdefault("__warningregistry__", {})
    return None


def _find_on_stack(frame):
    run = None
    while frame.f_back and _package(frame) in PASSED_THROUGH:
        if frame.f_code.co_name == "__call__":
            parallel = frame.f_locals.get("self")
            run = parallel if isinstance(parallel, joblib.Parallel) else run
        frame = frame.f_back
    number = None if run is None else _number_of_run.setdefault(run, next(_numbers))
    name = frame.f_globals.get("__name__", "<string>")
    return Call(frame.f_code.co_filename, frame.f_lineno, name, number), frame


def called_by(module):
    """Whether a function of a module, or of a module in it, is waiting for the caller."""
    frame: FrameType | None = sys._getframe(1)
    while frame and not f"{frame.f_globals.get('__name__', '')}.".startswith(f"{module}."):
        frame = frame.f_back
    return frame is not None


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
