import numpy as np
import pytest
import torch

from skembed._training.optimizers import AdamW, RowAdagrad, _sum_on_gpu


def nothing_fixed(n_rows):
    return torch.zeros(n_rows, dtype=torch.bool)


def test_adagrad_by_rows_is_torch_adagrad():
    generator = torch.Generator().manual_seed(0)
    weight = torch.zeros(50, 6)
    ours = RowAdagrad(weight)
    theirs = torch.nn.Parameter(torch.zeros(50, 6))
    adagrad = torch.optim.Adagrad([theirs], lr=0.1)
    for _ in range(5):
        rows = torch.randint(0, 50, (80,), generator=generator)  # many of them twice
        gradient = torch.randn(80, 6, generator=generator)
        theirs.grad = torch.zeros_like(theirs).index_put((rows,), gradient, accumulate=True)
        adagrad.step()
        ours.step(rows, gradient, 0.1, nothing_fixed(50))
    torch.testing.assert_close(weight, theirs.detach())


def test_adagrad_sums_for_a_gpu_are_those_for_the_cpu():
    """There all cells of a row get its sum, here one of them does."""
    generator = torch.Generator().manual_seed(0)
    rows = torch.randint(0, 50, (80,), generator=generator)
    gradient = torch.randn(80, 6, generator=generator)
    fixed = torch.arange(50) % 7 == 0
    here, there = RowAdagrad(torch.zeros(50, 6)), RowAdagrad(torch.zeros(50, 6))
    here.step(rows, gradient, 0.1, fixed)
    there.step_once(rows, _sum_on_gpu(gradient, _first_cells(rows), fixed[rows]), 0.1)
    torch.testing.assert_close(there.weight, here.weight)
    torch.testing.assert_close(there.squares, here.squares)


def _first_cells(rows):
    return torch.tensor([rows.tolist().index(row) for row in rows.tolist()])


def test_adagrad_fixed_rows_do_not_move():
    weight, fixed = torch.zeros(5, 2), nothing_fixed(5)
    fixed[0] = fixed[3] = True
    RowAdagrad(weight).step(torch.tensor([0, 2, 3, 3]), torch.ones(4, 2), 0.1, fixed)
    assert weight.any(dim=1).tolist() == [False, False, True, False, False]


def test_adamw_is_torch_adamw():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1))
    same = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Linear(3, 1))
    same.load_state_dict(net.state_dict())
    ours, theirs = AdamW(net, 0.1), torch.optim.AdamW(same.parameters(), weight_decay=0.1)
    x = torch.randn(20, 4)
    for rate in np.linspace(1e-2, 1e-3, 10):
        (net(x) ** 2).mean().backward()
        ours.step(rate)
        theirs.param_groups[0]["lr"] = rate
        theirs.zero_grad()
        (same(x) ** 2).mean().backward()
        theirs.step()
    for parameter, other in zip(net.parameters(), same.parameters(), strict=True):
        torch.testing.assert_close(parameter, other)


@pytest.mark.parametrize("n_rows", [1_000, 1_000_000])
def test_adagrad_step_reads_no_rows_but_those_that_it_moves(n_rows):
    """All other rows are NaN: whatever read them would show it."""
    weight = torch.full((n_rows, 4), torch.nan)
    rows = torch.tensor([1, 5, 5, 999])
    weight[rows] = 0.0
    adagrad = RowAdagrad(weight)
    adagrad.step(rows, torch.ones(4, 4), 0.1, nothing_fixed(n_rows))
    assert torch.isfinite(weight[rows]).all()
    assert int(weight.isnan().any(dim=1).sum()) == n_rows - 3
