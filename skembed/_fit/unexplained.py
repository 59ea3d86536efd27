"""What a net leaves to explain, and how much of that the levels of a column would."""

from typing import NamedTuple

import numpy as np
from scipy.sparse import csc_array

SMOOTHING = 10  # rows without residual, added to each level


class Found(NamedTuple):
    """What a column would explain.

    Attributes
    ----------
    step : ndarray of shape (n_levels, n_folds, n_outputs)
        Moves the output for the rows of a level, as the rows outside a fold say.
    gain : float
        Fall of the sum of the rows' losses.
    z : float
        Number of standard errors by which the folds' agreement is above zero.
    """

    step: np.ndarray
    gain: float
    z: float


class Unexplained:
    """What a net without crosses leaves to explain, by the tables of each fold.

    Attributes
    ----------
    residual, curvature : ndarray of float32, shape (n_rows, n_folds, n_outputs)
        Minus the first and plus the second derivative of each row's loss by the net's output, when
        the row is looked up in the tables of each fold.
    fold : ndarray of int, shape (n_rows,)
    """

    def __init__(self, residual, curvature, fold):
        self.residual = np.ascontiguousarray(residual, dtype=np.float32)
        self.curvature = np.ascontiguousarray(curvature, dtype=np.float32)
        self.fold = fold
        self._read_own()

    def _read_own(self):
        """Residual, its square and curvature of each row by the tables of its own fold."""
        own = np.arange(len(self.fold)), self.fold
        residual, curvature = self.residual[own], self.curvature[own]  # (n_rows, n_outputs)
        self._own = np.hstack([residual, residual**2, curvature])
        self._smoothing = (SMOOTHING * curvature.mean(axis=0) + 1e-12).astype(np.float32)

    def take(self, rows):
        """Take some of the rows."""
        return Unexplained(self.residual[rows], self.curvature[rows], self.fold[rows])

    def sum_outputs(self, most, rng):
        """Sum the outputs of several, at random, to ``most``.

        Sums are of outputs that were made independent and alike in noise before.
        """
        n_outputs = self.residual.shape[2]
        if n_outputs == 1:
            return self
        values, vectors = np.linalg.eigh(np.cov(self._own[:, :n_outputs], rowvar=False))
        real = values > 1e-6 * values[-1]  # those of classes add up to zero
        weights = vectors[:, real] / np.sqrt(values[real])
        most = min(most, weights.shape[1])
        turn, _ = np.linalg.qr(rng.normal(size=(weights.shape[1], most)))
        weights = (weights @ turn).astype(np.float32)
        return Unexplained(self.residual @ weights, self.curvature @ weights**2, self.fold)

    def test(self, level, n_levels):
        """Test whether the rows of a level err to the same side in several folds.

        Each row's residual is multiplied by a smoothed mean of the residuals of its level in the
        other folds, all by the tables of the row's own fold, which the row did not make. Residuals
        of rows that were each looked up in their own fold's tables would not do: each row's target
        is in the other's vector, which sets them against each other.

        Parameters
        ----------
        level : ndarray of int, shape (n_rows,)
        n_levels : int

        Returns
        -------
        Found
        """
        n_rows, n_folds, n_outputs = self.residual.shape
        step = _add_up(level, n_levels, self.residual.reshape(n_rows, -1))
        step = step.reshape(-1, n_outputs)  # (n_levels * n_folds, n_outputs)
        cell = level * n_folds + self.fold
        own = _add_up(cell, len(step), self._own)
        residual, square, curvature = np.ascontiguousarray(
            own.reshape(len(step), 3, n_outputs).transpose(1, 0, 2)
        )
        step -= residual
        others = _add_up(level, n_levels, self.curvature.reshape(n_rows, -1))
        step /= others.reshape(step.shape) - curvature + self._smoothing
        agreement = float((residual * step).sum())
        squared = step**2
        bend = float((curvature * squared).sum())
        error = float((square * squared).sum()) ** 0.5
        multiple = max(0.0, agreement) / (bend + 1e-12)
        step *= np.float32(multiple)
        step = step.reshape(n_levels, n_folds, n_outputs)
        return Found(step, multiple * agreement / 2, agreement / (error + 1e-12))

    def take_off(self, level, step):
        """Take what the levels of a column explain off the residuals."""
        self.residual -= self.curvature * step[level]
        self._read_own()


def _add_up(level, n_levels, values):
    """Sum of the rows of ``values`` by level, in one pass over them."""
    ends = np.arange(len(level) + 1, dtype=np.int32)
    ones = np.ones(len(level), dtype=values.dtype)
    return csc_array((ones, level.astype(np.int32), ends), shape=(n_levels, len(level))) @ values
