"""When a difference of losses counts as evidence."""

import math

import numpy as np


def is_evidence(differences):
    """Whether the mean difference of the rows' losses is below zero by two standard errors.

    Parameters
    ----------
    differences : array-like of shape (n_rows,)

    Examples
    --------
    >>> is_evidence([-1.0, -2.0, -1.0])
    True
    >>> is_evidence([-1.0, 2.0, -1.5])
    False
    """
    differences = np.asarray(differences, dtype=np.float64)
    standard_error = differences.std() / math.sqrt(len(differences))
    return bool(differences.mean() < -2 * standard_error)
