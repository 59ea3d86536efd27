"""The losses of `skembed._model.losses` for tensors, and their derivatives."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def make_loss(loss, device=None):
    """Translate a loss of `skembed._model.losses` to torch.

    Parameters
    ----------
    loss : LogLoss, CrossEntropy, SquaredLoss, QuantileLoss or PoissonLoss
    device : torch.device or None
        Device of the outputs.

    Returns
    -------
    callable
        ``compute(output, values)``: loss (n_rows,) of outputs (n_rows, n_outputs), where
        ``values`` are the values of the target.
    """
    if loss.name == "cross_entropy":
        return partial(functional.cross_entropy, reduction="none")
    by_name: dict[str, Callable] = {
        "log_loss": partial(functional.binary_cross_entropy_with_logits, reduction="none"),
        "squared_error": lambda predicted, values: (predicted - values) ** 2,
        "quantile": lambda predicted, values: _pinball(values - predicted, loss.quantile),
        "poisson": partial(functional.poisson_nll_loss, reduction="none"),
    }
    compare = by_name[loss.name]
    if getattr(loss, "bounds", None) is None:
        return lambda output, values: compare(output, values).mean(dim=1)
    low, high = (torch.from_numpy(bound.astype(np.float32)).to(device) for bound in loss.bounds)

    def compute_bounded(output, values):
        return compare(low + (high - low) * torch.sigmoid(output), values).mean(dim=1)

    return compute_bounded


def _pinball(residual: Tensor, quantile) -> Tensor:
    return torch.maximum(quantile * residual, (quantile - 1) * residual)


def differentiate(loss, output: Tensor, values: Tensor):
    """Compute losses and their derivatives by the output.

    Parameters
    ----------
    loss : callable
        From `make_loss`.
    output : Tensor of shape (n_rows, n_outputs)
    values : Tensor of shape (n_rows,) or (n_rows, n_outputs)

    Returns
    -------
    losses : Tensor of shape (n_rows,)
    derivatives : Tensor of shape (n_rows, n_outputs)
    """
    with torch.enable_grad():
        output.requires_grad_()
        losses = loss(output, values)
        (derivatives,) = torch.autograd.grad(losses.sum(), [output])
    return losses.detach(), derivatives
