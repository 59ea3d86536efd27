"""Torch: the fold tables of all columns in one weight."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from skembed._training.optimizers import RowAdagrad
from skembed._training.process_group import Cells

# Mean gradients of a prior that are no larger are rounding: at the start, where the target is
# standardised, they would sum to zero, and Adagrad makes full steps of what is left.
SMALL_PULL = 1e-4


class FoldTables:
    """The vectors of every code of every column, once per fold.

    The vector of a code in fold k's table is ``prior[column] + deviation[code, k]``. The unseen
    code has no deviation: its vector is the prior row, which all folds share. Everything starts
    at zero, so a level that no row has trained stays at the prior, and nothing tells two levels
    apart but what their rows have taught.

    Columns of similar vector length lie in one weight, so that a step costs a gather or two
    however many columns there are, and the folds of a code lie side by side, so that the gather
    fetches all of them. Within a weight, columns are padded to the longest; the
    padding is zero and stays so.

    Parameters
    ----------
    sizes : list of int
        Codes per column, the unseen code included.
    dims : list of int
        Vector length per column.
    n_folds : int
        Tables per column.
    bags : collection of int
        Columns that hold bags.
    device : torch.device or None
        Where the numbers lie; what tells where they lie stays on the CPU.

    Attributes
    ----------
    weights : list of Weight
        One for the columns of one or two components (crosses, most of them), one for those of up
        to 4, 8, 16 and so on, and one for each bag.
    units : list of (ndarray of shape (dim,), float)
        Of each column: the vector at which its numbers are zero, and the length of one of them.
    own : ndarray of bool, shape (n_columns,)
        Whether the first component is the level's own effect.
    padded : int
        Length of all vectors of a row with their padding.
    prior : Tensor of shape (padded,)
    fixed_prior : Tensor of bool, shape (padded,)
        Numbers of it that training does not move.
    first : ndarray of int, shape (n_columns,)
        Where in the padded vectors of a row the vector of each column starts.
    kept : ndarray of int, shape (sum(dims),)
        Where the numbers are that are no padding.
    """

    def __init__(self, sizes, dims, n_folds, bags=(), device=None):
        self.sizes, self.dims, self.n_folds = sizes, dims, n_folds
        alike: dict[int, list] = {}
        for column, dim in enumerate(dims):
            if column in bags:
                continue
            alike.setdefault(max(1, (dim - 1).bit_length()), []).append(column)
        self.weights = [Weight(alike[bits], sizes, dims, n_folds, device) for bits in sorted(alike)]
        self.weights += [BagWeight([column], sizes, dims, n_folds, device) for column in bags]
        self.units = [(np.zeros(dim, np.float32), np.float32(1)) for dim in dims]
        self.own = np.ones(len(dims), dtype=bool)
        self.first = np.empty(len(dims), dtype=np.int64)
        self.padded = 0
        for weight in self.weights:
            n_columns = len(weight.columns)
            self.first[weight.columns] = self.padded + np.arange(n_columns) * weight.dim
            self.padded += n_columns * weight.dim
        self.kept = np.concatenate(
            [first + np.arange(d) for first, d in zip(self.first, dims, strict=True)]
        )
        self.prior = torch.zeros(self.padded, device=device)
        self.fixed_prior = torch.zeros(self.padded, dtype=torch.bool, device=device)
        for column in bags:
            first = self.first[column]
            self.fixed_prior[first : first + dims[column]] = True
        self.adagrad = RowAdagrad(self.prior[None], epsilon=SMALL_PULL)

    def start_at(self, column, start):
        """Start a column at given vectors, equal in all folds.

        The prior row is their mean. The numbers here are standardised, so that what training does
        to them does not depend on their size; they hold no own effect.
        """
        weight, rows = self._rows(column)
        is_bag = isinstance(weight, BagWeight)  # which has no prior: an empty one is zero
        centre = np.zeros_like(start.vectors[0]) if is_bag else start.vectors.mean(axis=0)
        scale = (start.vectors - centre).std() or np.float32(1)
        self.units[column], self.own[column] = (centre, scale), False
        vectors = torch.from_numpy((start.vectors - centre) / scale).to(self.prior.device)
        codes = rows.start + torch.from_numpy(start.codes)
        weight.folds()[codes, :, : self.dims[column]] = vectors[:, None]
        if start.frozen:
            weight.fixed[codes] = True
            first = self.first[column]
            self.fixed_prior[first : first + self.dims[column]] = True

    def start_products(self, scale, generator):
        """Give the levels random components to multiply, equal in all folds; at zero they stay.

        Components but the first are drawn from a normal distribution of this ``scale``.
        """
        for weight in self.weights:
            for column in weight.columns:
                _, rows = self._rows(column)
                n_levels, dim = self.sizes[column] - 1, self.dims[column]
                drawn = scale * torch.randn(n_levels, 1, dim - 1, generator=generator)
                weight.folds()[rows][1:, :, 1:dim] = drawn.to(self.prior.device)

    def pack(self, codes):
        """Rows of each weight for the codes of each column, (n_rows,) or a matrix of weights."""
        return [
            weight.pack([codes[column] for column in weight.columns]) for weight in self.weights
        ]

    def vectors(self, packed) -> Tensor:
        """Padded vectors (batch, n_folds, padded) of some rows of what `pack` gave."""
        parts = [
            weight.look_up(of_rows) for weight, of_rows in zip(self.weights, packed, strict=True)
        ]
        return torch.cat(parts, dim=2) + self.prior if len(parts) > 1 else parts[0].add_(self.prior)

    def step(self, packed, gradient, rate):
        """Move the rows that a batch touches, and the priors.

        Parameters
        ----------
        packed : list of Tensor or Bags
        gradient : Tensor of shape (batch, n_folds, padded)
            By the vectors.
        rate : float
        """
        of_prior, cells = self.gradients(packed, gradient, len(gradient))
        self.move(of_prior, cells, rate)

    def gradients(self, packed, gradient, n_together):
        """Gradients of the numbers here from those of the vectors of a batch.

        Parameters
        ----------
        packed, gradient
            As in `step`.
        n_together : int
            Rows of which the priors get a mean.

        Returns
        -------
        of_prior : Tensor of shape (1, padded)
        cells : list of Cells
            By the rows of each weight.
        """
        batch, n_folds, _ = gradient.shape
        of_prior = gradient.new_full((1, batch * n_folds), 1 / n_together) @ gradient.flatten(0, 1)
        parts = gradient.split([weight.width for weight in self.weights], dim=2)
        each = zip(self.weights, packed, parts, strict=True)
        return of_prior, [weight.cells(of_rows, part) for weight, of_rows, part in each]

    def move(self, of_prior, cells, rate):
        """Move by what `gradients` gave."""
        of_prior.masked_fill_(self.fixed_prior, 0.0)
        self.adagrad.step_once(of_prior.new_zeros(1, dtype=torch.int64), of_prior, rate)
        for weight, (rows, gradient, _) in zip(self.weights, cells, strict=True):
            weight.adagrad.step(rows, gradient, rate, weight.fixed)

    def snapshot(self, into=None):
        """Copy of the state, for `restore`; into an older one, if it is given."""
        now = [self.prior, *(weight.deviation for weight in self.weights)]
        if into is None:
            return [part.clone() for part in now]
        for old, new in zip(into, now, strict=True):
            old.copy_(new)
        return into

    def restore(self, snapshot):
        """Go back to a state."""
        now = [self.prior, *(weight.deviation for weight in self.weights)]
        for part, old in zip(now, snapshot, strict=True):
            part.copy_(old)

    def numpy(self):
        """Prior (dim,) and deviations (size, n_folds, dim) of each column, in its units."""
        priors, deviations = [], []
        for column, (centre, scale) in enumerate(self.units):
            weight, rows = self._rows(column)
            first, dim = self.first[column], self.dims[column]
            table = weight.folds()[rows, :, :dim].cpu().numpy() * scale
            table[0] = 0.0
            priors.append(centre + scale * self.prior[first : first + dim].cpu().numpy())
            deviations.append(table)
        return priors, deviations

    def _rows(self, column):
        """Weight of a column, and its rows there; the first is that of another column's end."""
        (weight,) = (weight for weight in self.weights if column in weight.columns)
        start = int(weight.starts[weight.columns.index(column)])
        return weight, slice(start, start + self.sizes[column])


class Weight:
    """The packed tables of some columns.

    Attributes
    ----------
    columns : list of int
    dim : int
        Longest vector among them.
    width : int
        Length of all their vectors of a row.
    deviation : Tensor of shape (1 + sum(sizes - 1), n_folds * dim)
        Row 0 is the unseen code of every column and stays zero.
    fixed : Tensor of bool, shape (1 + sum(sizes - 1),)
        Rows that training does not move.
    """

    def __init__(self, columns, sizes, dims, n_folds, device):
        self.columns, self.dim = columns, max(dims[column] for column in columns)
        self.width, self.n_folds = len(columns) * self.dim, n_folds
        *starts, n_levels = np.cumsum([0, *(sizes[column] - 1 for column in columns)])
        self.starts = np.array(starts)
        self.deviation = torch.zeros(1 + n_levels, n_folds * self.dim, device=device)
        self.fixed = torch.zeros(len(self.deviation), dtype=torch.bool, device=device)
        self.fixed[0] = True
        self.adagrad = RowAdagrad(self.deviation)

    def folds(self):
        """View (n_rows, n_folds, dim) of the deviations."""
        return self.deviation.view(-1, self.n_folds, self.dim)

    def pack(self, codes) -> Tensor:
        """Rows (n_rows, n_columns) of ``deviation`` for the codes (n_rows,) of each column."""
        packed = torch.from_numpy(np.column_stack(codes))
        return torch.where(packed > 0, packed + torch.from_numpy(self.starts), 0)

    def hide(self, packed: Tensor, rate, generator) -> Tensor:
        """Make some of the codes of a batch unseen."""
        hidden = torch.rand(packed.shape, generator=generator) < rate
        return packed.masked_fill(hidden.to(packed.device), 0)

    def look_up(self, packed: Tensor) -> Tensor:
        """Deviations (batch, n_folds, width)."""
        batch, n_columns = packed.shape
        found = self.deviation.index_select(0, packed.flatten())
        found = found.view(batch, n_columns, self.n_folds, self.dim).transpose(1, 2)
        return found.reshape(batch, self.n_folds, self.width)

    def cells(self, packed: Tensor, gradient: Tensor):
        """Gradient by rows from that of what was looked up, (batch, n_folds, width)."""
        batch, n_columns = packed.shape
        cells = gradient.reshape(batch, self.n_folds, n_columns, self.dim).transpose(1, 2)
        cells = cells.reshape(batch * n_columns, -1)
        return Cells(packed.flatten(), cells, len(self.deviation))


class BagWeight(Weight):
    """The tables of a column that holds bags: their vectors are weighted sums of its rows.

    There is no prior and nothing is hidden: members never seen are ignored.
    """

    def pack(self, codes):
        """Bags from their matrix of weights (n_rows, n_codes)."""
        (matrix,) = codes
        parts = (torch.from_numpy(part) for part in (matrix.indices, matrix.data, matrix.indptr))
        members, weights, ends = parts
        return Bags(members.long(), weights, ends.long())

    def hide(self, packed, rate, generator):
        """Leave the bags of a batch as they are."""
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

    def cells(self, packed, gradient):
        """Gradient by rows from that of what was looked up, (batch, n_folds, dim)."""
        of_members = gradient.flatten(1).repeat_interleave(
            packed.ends.diff(), dim=0, output_size=len(packed.members)
        )
        of_members *= packed.weights[:, None]
        return Cells(packed.members, of_members, len(self.deviation))


class Bags(NamedTuple):
    """Bags of codes, row after row.

    Attributes
    ----------
    members : Tensor of int64, shape (n_members,)
    weights : Tensor of float32, shape (n_members,)
    ends : Tensor of int64, shape (n_rows + 1,)
        Where the members of each row begin, and where the last end.
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
        """Cut into as many rows each."""
        n_rows = len(self.ends) - 1
        ends = [self.ends[cut : cut + size + 1] for cut in range(0, n_rows, size)]
        lengths = torch.stack([part[-1] - part[0] for part in ends]).tolist()
        parts = zip(self.members.split(lengths), self.weights.split(lengths), ends, strict=True)
        return [Bags(members, weights, part - part[0]) for members, weights, part in parts]
