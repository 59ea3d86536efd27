"""Cross-fitted embeddings in one training run: the loop, read from top to bottom.

Every step does two things with one batch. The *decoder step* looks each row up in its own fold's
tables, which never saw it, and moves the decoder alone: it learns how far vectors can be trusted
on rows that did not make them. The *table step* looks each row up in the tables of the other
folds and moves those and the prior rows alone. The loss of the decoder step is the out-of-fold
loss: it says when to stop.
"""

import copy
import math
import time
from collections.abc import Callable
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from joblib import cpu_count
from scipy.sparse import issparse
from torch import Tensor
from torch.nn import functional

from skembed.evidence import is_evidence
from skembed.forward import MLP, Dot
from skembed.nn import Bags, Decoder, DotDecoder, FoldTables

TABLE_LEARNING_RATE = 0.1
DOT_SCALE = 0.03  # standard deviation of what is multiplied in dot products, at the start


class Settings(NamedTuple):
    """How to train: parameters of the encoder, by the same names."""

    hidden_layer_sizes: tuple
    interaction: str
    unseen_rate: float
    dropout: float
    weight_decay: float
    learning_rate: float
    batch_size: int | str
    max_epochs: int | str
    early_stopping: bool
    n_iter_no_change: int
    tol: float
    n_jobs: int | None
    random_state: int
    verbose: int


class Trained(NamedTuple):
    """What training leaves behind, in numpy.

    Attributes
    ----------
    priors : list of ndarray, each of shape (dim,)
    deviations : list of ndarray, each of shape (n_codes, n_folds, dim)
    decoder : MLP or Dot
        See `skembed.forward`.
    losses : ndarray of float32, shape (n_used_rows,)
        Weighted out-of-fold loss of each row with weight, in the end.
    outputs : ndarray of float32, shape (n_look_at, n_folds, n_outputs), or None
        Output of the net from the tables of each fold, for the rows that were asked for.
    history : dict of ndarray, each of shape (n_epochs,)
    best_epoch : int
        Epoch that these tables come from, counted from 1; 0 is the start, before any step.
    """

    priors: list
    deviations: list
    decoder: MLP | Dot
    losses: np.ndarray
    outputs: np.ndarray | None
    history: dict
    best_epoch: int


class Rows(NamedTuple):
    """The training rows as tensors; the first axis of each is n_rows.

    ``packed`` is a list, one for each weight of the tables.
    """

    packed: list
    context: Tensor
    target: Tensor
    weight: Tensor
    fold: Tensor

    def take(self, mask):
        """Some of the rows, by a mask or by positions."""
        packed = [p.take(mask) if isinstance(p, Bags) else p[mask] for p in self.packed]
        return Rows(packed, *(part[mask] for part in self[1:]))


def train(codes, sizes, dims, context, target, weight, fold, settings, *, starts=(), look_at=None):
    """Train the tables of all columns and the decoder above them.

    Parameters
    ----------
    codes : list of ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes)
        By column; a matrix of weights where it holds bags.
    sizes, dims : list of int, one per column
        Codes and vector length.
    context : ndarray of float32, shape (n_rows, n_inputs)
    target : Target
    weight : ndarray of shape (n_rows,)
    fold : ndarray of int64, shape (n_rows,)
        A single fold trains one table by all rows, without cross-fitting.
    settings : Settings
    starts : sequence of (Start or None)
        Of the first columns: where their vectors start if it is not at zero.
    look_at : ndarray of intp or None
        Rows whose ``outputs`` are wanted at the end.

    Returns
    -------
    Trained
    """
    with torch_threads(settings.n_jobs):
        generator = torch.Generator().manual_seed(settings.random_state)
        bags = [column for column, of_rows in enumerate(codes) if issparse(of_rows)]
        tables = FoldTables(sizes, dims, int(fold.max()) + 1, bags)
        for column, start in enumerate(starts):
            if start:
                tables.start_at(column, start)
        decoder = _decoder(tables, context.shape[1], target.bias, settings, generator)
        rows = Rows(
            tables.pack(codes),
            torch.from_numpy(context),
            torch.from_numpy(target.values),
            torch.from_numpy((weight / weight[weight > 0].mean()).astype(np.float32)),
            torch.from_numpy(fold),
        )
        used = rows.take(rows.weight > 0)  # rows without weight teach nothing
        loss = torch_loss(target.loss)
        answer = torch.from_numpy(target.bias).expand(len(used.target), -1)
        constant = loss(answer, used.target) * used.weight
        history, best_epoch = _run(tables, decoder, used, loss, constant, settings, generator)
        decoder.eval()
        losses, outputs = _own_losses(tables, decoder, used, loss), None
        if look_at is not None:
            outputs = _outputs(tables, decoder, rows.take(torch.from_numpy(look_at)))
        priors, deviations = tables.numpy()
        net = decoder.numpy()
        return Trained(priors, deviations, net, losses, outputs, history, best_epoch)


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


def _run(tables, decoder, rows, loss, constant, settings, generator):
    """Train in place, end at the best epoch's tables; return the history and that epoch."""
    n_rows = len(rows.target)
    batch_size = auto_batch_size(n_rows) if settings.batch_size == "auto" else settings.batch_size
    steps_per_epoch = math.ceil(n_rows / batch_size)
    max_epochs = settings.max_epochs
    if max_epochs == "auto":
        max_epochs = auto_epochs(steps_per_epoch, settings.interaction)
    adamw = torch.optim.AdamW(decoder.parameters(), weight_decay=settings.weight_decay, fused=True)
    adagrad = RowAdagrad(tables)
    best = BestEpoch(tables, decoder, constant, settings)
    history: dict[str, list] = {"out_of_fold_loss": [], "table_loss": [], "seconds": []}
    began, step = time.perf_counter(), 0
    for epoch in range(1, max_epochs + 1):
        out_of_fold, table_loss = torch.empty(n_rows), 0.0
        for batch in torch.randperm(n_rows, generator=generator).split(batch_size):
            rate = one_cycle(step / (max_epochs * steps_per_epoch))
            part = rows.take(batch)
            packed = [
                weight.hide(codes, settings.unseen_rate, generator)
                for weight, codes in zip(tables.weights, part.packed, strict=True)
            ]
            adamw.param_groups[0]["lr"] = settings.learning_rate * rate
            adagrad.rate = TABLE_LEARNING_RATE * rate
            part = part._replace(packed=packed)
            losses, fitted = _step(tables, decoder, adamw, adagrad, part, loss)
            out_of_fold[batch] = losses
            table_loss += fitted / n_rows
            step += 1
        mean = float(out_of_fold.mean())
        if not math.isfinite(mean):
            raise ValueError(
                f"Training diverged: the out-of-fold loss of epoch {epoch} is {mean}. Give a lower "
                f"learning_rate than {settings.learning_rate:g}."
            )
        history["out_of_fold_loss"].append(mean)
        history["table_loss"].append(table_loss)
        history["seconds"].append(time.perf_counter() - began)
        if settings.verbose:
            shown = ", ".join(f"{name} {values[-1]:.4g}" for name, values in history.items())
            print(f"epoch {epoch} of at most {max_epochs}: {shown}")
        if best.stops(epoch, out_of_fold):
            break
    best.restore()
    return {name: np.array(values) for name, values in history.items()}, best.epoch


def _step(tables, decoder, adamw, adagrad, rows, loss):
    """One decoder step and one table step; return the rows' losses, and the tables' in sum."""
    touched, fetched, where = tables.fetch(rows.packed)
    fetched = [part.requires_grad_() for part in fetched]
    vectors = tables.vectors(fetched, where)
    own, others = fold_positions(rows.fold, tables.n_folds)

    # Decoder step: vectors that the row itself did not make, gradient to the decoder alone.
    out_of_fold = loss(decoder(vectors[own].detach(), rows.context), rows.target) * rows.weight
    adamw.zero_grad()
    out_of_fold.mean().backward(inputs=list(decoder.parameters()))

    # Table step: the tables that the row may train, gradient to them and the priors alone. The
    # mean over a row's tables, but the sum over rows: how far a level moves does not depend on
    # how many rows of other levels share its batch.
    n_tables = len(others) // len(own)
    context, target, weight = (
        part.repeat_interleave(n_tables, dim=0) for part in (rows.context, rows.target, rows.weight)
    )
    vectors = vectors[others]
    fitted = (loss(decoder(vectors, context), target) * weight).sum() / n_tables
    objective = fitted
    if decoder.table_decay:
        lengths = (vectors**2).sum(dim=1) @ weight
        objective = fitted + decoder.table_decay / 2 * lengths / n_tables
    priors = [weight.prior for weight in tables.weights if weight.prior.requires_grad]
    objective.backward(inputs=[*fetched, *priors])

    adamw.step()
    adagrad.step(touched, [part.grad for part in fetched])
    return out_of_fold.detach(), fitted.item()


@torch.no_grad()
def _own_losses(tables, decoder, rows, loss):
    """Weighted loss (n_rows,) of each row by the table of its own fold."""
    losses = []
    for part in _parts(rows):
        own, _ = fold_positions(part.fold, tables.n_folds)
        output = decoder(_vectors(tables, part)[own], part.context)
        losses.append(loss(output, part.target) * part.weight)
    return torch.cat(losses).numpy()


@torch.no_grad()
def _outputs(tables, decoder, rows):
    """Output (n_rows, n_folds, n_outputs) of the net from the tables of each fold."""
    outputs = []
    for part in _parts(rows):
        context = part.context.repeat_interleave(tables.n_folds, dim=0)
        output = decoder(_vectors(tables, part), context)
        outputs.append(output.view(len(part.fold), tables.n_folds, -1))
    return torch.cat(outputs).numpy()


def _parts(rows):
    return (rows.take(batch) for batch in torch.arange(len(rows.target)).split(4096))


def _vectors(tables, rows):
    """Padded vectors (n_rows * n_folds, padded) of the rows in every fold."""
    _, fetched, where = tables.fetch(rows.packed)
    return tables.vectors(fetched, where)


class BestEpoch:
    """Keeps the epoch with the lowest out-of-fold loss, and says when to stop.

    Epoch 0 is the start, whose tables tell no level from another. It takes evidence to leave it:
    a loss below the constant answer's by two standard errors. Without folds there is no honest
    loss, and the last epoch is kept.
    """

    def __init__(self, tables, decoder, losses_of_constant, settings):
        self.tables, self.decoder, self.settings = tables, decoder, settings
        self.constant = losses_of_constant
        self.active = settings.early_stopping and tables.n_folds > 1
        self._keep(0, math.inf)

    def stops(self, epoch, losses):
        """Look at the rows' losses of an epoch; return whether it was the last."""
        loss = float(losses.mean())
        if not self.active:
            self.epoch = epoch
        elif self.epoch == 0 and not is_evidence((losses - self.constant).numpy()):
            return False
        elif loss < self.loss - self.settings.tol:
            self._keep(epoch, loss)
        return epoch - self.epoch >= self.settings.n_iter_no_change

    def restore(self):
        """Put the best epoch's state into tables and decoder."""
        if self.active:
            self.tables.restore(self.snapshot)
            self.decoder.load_state_dict(self.weights)

    def _keep(self, epoch, loss):
        self.epoch, self.loss = epoch, loss
        if self.active:
            self.snapshot = self.tables.snapshot()
            self.weights = copy.deepcopy(self.decoder.state_dict())


def fold_positions(fold: Tensor, n_folds: int) -> tuple[Tensor, Tensor]:
    """Positions of a batch's vectors in its own fold's tables, and in the other folds' tables.

    Parameters
    ----------
    fold : Tensor of int64, shape (batch,)
    n_folds : int
        With 1, the own table is also the one that the row trains.

    Returns
    -------
    own : Tensor of shape (batch,)
    others : Tensor of shape (batch * (n_folds - 1),), the tables of a row side by side
        Both index the (row, fold) pairs of `FoldTables.vectors`.
    """
    first = torch.arange(len(fold)) * n_folds
    own = first + fold
    if n_folds == 1:
        return own, own
    shift = torch.arange(1, n_folds)
    others = first[:, None] + (fold[:, None] + shift) % n_folds
    return own, others.flatten()


def torch_loss(loss):
    """A loss of `skembed.losses` for tensors.

    Returns
    -------
    callable
        Loss (n_rows,) from the output (n_rows, n_outputs) and the values of the target.
    """
    if loss.name == "cross_entropy":
        return partial(functional.cross_entropy, reduction="none")
    by_name: dict[str, Callable] = {
        "log_loss": partial(functional.binary_cross_entropy_with_logits, reduction="none"),
        "squared_error": lambda predicted, values: (predicted - values) ** 2,
        "quantile": lambda predicted, values: _pinball(values - predicted, loss.quantile),
        "poisson": partial(functional.poisson_nll_loss, reduction="none"),
    }
    of_outputs = by_name[loss.name]
    if getattr(loss, "bounds", None) is None:
        return lambda output, values: of_outputs(output, values).mean(dim=1)
    low, high = (torch.from_numpy(bound.astype(np.float32)) for bound in loss.bounds)

    def bounded(output, values):
        return of_outputs(low + (high - low) * torch.sigmoid(output), values).mean(dim=1)

    return bounded


def _pinball(short, quantile):
    return torch.maximum(quantile * short, (quantile - 1) * short)


class RowAdagrad:
    """Adagrad that touches only the rows of a batch, so that its cost ignores the vocabulary.

    A row without gradient does not move under Adagrad, so this is the dense algorithm, not an
    approximation. Adam would keep moving rare levels and lets them memorise their rows.

    References
    ----------
    Duchi, Hazan and Singer (2011), "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12.
    """

    def __init__(self, tables):
        self.weights, self.rate = tables.weights, 0.0
        self.sums = [torch.zeros_like(weight.deviation) for weight in tables.weights]
        self.prior_sums = [torch.zeros(len(weight.prior)) for weight in tables.weights]

    @torch.no_grad()
    def step(self, touched, gradients):
        """Move the touched rows of each weight and the priors, all that is not fixed."""
        for weight, rows, gradient, total, prior_total in zip(
            self.weights, touched, gradients, self.sums, self.prior_sums, strict=True
        ):
            gradient[weight.fixed[rows]] = 0.0
            total[rows] += gradient**2
            weight.deviation[rows] -= self.rate * gradient / total[rows].sqrt_().add_(1e-10)
            if weight.prior.grad is None:  # of a bag
                continue
            weight.prior.grad[weight.fixed_prior] = 0.0
            prior_total += weight.prior.grad**2
            weight.prior -= self.rate * weight.prior.grad / (prior_total.sqrt() + 1e-10)
            weight.prior.grad = None


def auto_batch_size(n_rows):
    """Rows per step: a fiftieth of the rows, as a power of two between 32 and 1024."""
    return int(2 ** min(10, max(5, round(math.log2(n_rows / 50)))))


def auto_epochs(steps_per_epoch, interaction="mlp"):
    """Passes over the rows: about 500 steps, but 8 passes at least and 40 at most.

    Dot products start near zero and are slow to leave it: 20 at least.
    """
    fewest = 8 if interaction == "mlp" else 20
    return min(40, max(fewest, math.ceil(500 / steps_per_epoch)))


def one_cycle(progress):
    """Fraction of the peak learning rate at a fraction of the training.

    A quarter of the way up from 1/25 by a cosine, the rest down to 0.

    References
    ----------
    Smith and Topin (2018), "Super-convergence: very fast training of neural networks using large
    learning rates", arXiv:1708.07120.
    """
    if progress < 0.25:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / 0.25)) / 2
    return (1 + math.cos(math.pi * (progress - 0.25) / 0.75)) / 2


@contextmanager
def torch_threads(n_jobs):
    """Bound torch's threads for the time of a fit, then give the user's number back.

    None is one thread whatever joblib's context is: the bits of a fit must not depend on where it
    runs. Negative numbers count from the number of processors, as in joblib.
    """
    if n_jobs is None:
        n_jobs = 1
    if n_jobs < 0:
        n_jobs = max(1, cpu_count() + 1 + n_jobs)
    before = torch.get_num_threads()
    torch.set_num_threads(n_jobs)
    try:
        yield
    finally:
        torch.set_num_threads(before)
