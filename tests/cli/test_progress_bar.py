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


def test_a_terminal_gets_a_bar_with_rows_a_second():
    drawn = drawn_on_a_terminal(wanted=True, total=200)
    assert "200/200" in drawn
    assert "rows/s" in drawn


def test_rows_are_counted_where_nobody_knows_how_many_there_are():
    assert "200/?" in drawn_on_a_terminal(wanted=True, total=None)


def test_no_bar_is_drawn_where_none_is_wanted():
    assert drawn_on_a_terminal(wanted=False, total=200) == ""


def test_a_file_gets_no_bar(capsys):
    with progress() as on_progress:
        assert on_progress is None
    assert capsys.readouterr().err == ""
