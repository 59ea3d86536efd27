import numpy as np
import pytest
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    LeaveOneGroupOut,
    LeaveOneOut,
    StratifiedKFold,
)

from skembed._model.folds import MOST_TABLES, assign_folds

Y = np.array([0, 1] * 10)
X = np.zeros((20, 1))
ALL = np.ones(20, dtype=bool)


def folds(cv, codes=Y, random_state=0, used=ALL, **split_params):
    strata = codes if codes.dtype.kind == "i" else None
    return assign_folds(
        cv, X, codes, strata, used, random_state=random_state, split_params=split_params
    )


def test_folds_int_stratifies_classes():
    fold = folds(5)
    assert np.bincount(fold).tolist() == [4] * 5
    assert [Y[fold == k].sum() for k in range(5)] == [2] * 5


def test_folds_int_shuffles_quantities():
    fold = folds(4, np.linspace(0, 1, 20))
    assert np.bincount(fold).tolist() == [5] * 4
    assert (np.diff(fold) < 0).any()


def test_folds_depend_on_the_seed():
    assert folds(5).tolist() == folds(5).tolist()
    assert folds(5).tolist() != folds(5, random_state=1).tolist()


def test_folds_splitter_is_taken_as_it_is():
    assert folds(KFold(2)).tolist() == [0] * 10 + [1] * 10


def test_folds_splitter_gets_the_target():
    fold = folds(StratifiedKFold(5), np.repeat([0, 1], 10))
    assert np.bincount(fold[:10]).tolist() == [2] * 5


def test_folds_are_whole_numbers():
    assert folds(KFold(2)).dtype == np.int64


def test_folds_may_be_an_iterable_of_splits():
    halves = np.arange(10), np.arange(10, 20)
    assert folds([halves, halves[::-1]]).tolist() == [1] * 10 + [0] * 10


def test_folds_keep_groups_whole():
    groups = np.arange(20) // 4
    fold = folds(GroupKFold(5), groups=groups)
    assert all(len(set(fold[groups == group])) == 1 for group in range(5))


@pytest.mark.parametrize(
    ("tests", "row"),
    [
        ([range(10), range(9, 20)], "row 9 is in 2:"),
        ([range(10), range(10, 19)], "row 19 is in 0:"),
    ],
    ids=["twice", "never"],
)
def test_folds_must_hold_every_row_once(tests, row):
    with pytest.raises(ValueError, match=f"exactly one test fold, but {row}"):
        folds([([], list(test)) for test in tests])


def test_folds_one_is_too_few():
    with pytest.raises(ValueError, match="cv gave one fold, but cross-fitting needs two or more"):
        folds([([], range(20))])


@pytest.mark.parametrize(
    ("cv", "codes", "error"),
    [
        (11, Y, "11 rows of one class, but the largest class of y has 10"),
        (21, np.linspace(0, 1, 20), "21 rows, but X has 20"),
    ],
    ids=["classes", "quantities"],
)
def test_folds_more_than_rows_are_an_error(cv, codes, error):
    with pytest.raises(ValueError, match=rf"^cv={cv} needs at least {error} \(n_samples = 20\)"):
        folds(cv, codes)


@pytest.mark.parametrize(
    ("cv", "codes"), [(10, Y), (20, np.linspace(0, 1, 20)), (LeaveOneOut(), Y)]
)
def test_folds_may_be_as_many_as_rows(cv, codes):
    assert np.bincount(folds(cv, codes)).tolist() == [2] * MOST_TABLES


@pytest.mark.parametrize(
    ("groups", "sizes"),
    [
        (np.arange(40) // 2, [4] * 10),
        (np.repeat(np.arange(13), range(13)), [5, 5, 5, 6, 7, 8, 9, 10, 11, 12]),
    ],
    ids=["equal", "unequal"],
)
def test_folds_beyond_ten_share_tables_and_stay_whole(groups, sizes):
    n = len(groups)
    used, zeros = np.ones(n, dtype=bool), np.zeros(n)
    fold = assign_folds(
        LeaveOneGroupOut(),
        zeros,
        zeros,
        None,
        used,
        random_state=0,
        split_params={"groups": groups},
    )
    assert all(len(set(fold[groups == group])) == 1 for group in groups)
    assert sorted(np.bincount(fold)) == sizes


def test_folds_that_share_a_table_do_not_follow_the_order_of_rows():
    """Else a level in every tenth row would have all its rows in one table."""
    fold = folds(LeaveOneOut())
    assert (fold[:10] != fold[10:]).any()


def test_folds_of_ten_keep_their_order():
    assert folds(KFold(10)).tolist() == [row // 2 for row in range(20)]


def test_folds_beyond_ten_count_rows_with_weight():
    used = np.arange(20) < 11
    fold = folds(KFold(20), np.linspace(0, 1, 20), used=used)
    assert np.bincount(fold[used], minlength=MOST_TABLES).max() == 2


@pytest.mark.parametrize("cv", [20, 50, 150])
def test_folds_beyond_ten_of_an_int_are_ten(cv):
    y = np.arange(300) % 2
    options = {"random_state": 0, "split_params": {}}
    given = y, y, y, np.ones(300, dtype=bool)
    np.testing.assert_array_equal(
        assign_folds(cv, *given, **options), assign_folds(10, *given, **options)
    )


def test_folds_may_be_masks():
    first = np.arange(20) < 10
    assert folds([(~first, first), (first, ~first)]).tolist() == [0] * 10 + [1] * 10


def test_folds_of_other_rows_are_an_error():
    splits = list(KFold(2).split(np.zeros(24)))
    with pytest.raises(ValueError, match="cv tests row 23, but X has 20 rows"):
        folds(splits)


def test_folds_of_a_used_up_generator_are_an_error():
    splits = KFold(2).split(X)
    folds(splits)
    with pytest.raises(ValueError, match=r"cv gave no splits.*list\(splitter.split"):
        folds(splits)


@pytest.mark.parametrize("codes", [Y, np.linspace(0, 1, 20)])
def test_folds_ignore_rows_that_do_not_count(codes):
    used = np.arange(20) % 3 > 0
    strata = codes[used] if codes.dtype.kind == "i" else None
    options = {"random_state": 0, "split_params": {}}
    n = int(used.sum())
    alone = assign_folds(4, X[used], codes[used], strata, np.ones(n, dtype=bool), **options)
    np.testing.assert_array_equal(folds(4, codes, used=used)[used], alone)
