"""A number or a name for each row, also where it comes as a frame of one column."""

from typing import Any

import numpy as np


def flatten_column(values, name):
    """Flatten a frame or matrix of one column; leave anything else as it is.

    Parameters
    ----------
    values : array-like or None
    name : str
        Of the argument, for errors.

    Returns
    -------
    ndarray of shape (n_rows,), or ``values``
    """
    shape: Any = getattr(values, "shape", ())
    if len(shape) != 2:
        return values
    if shape[1] != 1:
        raise ValueError(
            f"{name} must be one column, a value for each row, but has shape {tuple(shape)}: "
            "give one of its columns."
        )
    return np.asarray(values)[:, 0]
