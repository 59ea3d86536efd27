from datetime import time
from decimal import Decimal
from itertools import permutations
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import OneHotEncoder

from skembed._columns.frames import Columns
from skembed._columns.vocabulary import INFREQUENT, MISSING, UNSEEN, Vocabulary, kinds


def column(values):
    return Columns(np.fromiter(values, dtype=object, count=len(values))[:, None]).levels(0)


def fit(values, **rules):
    return Vocabulary.fit(column(values).count(np.ones(len(values), dtype=bool)), **rules)


def test_vocabulary_codes_start_after_reserved_ones():
    vocabulary = fit(["b", "a", None, "b"])
    assert vocabulary.levels == ["a", "b"]
    assert vocabulary.encode(column(["a", "b", None, "c"])).tolist() == [3, 4, MISSING, UNSEEN]
    assert vocabulary.counts.tolist() == [0, 1, 0, 1, 2]


def test_vocabulary_codes_ignore_the_order_of_rows():
    assert fit(["b", "a", "c"]) == fit(["c", "b", "a"])


def test_vocabulary_of_other_levels_is_not_equal():
    assert fit(["a", "b"]) != fit(["a", "c"])


def test_vocabulary_equals_no_list():
    assert fit(["a", "b"]) != ["a", "b"]


def test_vocabulary_codes_are_positions():
    """Whole numbers, as a table is looked up with."""
    assert fit(["a"]).codes_of(["a"]).dtype == np.intp


def test_vocabulary_levels_differ_by_value_and_kind():
    vocabulary = fit([1, "1", True, 0, False])
    assert vocabulary.levels == [0, 1, False, True, "1"]
    assert vocabulary.codes_of([1, True, "1", 1.0, np.bool_(True)]).tolist() == [4, 6, 7, 4, 6]


def test_vocabulary_pooled_boolean_is_not_a_number():
    vocabulary = fit([1, 1, True], min_frequency=2)
    assert vocabulary.codes_of([1, True]).tolist() == [3, INFREQUENT]


def test_vocabulary_sorts_tuples_behind_numbers_and_strings():
    assert fit([("b", 1), ("a", 2), "z", 3]).levels == [3, "z", ("a", 2), ("b", 1)]


OTHERS = {
    "days": [pd.Timestamp("2023-05-01"), pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")],
    "spans": [pd.Timedelta(hours=1), pd.Timedelta(hours=7), pd.Timedelta(days=1)],
    "hours": [time(1), time(7, 30), time(22)],
    "bytes": [b"a", b"aa", b"b"],
    "decimals": [Decimal("-1"), Decimal("2"), Decimal("11")],
    "sets": [frozenset("ab"), frozenset("ac"), frozenset("b")],
    "tuples that have no order": [("a", None), (1, 2), (3, "b")],
    "periods that have no order": [pd.Period("2023-01-01", "D"), pd.Period("2024-01", "M")],
    "zones and none": [pd.Timestamp("2023-01-01 00:00", tz="UTC"), pd.Timestamp("2023-01-01")],
    "several types": [Decimal(1), pd.Timestamp("2020-01-01"), UUID(int=1), b"a", time(1)],
}


@pytest.mark.parametrize("kind", OTHERS)
def test_vocabulary_codes_of_other_types_do_not_depend_on_the_order_of_rows(kind):
    values = OTHERS[kind]
    codes = {tuple(fit(list(order)).codes_of(values).tolist()) for order in permutations(values)}
    assert len(codes) == 1


@pytest.mark.parametrize("kind", ["days", "spans", "hours", "bytes", "decimals", "sets"])
def test_vocabulary_sorts_values_that_have_an_order(kind):
    assert fit(OTHERS[kind][::-1]).levels == OTHERS[kind]


def test_vocabulary_ignores_rows_that_do_not_count():
    used = np.array([True, True, False])
    vocabulary = Vocabulary.fit(column(["a", "b", "c"]).count(used))
    assert vocabulary.levels == ["a", "b"]


@pytest.mark.parametrize(
    "rules",
    [
        {"min_frequency": 3},
        {"min_frequency": 0.25},
        {"max_categories": 3},
        {"max_categories": 2, "min_frequency": 2},
        {"max_categories": 3, "min_frequency": 2},
        {"max_categories": 10},
        {"max_categories": 1},
    ],
    ids=str,
)
def test_vocabulary_infrequent_levels_match_one_hot_encoder(rules):
    values = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + ["d"]
    theirs = OneHotEncoder(**rules).fit(np.array(values)[:, None]).infrequent_categories_[0]
    ours = fit(values, **rules)
    assert sorted(ours.infrequent) == ([] if theirs is None else sorted(theirs))
    assert (ours.codes_of(ours.infrequent) == INFREQUENT).all()
    assert ours.counts[INFREQUENT] == sum(values.count(level) for level in ours.infrequent)


def test_vocabulary_max_categories_keeps_exactly_as_many():
    """OneHotEncoder pools one of them."""
    assert fit(["a", "a", "b", "b", "c"], max_categories=3).levels == ["a", "b", "c"]


def test_vocabulary_max_categories_ties():
    """OneHotEncoder keeps the last. They are many: a sort that is not stable keeps few in order."""
    levels = [f"{i:04d}" for i in range(1000)]
    assert fit([*levels, "0700"], max_categories=21).levels == [*levels[:19], "0700"]


def test_vocabulary_repr_shows_the_first_levels():
    assert repr(fit(list("abcd"))) == "<Vocabulary of 4 levels: 'a', 'b', 'c', ...>"
    assert repr(fit(list("abc"))) == "<Vocabulary of 3 levels: 'a', 'b', 'c'>"


def test_vocabulary_always_levels_keep_their_own_code():
    vocabulary = fit(["a", "b", "b", "c", "c"], min_frequency=2, always=["a", "z"])
    assert vocabulary.levels == ["a", "b", "c", "z"]
    assert vocabulary.counts.tolist() == [0, 0, 0, 1, 2, 2, 0]
    vocabulary = fit(["a", "b", "b", "c", "c", "d"], max_categories=2, always=["a", "z"])
    assert vocabulary.levels == ["a", "b", "z"]
    assert vocabulary.infrequent == ["c", "d"]


# What may not be


def test_vocabulary_known_levels_are_no_error():
    codes = fit(["a", "b"]).encode(column(["b", "a"]), allow_unknown=False, allow_missing=False)
    assert codes.tolist() == [4, 3]


def test_vocabulary_missing_values_may_be_an_error():
    message = r"^Column 'x' is missing in 2 rows, the first being row 1\. .*handle_missing='embed'"
    with pytest.raises(ValueError, match=message):
        fit(["a", "b"]).encode(column(["a", None, "b", None]), allow_missing=False)


@pytest.mark.parametrize(
    ("unknown", "said"),
    [
        ("z", r"1 levels that fit did not see: \['z'\]\. Give handle_unknown='embed'"),
        ("vwxyz", r"5 levels .*: \['v', 'w', 'x', 'y', 'z'\]\. Give"),
        ("uvwxyz", r"6 levels .*: \['u', 'v', 'w', 'x', 'y'\] \.\.\.\. Give"),
    ],
)
def test_vocabulary_error_shows_five_unknown_levels_at_most(unknown, said):
    with pytest.raises(ValueError, match=f"^Column 'city' holds {said}"):
        fit(["a", "b"]).encode(column(["a", *unknown]), "city", allow_unknown=False)


# Values of other types


def test_vocabulary_other_types_are_unseen_with_a_warning():
    message = (
        r"^Column 'rooms' was fitted on \['numbers'\] and now holds \['booleans', 'strings'\]: "
        r".* such as 3\.$"
    )
    with pytest.warns(UserWarning, match=message):
        codes = fit([3, 4]).encode(column(["3", True]), "rooms")
    assert codes.tolist() == [UNSEEN, UNSEEN]


@pytest.mark.parametrize(
    ("at_fit", "now"), [(["a", "b"], ["z"]), (["a", "b"], [None]), ([None, None], ["a"])]
)
def test_vocabulary_same_types_do_not_warn(at_fit, now):
    assert fit(at_fit).encode(column(now)).max() <= MISSING


def test_vocabulary_types_of_pooled_levels_are_known():
    """No warning: a string can match, if only the infrequent row."""
    vocabulary = fit([1, 1, 2, 2, "a"], min_frequency=2)
    assert vocabulary.encode(column(["b"])).tolist() == [UNSEEN]


def test_vocabulary_of_pooled_levels_warns_of_other_types():
    with pytest.warns(UserWarning, match=r"such as 1\.$"):
        fit([1, 2], min_frequency=2).encode(column(["a"]))


def test_vocabulary_kinds_of_levels():
    assert kinds([1, 2.5]) == {"numbers"}
    assert kinds([True, np.bool_(False)]) == {"booleans"}
    assert kinds(["a", ("a", 1)]) == {"strings", "tuple"}


# By value


@pytest.mark.parametrize(
    ("values", "codes", "all_seen"),
    [
        (["b", "a"], [4, 3, MISSING], True),
        (["b", "z"], [4, UNSEEN, MISSING], False),
        ([7, 8], [UNSEEN, UNSEEN, MISSING], False),
        ([], [MISSING], True),
    ],
)
def test_vocabulary_by_value_ends_with_the_code_of_missing(values, codes, all_seen):
    of_value, said = fit(["a", "b"]).by_value(values)
    assert of_value.tolist() == codes
    assert of_value.dtype == np.intp
    assert said == all_seen


def test_vocabulary_decimal_may_match_a_number():
    """Types differ, and one of the values was seen: a warning would be an error here."""
    codes = fit([1, 2]).encode(column([Decimal(9), Decimal(1)]))
    assert codes.tolist() == [UNSEEN, 3]


# The same in all rows


@pytest.mark.parametrize(
    ("values", "held"), [(["a", "a"], "one level"), ([None, None], "no value"), ([], "no value")]
)
def test_vocabulary_same_in_all_rows_warns(values, held):
    with pytest.warns(UserWarning, match=f"^Column 'city' holds {held} in all rows: "):
        fit(values).warn_if_uninformative("city")


@pytest.mark.parametrize("values", [["a", "b"], ["a", None]])
def test_vocabulary_differing_rows_do_not_warn(values):
    """A warning would be an error here."""
    fit(values).warn_if_uninformative("city")
