import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed._columns.vocabulary import Vocabulary
from skembed._reading.nearest import neighbours

CITIES = Vocabulary(["Bern", "Oslo", "Pisa", "Rome"], [], np.array([0, 2, 0, 9, 5, 3, 4]))
#                unseen   missing  infrequent  Bern   Oslo    Pisa    Rome
TABLE = np.array([[0, 0], [9, 9], [0, 0], [3, 0], [3, 4], [-1, 0], [-1, 1]], dtype=np.float32)

QUICK = {"max_epochs": 3, "random_state": 0}


def test_nearest_comes_by_distance_without_the_level_itself():
    frame = neighbours("city", "Bern", 5, TABLE, CITIES, {})
    assert frame["level"].tolist() == ["Oslo", "Pisa", "Rome"]
    np.testing.assert_allclose(frame["distance"], [4, 4, np.sqrt(17)])


def test_nearest_of_a_vector_holds_every_level():
    frame = neighbours("city", [3.0, 1.0], 2, TABLE, CITIES, {})
    assert frame[["level", "distance"]].to_dict("list") == {
        "level": ["Bern", "Oslo"],
        "distance": [1.0, 3.0],
    }


def test_nearest_says_how_many_rows_a_level_had():
    assert neighbours("city", "Bern", 5, TABLE, CITIES, {})["rows"].tolist() == [5, 3, 4]


def test_nearest_of_levels_at_one_distance_are_those_of_most_rows():
    table = np.ones((7, 1), dtype=np.float32)
    frame = neighbours("city", "Rome", 2, table, CITIES, {})
    assert frame["level"].tolist() == ["Bern", "Oslo"]
    assert frame["rows"].tolist() == [9, 5]


def test_nearest_tells_levels_apart_that_share_a_rounded_vector():
    rng = np.random.default_rng(0)
    effects = rng.normal(size=300)
    city = np.repeat(np.arange(300), 10)
    X = pd.DataFrame({"city": np.char.add("c", city.astype(str)).astype(object)})
    y = effects[city] + rng.normal(size=3000)
    encoder = NeuralEmbeddingEncoder(max_epochs=8, random_state=0).fit(X, y)
    assert len(np.unique(encoder.tables_["city"], axis=0)) < 100
    assert encoder.nearest("city", "c7")["distance"].is_monotonic_increasing
    assert (encoder.nearest("city", "c7")["distance"] > 0).all()


def test_nearest_of_missing():
    assert neighbours("city", None, 1, TABLE, CITIES, {})["level"].tolist() == ["Oslo"]


def test_nearest_of_the_only_level():
    frame = neighbours("city", "Bern", 5, TABLE[:4], Vocabulary(["Bern"], [], np.ones(4)), {})
    assert frame.shape == (0, 3)


def test_nearest_in_pieces_is_the_same(monkeypatch):
    whole = neighbours("city", "Bern", 3, TABLE, CITIES, {})
    monkeypatch.setattr("skembed._reading.nearest.CHUNK_LEVELS", 2)
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
    encoder = NeuralEmbeddingEncoder(categorical_features=[0, 1, 2], **QUICK).fit(X.to_numpy(), y)
    assert set(encoder.nearest("x1", 3)["level"]) == {1, 2, 4, 5}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("rooms", 3), r"column must be .*, got 'rooms'. There are \['city', 'kind',"),
        (("city", "Lima"), r"'Lima' is not a level of 'city'.* such as \['Bern', 'Kyiv', 'Oslo'\]"),
        (("city", "OSLO"), r"'OSLO' is not a level of 'city'. Did you mean 'Oslo'\? Give one"),
        (("city", "Romy"), r"Did you mean 'Rome'\?"),
        (("cty", "Rome"), r"got 'cty'. Did you mean 'city'\? There are"),
        (("city x kind", ("oslo", "flat")), r"Did you mean \('Oslo', 'flat'\)\?"),
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
