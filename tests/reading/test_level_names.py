import numpy as np
import pandas as pd

from skembed import NeuralEmbeddingEncoder
from skembed._columns.vocabulary import Vocabulary
from skembed._reading.level_names import level_frame

CITIES = Vocabulary(["Bern", "Oslo", "Pisa", "Rome"], [], np.array([0, 2, 0, 9, 5, 3, 4]))
#                unseen   missing  infrequent  Bern   Oslo    Pisa    Rome
TABLE = np.array([[0, 0], [9, 9], [0, 0], [3, 0], [3, 4], [-1, 0], [-1, 1]], dtype=np.float32)

QUICK = {"max_epochs": 3, "random_state": 0}


def test_embedding_has_the_reserved_rows_first(fitted):
    frame = fitted.embedding("city")
    assert frame.index.tolist() == [
        *("unseen", "missing", "infrequent"),
        *("Bern", "Kyiv", "Oslo", "Rome"),
    ]
    assert frame.index.name == "city"
    assert frame.columns.tolist() == ["city_0", "city_1"]
    np.testing.assert_array_equal(frame.to_numpy(), fitted.trained_tables_["city"])


def test_embedding_levels_of_a_cross_are_tuples(fitted):
    levels = fitted.embedding("city x kind").index[3:]
    assert ("Oslo", "flat") in levels.tolist()
    assert len(levels) == 8
    assert ("Oslo", pd.Interval(4.5, np.inf)) in fitted.embedding("city x rooms").index.tolist()


def test_embedding_has_digits_and_components_that_features_lack(adult):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(crosses=None, **QUICK).fit(X, y)
    features, trained = encoder.tables_["occupation"], encoder.embedding("occupation").to_numpy()
    assert features.shape[1] < trained.shape[1] == 4
    assert len(np.unique(features[:, 0])) < len(np.unique(trained[:, 0])) == len(trained) - 1
    steps = np.diff(np.unique(features[:, 0]))
    assert np.abs(trained[:, 0] - features[:, 0]).max() <= 0.51 * steps.min()


def test_embedding_without_a_target_has_all_components(adult):
    encoder = NeuralEmbeddingEncoder(target_type="none", **QUICK).fit(adult[0])
    features, trained = encoder.tables_["education"], encoder.embedding("education").to_numpy()
    assert features.shape[1] < trained.shape[1]
    np.testing.assert_array_equal(trained[:, : features.shape[1]], features)


def test_embedding_level_named_as_a_reserved_row():
    frame = level_frame("state", TABLE[:4], Vocabulary(["missing"], [], np.ones(4)), {})
    assert frame.index.tolist() == ["unseen", "missing", "infrequent", "missing"]
    assert frame.iloc[3:]["state_0"].tolist() == [3.0]


def test_reading_levels_that_strings_of_pyarrow_cannot_hold():
    """Half of a surrogate pair, as it stands in broken JSON."""
    levels = ["\ud800", "b", "c"] * 5
    X = pd.DataFrame({"city": pd.Series(levels, dtype=object)})
    encoder = NeuralEmbeddingEncoder(cv=None, max_epochs=1, embedding_dim=2, random_state=0)
    vectors = encoder.fit(X, np.arange(15) % 3 * 1.0).transform(X)
    assert encoder.inverse_transform(vectors)["city"].tolist() == levels
    assert "\ud800" in encoder.embedding("city").index
    assert "\ud800" in encoder.nearest("city", "b", k=2)["level"].tolist()
