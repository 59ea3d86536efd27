"""Cross-fitted embeddings in one training run.

Each step uses its batch twice, in one pass through the net:

- The *decoder step* looks each row up in the table of its own fold, which the row never moves,
  and moves the decoder alone. So the decoder learns how far vectors can be trusted on rows that
  did not make them. The loss of this step is the out-of-fold loss, which picks the best epoch.
- The *table step* looks each row up in the tables of the other folds, and moves those tables and
  the prior rows alone.
"""

import time
from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import issparse

from skembed._model.decoder import MLP, Dot
from skembed._training.batches import TrainingRows
from skembed._training.best_epoch import BestEpoch, EpochLosses
from skembed._training.decoders import make_decoder
from skembed._training.fold_tables import FoldTables
from skembed._training.losses import differentiate, make_loss
from skembed._training.optimizers import AdamW
from skembed._training.process_group import ALONE
from skembed._training.runtime import choose_device, in_new_thread_after_fork, limit_threads
from skembed._training.schedule import make_schedule, stop_if_diverged


class Trained(NamedTuple):
    """Result of a training run, in numpy.

    Attributes
    ----------
    tables : list of FoldTable
        By column, in the order of the shapes that `train` was given.
    decoder : MLP or Dot
        See `skembed._model.decoder`.
    losses : ndarray of float32, shape (n_used_rows,)
        Weighted out-of-fold loss, at the best epoch, of each row of the sample with positive
        weight.
    outputs : ndarray of float32, shape (n_look_at, n_folds, n_outputs), or None
        Output of the net for the rows ``look_at``, from the table of each fold.
    history : dict of ndarray, each of shape (n_epochs,)
        ``out_of_fold_loss``, ``table_loss``, and ``seconds`` since the start.
    best_epoch : int
        Epoch of the tables and the decoder, counted from 1. 0 is the start.
    """

    tables: list
    decoder: MLP | Dot
    losses: np.ndarray
    outputs: np.ndarray | None
    history: dict
    best_epoch: int


@in_new_thread_after_fork
def train(blocks, shapes, target, settings, *, look_at=None):
    """Train the fold tables of all columns, and the decoder above them.

    Parameters
    ----------
    blocks : Blocks
        The training rows. With a single fold, all rows train one table, without cross-fitting.
    shapes : list of TableShape
        By column, in the order of the codes of a block.
    target : Target
        Provides the loss and the constant answer.
    settings : Settings
    look_at : ndarray of intp or None
        Rows of the sample, with positive weight, whose ``outputs`` are returned.

    Returns
    -------
    Trained
    """
    with limit_threads(settings.n_jobs):
        device, ranks = choose_device(settings.device), blocks.ranks or ALONE
        sample, loss = blocks.sample, make_loss(target.loss, device)
        # On the CPU, so that all devices draw the same numbers.
        generator = torch.Generator().manual_seed(settings.random_state)

        bags = [column for column, codes in enumerate(sample.codes) if issparse(codes)]
        tables = FoldTables(shapes, blocks.n_folds, bags, device)
        n_inputs = sample.inputs.shape[1]
        decoder = make_decoder(tables, n_inputs, target.bias, settings, generator).to(device)
        ranks.draw_apart(generator, settings.random_state)

        rows = TrainingRows(blocks, sample, ranks, tables, loss, target.bias)
        history, best_epoch = _run_epochs(tables, decoder, loss, rows, ranks, settings, generator)

        decoder.eval()
        losses = _compute_own_losses(tables, decoder, loss, rows.sample)
        outputs = None
        if look_at is not None:
            among_used = np.cumsum(sample.weight > 0) - 1  # rows.sample has no others
            seen = rows.sample.take(torch.from_numpy(among_used[look_at]).to(device))
            outputs = _compute_outputs(tables, decoder, seen)
        fold_tables, net = tables.to_numpy(), decoder.to_numpy()
        return Trained(fold_tables, net, losses, outputs, history, best_epoch)


def _run_epochs(tables, decoder, loss, rows, ranks, settings, generator):
    """Train tables and decoder in place, and return both to the best epoch.

    Returns
    -------
    history : dict of ndarray, each of shape (n_epochs,)
    best_epoch : int
    """
    n_rows = rows.blocks.n_used
    schedule = make_schedule(n_rows, settings)
    batch_size = ranks.share_batch(schedule.batch_size, rows.blocks)
    adamw = AdamW(decoder, settings.weight_decay)
    best = BestEpoch(tables, adamw, settings)
    history: dict[str, list] = {"out_of_fold_loss": [], "table_loss": [], "seconds": []}
    began, step = time.perf_counter(), 0

    settings.monitor.start(schedule.n_epochs)
    for epoch in range(1, schedule.n_epochs + 1):
        settings.monitor.begin_epoch()
        losses = EpochLosses(n_rows)
        batches = rows.shuffle(batch_size, settings.unseen_rate, generator)
        for batch, n_together in ranks.keep_in_step(batches, rows.sample):
            decoder_rate, table_rate = schedule.rates(step)
            out_of_fold, fitted, gradient = compute_gradients(
                tables, decoder, loss, batch, n_together
            )
            of_tables = tables.collect_gradients(batch.packed, gradient, n_together)
            of_tables = ranks.add_up(adamw.gradient, of_tables)
            adamw.step(decoder_rate)
            tables.move(of_tables, table_rate)
            losses.add(batch, out_of_fold, fitted)
            step += 1

        losses = EpochLosses.merge(ranks.gather(losses))
        stop_if_diverged("out-of-fold loss", losses.out_of_fold.mean, epoch, schedule)
        history["out_of_fold_loss"].append(losses.out_of_fold.mean)
        history["table_loss"].append(losses.table)
        history["seconds"].append(time.perf_counter() - began)
        settings.monitor.end_epoch(history)
        best.update(epoch, losses.out_of_fold)
        if best.is_long_ago(epoch):
            break

    best.restore()
    return {name: np.array(values) for name, values in history.items()}, best.epoch


@torch.no_grad()
def compute_gradients(tables, decoder, loss, rows, n_together):
    """Compute the gradients of the decoder step and of the table step, by one pass.

    The decoder's gradient, of the mean over ``n_together`` rows, is added to its parameters'
    ``grad``.

    Parameters
    ----------
    tables : FoldTables
    decoder : Decoder or DotDecoder
    loss : callable
    rows : Rows
        The batch.
    n_together : int
        Rows of the batch, of all processes.

    Returns
    -------
    out_of_fold : Tensor of shape (batch,)
        Weighted loss of each row by the table of its own fold.
    fitted : Tensor of shape ()
        Sum over the rows of their mean loss by the tables that they train.
    gradient : Tensor of shape (batch, n_folds, padded)
        By the vectors, for the table step.
    """
    batch, n_folds = len(rows.fold), tables.n_folds
    vectors = tables.look_up(rows.packed)  # (batch, n_folds, padded)
    flat = vectors.flatten(0, 1)  # (batch * n_folds, padded)
    output, backward = decoder.trace(flat, rows.context)  # (batch * n_folds, n_outputs)
    target = rows.target.repeat_interleave(n_folds, dim=0)
    losses, of_output = differentiate(loss, output, target)  # of_output: the shape of output

    # A row counts once in the decoder step, by its own fold, and once in the table step, by the
    # mean over the tables that it trains.
    own_fold = rows.fold[:, None]  # (batch, 1)
    share = rows.weight.new_full((batch, n_folds), 1 / max(1, n_folds - 1))
    share.scatter_(1, own_fold, 1.0).mul_(rows.weight[:, None])
    losses = losses.view(batch, n_folds) * share
    out_of_fold = losses.gather(1, own_fold)[:, 0]

    # The decoder moves by a mean over rows. Tables move by sums, so that the step of a level does
    # not depend on how many rows of other levels share its batch.
    seeds = share.clone().scatter_(1, own_fold, share.gather(1, own_fold) / n_together)
    own = torch.arange(0, len(flat), n_folds, device=flat.device) + rows.fold  # (batch,), in flat
    gradient = backward(of_output * seeds.view(-1, 1), own)  # (batch * n_folds, padded)
    if n_folds == 1:  # the table that reads a row is the one that it trains, by a sum
        gradient *= n_together
    if decoder.table_decay:
        gradient += decoder.table_decay * share.view(-1, 1) * flat

    fitted = losses.sum()
    if n_folds > 1:  # a row never trains the table that reads it
        gradient.index_fill_(0, own, 0.0)
        fitted -= out_of_fold.sum()
    return out_of_fold, fitted, gradient.view(vectors.shape)


@torch.no_grad()
def _compute_own_losses(tables, decoder, loss, rows):
    """Weighted loss (n_rows,) of each row by the table of its own fold."""
    losses = []
    for part in _cut(rows):
        each = torch.arange(len(part.fold), device=part.fold.device)
        own = tables.look_up(part.packed)[each, part.fold]  # (n_rows, padded)
        losses.append(loss(decoder(own, part.context), part.target) * part.weight)
    return torch.cat(losses).cpu().numpy()


@torch.no_grad()
def _compute_outputs(tables, decoder, rows):
    """Output (n_rows, n_folds, n_outputs) of the net from the table of each fold."""
    outputs = []
    for part in _cut(rows):
        flat = tables.look_up(part.packed).flatten(0, 1)  # (n_rows * n_folds, padded)
        context = part.context.repeat_interleave(tables.n_folds, dim=0)
        outputs.append(decoder(flat, context).view(len(part.fold), tables.n_folds, -1))
    return torch.cat(outputs).cpu().numpy()


def _cut(rows):
    """Cut rows into parts whose outputs take little memory."""
    return rows.split(4096)
