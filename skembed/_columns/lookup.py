"""Codes of rows by way of their values: what is done once per value is not done once per row."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from skembed._columns.factorize import FEW
from skembed._columns.vocabulary import MISSING, UNSEEN

FIRST = 1000  # rows that show whether it is worth looking at all


class ByValue(NamedTuple):
    """The codes of a column, factorised: the values that rows hold, and the codes of the values.

    Attributes
    ----------
    rows : ndarray of int, shape (n_rows,)
        Position in ``of_value``. Where the row is missing, the last; -1 if ints are signed.
    of_value : ndarray of intp, shape (n_values + 1,)
        Code of each value, and that of missing.
    """

    rows: np.ndarray
    of_value: np.ndarray

    @classmethod
    def of_codes(cls, codes, n_codes):
        """Codes of rows as their own values."""
        return cls(codes, np.append(np.arange(n_codes), MISSING))

    def any_missing(self):
        """Whether a row is missing."""
        return bool((self.rows == (len(self.of_value) - 1 if self._is_unsigned() else -1)).any())

    def none_seen_first(self):
        """Whether none of the first rows holds a level that was seen."""
        return not (self.of_value.take(self.rows[:FIRST]) > MISSING).any()

    def grid_axis(self):
        """Codes in the order of ``rows`` from the lowest, and what that is below zero."""
        if self._is_unsigned():
            return self.of_value, 0
        return np.roll(self.of_value, 1), 1

    def _is_unsigned(self):
        return self.rows.dtype.kind == "u"

    def codes(self):
        """Code of each row."""
        return self.of_value.take(self.rows)

    def write(self, table, out):
        """Write the vector of each row into ``out``, shape (n_rows, dim).

        Parameters
        ----------
        table : ndarray of shape (n_codes, dim)
        out : ndarray of shape (n_rows, dim)
        """
        if len(self.of_value) >= len(self.rows):
            vectors, rows = table.take(self.codes(), axis=0), None
        else:
            vectors, rows = table.take(self.of_value, axis=0), self.rows
        vectors = vectors.astype(out.dtype, copy=False)
        if len(out) > FEW:  # copying a vector as one thing is faster than number by number
            whole = np.dtype((np.void, vectors.itemsize * vectors.shape[1]))
            vectors, out = vectors.view(whole), out.view(whole)
        out[...] = vectors if rows is None else vectors.take(rows, axis=0)

    def components(self, table):
        """Get the components of the rows' vectors one by one, each an array (n_rows,).

        Parameters
        ----------
        table : ndarray of shape (n_codes, dim)
        """
        for of_value in np.ascontiguousarray(table.take(self.of_value, axis=0).T):
            yield of_value.take(self.rows)


def look_up_cross(cross, columns):
    """Look up the codes by value of a cross.

    Where columns have few values, the codes of all combinations of these are found first.

    Parameters
    ----------
    cross : Cross
    columns : list of ByValue
        Those that it is made of.

    Returns
    -------
    ByValue
    """
    shape = [len(column.of_value) for column in columns]
    if np.prod(shape, dtype=float) > len(columns[0].rows):
        keys = cross.keys_of([column.codes() for column in columns])
        few = len(keys) < FEW
        group, distinct = (np.arange(len(keys)), keys) if few else pd.factorize(keys)
        return ByValue(group, np.append(cross.codes_of(distinct), UNSEEN))
    axes, below = zip(*(column.grid_axis() for column in columns), strict=True)
    rows, lowest = columns[0].rows.astype(np.intp), below[0]
    for column, size, under in zip(columns[1:], shape[1:], below[1:], strict=True):
        rows *= size
        rows += column.rows.astype(np.intp, copy=False)
        lowest = lowest * size + under
    grid = np.meshgrid(*axes, indexing="ij")
    codes = cross.codes_of(cross.keys_of([of_value.ravel() for of_value in grid]))
    rows += lowest
    return ByValue(rows, codes)
