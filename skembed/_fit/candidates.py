"""Crosses that a fit may take, as numbers of the combinations of levels."""

import numpy as np
import pandas as pd

# Of the mistakes that guessing a column makes, the share that guessing it from others must leave
# out for the column to be known from them.
REPEATED = 0.99
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 times the golden ratio: mixes bits well


class Candidates:
    """Combinations of the levels of columns.

    Parameters
    ----------
    codes : dict of str to ndarray of shape (n_rows,)
    sizes : dict of str to int
        Codes of each column.
    """

    def __init__(self, codes, sizes):
        self.codes, self.sizes = codes, sizes

    def hash(self, names, rows):
        """Numbers (n_rows,) of the combinations in some rows, and how many numbers there are.

        Combinations of many levels may share a number.
        """
        keys, n_keys = self._keys(names, {name: self.codes[name][rows] for name in names})
        bits = (len(rows) // 4).bit_length()
        if n_keys <= 2**bits:
            return keys, n_keys
        mixed = keys.view(np.uint64) * ODD
        return (mixed >> np.uint64(64 - bits)).astype(np.intp), 2**bits

    def number(self, names):
        """Number (n_rows,) of each combination in all rows, and how many there are."""
        level, levels = pd.factorize(self._keys(names, self.codes)[0])
        return level, len(levels)

    def is_repeated(self, names, level, n_levels):
        """Whether the rows' combinations are known without one of the columns.

        They are where guessing a column from the others, by its most frequent level beside each of
        theirs, leaves hardly a mistake of those that guessing its most frequent level makes.
        """
        counts = np.bincount(level, minlength=n_levels)
        row = np.empty(n_levels, dtype=np.intp)
        row[level] = np.arange(len(level))  # one of each combination
        codes = {name: self.codes[name][row] for name in names}
        for name in names:
            others = [other for other in names if other != name]
            known, kinds = pd.factorize(self._keys(others, codes)[0])
            best = np.zeros(len(kinds), dtype=counts.dtype)
            np.maximum.at(best, known, counts)
            right = np.bincount(codes[name], weights=counts).max()
            if best.sum() - right >= REPEATED * (len(level) - right):
                return True
        return False

    def _keys(self, names, codes):
        """Each combination as one number, and how many numbers there are."""
        keys, n_keys = np.int64(0), 1
        for name in names:
            keys = keys * self.sizes[name] + codes[name]
            n_keys *= self.sizes[name]
        return keys, n_keys
