"""The training rows, in blocks of which one at a time is looked at."""

from typing import NamedTuple

import numpy as np


class Block(NamedTuple):
    """Some of the training rows.

    Attributes
    ----------
    codes : list of ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes)
        By column; a matrix of weights where it holds bags.
    inputs : ndarray of float32, shape (n_rows, n_inputs)
        The numeric columns as the net sees them.
    values : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Of the target, as `skembed.target.Target` has them.
    weight : ndarray of float32, shape (n_rows,)
        1 in the mean of all rows with weight.
    fold : ndarray of int64, shape (n_rows,)
    """

    codes: list
    inputs: np.ndarray
    values: np.ndarray
    weight: np.ndarray
    fold: np.ndarray


class Blocks(list):
    """All training rows: a list of blocks, held in memory.

    Attributes
    ----------
    n_used : int
        Rows with weight.
    n_folds : int
    """

    def __init__(self, blocks):
        super().__init__(blocks)
        self.n_used = sum(int((block.weight > 0).sum()) for block in self)
        self.n_folds = 1 + max(int(block.fold.max()) for block in self)


def normalised(weight):
    """Weights as float32, 1 in the mean of the rows with weight."""
    return (weight / weight[weight > 0].mean()).astype(np.float32)
