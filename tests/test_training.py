import numpy as np
import pytest
import torch

from skembed.nn import FoldTables
from skembed.pretrained import Start
from skembed.target import encode_target
from skembed.training import (
    RowAdagrad,
    Settings,
    auto_batch_size,
    auto_epochs,
    fold_positions,
    one_cycle,
    train,
)

SETTINGS = Settings(
    interaction="mlp",
    hidden_layer_sizes=(16,),
    unseen_rate=0.1,
    dropout=0.0,
    weight_decay=1e-4,
    learning_rate=3e-3,
    batch_size=64,
    max_epochs=4,
    early_stopping=False,
    n_iter_no_change=5,
    tol=1e-4,
    n_jobs=None,
    random_state=0,
    verbose=0,
)


def problem(n_rows=1200, n_levels=30, seed=0):
    """Codes of one column, its target, and folds."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, 3 + n_levels, (n_rows, 1))
    y = rng.normal(size=3 + n_levels)[codes[:, 0]] + rng.normal(size=n_rows)
    return codes, y, np.arange(n_rows) % 4


def run(codes, y, fold, weight=None, **settings):
    weight = np.ones(len(y)) if weight is None else weight
    context = np.zeros((len(y), 0), dtype=np.float32)
    target = encode_target(y, "auto", weight)
    size = int(codes.max()) + 1
    return train(
        list(codes.T), [size], [4], context, target, weight, fold, SETTINGS._replace(**settings)
    )


def test_a_fold_table_is_never_moved_by_a_row_of_its_fold():
    """A level whose rows all lie in fold 2 stays at the prior in table 2, and only there."""
    codes, y, fold = problem()
    fold[codes[:, 0] == 7] = 2
    deviation = run(codes, y, fold).deviations[0]
    assert not deviation[7, 2].any()
    assert all(deviation[7, k].any() for k in (0, 1, 3))


def test_targets_of_a_fold_move_its_own_table_only_through_what_is_shared():
    """With the decoder and the priors left out, a fold's table knows nothing of its targets."""
    codes, y, fold = problem()
    other = y.copy()
    other[(fold == 1) & (codes[:, 0] == 7)] += 10
    settings = {"learning_rate": 1e-12, "unseen_rate": 0.0, "max_epochs": 1}
    weight = np.ones(len(y))
    tables = []
    for values in (y, other):
        target = encode_target(y, "auto", weight)._replace(
            values=((values - y.mean()) / y.std()).astype(np.float32)[:, None]
        )
        context = np.zeros((len(y), 0), dtype=np.float32)
        size = int(codes.max()) + 1
        settings_ = SETTINGS._replace(**settings)
        tables.append(
            train(list(codes.T), [size], [1], context, target, weight, fold, settings_).deviations[
                0
            ]
        )
    moved = np.abs(tables[0] - tables[1])[7, :, 0]
    assert moved[1] < 0.2 * moved[[0, 2, 3]].min()


def test_levels_that_no_row_has_stay_at_the_prior():
    codes, y, fold = problem()
    deviation = run(codes, y, fold).deviations[0]
    assert not deviation[:3].any()
    assert deviation[3:].any(axis=(1, 2)).all()


def test_own_fold_vectors_predict_and_noise_does_not():
    codes, y, fold = problem(n_rows=4000)
    trained = run(codes, y, fold, max_epochs=8)
    vectors = trained.priors[0] + trained.deviations[0][codes[:, 0], fold]
    signal = np.corrcoef(vectors[:, 0], y)[0, 1]
    assert signal > 0.6
    noise = np.random.default_rng(1).normal(size=4000)
    trained = run(codes, noise, fold, max_epochs=8)
    vectors = trained.priors[0] + trained.deviations[0][codes[:, 0], fold]
    assert abs(np.corrcoef(vectors[:, 0], noise)[0, 1]) < 0.06


@pytest.mark.parametrize("n_levels", [20, 200])
def test_the_out_of_fold_loss_is_that_of_a_true_holdout(n_levels):
    """It is a little optimistic, because the decoder has seen the rows: by how much is bounded."""
    from sklearn.linear_model import LinearRegression

    gaps = []
    for seed in range(3):
        codes, y, fold = problem(n_rows=8000, n_levels=n_levels, seed=seed)
        fit, new = slice(0, 4000), slice(4000, 8000)
        trained = run(codes[fit], y[fit], fold[fit], max_epochs=8, unseen_rate=0.0)
        own = trained.priors[0] + trained.deviations[0][codes[fit, 0], fold[fit]]
        table = trained.priors[0] + trained.deviations[0].mean(axis=1)
        model = LinearRegression().fit(own, y[fit])
        size = table.shape[0]
        known = codes[new, 0] < size
        error = (y[new][known] - model.predict(table[codes[new, 0][known]])) ** 2
        gaps.append(trained.history["out_of_fold_loss"][-1] - error.mean() / y[fit].var())
    assert -0.03 < np.mean(gaps) < 0.03


def test_divergence_is_told():
    with pytest.raises(ValueError, match=r"diverged.*Give a lower learning_rate than 1e\+08"):
        run(*problem(), learning_rate=1e8, max_epochs=40)


def test_one_fold_trains_one_table_by_all_rows():
    codes, y, _ = problem()
    deviation = run(codes, y, np.zeros(len(y), dtype=np.int64)).deviations[0]
    assert deviation.shape[1] == 1
    assert deviation[3:].any()


def test_weights_are_relative():
    codes, y, fold = problem()
    once = run(codes, y, fold, np.ones(len(y)))
    twice = run(codes, y, fold, np.full(len(y), 2.0))
    np.testing.assert_allclose(once.deviations[0], twice.deviations[0], atol=1e-6)


def test_row_adagrad_is_torch_adagrad():
    """Bit for bit a few steps of torch.optim.Adagrad with sparse gradients."""
    generator = torch.Generator().manual_seed(0)
    tables = FoldTables([50], [3], n_folds=2)
    ours = RowAdagrad(tables)
    (weight,) = tables.weights
    theirs = torch.nn.Parameter(torch.zeros_like(weight.deviation))
    adagrad = torch.optim.Adagrad([theirs], lr=0.1)
    for _ in range(5):
        touched = torch.randint(1, 50, (20,), generator=generator).unique()
        gradient = torch.randn(len(touched), 6, generator=generator)
        theirs.grad = torch.zeros_like(theirs).index_put((touched,), gradient)
        adagrad.step()
        weight.prior.grad = torch.zeros_like(weight.prior)
        ours.rate = 0.1
        ours.step([touched], [gradient.clone()])
    torch.testing.assert_close(weight.deviation, theirs.detach())


def test_the_unseen_row_has_no_deviation():
    tables = FoldTables([5], [2], n_folds=2)
    adagrad = RowAdagrad(tables)
    adagrad.rate = 0.1
    (weight,) = tables.weights
    weight.prior.grad = torch.ones_like(weight.prior)
    adagrad.step([torch.tensor([0, 2])], [torch.ones(2, 4)])
    assert not weight.deviation[0].any()
    assert weight.deviation[2].all()


def test_frozen_rows_and_their_prior_do_not_move():
    tables = FoldTables([5, 4], [3, 3], n_folds=2)
    tables.start_at(0, Start(np.array([2]), np.ones((1, 3), dtype=np.float32), frozen=True))
    adagrad = RowAdagrad(tables)
    adagrad.rate = 0.1
    (weight,) = tables.weights
    weight.prior.grad = torch.ones_like(weight.prior)
    before = weight.deviation.clone()
    adagrad.step([torch.tensor([2, 3, 6])], [torch.ones(3, 6)])
    assert torch.equal(weight.deviation[2], before[2])
    assert (weight.deviation[[3, 6]] != before[[3, 6]]).all()
    assert (weight.prior != 0).tolist() == [False] * 3 + [True] * 3


def test_fold_positions():
    own, others = fold_positions(torch.tensor([2, 0]), n_folds=3)
    assert own.tolist() == [2, 3]
    assert others.tolist() == [0, 1, 4, 5]
    own, others = fold_positions(torch.tensor([0, 0]), n_folds=1)
    assert own.tolist() == others.tolist() == [0, 1]


def test_one_cycle_rises_for_a_quarter_and_falls_to_zero():
    rates = [one_cycle(step / 100) for step in range(101)]
    assert int(np.argmax(rates)) == 25
    assert rates[0] == pytest.approx(0.04)
    assert rates[25] == pytest.approx(1)
    assert rates[100] == pytest.approx(0)


@pytest.mark.parametrize(
    ("n_rows", "batch_size", "epochs"),
    [(1, 32, 40), (1000, 32, 16), (24_576, 512, 11), (3_000_000, 1024, 8)],
)
def test_steps_grow_more_slowly_than_rows(n_rows, batch_size, epochs):
    assert auto_batch_size(n_rows) == batch_size
    assert auto_epochs(-(-n_rows // batch_size)) == epochs
