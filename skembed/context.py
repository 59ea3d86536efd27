"""Numeric columns as the net sees them: imputed with an indicator, scaled, tails bent."""

import numpy as np


class Context:
    """Turns numeric columns into inputs of the net, as learned from the training rows.

    Missing values become the median, and a column that has any at fit gets an indicator beside it.
    Columns are centred at the median and scaled by the interquartile range; where that is zero
    (a column that is mostly one value), by half the range. Then ``x / sqrt(1 + (x / 3) ** 2)``
    bends the tails, so that one row cannot dominate a batch.

    Parameters
    ----------
    numbers : list of ndarray, each of shape (n_rows,)
        Numeric columns, missing as NaN.
    weight : ndarray of shape (n_rows,)
        Rows of weight zero do not count in the median and the scale.

    References
    ----------
    Robust scaling with smooth clipping: Holzmüller, Grinsztajn and Steinwart (2024), "Better by
    default: strong pre-tuned MLPs and boosted trees on tabular data", arXiv:2407.04491.
    """

    def __init__(self, numbers, weight):
        self.columns = []
        for column in numbers:
            missing = np.isnan(column)
            present = column[(weight > 0) & ~missing]
            median, scale = _centre_and_scale(present) if len(present) else (np.nan, 1.0)
            self.columns.append((median, scale, bool(missing.any())))

    def matrix(self, numbers, n_rows):
        """Inputs of the net, float32 (n_rows, n_inputs)."""
        inputs = [np.empty((n_rows, 0), dtype=np.float32)]
        for column, (median, scale, indicated) in zip(numbers, self.columns, strict=True):
            missing = np.isnan(column)
            if indicated:
                inputs.append(missing[:, None].astype(np.float32))
            if not np.isnan(median):
                x = np.where(missing, 0.0, (column - median) / scale)
                inputs.append((x / np.sqrt(1 + (x / 3) ** 2))[:, None].astype(np.float32))
        return np.hstack(inputs)


def _centre_and_scale(present):
    low, first, median, third, high = np.quantile(present, [0, 0.25, 0.5, 0.75, 1])
    return median, (third - first) or (high - low) / 2 or 1.0
