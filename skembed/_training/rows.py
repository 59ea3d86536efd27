"""The training rows, in blocks of which one at a time is looked at."""

from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from skembed._columns.crosses import Cross


class TableShape(NamedTuple):
    """Shape of the table of a column or cross, and where its vectors start.

    Attributes
    ----------
    name : str
    n_codes : int
    dim : int
        Vector length.
    start : Start or None
        Vectors that were given; the others start at zero.
    """

    name: str
    n_codes: int
    dim: int
    start: Any = None


class Block(NamedTuple):
    """Some of the training rows.

    Attributes
    ----------
    codes : list of ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes)
        By column; a matrix of weights where it holds bags.
    inputs : ndarray of float32, shape (n_rows, n_inputs)
        The numeric columns as the net sees them.
    values : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        Of the target, as `skembed._model.target.Target` has them.
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
    n_used, n_own : int
        Rows with weight: of all ranks, and of this one.
    n_folds : int
    ranks : Ranks or None
        See `skembed._training.process_group`; None is a process alone.
    sample : Block
        The rows that are looked at after training: the first block, or some of all ranks.
    """

    ranks = None

    def __init__(self, blocks):
        super().__init__(blocks)
        self.n_used = self.n_own = sum(int((block.weight > 0).sum()) for block in self)
        self.n_folds = 1 + max(int(block.fold.max()) for block in self)
        self.sample = self[0]


class HeldRows(NamedTuple):
    """All training rows, held in memory.

    Attributes
    ----------
    codes : dict of str to ndarray of shape (n_rows,) or csr_array of shape (n_rows, n_codes)
        By embedded column; a matrix of weights for a bag.
    binned : dict of str to ndarray of shape (n_rows,)
        Codes of the numeric columns that may be crossed.
    problem : Problem
        See `skembed._fit.learned`.
    """

    codes: dict
    binned: dict
    problem: Any

    @property
    def crossable(self):
        """Codes of all columns that can be crossed."""
        single = {name: codes for name, codes in self.codes.items() if not issparse(codes)}
        return single | self.binned

    def fit_crosses(self, chosen, crossable):
        """Crosses of these tuples of columns, with the combinations that occur."""
        used = self.problem.weight > 0
        return [Cross.fit(names, crossable, self.crossable, used) for names in chosen]

    def blocks(self, crosses):
        """Blocks to train on: one, of all rows."""
        problem, crossable = self.problem, self.crossable
        codes = [*self.codes.values(), *(cross.encode(crossable) for cross in crosses)]
        weight = normalised(problem.weight)
        values = problem.target.values
        return Blocks([Block(codes, problem.inputs, values, weight, problem.fold)])


def normalised(weight):
    """Weights as float32, 1 in the mean of the rows with weight."""
    return (weight / weight[weight > 0].mean()).astype(np.float32)
