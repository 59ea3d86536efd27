"""Copies of rows in several folds: the target of a row is in the features of its copy."""

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from skembed._utils.warnings import warn_user

FEWEST = 0.05  # share of rows with a copy in another fold that a warning is worth
MOST_EACH = 5  # rows of one kind: more have too few columns, or levels, to differ
SURPRISE = 20  # odds of a column being alike, in rows that are otherwise, over those of any rows
LOOKED_AT = 100_000  # rows, of a column


def warn_of_copies(codes, numbers, target, fold, used):
    """Warn where rows have copies in other folds, and chance does not explain that.

    Rows are alike by chance where many more differ in one column alone: then the column is hardly
    more often the same in rows that are otherwise alike than it is in any two rows. The levels of
    one column alone repeat in any data.

    Parameters
    ----------
    codes : iterable of (ndarray of shape (n_rows,) or csr_array of shape (n_rows, n_codes))
    numbers : iterable of ndarray of float, shape (n_rows,)
    target : Target
    fold : ndarray of int, shape (n_rows,)
    used : ndarray of bool, shape (n_rows,)
        Rows with weight.
    """
    fold, n_rows = fold[used], int(used.sum())
    columns = [*codes, *numbers]
    if len(columns) < 2:
        return
    columns += [*target.values.reshape(len(used), -1).T]
    hashes = [_hash(column, j)[used] for j, column in enumerate(columns)]
    whole = np.sum(hashes, axis=0, dtype=np.uint64)
    kind, kinds = pd.factorize(whole)
    if n_rows - len(kinds) < FEWEST * n_rows / 2 or n_rows > MOST_EACH * len(kinds):
        return
    in_folds = pd.unique(kind * (int(fold.max()) + 1) + fold) // (int(fold.max()) + 1)
    n_copies = int((np.bincount(in_folds) > 1)[kind].sum())
    if n_copies < FEWEST * n_rows or any(_by_chance(whole, column) for column in hashes):
        return
    warn_user(
        f"{n_copies} of {n_rows} rows are copies of a row in another fold, in all columns and the "
        "target: the features of a row then hold its target. Give the number that a row had "
        "before it was copied as groups, with cv=GroupKFold(5); or each row once, with the number "
        "of its copies as sample_weight. Put a sampler behind the encoder (docs/leakage.md)."
    )


def _hash(column, j):
    """Well mixed bits of each value, uint64 (n_rows,), other ones for each ``j``."""
    if issparse(column):
        column = column @ np.random.default_rng(0).random(column.shape[1])
    numbers = np.asarray(column, dtype=np.float64) + 0.0  # which makes 0 of -0
    bits = numbers.view(np.uint64) + np.uint64(j * 0x9E3779B97F4A7C15 % 2**64)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _by_chance(whole, column):
    """Whether a column is hardly more often alike in rows that are otherwise than in any rows."""
    others = whole - column
    every = np.uint64(1 + len(whole) // LOOKED_AT)
    kept = others % every == 0
    n_pairs = _count_pairs(others[kept])
    alike = _count_pairs(whole[kept])
    if alike == n_pairs:
        return False
    odds = alike / (n_pairs - alike)
    n_any, any_alike = len(column) * (len(column) - 1) / 2, _count_pairs(column)
    return odds * (n_any - any_alike) < SURPRISE * any_alike


def _count_pairs(values):
    """Number of pairs of equal values."""
    counts = np.bincount(pd.factorize(values)[0]).astype(float)
    return float((counts * (counts - 1)).sum() / 2)
