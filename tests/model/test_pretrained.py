import pickle

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skembed import (
    NeuralEmbeddingClassifier,
    NeuralEmbeddingEncoder,
    NeuralEmbeddingRegressor,
)
from skembed._model.pretrained import read_pretrained

QUICK = {"crosses": None, "max_epochs": 3, "random_state": 0}
CITIES = {"Bern": [1.0, 0.1], "Oslo": [0.7, 0.2], "Rome": [0.2, 0.3], "Lima": [0.4, 0.5]}


@pytest.fixture(scope="module")
def words():
    """Three rows per word; the answer is told by the words' vectors, of which 40 have no row."""
    rng = np.random.default_rng(0)
    vectors = rng.normal(5.0, 0.05, (340, 3)).astype(np.float32)
    of_row = np.arange(900) % 300
    z = (vectors[of_row] - 5.0) / 0.05
    y = z[:, 0] + np.sin(2 * z[:, 1]) + rng.normal(0, 0.5, 900)
    X = pd.DataFrame({"word": [f"w{i}" for i in of_row]})
    return X, y, {f"w{i}": vector for i, vector in enumerate(vectors)}


# What comes out


def test_pretrained_frozen_vectors_come_out_as_given(words):
    X, y, vectors = words
    encoder = NeuralEmbeddingEncoder(
        pretrained={"word": vectors}, freeze_pretrained=True, crosses=None, random_state=0
    )
    given = np.array([vectors[word] for word in X["word"]])
    np.testing.assert_array_equal(encoder.fit_transform(X, y), given)
    np.testing.assert_array_equal(encoder.transform(X), given)
    assert encoder.best_epoch_ > 0


def test_pretrained_start_is_better_than_a_start_at_zero(words):
    X, y, vectors = words
    losses = {}
    for name, more in {
        "zero": {},
        "tuned": {"pretrained": {"word": vectors}},
        "frozen": {"pretrained": {"word": vectors}, "freeze_pretrained": True},
    }.items():
        encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0, **more).fit(X, y)
        losses[name] = encoder.history_["out_of_fold_loss"].min()
    assert losses["tuned"] < 0.9 * losses["zero"]
    assert losses["frozen"] < 0.9 * losses["zero"]


def test_pretrained_tuned_vectors_move_and_keep_their_axes(words):
    X, y, vectors = words
    encoder = NeuralEmbeddingEncoder(pretrained={"word": vectors}, crosses=None, random_state=0)
    features = encoder.fit_transform(X, y)
    given = np.array([vectors[word] for word in X["word"]])
    assert features.shape == given.shape
    assert (features != given).any(axis=1).all()
    for component in range(3):
        assert np.corrcoef(features[:, component], given[:, component])[0, 1] > 0.7


def test_pretrained_level_that_fit_did_not_see_has_its_vector(words):
    X, y, vectors = words
    encoder = NeuralEmbeddingEncoder(
        pretrained={"word": vectors}, freeze_pretrained=True, handle_unknown="error", **QUICK
    ).fit(X, y)
    new = pd.DataFrame({"word": ["w339"]})
    np.testing.assert_array_equal(encoder.transform(new)[0], vectors["w339"])
    vocabulary = encoder.vocabularies_["word"]
    assert vocabulary.counts[vocabulary.codes_of(["w339"])].tolist() == [0]


def test_pretrained_absent_levels_start_at_the_mean_and_learn(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(
        pretrained={"city": CITIES}, freeze_pretrained=True, **QUICK
    ).fit(X, y)
    table, vocabulary = encoder.tables_["city"], encoder.vocabularies_["city"]
    mean = np.mean(list(CITIES.values()), axis=0)
    np.testing.assert_allclose(table[0], mean, rtol=1e-6)
    np.testing.assert_array_equal(table[1], table[0])
    kyiv = table[vocabulary.codes_of(["Kyiv"])[0]]
    assert (kyiv != table[0]).all()
    np.testing.assert_allclose(kyiv, mean, atol=0.5)
    np.testing.assert_array_equal(
        table[vocabulary.codes_of(list(CITIES))], np.array(list(CITIES.values()), dtype=np.float32)
    )


def test_pretrained_levels_are_not_pooled(rents):
    X, y = rents
    X.loc[[0, 1], "city"] = ["Riga", "Lima"]
    encoder = NeuralEmbeddingEncoder(pretrained={"city": CITIES}, min_frequency=10, **QUICK)
    vocabulary = encoder.fit(X, y).vocabularies_["city"]
    assert vocabulary.levels == ["Bern", "Kyiv", "Lima", "Oslo", "Rome"]
    assert vocabulary.infrequent == ["Riga"]


def test_pretrained_scale_does_not_matter(words):
    X, y, vectors = words
    scores = []
    for factor in (1.0, 1000.0):
        scaled = {word: factor * vector for word, vector in vectors.items()}
        model = NeuralEmbeddingRegressor(pretrained={"word": scaled}, **QUICK).fit(X, y)
        scores.append(model.predict(X))
    np.testing.assert_allclose(*scores, atol=1e-2)


def test_pretrained_id_column_is_embedded(words):
    _, y, vectors = words
    X = pd.DataFrame({"word": [f"w{i}" for i in range(340)]})
    y = np.array([vectors[word][0] for word in X["word"]], dtype=float)
    features = NeuralEmbeddingEncoder(pretrained={"word": vectors}, **QUICK).fit_transform(X, y)
    assert features.shape == (340, 3)


def test_pretrained_frame_equals_dict(rents):
    X, y = rents
    frame = pd.DataFrame.from_dict(CITIES, orient="index")
    features = [
        NeuralEmbeddingEncoder(pretrained={"city": given}, **QUICK).fit_transform(X, y)
        for given in (CITIES, frame)
    ]
    np.testing.assert_array_equal(*features)


def test_pretrained_column_may_be_crossed(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(
        pretrained={"city": CITIES}, crosses=2, max_epochs=3, random_state=0
    )
    encoder.fit(X, y)
    assert encoder.tables_["city"].shape[1] == 2
    assert list(encoder.tables_) == ["city", "kind", "city x kind"]


def test_pretrained_with_several_outputs(rents):
    X, _ = rents
    encoder = NeuralEmbeddingEncoder(pretrained={"city": CITIES}, **QUICK)
    assert encoder.fit_transform(X[["city", "rooms"]], X["kind"] + X["city"]).shape == (400, 3)


# As predictors


def test_pretrained_predictor_reads_vectors_in_their_units(words):
    X, y, vectors = words
    model = NeuralEmbeddingRegressor(
        pretrained={"word": vectors}, freeze_pretrained=True, crosses=None, random_state=0
    ).fit(X, y)
    assert model.score(X, y) > 0.6
    codes = model.vocabularies_["word"].codes_of(list(vectors))
    np.testing.assert_array_equal(model.tables_["word"][codes], np.array(list(vectors.values())))


def test_pretrained_vectors_have_no_biases(rents):
    X, y = rents
    model = NeuralEmbeddingRegressor(pretrained={"city": CITIES}, **QUICK).fit(X, y)
    assert model.biases("kind").index.tolist() == ["flat", "house"]
    with pytest.raises(ValueError, match="vectors of 'city' are pretrained: they hold no biases"):
        model.biases("city")


def test_pretrained_in_a_classifier(words):
    X, y, vectors = words
    model = NeuralEmbeddingClassifier(pretrained={"word": vectors}, **QUICK).fit(X, y > 0)
    assert model.predict_proba(X).shape == (900, 2)


# With scikit-learn


def test_pretrained_same_bits_again_and_through_pickle(words):
    X, y, vectors = words
    encoder = NeuralEmbeddingEncoder(pretrained={"word": vectors}, **QUICK)
    features = encoder.fit_transform(X, y)
    np.testing.assert_array_equal(encoder.fit_transform(X, y), features)
    again = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(again.transform(X), encoder.transform(X))
    np.testing.assert_array_equal(again.fit_transform(X, y), features)


def test_pretrained_grid_search_over_freezing(words):
    X, y, vectors = words
    model = make_pipeline(NeuralEmbeddingEncoder(pretrained={"word": vectors}, **QUICK), Ridge())
    grid = {"neuralembeddingencoder__freeze_pretrained": [False, True]}
    search = GridSearchCV(model, grid, cv=2).fit(X, y)
    assert search.best_estimator_[0].tables_["word"].shape == (3 + 340, 3)


# What is refused


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "pretrained is empty"),
        ({"town": CITIES}, r"names 'town', which is not an embedded column. Embedded are \['city'"),
        ({"rooms": {1: [1.0]}}, "names 'rooms', which is not an embedded column"),
        ({"city": {}}, "no vector for column 'city'"),
        ({"city": [1.0]}, "a list for column 'city': give {level: vector}"),
        ({"city": {"Oslo": [1, 2], "Rome": [1]}}, "'city'.*'Oslo' has 2 .* 'Rome' has 1"),
        ({"city": {"Oslo": ["1"]}}, "level 'Oslo' of column 'city' must be one or more numbers"),
        ({"city": {"Oslo": 1.0}}, "level 'Oslo' of column 'city' must be one or more numbers"),
        ({"city": {"Oslo": []}}, "level 'Oslo' of column 'city' must be one or more numbers"),
        ({"city": {"Rome": [1.0], "Oslo": [np.nan]}}, "level 'Oslo' of column 'city' holds NaN"),
        ({"city": {"Oslo": [1e300]}}, "level 'Oslo' of column 'city' holds .* beyond float32"),
        ({"city": {"Oslo": [1.0], None: [2.0]}}, "a vector for None in column 'city'"),
        ({"city": pd.DataFrame([[1], [2]], ["Oslo", "Oslo"])}, "several vectors for level 'Oslo'"),
        ({"city": {1: [1.0], 2: [2.0]}}, r"column 'city' occurs.*\['numbers'\].*\['strings'\]"),
    ],
)
def test_pretrained_errors_name_column_and_level(rents, spec, message):
    with pytest.raises(ValueError, match=message):
        NeuralEmbeddingEncoder(pretrained=spec, **QUICK).fit(*rents)


def test_pretrained_length_other_than_asked_for_is_an_error(rents):
    encoder = NeuralEmbeddingEncoder(pretrained={"city": CITIES}, embedding_dim={"city": 3})
    with pytest.raises(ValueError, match=r"asks for 3 numbers for column 'city'.* have 2"):
        encoder.fit(*rents)


def test_pretrained_length_may_be_asked_for():
    given = read_pretrained({"city": CITIES}, ["city"], {"city": 2}, "mlp")
    assert given["city"].vectors.shape == (4, 2)


def test_pretrained_with_dot_is_an_error(rents):
    with pytest.raises(ValueError, match=r"interaction='dot'.*give interaction='mlp'"):
        NeuralEmbeddingEncoder(pretrained={"city": CITIES}, interaction="dot").fit(*rents)


def test_pretrained_freeze_without_vectors_is_an_error(rents):
    with pytest.raises(ValueError, match="freeze_pretrained=True, but no vectors were given"):
        NeuralEmbeddingEncoder(freeze_pretrained=True).fit(*rents)


def test_pretrained_numpy_levels_are_the_plain_ones():
    given = read_pretrained({"x": {np.int64(3): [1.0], np.str_("a"): [2.0]}}, ["x"], "auto", "mlp")
    assert [type(level) for level in given["x"].levels] == [int, str]
