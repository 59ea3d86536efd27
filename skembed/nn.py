"""Torch modules: the fold tables of all columns in one weight, and the decoder above them.

For those who build nets, `PackedEmbedding` is here too.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skembed import forward
from skembed.packed import PackedEmbedding

__all__ = ["BagWeight", "Bags", "Decoder", "DotDecoder", "FoldTables", "PackedEmbedding", "Weight"]


class FoldTables:
    """The vectors of every code of every column, once per fold.

    The vector of a code in fold k's table is ``prior[column] + deviation[code, k]``. The unseen
    code has no deviation: its vector is the prior row, which all folds share. Everything starts
    at zero, so a level that no row has trained stays at the prior, and nothing tells two levels
    apart but what their rows have taught.

    Columns of similar vector length lie in one weight, so that a step costs a gather or two
    however many columns there are, and the folds of a code lie side by side, so that the gather
    fetches all of them. Within a weight, columns are padded to the longest; `Decoder` drops the
    padding.

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

    Attributes
    ----------
    weights : list of Weight
        One for the columns of one or two components (crosses, most of them), one for those of up
        to 4, 8, 16 and so on, and one for each bag.
    units : list of (ndarray of shape (dim,), float)
        Of each column: the vector at which its numbers are zero, and the length of one of them.
    own : Tensor of bool, shape (n_columns,)
        Whether the first component is the level's own effect.
    padded : int
        Length of all vectors of a row with their padding.
    first : Tensor of shape (n_columns,)
        Where in the padded vectors of a row the vector of each column starts.
    kept : Tensor of shape (sum(dims),)
        Where the numbers are that are no padding.
    """

    def __init__(self, sizes, dims, n_folds, bags=()):
        self.sizes, self.dims, self.n_folds = sizes, dims, n_folds
        alike: dict[int, list] = {}
        for column, dim in enumerate(dims):
            if column in bags:
                continue
            alike.setdefault(max(1, (dim - 1).bit_length()), []).append(column)
        self.weights = [Weight(alike[bits], sizes, dims, n_folds) for bits in sorted(alike)]
        self.weights += [BagWeight([column], sizes, dims, n_folds) for column in bags]
        self.units = [(np.zeros(dim, np.float32), np.float32(1)) for dim in dims]
        self.own = torch.ones(len(dims), dtype=torch.bool)
        self.first = torch.empty(len(dims), dtype=torch.int64)
        self.padded = 0
        for weight in self.weights:
            n_columns = len(weight.columns)
            self.first[weight.columns] = self.padded + torch.arange(n_columns) * weight.dim
            self.padded += n_columns * weight.dim
        self.kept = torch.cat(
            [first + torch.arange(d) for first, d in zip(self.first, dims, strict=True)]
        )

    def start_at(self, column, start):
        """Start a column at given vectors, equal in all folds.

        The prior row is their mean. The numbers here are standardised, so that what training does
        to them does not depend on their size; they hold no own effect.
        """
        (weight,) = (weight for weight in self.weights if column in weight.columns)
        is_bag = isinstance(weight, BagWeight)  # which has no prior: an empty one is zero
        centre = np.zeros_like(start.vectors[0]) if is_bag else start.vectors.mean(axis=0)
        scale = (start.vectors - centre).std() or np.float32(1)
        self.units[column], self.own[column] = (centre, scale), False
        i, dim = weight.columns.index(column), self.dims[column]
        rows = int(weight.starts[i]) + torch.from_numpy(start.codes)
        vectors = torch.from_numpy((start.vectors - centre) / scale)
        weight.deviation.view(-1, self.n_folds, weight.dim)[rows, :, :dim] = vectors[:, None]
        if start.frozen:
            weight.fixed[rows] = True
            weight.fixed_prior[i * weight.dim : (i + 1) * weight.dim] = True

    def start_products(self, scale, generator):
        """Give the levels random components to multiply, equal in all folds; at zero they stay.

        Components but the first are drawn from a normal distribution of this ``scale``.
        """
        for weight in self.weights:
            folds = weight.deviation.view(-1, self.n_folds, weight.dim)
            for column, start in zip(weight.columns, weight.starts.tolist(), strict=True):
                n_levels, dim = self.sizes[column] - 1, self.dims[column]
                drawn = scale * torch.randn(n_levels, 1, dim - 1, generator=generator)
                folds[start + 1 : start + 1 + n_levels, :, 1:dim] = drawn

    def pack(self, codes):
        """Rows of each weight for the codes of each column, (n_rows,) or a matrix of weights."""
        return [
            weight.pack([codes[column] for column in weight.columns]) for weight in self.weights
        ]

    def fetch(self, packed):
        """Rows of each weight that a batch touches, each once, and where the batch needs them.

        Parameters
        ----------
        packed : list of Tensor or Bags
            Some rows of what `pack` gave.

        Returns
        -------
        touched : list of Tensor of int64, each of shape (n_fetched,)
        fetched : list of Tensor, each of shape (n_fetched, n_folds * dim)
        where : list of Tensor or Bags, with positions in ``fetched`` instead of rows
        """
        parts = [part.unique(return_inverse=True) for part in packed]
        touched, where = (list(part) for part in zip(*parts, strict=True))
        fetched = [w.deviation[rows] for w, rows in zip(self.weights, touched, strict=True)]
        return touched, fetched, where

    def vectors(self, fetched, where) -> Tensor:
        """Padded vectors (batch * n_folds, padded) of a batch in every fold, from `fetch`."""
        parts = [
            weight.vectors(rows, positions, self.n_folds)
            for weight, rows, positions in zip(self.weights, fetched, where, strict=True)
        ]
        return torch.cat(parts, dim=1)

    def snapshot(self):
        """Copy of the state, for `restore`."""
        return [(w.deviation.clone(), w.prior.detach().clone()) for w in self.weights]

    def restore(self, snapshot):
        """Go back to a state."""
        for weight, (deviation, prior) in zip(self.weights, snapshot, strict=True):
            weight.deviation.copy_(deviation)
            weight.prior.detach().copy_(prior)

    def numpy(self):
        """Prior (dim,) and deviations (size, n_folds, dim) of each column, in its units."""
        tables = {}
        for weight in self.weights:
            prior = weight.prior.detach().view(-1, weight.dim).numpy()
            deviation = weight.deviation.view(-1, self.n_folds, weight.dim).numpy()
            for i, (column, start) in enumerate(zip(weight.columns, weight.starts, strict=True)):
                (centre, scale), dim = self.units[column], self.dims[column]
                table = scale * deviation[start : start + self.sizes[column], :, :dim]
                table[0] = 0.0
                tables[column] = centre + scale * prior[i, :dim], table
        priors, deviations = zip(*(tables[column] for column in sorted(tables)), strict=True)
        return list(priors), list(deviations)


class Weight:
    """The packed tables of some columns.

    Attributes
    ----------
    columns : list of int
    dim : int
        Longest vector among them.
    deviation : Tensor of shape (1 + sum(sizes - 1), n_folds * dim)
        Row 0 is the unseen code of every column and stays zero.
    prior : Tensor of shape (n_columns * dim,)
    fixed, fixed_prior : Tensor of bool, shapes (1 + sum(sizes - 1),) and (n_columns * dim,)
        Rows of ``deviation`` and numbers of ``prior`` that training does not move.
    """

    def __init__(self, columns, sizes, dims, n_folds):
        self.columns, self.dim = columns, max(dims[column] for column in columns)
        ends = torch.tensor([sizes[column] - 1 for column in columns]).cumsum(0)
        self.starts = torch.cat([torch.zeros(1, dtype=torch.int64), ends[:-1]])
        self.deviation = torch.zeros(1 + int(ends[-1]), n_folds * self.dim)
        self.prior = torch.zeros(len(columns) * self.dim, requires_grad=True)
        self.fixed = torch.zeros(len(self.deviation), dtype=torch.bool)
        self.fixed[0] = True
        self.fixed_prior = torch.zeros(len(self.prior), dtype=torch.bool)

    def pack(self, codes) -> Tensor:
        """Rows (n_rows, n_columns) of ``deviation`` for the codes (n_rows,) of each column."""
        packed = torch.from_numpy(np.column_stack(codes))
        return torch.where(packed > 0, packed + self.starts, 0)

    def hide(self, packed: Tensor, rate, generator) -> Tensor:
        """Make some of the codes of a batch unseen."""
        return packed.masked_fill(torch.rand(packed.shape, generator=generator) < rate, 0)

    def vectors(self, fetched: Tensor, where: Tensor, n_folds) -> Tensor:
        """Padded vectors (batch * n_folds, n_columns * dim) in every fold."""
        batch, n_columns = where.shape
        part = fetched.index_select(0, where.flatten())
        part = part.view(batch, n_columns, n_folds, self.dim).transpose(1, 2)
        return part.reshape(batch * n_folds, -1) + self.prior


class BagWeight(Weight):
    """The tables of a column that holds bags: their vectors are weighted sums of its rows.

    There is no prior and nothing is hidden: members never seen are ignored.
    """

    def __init__(self, columns, sizes, dims, n_folds):
        super().__init__(columns, sizes, dims, n_folds)
        self.prior.requires_grad_(False)

    def pack(self, codes):
        """Bags from their matrix of weights (n_rows, n_codes)."""
        (matrix,) = codes
        parts = (torch.from_numpy(part) for part in (matrix.indices, matrix.data, matrix.indptr))
        members, weights, ends = parts
        return Bags(members.long(), weights, ends.long())

    def hide(self, packed, rate, generator):
        """Leave the bags of a batch as they are."""
        return packed

    def vectors(self, fetched: Tensor, where, n_folds) -> Tensor:
        """Vectors (batch * n_folds, dim) in every fold."""
        sums = functional.embedding_bag(
            where.members,
            fetched,
            where.ends,
            mode="sum",
            per_sample_weights=where.weights,
            include_last_offset=True,
        )
        return sums.view(-1, self.dim)


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
        """Bags of some rows, by a mask or by positions."""
        if rows.dtype == torch.bool:
            rows = rows.nonzero()[:, 0]
        lengths = (self.ends[1:] - self.ends[:-1])[rows]
        ends = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        shift = (self.ends[rows] - ends[:-1]).repeat_interleave(lengths)
        at = torch.arange(len(shift)) + shift
        return Bags(self.members[at], self.weights[at], ends)

    def unique(self, *, return_inverse):
        """Members that occur, and the bags with positions among them."""
        members, positions = self.members.unique(return_inverse=return_inverse)
        return members, self._replace(members=positions)


class Decoder(nn.Module):
    """The small net above the vectors, shared by all folds.

    The first component of every vector, but of pretrained ones, is the level's own effect: where
    the output is one number, it is added straight to it, beside its way through the layers. The
    last layer's weights start at zero, so that the start is the constant answer.

    Parameters
    ----------
    tables : FoldTables
        Tables that the vectors come from.
    n_inputs : int
        Numeric inputs beside the vectors.
    hidden_layer_sizes : sequence of int
    bias : ndarray of float32, shape (n_outputs,)
        Where the output starts.
    dropout : float
    generator : torch.Generator
        Draws the start and the dropout.
    """

    table_decay = 0.0

    def __init__(self, tables, n_inputs, hidden_layer_sizes, bias, *, dropout, generator):
        super().__init__()
        self.tables, self.first, self.kept = tables, tables.first[tables.own], tables.kept
        self.dropout, self.generator = dropout, generator
        sizes = [len(self.kept) + n_inputs, *hidden_layer_sizes, len(bias)]
        layers = [linear(n_in, n_out, generator) for n_in, n_out in pairwise(sizes)]
        with torch.no_grad():
            layers[-1].weight.zero_()
            layers[-1].bias.copy_(torch.from_numpy(bias))
        self.layers = nn.ModuleList(layers)

    def forward(self, vectors: Tensor, context: Tensor) -> Tensor:
        """Output (rows, n_outputs) from padded vectors (rows, padded) and context."""
        x = torch.cat([vectors.index_select(1, self.kept), context], dim=1)
        *hidden, last = self.layers
        for layer in hidden:
            x = functional.relu(layer(x))
            if self.dropout and self.training:
                keep = torch.empty_like(x).bernoulli_(1 - self.dropout, generator=self.generator)
                x = x * keep / (1 - self.dropout)
        output = last(x)
        if output.shape[1] == 1:
            output = output + vectors.index_select(1, self.first).sum(dim=1, keepdim=True)
        return output

    def numpy(self):
        """The same in numpy."""
        parameters = [parameter.detach().numpy().copy() for parameter in self.parameters()]
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        self._take_units(*layers[0])
        first = np.cumsum([0, *self.tables.dims[:-1]])
        return forward.MLP(layers, first[self.tables.own.numpy()])

    def _take_units(self, weight, bias):
        """Make the first layer read vectors in the units of their columns."""
        centres = np.concatenate([centre for centre, _ in self.tables.units])
        of_vectors = weight[:, : len(centres)]
        of_vectors /= np.repeat([scale for _, scale in self.tables.units], self.tables.dims)
        bias -= of_vectors @ centres


class DotDecoder(nn.Module):
    """Own effects and dot products of pairs of columns: matrix factorisation with biases.

    Each own effect, and the product of each pair, is multiplied by a number that starts at 1:
    the trust that rows which did not make the vectors put in them. The context is added by a
    linear term. Nothing else holds the vectors back, so they decay with each look at them.

    Parameters
    ----------
    tables : FoldTables
        Tables that the vectors come from. Columns longer than 1 are of one length.
    n_inputs : int
        Numeric inputs beside the vectors.
    bias : ndarray of float32, shape (1,)
        Where the output starts.

    References
    ----------
    Koren, Bell and Volinsky (2009), "Matrix factorization techniques for recommender systems",
    Computer 42(8).
    """

    table_decay = 0.2

    def __init__(self, tables, n_inputs, bias):
        super().__init__()
        self.first, self.dims = tables.first, tables.dims
        dotted = [int(f) for f, dim in zip(self.first, self.dims, strict=True) if dim > 1]
        longest = max(self.dims)
        self.n_dotted = len(dotted)
        self.dotted = torch.tensor([[f + i for i in range(1, longest)] for f in dotted]).flatten()
        self.pairs = torch.triu_indices(self.n_dotted, self.n_dotted, offset=1)
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()))
        self.own = nn.Parameter(torch.ones(len(self.dims)))
        self.trust = nn.Parameter(torch.ones(self.pairs.shape[1]))
        self.slope = nn.Parameter(torch.zeros(n_inputs))

    def forward(self, vectors: Tensor, context: Tensor) -> Tensor:
        """Output (rows, 1) from padded vectors (rows, padded) and context."""
        output = self.bias + vectors.index_select(1, self.first) @ self.own + context @ self.slope
        if len(self.trust):
            dotted = vectors.index_select(1, self.dotted).view(len(vectors), self.n_dotted, -1)
            products = dotted @ dotted.transpose(1, 2)
            output = output + products[:, self.pairs[0], self.pairs[1]] @ self.trust
        return output[:, None]

    def numpy(self):
        """The same in numpy."""
        bias, own, of_pairs, slope = (p.detach().numpy().copy() for p in self.parameters())
        trust = np.zeros((self.n_dotted, self.n_dotted), dtype=np.float32)
        trust[tuple(self.pairs.numpy())] = of_pairs
        return forward.Dot(float(bias[0]), own, trust + trust.T, slope, self.dims)


def linear(n_in, n_out, generator):
    """Make a linear layer whose start the generator draws."""
    # skip_init and our own draw: torch's global generator is the user's.
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
    bound = 1 / math.sqrt(n_in)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
