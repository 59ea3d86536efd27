"""Which crosses a fit takes: those that are asked for, or those that evidence speaks for."""

from itertools import combinations
from numbers import Integral
from typing import NamedTuple

import numpy as np
import pandas as pd

from skembed._columns.crosses import combined_keys

MOST_CROSSES = 40  # pairs, and as many triples
MOST_COLUMNS = 40  # 780 pairs to look at
MOST_EVIDENCE_ROWS = 100_000  # to look at them on
MOST_NUMBERS = 10_000_000  # outputs of the net on these rows
MOST_OUTPUTS = 8  # to look at one by one
SMOOTHING = 10  # rows without residual, added to each combination


def requested_crosses(spec, embedded, names):
    """The tuples of columns that ``crosses`` asks for, unless it is "auto".

    Parameters
    ----------
    spec : None, int or list of tuples
        As ``crosses`` of the encoder. An int takes all combinations of two and up to so many
        columns.
    embedded : list
        The embedded columns.
    names : list
        All that can be crossed: those, then the numeric ones.
    """
    if spec is None:
        return []
    if isinstance(spec, Integral):
        return [c for degree in range(2, int(spec) + 1) for c in combinations(embedded, degree)]
    for cross in spec:
        if isinstance(cross, str) or not isinstance(cross, (tuple, list)) or len(cross) < 2:
            raise ValueError(
                f"crosses holds {cross!r}: each cross must be a tuple of two or more columns."
            )
        unknown = [name for name in cross if name not in names]
        if unknown or len(set(cross)) < len(cross):
            raise ValueError(
                f"crosses holds {cross!r}, but a cross is made of different embedded or numeric "
                f"columns, which are {names}."
            )
    # In this order and once each, however they are given.
    ordered = [tuple(sorted(cross, key=names.index)) for cross in spec]
    return list(dict.fromkeys(ordered))


class Evidence(NamedTuple):
    """What a net without crosses leaves to explain, by the tables of each fold.

    Attributes
    ----------
    residual, curvature : ndarray of shape (n_rows, n_folds, n_outputs)
        Minus the first and plus the second derivative of each row's loss by the net's output, when
        the row is looked up in the tables of each fold.
    fold : ndarray of shape (n_rows,)
    """

    residual: np.ndarray
    curvature: np.ndarray
    fold: np.ndarray


def draw_rows(used, outputs_per_row, random_state):
    """Rows to look for crosses on: all used, or 100,000, fewer where the net has many outputs."""
    rows, most = np.flatnonzero(used), min(MOST_EVIDENCE_ROWS, MOST_NUMBERS // outputs_per_row)
    if len(rows) <= most:
        return rows
    return np.random.default_rng(random_state).choice(rows, most, replace=False)


def choose_crosses(crossable, codes, embedded, evidence, random_state):
    """Crosses that explain out of fold what a net without them leaves.

    The test of a candidate asks whether the rows of a combination that made a fold's tables and
    the rows of the fold itself err to the same side under these tables: each row's residual is
    multiplied by a smoothed mean of the residuals of its combination in the other folds, and the
    sum over the rows must be above zero by three standard errors. (Residuals of rows that were each
    looked up in their own fold's tables would not do: each row's target is in the other's vector,
    which sets them against each other.)

    Those are gone through by gain, which is the fall of the loss by the best multiple of these
    means. Each that still agrees by one standard error is taken, and what it explains is taken off
    the residuals before the next is looked at: crosses repeat much of each other. What the net has
    left undone in single columns is taken off before all. Triples are pairs that were taken with a
    third column, and come after them.

    At most 40 pairs and 40 triples are taken. With more than 40 columns, pairs are made of 40: of
    the embedded ones first, and of those that gain most by themselves. Of more than 8 outputs
    (classes, or targets), 8 random sums and differences are looked at.

    Parameters
    ----------
    crossable : dict of str to Vocabulary or Bins
    codes : dict of str to ndarray of shape (n_rows,)
        By column, as ``crossable``.
    embedded : collection of str
        The embedded columns among them, of which a cross has one at least.
    evidence : Evidence
    random_state : int
        Draws the signs of those sums.

    Returns
    -------
    list of tuple of str
    """
    evidence = _fewer_outputs(evidence, random_state)
    sizes = {name: levels.n_codes for name, levels in crossable.items()}

    def test(columns, evidence):
        keys = combined_keys([codes[name] for name in columns], [sizes[name] for name in columns])
        return _test(keys, evidence)

    gains = dict.fromkeys(crossable, 0.0)
    for name in [*crossable, *crossable]:  # twice, since a smoothed step leaves something
        step, gain, _ = test((name,), evidence)
        gains[name] += gain
        evidence = evidence._replace(residual=evidence.residual - evidence.curvature * step)
    names = sorted(crossable, key=lambda name: (name not in embedded, -gains[name]))
    names = names[:MOST_COLUMNS]
    names = [name for name in crossable if name in names]

    pairs = {
        pair: test(pair, evidence)[1:]
        for pair in combinations(names, 2)
        if not embedded.isdisjoint(pair)
    }
    chosen, evidence = _stepwise(pairs, test, evidence)
    triples = {
        triple: test(triple, evidence)[1:]
        for triple in combinations(names, 3)
        if not set(chosen).isdisjoint(combinations(triple, 2))
    }
    return chosen + _stepwise(triples, test, evidence)[0]


def _fewer_outputs(evidence, random_state):
    """Evidence for random sums and differences of the outputs, if these are many."""
    residual, curvature, _ = evidence
    n_outputs = residual.shape[-1]
    if n_outputs <= MOST_OUTPUTS:
        return evidence
    rng = np.random.default_rng(random_state)
    signs = rng.choice(np.array([-1, 1], dtype=residual.dtype), (n_outputs, MOST_OUTPUTS))
    # A step by a sum of outputs, each up or down by one, meets the curvature of all of them.
    curvature = np.repeat(curvature.sum(axis=-1, keepdims=True), MOST_OUTPUTS, axis=-1)
    return evidence._replace(residual=residual @ signs, curvature=curvature)


def _stepwise(scores, test, evidence):
    """Candidates with evidence, the largest gains first, and what they leave to explain.

    Each is tested again on what those before it leave: crosses repeat much of each other.
    """
    found = [candidate for candidate, (gain, z) in scores.items() if gain > 0 and z > 3]
    chosen: list[tuple] = []
    for candidate in sorted(found, key=lambda candidate: -scores[candidate][0]):
        step, _, z = test(candidate, evidence)
        if z > 1 and len(chosen) < MOST_CROSSES:
            chosen.append(candidate)
            evidence = evidence._replace(residual=evidence.residual - evidence.curvature * step)
    return chosen, evidence


def _test(keys, evidence):
    """Best step of the rows' combinations, what it gains, and how many standard errors.

    Returns
    -------
    step : ndarray of shape (n_rows, n_folds, n_outputs)
    gain, z : float
    """
    residual, curvature, fold = evidence
    group, levels = pd.factorize(keys)
    others = fold[:, None] != np.arange(residual.shape[1])
    step = np.empty_like(residual)
    for k, output in np.ndindex(residual.shape[1:]):
        first, second = (
            np.bincount(group, weights=part[:, k, output] * others[:, k], minlength=len(levels))
            for part in (residual, curvature)
        )
        smoothing = SMOOTHING * curvature[:, k, output].mean() + 1e-12
        step[:, k, output] = (first / (second + smoothing))[group]
    own = np.arange(len(fold)), fold
    agreement = (residual[own] * step[own]).sum(axis=1)
    multiple = max(0.0, agreement.sum()) / ((curvature[own] * step[own] ** 2).sum() + 1e-12)
    z = agreement.sum() / (np.sqrt((agreement**2).sum()) + 1e-12)
    return multiple * step, multiple * agreement.sum() / 2, z
