"""The nets above the vectors of all columns, shared by all folds."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skembed._model.decoder import MLP, Dot

DOT_SCALE = 0.03  # standard deviation, at the start, of the components that are multiplied


def make_decoder(tables, n_inputs, bias, settings, generator):
    """Make the net above the vectors, and start the components that it multiplies.

    Parameters
    ----------
    tables : FoldTables
    n_inputs : int
        Numeric inputs beside the vectors.
    bias : ndarray of float32, shape (n_outputs,)
        Output at the start.
    settings : Settings
    generator : torch.Generator
        Draws the start and the dropout.

    Returns
    -------
    Decoder or DotDecoder
    """
    if settings.interaction == "dot":
        tables.start_products(DOT_SCALE, generator)
        return DotDecoder(tables, n_inputs, bias)
    return Decoder(
        tables,
        n_inputs,
        settings.hidden_layer_sizes,
        bias,
        dropout=settings.dropout,
        generator=generator,
    )


class Decoder(nn.Module):
    """A multi-layer perceptron above the vectors.

    The first component of every vector that is not pretrained is the level's own effect. Where the
    output is one number, the effect is added to it directly, beside its way through the layers.
    The weights of the last layer start at zero, so that the net starts at the constant answer.

    Parameters
    ----------
    tables : FoldTables
        Tables of the vectors.
    n_inputs : int
        Numeric inputs beside the vectors.
    hidden_layer_sizes : sequence of int
    bias : ndarray of float32, shape (n_outputs,)
        Output at the start.
    dropout : float
    generator : torch.Generator
        Draws the start and the dropout.
    """

    table_decay = 0.0
    effect: Tensor

    def __init__(self, tables, n_inputs, hidden_layer_sizes, bias, *, dropout, generator):
        super().__init__()
        self.tables, self.dropout, self.generator = tables, dropout, generator
        sizes = [len(tables.kept) + n_inputs, *hidden_layer_sizes, len(bias)]
        layers = [make_linear(n_in, n_out, generator) for n_in, n_out in pairwise(sizes)]
        with torch.no_grad():
            layers[-1].weight.zero_()
            layers[-1].bias.copy_(torch.from_numpy(bias))
        _pad_inputs(layers[0], tables)
        # The list has types that a ModuleList lacks.
        self.layers, self._chain = nn.ModuleList(layers), layers
        effect = torch.zeros(tables.padded)
        first = [column.first for column in tables.columns if column.has_effect]
        effect[torch.tensor(first, dtype=torch.int64)] = 1.0
        self.register_buffer("effect", effect)

    @torch.no_grad()
    def forward(self, vectors: Tensor, context: Tensor) -> Tensor:
        """Output (n, n_outputs) from padded vectors (n, padded) and context (n, n_inputs)."""
        output, _ = self.trace(vectors, context)
        return output

    @torch.no_grad()
    def trace(self, vectors: Tensor, context: Tensor):
        """Compute the output, and keep what the way back needs.

        The way back is written by hand: autograd would compute the gradient of the layers from the
        vectors of all folds, and the decoder step needs one of them.

        Parameters
        ----------
        vectors : Tensor of shape (n, padded)
        context : Tensor of shape (n / m, n_inputs)
            Each row belongs to m vectors in turn.

        Returns
        -------
        output : Tensor of shape (n, n_outputs)
        backward : callable
            ``backward(of_output, own)`` returns the gradient (n, padded) by the vectors, where
            ``of_output``, of the shape of ``output``, is the gradient by the output. It adds the
            gradient of the layers, from the vectors at the positions ``own`` alone.
        """
        first, *others = self._chain
        of_vectors, of_context = first.weight.split([vectors.shape[1], context.shape[1]], dim=1)
        of_context = torch.addmm(first.bias, context, of_context.T)  # (n / m, width)
        x = (vectors @ of_vectors.T).view(len(context), -1, len(first.bias))  # (n / m, m, width)
        x = x.add_(of_context[:, None]).view(len(vectors), -1)  # (n, width)
        inputs = []
        for layer in others:
            inputs.append(self._activate(x))
            x = functional.linear(inputs[-1], layer.weight, layer.bias)
        if x.shape[1] == 1:
            x = x + (vectors @ self.effect)[:, None]
        return x, partial(self._backward, vectors, context, inputs)

    def _activate(self, x):
        """Rectify in place, and drop some of the numbers while training."""
        x = x.relu_()
        if self.dropout and self.training:
            keep = torch.empty(x.shape).bernoulli_(1 - self.dropout, generator=self.generator)
            x *= keep.to(x.device) / (1 - self.dropout)
        return x

    @torch.no_grad()
    def _backward(self, vectors, context, inputs, of_output, own):
        first, *others = self._chain
        slope = of_output  # gradient by the output of a layer, from the last to the first
        for layer, x in zip(reversed(others), reversed(inputs), strict=True):
            _add_gradients(layer, slope.index_select(0, own), x.index_select(0, own))
            # A dropped number is 0 in x, as a negative one is, and passes no gradient.
            slope = torch.ops.aten.threshold_backward(slope @ layer.weight, x, 0)
            if self.dropout and self.training:
                slope /= 1 - self.dropout
        rows = own // (len(vectors) // len(context))
        x = torch.cat([vectors.index_select(0, own), context.index_select(0, rows)], dim=1)
        _add_gradients(first, slope.index_select(0, own), x)
        gradient = slope @ first.weight[:, : vectors.shape[1]]  # (n, padded)
        if of_output.shape[1] == 1:
            gradient.addr_(of_output[:, 0], self.effect)
        return gradient

    def to_numpy(self):
        """The same net in numpy, for vectors without padding in the units of their columns."""
        parameters = [parameter.detach().cpu().numpy().copy() for parameter in self.parameters()]
        layers = list(zip(parameters[::2], parameters[1::2], strict=True))
        weight, bias = layers[0]
        kept, padded = self.tables.kept, self.tables.padded
        layers[0] = np.hstack([weight[:, kept], weight[:, padded:]]), bias
        self._take_units(*layers[0])
        columns = self.tables.columns
        *first, _ = np.cumsum([0, *(column.shape.dim for column in columns)])
        has_effect = [column.has_effect for column in columns]
        return MLP(layers, np.array(first)[has_effect])

    def _take_units(self, weight, bias):
        """Make the first layer read vectors in the units of their columns."""
        columns = self.tables.columns
        centres = np.concatenate([column.centre for column in columns])
        scales = [np.full(column.shape.dim, column.scale) for column in columns]
        of_vectors = weight[:, : len(centres)]
        of_vectors /= np.concatenate(scales)
        bias -= of_vectors @ centres


class DotDecoder(nn.Module):
    """Own effects and dot products of pairs of columns: matrix factorisation with biases.

    Each own effect, and the product of each pair, is multiplied by a number that starts at 1: the
    trust of rows that did not make the vectors. The context is added by a linear term. Without
    layers nothing bounds the vectors, so they decay with each step that reads them.

    Parameters
    ----------
    tables : FoldTables
        Tables of the vectors. Columns longer than 1 are of one length.
    n_inputs : int
        Numeric inputs beside the vectors.
    bias : ndarray of float32, shape (1,)
        Output at the start.

    References
    ----------
    Koren, Bell and Volinsky (2009), "Matrix factorization techniques for recommender systems",
    Computer 42(8).
    """

    table_decay = 0.2
    first: Tensor
    dotted: Tensor
    pairs: Tensor

    def __init__(self, tables, n_inputs, bias):
        super().__init__()
        self.dims = [column.shape.dim for column in tables.columns]
        first, longest = [column.first for column in tables.columns], max(self.dims)
        long = [column.first for column in tables.columns if column.shape.dim > 1]
        dotted = [start + np.arange(1, longest) for start in long]
        self.n_dotted = len(dotted)
        self.register_buffer("first", torch.tensor(first, dtype=torch.int64))
        self.register_buffer("dotted", torch.tensor(np.array(dotted, dtype=np.int64)).flatten())
        self.register_buffer("pairs", torch.triu_indices(self.n_dotted, self.n_dotted, offset=1))
        self.bias = nn.Parameter(torch.from_numpy(bias.copy()))
        self.own = nn.Parameter(torch.ones(len(self.dims)))
        self.trust = nn.Parameter(torch.ones(self.pairs.shape[1]))
        self.slope = nn.Parameter(torch.zeros(n_inputs))

    def forward(self, vectors: Tensor, context: Tensor) -> Tensor:
        """Output (n, 1) from padded vectors (n, padded) and context (n, n_inputs)."""
        output = self.bias + vectors.index_select(1, self.first) @ self.own + context @ self.slope
        if len(self.trust):
            dotted = vectors.index_select(1, self.dotted).view(len(vectors), self.n_dotted, -1)
            products = dotted @ dotted.transpose(1, 2)  # (n, n_dotted, n_dotted)
            output = output + products[:, self.pairs[0], self.pairs[1]] @ self.trust
        return output[:, None]

    def trace(self, vectors: Tensor, context: Tensor):
        """Compute the output, and keep what the way back needs; as `Decoder.trace`."""
        context = context.repeat_interleave(len(vectors) // len(context), dim=0)  # (n, n_inputs)
        vectors = vectors.detach().requires_grad_()
        with torch.enable_grad():
            output = self(vectors, context)

        def backward(of_output, own):
            (gradient,) = torch.autograd.grad(output, [vectors], of_output, retain_graph=True)
            of_own = torch.zeros_like(of_output)
            of_own[own] = of_output[own]
            output.backward(of_own, inputs=list(self.parameters()))
            return gradient

        return output.detach(), backward

    def to_numpy(self):
        """The same net in numpy."""
        bias, own, of_pairs, slope = (p.detach().cpu().numpy().copy() for p in self.parameters())
        trust = np.zeros((self.n_dotted, self.n_dotted), dtype=np.float32)
        trust[tuple(self.pairs.cpu().numpy())] = of_pairs
        return Dot(float(bias[0]), own, trust + trust.T, slope, self.dims)


def _add_gradients(layer, slope, x):
    """Add the gradient of a layer from its inputs ``x`` and the gradient by its output."""
    layer.weight.grad.addmm_(slope.T, x)
    layer.bias.grad += slope.sum(dim=0)


def _pad_inputs(layer, tables):
    """Give the first layer inputs for the padding, whose weights are zero and stay zero."""
    n_kept, drawn = len(tables.kept), layer.weight.detach()
    weight = drawn.new_zeros(layer.out_features, tables.padded)
    weight[:, tables.kept] = drawn[:, :n_kept]
    layer.weight = nn.Parameter(torch.cat([weight, drawn[:, n_kept:]], dim=1))
    layer.in_features = layer.weight.shape[1]


def make_linear(n_in, n_out, generator):
    """Make a linear layer whose start the generator draws."""
    # skip_init and a draw of our own, because torch's global generator is the user's.
    layer: nn.Linear = nn.utils.skip_init(nn.Linear, n_in, n_out)
    bound = 1 / math.sqrt(n_in)
    nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer
