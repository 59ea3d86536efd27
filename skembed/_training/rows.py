"""What a training run is given: shapes of the tables, and rows in blocks."""

from typing import NamedTuple

import numpy as np

from skembed._model.pretrained import Start


class TableShape(NamedTuple):
    """Size and start of the fold tables of one column or cross.

    Attributes
    ----------
    name : str
        Of the column or cross.
    n_codes : int
        Codes of the column, the unseen code included.
    dim : int
        Vector length.
    start : Start or None
        Pretrained vectors. None starts all vectors at zero.
    """

    name: str
    n_codes: int
    dim: int
    start: Start | None = None


class FoldTable(NamedTuple):
    """The fold tables of one column after training, in numpy.

    Attributes
    ----------
    prior : ndarray of float32, shape (dim,)
        Vector of the unseen code, shared by all folds.
    deviations : ndarray of float32, shape (n_codes, n_folds, dim)
        A code's vector in the table of fold k is ``prior + deviations[code, k]``.
    """

    prior: np.ndarray
    deviations: np.ndarray


class Block(NamedTuple):
    """Some of the training rows.

    Attributes
    ----------
    codes : list of ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes)
        By column; a matrix of weights where the column holds bags.
    inputs : ndarray of float32, shape (n_rows, n_inputs)
        The numeric columns, scaled for the net.
    values : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Values of the target, as in `skembed._model.target.Target`.
    weight : ndarray of float32, shape (n_rows,)
        Weights, 1 in the mean of all rows of positive weight.
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
        Rows of positive weight, of all processes.
    n_own : int
        Rows of positive weight, of this process.
    n_folds : int
    ranks : Ranks or None
        See `skembed._training.process_group`; None is a process alone.
    sample : Block
        The rows of `Trained.losses`: the first block, or some rows of all processes.
    """

    ranks = None

    def __init__(self, blocks):
        super().__init__(blocks)
        self.n_used = self.n_own = sum(int((block.weight > 0).sum()) for block in self)
        self.n_folds = 1 + max(int(block.fold.max()) for block in self)
        self.sample = self[0]


def normalise(weight):
    """Scale weights so that those above 0 have mean 1; as float32."""
    return (weight / weight[weight > 0].mean()).astype(np.float32)
