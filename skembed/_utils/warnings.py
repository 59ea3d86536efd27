"""Warnings that show the line of the user, from however deep in the package they come."""

import sys
import warnings
from types import FrameType

# scikit-learn stands between in Pipelines and wrapped methods, joblib where those are cached.
PASSED_THROUGH = {"skembed", "sklearn", "joblib"}


def warn_user(message):
    """Give a UserWarning with the line that called into the package, or into scikit-learn.

    A fixed ``stacklevel`` cannot: the same warning comes from methods of several depths.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back and _package(frame) in PASSED_THROUGH:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def called_by(module):
    """Whether a function of a module, or of a module in it, is waiting for the caller."""
    frame: FrameType | None = sys._getframe(1)
    while frame and not f"{frame.f_globals.get('__name__', '')}.".startswith(f"{module}."):
        frame = frame.f_back
    return frame is not None


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
