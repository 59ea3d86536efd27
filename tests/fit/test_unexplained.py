"""How much of what a net leaves the levels of a column would explain."""

import numpy as np
import pytest

from skembed._fit.unexplained import SMOOTHING, Unexplained

N_FOLDS, N_LEVELS = 4, 6


@pytest.fixture
def rows():
    """Residuals, curvatures, folds and levels of 500 rows with two outputs."""
    rng = np.random.default_rng(0)
    residual = rng.normal(size=(500, N_FOLDS, 2))
    curvature = rng.uniform(0.5, 1.5, residual.shape)
    return residual, curvature, rng.integers(0, N_FOLDS, 500), rng.integers(0, N_LEVELS, 500)


def test_unexplained_step_is_that_of_the_other_folds(rows):
    residual, curvature, fold, level = rows
    step = Unexplained(residual, curvature, fold).test(level, N_LEVELS).step
    own = np.arange(len(fold)), fold
    smoothing = SMOOTHING * curvature[own].mean(axis=0)
    plain = np.empty_like(step)
    for v, k in np.ndindex(N_LEVELS, N_FOLDS):
        others = (level == v) & (fold != k)
        first, second = residual[others, k].sum(axis=0), curvature[others, k].sum(axis=0)
        plain[v, k] = first / (second + smoothing)
    multiple = (step * plain).sum() / (plain**2).sum()
    np.testing.assert_allclose(step, multiple * plain, rtol=1e-3, atol=1e-5)


def test_unexplained_gain_is_the_fall_of_the_loss():
    """Of squared losses, which are their own second-order approximation."""
    rng = np.random.default_rng(0)
    fold, level = rng.integers(0, N_FOLDS, 3000), rng.integers(0, N_LEVELS, 3000)
    y = rng.normal(size=N_LEVELS)[level] + rng.normal(size=3000)
    residual = np.repeat(y[:, None, None], N_FOLDS, axis=1)
    unexplained = Unexplained(residual, np.ones_like(residual), fold)
    found = unexplained.test(level, N_LEVELS)
    left = y - found.step[level, fold, 0]
    assert found.gain == pytest.approx((y @ y - left @ left) / 2, rel=1e-3)
    assert found.z > 10
    unexplained.take_off(level, found.step)
    assert unexplained.test(level, N_LEVELS).gain < found.gain / 100


def test_unexplained_noise_is_within_standard_errors(rows):
    residual, curvature, fold, _ = rows
    zs = [
        Unexplained(residual, curvature, fold)
        .test(np.random.default_rng(seed).integers(0, N_LEVELS, len(fold)), N_LEVELS)
        .z
        for seed in range(200)
    ]
    assert abs(np.mean(zs)) < 0.3
    assert 0.6 < np.std(zs) < 1.4


def test_unexplained_sums_of_classes_are_independent_and_alike(rows):
    fold = rows[2]
    share = np.array([0.7, 0.2, 0.06, 0.04])
    y = np.random.default_rng(0).choice(4, len(fold), p=share)
    residual = np.repeat((np.eye(4)[y] - share)[:, None], N_FOLDS, axis=1)
    curvature = np.broadcast_to(share * (1 - share), residual.shape)
    sums = Unexplained(residual, curvature, fold).sum_outputs(8, np.random.default_rng(0))
    assert sums.residual.shape == (len(fold), N_FOLDS, 3)  # residuals of classes add up to zero
    covariance = np.cov(sums.residual[np.arange(len(fold)), fold], rowvar=False)
    np.testing.assert_allclose(covariance, np.eye(3), atol=1e-3)
