"""Torch modules: the fold tables of all columns in one weight, and the decoder above them."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional


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

    Attributes
    ----------
    weights : list of Weight
        One for the columns of one or two components (crosses, most of them), one for the others.
    padded : int
        Length of all vectors of a row with their padding.
    first : Tensor of shape (n_columns,)
        Where in the padded vectors of a row the vector of each column starts.
    """

    def __init__(self, sizes, dims, n_folds):
        self.sizes, self.dims, self.n_folds = sizes, dims, n_folds
        short = [column for column, dim in enumerate(dims) if dim <= 2]
        long = [column for column, dim in enumerate(dims) if dim > 2]
        self.weights = [Weight(part, sizes, dims, n_folds) for part in (short, long) if part]
        self.first = torch.empty(len(dims), dtype=torch.int64)
        self.padded = 0
        for weight in self.weights:
            n_columns = len(weight.columns)
            self.first[weight.columns] = self.padded + torch.arange(n_columns) * weight.dim
            self.padded += n_columns * weight.dim

    def pack(self, codes: Tensor) -> list[Tensor]:
        """Rows of each weight for the codes (n_rows, n_columns); each (n_rows, its columns)."""
        return [weight.pack(codes[:, weight.columns]) for weight in self.weights]

    def vectors(self, fetched: list[Tensor], where: list[Tensor]) -> Tensor:
        """Padded vectors of a batch in every fold.

        Parameters
        ----------
        fetched : list of Tensor, each of shape (n_fetched, n_folds * dim)
            The rows of each weight that the batch touches, each once.
        where : list of Tensor of int64, each of shape (batch, columns of the weight)
            Position in ``fetched`` of each row's codes.

        Returns
        -------
        Tensor of shape (batch * n_folds, padded)
        """
        parts = []
        for weight, rows, positions in zip(self.weights, fetched, where, strict=True):
            batch, n_columns = positions.shape
            part = rows.index_select(0, positions.flatten())
            part = part.view(batch, n_columns, self.n_folds, weight.dim).transpose(1, 2)
            parts.append(part.reshape(batch * self.n_folds, -1) + weight.prior)
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
        """Copy the prior (dim,) and the deviations (size, n_folds, dim) of each column to numpy."""
        tables = {}
        for weight in self.weights:
            prior = weight.prior.detach().view(-1, weight.dim).numpy()
            deviation = weight.deviation.view(-1, self.n_folds, weight.dim).numpy()
            for i, (column, start) in enumerate(zip(weight.columns, weight.starts, strict=True)):
                table = deviation[start : start + self.sizes[column], :, : self.dims[column]].copy()
                table[0] = 0.0
                tables[column] = prior[i, : self.dims[column]].copy(), table
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
    """

    def __init__(self, columns, sizes, dims, n_folds):
        self.columns, self.dim = columns, max(dims[column] for column in columns)
        ends = torch.tensor([sizes[column] - 1 for column in columns]).cumsum(0)
        self.starts = torch.cat([torch.zeros(1, dtype=torch.int64), ends[:-1]])
        self.deviation = torch.zeros(1 + int(ends[-1]), n_folds * self.dim)
        self.prior = torch.zeros(len(columns) * self.dim, requires_grad=True)

    def pack(self, codes: Tensor) -> Tensor:
        """Rows of ``deviation`` for the codes of the columns, both (n_rows, n_columns)."""
        return torch.where(codes > 0, codes + self.starts, 0)


class Decoder(nn.Module):
    """The small net above the vectors, shared by all folds.

    The first component of every vector is the level's own effect: where the output is one
    number, it is added straight to it, beside its way through the layers. The last layer's
    weights start at zero, so that the start is the constant answer.

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

    def __init__(self, tables, n_inputs, hidden_layer_sizes, bias, *, dropout, generator):
        super().__init__()
        self.first = tables.first
        kept = [
            int(first) + i
            for first, dim in zip(self.first, tables.dims, strict=True)
            for i in range(dim)
        ]
        self.kept = torch.tensor(kept)
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
        """Weight (n_out, n_in) and bias (n_out,) of each layer."""
        parameters = [parameter.detach().numpy().copy() for parameter in self.parameters()]
        return list(zip(parameters[::2], parameters[1::2], strict=True))


def linear(n_in, n_out, generator):
    """Make a linear layer whose start the generator draws."""
    # skip_init and our own draw: torch's global generator is the user's.
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
    bound = 1 / math.sqrt(n_in)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
