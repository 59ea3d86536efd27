"""Numpy tables: what a fitted encoder looks vectors up in."""

import numpy as np


def canonical_axes(prior, deviation, counts, *, first):
    """Turn a column's vectors so that its axes mean something: by variance, largest first.

    The axes of a trained net are arbitrary up to a rotation, which leaves distances and linear
    models as they are. Sorted axes can be read, drawn and compared; trees do neither better nor
    worse on them.

    Parameters
    ----------
    prior : ndarray of shape (dim,)
    deviation : ndarray of shape (n_codes, n_folds, dim)
    counts : ndarray of shape (n_codes,)
        Rows per code, the weights of the variance.
    first : int
        The first axes, 0 or 1 of them, are left alone.

    Returns
    -------
    prior, deviation
        Of the same shapes, float32.
    """
    if len(prior) - first < 2:
        return prior, deviation
    turned = slice(first, None)
    # einsum, not BLAS: its sums do not depend on the number of threads.
    mean = deviation[:, :, turned].mean(axis=1, dtype=np.float64)
    mean -= np.einsum("c,cd->d", counts, mean) / counts.sum()
    covariance = np.einsum("c,cd,ce->de", counts, mean, mean)
    axes = np.linalg.eigh(covariance)[1][:, ::-1]
    largest = np.abs(axes).argmax(axis=0)
    axes *= np.sign(axes[largest, np.arange(axes.shape[1])])
    rotation = np.eye(len(prior))
    rotation[turned, turned] = axes
    turn = rotation.astype(np.float32)
    return np.einsum("d,de->e", prior, turn), np.einsum("ckd,de->cke", deviation, turn)


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
    """Write the vector of each row's code into ``out``, shape (n_rows, dim)."""
    out[...] = table[codes]


def gather_own_fold(prior, deviation, codes, fold, out):
    """Write the vector of each row's code from the table of the row's own fold into ``out``."""
    out[...] = prior + deviation[codes, fold]
