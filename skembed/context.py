"""Numeric columns as the net sees them: imputed with an indicator, scaled, tails bent."""

import numpy as np


def context_matrix(numbers, weight):
    """Net inputs from numeric columns.

    Missing values become the median, and a column that has any gets an indicator beside it.
    Columns are centred at the median and scaled by the interquartile range; where that is zero
    (a column that is mostly one value), by half the range. Then ``x / sqrt(1 + (x / 3) ** 2)``
    bends the tails, so that one row cannot dominate a batch.

    Parameters
    ----------
    numbers : list of ndarray, each of shape (n_rows,)
        Numeric columns, missing as NaN.
    weight : ndarray of shape (n_rows,)
        Rows of weight zero do not count in the median and the scale.

    Returns
    -------
    ndarray of float32, shape (n_rows, n_inputs)

    References
    ----------
    Robust scaling with smooth clipping: Holzmüller, Grinsztajn and Steinwart (2024), "Better by
    default: strong pre-tuned MLPs and boosted trees on tabular data", arXiv:2407.04491.
    """
    used = weight > 0
    inputs = []
    for column in numbers:
        missing = np.isnan(column)
        present = column[used & ~missing]
        if missing.any():
            inputs.append(missing.astype(np.float32))
        if not len(present):
            continue
        low, first, median, third, high = np.quantile(present, [0, 0.25, 0.5, 0.75, 1])
        scale = (third - first) or (high - low) / 2 or 1.0
        x = np.where(missing, 0.0, (column - median) / scale)
        inputs.append((x / np.sqrt(1 + (x / 3) ** 2)).astype(np.float32))
    return np.column_stack(inputs) if inputs else np.zeros((len(weight), 0), dtype=np.float32)
