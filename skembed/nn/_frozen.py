"""A fitted encoder or predictor as a frozen torch module, differentiable in its inputs."""

import copy
import math

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor, nn
from torch.nn import functional

from skembed._base import encode_rows, read_rows
from skembed._columns.numeric import FAR
from skembed._columns.vocabulary import MISSING, RESERVED, UNSEEN
from skembed._model.decoder import Dot
from skembed.nn._packed_embedding import PackedEmbedding


class FrozenEncoder(nn.Module):
    """The vectors of a fitted encoder, looked up by codes or probability rows.

    Crosses are computed inside. Where all columns of a cross are codes, its vector is that of the
    combination. Where some are probability rows, it is the expected vector if the columns are
    independent: each known combination counts by the product of its columns' probabilities, and
    what is left of the mass goes to the row of the unseen.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder
        Fitted; its `to_torch` makes the module.

    Attributes
    ----------
    embedding : PackedEmbedding
        The vectors of each embedded column and cross, by name.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
    >>> vectors = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40).to_torch()
    >>> inputs = vectors.inputs(X.head(2))
    >>> inputs["city"].tolist()
    [4, 5]
    >>> vectors(inputs).shape
    torch.Size([2, 1])
    """

    __module__ = "skembed.nn"

    def __init__(self, estimator):
        super().__init__()
        self._estimator = copy.copy(estimator)  # a later fit does not reach it
        self._embedded = list(estimator.vocabularies_)
        self._numeric = list(estimator.bins_)
        tables = estimator.tables_
        self.embedding = PackedEmbedding.from_pretrained(list(tables.values()), names=list(tables))
        self._bins = nn.ModuleList(map(FrozenBins, estimator.bins_.values()))
        self._crosses = nn.ModuleList(map(FrozenCross, estimator.crosses_.values()))
        self.eval()

    def forward(self, inputs):
        """Look up the vectors of each row.

        Parameters
        ----------
        inputs : dict of str to Tensor
            By the name of the column. Embedded columns: codes (n_rows,), as of the vocabulary, or
            probability rows (n_rows, n_codes), whose first three columns are unseen, missing and
            infrequent; of bags, CSR matrices of weights (n_rows, n_codes). Numeric columns that
            are crossed: numbers (n_rows,), missing as NaN; no gradient flows through their bins.

        Returns
        -------
        Tensor of shape (n_rows, sum of dims)
            As `transform` of the encoder gives them, without the columns that pass through.
        """
        self._check(inputs)
        columns = {name: inputs[name] for name in self._embedded}
        for name, bins in zip(self._estimator.bins_, self._bins, strict=True):
            columns[name] = bins(inputs[name])
        crossed = [cross(columns) for cross in self._crosses]
        return self.embedding([*(columns[name] for name in self._embedded), *crossed])

    def inputs(self, X):
        """Turn rows into what `forward` takes.

        Parameters
        ----------
        X : data frame or array-like of shape (n_rows, n_features)
            The columns seen in `fit`.

        Returns
        -------
        dict of str to Tensor
            Codes of the embedded columns, numbers of the others that are needed.
        """
        estimator = self._estimator
        columns = read_rows(estimator, X)
        codes = encode_rows(estimator, columns)
        given = {name: _tensor(codes[name]) for name in self._embedded}
        for name in self._numeric:
            given[name] = torch.tensor(columns.numbers(estimator.row_encoder_.position[name]))
        device = self.embedding.weight.device
        return {name: entry.to(device) for name, entry in given.items()}

    def _check(self, inputs):
        """Raise unless there is a Tensor of as many rows for each column, and for no other."""
        needed = [*self._embedded, *self._numeric]
        if set(inputs) != set(needed):
            missing = [name for name in needed if name not in inputs]
            unknown = [name for name in inputs if name not in needed]
            raise ValueError(
                f"inputs lack the columns {missing} and hold {unknown}, which are not used. Give "
                f"a Tensor for each of {needed}; inputs(X) makes them of a frame."
            )
        for position, name in enumerate(self._embedded):
            self.embedding.check(position, inputs[name])
            if (
                inputs[name].layout != torch.strided
                and name not in self._estimator.row_encoder_.bags
            ):
                raise ValueError(
                    f"Column {name!r} has the layout {inputs[name].layout}, but a fitted encoder "
                    "takes codes or dense probability rows: use to_dense()."
                )
        for name in self._numeric:
            if not isinstance(inputs[name], Tensor) or inputs[name].ndim != 1:
                given = getattr(inputs[name], "shape", type(inputs[name]).__name__)
                raise ValueError(
                    f"Column {name!r} must be a Tensor of numbers (n_rows,), got {given}."
                )
            if inputs[name].isinf().any():
                raise ValueError(
                    f"Column {name!r} holds an infinite value. Replace it by a number or NaN."
                )
        lengths = {name: len(entry) for name, entry in inputs.items()}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"All columns must have as many rows, got {lengths}.")


class FrozenPredictor(FrozenEncoder):
    """The whole net of a fitted classifier or regressor: vectors, numeric columns and decoder.

    Parameters
    ----------
    estimator : NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
        Fitted; its `to_torch` makes the module.

    Examples
    --------
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingRegressor
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
    >>> net = NeuralEmbeddingRegressor(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40).to_torch()
    >>> net(net.inputs(X.head(2))).shape
    torch.Size([2, 1])
    """

    __module__ = "skembed.nn"

    def __init__(self, estimator):
        super().__init__(estimator)
        row_encoder = estimator.row_encoder_
        seen = [row_encoder.names[position] for position in row_encoder.numeric]
        self._context = dict(zip(seen, row_encoder.context.columns, strict=True))
        self._numeric = list(dict.fromkeys([*self._numeric, *seen]))
        decoder = estimator.decoder_
        self.decoder = FrozenDot(decoder) if isinstance(decoder, Dot) else FrozenMLP(decoder)
        self.eval()

    def forward(self, inputs):
        """Compute the output of the net.

        Parameters
        ----------
        inputs : dict of str to Tensor
            By the name of the column. Embedded columns: codes (n_rows,) or probability rows
            (n_rows, n_codes). Numeric columns that the net sees: numbers (n_rows,), missing as
            NaN. The gradient flows to them by way of the decoder, not of the bins of crosses.

        Returns
        -------
        Tensor of shape (n_rows, n_outputs)
            Log-odds of two classes; logits of more; standard deviations of a quantity from its
            mean.
        """
        vectors = super().forward(inputs)
        context = [
            part
            for name, scaling in self._context.items()
            for part in _scaled(inputs[name].double(), *scaling)
        ]
        x = torch.cat([vectors, *(part[:, None].to(vectors) for part in context)], dim=1)
        return self.decoder(x)


class FrozenMLP(nn.Module):
    """See `skembed._model.decoder.MLP`."""

    def __init__(self, decoder):
        super().__init__()
        self.first = list(decoder.first)
        self.layers = nn.ModuleList(_linear(*layer) for layer in decoder.layers)

    def forward(self, x):
        """Output (n_rows, n_outputs) from vectors side by side and context."""
        own = x[:, self.first].sum(dim=1, keepdim=True)
        *hidden, last = self.layers
        for layer in hidden:
            x = functional.relu(layer(x))
        output = last(x)
        return output + own if output.shape[1] == 1 else output


class FrozenDot(nn.Module):
    """See `skembed._model.decoder.Dot`."""

    own: Tensor
    trust: Tensor
    slope: Tensor

    def __init__(self, decoder):
        super().__init__()
        self.bias, self.width = decoder.bias, decoder.width
        self.first, self.dotted = list(decoder.first), torch.tensor(decoder.dotted)
        for name in ("own", "trust", "slope"):
            self.register_buffer(name, torch.tensor(getattr(decoder, name)))

    def forward(self, x):
        """Output (n_rows, 1) from vectors side by side and context."""
        output = self.bias + x[:, self.first] @ self.own + x[:, self.width :] @ self.slope
        if self.dotted.numel():
            vectors = x[:, self.dotted]
            output = output + (vectors * (self.trust @ vectors)).sum(dim=(1, 2)) / 2
        return output[:, None]


class FrozenBins(nn.Module):
    """See `skembed._columns.numeric.Bins`."""

    edges: Tensor

    def __init__(self, bins):
        super().__init__()
        self.register_buffer("edges", torch.tensor(bins.edges, dtype=torch.float64))

    def forward(self, numbers):
        """Code (n_rows,) of each number."""
        codes = torch.searchsorted(self.edges.double(), numbers.detach().double()) + len(RESERVED)
        return codes.masked_fill(numbers.isnan(), MISSING)


class FrozenCross(nn.Module):
    """See `skembed._columns.crosses.Cross`."""

    keys: Tensor
    members: Tensor

    def __init__(self, cross):
        super().__init__()
        self.names, self.sizes = cross.names, cross.sizes
        members = np.stack(np.unravel_index(cross.keys, cross.sizes))
        self.register_buffer("keys", torch.tensor(cross.keys))
        self.register_buffer("members", torch.tensor(members))

    def forward(self, columns):
        """Codes (n_rows,) or probability rows (n_rows, n_codes), from those of columns by name."""
        columns = [columns[name] for name in self.names]
        if all(column.ndim == 1 for column in columns):
            return self._codes(columns)
        known = torch.ones(())
        for column, codes in zip(columns, self.members, strict=True):
            if column.ndim == 1:
                known = known * (column[:, None] == codes)
            else:
                known = known * column[:, codes]
        rest = 1 - known.sum(dim=1, keepdim=True)
        return torch.cat([rest, rest.new_zeros(len(rest), len(RESERVED) - 1), known], dim=1)

    def _codes(self, columns):
        key = torch.zeros_like(columns[0], dtype=torch.int64)
        for column, size in zip(columns, self.sizes, strict=True):
            key = key * size + column
        at = torch.searchsorted(self.keys, key)
        known = self.keys[at.clamp(max=len(self.keys) - 1)] == key
        return torch.where(known, at + len(RESERVED), UNSEEN)


def _tensor(codes):
    """Codes of a column, or the matrix of weights of a bag."""
    if not issparse(codes):
        return torch.tensor(codes)
    ends, members, weights = map(torch.tensor, (codes.indptr, codes.indices, codes.data))
    return torch.sparse_csr_tensor(ends, members, weights, codes.shape, check_invariants=True)


def _scaled(numbers, median, scale, indicated):
    """Inputs of the net from a numeric column, as `skembed._columns.numeric.Context` makes them."""
    missing = numbers.isnan()
    if indicated:
        yield missing
    if not math.isnan(median):
        x = torch.where(missing, 0.0, (numbers - median) / scale).clamp(-FAR, FAR)
        yield x / torch.sqrt(1 + (x / 3) ** 2)


def _linear(weight, bias):
    # skip_init: torch's global generator is the user's.
    layer = nn.utils.skip_init(nn.Linear, weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = torch.tensor(weight), torch.tensor(bias)
    return layer.requires_grad_(False)
