"""The training rows as tensors, cut into batches."""

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skembed._training.packs import Bags

CHUNK = 65_536  # rows that are shuffled at once


class Rows(NamedTuple):
    """Some training rows as tensors; the first axis of each is n_rows.

    Attributes
    ----------
    packed : list of (Tensor of shape (n_rows, n_columns) or Bags)
        Codes, one for each pack of the tables.
    context : Tensor of shape (n_rows, n_inputs)
    target : Tensor of shape (n_rows,) or (n_rows, n_outputs)
    weight : Tensor of shape (n_rows,)
    fold : Tensor of int64, shape (n_rows,)
    constant : Tensor of shape (n_rows,)
        Weighted loss of the constant answer, with which the net starts.
    """

    packed: list
    context: Tensor
    target: Tensor
    weight: Tensor
    fold: Tensor
    constant: Tensor

    def take(self, rows):
        """Some of the rows, by their positions."""
        packed = [
            part.take(rows) if isinstance(part, Bags) else part.index_select(0, rows)
            for part in self.packed
        ]
        return Rows(packed, *(part.index_select(0, rows) for part in self[1:]))

    def split(self, size):
        """Cut into parts of ``size`` rows."""
        packed = zip(*(part.split(size) for part in self.packed), strict=True)
        others = [part.split(size) for part in self[1:]]
        return (Rows(list(first), *rest) for first, *rest in zip(packed, *others, strict=True))


def read_rows(block, tables, loss, bias):
    """Put the rows of a block on the device of the tables, without rows of weight 0.

    Parameters
    ----------
    block : Block
    tables : FoldTables
    loss : callable
        See `skembed._training.losses`.
    bias : ndarray of float32, shape (n_outputs,)
        The constant answer.

    Returns
    -------
    Rows
    """
    device = tables.prior.device
    packed = [part.to(device) for part in tables.pack(block.codes)]
    context, target, weight, fold = (torch.from_numpy(part).to(device) for part in block[1:])
    output = torch.from_numpy(bias).to(device).expand(len(weight), -1)  # (n_rows, n_outputs)
    rows = Rows(packed, context, target, weight, fold, loss(output, target) * weight)
    used = np.flatnonzero(block.weight > 0)
    return rows if len(used) == len(weight) else rows.take(torch.from_numpy(used).to(device))


class TrainingRows:
    """The rows that a process trains on, read block by block.

    Parameters
    ----------
    blocks : Blocks
    sample : Block
        The sample of ``blocks``.
    ranks : Alone or Ranks
        See `skembed._training.process_group`.
    tables, loss, bias
        As in `read_rows`.

    Attributes
    ----------
    sample : Rows
    """

    def __init__(self, blocks, sample, ranks, tables, loss, bias):
        self.blocks, self.tables = blocks, tables
        self._read = partial(read_rows, tables=tables, loss=loss, bias=bias)
        self.sample, self._only = self._read(sample), None
        if len(blocks) == 1:  # stays on the device
            self._only = self.sample if ranks.size == 1 else self._read(blocks[0])

    def shuffle(self, batch_size, unseen_rate, generator):
        """Iterate over batches of all rows, with some of their codes hidden.

        Blocks come in random order, and the rows of each.

        Yields
        ------
        Rows
        """
        chunk = batch_size * max(1, CHUNK // batch_size)
        for i in self._draw_order(generator):
            rows = self._only or self._read(self.blocks[i])
            if not len(rows.fold):
                continue
            # Rows are gathered by chunks: a small tensor takes as long to make as a large one.
            for drawn in torch.randperm(len(rows.fold), generator=generator).split(chunk):
                part = rows.take(drawn.to(rows.fold.device))
                packed = self.tables.hide(part.packed, unseen_rate, generator)
                yield from part._replace(packed=packed).split(batch_size)

    def _draw_order(self, generator):
        """Order of the blocks."""
        n_blocks = len(self.blocks)
        return [0] if n_blocks == 1 else torch.randperm(n_blocks, generator=generator).tolist()
