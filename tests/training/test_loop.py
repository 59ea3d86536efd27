import numpy as np
import pytest
import torch

from skembed._model.losses import LogLoss
from skembed._model.target import encode_target
from skembed._training.batches import Rows
from skembed._training.decoders import Decoder
from skembed._training.fold_tables import FoldTables
from skembed._training.loop import compute_gradients, train
from skembed._training.losses import make_loss
from skembed._training.optimizers import AdamW
from skembed._training.rows import Block, Blocks, TableShape, normalise
from skembed._training.settings import Settings

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
    device="auto",
    n_jobs=None,
    random_state=0,
)


def problem(n_rows=1200, n_levels=30, seed=0):
    """Codes of one column, its target, and folds."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(3, 3 + n_levels, (n_rows, 1))
    y = rng.normal(size=3 + n_levels)[codes[:, 0]] + rng.normal(size=n_rows)
    return codes, y, np.arange(n_rows) % 4


def run(codes, y, fold, weight=None, **settings):
    weight = np.ones(len(y)) if weight is None else weight
    target = encode_target(y, "auto", weight)
    return run_on([block(codes, target.values, fold, weight)], codes, target, **settings)


def run_on(blocks, codes, target, **settings):
    shapes = [TableShape("level", int(codes.max()) + 1, 4)]
    return train(Blocks(blocks), shapes, target, SETTINGS._replace(**settings))


def block(codes, values, fold, weight):
    context = np.zeros((len(codes), 0), dtype=np.float32)
    return Block(list(codes.T), context, values, normalise(weight), fold)


def test_leak_fold_table_is_not_moved_by_rows_of_its_fold():
    """A level whose rows all lie in fold 2 stays at the prior in table 2, and only there."""
    codes, y, fold = problem()
    fold[codes[:, 0] == 7] = 2
    deviation = run(codes, y, fold).tables[0].deviations
    assert not deviation[7, 2].any()
    assert all(deviation[7, k].any() for k in (0, 1, 3))


def test_leak_own_targets_move_a_table_by_shared_parts_alone():
    """With the decoder and the priors left out, a fold's table knows nothing of its targets."""
    codes, y, fold = problem()
    other = y.copy()
    other[(fold == 1) & (codes[:, 0] == 7)] += 10
    settings = {"learning_rate": 1e-12, "unseen_rate": 0.0, "max_epochs": 1}
    target, weight, tables = encode_target(y, "auto", np.ones(len(y))), np.ones(len(y)), []
    for given in (y, other):
        values = ((given - y.mean()) / y.std()).astype(np.float32)[:, None]
        trained = run_on([block(codes, values, fold, weight)], codes, target, **settings)
        tables.append(trained.tables[0].deviations)
    moved = np.abs(tables[0] - tables[1])[7, :, 0]
    assert moved[1] < 0.2 * moved[[0, 2, 3]].min()


def test_training_levels_without_rows_stay_at_the_prior():
    codes, y, fold = problem()
    deviation = run(codes, y, fold).tables[0].deviations
    assert not deviation[:3].any()
    assert deviation[3:].any(axis=(1, 2)).all()


def test_leak_own_fold_vectors_predict_signal_but_no_noise():
    codes, y, fold = problem(n_rows=4000)
    trained = run(codes, y, fold, max_epochs=8)
    vectors = trained.tables[0].prior + trained.tables[0].deviations[codes[:, 0], fold]
    signal = np.corrcoef(vectors[:, 0], y)[0, 1]
    assert signal > 0.6
    noise = np.random.default_rng(1).normal(size=4000)
    trained = run(codes, noise, fold, max_epochs=8)
    vectors = trained.tables[0].prior + trained.tables[0].deviations[codes[:, 0], fold]
    assert abs(np.corrcoef(vectors[:, 0], noise)[0, 1]) < 0.06


@pytest.mark.parametrize("n_levels", [20, 200])
def test_out_of_fold_loss_is_that_of_a_true_holdout(n_levels):
    """It is a little optimistic, because the decoder has seen the rows: by how much is bounded."""
    from sklearn.linear_model import LinearRegression

    gaps = []
    for seed in range(3):
        codes, y, fold = problem(n_rows=8000, n_levels=n_levels, seed=seed)
        fit, new = slice(0, 4000), slice(4000, 8000)
        trained = run(codes[fit], y[fit], fold[fit], max_epochs=8, unseen_rate=0.0)
        own = trained.tables[0].prior + trained.tables[0].deviations[codes[fit, 0], fold[fit]]
        table = trained.tables[0].prior + trained.tables[0].deviations.mean(axis=1)
        model = LinearRegression().fit(own, y[fit])
        size = table.shape[0]
        known = codes[new, 0] < size
        error = (y[new][known] - model.predict(table[codes[new, 0][known]])) ** 2
        gaps.append(trained.history["out_of_fold_loss"][-1] - error.mean() / y[fit].var())
    assert -0.03 < np.mean(gaps) < 0.03


def test_training_divergence_is_an_error():
    with pytest.raises(ValueError, match=r"diverged.*Give a lower learning_rate than 1e\+08"):
        run(*problem(), learning_rate=1e8, max_epochs=40)


def test_training_with_one_fold_takes_all_rows():
    codes, y, _ = problem()
    deviation = run(codes, y, np.zeros(len(y), dtype=np.int64)).tables[0].deviations
    assert deviation.shape[1] == 1
    assert deviation[3:].any()


def test_training_weights_are_relative():
    codes, y, fold = problem()
    once = run(codes, y, fold, np.ones(len(y)))
    twice = run(codes, y, fold, np.full(len(y), 2.0))
    np.testing.assert_allclose(once.tables[0].deviations, twice.tables[0].deviations, atol=1e-6)


def test_training_rows_may_come_in_blocks():
    codes, y, fold = problem(n_rows=4000)
    target, weight = encode_target(y, "auto", np.ones(4000)), np.ones(4000)
    parts = [
        block(codes[some], target.values[some], fold[some], weight[some])
        for some in np.random.default_rng(0).permutation(4000).reshape(4, 1000)
    ]
    whole = run(codes, y, fold, max_epochs=8)
    in_blocks = run_on(parts, codes, target, max_epochs=8)
    loss, in_block = (x.history["out_of_fold_loss"][-1] for x in (whole, in_blocks))
    assert in_block == pytest.approx(loss, rel=0.02)
    tables = [x.tables[0].deviations[3:, :, 0].mean(axis=1) for x in (whole, in_blocks)]
    assert np.corrcoef(*tables)[0, 1] > 0.98


TWO_COLUMNS = [TableShape("one", 6, 2), TableShape("two", 7, 2)]


def filled_tables():
    """Two columns in three folds, every number drawn."""
    generator = torch.Generator().manual_seed(0)
    tables = FoldTables(TWO_COLUMNS, n_folds=3)
    (pack,) = tables.packs
    pack.deviation[1:] = torch.randn(pack.deviation[1:].shape, generator=generator)
    tables.prior += torch.randn(4, generator=generator)
    return tables, generator


def rows_of(tables, generator):
    codes = np.random.default_rng(0).integers(0, 6, (40, 2))
    y = torch.rand(40, 1, generator=generator).round()
    weight = torch.rand(40, generator=generator)
    fold = torch.arange(40) % 3
    context = torch.randn(40, 1, generator=generator)
    return Rows(tables.pack(list(codes.T)), context, y, weight, fold, torch.zeros(40))


def test_step_without_folds_sums_over_all_rows():
    generator = torch.Generator().manual_seed(0)
    tables = FoldTables(TWO_COLUMNS, n_folds=1)
    decoder = Decoder(tables, 1, (), np.zeros(1, "float32"), dropout=0.0, generator=generator)
    AdamW(decoder, 0.0)
    rows = rows_of(tables, generator)._replace(fold=torch.zeros(40, dtype=torch.int64))
    _, _, of_vectors = compute_gradients(tables, decoder, make_loss(LogLoss()), rows, 40)
    of_own_effect = (0.5 - rows.target[:, 0]) * rows.weight  # the slope of the log-loss at 0
    torch.testing.assert_close(of_vectors[:, 0, 0], of_own_effect)


def plain_gradients(tables, decoder, rows):
    """The two steps one after the other, as the head of `skembed._training.loop` tells them."""
    vectors, n_folds = tables.look_up(rows.packed), tables.n_folds
    losses_of = make_loss(LogLoss())
    own = vectors[torch.arange(len(rows.fold)), rows.fold]
    losses = losses_of(decoder(own, rows.context), rows.target) * rows.weight
    of_decoder = torch.autograd.grad(losses.mean(), list(decoder.parameters()))
    vectors.requires_grad_()
    others = torch.arange(n_folds) != rows.fold[:, None]
    by_fold = [losses_of(decoder(vectors[:, k], rows.context), rows.target) for k in range(n_folds)]
    fitted = (torch.stack(by_fold, dim=1) * others * rows.weight[:, None]).sum() / (n_folds - 1)
    (of_vectors,) = torch.autograd.grad(fitted, [vectors])
    return losses, fitted.item(), of_vectors, of_decoder


class PlainDecoder(torch.nn.Module):
    """The forward pass of `Decoder` alone, for autograd to find the way back."""

    def __init__(self, decoder):
        super().__init__()
        self.layers, self.effect = decoder.layers, decoder.effect

    def forward(self, vectors, context):
        x = torch.cat([vectors, context], dim=1)
        for layer in self.layers[:-1]:
            x = layer(x).relu()
        return self.layers[-1](x) + (vectors @ self.effect)[:, None]


@pytest.mark.parametrize("hidden", [(), (8,), (8, 4)])
def test_step_of_one_pass_gives_the_gradients_of_two(hidden):
    tables, generator = filled_tables()
    bias = np.zeros(1, dtype=np.float32)
    decoder = Decoder(tables, 1, hidden, bias, dropout=0.0, generator=generator)
    torch.nn.init.normal_(decoder.layers[-1].weight, generator=generator)
    rows = rows_of(tables, generator)
    losses, fitted, of_vectors, of_decoder = plain_gradients(tables, PlainDecoder(decoder), rows)
    AdamW(decoder, 0.0)
    found = compute_gradients(tables, decoder, make_loss(LogLoss()), rows, 40)
    torch.testing.assert_close(found[0], losses)
    assert found[1] == pytest.approx(fitted, rel=1e-5)
    torch.testing.assert_close(found[2], of_vectors)
    for parameter, gradient in zip(decoder.parameters(), of_decoder, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
