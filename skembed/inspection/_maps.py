"""What a picture of a column shows: its levels as points, their rows, effects and mean targets."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from skembed._base import encode_rows, read_rows
from skembed._columns.vocabulary import RESERVED, UNSEEN
from skembed._model.tables import weight_by_code
from skembed._reading.level_names import labels
from skembed._reading.readable_vectors import find_learned

FEW_ROWS = 20  # below which a level near the prior row counts as undertrained
MOST_AXES = 3


class ColumnMap(NamedTuple):
    """Levels of a column as points; of every array the first axis is n_levels.

    Attributes
    ----------
    name : str
        Of the column or cross.
    labels : list of str
        Levels, those of most rows first; then "unseen", which is the prior row, and "missing" and
        "infrequent" if rows of `fit` were that.
    is_level : ndarray of bool
        False for these.
    codes : ndarray of intp
    rows : ndarray of int
        In `fit`.
    vectors : ndarray of float32, shape (n_levels, dim)
    coordinates : ndarray of shape (n_levels, at most 3)
        Principal components of the vectors, from the mean row.
    shares : ndarray of shape (at most 3,)
        Of the variance over the rows.
    effect : ndarray
        First component of the vector, from the mean row: in an encoder the own effect of the
        level, in units of the net's output.
    """

    name: str
    labels: list
    is_level: np.ndarray
    codes: np.ndarray
    rows: np.ndarray
    vectors: np.ndarray
    coordinates: np.ndarray
    shares: np.ndarray
    effect: np.ndarray

    def undertrained(self):
        """Positions of the levels with little training, those of fewest rows first.

        They have fewer than 20 rows and lie within half of the usual distance to the prior row,
        which is the root of its mean square over the rows.
        """
        prior = self.vectors[np.flatnonzero(self.codes == UNSEEN)]
        distance = np.linalg.norm((self.vectors - prior).astype(np.float64), axis=1)
        usual = np.sqrt(np.average(distance**2, weights=self.rows))
        found = np.flatnonzero(self.is_level & (self.rows < FEW_ROWS) & (distance < usual / 2))
        return found[np.argsort(self.rows[found], kind="stable")]


def column_map(estimator, name, most=None):
    """Map of a column or cross of a fitted estimator.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
    name : str
    most : int or None
        Levels to show at most: those of most rows.

    Returns
    -------
    ColumnMap
    """
    table, levels, parts = find_learned(estimator, name)
    rows = levels.counts
    coordinates, shares = principal_components(table, rows)
    reserved = [code for code in range(len(RESERVED)) if code == UNSEEN or rows[code]]
    by_rows = len(RESERVED) + np.argsort(-rows[len(RESERVED) :], kind="stable")[:most]
    codes = np.append(by_rows, reserved).astype(np.intp)
    effect = table[:, 0] - np.average(table[:, 0], weights=rows)
    return ColumnMap(
        name,
        [*map(_text, labels(levels, parts, by_rows)), *(RESERVED[code] for code in reserved)],
        codes >= len(RESERVED),
        codes,
        rows[codes],
        table[codes],
        coordinates[codes],
        shares,
        effect[codes],
    )


def principal_components(table, rows):
    """Coordinates of vectors on the directions in which the rows differ most.

    The tables of an encoder lie on such axes already, and are only centred by this. Signs are those
    of the component that takes most part, so that two seeds give the same picture.

    Parameters
    ----------
    table : ndarray of shape (n_codes, dim)
    rows : ndarray of shape (n_codes,)
        Rows of each code.

    Returns
    -------
    coordinates : ndarray of shape (n_codes, at most 3)
    shares : ndarray of shape (at most 3,)
        Of the variance; 0 where all vectors are the same.
    """
    share = rows / rows.sum()
    centred = table.astype(np.float64)
    centred -= share @ centred
    variances, directions = np.linalg.eigh(centred.T @ (centred * share[:, None]))
    variances = np.maximum(variances[::-1][:MOST_AXES], 0)
    directions = directions[:, ::-1][:, :MOST_AXES]
    largest = np.abs(directions).argmax(axis=0)
    signs = np.where(directions[largest, np.arange(len(largest))] < 0, -1, 1)
    total = np.sum(centred**2 * share[:, None])
    return centred @ (directions * signs), variances / (total or 1)


def mean_targets(estimator, X, y):
    """Mean of a target over the rows of each code, by column and cross.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
        Fitted.
    X : data frame or array-like of shape (n_rows, n_features), or None
    y : array-like of shape (n_rows,), or None
        Quantities, or the two classes of `fit`.

    Returns
    -------
    dict of str to ndarray of shape (n_codes,)
        NaN where there is no row. Empty if there are neither X nor y.
    """
    if X is None and y is None:
        return {}
    if X is None or y is None:
        raise ValueError("The mean target needs both X and y: give both, or neither.")
    columns = read_rows(estimator, X)
    values = _as_numbers(y, estimator.classes_)
    if len(values) != columns.n_rows:
        raise ValueError(f"X has {columns.n_rows} rows, but y has {len(values)}: give those of X.")
    means = {}
    for name, codes in encode_rows(estimator, columns).items():
        n_codes = len(estimator.tables_[name])
        rows = weight_by_code(codes, np.ones(len(values)), n_codes)
        total = weight_by_code(codes, values, n_codes)
        means[name] = np.divide(total, rows, out=np.full(n_codes, np.nan), where=rows > 0)
    return means


def colour_range(values, rows):
    """Middle of a scale of colours, which is the mean over the rows, and how far it reaches.

    It reaches so far that 98 % of the rows lie in it: what few rows differ by would leave no colour
    to the others.

    Parameters
    ----------
    values : ndarray of shape (n_levels,)
        NaN where there is none.
    rows : ndarray of shape (n_levels,)

    Returns
    -------
    middle : float
    reach : float

    Examples
    --------
    >>> colour_range(np.array([1.0, 3.0, 103.0, np.nan]), np.array([50, 49, 1, 8]))
    (3.0, 2.0)
    """
    held = ~np.isnan(values) & (rows > 0)
    if not held.any():
        return 0.0, 1.0
    values, rows = values[held], rows[held]
    middle = np.average(values, weights=rows)
    far = np.abs(values - middle)
    order = np.argsort(far)
    within = np.cumsum(rows[order])
    reach = far[order][np.searchsorted(within, 0.98 * within[-1])]
    return float(middle), float(reach) or 1.0


def _as_numbers(y, classes):
    """Target as numbers (n_rows,): quantities, or 0 and 1."""
    y = np.asarray(y)
    if y.ndim == 1 and classes is None and y.dtype.kind in "biuf":
        return y.astype(np.float64)
    if y.ndim == 1 and classes is not None and len(classes) == 2:
        unknown = y[~np.isin(y, classes)]
        if len(unknown):
            raise ValueError(
                f"y holds {unknown.tolist()[0]!r}, but the classes of fit are {classes.tolist()}."
            )
        return (y == classes[1]).astype(np.float64)
    raise ValueError(
        "Levels have a mean target if the target is one quantity or two classes. Leave X and y out "
        "to show the own effects of levels instead."
    )


def _text(level):
    """Level in words; of a cross, those of its parts."""
    if isinstance(level, tuple):
        return " x ".join(map(_text, level))
    if isinstance(level, pd.Interval):
        low, high = f"{level.left:g}", f"{level.right:g}"
        if np.isinf(level.left):
            return f"≤ {high}"
        return f"> {low}" if np.isinf(level.right) else f"({low}, {high}]"
    return "missing" if level is None else str(level)
