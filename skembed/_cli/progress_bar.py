"""A bar on a terminal."""

import sys
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskProgressColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class RowsPerSecond(ProgressColumn):
    """How fast it goes."""

    def render(self, task):
        """Text of the last seconds' speed."""
        return Text(f"{task.speed or 0:,.0f} rows/s")


@contextmanager
def progress(wanted=True):
    """Draw a bar on standard error, if that is a terminal.

    Parameters
    ----------
    wanted : bool

    Yields
    ------
    callable or None
        To be given the number of rows done and that of all rows, which may be None.
    """
    if not wanted or not sys.stderr.isatty():
        yield None
        return
    columns = [BarColumn(), TaskProgressColumn(), MofNCompleteColumn(), RowsPerSecond()]
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
