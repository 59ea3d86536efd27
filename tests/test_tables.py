import numpy as np
import pytest

from skembed.tables import canonical_axes, gather_own_fold, mean_over_folds

PRIOR = np.array([1.0, 2.0, 3.0], dtype=np.float32)
COUNTS = np.array([0, 4, 1, 2, 9])


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


@pytest.mark.parametrize("first", [0, 1])
def test_axes_are_sorted_by_variance_and_distances_stay(deviation, first):
    prior, turned = canonical_axes(PRIOR, deviation, COUNTS, first=first)
    table = mean_over_folds(prior, turned)
    weight = COUNTS / COUNTS.sum()
    centred = table - weight @ table
    covariance = (centred * weight[:, None]).T @ centred
    free = covariance[first:, first:]
    assert (np.diff(np.diag(free)) < 0).all()
    np.testing.assert_allclose(free - np.diag(np.diag(free)), 0, atol=1e-6)

    def distances(vectors):
        return np.linalg.norm(vectors[:, None] - vectors, axis=-1)

    np.testing.assert_allclose(
        distances(table), distances(mean_over_folds(PRIOR, deviation)), rtol=1e-4
    )


def test_the_own_effect_keeps_its_axis(deviation):
    prior, turned = canonical_axes(PRIOR, deviation, COUNTS, first=1)
    assert prior[0] == PRIOR[0]
    np.testing.assert_array_equal(turned[..., 0], deviation[..., 0])


def test_one_component_is_left_alone(deviation):
    _, turned = canonical_axes(PRIOR[:1], deviation[..., :1], COUNTS, first=1)
    np.testing.assert_array_equal(turned, deviation[..., :1])
