"""The two optimisers of a training run: Adagrad for the tables, AdamW for the net.

torch has both, but its Adagrad moves whole tables, and ``torch.optim`` imports a compiler.
"""

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn


class RowAdagrad:
    """Adagrad that touches only the rows of a batch, so that its cost ignores the vocabulary.

    Under Adagrad a row without gradient does not move, so this is the dense algorithm, without
    approximation. Adam would keep moving rare levels, and let them memorise their training rows.

    Parameters
    ----------
    weight : Tensor of shape (n_rows, n_numbers)
        Moved in place.
    epsilon : float
        Added to the divisor of a gradient, the root of its sum of squares.

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
        # The cells of a row are summed at the one whose position was written last. Sorting the
        # rows to find such cells would take longer than all other work here.
        cells = torch.arange(len(rows), device=rows.device)
        self.place[rows] = cells
        chosen = self.place.index_select(0, rows)  # (n_cells,): the chosen cell of the same row
        fixed = fixed.index_select(0, rows)
        if not rows.is_cpu:
            self.step_once(rows, _sum_on_gpu(gradient, chosen, fixed), rate)
            return
        sums = _sum_on_cpu(gradient, chosen)
        moved = ((chosen == cells) & ~fixed).nonzero()[:, 0]
        self.step_once(rows.index_select(0, moved), sums.index_select(0, moved), rate)

    @torch.no_grad()
    def step_once(self, rows: Tensor, gradient: Tensor, rate: float):
        """Move rows; a row that is named several times has the same gradient each time."""
        squares = self.squares.index_select(0, rows).addcmul_(gradient, gradient)
        self.squares.index_copy_(0, rows, squares)
        weight = self.weight.index_select(0, rows)
        weight.addcdiv_(gradient, squares.sqrt_().add_(self.epsilon), value=-rate)
        self.weight.index_copy_(0, rows, weight)


def _sum_on_cpu(values, chosen):
    """Add each row of ``values`` to the row ``chosen`` for it; other rows are zero."""
    # By a product with a sparse matrix: torch's index_add_ takes three times as long.
    n_rows = len(chosen)
    ones = np.ones(n_rows, dtype=np.float32)
    places = sparse.csc_array((ones, chosen.numpy(), np.arange(n_rows + 1)), (n_rows, n_rows))
    return torch.from_numpy(places @ values.numpy())


def _sum_on_gpu(values, chosen, fixed):
    """Replace each row of ``values`` by the sum of all rows with the same one chosen.

    Selecting one cell of each row, as on the CPU, would wait for the device.
    """
    sums = torch.zeros_like(values).index_add_(0, chosen, values).index_select(0, chosen)
    return sums.masked_fill_(fixed[:, None], 0.0)


class AdamW:
    """AdamW, all parameters of a module at once.

    Parameters
    ----------
    module : nn.Module
        Its parameters become views of one tensor, ``weight``, and their gradients views of another,
        ``gradient``. Gradients add up until `step` sets them to zero.
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
        """Move all parameters by their gradients, and set the gradients to zero."""
        self.n_steps += 1
        first, second = self.betas
        self.mean.lerp_(self.gradient, 1 - first)
        self.square.mul_(second).addcmul_(self.gradient, self.gradient, value=1 - second)
        of_mean, of_square = (1 - beta**self.n_steps for beta in self.betas)
        scale = (self.square / of_square).sqrt_().add_(self.epsilon)
        self.weight.mul_(1 - rate * self.weight_decay)
        self.weight.addcdiv_(self.mean, scale, value=-rate / of_mean)
        self.gradient.zero_()
