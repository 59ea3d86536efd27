"""What calls cost, side by side: CPU seconds by rounds, peak memory, and a table of ratios.

The machine that a benchmark runs on is never quiet, so nothing is timed by itself: the calls take
turns, and a ratio is that of two times in one round. Shown are medians, and in brackets the first
and last quartile.
"""

import json
import platform
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np

PACKAGES = ("numpy", "pandas", "pyarrow", "scikit-learn", "torch")


def cpu_seconds(calls, rounds):
    """CPU seconds of all threads, by call and round; one round more, the first, warms up.

    Parameters
    ----------
    calls : dict of str to callable
    rounds : int

    Returns
    -------
    dict of str to ndarray of shape (rounds,)
    """
    seconds = {name: np.empty(rounds + 1) for name in calls}
    for i in range(rounds + 1):
        for name, call in calls.items():
            began = time.process_time()
            call()
            seconds[name][i] = time.process_time() - began
    return {name: of_call[1:] for name, of_call in seconds.items()}


def peak_bytes(call):
    """Highest resident memory during a call, above what was resident before (Linux)."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    before = _resident("VmRSS")
    result = call()
    peak = _resident("VmHWM") - before
    del result
    return peak


def spread(values, digits=3):
    """Median, and in brackets the first and last quartile."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return f"{middle:.{digits}g} [{low:.{digits}g}, {high:.{digits}g}]"


def table(header, rows):
    """Lines of a Markdown table."""
    return "\n".join(
        "| " + " | ".join(map(str, row)) + " |" for row in (header, ["--"] * len(header), *rows)
    )


def save(path, name, figures):
    """Put the figures of one part of a benchmark into a JSON file, beside those of others."""
    path = Path(path)
    held = json.loads(path.read_text()) if path.exists() else {}
    machine = {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}}
    held[name] = {"versions": machine, "figures": figures}
    path.write_text(json.dumps(held, indent=1, default=lambda array: array.tolist()) + "\n")


def _resident(field):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return 1024 * int(line.split()[1])
    raise OSError(f"/proc/self/status has no {field}: peak memory is measured on Linux alone.")
