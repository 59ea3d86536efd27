import re

import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._columns.crosses import Cross, with_free_names
from skembed._columns.frames import Columns
from skembed._columns.vocabulary import Vocabulary


def drawn(n_rows=3000, n_levels=12):
    """Three columns of levels, drawn at random."""
    codes = np.random.default_rng(0).integers(0, n_levels, (n_rows, 3))
    return pd.DataFrame(codes.astype(str), columns=["a", "b", "c"])


def coded(X):
    vocabularies, codes = {}, {}
    for j, name in enumerate(X):
        levels = Columns(X).levels(j)
        vocabularies[name] = Vocabulary.fit(levels.count(np.ones(len(X), dtype=bool)))
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
    vocabularies, codes = coded(drawn(n_rows=300))
    first = np.arange(300) < 40
    parts = [Cross.fit(("a", "b"), vocabularies, codes, used) for used in (first, ~first)]
    whole = Cross.fit(("a", "b"), vocabularies, codes, np.ones(300, dtype=bool))
    merged = parts[0].merged(parts[1])
    np.testing.assert_array_equal(merged.keys, whole.keys)
    np.testing.assert_array_equal(merged.counts, whole.counts)


def test_cross_shows_its_columns_and_size():
    vocabularies, codes = coded(drawn(n_rows=300, n_levels=3))
    cross = Cross.fit(("a", "b"), vocabularies, codes, np.ones(300, dtype=bool))
    assert repr(cross) == "<Cross of 'a' x 'b': 9 combinations>"


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


def test_cross_of_too_many_combinations_is_an_error():
    vocabularies = {name: Vocabulary(list(range(2**21)), [], np.zeros(1)) for name in "abc"}
    with pytest.raises(ValueError, match=r"cross of \['a', 'b', 'c'\] has more than 2\*\*63"):
        Cross.fit(("a", "b", "c"), vocabularies, {}, None)


# Names


@pytest.mark.parametrize("estimator", [NeuralEmbeddingEncoder, NeuralEmbeddingRegressor])
@pytest.mark.parametrize("crosses", [2, [("kind", "city")]])
def test_cross_with_the_name_of_a_column_is_an_error_before_training(
    rents, estimator, crosses, monkeypatch
):
    X, y = rents
    X = X.assign(**{"city x kind": X["kind"]})
    monkeypatch.setattr("skembed._training.loop.train", None)
    message = "The cross of ('city', 'kind') has the name 'city x kind', which is also that of a co"
    with pytest.raises(ValueError, match=re.escape(message)):
        estimator(crosses=crosses, max_epochs=2).fit(X, y)


def test_cross_with_the_name_of_a_column_of_a_file_is_an_error_before_training(
    rents, tmp_path, monkeypatch
):
    X, y = rents
    X.assign(**{"city x kind": X["kind"], "rent": y}).to_parquet(tmp_path / "rents.parquet")
    monkeypatch.setattr("skembed._training.loop.train", None)
    with pytest.raises(ValueError, match="has the name 'city x kind', which is also that of a col"):
        NeuralEmbeddingEncoder(crosses=2).fit_parquet(tmp_path / "rents.parquet", "rent")


def test_cross_with_the_name_of_another_is_an_error_before_training(monkeypatch):
    X = drawn(300).rename(columns={"a": "a x b", "b": "b x c"}).assign(a=drawn(300)["a"])
    crosses = [("a x b", "c"), ("b x c", "a")]
    monkeypatch.setattr("skembed._training.loop.train", None)
    message = "has the name 'a x b x c', which is also that of the cross of ('a x b', 'c')"
    X = X[["a x b", "c", "a", "b x c"]]
    with pytest.raises(ValueError, match=re.escape(message)):
        NeuralEmbeddingEncoder(crosses=crosses).fit(X, np.arange(300.0))


@pytest.mark.parametrize("name", ["a x b", "a x b_1"])
def test_cross_that_is_chosen_has_a_name_of_its_own(name):
    X = drawn()[["a", "b"]]
    y = (X["a"].astype(int) * X["b"].astype(int) % 7).astype(float)
    chosen = NeuralEmbeddingEncoder(max_epochs=6, random_state=0).fit(X, y)
    assert list(chosen.crosses_) == ["a x b"]
    X[name] = np.random.default_rng(1).normal(size=len(X))
    encoder = NeuralEmbeddingEncoder(max_epochs=6, random_state=0).fit(X, y)
    names = encoder.get_feature_names_out().tolist()
    assert names.count(name) == 1
    assert "a x b" not in encoder.crosses_


def test_cross_names_that_are_free_are_each_taken_once():
    pairs = [("a", "b"), ("a x b", "c"), ("a", "b", "c"), ("b", "c")]
    assert with_free_names(pairs, ["a", "b", "c", "b x c_0"]) == [("a", "b"), ("a x b", "c")]


def test_column_that_passes_with_the_name_of_a_component_is_an_error_before_training(
    rents, monkeypatch
):
    X, y = rents
    monkeypatch.setattr("skembed._training.loop.train", None)
    monkeypatch.setattr("skembed._training.masked_loop.train_masked", None)
    for kind in ("auto", "none"):
        encoder = NeuralEmbeddingEncoder(crosses=None, target_type=kind)
        with pytest.raises(ValueError, match="named 'city_0': the column of X that passes through"):
            encoder.fit(X.assign(city_0=1.5), y)


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
    X = drawn()
    encoder = NeuralEmbeddingEncoder(crosses=3, max_epochs=2, random_state=0)
    encoder.fit(X, X["a"].astype(float))
    assert encoder.tables_["a x b x c"].shape[1] == 1


def test_cross_unseen_combination_gets_the_prior_row(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=2, max_epochs=3, random_state=0).fit(X, y)
    lima = pd.DataFrame({"city": ["Lima"], "rooms": [1], "kind": ["flat"]})
    prior = encoder.tables_["city x kind"][0]
    np.testing.assert_array_equal(encoder.transform(lima)[0, -len(prior) :], prior.astype(float))


def test_cross_number_may_be_missing_or_new(rents):
    X, y = rents
    X["rooms"] = X["rooms"].where(X.index % 5 > 0)
    encoder = NeuralEmbeddingEncoder(crosses=[("city", "rooms")], max_epochs=5, random_state=0)
    encoder.fit(X, y)
    new = pd.DataFrame({"city": "Oslo", "rooms": [5.0, 400.0, np.nan], "kind": "flat"})
    last, far, missing = encoder.transform(new)[:, -1]
    assert last == far != missing
    code = encoder.crosses_["city x rooms"].encode(
        {"city": encoder.vocabularies_["city"].codes_of(["Oslo"]), "rooms": np.array([1])}
    )
    assert missing == encoder.tables_["city x rooms"][code[0], -1]


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
