"""Which crosses a fit takes: those that are asked for, or those that evidence speaks for."""

from functools import partial
from itertools import combinations
from numbers import Integral

import numpy as np

from skembed._fit.candidates import Candidates

MOST_CROSSES = 40  # pairs, and as many triples
MOST_COLUMNS = 40  # 780 pairs to look at
MOST_PARENTS = 10  # pairs of which triples are made
MOST_EVIDENCE_ROWS = 100_000  # to look at them on
MOST_NUMBERS = 10_000_000  # outputs of the net on these rows
LEAST_GAIN = 0.002  # share of the gain of the crosses before it
MOST_SUMS = 4  # sums of outputs, to look at one by one
# Rows looked at for each that training went through. Training takes some 7 microseconds a row, the
# test of a candidate some 0.02 (one output, combinations hashed) to 0.06 (four outputs).
SCREENED_FOR_EACH = 40  # rows times candidates
TESTED_FOR_EACH = 0.15  # rows


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


def draw_rows(used, outputs_per_row, random_state):
    """Rows to look for crosses on: all used, or 100,000, fewer where the net has many outputs."""
    rows, most = np.flatnonzero(used), min(MOST_EVIDENCE_ROWS, MOST_NUMBERS // outputs_per_row)
    if len(rows) <= most:
        return rows
    return np.random.default_rng(random_state).choice(rows, most, replace=False)


def choose_crosses(crossable, codes, embedded, unexplained, random_state, n_trained, monitor):
    """Crosses that explain out of fold what a net without them leaves.

    A candidate is tested by `Unexplained.test`: the agreement of the folds must be above zero by
    three standard errors. The candidates that pass are gone through by gain, which is the fall of
    the loss. Each that still agrees by one standard error is taken, and what it explains is taken
    off the residuals before the next is looked at: crosses repeat much of each other. What the net
    has left undone in single columns is taken off before all. Triples are made of the pairs that
    gained most and of a third column, and come after the pairs.

    At most 40 pairs and 40 triples are taken. With more than 40 columns, pairs are made of 40: of
    the embedded ones first, and of those that gain most by themselves.

    The cost is bounded by that of the training before. All candidates are tested on one random sum
    of the outputs and on a sample of rows, and the best of them on the sums and rows that are left
    of the budget. A cross whose combinations are known from one of its columns is no candidate.

    Parameters
    ----------
    crossable : dict of str to Vocabulary or Bins
    codes : dict of str to ndarray of shape (n_rows,)
        By column, as ``crossable``.
    embedded : collection of str
        The embedded columns among them, of which a cross has one at least.
    unexplained : Unexplained
    random_state : int
        Draws the rows and the sums.
    n_trained : int
        Rows that training went through, in all epochs.
    monitor : Monitor
        Reports the tests.

    Returns
    -------
    list of tuple of str
    """
    rng = np.random.default_rng(random_state)
    unexplained = unexplained.sum_outputs(MOST_SUMS, rng)
    n_rows, _, n_outputs = unexplained.residual.shape
    most = 1 + int(TESTED_FOR_EACH / (1 + n_outputs / 4) * n_trained)
    if most < n_rows:
        rows = rng.choice(n_rows, most, replace=False)
        unexplained = unexplained.take(rows)
        codes = {name: column[rows] for name, column in codes.items()}
    candidates = Candidates(codes, {name: of.n_codes for name, of in crossable.items()})
    names = _take_columns_off(candidates, embedded, unexplained)

    pairs = [pair for pair in combinations(names, 2) if not embedded.isdisjoint(pair)]
    screen = partial(_screen, candidates, unexplained, rng, n_trained, monitor)
    chosen, gain = _choose(screen(pairs, "pairs"), candidates, unexplained)
    parents = set(chosen[:MOST_PARENTS])
    triples = [
        triple
        for triple in combinations(names, 3)
        if not parents.isdisjoint(combinations(triple, 2))
    ]
    return chosen + _choose(screen(triples, "triples"), candidates, unexplained, gain)[0]


def _take_columns_off(candidates, embedded, unexplained):
    """Take what single columns explain off the residuals; the names of those to be crossed."""
    gains = dict.fromkeys(candidates.codes, 0.0)
    for name in [*gains, *gains]:  # twice, since a smoothed step leaves something
        codes = candidates.codes[name]
        found = unexplained.test(codes, candidates.sizes[name])
        gains[name] += found.gain
        unexplained.take_off(codes, found.step)
    names = sorted(gains, key=lambda name: (name not in embedded, -gains[name]))
    kept = set(names[:MOST_COLUMNS])
    return [name for name in gains if name in kept]


def _choose(crosses, candidates, unexplained, taken=0.0):
    """Crosses with evidence, the largest gains first; what they explain is taken off.

    ``taken`` is the gain of all crosses taken, at the start and in the result.
    """
    found: dict[tuple, tuple] = {}
    for cross in crosses:
        level, n_levels = candidates.number(cross)
        if not candidates.is_repeated(cross, level, n_levels):
            result = unexplained.test(level, n_levels)
            found[cross] = result.gain, result.z, level, n_levels
            if len(found) == MOST_CROSSES:
                break
    chosen = []
    for cross, (gain, z, *levels) in sorted(found.items(), key=lambda item: -item[1][0]):
        if gain > 0 and z > 3:
            left = unexplained.test(*levels)
            if left.z > 1 and left.gain > LEAST_GAIN * taken:
                chosen.append(cross)
                taken += left.gain
                unexplained.take_off(levels[0], left.step)
    for cross in chosen:  # a smoothed step leaves something, which triples would repeat
        *_, level, n_levels = found[cross]
        unexplained.take_off(level, unexplained.test(level, n_levels).step)
    return chosen, taken


def _screen(candidates, unexplained, rng, n_trained, monitor, crosses, noun):
    """Crosses whose folds agree in a first look, the largest gains first."""
    if not crosses:
        return []
    n_rows = len(unexplained.fold)
    most = max(1, SCREENED_FOR_EACH * n_trained // len(crosses))
    rows = rng.choice(n_rows, most, replace=False) if most < n_rows else np.arange(n_rows)
    first_look = unexplained.take(rows).sum_outputs(1, rng)
    gains = {}
    for cross in monitor.count(crosses, noun):
        # Numbers that combinations share weaken what each says, and save half of the time.
        levels = candidates.number(cross) if most > 2 * n_rows else candidates.hash(cross, rows)
        gain = first_look.test(*levels).gain
        if gain > 0:
            gains[cross] = gain
    return sorted(gains, key=lambda cross: -gains[cross])
