"""Losses in numpy: of a row, its derivatives, and the constant answer where the net starts.

The outputs of the net are unbounded numbers. A loss says what they predict (log-odds, the logarithm
of a rate, a standardised quantity) and how far that is from the truth. `skembed._training` holds
the same losses for torch.
"""

import numpy as np
from scipy.special import expit, logit, logsumexp, softmax

from skembed._utils.weighted_quantile import weighted_quantile


class LogLoss:
    """Minus the log-likelihood of yes or no, for one label or several; outputs are log-odds."""

    name = "log_loss"

    def rows(self, values, output):
        """Loss of each row, in the mean over the outputs.

        Parameters
        ----------
        values, output : ndarray of shape (n_rows, n_outputs)

        Returns
        -------
        ndarray of shape (n_rows,)
        """
        return (np.logaddexp(0, output) - values * output).mean(axis=-1)

    def derivatives(self, values, output):
        """Minus the first and plus the second derivative of each output's loss.

        Parameters
        ----------
        values : ndarray of shape (n_rows, 1, n_outputs)
        output : ndarray of shape (n_rows, n_folds, n_outputs)

        Returns
        -------
        residual, curvature : ndarray of the shape of ``output``
        """
        probability = expit(output)
        return values - probability, probability * (1 - probability)

    def constant(self, values, weight):
        """Outputs (n_outputs,) of the best answer that looks at no column."""
        share = np.average(values, axis=0, weights=weight)
        return logit(np.clip(share, 1e-6, 1 - 1e-6))


class CrossEntropy:
    """Minus the log-likelihood of one class among several; outputs are log-probabilities."""

    name = "cross_entropy"

    def rows(self, values, output):
        """As in `LogLoss`, with codes of classes (n_rows,) as values."""
        return logsumexp(output, axis=1) - output[np.arange(len(output)), values]

    def derivatives(self, values, output):
        """As in `LogLoss`, with codes of classes (n_rows, 1) as values."""
        probability = softmax(output, axis=-1)
        truth = np.arange(output.shape[-1]) == values[..., None]
        return truth - probability, probability * (1 - probability)

    def constant(self, values, weight):
        """As in `LogLoss`."""
        share = np.bincount(values, weights=weight) / weight.sum()
        return np.log(np.clip(share, 1e-6, 1))


class SquaredLoss:
    """Squared error of standardised quantities, whose mean is predicted.

    Parameters
    ----------
    bounds : (float, float) or None
        Predictions are between these: a sigmoid of the output. None leaves outputs as they are.
    """

    name = "squared_error"

    def __init__(self, bounds=None):
        self.bounds = bounds

    def rows(self, values, output):
        """As in `LogLoss`."""
        return self._error(values, self.predict(output)).mean(axis=-1)

    def derivatives(self, values, output):
        """As in `LogLoss`."""
        residual, curvature = self._derivatives(values, self.predict(output))
        if self.bounds is None:
            return residual, curvature
        low, high = self.bounds
        probability = expit(output)
        slope = (high - low) * probability * (1 - probability)
        # What the bend of the sigmoid adds to the curvature may be negative and is left out.
        return residual * slope, curvature * slope**2

    def constant(self, values, weight):
        """As in `LogLoss`."""
        middle = self._middle(values, weight)
        if self.bounds is None:
            return middle
        low, high = self.bounds
        return logit(np.clip((middle - low) / (high - low), 0.01, 0.99))

    def predict(self, output):
        """Standardised quantities from outputs."""
        if self.bounds is None:
            return output
        low, high = self.bounds
        return low + (high - low) * expit(output)

    def _error(self, values, predicted):
        return (predicted - values) ** 2

    def _derivatives(self, values, predicted):
        return 2 * (values - predicted), np.full_like(predicted, 2)

    def _middle(self, values, weight):
        return np.average(values, axis=0, weights=weight)


class QuantileLoss(SquaredLoss):
    """Pinball loss: the quantile of the target is predicted; 0.5 is the median.

    Parameters
    ----------
    bounds : (float, float) or None
        As in `SquaredLoss`.
    quantile : float

    References
    ----------
    Koenker and Bassett (1978), "Regression quantiles", Econometrica 46(1).
    """

    name = "quantile"

    def __init__(self, bounds=None, quantile=0.5):
        super().__init__(bounds)
        self.quantile = quantile

    def _error(self, values, predicted):
        short = values - predicted
        return np.maximum(self.quantile * short, (self.quantile - 1) * short)

    def _derivatives(self, values, predicted):
        # The loss has no curvature; 1 replaces it, as in gradient boosting.
        return self.quantile - (values < predicted), np.ones_like(predicted)

    def _middle(self, values, weight):
        return weighted_quantile(values, weight, [self.quantile])[0]


class PoissonLoss:
    """Poisson deviance up to a constant, for counts; outputs are logarithms of rates."""

    name = "poisson"

    def rows(self, values, output):
        """As in `LogLoss`."""
        return (np.exp(output) - values * output).mean(axis=-1)

    def derivatives(self, values, output):
        """As in `LogLoss`."""
        rate = np.exp(output)
        return values - rate, rate

    def constant(self, values, weight):
        """As in `LogLoss`."""
        return np.log(np.average(values, axis=0, weights=weight))

    def predict(self, output):
        """Rates from outputs."""
        return np.exp(output)
