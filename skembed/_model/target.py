"""What kind of target it is, its encoding for the net, and its loss."""

from decimal import Decimal
from numbers import Real
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from skembed._model.losses import (
    CrossEntropy,
    LogLoss,
    PoissonLoss,
    QuantileLoss,
    SquaredLoss,
)
from skembed._utils.warnings import warn_user
from skembed._utils.weighted_quantile import weighted_quantile

MANY_CLASSES = 20
NORMAL_INTERQUARTILE_RANGE = 1.349  # in standard deviations


class Target(NamedTuple):
    """A target made ready for the net.

    Attributes
    ----------
    kind : {"binary", "multiclass", "multilabel", "continuous", "multioutput"}
    classes : ndarray of shape (n_classes,) or None
        Sorted classes, or the positions of several labels; None for quantities.
    values : ndarray of shape (n_rows,) or (n_rows, n_outputs)
        int64 codes of several classes; otherwise float32, a column per output: 0 or 1, or
        quantities, standardised or (under the Poisson loss) divided by their mean.
    loss : object
        See `skembed._model.losses`.
    bias : ndarray of float32, shape (n_outputs,)
        Output of a net that knows only the target's distribution.
    centre, scale : ndarray of shape (n_outputs,) or None
        What quantities were centred at and divided by.
    """

    kind: str
    classes: np.ndarray | None
    values: np.ndarray
    loss: Any
    bias: np.ndarray
    centre: np.ndarray | None = None
    scale: np.ndarray | None = None

    @property
    def strata(self):
        """Codes of the classes (n_rows,), for stratified folds; None where a row has no class."""
        if self.kind == "binary":
            return self.values[:, 0].astype(np.int64)
        return self.values if self.kind == "multiclass" else None

    def without_rows(self):
        """Copy without the values of rows."""
        return self._replace(values=self.values[:0])

    def encode(self, y):
        """Values of other rows, from the same classes or from quantities, (n_rows,)."""
        if self.classes is None:
            return ((y[:, None] - self.centre) / self.scale).astype(np.float32)
        codes = np.searchsorted(self.classes, y)
        return codes[:, None].astype(np.float32) if self.kind == "binary" else codes


def encode_target(y, target_type, weight, *, used=None, loss="auto", quantile=None, y_range=None):
    """Encode ``y`` for the net.

    Parameters
    ----------
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
    target_type : {"auto", "classes", "quantities", "binary", "multiclass", "multilabel", \
            "continuous", "multioutput"}
        "classes" and "quantities" leave it to the shape of ``y`` whether there are several.
    weight : ndarray of shape (n_rows,)
        Weights of the rows, not all zero.
    used : ndarray of bool, shape (n_rows,), default=None
        Rows whose target is looked at: those with weight. The others may hold anything.
    loss, quantile, y_range
        As in the encoder.

    Returns
    -------
    Target
    """
    y = _checked(y, weight > 0 if used is None else used)
    if target_type == "classes":
        check_classification_targets(y)
    kind = _kind(y, target_type)
    if kind in ("continuous", "multioutput"):
        return _quantities(y, kind, weight, loss, quantile, y_range)
    for name, value, default in (
        ("loss", loss, "auto"),
        ("quantile", quantile, None),
        ("y_range", y_range, None),
    ):
        if value != default:
            raise ValueError(
                f"{name}={value!r} is for quantities, but y holds classes (target_type={kind!r}). "
                "If they are quantities, say so by target_type='continuous'."
            )
    if kind == "multilabel":
        return _multilabel(y, weight)
    return _classes(y, kind, target_type, weight)


def _classes(y, kind, target_type, weight):
    classes, codes = np.unique(y, return_inverse=True)
    if len(classes) < 2:
        raise ValueError(
            f"y holds one class, {classes.item()!r}: an embedding is learned from the differences "
            "between classes, so at least two are needed."
        )
    if target_type == "auto" and y.dtype.kind in "iu" and len(classes) > MANY_CLASSES:
        warn_user(
            f"y holds integers with {len(classes)} different values, taken as classes. If they are "
            "quantities, say so by target_type='continuous'; if they are classes, silence this "
            "by target_type='multiclass'."
        )
    if kind == "binary" and len(classes) != 2:
        raise ValueError(f"target_type='binary' needs two classes in y, but it has {len(classes)}.")
    if len(classes) == 2:
        yes, log_loss = codes[:, None].astype(np.float32), LogLoss()
        return Target("binary", classes, yes, log_loss, _start(log_loss, yes, weight))
    codes, loss = codes.astype(np.int64), CrossEntropy()
    return Target("multiclass", classes, codes, loss, _start(loss, codes, weight))


def _multilabel(y, weight):
    y = y.reshape(len(y), -1)
    if not np.isin(y, [0, 1]).all():
        wrong = y[~np.isin(y, [0, 1])][0]
        raise ValueError(
            f"Several labels must be given as a matrix of 0 and 1, but y holds {wrong}. Several "
            "columns of quantities are target_type='multioutput'; several columns of classes are "
            "not supported: fit an estimator for each."
        )
    values, loss = y.astype(np.float32), LogLoss()
    return Target("multilabel", np.arange(y.shape[1]), values, loss, _start(loss, values, weight))


def _quantities(y, kind, weight, loss, quantile, y_range):
    try:
        y = y.astype(np.float64)
    except (TypeError, ValueError) as error:
        wrong = next(value for value in y.ravel().tolist() if not _is_number(value))
        raise ValueError(
            f"target_type={kind!r} needs numbers in y, but it holds {wrong!r}."
        ) from error
    if not np.isfinite(y).all():
        row = int(np.argwhere(~np.isfinite(y))[0][0])
        raise ValueError(f"y holds an infinite value (row {row}): remove or replace it.")
    y = y.reshape(len(y), -1)
    if (quantile is not None) != (loss == "quantile"):
        raise ValueError(
            f"quantile={quantile!r} was given with loss={loss!r}: give both loss='quantile' and "
            "quantile, a number between 0 and 1, or neither."
        )
    used = weight > 0
    # Counted in a power of two near the largest, squares do not overflow, and no bit is rounded.
    unit = np.exp2(np.frexp(np.abs(y[used]).max(axis=0))[1] - 1)
    in_units, weight = y / unit, weight[used]
    counted = in_units[used]
    centre = np.average(counted, axis=0, weights=weight)
    if loss == "poisson":
        return _counts(y, kind, centre * unit, y_range)
    scale = np.sqrt(np.average((counted - centre) ** 2, axis=0, weights=weight))
    if loss in ("quantile", "absolute_error"):
        # Outliers do not move these losses, so they must not decide the units either.
        first, centre, third = weighted_quantile(counted, weight, [0.25, 0.5, 0.75])
        scale = np.where(third > first, (third - first) / NORMAL_INTERQUARTILE_RANGE, scale)
    scale[scale == 0] = 1 / unit[scale == 0]
    values = ((in_units - centre) / scale).astype(np.float32)
    centre, scale = centre * unit, scale * unit
    bounds = _bounds(y, y_range, centre, scale)
    if loss in ("quantile", "absolute_error"):
        of_rows: SquaredLoss = QuantileLoss(bounds, 0.5 if quantile is None else quantile)
    else:
        of_rows = SquaredLoss(bounds)
    bias = _start(of_rows, values[used], weight)
    if bounds is None and loss in ("auto", "squared_error"):
        bias = np.zeros_like(bias)  # the mean of the values, without the rounding
    return Target(kind, None, values, of_rows, bias, centre, scale)


def _is_number(value):
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _counts(y, kind, mean, y_range):
    if y_range is not None:
        raise ValueError(f"y_range={y_range!r} does not go with loss='poisson', which has no top.")
    if (y < 0).any():
        row = int(np.argwhere(y < 0)[0][0])
        raise ValueError(
            f"loss='poisson' needs counts, but y holds {y[row].min():g} (row {row}): give values "
            "of 0 and more, or another loss."
        )
    if (mean == 0).any():
        raise ValueError("loss='poisson' needs some count above 0, but all of y is 0.")
    values, loss = (y / mean).astype(np.float32), PoissonLoss()
    centre, bias = np.zeros_like(mean), np.zeros(len(mean), dtype=np.float32)
    return Target(kind, None, values, loss, bias, centre, mean)


def _bounds(y, y_range, centre, scale):
    """Limits of the standardised target, each (n_outputs,), or None."""
    if y_range is None:
        return None
    try:
        low, high = map(float, y_range)
    except (TypeError, ValueError):
        low = high = np.nan
    if not low < high:
        raise ValueError(f"y_range must be (low, high) with low < high, got {y_range!r}.")
    outside = (y < low) | (y > high)
    if outside.any():
        row, column = np.argwhere(outside)[0]
        raise ValueError(
            f"y_range={y_range!r}, but y holds {y[row, column]:g} (row {row}): give a range that "
            "holds every target."
        )
    return (low - centre) / scale, (high - centre) / scale


def _start(loss, values, weight):
    return loss.constant(values, weight).astype(np.float32)


def _checked(y, used):
    """Array of one dimension, or of two if it has several columns; nothing missing.

    Rows that are not used take the target of the first that is.
    """
    if y is None:
        raise ValueError(
            "This estimator requires y to be passed, but the target y is None: the net learns to "
            "predict it. NeuralEmbeddingEncoder alone can do without."
        )
    y = y.toarray() if issparse(y) else np.asarray(y)
    if y.ndim != 2 or y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if used.any() and not used.all():
        y = y.copy()
        y[~used] = y[used][0]
    missing = pd.isna(y)
    if missing.any():
        row = int(np.argwhere(missing)[0][0])
        raise ValueError(
            f"Input y contains NaN or None: {int(missing.sum())} values, the first in row {row}. "
            "Drop the rows whose target is missing."
        )
    y = _of_one_kind(y) if y.dtype == object else y
    if y.dtype.kind in "mM":
        raise ValueError(
            f"y holds {'dates' if y.dtype.kind == 'M' else 'durations'} (its type is {y.dtype}), "
            "but a target must be numbers or classes. Give numbers, such as days: (y - y.min()) / "
            "pandas.Timedelta(days=1). If each is a class of its own, give strings: y.astype(str)."
        )
    return y


def _of_one_kind(y):
    """Array of objects with the type of its values; strings stay Python strings."""
    values = y.ravel().tolist()
    if all(isinstance(value, str) for value in values):
        return y
    if any(isinstance(value, Decimal) for value in values) and all(map(_is_real, values)):
        return y.astype(np.float64)
    typed = np.asarray(pd.Series(values).infer_objects()).reshape(y.shape)
    if typed.dtype != object or y.ndim == 2:  # labels of two columns may be 1 and True
        return typed
    kinds = sorted({type(value).__name__ for value in values})
    if len(kinds) == 1:
        raise ValueError(
            f"Unknown label type: y holds values of the type {kinds[0]}. A target must be numbers "
            "or classes: give floats of a quantity, and strings or integers of classes."
        )
    raise ValueError(
        f"Unknown label type: y holds a mixture of {kinds}. Make all of them strings or "
        "all of them numbers."
    )


def _is_real(value):
    return isinstance(value, (Decimal, Real)) and not isinstance(value, (bool, np.bool_))


def _kind(y, target_type):
    """Kind of target; floats are quantities even if they are whole, such as prices."""
    several = y.ndim == 2
    if target_type == "auto":
        target_type = "quantities" if y.dtype.kind == "f" else "classes"
    if target_type == "quantities":
        return "multioutput" if several else "continuous"
    if target_type == "classes":
        return "multilabel" if several else "classes"
    if several and target_type not in ("multilabel", "multioutput"):
        raise ValueError(
            f"target_type={target_type!r} needs one column in y, but y has shape {y.shape}. "
            "Several columns are 'multilabel' (0 and 1) or 'multioutput' (quantities)."
        )
    return target_type
