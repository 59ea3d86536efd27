import numpy as np
import pandas as pd
import polars as pl
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed._columns.crosses import Cross
from skembed._columns.numeric import Bins
from skembed._columns.vocabulary import Vocabulary
from skembed._reading.level_names import labels
from skembed._reading.nearest import nearest_codes

CITIES = Vocabulary(["Bern", "Oslo", "Pisa", "Rome"], [], np.array([0, 2, 0, 9, 5, 3, 4]))
#                unseen   missing  infrequent  Bern   Oslo    Pisa    Rome
TABLE = np.array([[0, 0], [9, 9], [0, 0], [3, 0], [3, 4], [-1, 0], [-1, 1]], dtype=np.float32)

QUICK = {"max_epochs": 3, "random_state": 0}


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
    encoder = NeuralEmbeddingEncoder(categorical_features=[0, 1, 2], embedding_dim=3, **QUICK)
    encoder.fit(values, y)
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
