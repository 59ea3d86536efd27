"""The losses of an epoch, and the choice of the best epoch."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from skembed._training.best_epoch import BestEpoch, EpochLosses
from skembed._training.fold_tables import FoldTables
from skembed._training.optimizers import AdamW
from skembed._training.rows import TableShape
from skembed._training.significance import Differences

FALLING = [0.8, 0.6, 0.7, 0.59, 0.65, 0.64]


def rows(weight):
    """Rows of a batch, as far as losses look at them."""
    return SimpleNamespace(weight=torch.tensor(weight), constant=torch.ones(len(weight)))


def epoch_losses(*losses, n_rows=4):
    made = EpochLosses(n_rows)
    for of_batch in losses:
        of_batch = torch.tensor(of_batch)
        made.add(rows([1.0] * len(of_batch)), of_batch, of_batch.sum())
    return made


def test_losses_are_means_over_all_rows():
    losses = epoch_losses([1.0, 2.0], [3.0, 6.0])
    assert losses.out_of_fold.mean == pytest.approx(3)
    assert losses.table == pytest.approx(3)


def test_rows_without_weight_leave_losses_as_they_are():
    losses = epoch_losses([1.0, 2.0, 3.0, 6.0])
    losses.add(rows([0.0]), torch.tensor([9.0]), torch.tensor(9.0))
    assert losses.out_of_fold.n_rows == 4
    assert losses.table == pytest.approx(3)


def test_losses_of_several_processes_are_those_of_one():
    whole = epoch_losses([1.0, 2.0, 3.0, 6.0])
    merged = EpochLosses.merge([epoch_losses([1.0]), epoch_losses([2.0, 3.0, 6.0])])
    assert merged.out_of_fold.mean == pytest.approx(whole.out_of_fold.mean)
    assert merged.table == pytest.approx(whole.table)


def differences(loss, constant=1.0, n_rows=100):
    made = Differences()
    noise = np.linspace(-0.1, 0.1, n_rows)
    made.add(loss + noise, np.full(n_rows, constant))
    return made


def run(losses, *, n_folds=2, constant=1.0, tol=0.0, early_stopping=True):
    """Epochs that write their number into tables and decoder; return these, and the last epoch."""
    tables = FoldTables([TableShape("city", 4, 2)], n_folds)
    net = torch.nn.Linear(1, 1)
    settings = SimpleNamespace(early_stopping=early_stopping, n_iter_no_change=2, tol=tol)
    adamw = AdamW(net, 0.0)
    adamw.weight.zero_()
    best = BestEpoch(tables, adamw, settings)
    for epoch, loss in enumerate(losses, 1):
        tables.prior.fill_(epoch)
        adamw.weight.fill_(epoch)
        best.update(epoch, differences(loss, constant))
        if best.is_long_ago(epoch):
            break
    best.restore()
    assert tables.prior[0] == adamw.weight[0]
    return best.epoch, int(tables.prior[0]), epoch


def test_the_lowest_loss_is_kept_until_it_is_long_ago():
    assert run(FALLING) == (4, 4, 6)


def test_a_fall_below_tol_is_none():
    assert run(FALLING, tol=0.05) == (2, 2, 4)


def test_without_evidence_the_start_is_kept():
    """And training goes on, because evidence may come late."""
    assert run(FALLING, constant=0.5) == (0, 0, 6)
    assert run([*FALLING, 0.4], constant=0.5) == (7, 7, 7)


@pytest.mark.parametrize("given", [{"n_folds": 1}, {"early_stopping": False}])
def test_without_an_honest_loss_the_last_epoch_is_kept(given):
    assert run(FALLING, **given) == (6, 6, 6)
