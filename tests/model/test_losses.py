import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import PoissonRegressor
from sklearn.metrics import (
    log_loss,
    mean_pinball_loss,
    mean_poisson_deviance,
    mean_squared_error,
)

from skembed._model.losses import CrossEntropy, LogLoss, PoissonLoss, QuantileLoss, SquaredLoss
from skembed._training.losses import make_loss

QUANTITIES = np.array([[1.0, 0.3], [-1.0, 0.9], [0.2, -2.0], [0.1, 0.4]])
BOUNDS = np.array([-2.0, -3.0]), np.array([2.0, 2.0])
LOSSES = {
    "yes or no": (LogLoss(), np.array([[0.0], [1.0], [1.0], [0.0]])),
    "several labels": (LogLoss(), np.array([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0], [1.0, 0.0]])),
    "classes": (CrossEntropy(), np.array([0, 1, 2, 1])),
    "quantities": (SquaredLoss(), QUANTITIES),
    "within a range": (SquaredLoss(BOUNDS), QUANTITIES),
    "quantile": (QuantileLoss(None, 0.8), QUANTITIES),
    "counts": (PoissonLoss(), np.abs(QUANTITIES)),
}


@pytest.fixture(params=LOSSES)
def case(request):
    """A loss, its values and some outputs."""
    loss, values = LOSSES[request.param]
    n_outputs = 3 if values.ndim == 1 else values.shape[1]
    return loss, values, np.random.default_rng(0).normal(size=(4, n_outputs))


def test_losses_are_the_same_in_torch(case):
    loss, values, output = case
    ours = loss.rows(values, output)
    theirs = make_loss(loss)(torch.from_numpy(output), torch.from_numpy(values))
    np.testing.assert_allclose(ours, theirs.numpy(), rtol=1e-6)


def test_losses_residuals_are_minus_the_gradient(case):
    loss, values, output = case
    residual, _ = loss.derivatives(values[:, None], output[:, None])
    leaf = torch.from_numpy(output).requires_grad_()
    make_loss(loss)(leaf, torch.from_numpy(values)).sum().backward()
    n_averaged = 1 if values.ndim == 1 else values.shape[1]
    np.testing.assert_allclose(-leaf.grad.numpy() * n_averaged, residual[:, 0], rtol=1e-5)


@pytest.mark.parametrize("name", ["yes or no", "several labels", "classes", "quantities", "counts"])
def test_losses_curvature_is_the_second_derivative(name):
    """By central differences of the residuals."""
    loss, values = LOSSES[name]
    output = np.random.default_rng(0).normal(
        size=(4, 1, 3 if values.ndim == 1 else values.shape[1])
    )
    _, curvature = loss.derivatives(values[:, None], output)
    for j in range(output.shape[-1]):
        step = np.zeros_like(output)
        step[..., j] = 1e-5
        low, high = (loss.derivatives(values[:, None], output + s)[0] for s in (-step, step))
        np.testing.assert_allclose(((low - high) / 2e-5)[..., j], curvature[..., j], rtol=1e-6)


def test_losses_constant_is_the_best(case):
    loss, values, output = case
    weight = np.array([1.0, 2.0, 3.0, 0.5])
    best = loss.constant(values, weight)

    def mean_loss(constant):
        return np.average(loss.rows(values, np.tile(constant, (4, 1))), weights=weight)

    rng = np.random.default_rng(0)
    others = best + rng.normal(0, 0.1, size=(50, output.shape[1]))
    assert mean_loss(best) <= min(map(mean_loss, others)) + 1e-12


def test_log_loss_is_that_of_scikit_learn():
    loss, values = LOSSES["yes or no"]
    output = np.array([[-1.0], [2.0], [0.5], [0.0]])
    probability = 1 / (1 + np.exp(-output[:, 0]))
    assert loss.rows(values, output).mean() == pytest.approx(log_loss(values, probability))


def test_pinball_loss_is_that_of_scikit_learn():
    loss, values = LOSSES["quantile"]
    output = np.zeros_like(values)
    assert loss.rows(values, output).mean() == pytest.approx(
        mean_pinball_loss(values, output, alpha=0.8)
    )


def test_cross_entropy_is_that_of_scikit_learn():
    loss, values = LOSSES["classes"]
    output = np.random.default_rng(0).normal(size=(4, 3))
    assert loss.rows(values, output).mean() == pytest.approx(
        log_loss(values, softmax(output, axis=1))
    )


def test_squared_loss_is_that_of_scikit_learn():
    loss, values = LOSSES["quantities"]
    output = np.random.default_rng(0).normal(size=(4, 2))
    assert loss.rows(values, output).mean() == pytest.approx(mean_squared_error(values, output))


def test_poisson_loss_differences_are_half_those_of_the_deviance():
    loss, values = LOSSES["counts"]
    outputs = np.random.default_rng(0).normal(size=(2, 4, 2))
    ours = [loss.rows(values, output).mean() for output in outputs]
    theirs = [mean_poisson_deviance(values.ravel(), np.exp(output).ravel()) for output in outputs]
    assert np.diff(ours) == pytest.approx(np.diff(theirs) / 2)


@pytest.mark.parametrize("name", ["yes or no", "several labels", "classes"])
@pytest.mark.parametrize("far", [-1e4, 1e4])
def test_losses_of_sure_answers_are_finite(name, far):
    loss, values = LOSSES[name]
    output = np.zeros((4, 3 if values.ndim == 1 else values.shape[1]))
    output[:, 0] = far
    assert np.isfinite(loss.rows(values, output)).all()
    assert all(
        np.isfinite(part).all() for part in loss.derivatives(values[:, None], output[:, None])
    )


def test_poisson_loss_rates_are_those_of_a_poisson_regression():
    counts = np.array([0.0, 1.0, 4.0, 7.0])
    constant = PoissonLoss().constant(counts[:, None], np.ones(4))
    model = PoissonRegressor(alpha=0).fit(np.zeros((4, 1)), counts)
    assert PoissonLoss().predict(constant) == pytest.approx(model.predict([[0.0]]))
