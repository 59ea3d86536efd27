import numpy as np
import pytest

from skembed.tables import gather_own_fold, mean_over_folds, round_to_agreement

PRIOR = np.array([1.0, 2.0, 3.0], dtype=np.float32)


@pytest.fixture
def deviation():
    """Five codes, two folds, three components."""
    deviation = np.random.default_rng(0).normal(size=(5, 2, 3)).astype(np.float32)
    deviation[0] = 0
    return deviation


def test_mean_over_folds(deviation):
    table = mean_over_folds(PRIOR, deviation)
    np.testing.assert_array_equal(table[0], PRIOR)
    np.testing.assert_allclose(table[3], PRIOR + (deviation[3, 0] + deviation[3, 1]) / 2)


def test_each_row_is_looked_up_in_its_own_fold(deviation):
    out = np.empty((2, 3))
    gather_own_fold(deviation, np.array([3, 3]), np.array([0, 1]), out)
    np.testing.assert_array_equal(out, deviation[3])


def test_vectors_are_multiples_of_what_the_folds_differ_by():
    tables = np.array([[[0.0], [0.0]], [[10.3], [12.3]], [[21.7], [23.7]]], dtype=np.float32)
    by_fold, mean = round_to_agreement(tables, np.array([0, 5, 5]))
    np.testing.assert_array_equal(by_fold[:, :, 0], [[0, 0], [10, 12], [22, 24]])
    np.testing.assert_array_equal(mean[:, 0], [0, 11, 23])


def test_rows_decide_whose_disagreement_counts():
    tables = np.array([[[0.0], [2.0]], [[5.2], [5.2]]], dtype=np.float32)
    _, mean = round_to_agreement(tables, np.array([0, 9]))
    np.testing.assert_array_equal(mean[1], tables[1, 0])
    _, mean = round_to_agreement(tables, np.array([9, 0]))
    np.testing.assert_array_equal(mean[1], [5])


def test_a_single_fold_is_not_rounded(deviation):
    by_fold, mean = round_to_agreement(deviation[:, :1], np.ones(5))
    np.testing.assert_array_equal(by_fold, deviation[:, :1])
    np.testing.assert_array_equal(mean, deviation[:, 0])
