"""Cross-fitted embeddings in one training run: the loop, read from top to bottom.

Every step does two things with one batch. The *decoder step* looks each row up in its own fold's
tables, which never saw it, and moves the decoder alone: it learns how far vectors can be trusted
on rows that did not make them. The *table step* looks each row up in the tables of the other
folds and moves those and the prior rows alone. The loss of the decoder step is the out-of-fold
loss: it says when to stop.
"""

import math
import time
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor

from skembed._model.decoder import MLP, Dot
from skembed._training.decoders import Decoder, DotDecoder
from skembed._training.fold_tables import Bags, FoldTables
from skembed._training.losses import differentiate, make_loss
from skembed._training.optimizers import AdamW
from skembed._training.process_group import ALONE
from skembed._training.runtime import choose_device, limit_threads
from skembed._training.schedule import make_schedule, stop_if_diverged
from skembed._training.significance import Differences

CHUNK = 65_536  # rows that are shuffled at once
DOT_SCALE = 0.03  # standard deviation of what is multiplied in dot products, at the start


class Trained(NamedTuple):
    """What training leaves behind, in numpy.

    Attributes
    ----------
    tables : list of FoldTable
        By column, in the order of the shapes that `train` was given.
    decoder : MLP or Dot
        See `skembed._model.decoder`.
    losses : ndarray of float32, shape (n_used_rows,)
        Weighted out-of-fold loss of each row with weight of the sample, in the end.
    outputs : ndarray of float32, shape (n_look_at, n_folds, n_outputs), or None
        Output of the net from the tables of each fold, for the rows that were asked for.
    history : dict of ndarray, each of shape (n_epochs,)
    best_epoch : int
        Epoch that these tables come from, counted from 1; 0 is the start, before any step.
    """

    tables: list
    decoder: MLP | Dot
    losses: np.ndarray
    outputs: np.ndarray | None
    history: dict
    best_epoch: int


class Rows(NamedTuple):
    """Training rows as tensors; the first axis of each is n_rows.

    ``packed`` is a list, one for each weight of the tables; ``constant`` is the weighted loss of
    the answer that the net starts with.
    """

    packed: list
    context: Tensor
    target: Tensor
    weight: Tensor
    fold: Tensor
    constant: Tensor

    @classmethod
    def of(cls, block, tables, loss, bias):
        """The rows of a block that have weight: those without teach nothing."""
        device = tables.prior.device
        packed = [part.to(device) for part in tables.pack(block.codes)]
        context, target, weight, fold = (torch.from_numpy(part).to(device) for part in block[1:])
        constant = torch.from_numpy(bias).to(device).expand(len(weight), -1)
        rows = cls(packed, context, target, weight, fold, loss(constant, target) * weight)
        used = np.flatnonzero(block.weight > 0)
        return rows if len(used) == len(weight) else rows.take(torch.from_numpy(used).to(device))

    def take(self, rows):
        """Some of the rows, by their positions."""
        packed = [
            part.take(rows) if isinstance(part, Bags) else part.index_select(0, rows)
            for part in self.packed
        ]
        return Rows(packed, *(part.index_select(0, rows) for part in self[1:]))

    def split(self, batch_size):
        """Cut into batches."""
        packed = zip(*(part.split(batch_size) for part in self.packed), strict=True)
        cut = [part.split(batch_size) for part in self[1:]]
        return (Rows(list(first), *rest) for first, *rest in zip(packed, *cut, strict=True))


def train(blocks, shapes, target, settings, *, look_at=None):
    """Train the tables of all columns and the decoder above them.

    Parameters
    ----------
    blocks : Blocks
        The training rows. A single fold trains one table by all rows, without cross-fitting.
    shapes : list of TableShape
        By column, in the order of the codes of a block.
    target : Target
        Its loss and start.
    settings : Settings
    look_at : ndarray of intp or None
        Rows with weight of the sample whose ``outputs`` are wanted at the end.

    Returns
    -------
    Trained
    """
    with limit_threads(settings.n_jobs):
        # On the CPU whatever the device: all devices draw the same numbers.
        generator = torch.Generator().manual_seed(settings.random_state)
        device = choose_device(settings.device)
        sample, ranks = blocks.sample, blocks.ranks or ALONE
        bags = [column for column, codes in enumerate(sample.codes) if issparse(codes)]
        tables = FoldTables(shapes, blocks.n_folds, bags, device)
        decoder = _decoder(tables, sample.inputs.shape[1], target.bias, settings, generator)
        decoder.to(device)
        if ranks.rank:  # the start is the same on all; what is hidden of their rows is not
            generator.manual_seed(settings.random_state + ranks.rank)
        loss = make_loss(target.loss, device)
        of_block = partial(Rows.of, tables=tables, loss=loss, bias=target.bias)
        rows, outputs = of_block(sample), None
        only = None
        if len(blocks) == 1:
            only = rows if ranks.size == 1 else of_block(blocks[0])

        def load(i):
            return only or of_block(blocks[i])

        # What a rank that has no rows left takes part in a step with: one row without weight.
        idle = rows.take(torch.zeros(1, dtype=torch.int64, device=device))
        idle = idle._replace(weight=torch.zeros_like(idle.weight))
        history, best_epoch = _run(tables, decoder, blocks, load, idle, loss, settings, generator)
        decoder.eval()
        losses = _own_losses(tables, decoder, rows, loss)
        if look_at is not None:
            among_used = np.cumsum(sample.weight > 0) - 1
            looked_at = torch.from_numpy(among_used[look_at]).to(device)
            outputs = _outputs(tables, decoder, rows.take(looked_at))
        trained, net = tables.to_numpy(), decoder.to_numpy()
        return Trained(trained, net, losses, outputs, history, best_epoch)


def _decoder(tables, n_inputs, bias, settings, generator):
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


def _run(tables, decoder, blocks, load, idle, loss, settings, generator):
    """Train in place, end at the best epoch's tables; return the history and that epoch."""
    n_rows, ranks = blocks.n_used, blocks.ranks or ALONE
    schedule = make_schedule(n_rows, settings)
    own_size = max(1, math.ceil(schedule.batch_size * blocks.n_own / n_rows))
    adamw = AdamW(decoder, settings.weight_decay)
    best = BestEpoch(tables, adamw, settings)
    history: dict[str, list] = {"out_of_fold_loss": [], "table_loss": [], "seconds": []}
    began, step = time.perf_counter(), 0
    settings.monitor.start(schedule.n_epochs)
    for epoch in range(1, schedule.n_epochs + 1):
        settings.monitor.begin_epoch()
        out_of_fold, table_loss = Differences(), 0.0
        batches = _batches(blocks, load, tables, own_size, settings.unseen_rate, generator)
        for rows, n_together in ranks.in_step(batches, idle):
            decoder_rate, table_rate = schedule.rates(step)
            losses, fitted, gradient = _step(tables, decoder, rows, loss, n_together)
            of_tables = tables.collect_gradients(rows.packed, gradient, n_together)
            of_tables = ranks.add_up(adamw.gradient, of_tables)
            adamw.step(decoder_rate)
            tables.move(of_tables, table_rate)
            if rows is not idle:
                out_of_fold.add(losses.cpu().numpy(), rows.constant.cpu().numpy())
                table_loss += fitted.item() / n_rows
            step += 1
        out_of_fold = Differences.merged(ranks.gather(out_of_fold))
        table_loss = sum(ranks.gather(table_loss))
        stop_if_diverged("out-of-fold loss", out_of_fold.mean, epoch, schedule)
        history["out_of_fold_loss"].append(out_of_fold.mean)
        history["table_loss"].append(table_loss)
        history["seconds"].append(time.perf_counter() - began)
        settings.monitor.end_epoch(history)
        if best.stops(epoch, out_of_fold):
            break
    best.restore()
    return {name: np.array(values) for name, values in history.items()}, best.epoch


def _batches(blocks, load, tables, batch_size, unseen_rate, generator):
    """Batches of an epoch, with some codes hidden: blocks in random order, and the rows of each."""
    order = [0]
    if len(blocks) != 1:
        order = torch.randperm(len(blocks), generator=generator).tolist()
    chunk = batch_size * max(1, CHUNK // batch_size)
    for i in order:
        rows = load(i)
        if not len(rows.fold):  # none has weight
            continue
        # Many batches at once, then cut: a small tensor is made as slowly as a large one.
        for some in torch.randperm(len(rows.fold), generator=generator).split(chunk):
            part = rows.take(some.to(rows.fold.device))
            packed = tables.hide(part.packed, unseen_rate, generator)
            yield from part._replace(packed=packed).split(batch_size)


@torch.no_grad()
def _step(tables, decoder, rows, loss, n_together):
    """Gradients of one step, of both kinds by one pass through the net.

    Adds to the gradients of the decoder, of a mean over ``n_together`` rows.

    Returns
    -------
    losses : Tensor of shape (batch,)
        Out of fold.
    fitted : Tensor of shape ()
        Sum over the rows of the mean loss by the tables that the row may train.
    gradient : Tensor of shape (batch, n_folds, padded)
        By the vectors.
    """
    batch, n_folds = len(rows.fold), tables.n_folds
    vectors = tables.look_up(rows.packed)
    output, backward = decoder.trace(vectors.flatten(0, 1), rows.context)
    target = rows.target.repeat_interleave(n_folds, dim=0)
    losses, pull = differentiate(loss, output, target)
    fold = rows.fold[:, None]
    own = torch.arange(0, len(pull), n_folds, device=pull.device) + rows.fold

    # Decoder step: vectors that the row itself did not make, gradient to the decoder alone. Table
    # step: the tables that the row may train, gradient to them and the priors alone; the mean over
    # a row's tables, but the sum over rows: how far a level moves does not depend on how many
    # rows of other levels share its batch.
    share = rows.weight.new_full((batch, n_folds), 1 / max(1, n_folds - 1)).scatter_(1, fold, 1.0)
    share *= rows.weight[:, None]
    losses = losses.view(batch, n_folds) * share
    out_of_fold = losses.gather(1, fold)[:, 0]
    seeds = share.clone().scatter_(1, fold, share.gather(1, fold) / n_together)
    gradient = backward(pull * seeds.view(-1, 1), own)
    if n_folds == 1:  # the own table is the one that the row trains
        gradient *= n_together
    if decoder.table_decay:
        gradient += decoder.table_decay * share.view(-1, 1) * vectors.flatten(0, 1)
    fitted = losses.sum()
    if n_folds > 1:
        gradient.index_fill_(0, own, 0.0)
        fitted -= out_of_fold.sum()
    return out_of_fold, fitted, gradient.view(vectors.shape)


@torch.no_grad()
def _own_losses(tables, decoder, rows, loss):
    """Weighted loss (n_rows,) of each row by the table of its own fold."""
    losses = []
    for part in _parts(rows):
        each = torch.arange(len(part.fold), device=part.fold.device)
        own = tables.look_up(part.packed)[each, part.fold]
        losses.append(loss(decoder(own, part.context), part.target) * part.weight)
    return torch.cat(losses).cpu().numpy()


@torch.no_grad()
def _outputs(tables, decoder, rows):
    """Output (n_rows, n_folds, n_outputs) of the net from the tables of each fold."""
    outputs = []
    for part in _parts(rows):
        context = part.context.repeat_interleave(tables.n_folds, dim=0)
        output = decoder(tables.look_up(part.packed).flatten(0, 1), context)
        outputs.append(output.view(len(part.fold), tables.n_folds, -1))
    return torch.cat(outputs).cpu().numpy()


def _parts(rows):
    return rows.split(4096)


class BestEpoch:
    """Keeps the epoch with the lowest out-of-fold loss, and says when to stop.

    Epoch 0 is the start, whose tables tell no level from another. It takes evidence to leave it:
    a loss below the constant answer's by two standard errors. Without folds there is no honest
    loss, and the last epoch is kept.
    """

    def __init__(self, tables, adamw, settings):
        self.tables, self.adamw, self.settings = tables, adamw, settings
        self.active = settings.early_stopping and tables.n_folds > 1
        self.epoch, self.loss = 0, math.inf
        if self.active:
            self.weights, self.snapshot = adamw.weight.clone(), tables.snapshot()

    def stops(self, epoch, losses):
        """Look at the rows' losses of an epoch; return whether it was the last."""
        if not self.active:
            self.epoch = epoch
        elif self.epoch == 0 and not losses.are_evidence():
            return False
        elif losses.mean < self.loss - self.settings.tol:
            self.epoch, self.loss = epoch, losses.mean
            self.weights.copy_(self.adamw.weight)
            self.tables.snapshot(self.snapshot)
        return epoch - self.epoch >= self.settings.n_iter_no_change

    def restore(self):
        """Put the best epoch's state into tables and decoder."""
        if self.active:
            self.tables.restore(self.snapshot)
            self.adamw.weight.copy_(self.weights)
