import copy
import tracemalloc
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed._columns.crosses import Cross
from skembed._columns.frames import Columns
from skembed._columns.lookup import ByValue, look_up_cross
from skembed._columns.vocabulary import MISSING, UNSEEN, Vocabulary

TABLE = np.arange(12, dtype=np.float32).reshape(6, 2) / 3


def column(values):
    return Columns(np.array(values, dtype=object)[:, None]).levels(0)


def by_value(values, vocabulary):
    levels = column(values)
    return ByValue(levels.rows, vocabulary.by_value(levels.values)[0])


def test_lookup_codes_are_those_of_the_vocabulary():
    vocabulary = Vocabulary(["a", "b"], ["c"], np.zeros(5, dtype=int))
    values = ["b", None, "z", "a", "c", "b"]
    codes = by_value(values, vocabulary).codes()
    np.testing.assert_array_equal(codes, vocabulary.encode(column(values)))


def test_lookup_of_codes_gives_the_codes():
    codes = np.array([4, MISSING, UNSEEN])
    np.testing.assert_array_equal(ByValue.of_codes(codes, 5).codes(), codes)


@pytest.mark.parametrize("n_rows", [1, 3, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lookup_vectors_are_those_of_the_codes_to_the_bit(n_rows, dtype):
    rows = np.resize([2, -1, 0, 1], n_rows).astype(np.int8)
    coded = ByValue(rows, np.array([5, UNSEEN, 3, MISSING]))
    out = np.empty((n_rows, 2), dtype=dtype)
    coded.write(TABLE, out)
    np.testing.assert_array_equal(out, TABLE[coded.codes()])


@pytest.mark.parametrize("n_columns", [2, 3])
@pytest.mark.parametrize("n_values", [3, 60], ids=["few values", "many values"])
def test_lookup_cross_codes_are_those_of_the_rows(n_columns, n_values):
    rng = np.random.default_rng(0)
    names, used = "abc"[:n_columns], np.ones(1500, dtype=bool)
    values = [None, *map(str, range(n_values))]
    at_fit = {name: column(rng.choice(values[:-1], 1500)) for name in names}
    vocabularies = {name: Vocabulary.fit(at_fit[name].count(used)) for name in names}
    fitted = {name: vocabularies[name].encode(at_fit[name]) for name in names}
    cross = Cross.fit(tuple(names), vocabularies, fitted, used)
    now = {name: by_value(rng.choice(values, 1000), vocabularies[name]) for name in names}
    codes = look_up_cross(cross, [now[name] for name in names]).codes()
    np.testing.assert_array_equal(codes, cross.encode({name: now[name].codes() for name in names}))
    assert (codes == UNSEEN).any()
    assert len(np.unique(codes)) > 3


@pytest.mark.parametrize("n_rows", [1, 500])
def test_lookup_cross_of_columns_missing_throughout(n_rows):
    used = np.ones(4, dtype=bool)
    at_fit = {name: column(["a", "b", None, None]) for name in "ab"}
    vocabularies = {name: Vocabulary.fit(at_fit[name].count(used)) for name in "ab"}
    fitted = {name: vocabularies[name].encode(at_fit[name]) for name in "ab"}
    cross = Cross.fit(("a", "b"), vocabularies, fitted, used)
    missing = by_value([None] * n_rows, vocabularies["a"])
    codes = look_up_cross(cross, [missing, missing]).codes()
    np.testing.assert_array_equal(codes, cross.encode(fitted)[[3] * n_rows])


@pytest.fixture(scope="module")
def fitted():
    """Thirty users and five goods, and what they cross to."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"user": rng.choice(labels(30), 600), "good": rng.choice(list("abcde"), 600)})
    y = X["user"].str[-1].astype(int) + rng.normal(size=600)
    return NeuralEmbeddingEncoder(crosses=2, max_epochs=2, random_state=0).fit(X, y)


def labels(n):
    return [f"user {i}" for i in range(n)]


def with_levels(fitted, n):
    """The encoder as if fit had seen n users, each with each of the goods."""
    encoder = copy.copy(fitted)
    goods = encoder.vocabularies_["good"]
    users = Vocabulary(labels(n), [], np.ones(n + 3, dtype=int))
    keys = np.arange(3 * goods.n_codes, users.n_codes * goods.n_codes)
    cross = Cross(("user", "good"), (users.n_codes, goods.n_codes), keys, None)
    user, good = encoder.row_encoder_.embedded
    embedded = [user._replace(vocabulary=users), good]
    encoder.row_encoder_ = replace(encoder.row_encoder_, embedded=embedded, crosses=[cross])
    encoder.tables_ = {
        name: np.resize(table, (size, table.shape[1]))
        for (name, table), size in zip(
            fitted.tables_.items(), [n + 3, goods.n_codes, cross.n_codes], strict=True
        )
    }
    return encoder


# narwhals asks for the hash of a type, and pandas 2 looks at all labels of a category for it.
PANDAS_2 = pytest.mark.skipif(pd.__version__ < "3", reason="pandas 2 looks at all labels")


@pytest.mark.parametrize("user", ["user 7", "nobody", None], ids=["known", "unseen", "missing"])
@pytest.mark.parametrize("kind", ["str", pytest.param("category", marks=PANDAS_2)])
def test_lookup_of_one_row_ignores_vocabulary_size(fitted, user, kind):
    """A byte for each level would show."""
    encoder = with_levels(fitted, 100_000)
    X = pd.DataFrame({"user": [user], "good": ["b"]}, dtype="str")
    if kind == "category":
        X["user"] = pd.Categorical(X["user"], categories=[*labels(100_000), "nobody"])
    encoder.transform(X)  # makes what is looked up in
    tracemalloc.start()
    encoder.transform(X)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 50_000
