"""Differences of losses, and whether they are evidence."""

import math

import numpy as np


def count_errors(differences):
    """Count the standard errors by which the mean of the rows' differences is above zero.

    Parameters
    ----------
    differences : array-like of shape (n_rows,)

    Examples
    --------
    >>> round(count_errors([-1.0, 1.0, 1.0, 3.0]), 3)
    1.414
    """
    differences = np.asarray(differences, dtype=np.float64)
    error = differences.std() / math.sqrt(len(differences))
    return float(differences.mean() / error) if error else 0.0


class Differences:
    """Mean loss of rows that come in batches, and mean difference from other losses of the rows.

    Attributes
    ----------
    n_rows : int
    mean : float
        Mean of the losses.
    """

    def __init__(self):
        self.n_rows, self.mean = 0, 0.0
        self._mean, self._square = 0.0, 0.0  # of the differences

    def add(self, losses, others):
        """Add a batch.

        Parameters
        ----------
        losses, others : ndarray of shape (n_rows,)
        """
        differences = losses.astype(np.float64) - others
        n_rows = len(losses)
        self.n_rows += n_rows
        share = n_rows / self.n_rows
        self.mean += share * (float(losses.sum(dtype=np.float64)) / n_rows - self.mean)
        self._mean += share * (float(differences.sum()) / n_rows - self._mean)
        self._square += share * (float(differences @ differences) / n_rows - self._square)

    @classmethod
    def merge(cls, parts):
        """Merge the differences of several parts of the rows."""
        if len(parts) == 1:
            return parts[0]
        whole = cls()
        whole.n_rows = sum(part.n_rows for part in parts)
        for part in parts:
            share = part.n_rows / whole.n_rows
            whole.mean += share * part.mean
            whole._mean += share * part._mean
            whole._square += share * part._square
        return whole

    def are_evidence(self):
        """Whether the differences are below zero by two standard errors."""
        variance = max(0.0, self._square - self._mean**2)
        return self._mean < -2 * math.sqrt(variance / self.n_rows)
