"""The fold tables of several columns in one tensor."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skembed._training.optimizers import RowAdagrad


class Cells(NamedTuple):
    """Gradient of a packed tensor, as cells of its rows.

    Attributes
    ----------
    rows : Tensor of int64, shape (n_cells,)
        May name a row several times.
    gradient : Tensor of shape (n_cells, n_numbers)
    n_rows : int
        Rows of the packed tensor.
    """

    rows: Tensor
    gradient: Tensor
    n_rows: int


class Pack:
    """The fold tables of some columns in one tensor.

    Attributes
    ----------
    columns : list of int
        Positions of the columns.
    dim : int
        Longest vector among them.
    width : int
        Length of all their vectors of a row.
    first_rows : ndarray of int, shape (n_columns,)
        Code c > 0 of a column is row ``first_row + c``.
    deviation : Tensor of shape (1 + sum(n_codes - 1), n_folds * dim)
        Row 0 is the unseen code of every column and stays zero.
    fixed : Tensor of bool, shape (1 + sum(n_codes - 1),)
        Rows that training does not move.
    """

    def __init__(self, columns, shapes, n_folds, device):
        of_columns = [shapes[column] for column in columns]
        self.columns, self.n_folds = columns, n_folds
        self.dim = max(shape.dim for shape in of_columns)
        self.width = len(columns) * self.dim
        *first_rows, n_levels = np.cumsum([0, *(shape.n_codes - 1 for shape in of_columns)])
        self.first_rows = np.array(first_rows)
        self.deviation = torch.zeros(1 + n_levels, n_folds * self.dim, device=device)
        self.fixed = torch.zeros(len(self.deviation), dtype=torch.bool, device=device)
        self.fixed[0] = True
        self.adagrad = RowAdagrad(self.deviation)

    @property
    def by_fold(self) -> Tensor:
        """View (n_rows, n_folds, dim) of the deviations."""
        return self.deviation.view(-1, self.n_folds, self.dim)

    def pack(self, codes) -> Tensor:
        """Rows (n_rows, n_columns) of ``deviation`` for the codes (n_rows,) of each column."""
        packed = torch.from_numpy(np.column_stack(codes))
        return torch.where(packed > 0, packed + torch.from_numpy(self.first_rows), 0)

    def hide(self, packed: Tensor, rate, generator) -> Tensor:
        """Replace some of the codes of some rows by the unseen code."""
        hidden = torch.rand(packed.shape, generator=generator) < rate
        return packed.masked_fill(hidden.to(packed.device), 0)

    def look_up(self, packed: Tensor) -> Tensor:
        """Deviations (batch, n_folds, width)."""
        batch, n_columns = packed.shape
        found = self.deviation.index_select(0, packed.flatten())  # (batch * n_columns, ...)
        found = found.view(batch, n_columns, self.n_folds, self.dim).transpose(1, 2)
        return found.reshape(batch, self.n_folds, self.width)

    def collect(self, packed: Tensor, gradient: Tensor) -> Cells:
        """Cells from the gradient (batch, n_folds, width) of the result of `look_up`."""
        batch, n_columns = packed.shape
        cells = gradient.reshape(batch, self.n_folds, n_columns, self.dim).transpose(1, 2)
        cells = cells.reshape(batch * n_columns, -1)  # (batch * n_columns, n_folds * dim)
        return Cells(packed.flatten(), cells, len(self.deviation))


class BagPack(Pack):
    """The fold tables of one column of bags, whose vectors are weighted sums of table rows.

    A bag has no prior and is never hidden: members that fit did not see are ignored.
    """

    def pack(self, codes):
        """Bags from the matrix of weights (n_rows, n_codes) of the column."""
        (matrix,) = codes
        parts = (torch.from_numpy(part) for part in (matrix.indices, matrix.data, matrix.indptr))
        members, weights, ends = parts
        return Bags(members.long(), weights, ends.long())

    def hide(self, packed, rate, generator):
        """Leave the bags as they are."""
        return packed

    def look_up(self, packed) -> Tensor:
        """Deviations (batch, n_folds, dim)."""
        sums = functional.embedding_bag(
            packed.members,
            self.deviation,
            packed.ends,
            mode="sum",
            per_sample_weights=packed.weights,
            include_last_offset=True,
        )
        return sums.view(-1, self.n_folds, self.dim)

    def collect(self, packed, gradient):
        """Cells from the gradient (batch, n_folds, dim) of the result of `look_up`."""
        of_members = gradient.flatten(1).repeat_interleave(
            packed.ends.diff(), dim=0, output_size=len(packed.members)
        )  # (n_members, n_folds * dim)
        of_members *= packed.weights[:, None]
        return Cells(packed.members, of_members, len(self.deviation))


class Bags(NamedTuple):
    """Bags of codes, row after row.

    Attributes
    ----------
    members : Tensor of int64, shape (n_members,)
    weights : Tensor of float32, shape (n_members,)
    ends : Tensor of int64, shape (n_rows + 1,)
        The members of row i are ``members[ends[i]:ends[i + 1]]``.
    """

    members: Tensor
    weights: Tensor
    ends: Tensor

    def take(self, rows):
        """Bags of some rows, by their positions."""
        lengths = (self.ends[1:] - self.ends[:-1])[rows]
        ends = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        shift = (self.ends[rows] - ends[:-1]).repeat_interleave(lengths)
        at = torch.arange(len(shift), device=shift.device) + shift
        return Bags(self.members[at], self.weights[at], ends)

    def to(self, device):
        """Bags on a device."""
        return Bags(*(part.to(device) for part in self))

    def split(self, size):
        """Cut into parts of ``size`` rows."""
        n_rows = len(self.ends) - 1
        ends = [self.ends[cut : cut + size + 1] for cut in range(0, n_rows, size)]
        lengths = torch.stack([part[-1] - part[0] for part in ends]).tolist()
        parts = zip(self.members.split(lengths), self.weights.split(lengths), ends, strict=True)
        return [Bags(members, weights, part - part[0]) for members, weights, part in parts]
