import numpy as np
import pytest
import torch

from skembed._training import masked_loop, masked_net
from skembed._training.masked_loop import train_masked
from skembed._training.masked_net import MANY_LEVELS, LevelSoftmax
from skembed._training.rows import TableShape
from skembed._training.settings import Settings

SETTINGS = Settings(
    interaction="mlp",
    hidden_layer_sizes=(),
    unseen_rate=0.0,
    dropout=0.0,
    weight_decay=1e-4,
    learning_rate=3e-3,
    batch_size=256,
    max_epochs=6,
    early_stopping=False,
    n_iter_no_change=5,
    tol=1e-4,
    device="auto",
    n_jobs=None,
    random_state=0,
)


def in_groups(n_levels, n_rows, n_groups=4, seed=0):
    """Codes of two columns: a level of one goes with the levels of the other's same group."""
    rng = np.random.default_rng(seed)
    group = rng.integers(n_groups, size=n_rows)
    codes = [3 + group + n_groups * rng.integers(n_levels // n_groups, size=n_rows) for _ in "ab"]
    return np.column_stack(codes).astype(np.intp)


def run(codes, size, numbers=None, weight=None, **settings):
    n_rows, n_columns = codes.shape
    numbers = np.zeros((n_rows, 0), dtype=np.float32) if numbers is None else numbers
    weight = np.ones(n_rows) if weight is None else weight
    settings = SETTINGS._replace(**settings)
    shapes = [TableShape(str(j), size, 4) for j in range(n_columns)]
    return train_masked(list(codes.T), shapes, numbers, weight, settings)


def separation(table, n_groups=4):
    """Spread of the groups' means by the spread within them."""
    levels = table[3:]
    group = np.arange(len(levels)) % n_groups
    means = np.array([levels[group == g].mean(axis=0) for g in range(n_groups)])
    return means.std(axis=0).mean() / (levels - means[group]).std(axis=0).mean()


@pytest.mark.parametrize("many", [10, MANY_LEVELS])
def test_masked_levels_with_same_companions_get_near_vectors(monkeypatch, many):
    """With a softmax over a sample of the levels, and over all."""
    monkeypatch.setattr(masked_net, "MANY_LEVELS", many)
    trained = run(in_groups(200, 6000), 203)
    assert separation(trained.tables[0].table) > 2


def test_masked_levels_with_same_numbers_get_near_vectors():
    rng = np.random.default_rng(0)
    codes = rng.integers(3, 43, (4000, 1))
    numbers = np.column_stack([codes % 4 == j for j in range(4)]) + rng.normal(0, 0.5, (4000, 4))
    trained = run(codes, 43, numbers.astype(np.float32))
    assert separation(np.roll(trained.tables[0].table[3:], 3, axis=0)) > 2


def test_masked_sampled_softmax_is_the_full_one_in_the_mean():
    """The gradients by the sums agree, with rows in the place of levels of uneven frequency."""
    generator = torch.Generator().manual_seed(0)
    n_rows, size = 20_000, MANY_LEVELS + 1
    codes = (torch.rand(n_rows, generator=generator) ** 3 * size).long()
    weight = torch.ones(n_rows)
    softmax = LevelSoftmax(codes, size, weight)
    softmax.weight.normal_(0, 0.3, generator=generator)
    asked = torch.randint(n_rows, (64,), generator=generator)
    sums = torch.randn(64, softmax.weight.shape[1], generator=generator)

    def gradient():
        x = sums.clone().requires_grad_()
        rivals = torch.randint(n_rows, (5000,), generator=generator)
        softmax.compare(asked, rivals).compute_losses(x).mean().backward()
        return x.grad

    assert softmax.is_sampled
    sampled = torch.stack([gradient() for _ in range(8)]).mean(0)
    softmax.is_sampled = False
    full = gradient()
    assert (sampled - full).norm() < 0.1 * full.norm()


def test_masked_step_costs_no_more_where_levels_are_many(monkeypatch):
    """Of memory that a step asks for: a number for each level would show."""
    step, n_bytes = masked_loop._step, []

    def measured(*given):
        with torch.profiler.profile(profile_memory=True) as profile:
            loss = step(*given)
        n_bytes.append(sum(max(0, event.self_cpu_memory_usage) for event in profile.events()))
        return loss

    monkeypatch.setattr(masked_loop, "_step", measured)
    most = {}
    for n_levels in (20_000, 200_000):
        run(in_groups(n_levels, 1_000), 3 + n_levels, max_epochs=1)
        most[n_levels] = max(n_bytes)
        n_bytes.clear()
    assert most[200_000] < 1.1 * most[20_000]


def test_masked_rows_of_weight_zero_teach_nothing():
    codes = in_groups(40, 2000)
    weight = np.repeat([1.0, 0.0], 1000)
    other = codes.copy()
    other[1000:] = other[1000:][::-1]
    for one, two in zip(
        run(codes, 43, weight=weight).tables, run(other, 43, weight=weight).tables, strict=True
    ):
        np.testing.assert_array_equal(one.table, two.table)


def test_masked_loss_falls():
    loss = run(in_groups(40, 2000), 43).history["loss"]
    assert loss[-1] < loss[0] - 0.3


def test_masked_divergence_is_an_error():
    numbers = np.random.default_rng(0).normal(size=(2000, 2)).astype(np.float32)
    with pytest.raises(ValueError, match="diverged"):
        run(in_groups(40, 2000), 43, numbers, learning_rate=1e20)
