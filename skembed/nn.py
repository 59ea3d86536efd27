"""Torch modules: the fold tables of all columns in one weight, and the decoder above them.

For those who build nets, `PackedEmbedding` is here too.
"""

import math
from functools import partial
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skembed import forward
from skembed.optimizers import RowAdagrad
from skembed.packed import PackedEmbedding

__all__ = ["BagWeight", "Bags", "Decoder", "DotDecoder", "FoldTables", "PackedEmbedding", "Weight"]


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
    prior : Tensor of shape (padded,)
    fixed_prior : Tensor of bool, shape (padded,)
        Numbers of it that training does not move.
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
        self.prior = torch.zeros(self.padded)
        self.fixed_prior = torch.zeros(self.padded, dtype=torch.bool)
        for column in bags:
            first = int(self.first[column])
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
        vectors = torch.from_numpy((start.vectors - centre) / scale)
        codes = rows.start + torch.from_numpy(start.codes)
        weight.folds()[codes, :, : self.dims[column]] = vectors[:, None]
        if start.frozen:
            weight.fixed[codes] = True
            first = int(self.first[column])
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
                weight.folds()[rows][1:, :, 1:dim] = drawn

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
        batch, n_folds, _ = gradient.shape
        of_prior = torch.full((1, batch * n_folds), 1 / batch) @ gradient.flatten(0, 1)
        of_prior.masked_fill_(self.fixed_prior, 0.0)
        self.adagrad.step_once(torch.zeros(1, dtype=torch.int64), of_prior, rate)
        parts = gradient.split([weight.width for weight in self.weights], dim=2)
        for weight, of_rows, part in zip(self.weights, packed, parts, strict=True):
            weight.step(of_rows, part, rate)

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
            first, dim = int(self.first[column]), self.dims[column]
            table = weight.folds()[rows, :, :dim].numpy() * scale
            table[0] = 0.0
            priors.append(centre + scale * self.prior[first : first + dim].numpy())
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

    def __init__(self, columns, sizes, dims, n_folds):
        self.columns, self.dim = columns, max(dims[column] for column in columns)
        self.width, self.n_folds = len(columns) * self.dim, n_folds
        ends = torch.tensor([sizes[column] - 1 for column in columns]).cumsum(0)
        self.starts = torch.cat([torch.zeros(1, dtype=torch.int64), ends[:-1]])
        self.deviation = torch.zeros(1 + int(ends[-1]), n_folds * self.dim)
        self.fixed = torch.zeros(len(self.deviation), dtype=torch.bool)
        self.fixed[0] = True
        self.adagrad = RowAdagrad(self.deviation)

    def folds(self):
        """View (n_rows, n_folds, dim) of the deviations."""
        return self.deviation.view(-1, self.n_folds, self.dim)

    def pack(self, codes) -> Tensor:
        """Rows (n_rows, n_columns) of ``deviation`` for the codes (n_rows,) of each column."""
        packed = torch.from_numpy(np.column_stack(codes))
        return torch.where(packed > 0, packed + self.starts, 0)

    def hide(self, packed: Tensor, rate, generator) -> Tensor:
        """Make some of the codes of a batch unseen."""
        return packed.masked_fill(torch.rand(packed.shape, generator=generator) < rate, 0)

    def look_up(self, packed: Tensor) -> Tensor:
        """Deviations (batch, n_folds, width)."""
        batch, n_columns = packed.shape
        found = self.deviation.index_select(0, packed.flatten())
        found = found.view(batch, n_columns, self.n_folds, self.dim).transpose(1, 2)
        return found.reshape(batch, self.n_folds, self.width)

    def step(self, packed: Tensor, gradient: Tensor, rate):
        """Move rows by the gradient (batch, n_folds, width) of what was looked up."""
        batch, n_columns = packed.shape
        cells = gradient.reshape(batch, self.n_folds, n_columns, self.dim).transpose(1, 2)
        cells = cells.reshape(batch * n_columns, -1)
        self.adagrad.step(packed.flatten(), cells, rate, self.fixed)


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

    def step(self, packed, gradient, rate):
        """Move rows by the gradient (batch, n_folds, dim) of what was looked up."""
        of_members = gradient.flatten(1).repeat_interleave(packed.ends.diff(), dim=0)
        of_members *= packed.weights[:, None]
        self.adagrad.step(packed.members, of_members, rate, self.fixed)


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
        at = torch.arange(len(shift)) + shift
        return Bags(self.members[at], self.weights[at], ends)

    def split(self, size):
        """Cut into as many rows each."""
        cuts = range(0, len(self.ends) - 1, size)
        return [self.take(torch.arange(cut, min(cut + size, len(self.ends) - 1))) for cut in cuts]


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
        self.tables, self.dropout, self.generator = tables, dropout, generator
        sizes = [len(tables.kept) + n_inputs, *hidden_layer_sizes, len(bias)]
        layers = [linear(n_in, n_out, generator) for n_in, n_out in pairwise(sizes)]
        with torch.no_grad():
            layers[-1].weight.zero_()
            layers[-1].bias.copy_(torch.from_numpy(bias))
        layers[0] = _padded(layers[0], tables)
        self.layers, self._chain = nn.ModuleList(layers), layers
        self.effect = torch.zeros(tables.padded)
        self.effect[tables.first[tables.own]] = 1.0

    @torch.no_grad()
    def forward(self, vectors: Tensor, context: Tensor) -> Tensor:
        """Output (rows, n_outputs) from padded vectors (rows, padded) and context."""
        output, _ = self.trace(vectors, context)
        return output

    @torch.no_grad()
    def trace(self, vectors: Tensor, context: Tensor):
        """Output, and a function that goes the way back.

        Autograd would work out the gradient of the layers from all rows, where it is wanted from
        one in five.

        Parameters
        ----------
        vectors : Tensor of shape (rows, padded)
        context : Tensor of shape (rows / m, n_inputs)
            Each stands for m rows in turn.

        Returns
        -------
        output : Tensor of shape (rows, n_outputs)
        backward : callable
            ``backward(pull, own)`` gives the gradient (rows, padded) by the vectors, where
            ``pull``, of the shape of ``output``, is the gradient by the output, and adds to the
            gradients of the layers what comes of the rows at the positions ``own``.
        """
        first, *others = self._chain
        of_vectors, of_context = first.weight.split([vectors.shape[1], context.shape[1]], dim=1)
        of_context = torch.addmm(first.bias, context, of_context.T)
        x = (vectors @ of_vectors.T).view(len(context), -1, len(first.bias))
        x = x.add_(of_context[:, None]).view(len(vectors), -1)
        inputs = []
        for layer in others:
            inputs.append(self._activated(x))
            x = functional.linear(inputs[-1], layer.weight, layer.bias)
        if x.shape[1] == 1:
            x = x + (vectors @ self.effect)[:, None]
        return x, partial(self._backward, vectors, context, inputs)

    def _activated(self, x):
        x = x.relu_()
        if self.dropout and self.training:
            keep = torch.empty_like(x).bernoulli_(1 - self.dropout, generator=self.generator)
            x *= keep / (1 - self.dropout)
        return x

    @torch.no_grad()
    def _backward(self, vectors, context, inputs, pull, own):
        first, *others = self._chain
        slope = pull
        for layer, x in zip(reversed(others), reversed(inputs), strict=True):
            _add_gradients(layer, slope.index_select(0, own), x.index_select(0, own))
            slope = torch.ops.aten.threshold_backward(slope @ layer.weight, x, 0)
            if self.dropout and self.training:
                slope /= 1 - self.dropout
        rows = own // (len(vectors) // len(context))
        of_own = torch.cat([vectors.index_select(0, own), context.index_select(0, rows)], dim=1)
        _add_gradients(first, slope.index_select(0, own), of_own)
        gradient = slope @ first.weight[:, : vectors.shape[1]]
        if pull.shape[1] == 1:
            gradient.addr_(pull[:, 0], self.effect)
        return gradient

    def numpy(self):
        """The same in numpy."""
        parameters = [parameter.detach().numpy().copy() for parameter in self.parameters()]
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        weight, bias = layers[0]
        kept, padded = self.tables.kept.numpy(), self.tables.padded
        layers[0] = np.hstack([weight[:, kept], weight[:, padded:]]), bias
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

    def trace(self, vectors: Tensor, context: Tensor):
        """Output, and a function that goes the way back: as of `Decoder`."""
        context = context.repeat_interleave(len(vectors) // len(context), dim=0)
        vectors = vectors.detach().requires_grad_()
        with torch.enable_grad():
            output = self(vectors, context)

        def backward(pull, own):
            (gradient,) = torch.autograd.grad(output, [vectors], pull, retain_graph=True)
            of_own = torch.zeros_like(pull)
            of_own[own] = pull[own]
            output.backward(of_own, inputs=list(self.parameters()))
            return gradient

        return output.detach(), backward

    def numpy(self):
        """The same in numpy."""
        bias, own, of_pairs, slope = (p.detach().numpy().copy() for p in self.parameters())
        trust = np.zeros((self.n_dotted, self.n_dotted), dtype=np.float32)
        trust[tuple(self.pairs.numpy())] = of_pairs
        return forward.Dot(float(bias[0]), own, trust + trust.T, slope, self.dims)


def _add_gradients(layer, slope, x):
    layer.weight.grad.addmm_(slope.T, x)
    layer.bias.grad += slope.sum(dim=0)


def _padded(layer, tables):
    """The first layer with inputs for padding, that have no weight and so never get any."""
    n_kept = len(tables.kept)
    weight = layer.weight.new_zeros(layer.out_features, tables.padded)
    weight[:, tables.kept] = layer.weight.detach()[:, :n_kept]
    layer.weight = nn.Parameter(torch.cat([weight, layer.weight.detach()[:, n_kept:]], dim=1))
    layer.in_features = layer.weight.shape[1]
    return layer


def linear(n_in, n_out, generator):
    """Make a linear layer whose start the generator draws."""
    # skip_init and our own draw: torch's global generator is the user's.
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
    bound = 1 / math.sqrt(n_in)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
