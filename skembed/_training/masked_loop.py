"""Vectors without a target, by predicting hidden cells from visible ones.

Each step hides some cells of a batch, more of one row and fewer of another. The vectors of the
visible levels, and the visible numbers, are mapped to one space and added up. The hidden cells are
predicted from the sum: levels by a softmax, numbers by least squares. word2vec does this with the
words around a word. Levels that occur with the same levels and numbers predict the same, so they
get near vectors.

In a column of many levels, the softmax runs over the levels of a sample of rows, so that the cost
of a step does not grow with the vocabulary.

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
from torch import Tensor

from skembed._training.fold_tables import FoldTables
from skembed._training.masked_net import LevelSoftmax, MaskedNet
from skembed._training.optimizers import AdamW
from skembed._training.rows import normalise
from skembed._training.runtime import choose_device, in_new_thread_after_fork, limit_threads
from skembed._training.schedule import make_schedule, stop_if_diverged

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


class MaskedTrained(NamedTuple):
    """Result of a training run, in numpy.

    Attributes
    ----------
    tables : list of MeasuredTable
        By column, in the order of the shapes that `train_masked` was given.
    history : dict of ndarray, each of shape (n_epochs,)
        - ``loss`` per hidden cell: in nats for levels, half the squared error for numbers.
        - ``seconds`` since the start.
    """

    tables: list
    history: dict


class MaskedRows(NamedTuple):
    """The training rows as tensors; the first axis of each is n_rows.

    Attributes
    ----------
    packed : list of Tensor
        Codes, one for each pack of the tables.
    codes : Tensor of int64, shape (n_rows, n_columns)
    numbers : Tensor of shape (n_rows, n_numbers)
    weight : Tensor of shape (n_rows,)
    """

    packed: list
    codes: Tensor
    numbers: Tensor
    weight: Tensor


class Draw(NamedTuple):
    """Random choices of one step.

    Attributes
    ----------
    batch : Tensor of int64, shape (batch,)
        Rows.
    hidden : Tensor of bool, shape (batch, n_columns + n_numbers)
        Cells of these rows.
    rivals : Tensor of int64, shape (SAMPLED,)
        Rows whose levels are compared in columns of many levels.
    """

    batch: Tensor
    hidden: Tensor
    rivals: Tensor


@in_new_thread_after_fork
def train_masked(codes, shapes, numbers, weight, settings):
    """Train the tables of all columns to predict each other, and the numbers.

    Parameters
    ----------
    codes : list of ndarray of intp, each of shape (n_rows,)
        By column.
    shapes : list of TableShape
        By column, in the order of ``codes``.
    numbers : ndarray of float32, shape (n_rows, n_numbers)
    weight : ndarray of shape (n_rows,)
    settings : Settings
        Layers, dropout and stopping are not used.

    Returns
    -------
    MaskedTrained
    """
    with limit_threads(settings.n_jobs):
        device = choose_device(settings.device)
        # On the CPU, so that all devices draw the same numbers.
        generator = torch.Generator().manual_seed(settings.random_state)

        tables = FoldTables(shapes, n_folds=1, device=device)
        rows = _read_rows(tables, codes, numbers, weight)
        net = MaskedNet(tables, numbers.shape[1], generator).to(device)
        softmaxes = [
            LevelSoftmax(rows.codes[:, column], shape.n_codes, rows.weight)
            for column, shape in enumerate(shapes)
        ]

        history = _run_epochs(tables, net, softmaxes, rows, settings, generator)
        return MaskedTrained(_measure_tables(tables, net, softmaxes), history)


def _read_rows(tables, codes, numbers, weight):
    """Put the rows on the device of the tables, without rows of weight 0."""
    device, used = tables.prior.device, weight > 0
    codes = [column[used] for column in codes]
    packed = [part.to(device) for part in tables.pack(codes)]
    others = np.column_stack(codes), numbers[used], normalise(weight)[used]
    return MaskedRows(packed, *(torch.from_numpy(part).to(device) for part in others))


def _run_epochs(tables, net, softmaxes, rows, settings, generator):
    """Train tables, net and softmaxes in place.

    Returns
    -------
    history : dict of ndarray, each of shape (n_epochs,)
    """
    n_rows, n_cells = len(rows.weight), rows.codes.shape[1] + rows.numbers.shape[1]
    schedule = make_schedule(n_rows, settings)
    adamw = AdamW(net, settings.weight_decay)
    history: dict[str, list] = {"loss": [], "seconds": []}
    began, step = time.perf_counter(), 0

    settings.monitor.start(schedule.n_epochs)
    for epoch in range(1, schedule.n_epochs + 1):
        settings.monitor.begin_epoch()
        total, n_hidden = 0.0, 0
        for batch in torch.randperm(n_rows, generator=generator).split(schedule.batch_size):
            draw = _draw(batch, n_rows, n_cells, generator)
            total += _step(tables, net, softmaxes, adamw, rows, draw, schedule.rates(step))
            n_hidden += int(draw.hidden.sum())
            step += 1

        stop_if_diverged("loss", total, epoch, schedule)
        history["loss"].append(total / max(n_hidden, 1))
        history["seconds"].append(time.perf_counter() - began)
        settings.monitor.end_epoch(history)
    return {name: np.array(values) for name, values in history.items()}


def _draw(batch, n_rows, n_cells, generator):
    """Draw the hidden cells of a batch, more of one row and fewer of another, and the rivals."""
    share = torch.rand(len(batch), 1, generator=generator)
    hidden = torch.rand(len(batch), n_cells, generator=generator) < share
    return Draw(batch, hidden, torch.randint(n_rows, (SAMPLED,), generator=generator))


def _step(tables, net, softmaxes, adamw, rows, draw, rates):
    """Train on a batch; return the sum of the losses of its hidden cells.

    Parameters
    ----------
    tables : FoldTables
    net : MaskedNet
    softmaxes : list of LevelSoftmax
        By column.
    adamw : AdamW
        Of the net.
    rows : MaskedRows
    draw : Draw
    rates : (float, float)
        Learning rates of the net and of the tables.
    """
    batch, hidden, rivals = (part.to(rows.codes.device) for part in draw)
    hidden, hidden_numbers = hidden.tensor_split([len(softmaxes)], dim=1)
    # A hidden level takes the unseen code, so that hiding trains the prior row.
    packed = [
        codes[batch].masked_fill(hidden[:, pack.columns], 0)
        for pack, codes in zip(tables.packs, rows.packed, strict=True)
    ]
    vectors = tables.look_up(packed).requires_grad_()  # (batch, 1, padded)
    numbers, weight = rows.numbers[batch], rows.weight[batch]
    sums = net(vectors[:, 0], numbers, hidden_numbers)  # (batch, WIDTH)

    errors = (net.predict_numbers(sums) - numbers) ** 2 * hidden_numbers  # (batch, n_numbers)
    loss = (errors * weight[:, None]).sum() / 2
    compared = []
    for column, softmax in enumerate(softmaxes):
        asked = hidden[:, column]
        comparison = softmax.compare(batch[asked], rivals)
        losses = comparison.compute_losses(sums[asked])  # (n_asked,)
        loss = loss + (losses * weight[asked]).sum()
        compared.append((softmax, comparison))

    (loss / len(batch)).backward()
    net_rate, table_rate = rates
    adamw.step(net_rate)
    tables.step(packed, vectors.grad, table_rate)
    for softmax, comparison in compared:
        softmax.step(comparison, table_rate)
    return loss.item()


@torch.no_grad()
def _measure_tables(tables, net, softmaxes):
    """Tables of all columns, each with the metric of all predictions but its own."""
    of_columns = [softmax.compute_variance() for softmax in softmaxes]
    of_all = sum(of_columns) + net.numbers.T @ net.numbers  # (WIDTH, WIDTH)
    measured = []
    each = zip(tables.columns, tables.to_numpy(), of_columns, strict=True)
    for column, (prior, deviations), own in each:
        reader = net.reader.weight[:, column.place]  # (WIDTH, dim)
        metric = (reader.T @ (of_all - own) @ reader).cpu().numpy()
        measured.append(MeasuredTable(prior + deviations[:, 0], metric))
    return measured
