import numpy as np
import pytest

from skembed.tables import gather_own_fold, mean_over_folds

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
    gather_own_fold(PRIOR, deviation, np.array([3, 3]), np.array([0, 1]), out)
    np.testing.assert_array_equal(out, PRIOR + deviation[3])
