"""Crosses: columns made of two or more columns, a level per combination; which ones, and codes."""

from itertools import combinations
from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd

from skembed.vocabulary import RESERVED, UNSEEN

MOST_PAIRS = 20
MOST_TRIPLES = 20
MOST_COLUMNS = 40  # 780 pairs to look at
MOST_ROWS = 100_000  # to look at them on
SMOOTHING = 10  # rows' worth of curvature


class Cross:
    """The combinations of the levels of some columns, and their codes.

    A combination with an unseen level is unseen; a missing or infrequent level combines as any
    other does.

    Parameters
    ----------
    names : tuple of str
        The columns.
    sizes : tuple of int
        Codes of each.
    keys : ndarray of int64, shape (n_levels,)
        Sorted: the codes of a combination as one number. The first has code 3.
    counts : ndarray of int, shape (n_codes,)
        Rows per code at fit.
    """

    def __init__(self, names, sizes, keys, counts):
        self.names, self.sizes, self.keys, self.counts = names, sizes, keys, counts

    @classmethod
    def fit(cls, names, vocabularies, codes, used):
        """Learn the combinations that occur, from the codes of the columns by name."""
        sizes = tuple(vocabularies[name].n_codes for name in names)
        if np.prod([float(size) for size in sizes]) >= 2.0**63:
            raise ValueError(
                f"The cross of {list(names)} has more than 2**63 combinations. Pool rare levels "
                "with min_frequency, or cross fewer columns."
            )
        row_keys = _keys([codes[name] for name in names], sizes)[used]
        keys, counts = np.unique(row_keys[row_keys >= 0], return_counts=True)
        return cls(tuple(names), sizes, keys, np.concatenate([[0] * len(RESERVED), counts]))

    @property
    def n_codes(self):
        """Number of codes, with the reserved ones."""
        return len(RESERVED) + len(self.keys)

    def encode(self, codes):
        """Code of each row, from the codes of the columns by name."""
        row_keys = _keys([codes[name] for name in self.names], self.sizes)
        at = np.searchsorted(self.keys, row_keys)
        known = self.keys[np.minimum(at, len(self.keys) - 1)] == row_keys
        return np.where(known, at + len(RESERVED), UNSEEN)


def requested_crosses(spec, names):
    """The tuples of columns that ``crosses`` asks for, unless it is "auto".

    Parameters
    ----------
    spec : None, int or list of tuples
        As ``crosses`` of the encoder. An int takes all combinations of two and up to so many
        columns.
    names : list
        The embedded columns.
    """
    if spec is None:
        return []
    if isinstance(spec, Integral):
        return [c for degree in range(2, int(spec) + 1) for c in combinations(names, degree)]
    for cross in spec:
        if isinstance(cross, str) or not isinstance(cross, (tuple, list)) or len(cross) < 2:
            raise ValueError(
                f"crosses holds {cross!r}: each cross must be a tuple of two or more columns."
            )
        unknown = [name for name in cross if name not in names]
        if unknown or len(set(cross)) < len(cross):
            raise ValueError(
                f"crosses holds {cross!r}, but a cross is made of different embedded columns, "
                f"which are {list(names)}."
            )
    # In column order and once each, however they are given.
    ordered = [tuple(sorted(cross, key=names.index)) for cross in spec]
    return list(dict.fromkeys(ordered))


class Evidence(NamedTuple):
    """What a net without crosses leaves to explain, row by row.

    Attributes
    ----------
    residual, curvature : ndarray of shape (n_rows, n_outputs)
        Minus the first and plus the second derivative of the loss by the net's output, under
        tables that did not see the row.
    fold : ndarray of shape (n_rows,)
    """

    residual: np.ndarray
    curvature: np.ndarray
    fold: np.ndarray


def choose_crosses(vocabularies, codes, evidence, random_state):
    """Crosses that explain out of fold what a net without them leaves.

    Each candidate is tried as if a single step of boosting were made with it: every combination
    gets one number per fold, a smoothed mean of the residuals of its rows in the other folds, and
    the rows' own residuals say what that gains. The gain of a pair is counted above that of its
    better column, the gain of a triple above that of its best pair: what the net has left
    undone in a single column is no reason to cross it. A candidate is taken if its gain is above
    zero by three standard errors, the largest gains first, at most 20 pairs and 20 triples. Triples
    are pairs that were taken with a third column.

    With more than 40 columns, pairs are made of the 40 that gain most by themselves; with more
    than 100,000 rows, candidates are tried on that many.

    Parameters
    ----------
    vocabularies : dict of str to Vocabulary
    codes : dict of str to ndarray of shape (n_rows,)
    evidence : Evidence
    random_state : int
        Draws the rows.

    Returns
    -------
    list of tuple of str
    """
    n_rows = len(evidence.fold)
    if n_rows > MOST_ROWS:
        rows = np.random.default_rng(random_state).choice(n_rows, MOST_ROWS, replace=False)
        codes = {name: column[rows] for name, column in codes.items()}
        evidence = Evidence(*(part[rows] for part in evidence))
    names = list(vocabularies)
    sizes = {name: vocabulary.n_codes for name, vocabulary in vocabularies.items()}

    def gain(columns):
        keys = _keys([codes[c] for c in columns], [sizes[c] for c in columns])
        return _gain(keys, evidence)

    single = {(name,): gain((name,)) for name in names}
    if len(names) > MOST_COLUMNS:
        best = sorted(single, key=lambda column: -single[column].sum())[:MOST_COLUMNS]
        names = [name for name in names if (name,) in best]
    pairs = _strongest(combinations(names, 2), gain, single, MOST_PAIRS)
    known = {pair: gain(pair) for pair in pairs}
    triples = {
        tuple(sorted({*pair, name}, key=names.index))
        for pair in pairs
        for name in names
        if name not in pair
    }
    ordered = sorted(triples, key=lambda cross: [names.index(name) for name in cross])
    return pairs + _strongest(ordered, gain, known, MOST_TRIPLES)


def _strongest(candidates, gain, known, most):
    """The candidates that gain most above the best known part of them."""
    scores = {}
    for candidate in candidates:
        parts = [known[p] for p in combinations(candidate, len(candidate) - 1) if p in known]
        above = gain(candidate) - max(parts, key=np.sum)
        mean, error = above.mean(), above.std() / np.sqrt(len(above))
        if mean > 3 * error:
            scores[candidate] = mean
    return sorted(scores, key=lambda candidate: -scores[candidate])[:most]


def _gain(keys, evidence):
    """Fall of each row's loss by one smoothed step per combination and fold, (n_rows,)."""
    group, levels = pd.factorize(keys)
    n_folds = int(evidence.fold.max()) + 1
    cell = group * n_folds + evidence.fold
    total = np.zeros(len(keys))
    for residual, curvature in zip(evidence.residual.T, evidence.curvature.T, strict=True):
        first = _without_own_fold(residual, group, cell, len(levels), n_folds)
        second = _without_own_fold(curvature, group, cell, len(levels), n_folds)
        step = first / (second + SMOOTHING * curvature.mean() + 1e-12)
        total += residual * step - curvature * step**2 / 2
    return total


def _without_own_fold(values, group, cell, n_groups, n_folds):
    """Sum over the rows of each row's group that lie in other folds."""
    sums = np.bincount(cell, weights=values, minlength=n_groups * n_folds)
    return sums.reshape(n_groups, n_folds).sum(axis=1)[group] - sums[cell]


def _keys(codes, sizes):
    """Codes of several columns as one number per row; -1 where one of them is unseen."""
    keys = np.zeros(len(codes[0]), dtype=np.int64)
    unseen = np.zeros(len(codes[0]), dtype=bool)
    for column, size in zip(codes, sizes, strict=True):
        keys *= size
        keys += column
        unseen |= column == UNSEEN
    keys[unseen] = -1
    return keys
