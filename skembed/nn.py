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

    All columns lie in one weight, so that a step costs one gather however many columns there
    are, and the folds of a code lie side by side, so that one gather fetches all of them. Columns
    shorter than the longest are padded to ``dim = max(dims)``; `vectors` drops the padding.

    Parameters
    ----------
    sizes : list of int
        Codes per column, the unseen code included.
    dims : list of int
        Vector length per column; ``width`` is their sum.
    n_folds : int
        Tables per column.

    Attributes
    ----------
    deviation : Tensor of shape (1 + sum(sizes - 1), n_folds * dim)
        Row 0 is the unseen code of every column and stays zero.
    prior : Tensor of shape (n_columns * dim,)
    """

    def __init__(self, sizes, dims, n_folds):
        self.sizes, self.dims, self.n_folds = sizes, dims, n_folds
        self.dim = max(dims)
        self.starts = torch.tensor([0, *(size - 1 for size in sizes[:-1])]).cumsum(0)
        self.first = torch.arange(len(dims)) * self.dim
        self.kept = torch.cat([self.first[c] + torch.arange(d) for c, d in enumerate(dims)])
        n_rows = 1 + sum(size - 1 for size in sizes)
        self.deviation = torch.zeros(n_rows, n_folds * self.dim)
        self.prior = torch.zeros(len(dims) * self.dim, requires_grad=True)

    def pack(self, codes: Tensor) -> Tensor:
        """Rows of ``deviation`` for the codes of each column, both (n_rows, n_columns)."""
        return torch.where(codes > 0, codes + self.starts, 0)

    def vectors(self, fetched: Tensor, where: Tensor) -> Tensor:
        """Vectors of a batch in every fold.

        Parameters
        ----------
        fetched : Tensor of shape (n_fetched, n_folds * dim)
            The rows of ``deviation`` that the batch touches, each once.
        where : Tensor of int64, shape (batch, n_columns)
            Position in ``fetched`` of each row's codes.

        Returns
        -------
        Tensor of shape (batch * n_folds, n_columns * dim)
        """
        batch, n_columns = where.shape
        rows = fetched.index_select(0, where.flatten())
        rows = rows.view(batch, n_columns, self.n_folds, self.dim).transpose(1, 2)
        return rows.reshape(batch * self.n_folds, -1) + self.prior

    def snapshot(self):
        """Copy of the state, for `restore`."""
        return self.deviation.clone(), self.prior.detach().clone()

    def restore(self, snapshot):
        """Go back to a state."""
        self.deviation = snapshot[0]
        self.prior.detach().copy_(snapshot[1])

    def numpy(self):
        """Copy the prior (dim,) and the deviations (size, n_folds, dim) of each column to numpy."""
        prior = self.prior.detach().view(-1, self.dim).numpy()
        deviation = self.deviation.view(-1, self.n_folds, self.dim).numpy()
        priors, deviations = [], []
        for column, (size, dim) in enumerate(zip(self.sizes, self.dims, strict=True)):
            start = int(self.starts[column])
            table = deviation[start : start + size, :, :dim].copy()
            table[0] = 0.0
            priors.append(prior[column, :dim].copy())
            deviations.append(table)
        return priors, deviations


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
        self.kept, self.first = tables.kept, tables.first
        self.dropout, self.generator = dropout, generator
        sizes = [len(self.kept) + n_inputs, *hidden_layer_sizes, len(bias)]
        layers = [_linear(n_in, n_out, generator) for n_in, n_out in pairwise(sizes)]
        with torch.no_grad():
            layers[-1].weight.zero_()
            layers[-1].bias.copy_(torch.from_numpy(bias))
        self.layers = nn.ModuleList(layers)

    def forward(self, vectors: Tensor, context: Tensor) -> Tensor:
        """Output (rows, n_outputs) from vectors (rows, n_columns * dim) and context."""
        x = torch.cat([vectors.index_select(1, self.kept), context], dim=1)
        *hidden, last = self.layers
        for layer in hidden:
            x = functional.relu(layer(x))
            if self.dropout:
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


def _linear(n_in, n_out, generator):
    # skip_init and our own draw: torch's global generator is the user's.
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
    bound = 1 / math.sqrt(n_in)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
