"""What a fit is given beside the levels, and what it leaves behind."""

from typing import Any, NamedTuple

import numpy as np

from skembed._columns.crosses import Cross
from skembed._columns.row_encoder import RowEncoder
from skembed._columns.vocabulary import Vocabulary
from skembed._model.decoder import MLP, Dot
from skembed._model.pretrained import Start
from skembed._model.target import Target
from skembed._training.rows import FoldTable


class Problem(NamedTuple):
    """What a training run is given beside the levels.

    Attributes
    ----------
    inputs : ndarray of float32, shape (n_rows, n_inputs)
        The numeric columns as the net sees them.
    target : Target
    weight : ndarray of shape (n_rows,)
    fold : ndarray of int64, shape (n_rows,)
    pretrained : dict of str to Start
        Where the columns start whose vectors were given, by name.
    seed : int
    """

    inputs: np.ndarray
    target: Target
    weight: np.ndarray
    fold: np.ndarray
    pretrained: dict
    seed: int


class LearnedColumn(NamedTuple):
    """A column or cross with vectors, as training leaves it.

    Attributes
    ----------
    name : str
    levels : Vocabulary or Cross
    codes : ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes)
        Of the training rows; weights of the codes of a bag.
    table : FoldTable
    start : Start or None
        Where its vectors started, if they were given.
    """

    name: str
    levels: Vocabulary | Cross
    codes: Any
    table: FoldTable
    start: Start | None

    @property
    def is_cross(self):
        """Whether a level is a combination of levels."""
        return isinstance(self.levels, Cross)

    @property
    def fold_tables(self):
        """Vectors of each code by fold, (n_codes, n_folds, dim)."""
        return self.table.prior + self.table.deviations


class Learned(NamedTuple):
    """What a fit on a target leaves behind.

    Attributes
    ----------
    row_encoder : RowEncoder
        Its numeric columns and their context are those that the net sees.
    passing : list of int
        Positions of the columns that are not embedded.
    columns : list of LearnedColumn
        In the order of the decoder's inputs: embedded columns, then crosses.
    problem : Problem
    decoder : MLP or Dot
    history : dict of str to ndarray of shape (n_epochs,)
    best_epoch : int
        Epoch that vectors and decoder come from, counted from 1; 0 is the start.
    """

    row_encoder: RowEncoder
    passing: list
    columns: list
    problem: Problem
    decoder: MLP | Dot
    history: dict
    best_epoch: int
