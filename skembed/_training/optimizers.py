"""The two optimisers of a training run: Adagrad for tables, AdamW for the net above them.

torch has both, but its Adagrad moves whole tables, and ``torch.optim`` imports a compiler.
"""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn


class RowAdagrad:
    """Adagrad that touches only the rows of a batch, so that its cost ignores the vocabulary.

    A row without gradient does not move under Adagrad, so this is the dense algorithm, not an
    approximation. Adam would keep moving rare levels and lets them memorise their rows.

    Parameters
    ----------
    weight : Tensor of shape (n_rows, n_numbers)
        Moved in place.
    epsilon : float
        Added to the root of the sum of squares that a gradient is divided by.

    References
    ----------
    Duchi, Hazan and Singer (2011), "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12.
    """

    def __init__(self, weight, epsilon=1e-10):
        self.weight, self.squares = weight, torch.zeros_like(weight)
        self.epsilon = epsilon
        self.place = torch.zeros(len(weight), dtype=torch.int64, device=weight.device)

    @torch.no_grad()
    def step(self, rows: Tensor, gradient: Tensor, rate: float, fixed: Tensor):
        """Move some rows, each once, by the sum of its gradients.

        Parameters
        ----------
        rows : Tensor of int64, shape (n_cells,)
            May name a row several times.
        gradient : Tensor of shape (n_cells, n_numbers)
        rate : float
        fixed : Tensor of bool, shape (n_rows,)
            Rows that do not move.
        """
        # One cell of each row stands for it: the one whose position was written last. Sorting
        # the rows to find them would take longer than all the rest.
        cells = torch.arange(len(rows), device=rows.device)
        self.place[rows] = cells
        which = self.place.index_select(0, rows)
        fixed = fixed.index_select(0, rows)
        if not rows.is_cpu:
            self.step_once(rows, _sums(gradient, which, fixed), rate)
            return
        sums = _added(gradient, which)
        moved = ((which == cells) & ~fixed).nonzero()[:, 0]
        self.step_once(rows.index_select(0, moved), sums.index_select(0, moved), rate)

    @torch.no_grad()
    def step_once(self, rows: Tensor, gradient: Tensor, rate: float):
        """Move rows that are all different, or have the same gradient where they are not."""
        squares = self.squares.index_select(0, rows).addcmul_(gradient, gradient)
        self.squares.index_copy_(0, rows, squares)
        weight = self.weight.index_select(0, rows)
        weight.addcdiv_(gradient, squares.sqrt_().add_(self.epsilon), value=-rate)
        self.weight.index_copy_(0, rows, weight)


def _added(values, to):
    """Sums of the rows of ``values`` by the position that each is to be added to."""
    # torch's index_add_ takes three times as long.
    n_rows = len(to)
    ones = np.ones(n_rows, dtype=np.float32)
    places = sparse.csc_array((ones, to.numpy(), np.arange(n_rows + 1)), (n_rows, n_rows))
    return torch.from_numpy(places @ values.numpy())


def _sums(values, to, fixed):
    """Sums of the rows of ``values`` by position, each at all positions that it is made of.

    On a GPU: `_added` is scipy's, and to pick one cell of each row is to wait for the device.
    """
    sums = torch.zeros_like(values).index_add_(0, to, values).index_select(0, to)
    return sums.masked_fill_(fixed[:, None], 0.0)


class AdamW:
    """AdamW, all parameters of a module at once.

    Parameters
    ----------
    module : nn.Module
        Its parameters become views of one tensor, and so do their gradients, which are summed up
        until they are set to zero by `step`.
    weight_decay : float

    References
    ----------
    Loshchilov and Hutter (2019), "Decoupled weight decay regularization", ICLR.
    """

    betas, epsilon = (0.9, 0.999), 1e-8

    def __init__(self, module: nn.Module, weight_decay: float):
        parameters = list(module.parameters())
        self.weight = torch.cat([parameter.detach().flatten() for parameter in parameters])
        self.gradient = torch.zeros_like(self.weight)
        sizes = [parameter.numel() for parameter in parameters]
        parts = zip(self.weight.split(sizes), self.gradient.split(sizes), strict=True)
        for parameter, (weight, gradient) in zip(parameters, parts, strict=True):
            parameter.data = weight.view(parameter.shape)
            parameter.grad = gradient.view(parameter.shape)
        self.mean, self.square = torch.zeros_like(self.weight), torch.zeros_like(self.weight)
        self.weight_decay, self.n_steps = weight_decay, 0

    @torch.no_grad()
    def step(self, rate: float):
        """Move all parameters by their gradients, and set these to zero."""
        self.n_steps += 1
        first, second = self.betas
        self.mean.lerp_(self.gradient, 1 - first)
        self.square.mul_(second).addcmul_(self.gradient, self.gradient, value=1 - second)
        of_mean, of_square = (1 - beta**self.n_steps for beta in self.betas)
        scale = (self.square / of_square).sqrt_().add_(self.epsilon)
        self.weight.mul_(1 - rate * self.weight_decay)
        self.weight.addcdiv_(self.mean, scale, value=-rate / of_mean)
        self.gradient.zero_()
