"""Warnings that show the line of the user, from however deep in the package they come."""

import sys
import warnings

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


def _package(frame):
    return frame.f_globals.get("__name__", "").partition(".")[0]
