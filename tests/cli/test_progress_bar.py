"""The bar is drawn on a terminal alone."""

import os
import pty
import subprocess
import sys

from skembed._cli.progress_bar import progress

DRAW = """
from skembed._cli.progress_bar import progress
with progress({wanted}) as on_progress:
    for done in (100, 200):
        if on_progress is not None:
            on_progress(done, {total})
"""


def drawn_on_a_terminal(wanted, total):
    ours, theirs = pty.openpty()
    code = DRAW.format(wanted=wanted, total=total)
    subprocess.run(
        [sys.executable, "-c", code],
        stderr=theirs,
        check=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
    )
    os.close(theirs)
    drawn = b""
    try:
        while part := os.read(ours, 4096):
            drawn += part
    except OSError:  # Linux, at the end
        pass
    os.close(ours)
    return drawn.decode()


def test_progress_bar_on_a_terminal_shows_rows_a_second():
    drawn = drawn_on_a_terminal(wanted=True, total=200)
    assert "200/200" in drawn
    assert "rows/s" in drawn


def test_progress_bar_counts_rows_without_a_total():
    assert "200/?" in drawn_on_a_terminal(wanted=True, total=None)


def test_progress_bar_is_not_drawn_where_unwanted():
    assert drawn_on_a_terminal(wanted=False, total=200) == ""


def test_progress_bar_is_not_written_to_a_file(capsys):
    with progress() as on_progress:
        assert on_progress is None
    assert capsys.readouterr().err == ""
