"""The net that predicts hidden cells from visible ones, and its softmax over the levels."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from skembed._training.decoders import make_linear
from skembed._training.optimizers import RowAdagrad

WIDTH = 32  # of the sum
MANY_LEVELS = 1000  # a softmax over more levels is sampled


class MaskedNet(nn.Module):
    """A linear map from the visible cells of a row to their sum, and one from it to the numbers.

    Parameters
    ----------
    tables : FoldTables
        Tables of the vectors.
    n_numbers : int
    generator : torch.Generator
        Draws the start.
    """

    def __init__(self, tables, n_numbers, generator):
        super().__init__()
        self.reader = make_linear(tables.padded + 2 * n_numbers, WIDTH, generator)
        self.numbers = nn.Parameter(torch.zeros(n_numbers, WIDTH))
        self.start = nn.Parameter(torch.zeros(n_numbers))

    def forward(self, vectors: Tensor, numbers: Tensor, hidden: Tensor) -> Tensor:
        """Sum (batch, WIDTH) of vectors (batch, padded) and of the numbers that are not hidden."""
        return self.reader(torch.cat([vectors, numbers * ~hidden, hidden], dim=1))

    def predict_numbers(self, sums: Tensor) -> Tensor:
        """Numbers (batch, n_numbers) from sums (batch, WIDTH)."""
        return functional.linear(sums, self.numbers, self.start)


class Comparison(NamedTuple):
    """The levels that a softmax runs over.

    Attributes
    ----------
    levels : Tensor of int64, shape (n_compared,)
    weight : Tensor of shape (n_compared, WIDTH)
        Their rows of the softmax's weight.
    share : Tensor of shape (n_compared,)
        Their frequencies, up to a factor.
    truth : Tensor of int64, shape (n_asked,)
        Position of each row's level among them.
    """

    levels: Tensor
    weight: Tensor
    share: Tensor
    truth: Tensor

    def compute_losses(self, sums):
        """Cross-entropy (n_asked,) of predictions from sums (n_asked, WIDTH)."""
        return functional.cross_entropy(self.compute_logits(sums), self.truth, reduction="none")

    def compute_logits(self, sums):
        """Logits (n_asked, n_compared) from sums (n_asked, WIDTH)."""
        return sums @ self.weight.T + self.share.log()


class LevelSoftmax:
    """The softmax over the levels of one column.

    The logit of a level is the logarithm of its frequency plus the product of the sum and the
    level's own row of ``weight``. In a column of many levels, the softmax runs over the levels of
    a sample of rows, with their frequencies in the sample. Rows are drawn uniformly, so one term
    is both the frequency and the correction for sampling.

    Parameters
    ----------
    codes : Tensor of int64, shape (n_rows,)
        Of the column.
    n_codes : int
    row_weight : Tensor of shape (n_rows,)

    Attributes
    ----------
    weight : Tensor of shape (n_codes, WIDTH)
    share : Tensor of shape (n_codes,)
        Frequency of each code.
    is_sampled : bool
    """

    def __init__(self, codes, n_codes, row_weight):
        self.codes, self.row_weight = codes, row_weight
        self.weight = torch.zeros(n_codes, WIDTH, device=codes.device)
        self.adagrad = RowAdagrad(self.weight)
        self.share = torch.bincount(codes, row_weight, minlength=n_codes) / row_weight.sum()
        self.is_sampled = n_codes > MANY_LEVELS

    def compare(self, asked, rivals):
        """Choose the levels that the softmax of some rows runs over.

        Parameters
        ----------
        asked : Tensor of int64, shape (n_asked,)
            Rows whose level is predicted.
        rivals : Tensor of int64, shape (n_rivals,)
            Rows of the sample.

        Returns
        -------
        Comparison
        """
        if self.is_sampled:
            drawn = torch.cat([asked, rivals])
            levels, where = self.codes[drawn].unique(return_inverse=True)
            share = torch.bincount(where, self.row_weight[drawn])  # (n_compared,)
            truth = where[: len(asked)]
        else:
            levels = torch.arange(len(self.share), device=self.codes.device)
            share, truth = self.share, self.codes[asked]
        return Comparison(levels, self.weight[levels].requires_grad_(), share, truth)

    def step(self, comparison, rate):
        """Move the compared levels by the gradient that `Tensor.backward` has left."""
        self.adagrad.step_once(comparison.levels, comparison.weight.grad, rate)

    def compute_variance(self):
        """Variance (WIDTH, WIDTH) of the levels' rows: how far the softmax moves with the sum."""
        centred = self.weight - self.share @ self.weight  # (n_codes, WIDTH)
        return (centred * self.share[:, None]).T @ centred
