"""The losses of an epoch, and the choice of the best epoch."""

import math

from skembed._training.significance import Differences


class EpochLosses:
    """Losses of the batches of an epoch.

    Parameters
    ----------
    n_rows : int
        Rows of positive weight, of all processes.

    Attributes
    ----------
    out_of_fold : Differences
        Losses of the rows by the tables of their own folds, beside the constant answer's.
    table : float
        Mean loss of the rows by the tables that they train.
    """

    def __init__(self, n_rows):
        self.n_rows, self.out_of_fold, self.table = n_rows, Differences(), 0.0

    def add(self, rows, out_of_fold, fitted):
        """Add a batch, unless all of its rows have weight 0.

        Parameters
        ----------
        rows : Rows
        out_of_fold : Tensor of shape (batch,)
        fitted : Tensor of shape ()
            Sum over the rows of their mean loss by the tables that they train.
        """
        if rows.weight.cpu().numpy().any():
            self.out_of_fold.add(out_of_fold.cpu().numpy(), rows.constant.cpu().numpy())
            self.table += fitted.item() / self.n_rows

    @classmethod
    def merge(cls, parts):
        """Merge the losses of several processes."""
        whole = cls(parts[0].n_rows)
        whole.out_of_fold = Differences.merge([part.out_of_fold for part in parts])
        whole.table = sum(part.table for part in parts)
        return whole


class BestEpoch:
    """Keeps the state of the epoch with the lowest out-of-fold loss.

    Epoch 0 is the start, at which all levels of a column have one vector. It is left on evidence
    alone: a loss below the constant answer's by two standard errors. Without folds no loss is
    honest, and the last epoch is kept.

    Parameters
    ----------
    tables : FoldTables
    adamw : AdamW
        Of the decoder.
    settings : Settings

    Attributes
    ----------
    epoch : int
        The best one so far, counted from 1.
    """

    def __init__(self, tables, adamw, settings):
        self.tables, self.adamw, self.settings = tables, adamw, settings
        self.is_active = settings.early_stopping and tables.n_folds > 1
        self.epoch, self.loss = 0, math.inf
        if self.is_active:
            self._weight, self._snapshot = adamw.weight.clone(), tables.snapshot()

    def update(self, epoch, losses):
        """Keep the state of this epoch if it is the best one so far.

        Parameters
        ----------
        epoch : int
        losses : Differences
        """
        if not self.is_active:
            self.epoch = epoch
        elif self.epoch == 0 and not losses.are_evidence():
            return
        elif losses.mean < self.loss - self.settings.tol:
            self.epoch, self.loss = epoch, losses.mean
            self._weight.copy_(self.adamw.weight)
            self.tables.snapshot(self._snapshot)

    def is_long_ago(self, epoch):
        """Whether training stops after this epoch."""
        return self.epoch > 0 and epoch - self.epoch >= self.settings.n_iter_no_change

    def restore(self):
        """Return tables and decoder to the state of the best epoch."""
        if self.is_active:
            self.tables.restore(self._snapshot)
            self.adamw.weight.copy_(self._weight)
