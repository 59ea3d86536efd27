"""Which crosses a fit takes: those that are asked for, or those that evidence speaks for."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

import skembed._fit.evidence
import skembed._fit.train
from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._columns.frames import Columns
from skembed._columns.vocabulary import Vocabulary
from skembed._fit.evidence import choose_crosses, requested_crosses
from skembed._fit.unexplained import Unexplained
from skembed._training.monitor import Monitor

# Those that are asked for


def test_crosses_int_is_the_highest_degree():
    assert requested_crosses(2, ["a", "b", "c"], []) == [("a", "b"), ("a", "c"), ("b", "c")]
    assert len(requested_crosses(3, ["a", "b", "c"], [])) == 4


def test_crosses_list_is_taken_once_each_in_column_order():
    assert requested_crosses([("b", "a"), ("a", "b")], ["a"], ["a", "b"]) == [("a", "b")]


@pytest.mark.parametrize(
    ("crosses", "message"),
    [
        (["city"], "'city': each cross must be a tuple"),
        ([("city",)], "each cross must be a tuple of two or more"),
        ([("city", "area")], "different embedded or numeric columns"),
        ([("city", "city")], "different embedded or numeric columns"),
        (1, "'crosses'"),
        ("all", "'crosses'"),
    ],
)
def test_crosses_that_cannot_be_made_are_an_error(rents, crosses, message):
    with pytest.raises(ValueError, match=message):
        NeuralEmbeddingEncoder(crosses=crosses).fit(*rents)


def test_crosses_of_numbers_without_context_are_an_error(rents):
    encoder = NeuralEmbeddingEncoder(use_context=False, crosses=[("city", "rooms")])
    with pytest.raises(ValueError, match="different embedded or numeric columns"):
        encoder.fit(*rents)


# Those that evidence speaks for


def interacting(n_rows=3000, n_levels=12, n_columns=4, seed=0):
    """The target is a table of the first two columns; the others have no part in it."""
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, n_levels, (n_rows, n_columns))
    X = pd.DataFrame(codes.astype(str), columns=list("abcdefgh")[:n_columns])
    table = rng.normal(size=(n_levels, n_levels))
    return X, table[codes[:, 0], codes[:, 1]] + rng.normal(0, 0.5, n_rows)


def coded(X):
    vocabularies, codes = {}, {}
    for j, name in enumerate(X):
        levels = Columns(X).levels(j)
        vocabularies[name] = Vocabulary.fit(levels.count(np.ones(len(X), dtype=bool)))
        codes[name] = vocabularies[name].encode(levels)
    return vocabularies, codes


def evidence_for(y, n_folds=4):
    """Residuals of the constant answer, the same by the tables of every fold."""
    y = np.asarray(y)
    residual = np.repeat((y - y.mean())[:, None], n_folds, axis=1)[:, :, None]
    return Unexplained(residual, np.ones_like(residual), np.arange(len(y)) % n_folds)


def choose(X, unexplained, n_epochs=10):
    vocabularies, codes = coded(X)
    n_trained = n_epochs * len(X)
    return choose_crosses(vocabularies, codes, set(X), unexplained, 0, n_trained, Monitor())


def test_crosses_auto_chooses_the_interacting_pair():
    X, y = interacting()
    chosen = choose(X, evidence_for(y))
    assert chosen[0] == ("a", "b")


def test_crosses_auto_seldom_chooses_noise():
    """Of sixty pairs of noise, and what triples they lead to, three at most."""
    n_chosen = 0
    for seed in range(10):
        X, _ = interacting(seed=seed)
        y = np.random.default_rng(seed + 100).normal(size=len(X))
        n_chosen += len(choose(X, evidence_for(y)))
    assert n_chosen <= 3


def test_crosses_auto_ignores_what_single_columns_explain():
    X, _ = interacting()
    effects = np.random.default_rng(0).normal(size=(4, 12))
    y = sum(effects[j][X[name].astype(int)] for j, name in enumerate(X))
    y = y + np.random.default_rng(1).normal(0, 0.5, len(X))
    assert choose(X, evidence_for(y)) == []


def test_crosses_auto_bounds_columns_and_crosses(monkeypatch):
    X, y = interacting(n_columns=8)
    monkeypatch.setattr(skembed._fit.evidence, "MOST_COLUMNS", 3)
    monkeypatch.setattr(skembed._fit.evidence, "MOST_CROSSES", 1)
    y = y + X["a"].astype(int) + X["b"].astype(int)
    chosen = choose(X, evidence_for(y))
    assert chosen[:1] == [("a", "b")]
    assert len(chosen) <= 2


def test_crosses_auto_takes_no_cross_that_repeats_a_column():
    """A state a city: the cross of both has the levels of the cities."""
    rng = np.random.default_rng(0)
    city, kind = rng.integers(0, 60, 4000), rng.integers(0, 4, 4000)
    X = pd.DataFrame({"city": city, "state": city // 10, "kind": kind}).astype(str)
    y = rng.normal(size=(60, 4))[city, kind] + 3 * rng.normal(size=60)[city]
    chosen = choose(X, evidence_for(y))
    assert chosen[0] == ("city", "kind")
    assert not [cross for cross in chosen if {"city", "state"} <= set(cross)]


def test_crosses_auto_chooses_the_interacting_pair_of_many_classes():
    X, _ = interacting(6000)
    scores = np.random.default_rng(1).normal(size=(12, 12, 9))[
        X["a"].astype(int), X["b"].astype(int)
    ]
    y = (scores + np.random.default_rng(2).gumbel(size=scores.shape)).argmax(axis=1)
    share = np.bincount(y) / len(y)
    residual = np.repeat((np.eye(9)[y] - share)[:, None], 4, axis=1)
    curvature = np.broadcast_to(share * (1 - share), residual.shape)
    fold = np.arange(len(y)) % 4
    assert choose(X, Unexplained(residual, curvature, fold)) == [("a", "b")]


def test_crosses_auto_tests_no_more_rows_than_training_pays_for(monkeypatch):
    """Of half the epochs, half the rows; none of many outputs but sums of them."""
    tested = []
    test = Unexplained.test

    def count(self, level, n_levels):
        tested.append(self.residual[:, 0].size)
        return test(self, level, n_levels)

    monkeypatch.setattr(Unexplained, "test", count)
    X, y = interacting(20_000, n_columns=8)
    for n_outputs in (1, 30):
        for n_epochs in (0.5, 1, 2):
            tested.clear()
            residual = np.random.default_rng(0).normal(size=(len(y), 4, n_outputs))
            left = Unexplained(residual, np.ones_like(residual), np.arange(len(y)) % 4)
            choose(X, left, n_epochs)
            assert sum(tested) <= 100 * n_epochs * len(y)


# In a fit


def by_season():
    """A quantity that rises with the day in one half of the shops and falls in the other."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"shop": rng.integers(0, 10, 4000).astype(str), "day": rng.integers(0, 28, 4000)}
    )
    y = np.where(X["shop"] < "5", 1, -1) * (X["day"] - 14.0) + rng.normal(0, 3, 4000)
    return X, y


def test_crosses_auto_takes_none_without_folds(rents):
    assert NeuralEmbeddingEncoder(cv=None, max_epochs=2).fit(*rents).crosses_ == {}


@pytest.mark.filterwarnings("ignore:The net found nothing")
def test_crosses_auto_takes_none_for_noise():
    X, _ = interacting()
    y = np.random.default_rng(0).normal(size=len(X))
    assert not NeuralEmbeddingEncoder(crosses="auto", random_state=0).fit(X, y).crosses_


def test_crosses_auto_helps_a_linear_model():
    X, y = interacting()

    def score(crosses):
        encoder = NeuralEmbeddingEncoder(crosses=crosses, random_state=0)
        return cross_val_score(make_pipeline(encoder, LinearRegression()), X, y, cv=3).mean()

    assert score("auto") > score(None) + 0.3


def test_crosses_auto_in_a_fit_is_used_by_the_net():
    X, y = interacting()
    model = NeuralEmbeddingRegressor(crosses="auto", random_state=0)
    assert cross_val_score(model, X, y, cv=3).mean() > 0.6
    assert "a x b" in model.fit(X, y).crosses_


def test_crosses_auto_verbose_prints_those_tried(capsys):
    encoder = NeuralEmbeddingEncoder(hidden_layer_sizes=(), random_state=0, verbose=1)
    encoder.fit(*by_season())
    printed = capsys.readouterr().out
    assert "testing 1 pairs\n" in printed
    assert "once more, with crosses: shop x day\n" in printed


def test_crosses_auto_crosses_levels_with_numbers():
    X, y = by_season()
    encoder = NeuralEmbeddingEncoder(hidden_layer_sizes=(), random_state=0)
    features = encoder.fit_transform(X, y)
    assert list(encoder.crosses_) == ["shop x day"]
    assert list(encoder.bins_) == ["day"]
    assert LinearRegression().fit(features, y).score(features, y) > 0.8


def test_crosses_auto_of_numbers_helps_a_predictor():
    X, y = by_season()
    model = NeuralEmbeddingRegressor(hidden_layer_sizes=(), random_state=0)
    assert cross_val_score(model, X, y, cv=3).mean() > 0.8


@pytest.mark.filterwarnings("ignore:The net found nothing")
@pytest.mark.parametrize(
    ("errors", "n_trainings"), [([-4, -4], 2), ([4, 4], 2), ([-2, -2], 4), ([0, 0], 4)]
)
def test_crosses_auto_decides_close_calls_by_two_draws(monkeypatch, errors, n_trainings):
    told, draws = iter(errors), []
    train = skembed._fit.train._train

    def note(*args, draw=0, **kwargs):
        draws.append(draw)
        return train(*args, draw=draw, **kwargs)

    monkeypatch.setattr(skembed._fit.train, "_train", note)
    monkeypatch.setattr(skembed._fit.train, "count_errors", lambda differences: next(told))
    encoder = NeuralEmbeddingEncoder(hidden_layer_sizes=(), max_epochs=2, random_state=0)
    encoder.fit(*by_season())
    assert len(draws) == n_trainings
    assert bool(encoder.crosses_) == (errors[-1] < -1)
