import numpy as np
import pandas as pd
import polars as pl
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed._columns.crosses import Cross
from skembed._columns.numeric import Bins
from skembed._columns.vocabulary import Vocabulary
from skembed._reading.reading import labels, level_frame, nearest_codes, neighbours

CITIES = Vocabulary(["Bern", "Oslo", "Pisa", "Rome"], [], np.array([0, 2, 0, 9, 5, 3, 4]))
#                unseen   missing  infrequent  Bern   Oslo    Pisa    Rome
TABLE = np.array([[0, 0], [9, 9], [0, 0], [3, 0], [3, 4], [-1, 0], [-1, 1]], dtype=np.float32)

QUICK = {"max_epochs": 3, "random_state": 0}


@pytest.fixture
def fitted(rents):
    """Vectors long enough to tell four cities apart, and crosses of levels and of a number."""
    X, y = rents
    crosses = [("city", "kind"), ("city", "rooms")]
    return NeuralEmbeddingEncoder(embedding_dim=2, crosses=crosses, **QUICK).fit(X, y)


# Nearest


def test_nearest_comes_by_distance_without_the_level_itself():
    frame = neighbours("city", "Bern", 5, TABLE, CITIES, {})
    assert frame["level"].tolist() == ["Oslo", "Pisa", "Rome"]
    np.testing.assert_allclose(frame["distance"], [4, 4, np.sqrt(17)])


def test_nearest_of_a_vector_holds_every_level():
    frame = neighbours("city", [3.0, 1.0], 2, TABLE, CITIES, {})
    assert frame.to_dict("list") == {"level": ["Bern", "Oslo"], "distance": [1.0, 3.0]}


def test_nearest_of_missing():
    assert neighbours("city", None, 1, TABLE, CITIES, {})["level"].tolist() == ["Oslo"]


def test_nearest_of_the_only_level():
    frame = neighbours("city", "Bern", 5, TABLE[:4], Vocabulary(["Bern"], [], np.ones(4)), {})
    assert frame.shape == (0, 2)


def test_nearest_in_pieces_is_the_same(monkeypatch):
    whole = neighbours("city", "Bern", 3, TABLE, CITIES, {})
    monkeypatch.setattr("skembed._reading.reading.CHUNK", 2)
    pd.testing.assert_frame_equal(neighbours("city", "Bern", 3, TABLE, CITIES, {}), whole)


def test_nearest_of_a_cross_takes_tuples(fitted):
    frame = fitted.nearest("city x kind", ("Oslo", "house"), k=20)
    assert len(frame) == 7
    assert ("Oslo", "house") not in frame["level"].tolist()
    assert ("Bern", "flat") in frame["level"].tolist()


def test_nearest_of_a_crossed_number_takes_number_or_interval(fitted):
    by_number = fitted.nearest("city x rooms", ("Oslo", 2))
    by_interval = fitted.nearest("city x rooms", ("Oslo", pd.Interval(1.5, 2.5)))
    pd.testing.assert_frame_equal(by_number, by_interval)


def test_nearest_in_a_column_of_an_array(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X.to_numpy(), y)
    assert set(encoder.nearest("x1", 3)["level"]) == {1, 2, 4, 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rooms", 3), r"column must be .*, got 'rooms'. There are \['city', 'kind',"),
        (("city", "Lima"), r"'Lima' is not a level of 'city'.* such as \['Bern', 'Kyiv', 'Oslo'\]"),
        (("city x kind", "Oslo"), r"'Oslo' is not a level of 'city x kind'.* a tuple"),
        (("city x kind", ("Oslo", "barn")), r"\('Oslo', 'barn'\) is not a level"),
        (("city", [1.0, 2.0, 3.0]), r"vectors of 'city' are 2 finite numbers long"),
        (("city", ["Oslo"]), r"got \['Oslo'\]. A level is given by itself"),
        (("city", "Oslo", 0), "k must be an int of at least 1, got 0"),
    ],
)
def test_nearest_of_what_has_none_is_an_error(fitted, arguments, message):
    with pytest.raises(ValueError, match=message):
        fitted.nearest(*arguments)


# Embedding


def test_embedding_has_the_reserved_rows_first(fitted):
    frame = fitted.embedding("city")
    assert frame.index.tolist() == [
        *("unseen", "missing", "infrequent"),
        *("Bern", "Kyiv", "Oslo", "Rome"),
    ]
    assert frame.index.name == "city"
    assert frame.columns.tolist() == ["city_0", "city_1"]
    np.testing.assert_array_equal(frame.to_numpy(), fitted.tables_["city"])


def test_embedding_levels_of_a_cross_are_tuples(fitted):
    levels = fitted.embedding("city x kind").index[3:]
    assert ("Oslo", "flat") in levels.tolist()
    assert len(levels) == 8
    assert ("Oslo", pd.Interval(4.5, np.inf)) in fitted.embedding("city x rooms").index.tolist()


def test_embedding_level_named_as_a_reserved_row():
    frame = level_frame("state", TABLE[:4], Vocabulary(["missing"], [], np.ones(4)), {})
    assert frame.index.tolist() == ["unseen", "missing", "infrequent", "missing"]
    assert frame.iloc[3:]["state_0"].tolist() == [3.0]


# Inverse transform


def test_inverse_transform_gives_the_rows_back(fitted, rents):
    X, _ = rents
    back = fitted.inverse_transform(fitted.transform(X.copy()))
    pd.testing.assert_frame_equal(back, X.astype({"rooms": float}))


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame])
def test_inverse_transform_takes_frames(fitted, rents, container):
    X, _ = rents
    names = fitted.get_feature_names_out()
    features = container(dict(zip(names, fitted.transform(X.copy()).T, strict=True)))
    assert fitted.inverse_transform(features)["city"].tolist() == X["city"].tolist()


def test_inverse_transform_of_an_array_gives_an_array(rents):
    X, y = rents
    values = X.to_numpy()
    encoder = NeuralEmbeddingEncoder(embedding_dim=3, **QUICK).fit(values, y)
    back = encoder.inverse_transform(encoder.transform(values.copy()))
    np.testing.assert_array_equal(back, values)


def test_inverse_transform_of_other_vectors_gives_the_nearest(fitted):
    near = fitted.embedding("city").loc[["Rome"]].to_numpy() + 1e-3
    features = np.zeros((1, len(fitted.get_feature_names_out())))
    features[:, :2] = near
    assert fitted.inverse_transform(features)["city"].tolist() == ["Rome"]


def test_inverse_transform_lacks_dropped_columns(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(remainder="drop", **QUICK).fit(X, y)
    assert list(encoder.inverse_transform(encoder.transform(X.copy()))) == ["city", "kind"]


def test_inverse_transform_of_no_rows(fitted, rents):
    back = fitted.inverse_transform(fitted.transform(rents[0].head(0)))
    assert back.shape == (0, 3)


def test_inverse_transform_of_missing_and_unseen_is_none():
    codes = nearest_codes(np.array([[8.0, 9.0], [0.5, 0.0]]), TABLE, CITIES.counts)
    assert labels(CITIES, {}, codes).tolist() == [None, None]


def test_inverse_transform_names_pooled_levels_as_scikit_learn():
    pooled = Vocabulary(["Bern"], ["Oslo", "Pisa"], np.array([0, 0, 7, 3]))
    codes = nearest_codes(np.zeros((1, 2)), TABLE[:4], pooled.counts)
    assert labels(pooled, {}, codes).tolist() == ["infrequent_sklearn"]


def test_inverse_transform_ties_give_the_level_of_most_rows():
    table = np.array([[0.0], [0.0], [0.0], [1.0], [1.0], [1.0]])
    assert nearest_codes(np.array([[1.1]]), table, np.array([0, 0, 0, 2, 9, 5])).tolist() == [4]


def test_inverse_transform_of_a_missing_level_in_a_cross():
    parts = {"city": CITIES, "rooms": Bins(np.array([2.5]))}
    codes = {"city": np.array([1, 4]), "rooms": np.array([3, 1])}
    cross = Cross.fit(("city", "rooms"), parts, codes, np.ones(2, dtype=bool))
    small = pd.Interval(-np.inf, 2.5)
    assert labels(cross, parts, np.array([3, 4])).tolist() == [(None, small), ("Oslo", None)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda X: X[:, :3], "X has 3 features, but inverse_transform is expecting"),
        (lambda X: pd.DataFrame(X), r"expecting those of get_feature_names_out\(\)"),
        (lambda X: np.where(np.arange(X.shape[1]) == 1, np.nan, X), "Column 'x1' is missing in ro"),
    ],
    ids=["width", "names", "gap"],
)
def test_inverse_transform_of_other_input_is_an_error(fitted, rents, change, message):
    features = fitted.transform(rents[0].head(2))
    with pytest.raises(ValueError, match=message):
        fitted.inverse_transform(change(features))


def test_reading_levels_that_strings_of_pyarrow_cannot_hold():
    """Half of a surrogate pair, as it stands in broken JSON."""
    levels = ["\ud800", "b", "c"] * 5
    X = pd.DataFrame({"city": pd.Series(levels, dtype=object)})
    encoder = NeuralEmbeddingEncoder(cv=None, max_epochs=1, embedding_dim=2, random_state=0)
    vectors = encoder.fit(X, np.arange(15) % 3 * 1.0).transform(X)
    assert encoder.inverse_transform(vectors)["city"].tolist() == levels
    assert "\ud800" in encoder.embedding("city").index
    assert "\ud800" in encoder.nearest("city", "b", k=2)["level"].tolist()
