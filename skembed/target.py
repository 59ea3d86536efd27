"""What kind of target it is, its encoding for the net, and where the net starts."""

import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp, softmax
from sklearn.utils import column_or_1d

MANY_CLASSES = 20


class Target(NamedTuple):
    """A target made ready for the net.

    Attributes
    ----------
    kind : {"binary", "multiclass", "continuous"}
    classes : ndarray of shape (n_classes,) or None
        Sorted classes; None for a continuous target.
    values : ndarray of shape (n_rows,)
        int64 codes of the classes, or float32 of mean 0 and standard deviation 1.
    bias : ndarray of float32, shape (n_outputs,)
        Output of a net that knows only the target's distribution: log-odds, log-frequencies or 0.
    mean, scale : float
        What a continuous target was centred at and divided by.
    """

    kind: str
    classes: np.ndarray | None
    values: np.ndarray
    bias: np.ndarray
    mean: float = 0.0
    scale: float = 1.0


def encode_target(y, target_type, weight):
    """Encode ``y`` for the net.

    Parameters
    ----------
    y : array-like of shape (n_rows,)
    target_type : {"auto", "classes", "binary", "multiclass", "continuous"}
    weight : ndarray of shape (n_rows,)
        Weights of the rows, not all zero.

    Returns
    -------
    Target
    """
    y = _checked(y)
    kind = _kind(y, target_type)
    if kind == "continuous":
        return _continuous(y, weight)
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y holds one class, {classes[0]!r}: an embedding is learned from the differences "
            "between classes, so at least two are needed."
        )
    if target_type == "auto" and y.dtype.kind in "iu" and len(classes) > MANY_CLASSES:
        warnings.warn(
            f"y holds integers with {len(classes)} different values, taken as classes. If they are "
            "quantities, say so by target_type='continuous'; if they are classes, silence this "
            "by target_type='multiclass'.",
            UserWarning,
            stacklevel=6,
        )
    if kind == "binary" and len(classes) != 2:
        raise ValueError(f"target_type='binary' needs two classes in y, but it has {len(classes)}.")
    share = np.bincount(codes, weights=weight) / weight.sum()
    share = np.clip(share, 1e-6, 1 - 1e-6)
    if len(classes) == 2:
        bias = np.log(share[1:] / share[:1])
        return Target("binary", classes, codes.astype(np.int64), bias.astype(np.float32))
    return Target("multiclass", classes, codes.astype(np.int64), np.log(share).astype(np.float32))


def losses(target, output):
    """Loss of each row, from outputs of the net (n_rows, n_outputs)."""
    rows = np.arange(len(output))
    if target.kind == "continuous":
        return (output[:, 0] - target.values) ** 2
    if target.kind == "binary":
        return np.logaddexp(0, output[:, 0]) - target.values * output[:, 0]
    return logsumexp(output, axis=1) - output[rows, target.values]


def derivatives(target, output):
    """Minus the first and plus the second derivative of the losses by the outputs.

    Parameters
    ----------
    target : Target
    output : ndarray of shape (n_rows, ..., n_outputs)
        Any number of outputs for each row.

    Returns
    -------
    residual, curvature : ndarray of the shape of ``output``
    """
    values = target.values.reshape(-1, *[1] * (output.ndim - 1))
    if target.kind == "continuous":
        return 2 * (values - output), np.full_like(output, 2.0)
    if target.kind == "binary":
        probability, truth = expit(output), values
    else:
        probability = softmax(output, axis=-1)
        truth = np.arange(output.shape[-1]) == values
    return truth - probability, probability * (1 - probability)


def _continuous(y, weight):
    try:
        y = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"target_type='continuous' needs numbers in y, but it holds {y[0]!r}."
        ) from error
    if not np.isfinite(y).all():
        row = int(np.flatnonzero(~np.isfinite(y))[0])
        raise ValueError(f"y holds an infinite value (row {row}): remove or replace it.")
    mean = np.average(y, weights=weight)
    scale = np.sqrt(np.average((y - mean) ** 2, weights=weight)) or 1.0
    values = ((y - mean) / scale).astype(np.float32)
    return Target("continuous", None, values, np.zeros(1, dtype=np.float32), mean, scale)


def _checked(y):
    if y is None:
        raise ValueError(
            "This estimator requires y to be passed, but the target y is None: the net learns to "
            "predict it. NeuralEmbeddingEncoder alone can do without."
        )
    y = column_or_1d(y, warn=True)
    missing = pd.isna(y)
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise ValueError(
            f"Input y contains NaN or None: {int(missing.sum())} values, the first in row {row}. "
            "Drop the rows whose target is missing."
        )
    if y.dtype == object:
        # An object array of one kind gets its own dtype; strings stay Python strings.
        y = np.asarray(pd.Series(y).infer_objects())
    if y.dtype == object and not all(isinstance(value, str) for value in set(y.tolist())):
        kinds = sorted({type(value).__name__ for value in y.tolist()})
        raise ValueError(
            f"Unknown label type: y holds a mixture of {kinds}. Make all of them strings or all "
            "of them numbers."
        )
    return y


def _kind(y, target_type):
    """Kind of target; floats are quantities even if they are whole, such as prices."""
    if target_type != "auto":
        return target_type
    return "continuous" if y.dtype.kind == "f" else "classes"
