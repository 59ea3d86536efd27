"""Quantiles of weighted rows."""

import numpy as np


def weighted_quantile(values, weight, quantiles):
    """The lowest values of each column that so much of the weight lies at or below.

    Parameters
    ----------
    values : ndarray of shape (n_rows, n_columns)
    weight : ndarray of shape (n_rows,)
    quantiles : list of float

    Returns
    -------
    ndarray of shape (n_quantiles, n_columns)

    Examples
    --------
    >>> weighted_quantile(np.array([[3.0], [1.0], [2.0]]), np.array([1, 1, 4]), [0.1, 0.75])
    array([[1.],
           [2.]])
    """
    order = np.argsort(values, axis=0, kind="stable")
    share = np.cumsum(weight[order], axis=0) / weight.sum()
    at = np.array([(share < quantile - 1e-12).sum(axis=0) for quantile in quantiles])
    return np.take_along_axis(np.take_along_axis(values, order, axis=0), at, axis=0)
