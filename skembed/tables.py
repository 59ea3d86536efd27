"""Numpy tables: what a fitted encoder looks vectors up in."""


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
