import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._columns.crosses import Cross
from skembed._columns.frames import Columns
from skembed._columns.vocabulary import Vocabulary
from skembed._fit.evidence import Evidence, choose_crosses, requested_crosses


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
        vocabularies[name] = Vocabulary.fit(levels, np.ones(len(X), dtype=bool))
        codes[name] = vocabularies[name].encode(levels)
    return vocabularies, codes


# Codes


def test_cross_has_a_level_per_combination_that_occurs():
    X = pd.DataFrame({"a": ["x", "x", "y", "y"], "b": ["1", "2", "1", "1"]})
    vocabularies, codes = coded(X)
    cross = Cross.fit(("a", "b"), vocabularies, codes, np.ones(4, dtype=bool))
    assert cross.encode(codes).tolist() == [3, 4, 5, 5]
    assert cross.counts.tolist() == [0, 0, 0, 1, 1, 2]


def test_cross_of_parts_merged_equals_cross_of_all_rows():
    X, _ = interacting(n_rows=300)
    vocabularies, codes = coded(X)
    first = np.arange(300) < 40
    parts = [Cross.fit(("a", "b"), vocabularies, codes, used) for used in (first, ~first)]
    whole = Cross.fit(("a", "b"), vocabularies, codes, np.ones(300, dtype=bool))
    merged = parts[0].merged(parts[1])
    np.testing.assert_array_equal(merged.keys, whole.keys)
    np.testing.assert_array_equal(merged.counts, whole.counts)


def test_cross_combination_that_did_not_occur_is_unseen():
    X = pd.DataFrame({"a": ["x", "y"], "b": ["1", "2"]})
    vocabularies, codes = coded(X)
    cross = Cross.fit(("a", "b"), vocabularies, codes, np.ones(2, dtype=bool))
    new = {"a": np.array([3, 0, 4]), "b": np.array([4, 3, 4])}  # x 2, unseen 1, y 2
    assert cross.encode(new).tolist() == [0, 0, 4]


def test_cross_missing_levels_combine_as_others_do():
    X = pd.DataFrame({"a": ["x", None, None], "b": ["1", "1", "1"]})
    vocabularies, codes = coded(X)
    cross = Cross.fit(("a", "b"), vocabularies, codes, np.ones(3, dtype=bool))
    assert len(set(cross.encode(codes))) == 2
    assert cross.encode(codes)[1] == cross.encode(codes)[2] > 2


def test_cross_pickle_keeps_keys_and_counts():
    X, _ = interacting(n_levels=90)
    vocabularies, codes = coded(X)
    cross = Cross.fit(("a", "b"), vocabularies, codes, np.ones(len(X), dtype=bool))
    pickled = pickle.dumps(cross)
    again = pickle.loads(pickled)
    np.testing.assert_array_equal(again.encode(codes), cross.encode(codes))
    np.testing.assert_array_equal(again.counts, cross.counts)
    assert len(pickled) < 3 * len(cross.keys)


def test_cross_of_too_many_combinations_is_an_error():
    vocabularies = {name: Vocabulary(list(range(2**21)), [], np.zeros(1)) for name in "abc"}
    with pytest.raises(ValueError, match=r"cross of \['a', 'b', 'c'\] has more than 2\*\*63"):
        Cross.fit(("a", "b", "c"), vocabularies, {}, None)


# Which ones


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


def test_crosses_auto_takes_none_without_folds(rents):
    assert NeuralEmbeddingEncoder(cv=None, max_epochs=2).fit(*rents).crosses_ == {}


def evidence_for(y, n_folds=4):
    """Residuals of the constant answer, the same by the tables of every fold."""
    y = np.asarray(y)
    residual = np.repeat((y - y.mean())[:, None], n_folds, axis=1)[:, :, None]
    return Evidence(residual, np.ones_like(residual), np.arange(len(y)) % n_folds)


def test_crosses_auto_chooses_the_interacting_pair():
    X, y = interacting()
    chosen = choose_crosses(*coded(X), set(X), evidence_for(y), random_state=0)
    assert chosen[0] == ("a", "b")


def test_crosses_auto_seldom_chooses_noise():
    """Of sixty pairs of noise, and what triples they lead to, three at most."""
    n_chosen = 0
    for seed in range(10):
        X, _ = interacting(seed=seed)
        y = np.random.default_rng(seed + 100).normal(size=len(X))
        n_chosen += len(choose_crosses(*coded(X), set(X), evidence_for(y), random_state=0))
    assert n_chosen <= 3


def test_crosses_auto_ignores_what_single_columns_explain():
    X, _ = interacting()
    effects = np.random.default_rng(0).normal(size=(4, 12))
    y = sum(effects[j][X[name].astype(int)] for j, name in enumerate(X))
    y = y + np.random.default_rng(1).normal(0, 0.5, len(X))
    assert choose_crosses(*coded(X), set(X), evidence_for(y), random_state=0) == []


def test_crosses_auto_bounds_columns_and_rows(monkeypatch):
    import skembed._fit.evidence as module

    X, y = interacting(n_columns=8)
    monkeypatch.setattr(module, "MOST_COLUMNS", 3)
    monkeypatch.setattr(module, "MOST_CROSSES", 1)
    monkeypatch.setattr(module, "MOST_ROWS", 2500)
    y = y + X["a"].astype(int) + X["b"].astype(int)
    chosen = choose_crosses(*coded(X), set(X), evidence_for(y), random_state=0)
    assert chosen[:1] == [("a", "b")]
    assert len(chosen) <= 2


# In the estimators


def test_cross_features_come_last(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=[("kind", "city")], max_epochs=3, random_state=0)
    features = encoder.fit_transform(X, y)
    names = encoder.get_feature_names_out().tolist()
    assert names[-1].startswith("city x kind_")
    assert features.shape == (400, len(names))
    assert len(encoder.tables_["city x kind"]) == 3 + 8


def test_cross_of_three_columns_has_one_component():
    X, y = interacting()
    encoder = NeuralEmbeddingEncoder(crosses=3, max_epochs=2, random_state=0).fit(X, y)
    assert encoder.tables_["a x b x c"].shape[1] == 1


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


@pytest.mark.filterwarnings("ignore:The columns told nothing")
def test_crosses_auto_takes_none_for_noise():
    X, _ = interacting()
    y = np.random.default_rng(0).normal(size=len(X))
    assert not NeuralEmbeddingEncoder(crosses="auto", random_state=0).fit(X, y).crosses_


def test_cross_unseen_combination_gets_the_prior_row(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=2, max_epochs=3, random_state=0).fit(X, y)
    lima = pd.DataFrame({"city": ["Lima"], "rooms": [1], "kind": ["flat"]})
    prior = encoder.tables_["city x kind"][0]
    np.testing.assert_array_equal(encoder.transform(lima)[0, -len(prior) :], prior.astype(float))


def test_leak_absent_from_crosses():
    """The canary of test_leaks.py, with crosses of two columns of ids."""
    from sklearn.model_selection import StratifiedKFold
    from sklearn.model_selection import cross_val_score as score
    from xgboost import XGBClassifier

    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 30, (5000, 2)).astype(str), columns=["a", "b"])
    y = rng.integers(0, 2, 5000)
    encoder = NeuralEmbeddingEncoder(crosses=2, early_stopping=False, max_epochs=10, random_state=0)
    features = encoder.fit_transform(X, y)
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    model = XGBClassifier(n_estimators=100, n_jobs=1)
    assert abs(score(model, features, y, cv=folds, scoring="roc_auc").mean() - 0.5) < 0.03


# With numbers


def by_season():
    """A quantity that rises with the day in one half of the shops and falls in the other."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"shop": rng.integers(0, 10, 4000).astype(str), "day": rng.integers(0, 28, 4000)}
    )
    y = np.where(X["shop"] < "5", 1, -1) * (X["day"] - 14.0) + rng.normal(0, 3, 4000)
    return X, y


def test_crosses_auto_crosses_levels_with_numbers():
    X, y = by_season()
    encoder = NeuralEmbeddingEncoder(hidden_layer_sizes=(), random_state=0)
    features = encoder.fit_transform(X, y)
    assert list(encoder.crosses_) == ["shop x day"]
    assert list(encoder.bins_) == ["day"]
    assert LinearRegression().fit(features, y).score(features, y) > 0.8


def test_crosses_auto_verbose_prints_those_tried(capsys):
    encoder = NeuralEmbeddingEncoder(hidden_layer_sizes=(), random_state=0, verbose=1)
    encoder.fit(*by_season())
    assert "once more, with crosses: shop x day\n" in capsys.readouterr().out


def test_cross_of_numbers_without_context_is_an_error():
    X, y = by_season()
    encoder = NeuralEmbeddingEncoder(use_context=False, crosses=[("shop", "day")])
    with pytest.raises(ValueError, match="different embedded or numeric columns"):
        encoder.fit(X, y)


def test_cross_number_may_be_missing_or_new():
    X, y = by_season()
    X = X.assign(day=X["day"].astype(float))
    X.loc[::5, "day"] = np.nan
    encoder = NeuralEmbeddingEncoder(crosses=[("shop", "day")], max_epochs=5, random_state=0)
    encoder.fit(X, y)
    new = pd.DataFrame({"shop": ["3"] * 3, "day": [27.0, 400.0, np.nan]})
    features = encoder.transform(new)
    last, far, missing = features[:, -1]
    assert last == far != missing
    code = encoder.crosses_["shop x day"].encode(
        {"shop": encoder.vocabularies_["shop"].codes_of(["3"]), "day": np.array([1])}
    )
    assert missing == encoder.tables_["shop x day"][code[0], -1]


def test_crosses_auto_of_numbers_helps_a_predictor():
    X, y = by_season()
    model = NeuralEmbeddingRegressor(hidden_layer_sizes=(), random_state=0)
    assert cross_val_score(model, X, y, cv=3).mean() > 0.8
