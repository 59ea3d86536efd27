"""Numbers to codes, so that numeric columns can be crossed with others."""

import numpy as np

from skembed._columns.vocabulary import MISSING, RESERVED

MOST_BINS = 32


class Bins:
    """The bins of one numeric column.

    A value each if there are at most 32, quantiles otherwise. Numbers beyond those of fit fall
    into the outer bins, so no number is unseen.

    Parameters
    ----------
    edges : ndarray of shape (n_bins - 1,)
        Where one bin ends and the next begins; rising. A number on an edge belongs to the lower.
    """

    def __init__(self, edges):
        self.edges = edges

    @classmethod
    def fit(cls, numbers, used):
        """Learn the bins of a column.

        Parameters
        ----------
        numbers : ndarray of shape (n_rows,)
            Missing as NaN.
        used : ndarray of bool, shape (n_rows,)
            Rows that count.
        """
        present = numbers[used & ~np.isnan(numbers)]
        values = np.unique(present)
        if len(values) > MOST_BINS:
            quantiles = np.linspace(0, 1, MOST_BINS + 1)[1:-1]
            return cls(np.unique(np.quantile(present, quantiles, method="lower")))
        # Halves first, whose sum is finite; unique, as floats side by side have none between.
        return cls(np.unique(values[1:] / 2 + values[:-1] / 2))

    @property
    def n_codes(self):
        """Number of codes, with the reserved ones."""
        return len(RESERVED) + len(self.edges) + 1

    def encode(self, numbers):
        """Code of each number; missing is a code of its own."""
        codes = np.searchsorted(self.edges, numbers, side="left") + len(RESERVED)
        return np.where(np.isnan(numbers), MISSING, codes)
