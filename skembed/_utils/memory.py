"""An error with the size before more memory is asked for than there is."""

import os
from functools import cache
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup/memory.max")  # the limit of a container; "max" if there is none
COPIES = 2  # of a table that is trained: itself and Adagrad's sums of squares, in float32


def check_room(n_bytes, what, instead):
    """Raise if something cannot fit into memory, were all of it free.

    Parameters
    ----------
    n_bytes : int
    what : str
        What takes it, as the beginning of a sentence.
    instead : str
        What to do.

    Raises
    ------
    MemoryError
    """
    there = _memory()
    if there is not None and n_bytes > there:
        raise MemoryError(
            f"{what} would take {n_bytes / 2**30:,.1f} GiB, but the memory here is "
            f"{there / 2**30:,.1f} GiB. {instead}"
        )


def check_tables(shapes, n_folds):
    """Raise if the tables of a fit cannot fit into memory.

    Parameters
    ----------
    shapes : list of TableShape
        Of the columns and crosses.
    n_folds : int
    """
    if not shapes:
        return
    bytes_of = [4 * COPIES * shape.n_codes * shape.dim * n_folds for shape in shapes]
    largest = max(shapes, key=lambda shape: shape.n_codes * shape.dim)
    check_room(
        sum(bytes_of),
        f"Training {n_folds} tables of each column, of {str(largest.name)!r} "
        f"{largest.n_codes:,} codes by {largest.dim:,} numbers,",
        "Give a smaller embedding_dim, fewer folds (cv), or pool rare levels by min_frequency or "
        "max_categories.",
    )


@cache
def _memory():
    """Bytes of memory that this process can have; None where the system does not say."""
    if not hasattr(os, "sysconf"):
        return None
    installed = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        return min(installed, int(CGROUP.read_text()))
    except (OSError, ValueError):
        return installed
