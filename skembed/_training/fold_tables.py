"""The fold tables of all columns."""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from skembed._training.optimizers import RowAdagrad
from skembed._training.packs import BagPack, Pack
from skembed._training.rows import FoldTable, TableShape

# Mean gradients of a prior row below this are rounding. They appear at the start, where the
# gradients by a standardised target sum to zero, and Adagrad would make full steps of them.
SMALL_PRIOR_GRADIENT = 1e-4


class TableGradients(NamedTuple):
    """Gradients of all fold tables.

    Attributes
    ----------
    prior : Tensor of shape (1, padded)
    cells : list of Cells
        One for each pack.
    """

    prior: Tensor
    cells: list


class Column(NamedTuple):
    """Place and units of the vectors of one column.

    Attributes
    ----------
    shape : TableShape
    pack : Pack
        Holds the deviations of the column.
    first_row : int
        Code c > 0 is row ``first_row + c`` of the pack.
    first : int
        First number of the column in the padded vectors of a row.
    centre : ndarray of float32, shape (dim,)
        Vector at which the trained numbers are zero.
    scale : float32
        Length of one trained number.
    has_effect : bool
        Whether the first component is the level's own effect.
    """

    shape: TableShape
    pack: Pack
    first_row: int
    first: int
    centre: np.ndarray
    scale: np.float32
    has_effect: bool

    @property
    def place(self):
        """Numbers of the column in the padded vectors of a row."""
        return slice(self.first, self.first + self.shape.dim)

    def deviations(self):
        """View (n_codes, n_folds, dim) of the deviations.

        The first of them belongs to another column: code 0 has no row of its own.
        """
        rows = slice(self.first_row, self.first_row + self.shape.n_codes)
        return self.pack.by_fold[rows, :, : self.shape.dim]


class FoldTables:
    """The vectors of every code of every column, once per fold.

    The vector of a code in the table of fold k is ``prior[column] + deviation[code, k]``. The
    unseen code has no deviation: its vector is the prior row, which all folds share. All numbers
    start at zero, but for pretrained vectors and components that are multiplied. So a level that no
    row has trained stays at the prior row, and only training rows make two levels differ.

    Columns of similar vector length share a pack, so that a step gathers once or twice however
    many columns there are. The folds of a code lie side by side, so that one gather fetches all of
    them. Within a pack, vectors are padded to the longest. The padding is zero and stays zero.

    Parameters
    ----------
    shapes : list of TableShape
        By column.
    n_folds : int
        Tables per column.
    bags : collection of int
        Positions of the columns that hold bags.
    device : torch.device or None
        Device of the numbers. What describes their places stays on the CPU.

    Attributes
    ----------
    columns : list of Column
        In the order of ``shapes``.
    packs : list of Pack
        One for the columns of one or two components (most crosses), one for the columns of up to
        4, of up to 8, of up to 16 and so on, and one for each bag.
    padded : int
        Length of all vectors of a row with their padding.
    kept : ndarray of int, shape (sum of dim,)
        Positions in the padded vectors that are no padding, column by column.
    prior : Tensor of shape (padded,)
    fixed_prior : Tensor of bool, shape (padded,)
        Numbers of the prior that training does not move.
    """

    def __init__(self, shapes, n_folds, bags=(), device=None):
        self.n_folds = n_folds
        self.packs = _pack_columns(shapes, n_folds, bags, device)
        self.padded = sum(pack.width for pack in self.packs)
        self.columns = _place_columns(shapes, self.packs)
        places = [np.arange(self.padded)[column.place] for column in self.columns]
        self.kept = np.concatenate(places)
        self.prior = torch.zeros(self.padded, device=device)
        self.fixed_prior = torch.zeros(self.padded, dtype=torch.bool, device=device)
        for column in self.columns:
            if isinstance(column.pack, BagPack):
                self.fixed_prior[column.place] = True
            if column.shape.start:
                self._start(column, column.shape.start)
        self.adagrad = RowAdagrad(self.prior[None], epsilon=SMALL_PRIOR_GRADIENT)

    def _start(self, column, start):
        """Start a column at pretrained vectors, equal in all folds."""
        vectors = torch.from_numpy((start.vectors - column.centre) / column.scale)
        vectors = vectors.to(self.prior.device)  # (n_given, dim)
        rows = column.first_row + torch.from_numpy(start.codes)
        column.pack.by_fold[rows, :, : column.shape.dim] = vectors[:, None]
        if start.frozen:
            column.pack.fixed[rows] = True
            self.fixed_prior[column.place] = True

    def start_products(self, scale, generator):
        """Draw the components of the levels that are multiplied, equal in all folds.

        From zero, products would not move. All components but the first are drawn from a normal
        distribution of this ``scale``.
        """
        for pack in self.packs:
            for position in pack.columns:
                column = self.columns[position]
                n_levels, dim = column.shape.n_codes - 1, column.shape.dim
                drawn = scale * torch.randn(n_levels, 1, dim - 1, generator=generator)
                column.deviations()[1:, :, 1:] = drawn.to(self.prior.device)

    def pack(self, codes):
        """Translate the codes of each column to rows of each pack.

        Parameters
        ----------
        codes : list of ndarray of shape (n_rows,) or csr_array of shape (n_rows, n_codes)

        Returns
        -------
        list of (Tensor of shape (n_rows, n_columns) or Bags)
        """
        return [pack.pack([codes[column] for column in pack.columns]) for pack in self.packs]

    def hide(self, packed, rate, generator):
        """Replace some of the codes of some rows by the unseen code."""
        each = zip(self.packs, packed, strict=True)
        return [pack.hide(rows, rate, generator) for pack, rows in each]

    def look_up(self, packed) -> Tensor:
        """Padded vectors (batch, n_folds, padded) of some rows of the result of `pack`."""
        each = zip(self.packs, packed, strict=True)
        parts = [pack.look_up(rows) for pack, rows in each]
        return torch.cat(parts, dim=2) + self.prior if len(parts) > 1 else parts[0].add_(self.prior)

    def step(self, packed, gradient, rate):
        """Move the numbers of a batch by the gradient of its vectors.

        Parameters
        ----------
        packed : list of Tensor or Bags
        gradient : Tensor of shape (batch, n_folds, padded)
            By the vectors.
        rate : float
        """
        self.move(self.collect_gradients(packed, gradient, len(gradient)), rate)

    def collect_gradients(self, packed, gradient, n_together):
        """Gradients of the tables from the gradient of the vectors of a batch.

        A row of a table gets a sum over the batch, and the prior a mean.

        Parameters
        ----------
        packed, gradient
            As in `step`.
        n_together : int
            Rows in the mean.

        Returns
        -------
        TableGradients
        """
        batch, n_folds, _ = gradient.shape
        mean = gradient.new_full((1, batch * n_folds), 1 / n_together)
        prior = mean @ gradient.flatten(0, 1)  # (1, padded)
        parts = gradient.split([pack.width for pack in self.packs], dim=2)
        each = zip(self.packs, packed, parts, strict=True)
        return TableGradients(prior, [pack.collect(rows, part) for pack, rows, part in each])

    def move(self, gradients, rate):
        """Move the tables by the result of `collect_gradients`."""
        prior = gradients.prior.masked_fill_(self.fixed_prior, 0.0)
        self.adagrad.step_once(prior.new_zeros(1, dtype=torch.int64), prior, rate)
        for pack, cells in zip(self.packs, gradients.cells, strict=True):
            pack.adagrad.step(cells.rows, cells.gradient, rate, pack.fixed)

    def snapshot(self, into=None):
        """Copy the state for `restore`, into an older copy if there is one."""
        state = [self.prior, *(pack.deviation for pack in self.packs)]
        if into is None:
            return [part.clone() for part in state]
        for old, new in zip(into, state, strict=True):
            old.copy_(new)
        return into

    def restore(self, snapshot):
        """Return to a state."""
        state = [self.prior, *(pack.deviation for pack in self.packs)]
        for part, old in zip(state, snapshot, strict=True):
            part.copy_(old)

    def to_numpy(self):
        """Tables of each column, in its units.

        Returns
        -------
        list of FoldTable
        """
        tables = []
        for column in self.columns:
            prior = column.centre + column.scale * self.prior[column.place].cpu().numpy()
            deviations = column.deviations().cpu().numpy() * column.scale
            deviations[0] = 0.0
            tables.append(FoldTable(prior, deviations))
        return tables


def _pack_columns(shapes, n_folds, bags, device):
    """Make a pack for the columns of each range of lengths, and one for each bag."""
    alike: dict[int, list] = {}
    for column, shape in enumerate(shapes):
        if column not in bags:
            alike.setdefault(max(1, (shape.dim - 1).bit_length()), []).append(column)
    packs = [Pack(alike[bits], shapes, n_folds, device) for bits in sorted(alike)]
    return packs + [BagPack([column], shapes, n_folds, device) for column in bags]


def _place_columns(shapes, packs):
    """Say where each column lies: pack after pack in the padded vectors of a row."""
    columns: list = [None] * len(shapes)
    first = 0
    for pack in packs:
        for position, first_row in zip(pack.columns, pack.first_rows, strict=True):
            shape = shapes[position]
            units = _find_units(shape, isinstance(pack, BagPack))
            columns[position] = Column(shape, pack, int(first_row), first, *units)
            first += pack.dim
    return columns


def _find_units(shape, is_bag):
    """Centre, scale and whether there is an own effect.

    Pretrained vectors are standardised, so that training moves them alike whatever their size, and
    have no own effect. Their mean is the prior row. A bag has no prior: an empty bag is zero.
    """
    if shape.start is None:
        return np.zeros(shape.dim, np.float32), np.float32(1), True
    vectors = shape.start.vectors  # (n_given, dim)
    centre = np.zeros_like(vectors[0]) if is_bag else vectors.mean(axis=0)
    return centre, (vectors - centre).std() or np.float32(1), False
