import pickle

import numpy as np
import pytest
from sklearn.preprocessing import OneHotEncoder

from skembed.frames import Columns
from skembed.vocabulary import INFREQUENT, MISSING, UNSEEN, Vocabulary


def column(values):
    return Columns(np.array(values, dtype=object)[:, None]).levels(0)


def fit(values, **rules):
    return Vocabulary.fit(column(values), np.ones(len(values), dtype=bool), **rules)


def test_codes_start_after_the_reserved_ones():
    vocabulary = fit(["b", "a", None, "b"])
    assert vocabulary.levels == ["a", "b"]
    assert vocabulary.encode(column(["a", "b", None, "c"])).tolist() == [3, 4, MISSING, UNSEEN]
    assert vocabulary.counts.tolist() == [0, 1, 0, 1, 2]


def test_codes_do_not_depend_on_the_order_of_rows():
    assert fit(["b", "a", "c"]) == fit(["c", "b", "a"])


def test_value_and_kind_tell_levels_apart():
    vocabulary = fit([1, "1", True, 0, False])
    assert vocabulary.levels == [0, 1, False, True, "1"]
    assert vocabulary.codes_of([1, True, "1", 1.0, np.bool_(True)]).tolist() == [4, 6, 7, 4, 6]


def test_values_without_an_order_keep_the_order_of_rows():
    assert fit([("b", 1), ("a", 2), "z", 3]).levels == [3, "z", ("b", 1), ("a", 2)]


def test_rows_that_do_not_count():
    used = np.array([True, True, False])
    vocabulary = Vocabulary.fit(column(["a", "b", "c"]), used)
    assert vocabulary.levels == ["a", "b"]


@pytest.mark.parametrize(
    "rules",
    [
        {"min_frequency": 3},
        {"min_frequency": 0.25},
        {"max_categories": 3},
        {"max_categories": 2, "min_frequency": 2},
        {"max_categories": 10},
        {"max_categories": 1},
    ],
    ids=str,
)
def test_infrequent_levels_are_those_of_one_hot_encoder(rules):
    values = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + ["d"]
    theirs = OneHotEncoder(**rules).fit(np.array(values)[:, None]).infrequent_categories_[0]
    ours = fit(values, **rules)
    assert sorted(ours.infrequent) == ([] if theirs is None else sorted(theirs))
    assert (ours.codes_of(ours.infrequent) == INFREQUENT).all()
    assert ours.counts[INFREQUENT] == sum(values.count(level) for level in ours.infrequent)


def test_repr_shows_the_first_levels():
    assert repr(fit(list("abcd"))) == "<Vocabulary of 4 levels: 'a', 'b', 'c', ...>"


def test_levels_that_always_keep_a_code_of_their_own():
    vocabulary = fit(["a", "b", "b", "c", "c"], min_frequency=2, always=["a", "z"])
    assert vocabulary.levels == ["a", "b", "c", "z"]
    assert vocabulary.counts.tolist() == [0, 0, 0, 1, 2, 2, 0]
    vocabulary = fit(["a", "b", "b", "c", "c", "d"], max_categories=2, always=["a", "z"])
    assert vocabulary.levels == ["a", "b", "z"]
    assert vocabulary.infrequent == ["c", "d"]


def test_pickling_keeps_codes_and_counts():
    vocabulary = fit(["a", "b", "b", "c", "c", None, 7, 7], min_frequency=2)
    again = pickle.loads(pickle.dumps(vocabulary))
    assert again == vocabulary
    assert again.infrequent == ["a"]
    np.testing.assert_array_equal(again.counts, vocabulary.counts)


def test_a_pickle_takes_no_more_than_the_text_of_the_levels():
    values = [f"{i:05d}" for i in range(10_000)]
    assert len(pickle.dumps(fit(values))) < 5 * len(values)
