import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._columns.bags import members_of_lists, members_of_sparse, weighted_codes
from skembed._columns.frames import Columns

QUICK = {"max_epochs": 3, "random_state": 0}


@pytest.fixture(scope="module")
def dishes():
    """Ingredients of dishes, and whether they are sweet: more sweet ones than others."""
    rng = np.random.default_rng(0)
    sweet, savoury = ["sugar", "honey", "jam", "plums"], ["salt", "leek", "onion", "stock"]
    names = np.array(sweet + savoury + ["flour", "butter", "milk", "eggs"])
    counts = rng.integers(0, 6, 1500)
    cells = [rng.choice(names, n).tolist() for n in counts]
    score = [sum((x in sweet) - (x in savoury) for x in cell) for cell in cells]
    X = pd.DataFrame({"ingredients": cells, "oven": rng.choice(["yes", "no"], 1500)})
    return X, np.array(score) > 0


def objects(cells):
    return np.fromiter(cells, dtype=object, count=len(cells))


def test_bag_members_come_row_after_row():
    members = members_of_lists(objects([["a", "b"], [], None, ["b", None]]), "x")
    assert members.values.tolist() == ["a", "b", "b"]
    assert members.lengths.tolist() == [2, 0, 0, 1]


def test_bag_mean_and_sum_are_of_known_members():
    members = members_of_sparse(sparse.csr_matrix([[2.0, 1.0, 3.0], [0.0, 0.0, 5.0]]))
    codes = np.array([3, 4, 0, 0])  # the last was never seen
    table = np.array([[9.0], [9.0], [9.0], [1.0], [4.0]])
    np.testing.assert_array_equal(weighted_codes(members, codes, 5, "sum") @ table, [[6], [0]])
    np.testing.assert_allclose(weighted_codes(members, codes, 5, "mean") @ table, [[2], [0]])


def test_bag_sum_is_a_linear_layer_without_bias(dishes):
    """Counts times the table, as a linear layer's weights."""
    X, y = dishes
    counts = CountVectorizer(analyzer=list).fit_transform(X["ingredients"])
    encoder = NeuralEmbeddingEncoder(bag_mode="sum", **QUICK).fit(counts, y)
    table = encoder.tables_["bag"][3:]  # a row for each column of counts
    np.testing.assert_allclose(
        encoder.transform(counts.copy()), counts @ table, rtol=1e-5, atol=1e-6
    )


CONTAINERS = {
    "pandas": lambda frame: frame,
    "pandas sets": lambda frame: frame.assign(ingredients=frame["ingredients"].map(list)),
    "pandas arrays": lambda frame: frame.assign(
        ingredients=[np.array(cell, dtype=object) for cell in frame["ingredients"]]
    ),
    "pandas arrow": lambda frame: frame.astype(
        {"ingredients": pd.ArrowDtype(pa.list_(pa.string()))}
    ),
    "polars": pl.from_pandas,
    "pyarrow": pa.Table.from_pandas,
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_bag_features_are_the_same_from_any_frame(dishes, kind):
    X, y = dishes
    expected = NeuralEmbeddingEncoder(**QUICK).fit_transform(X, y)
    features = NeuralEmbeddingEncoder(**QUICK).fit_transform(CONTAINERS[kind](X), y)
    np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize("gap", [np.nan, np.float32("nan"), None, pd.NA, pd.NaT], ids=str)
def test_bag_column_may_begin_with_a_gap(gap):
    cells = objects([gap, ["a", "b"], gap, ["b"]])
    for X in (pd.DataFrame({"x": cells}), cells[:, None]):
        columns = Columns(X)
        assert columns.is_bag(0)
        levels, members = columns.members(0)
        assert levels.values == ["a", "b"]
        assert members.lengths.tolist() == [0, 2, 0, 1]


def test_bag_of_lists_equals_bag_of_counts(dishes):
    X, y = dishes
    counts = CountVectorizer(analyzer=list).fit_transform(X["ingredients"])
    settings = {**QUICK, "crosses": None}
    of_counts = NeuralEmbeddingEncoder(**settings).fit_transform(counts, y)
    of_lists = NeuralEmbeddingEncoder(**settings).fit_transform(X[["ingredients"]], y)
    np.testing.assert_array_equal(of_counts, of_lists)


def test_bag_output_names(dishes):
    X, y = dishes
    encoder = NeuralEmbeddingEncoder(embedding_dim=2, **QUICK).fit(X, y)
    assert encoder.get_feature_names_out()[:2].tolist() == ["ingredients_0", "ingredients_1"]
    vectorizer = CountVectorizer(analyzer=list)
    pipeline = make_pipeline(vectorizer, NeuralEmbeddingEncoder(embedding_dim=2, **QUICK))
    pipeline.fit(X["ingredients"], y)
    assert pipeline.get_feature_names_out().tolist() == ["bag_0", "bag_1"]


def test_bag_of_word_counts_predicts_by_a_forest(dishes):
    """The counts are never made dense."""
    X, y = dishes
    text = X["ingredients"].map(" ".join)
    model = make_pipeline(
        CountVectorizer(),
        NeuralEmbeddingEncoder(random_state=0),
        RandomForestClassifier(50, min_samples_leaf=5, random_state=0),
    )
    assert cross_val_score(model, text, y, cv=3, scoring="roc_auc").mean() > 0.97


def test_bag_beside_a_column_predicts(dishes):
    X, y = dishes
    model = make_pipeline(NeuralEmbeddingEncoder(random_state=0), LogisticRegression())
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean() > 0.97


@pytest.mark.parametrize("interaction", ["mlp", "dot"])
def test_bag_in_the_net_predicts(dishes, interaction):
    X, y = dishes
    model = NeuralEmbeddingClassifier(interaction=interaction, random_state=0)
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean() > 0.97


def test_leak_absent_from_bags():
    """Members with two rows each, and a target of noise: the vectors tell nothing."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"ids": [[i] for i in rng.permutation(np.arange(2000) % 1000).astype(str)]})
    y = rng.integers(0, 2, 2000)
    encoder = NeuralEmbeddingEncoder(early_stopping=False, max_epochs=10, random_state=0)
    model = make_pipeline(encoder, RandomForestClassifier(50, random_state=0))
    assert cross_val_score(model, X, y, cv=3, scoring="roc_auc").mean() == pytest.approx(
        0.5, abs=0.04
    )


def test_bag_unknown_members_and_empty_bags(dishes):
    X, y = dishes
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X[["ingredients"]], y)
    cells = [["sugar"], ["sugar", "rocket fuel"], ["rocket fuel"], [], None]
    features = encoder.transform(pd.DataFrame({"ingredients": cells}))
    np.testing.assert_array_equal(features[0], features[1])
    assert features[0].any()
    assert not features[2:].any()


def test_bag_unknown_members_may_be_an_error(dishes):
    X, y = dishes
    encoder = NeuralEmbeddingEncoder(handle_unknown="error", **QUICK).fit(X[["ingredients"]], y)
    with pytest.raises(ValueError, match="'ingredients' holds 1 levels that fit did not see"):
        encoder.transform(pd.DataFrame({"ingredients": [["rocket fuel"]]}))


def test_bag_vectors_of_members_can_be_read(dishes):
    X, y = dishes
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    nearest = encoder.nearest("ingredients", "sugar", k=3)["level"]
    assert set(nearest) == {"honey", "jam", "plums"}
    assert "ingredients" not in encoder.inverse_transform(encoder.transform(X.head()))


def test_bag_of_pretrained_members(dishes):
    """Word vectors: frozen, the bag is their mean; a member that fit never saw has one too."""
    X, y = dishes
    members = ["sugar", "honey", "jam", "salt", "leek", "rocket fuel"]
    vectors = dict(zip(members, np.random.default_rng(0).normal(size=(6, 3)), strict=True))
    encoder = NeuralEmbeddingEncoder(
        pretrained={"ingredients": vectors}, freeze_pretrained=True, **QUICK
    ).fit(X[["ingredients"]], y)
    features = encoder.transform(
        pd.DataFrame({"ingredients": [["sugar", "rocket fuel"], ["leek"], []]})
    )
    mean = (vectors["sugar"] + vectors["rocket fuel"]) / 2
    np.testing.assert_allclose(features, [mean, vectors["leek"], [0, 0, 0]], rtol=1e-5)


def test_bag_cannot_be_crossed(dishes):
    X, y = dishes
    with pytest.raises(ValueError, match="a cross is made of"):
        NeuralEmbeddingEncoder(crosses=[("ingredients", "oven")]).fit(X, y)


def test_bag_fitted_on_sparse_counts_takes_dense_ones(dishes):
    X, y = dishes
    counts = CountVectorizer(analyzer=list).fit_transform(X["ingredients"])
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(counts, y)
    np.testing.assert_array_equal(
        encoder.transform(counts[:9].toarray()), encoder.transform(counts[:9])
    )


def test_bag_of_a_large_sparse_matrix_stays_sparse():
    """Dense it would take 8 GB."""
    rng = np.random.default_rng(0)
    at = rng.integers(0, 10_000, 40_000), rng.integers(0, 200_000, 40_000)
    X = sparse.csr_array((np.ones(40_000), at), shape=(10_000, 200_000))
    model = NeuralEmbeddingRegressor(max_epochs=1, random_state=0, early_stopping=False)
    assert model.fit(X, rng.normal(size=10_000)).predict(X).shape == (10_000,)


@pytest.mark.parametrize(
    ("cells", "error"),
    [
        ([["a"], "b"], "'x' holds lists, but 'b' in row 1"),
        ([["a"], ["b", ["c"]]], r"'x' holds \['c'\] inside the list of row 1"),
        ([["a"], [{"b": 1}]], "inside the list of row 1"),
    ],
)
def test_bag_cells_that_are_no_lists_are_an_error(cells, error):
    with pytest.raises(TypeError, match=error):
        NeuralEmbeddingEncoder(**QUICK).fit(pd.DataFrame({"x": cells * 20}), [0, 1] * 20)


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_bag_weights_without_meaning_are_an_error(weight):
    X = sparse.csr_matrix([[1.0, 0.0], [0.0, weight]])
    with pytest.raises(ValueError, match=r"row 1, column 1\), but its numbers are the weights"):
        NeuralEmbeddingEncoder(**QUICK).fit(X, [0, 1])


@pytest.mark.filterwarnings("ignore:The columns told nothing")
def test_bag_column_of_empty_bags_warns():
    X = pd.DataFrame({"tags": [[]] * 40, "city": ["Bern", "Oslo"] * 20})
    with pytest.warns(UserWarning, match="Column 'tags' holds no value in all rows"):
        NeuralEmbeddingEncoder(**QUICK).fit(X, [0, 0, 1, 1] * 10)


@pytest.mark.filterwarnings("ignore:The columns told nothing")
@pytest.mark.parametrize(
    ("cells", "mode"), [([["new"], []], "mean"), ([["new"], ["new", "new"]], "sum")]
)
def test_bag_column_of_one_level_may_differ(cells, mode, recwarn):
    X = pd.DataFrame({"tags": cells * 20, "city": ["Bern", "Oslo"] * 20})
    NeuralEmbeddingEncoder(bag_mode=mode, **QUICK).fit(X, [0, 0, 1, 1] * 10)
    assert not [warning for warning in recwarn if "in all rows" in str(warning.message)]
