import numpy as np
import pytest
from scipy.sparse import csr_array

from skembed._columns.lookup import ByValue
from skembed._model.tables import (
    gather,
    gather_own_fold,
    mean_over_folds,
    round_to_agreement,
    weight_by_code,
)

PRIOR = np.array([1.0, 2.0, 3.0], dtype=np.float32)
TABLE = np.array([[0, 0], [1, 2], [3, 4], [5, 6], [7, 8]], dtype=np.float32)
# Two bags: one half of code 3 and one half of code 4; and code 1 alone.
BAGS = csr_array(np.array([[0, 0, 0, 0.5, 0.5], [0, 1, 0, 0, 0]], dtype=np.float32))


@pytest.fixture
def deviation():
    """Five codes, two folds, three components."""
    deviation = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    deviation[0] = 0
    return deviation


def test_tables_mean_over_folds(deviation):
    table = mean_over_folds(PRIOR, deviation)
    np.testing.assert_array_equal(table[0], PRIOR)
    np.testing.assert_allclose(table[3], PRIOR + (deviation[3, 0] + deviation[3, 1]) / 2)


def test_tables_of_the_own_fold_for_each_row(deviation):
    out = np.empty((2, 3))
    gather_own_fold(deviation, np.array([3, 3]), np.array([0, 1]), out)
    np.testing.assert_array_equal(out, deviation[3])


def test_tables_of_the_own_fold_for_each_bag(deviation):
    out = np.empty((2, 3))
    gather_own_fold(deviation, BAGS, np.array([1, 0]), out)
    np.testing.assert_allclose(out[0], (deviation[3, 1] + deviation[4, 1]) / 2)
    np.testing.assert_allclose(out[1], deviation[1, 0])


def test_tables_vectors_of_codes():
    out = np.empty((3, 2))
    gather(TABLE, ByValue.of_codes(np.array([4, 0, 4]), 5), out)
    assert out.tolist() == [[7, 8], [0, 0], [7, 8]]


def test_tables_vectors_of_bags():
    out = np.empty((2, 2))
    gather(TABLE, BAGS, out)
    assert out.tolist() == [[6, 7], [1, 2]]


def test_tables_weight_of_codes():
    weight = weight_by_code(np.array([3, 0, 3]), np.array([1.0, 2.0, 0.5]), 5)
    assert weight.tolist() == [2, 0, 0, 1.5, 0]


def test_tables_weight_of_the_members_of_bags():
    assert weight_by_code(BAGS, np.array([3.0, 1.0]), 5).tolist() == [0, 1, 0, 1.5, 1.5]


def test_rounding_is_to_multiples_of_what_folds_differ_by():
    tables = np.array([[[0.0], [0.0]], [[10.3], [12.3]], [[21.7], [23.7]]], dtype=np.float32)
    by_fold, mean = round_to_agreement(tables, np.array([0, 5, 5]))
    np.testing.assert_array_equal(by_fold[:, :, 0], [[0, 0], [10, 12], [22, 24]])
    np.testing.assert_array_equal(mean[:, 0], [0, 11, 23])


def test_rounding_step_is_small_where_folds_nearly_agree():
    tables = np.array([[[0.0], [0.0]], [[1.1], [1.6]]], dtype=np.float32)
    by_fold, mean = round_to_agreement(tables, np.array([0, 5]))
    np.testing.assert_allclose(by_fold[1, :, 0], [1.0, 1.5], rtol=1e-6)
    np.testing.assert_allclose(mean[1], [1.25], rtol=1e-6)


def test_rounding_takes_no_more_bytes():
    by_fold, mean = round_to_agreement(np.ones((2, 2, 1), dtype=np.float32), np.ones(2))
    assert by_fold.dtype == mean.dtype == np.float32


def test_rounding_counts_disagreement_by_rows():
    tables = np.array([[[0.0], [2.0]], [[5.2], [5.2]]], dtype=np.float32)
    _, mean = round_to_agreement(tables, np.array([0, 9]))
    np.testing.assert_array_equal(mean[1], tables[1, 0])
    _, mean = round_to_agreement(tables, np.array([9, 0]))
    np.testing.assert_array_equal(mean[1], [5])


def test_rounding_of_a_single_fold_changes_nothing(deviation):
    by_fold, mean = round_to_agreement(deviation[:, :1], np.ones(5))
    np.testing.assert_array_equal(by_fold, deviation[:, :1])
    np.testing.assert_array_equal(mean, deviation[:, 0])
