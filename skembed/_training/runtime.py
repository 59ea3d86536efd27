"""The device and the threads of a fit."""

from contextlib import contextmanager

import torch
from joblib import cpu_count


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
    if n_jobs is None:
        n_jobs = 1
    if n_jobs < 0:
        n_jobs = max(1, cpu_count() + 1 + n_jobs)
    before = torch.get_num_threads()
    torch.set_num_threads(n_jobs)
    try:
        yield
    finally:
        torch.set_num_threads(before)
