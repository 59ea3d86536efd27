"""Numeric columns: as bins, so that they can be crossed, and as context, which the net sees."""

import numpy as np

from skembed._columns.vocabulary import MISSING, RESERVED
from skembed._utils.weighted_quantile import weighted_quantile

FAR = 1e18  # whose square even float32 holds; bent, it is 3 as infinity would be
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


class Context:
    """Turns numeric columns into inputs of the net, as learned from the training rows.

    Missing values become the median, and a column that has any at fit gets an indicator beside it.
    Columns are centred at the median (of two, the lower) and scaled by the interquartile range;
    where that is zero (a column that is mostly one value), by half the range. Then
    ``x / sqrt(1 + (x / 3) ** 2)`` bends the tails, so that one row cannot dominate a batch.

    Parameters
    ----------
    columns : list of (float, float, bool)
        Of each numeric column: median, scale, and whether it has an indicator. The median is NaN
        where no row of the fit has a value.

    References
    ----------
    Robust scaling with smooth clipping: Holzmüller, Grinsztajn and Steinwart (2024), "Better by
    default: strong pre-tuned MLPs and boosted trees on tabular data", arXiv:2407.04491.
    """

    def __init__(self, columns):
        self.columns = columns

    @classmethod
    def fit(cls, numbers, weight):
        """Learn median and scale of columns.

        Parameters
        ----------
        numbers : list of ndarray, each of shape (n_rows,)
            Numeric columns, missing as NaN.
        weight : ndarray of shape (n_rows,)
            Of the rows, in the median and the quartiles.
        """
        columns = []
        for column in numbers:
            missing, used = np.isnan(column), weight > 0
            present, its_weight = (part[used & ~missing] for part in (column, weight))
            centre_and_scale = (np.nan, 1.0)
            if len(present):
                centre_and_scale = _centre_and_scale(present, its_weight)
            columns.append((*centre_and_scale, bool(missing[used].any())))
        return cls(columns)

    @property
    def n_inputs(self):
        """Number of inputs of the net."""
        return sum((not np.isnan(median)) + shown for median, _, shown in self.columns)

    def matrix(self, numbers, n_rows):
        """Inputs of the net, float32 (n_rows, n_inputs)."""
        inputs = [np.empty((n_rows, 0), dtype=np.float32)]
        for column, (median, scale, indicated) in zip(numbers, self.columns, strict=True):
            missing = np.isnan(column)
            if indicated:
                inputs.append(missing[:, None].astype(np.float32))
            if not np.isnan(median):
                with np.errstate(over="ignore"):  # of what is clipped
                    x = np.where(missing, 0.0, (column - median) / scale)
                x = np.clip(x, -FAR, FAR)
                inputs.append((x / np.sqrt(1 + (x / 3) ** 2))[:, None].astype(np.float32))
        return np.hstack(inputs)


def _centre_and_scale(present, weight):
    first, median, third = weighted_quantile(present[:, None], weight, [0.25, 0.5, 0.75])[:, 0]
    with np.errstate(over="ignore"):
        scale = (third - first) or np.ptp(present) / 2 or 1.0
    return median, min(scale, np.finfo(np.float64).max)
