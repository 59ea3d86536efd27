"""The cv contract: one fold per row, as scikit-learn's TargetEncoder has it; many share tables."""

from numbers import Integral

import numpy as np

from skembed._utils.sklearn_compat import num_samples

# What a table lacks is in the mean of the others, and the more plainly the more tables there are:
# XGBoost finds a target of noise at an AUC of .50 with 5 tables, .53 with 10, .56 with 20 and .70
# with 150 (50 levels, 8 epochs).
MOST_TABLES = 10


def assign_folds(cv, X, y, strata, used, *, random_state, split_params):
    """Fold of each row: the fold in whose test part it lies.

    Folds beyond `MOST_TABLES` share tables: each is whole in one, and tables have about as many
    rows. The folds that are returned are those that share no table.

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
        Seed of the folds made from an int, and of which folds share a table.
    split_params : dict
        Routed to the splitter: ``groups``.

    Returns
    -------
    ndarray of int64, shape (n_rows,)

    Raises
    ------
    ValueError
        If there are fewer rows than folds, a row is not in exactly one test part, or the splits
        are of other rows.
    """
    from sklearn.model_selection import check_cv  # half of what importing skembed would take

    if isinstance(cv, Integral):
        fold = np.zeros(num_samples(y), dtype=np.int64)
        fold[used] = _shuffled(int(cv), strata, used, random_state)
        return fold
    fold = _test_folds(check_cv(cv).split(X, y, **split_params), num_samples(y))
    return _share_tables(fold, used, random_state)


def _share_tables(fold, used, random_state):
    """Deal folds into at most `MOST_TABLES` tables: each fold, from the largest, to the smallest.

    Folds of one size are dealt in a random order, since rows may stand in some order.
    """
    sizes = np.bincount(fold[used], minlength=fold.max() + 1)
    if len(sizes) <= MOST_TABLES:
        return fold
    shuffled = np.random.default_rng(random_state).permutation(len(sizes))
    table, n_rows = np.empty(len(sizes), dtype=np.int64), np.zeros(MOST_TABLES, dtype=np.int64)
    for k in shuffled[np.argsort(-sizes[shuffled], kind="stable")].tolist():
        table[k] = n_rows.argmin()
        n_rows[table[k]] += sizes[k]
    return table[fold]


def _shuffled(cv, strata, used, random_state):
    """Folds of the rows that are used."""
    from sklearn.model_selection import KFold, StratifiedKFold

    n_rows = int(used.sum())
    classes = strata is not None
    strata = strata[used] if classes else None
    largest = np.bincount(strata).max() if classes else n_rows
    if largest < cv:
        held = "the largest class of y has" if classes else "X has"
        raise ValueError(
            f"cv={cv} needs at least {cv} rows{' of one class' if classes else ''}, but {held} "
            f"{largest} (n_samples = {n_rows}). Give a smaller cv, or cv=None to train one "
            "table without cross-fitting."
        )
    splitter = StratifiedKFold if classes else KFold
    folds = splitter(min(cv, MOST_TABLES), shuffle=True, random_state=random_state)
    return _test_folds(folds.split(np.zeros(n_rows), strata), n_rows)


def _test_folds(splits, n_rows):
    """In whose test part each row lies."""
    fold = np.zeros(n_rows, dtype=np.int64)
    times = np.zeros(n_rows, dtype=np.int64)
    for k, (_, test) in enumerate(splits):
        test = _positions(test, n_rows)
        fold[test] = k
        times[test] += 1
    if not times.any():
        raise ValueError(
            "cv gave no splits. A generator is empty after its first use: give the splitter, such "
            "as KFold(5), or list(splitter.split(X, y))."
        )
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


def _positions(test, n_rows):
    """Positions of the rows of a test part, which may be a mask."""
    test = np.asarray(test)
    test = np.flatnonzero(test) if test.dtype == bool else test.astype(np.intp, copy=False)
    if test.max(initial=0) >= n_rows:
        raise ValueError(
            f"cv tests row {test.max()}, but X has {n_rows} rows: the splits were made of other "
            "rows. Give the splits of these rows, or the splitter itself, such as KFold(5)."
        )
    return test
