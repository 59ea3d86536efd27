"""Bags: cells that hold any number of levels, each with a weight."""

from itertools import chain
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import sparse

CELLS = (list, set, frozenset, np.ndarray)  # a tuple is one level


class Members(NamedTuple):
    """The levels in the cells of a column, row after row.

    Attributes
    ----------
    values : ndarray of shape (n_members,)
        Levels as they were given.
    lengths : ndarray of intp, shape (n_rows,)
        Members of each row.
    weights : ndarray of float32, shape (n_members,)
    """

    values: np.ndarray
    lengths: np.ndarray
    weights: np.ndarray


def is_bag(values):
    """Whether the first value that is there is a list, a set or an array.

    Parameters
    ----------
    values : iterable of object
    """
    first = next((value for value in values if not _is_missing(value)), None)
    return isinstance(first, CELLS)


def _is_missing(cell):
    is_float = isinstance(cell, (float, np.floating))
    return cell is None or cell is pd.NA or cell is pd.NaT or (is_float and np.isnan(cell))


def members_of_lists(values, name):
    """Members of a column of lists; missing cells, and missing members, are as if not there.

    Parameters
    ----------
    values : ndarray of object, shape (n_rows,)
    name : str
        Of the column.

    Returns
    -------
    Members

    Raises
    ------
    TypeError
        If a cell is no list, or a member is one.
    """
    lengths = np.zeros(len(values), dtype=np.intp)
    there = np.flatnonzero(~pd.isna(values))
    for kind in {*map(type, values[there])}:
        if not issubclass(kind, CELLS):
            row = next(int(row) for row in there if type(values[row]) is kind)
            raise TypeError(
                f"Column {name!r} holds lists, but {values[row]!r} in row {row}. Give a list in "
                "every row, [] or None for none; or a level in every row."
            )
    lengths[there] = np.fromiter(map(len, values[there]), dtype=np.intp, count=len(there))
    members = chain.from_iterable(values[there])
    flat = np.fromiter(members, dtype=object, count=int(lengths.sum()))
    for kind in {*map(type, flat)}:
        if issubclass(kind, (*CELLS, dict)):
            at = next(i for i, member in enumerate(flat) if type(member) is kind)
            row = int(np.searchsorted(np.cumsum(lengths), at, side="right"))
            raise TypeError(
                f"Column {name!r} holds {flat[at]!r} inside the list of row {row}. The members of "
                "a list must be levels, such as strings or ids: flatten it."
            )
    missing = pd.isna(flat)
    if missing.any():
        rows = np.repeat(np.arange(len(values)), lengths)[missing]
        lengths -= np.bincount(rows, minlength=len(values))
        flat = flat[~missing]
    return Members(flat, lengths, np.ones(len(flat), dtype=np.float32))


def members_of_sparse(X):
    """Members of a sparse matrix: its columns are levels, its numbers are weights.

    Parameters
    ----------
    X : sparse matrix of shape (n_rows, n_levels)

    Returns
    -------
    Members

    Raises
    ------
    ValueError
        If a weight is negative, missing or infinite.
    """
    X = sparse.csr_array(X)
    weights = X.data.astype(np.float32)
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if len(wrong):
        row = int(np.searchsorted(X.indptr, wrong[0], side="right")) - 1
        raise ValueError(
            f"The sparse matrix holds {X.data[wrong[0]]} (row {row}, column "
            f"{X.indices[wrong[0]]}), but its numbers are the weights of a bag: give finite ones "
            "of 0 and more. (NaN, infinity and negative numbers have no meaning as weights.)"
        )
    return Members(X.indices, np.diff(X.indptr).astype(np.intp), weights)


def weighted_codes(members, codes, n_codes, mode):
    """Bags as a matrix that a table is multiplied by.

    Parameters
    ----------
    members : Members
    codes : ndarray of intp, shape (n_members,)
        Members that were never seen have code 0 and are ignored.
    n_codes : int
    mode : {"mean", "sum"}

    Returns
    -------
    csr_array of float32, shape (n_rows, n_codes)
        Times a table (n_codes, dim), the vectors of the rows: zero for an empty bag.
    """
    ends = np.concatenate([[0], np.cumsum(members.lengths)])
    weights = np.where(codes > 0, members.weights, np.float32(0))
    shape = len(members.lengths), n_codes
    matrix = sparse.csr_array((weights, codes, ends), shape, copy=True)  # it is sorted in place
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    if mode == "mean":
        total = matrix.sum(axis=1)
        matrix.data /= np.repeat(total, np.diff(matrix.indptr)).astype(np.float32)
    return matrix
