"""docs/command-line.md runs, block after block, and prints what it says."""

import os
import re
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "command-line.md"
SKEMBED = f'skembed() {{ "{sys.executable}" -m skembed "$@"; }}\n'


def blocks():
    """The blocks that run, each with what it prints."""
    found = re.findall(r"^```(sh|text)\n(.*?)^```", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    for (kind, text), (kind_after, printed) in pairwise([*found, ("", "")]):
        if kind == "sh":
            yield text, printed if kind_after == "text" else ""


def words(printed):
    """Lines of words, of which those that differ from run to run are masked."""
    masked = re.sub(r"\d+\.\d+|[\d,]+(?= rows/s| bytes)", "#", printed)
    return [line.split() for line in masked.splitlines()]


def test_command_line_page_runs(tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block, printed in blocks():
        done = subprocess.run(
            ["bash", "-ec", SKEMBED + block],
            cwd=tmp_path,
            env=os.environ | {"PATH": path},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert done.stderr == ""
        assert done.returncode == 0
        assert words(done.stdout) == words(printed)
