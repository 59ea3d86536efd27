"""Numpy tables: what a fitted encoder looks vectors up in."""

import numpy as np
from scipy.sparse import issparse


def mean_over_folds(prior, deviation):
    """Table for new rows: the prior plus the mean of the folds' deviations.

    The folds' tables lie in one space, because one decoder reads all of them, so their mean is a
    vector of that space too.

    Parameters
    ----------
    prior : ndarray of shape (dim,)
    deviation : ndarray of shape (n_codes, n_folds, dim)

    Returns
    -------
    ndarray of float32, shape (n_codes, dim)
    """
    return prior + deviation.mean(axis=1)


def gather(table, codes, out):
    """Write the vector of each row's code, or of its bag, into ``out``, shape (n_rows, dim).

    Parameters
    ----------
    table : ndarray of shape (n_codes, dim)
    codes : ByValue or csr_array of shape (n_rows, n_codes)
    """
    if issparse(codes):
        out[...] = codes @ table
    else:
        codes.write(table, out)


def gather_own_fold(tables, codes, fold, out):
    """Write each row's vector, from the table of its own fold, into ``out``.

    Parameters
    ----------
    tables : ndarray of shape (n_codes, n_folds, dim)
    codes : ndarray of shape (n_rows,) or csr_array of shape (n_rows, n_codes)
    """
    if not issparse(codes):
        out[...] = tables[codes, fold]
        return
    for k in range(tables.shape[1]):
        rows = np.flatnonzero(fold == k)
        out[rows] = codes[rows] @ tables[:, k]


def weight_by_code(codes, weight, n_codes):
    """Weight (n_codes,) of the rows of each code, those of bags by their share."""
    if issparse(codes):
        return codes.T @ weight
    return np.bincount(codes, weights=weight, minlength=n_codes)


def round_to_agreement(tables, weight):
    """Fold tables and their mean, rounded to the precision to which the folds agree.

    What the folds' vectors of a level differ by is noise, and worse: where a fold's vector is the
    lower, the targets of its own rows, which are missing from it, were the higher. Trees find that
    in the training rows, and there is nothing of it in new rows.

    Parameters
    ----------
    tables : ndarray of float32, shape (n_codes, n_folds, dim)
    weight : ndarray of shape (n_codes,)
        Weight of the rows of each code. Where it is zero for all, nothing is rounded.

    Returns
    -------
    tables : ndarray of float32, shape (n_codes, n_folds, dim)
    mean : ndarray of float32, shape (n_codes, dim)
        Both are whole multiples of the standard deviation over folds, in the mean over the rows.
        A single fold is not rounded.

    Examples
    --------
    >>> fold_tables = np.array([[[1.0], [1.2]], [[5.0], [5.2]]])
    >>> _, mean = round_to_agreement(fold_tables, np.array([1, 1]))
    >>> [round(float(x), 3) for x in mean[:, 0]]
    [1.1, 5.1]
    """
    step = weight @ tables.std(axis=1) / (weight.sum() or 1)
    return _rounded(tables, step), _rounded(tables.mean(axis=1), step)


def _rounded(vectors, step):
    multiples = np.divide(vectors, step, out=vectors.copy(), where=step > 0)
    return np.where(step > 0, np.round(multiples) * step, vectors).astype(np.float32)
