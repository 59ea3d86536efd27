"""The cv contract: one fold per row, as scikit-learn's TargetEncoder has it."""

from numbers import Integral

import numpy as np

from skembed._utils.sklearn_compat import num_samples


def assign_folds(cv, X, y, strata, used, *, random_state, split_params):
    """Fold of each row: the fold in whose test part it lies.

    Parameters
    ----------
    cv : int, splitter or iterable
        An int makes shuffled folds, stratified if the target has classes.
    X, y : array-like of shape (n_rows, ...)
        Handed to the splitter, if one is given.
    strata : ndarray of int, shape (n_rows,), or None
        Codes of the classes, if each row has one.
    used : ndarray of bool, shape (n_rows,)
        Rows that count. An int makes folds of these; the others, which train no table, are put
        into the first.
    random_state : int
        Seed of the folds made from an int.
    split_params : dict
        Routed to the splitter: ``groups``.

    Returns
    -------
    ndarray of int64, shape (n_rows,)

    Raises
    ------
    ValueError
        If there are fewer rows than folds, or a row is not in exactly one test part.
    """
    from sklearn.model_selection import check_cv  # half of what importing skembed would take

    if isinstance(cv, Integral):
        fold = np.zeros(num_samples(y), dtype=np.int64)
        fold[used] = _shuffled(int(cv), strata, used, random_state)
        return fold
    return _test_folds(check_cv(cv).split(X, y, **split_params), num_samples(y))


def _shuffled(cv, strata, used, random_state):
    """Folds of the rows that are used."""
    from sklearn.model_selection import KFold, StratifiedKFold

    n_rows = int(used.sum())
    classes = strata is not None
    strata = strata[used] if classes else None
    largest = np.bincount(strata).max() if classes else n_rows
    if largest < cv:
        held = "the largest class of y has" if classes else "X has"
        advice = "Give a smaller cv, or cv=None to train one table without cross-fitting."
        if classes:
            advice = "If y is a quantity, give it as floats. If it holds classes, " + (
                f"g{advice[1:]}" if largest > 1 else "give several rows of each."
            )
        raise ValueError(
            f"cv={cv} needs at least {cv} rows{' of one class' if classes else ''}, but {held} "
            f"{largest} (n_samples = {n_rows}). {advice}"
        )
    splitter = StratifiedKFold if classes else KFold
    splits = splitter(cv, shuffle=True, random_state=random_state).split(np.zeros(n_rows), strata)
    return _test_folds(splits, n_rows)


def _test_folds(splits, n_rows):
    """In whose test part each row lies."""
    fold = np.zeros(n_rows, dtype=np.int64)
    times = np.zeros(n_rows, dtype=np.int64)
    for k, (_, test) in enumerate(splits):
        fold[test] = k
        times[test] += 1
    if (times != 1).any():
        row = int(np.flatnonzero(times != 1)[0])
        raise ValueError(
            "cv must put every row into exactly one test fold, but row "
            f"{row} is in {times[row]}: a row's vector comes from the table of its own fold. Use a "
            "splitter whose test folds partition the rows, such as KFold or GroupKFold."
        )
    if fold.max() < 1:
        raise ValueError("cv gave one fold, but cross-fitting needs two or more.")
    return fold
