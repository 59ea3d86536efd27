"""The device and the threads of a fit."""

import inspect
import multiprocessing
import os
import threading
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import copy_context
from functools import wraps

import torch
from joblib import cpu_count

_SETTING = threading.Lock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_SETTING.acquire, after_in_parent=_SETTING.release, after_in_child=_SETTING.release
    )
_IMPORTED_BY = os.getpid()


def choose_device(given):
    """Translate the parameter ``device`` of the estimators to torch.

    Parameters
    ----------
    given : str
        - "auto" or "cpu": the CPU.
        - "cuda": the current GPU.
        - "cuda:1": a GPU by its number.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If the name is another, or the machine has no such GPU.

    Examples
    --------
    >>> choose_device("auto")
    device(type='cpu')
    """
    # "auto" is the CPU on every machine, so that a fit has the same bits on all machines. From how
    # many rows on a GPU is faster has not been measured.
    if given in ("auto", "cpu"):
        return torch.device("cpu")
    kind, colon, number = given.partition(":")
    if kind != "cuda" or bool(colon) != number.isdecimal():
        raise ValueError(
            f"device={given!r} is no device that skembed trains on: give 'auto', 'cpu', 'cuda' or, "
            "by number, 'cuda:1'."
        )
    n_devices = torch.cuda.device_count()
    if int(number or 0) >= n_devices:
        there = [f"cuda:{i}" for i in range(n_devices)] or "no GPU"
        raise ValueError(
            f"device={given!r}, but torch {torch.__version__} sees {there} here. Give device='cpu'"
            f"{', or one of these' if n_devices else ', or install a torch built for your GPU'}."
        )
    return torch.device("cuda", int(number) if colon else torch.cuda.current_device())


@contextmanager
def limit_threads(n_jobs):
    """Limit torch's threads for the time of a fit.

    Parameters
    ----------
    n_jobs : int or None
        - None: one thread, whatever joblib's context is, because the bits of a fit must not depend
          on where the fit runs.
        - A negative number counts from the number of processors, as in joblib.
    """
    before = _set_threads(_count_threads(n_jobs))
    try:
        yield
    finally:
        _set_threads(before)


def in_new_thread_after_fork(train):
    """Let a training run of several threads work in a process that was forked.

    GNU's OpenMP, which torch uses on Linux, keeps the threads of a parallel run for the next one
    of the same caller. A fork has the caller and not the threads, so its next run waits for ever.
    A new thread is another caller, and gets threads of its own.

    Parameters
    ----------
    train : callable
        With a parameter ``settings``.
    """
    parameters = inspect.signature(train)

    @wraps(train)
    def trained(*args, **options):
        settings = parameters.bind(*args, **options).arguments["settings"]
        if _may_be_a_fork() and _count_threads(settings.n_jobs) > 1:
            return _run_in_new_thread(train, *args, **options)
        return train(*args, **options)

    return trained


def _may_be_a_fork():
    """Whether this process may have been forked from one that used torch."""
    return os.getpid() != _IMPORTED_BY or multiprocessing.parent_process() is not None


def _count_threads(n_jobs):
    """Translate the parameter ``n_jobs`` of the estimators to a number of threads."""
    if n_jobs is None:
        return 1
    return n_jobs if n_jobs > 0 else max(1, cpu_count() + 1 + n_jobs)


def _set_threads(n_threads):
    """Set torch's threads for parallel runs of this thread alone, and return how many there were.

    torch also sets the number with which later threads begin. Each of several fits that run at once
    would take that of another for the user's, and so does a thread that begins in between.
    """
    with _SETTING:
        before = torch.get_num_threads()
        if before != n_threads:
            of_later = _run_in_new_thread(torch.get_num_threads)
            torch.set_num_threads(n_threads)
            _run_in_new_thread(torch.set_num_threads, of_later)
    return before


def _run_in_new_thread(function, *args, **options):
    """Call a function in a thread that nothing has run in, and wait for its result.

    Ctrl-C ends the waiting, not the thread, which ends with the process at the latest.
    """
    result: Future = Future()
    context = copy_context()

    def run():
        try:
            result.set_result(context.run(function, *args, **options))
        except BaseException as error:
            result.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return result.result()
