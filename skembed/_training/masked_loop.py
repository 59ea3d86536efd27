"""Vectors without a target: hidden cells predicted from the visible ones, read from top to bottom.

Every step hides some cells of a batch, more of one row and fewer of another. The vectors of the
levels that are still visible, and the visible numbers, are mapped to one space and added up, and
from the sum the hidden cells are predicted: levels by a softmax, numbers by least squares. This is
what word2vec does with the words around a word. Levels that go with the same levels and numbers
predict the same, and so get near vectors.

Where a column has many levels, its softmax runs over the levels of a sample of rows, so that a
step costs no more however many there are.

References
----------
Mikolov, Chen, Corrado and Dean (2013), "Efficient estimation of word representations in vector
space", arXiv:1301.3781, for the sum.

Jean, Cho, Memisevic and Bengio (2015), "On using very large target vocabulary for neural machine
translation", arXiv:1412.2007, for the sample.
"""

import time
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from skembed._training.decoders import linear
from skembed._training.fold_tables import FoldTables
from skembed._training.optimizers import AdamW, RowAdagrad
from skembed._training.runtime import choose_device, limit_threads
from skembed._training.schedule import make_schedule, stop_if_diverged

WIDTH = 32  # of the sum
MANY_LEVELS = 1000  # more are sampled
SAMPLED = 512  # rows, beside those of the batch


class MeasuredTable(NamedTuple):
    """The vectors of one column, and how to measure the difference of two of them.

    Attributes
    ----------
    table : ndarray of float32, shape (n_codes, dim)
    metric : ndarray of float32, shape (dim, dim)
        For a small difference d of two vectors, d'Md is twice the Kullback-Leibler divergence in
        nats between their predictions of the other columns.
    """

    table: np.ndarray
    metric: np.ndarray


class Companions(NamedTuple):
    """What training leaves behind, in numpy.

    Attributes
    ----------
    tables : list of MeasuredTable
        By column, in the order of the shapes that `train` was given.
    history : dict of ndarray, each of shape (n_epochs,)
        ``loss`` per hidden cell, in nats for levels and half the squared error for numbers, and
        ``seconds`` since the start.
    """

    tables: list
    history: dict


class Rows(NamedTuple):
    """The training rows as tensors; the first axis of each is n_rows.

    ``packed`` is a list, one for each weight of the tables.
    """

    packed: list
    codes: Tensor
    numbers: Tensor
    weight: Tensor


def train(codes, shapes, numbers, weight, settings):
    """Train the tables of all columns to predict each other, and the numbers.

    Parameters
    ----------
    codes : list of ndarray of intp, each of shape (n_rows,)
    shapes : list of TableShape
        By column, in the order of ``codes``.
    numbers : ndarray of float32, shape (n_rows, n_numbers)
    weight : ndarray of shape (n_rows,)
    settings : Settings
        Folds, layers and stopping play no part.

    Returns
    -------
    Companions
    """
    with limit_threads(settings.n_jobs):
        generator = torch.Generator().manual_seed(settings.random_state)
        device = choose_device(settings.device)
        tables = FoldTables(shapes, n_folds=1, device=device)
        used = weight > 0
        codes = [column[used] for column in codes]
        rows = Rows(
            [part.to(device) for part in tables.pack(codes)],
            torch.from_numpy(np.column_stack(codes)).to(device),
            torch.from_numpy(numbers[used]).to(device),
            torch.from_numpy((weight[used] / weight[used].mean()).astype(np.float32)).to(device),
        )
        net = Net(tables, numbers.shape[1], generator).to(device)
        heads = [
            Head(rows.codes[:, j], shape.n_codes, rows.weight) for j, shape in enumerate(shapes)
        ]
        history = _run(tables, net, heads, rows, settings, generator)
        return Companions(_measure(tables, net, heads), history)


def _run(tables, net, heads, rows, settings, generator):
    """Train in place; return the history."""
    n_rows, n_cells = len(rows.weight), len(heads) + rows.numbers.shape[1]
    schedule = make_schedule(n_rows, settings)
    adamw = AdamW(net, settings.weight_decay)
    history: dict[str, list] = {"loss": [], "seconds": []}
    began, step = time.perf_counter(), 0
    settings.monitor.start(schedule.n_epochs)
    for epoch in range(1, schedule.n_epochs + 1):
        settings.monitor.begin_epoch()
        total, n_hidden = 0.0, 0
        for batch in torch.randperm(n_rows, generator=generator).split(schedule.batch_size):
            rates = schedule.rates(step)
            share = torch.rand(len(batch), 1, generator=generator)
            hidden = torch.rand(len(batch), n_cells, generator=generator) < share
            rivals = torch.randint(n_rows, (SAMPLED,), generator=generator)
            total += _step(tables, net, heads, adamw, rates, rows, batch, hidden, rivals)
            n_hidden += int(hidden.sum())
            step += 1
        stop_if_diverged("loss", total, epoch, schedule)
        history["loss"].append(total / max(n_hidden, 1))
        history["seconds"].append(time.perf_counter() - began)
        settings.monitor.end_epoch(history)
    return {name: np.array(values) for name, values in history.items()}


def _step(tables, net, heads, adamw, rates, rows, batch, hidden, rivals):
    """One step on a batch; return the losses of its hidden cells in sum.

    Parameters
    ----------
    batch : Tensor of int64, shape (batch,)
    hidden : Tensor of bool, shape (batch, n_columns + n_numbers)
    rivals : Tensor of int64, shape (SAMPLED,)
        Rows whose levels stand for all levels, in columns of many.
    rates : tuple of float
        Learning rates of the net and of the tables.
    """
    batch, hidden, rivals = (drawn.to(rows.codes.device) for drawn in (batch, hidden, rivals))
    hidden, hidden_numbers = hidden.tensor_split([len(heads)], dim=1)
    # A hidden level is an unseen one: hiding trains the prior row.
    packed = [
        codes[batch].masked_fill(hidden[:, pack.columns], 0)
        for pack, codes in zip(tables.packs, rows.packed, strict=True)
    ]
    vectors = tables.look_up(packed).requires_grad_()
    numbers = rows.numbers[batch]
    sums = net(vectors[:, 0], numbers, hidden_numbers)

    wrong = (net.predict_numbers(sums) - numbers) ** 2 * hidden_numbers
    loss = (wrong * rows.weight[batch][:, None]).sum() / 2
    compared = []
    for column, head in enumerate(heads):
        asked = hidden[:, column]
        found = head.compared(batch[asked], rivals, rows.codes[:, column], rows.weight)
        compared.append(found)
        losses = functional.cross_entropy(found.logits(sums[asked]), found.truth, reduction="none")
        loss = loss + (losses * rows.weight[batch[asked]]).sum()

    (loss / len(batch)).backward()
    adamw.step(rates[0])
    tables.step(packed, vectors.grad, rates[1])
    for head, found in zip(heads, compared, strict=True):
        head.adagrad.step_once(found.levels, found.fetched.grad, rates[1])
    return loss.item()


class Net(nn.Module):
    """One linear map from what is visible of a row to the sum, and one from there to the numbers.

    Parameters
    ----------
    tables : FoldTables
        Tables that the vectors come from.
    n_numbers : int
    generator : torch.Generator
        Draws the start.
    """

    def __init__(self, tables, n_numbers, generator):
        super().__init__()
        self.reader = linear(tables.padded + 2 * n_numbers, WIDTH, generator)
        self.numbers = nn.Parameter(torch.zeros(n_numbers, WIDTH))
        self.start = nn.Parameter(torch.zeros(n_numbers))

    def forward(self, vectors: Tensor, numbers: Tensor, hidden: Tensor) -> Tensor:
        """Sum (batch, WIDTH) of vectors (batch, padded) and numbers that are not hidden."""
        return self.reader(torch.cat([vectors, numbers * ~hidden, hidden], dim=1))

    def predict_numbers(self, sums: Tensor) -> Tensor:
        """Numbers (batch, n_numbers) from sums (batch, WIDTH)."""
        return functional.linear(sums, self.numbers, self.start)


class Compared(NamedTuple):
    """Levels that a softmax runs over.

    Attributes
    ----------
    levels : Tensor of int64, shape (n_compared,)
    fetched : Tensor of shape (n_compared, WIDTH)
        Their rows of the head's weight.
    share : Tensor of shape (n_compared,)
        How frequent they are, up to a factor.
    truth : Tensor of int64, shape (n_asked,)
        Position of each row's level among them.
    """

    levels: Tensor
    fetched: Tensor
    share: Tensor
    truth: Tensor

    def logits(self, sums):
        """Logits (n_asked, n_compared) from sums (n_asked, WIDTH)."""
        return sums @ self.fetched.T + self.share.log()


class Head:
    """The softmax over the levels of one column.

    The logit of a level is the logarithm of its frequency plus the product of the sum with the
    level's own row of ``weight``. In a column of many levels, only those of a sample of rows are
    compared, by their frequency in the sample: rows are drawn alike, so that is the correction for
    sampling and the frequency of the level in one.

    Parameters
    ----------
    codes : Tensor of int64, shape (n_rows,)
    size : int
        Codes of the column.
    weight : Tensor of shape (n_rows,)
        Of the rows.

    Attributes
    ----------
    weight : Tensor of shape (size, WIDTH)
    share : Tensor of shape (size,)
        Of each code among the rows.
    """

    def __init__(self, codes, size, weight):
        self.weight = torch.zeros(size, WIDTH, device=codes.device)
        self.adagrad = RowAdagrad(self.weight)
        self.share = torch.bincount(codes, weight, minlength=size) / weight.sum()
        self.sampled = size > MANY_LEVELS

    def compared(self, asked, rivals, codes, weight):
        """Levels that the softmax of the rows ``asked`` runs over.

        Parameters
        ----------
        asked : Tensor of int64, shape (n_asked,)
        rivals : Tensor of int64, shape (SAMPLED,)
        codes : Tensor of int64, shape (n_rows,)
            Of the column.
        weight : Tensor of shape (n_rows,)

        Returns
        -------
        Compared
        """
        if self.sampled:
            drawn = torch.cat([asked, rivals])
            levels, where = codes[drawn].unique(return_inverse=True)
            share, truth = torch.bincount(where, weight[drawn]), where[: len(asked)]
        else:
            levels = torch.arange(len(self.share), device=codes.device)
            share, truth = self.share, codes[asked]
        return Compared(levels, self.weight[levels].requires_grad_(), share, truth)

    def metric(self):
        """How far the softmax moves with the sum: variance (WIDTH, WIDTH) of the levels' rows."""
        centred = self.weight - self.share @ self.weight
        return (centred * self.share[:, None]).T @ centred


@torch.no_grad()
def _measure(tables, net, heads):
    """Tables of all columns, each with the metric of all predictions but its own."""
    of_heads = [head.metric() for head in heads]
    of_all = sum(of_heads) + net.numbers.T @ net.numbers
    measured = []
    each = zip(tables.columns, tables.to_numpy(), of_heads, strict=True)
    for column, (prior, deviations), own in each:
        reader = net.reader.weight[:, column.place]  # (WIDTH, dim)
        metric = (reader.T @ (of_all - own) @ reader).cpu().numpy()
        measured.append(MeasuredTable(prior + deviations[:, 0], metric))
    return measured
