"""The training rows as tensors."""

import numpy as np
import pytest
import torch
from scipy.sparse import csr_array

from skembed._training.batches import TrainingRows, read_rows
from skembed._training.fold_tables import FoldTables
from skembed._training.process_group import ALONE
from skembed._training.rows import Block, Blocks, TableShape

BIAS = np.zeros(1, dtype=np.float32)
SHAPES = [TableShape("city", 60, 2), TableShape("words", 5, 3)]


def squared(output, target):
    return ((output - target) ** 2).mean(dim=1)


def block(codes, weight=None):
    """Rows whose target is their code, beside a bag of one member each."""
    codes, n_rows = np.asarray(codes), len(codes)
    members = np.arange(n_rows) % 5
    bags = csr_array((np.ones(n_rows, "float32"), (np.arange(n_rows), members)), (n_rows, 5))
    target = codes[:, None].astype(np.float32)
    weight = np.ones(n_rows, "float32") if weight is None else np.array(weight, "float32")
    fold = np.arange(n_rows) % 2
    return Block([codes, bags], np.zeros((n_rows, 0), "float32"), target, weight, fold)


@pytest.fixture
def tables():
    return FoldTables(SHAPES, n_folds=2, bags=[1])


def test_rows_of_weight_zero_are_left_out(tables):
    rows = read_rows(block([4, 5, 6], [1, 0, 2]), tables, squared, BIAS)
    codes, bags = rows.packed
    assert codes.tolist() == [[4], [6]]
    assert bags.members.tolist() == [0, 2]
    assert rows.constant.tolist() == [16.0, 72.0]  # squares times weights


class Counted(Blocks):
    """Blocks that count how often they are read."""

    n_reads = 0

    def __getitem__(self, i):
        self.n_reads += 1
        return super().__getitem__(i)


@pytest.mark.parametrize("n_blocks", [1, 3])
def test_each_row_comes_once_in_an_epoch_and_in_another_order_in_the_next(tables, n_blocks):
    blocks = Counted([block(part) for part in np.split(np.arange(60), n_blocks)])
    rows = TrainingRows(blocks, blocks.sample, ALONE, tables, squared, BIAS)
    before, generator = blocks.n_reads, torch.Generator().manual_seed(0)
    orders = []
    for _ in range(2):
        batches = list(rows.shuffle(16, 0.0, generator))
        assert {len(batch.fold) for batch in batches} == ({16, 12} if n_blocks == 1 else {16, 4})
        for batch in batches:
            assert torch.equal(batch.packed[0][:, 0].float(), batch.target[:, 0])
        orders.append(torch.cat([batch.target[:, 0] for batch in batches]).tolist())
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(60))
    assert orders[0] != orders[1]
    assert blocks.n_reads - before == (0 if n_blocks == 1 else 6)


def test_some_codes_are_hidden_and_no_bag_is(tables):
    blocks = Blocks([block(np.arange(1, 60))])
    rows = TrainingRows(blocks, blocks.sample, ALONE, tables, squared, BIAS)
    (batch,) = rows.shuffle(64, 0.5, torch.Generator().manual_seed(0))
    codes, bags = batch.packed
    assert 0.3 < (codes == 0).float().mean() < 0.7
    assert bags.members.sort().values.tolist() == sorted(np.arange(59) % 5)
