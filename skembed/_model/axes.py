"""Axes of the vectors: the directions in which they move the answer, strongest first.

Training leaves vectors on axes that mean nothing by themselves, and longer than they need be:
most columns move the answer along one direction, and what lies across it is noise to the next
model, above all to one that measures distances. So the vectors are turned. How far a direction
moves the answer is read from two readers of the vectors: the decoder, by its gradient, and the
linear model that imitates it best, since a linear model may need a direction that the decoder
does not.

Of several outputs, strengths are sums over all, and what one class needs is faint beside them. So
a linear reader of the target is asked too, which axes it lacks for some output.

The linear model of up to 2,000 components is solved as a whole, at a cost that grows with their
cube. That of more is approached by steps that cost as much as the rows have numbers, and the rows
are fewer: a fit takes time in proportion to its columns.
"""

from itertools import pairwise
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from skembed._utils.one_blas_thread import one_blas_thread

MOST_ROWS = 10_000  # to look at
FEWEST_LOOKED_AT = 1_000  # of those, however many components there are
WIDE = 2_000  # components, above which no matrix of all by all is made
STEPS = 50  # of conjugate gradients, where there are so many
FAINT = 0.003  # share of the strength of all vectors, below which an axis is left out
FAINT_CROSS = 0.006  # share of the strength of all crosses, for theirs
PENALTY = 1e-4  # of the linear imitation, in units of the variances
MOST_OUTPUTS = 8  # to look at one by one
CHANCE = 0.05  # of an axis that adds nothing to be read, over all outputs
READERS = 3  # one after the other, each with what the one before lacked


class Axes(NamedTuple):
    """New axes of a column's vectors.

    Attributes
    ----------
    directions : ndarray of float32, shape (dim, dim)
        Vectors times this are the vectors on the new axes, in units of the net's output: the
        component's standard deviation over the rows is how far it moves the answer. Each component
        has a positive correlation with the output (of several, with the most correlated one).
    strengths : ndarray of shape (dim,)
        Variance over the rows of each component, falling.
    """

    directions: np.ndarray
    strengths: np.ndarray


def draw_rows(weight, n_components, random_state):
    """Rows to look at: those with weight, at most 10,000, and fewer of many components."""
    rows = np.flatnonzero(weight > 0)
    most = MOST_ROWS
    if n_components > WIDE:
        most = max(FEWEST_LOOKED_AT, MOST_ROWS * WIDE // n_components)
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(random_state).choice(rows, most, replace=False))


def find_axes(vectors, context, weight, decoder, random_state):
    """Axes of each column's vectors.

    With g the gradient of the output by a column's vector v, b the coefficients of v in the linear
    imitation, M the mean of E[g g'] and b b', and S the covariance of v, the axes are the
    eigenvectors of sqrt(M) S sqrt(M): the principal components of the vectors where lengths are
    measured by M.

    Parameters
    ----------
    vectors : list of ndarray of float32, each of shape (n_rows, dim)
        Vectors of the rows by column, each from its own fold's table.
    context : ndarray of float32, shape (n_rows, n_inputs)
    weight : ndarray of shape (n_rows,)
    decoder : MLP or Dot
        See `skembed._model.decoder`.
    random_state : int
        Draws the signs by which more than 8 outputs are summed: the products of such gradients
        are those of all outputs in the mean.

    Returns
    -------
    list of Axes

    References
    ----------
    Constantine, Dow and Wang (2014), "Active subspace methods in theory and practice", SIAM
    Journal on Scientific Computing 36(4), for E[g g'].
    """
    stops = np.cumsum([part.shape[1] for part in vectors])
    parts = [slice(*ends) for ends in pairwise([0, *stops])]
    inputs = np.hstack([*vectors, context])
    weight = (weight / weight.sum())[:, None]
    with one_blas_thread():
        output = decoder.output(inputs)
        slopes = [
            decoder.gradient(inputs, outer)
            for outer in _sums_of_outputs(output.shape, random_state)
        ]
        inputs, output = (x - (weight * x).sum(axis=0) for x in (inputs.astype(float), output))
        with_output = inputs.T @ (weight * output)
        if inputs.shape[1] > WIDE:
            covariances = [inputs[:, part].T @ (weight * inputs[:, part]) for part in parts]
            imitation = _ridge_of_many(inputs, weight, with_output)
        else:
            covariance = inputs.T @ (weight * inputs)
            covariances = [covariance[part, part] for part in parts]
            imitation = _ridge(covariance, with_output)
        axes = []
        for part, covariance in zip(parts, covariances, strict=True):
            metric = imitation[part] @ imitation[part].T
            for slope in slopes:
                metric += slope[:, part].T @ (weight * slope[:, part])
            axes.append(_principal(metric / 2, covariance, with_output[part]))
    return axes


def n_kept(strengths, fewest, crossed):
    """How many axes of each column are not faint.

    An axis is faint below 0.3 % of the strength of all vectors. Crosses repeat much of each other,
    so theirs are also faint below 0.6 % of the strength of all crosses.

    Parameters
    ----------
    strengths : list of ndarray
        Of each column.
    fewest : list of int
        So many are kept of each column, however faint.
    crossed : list of bool
        Which columns are crosses.

    Returns
    -------
    list of int

    Examples
    --------
    >>> n_kept([np.array([0.9, 0.0001]), np.array([0.1, 0.0])], [1, 1], [False, False])
    [1, 1]
    >>> n_kept([np.array([0.9, 0.0]), np.array([0.5, 0.002])], [2, 0], [False, True])
    [2, 1]
    """
    strength = np.array([part.sum() for part in strengths])
    faint = FAINT * strength.sum()
    faint_cross = max(faint, FAINT_CROSS * strength[np.array(crossed)].sum())
    least = [faint_cross if cross else faint for cross in crossed]
    return [
        max(few, int((part > bound).sum()))
        for part, few, bound in zip(strengths, fewest, least, strict=True)
    ]


def add_read_axes(kept, vectors, axes, context, weight, residual):
    """Add to the axes that are kept those that a linear reader needs for some output.

    The reader is a linear model of the target on the axes that are kept, beside the context. An
    axis is needed if its correlation with the reader's residuals of an output is significant, at
    5 % over all outputs. The vectors are those of the rows' own folds, so a correlation with their
    targets is no leak.

    Parameters
    ----------
    kept : list of int
        Axes of each column.
    vectors, context, weight
        As `find_axes` is given.
    axes : list of Axes
        What it returned.
    residual : ndarray of shape (n_rows, n_outputs)
        Minus the first derivative of the loss of each output, at the same answer for all rows.

    Returns
    -------
    list of int
        For each column at least as many as before.
    """
    n_rows = weight.sum()
    kept, weight = list(kept), (weight / n_rows)[:, None]
    beyond = ndtri(1 - CHANCE / 2 / residual.shape[1])
    with one_blas_thread():
        context, residual = (
            x - (weight * x).sum(axis=0) for x in (context.astype(float), residual)
        )
        turned = [
            part @ each.directions.astype(float) for part, each in zip(vectors, axes, strict=True)
        ]
        turned = [part - (weight * part).sum(axis=0) for part in turned]
        for _ in range(READERS):
            read = np.hstack(
                [*(part[:, :n] for part, n in zip(turned, kept, strict=True)), context]
            )
            left = residual - read @ _linear_model(read, weight, residual)
            moment, square = weight * left, weight * left**2 / n_rows
            added = [
                _n_needed(part[:, n:], moment, square, beyond)
                for part, n in zip(turned, kept, strict=True)
            ]
            if not any(added):
                break
            kept = [n + more for n, more in zip(kept, added, strict=True)]
    return kept


def _n_needed(components, moment, square, beyond):
    """How many of the components not to leave out: up to the last that adds to some output.

    ``moment`` and ``square``, (n_rows, n_outputs), are what a mean of the residuals and its error
    are summed of. A row of weight 2 counts as two rows in both.
    """
    scores = np.abs(components.T @ moment) / np.sqrt((components**2).T @ square + 1e-300)
    return int(np.flatnonzero((scores > beyond).any(axis=1)).max(initial=-1)) + 1


def _sums_of_outputs(shape, random_state):
    """Weights of the outputs, each float32 (n_rows, n_outputs): one by one, or random signs."""
    n_rows, n_outputs = shape
    if n_outputs <= MOST_OUTPUTS:
        return [np.tile(one, (n_rows, 1)) for one in np.eye(n_outputs, dtype=np.float32)]
    return [np.random.default_rng(random_state).choice([-1, 1], shape).astype(np.float32)]


def _linear_model(inputs, weight, output):
    """Coefficients (n_inputs, n_outputs) of a barely penalised linear model of centred numbers."""
    with_output = inputs.T @ (weight * output)
    if inputs.shape[1] > WIDE:
        return _ridge_of_many(inputs, weight, with_output)
    return _ridge(inputs.T @ (weight * inputs), with_output)


def _ridge(covariance, with_output):
    """Coefficients (n_inputs, n_outputs) of a barely penalised linear model."""
    scale = np.sqrt(np.diag(covariance)) + 1e-12
    correlation = covariance / np.outer(scale, scale) + PENALTY * np.eye(len(scale))
    return np.linalg.solve(correlation, with_output / scale[:, None]) / scale[:, None]


def _ridge_of_many(inputs, weight, with_output):
    """Coefficients as of `_ridge`, by conjugate gradients: no matrix of inputs by inputs.

    Steps that are few leave undone what tells least.
    """
    scale = (np.sqrt((weight * inputs**2).sum(axis=0)) + 1e-12)[:, None]
    scaled = np.sqrt(weight) * inputs / scale.T
    found = np.zeros_like(with_output)
    rest = with_output / scale
    step, length = rest, (rest**2).sum(axis=0)
    for _ in range(STEPS):
        moved = scaled.T @ (scaled @ step) + PENALTY * step
        far = length / ((step * moved).sum(axis=0) + 1e-300)
        found += far * step
        rest = rest - far * moved
        length, before = (rest**2).sum(axis=0), length
        step = rest + length / (before + 1e-300) * step
    return found / scale


def _principal(metric, covariance, with_output):
    """Axes of one column."""
    values, directions = np.linalg.eigh(metric)
    root = (directions * np.sqrt(np.maximum(values, 0))) @ directions.T
    strengths, directions = np.linalg.eigh(root @ covariance @ root)
    directions = root @ directions[:, ::-1]
    agreement = directions.T @ with_output
    clearest = np.abs(agreement).argmax(axis=1)[:, None]
    sign = np.where(np.take_along_axis(agreement, clearest, axis=1)[:, 0] < 0, -1, 1)
    return Axes((directions * sign).astype(np.float32), np.maximum(strengths[::-1], 0))
