"""Data carried inside the package."""

from importlib.resources import files

import pandas as pd


def load_adult():
    """Load UCI Adult: who earns more than 50,000 dollars a year, from the census of 1994.

    48,842 people; eight columns of strings, the largest with 41 levels, of which three have
    missing values, and six columns of numbers. The split into training and test rows is UCI's.

    Returns
    -------
    X_train : DataFrame of shape (32561, 14)
        Training rows.
    X_test : DataFrame of shape (16281, 14)
        Test rows.
    y_train : Series of int, shape (32561,)
        1 for an income of more than 50,000 dollars, else 0.
    y_test : Series of int, shape (16281,)
        The same for the test rows.

    References
    ----------
    Becker, B. and Kohavi, R. (1996), Adult [data set], UCI Machine Learning Repository,
    https://doi.org/10.24432/C5XW20, licensed under CC BY 4.0. The file ``data/README.md`` beside
    this module says what was changed.

    Examples
    --------
    >>> from skembed.datasets import load_adult
    >>> X_train, X_test, y_train, y_test = load_adult()
    >>> X_train["occupation"].nunique()
    14
    """
    with (files("skembed.datasets") / "data" / "adult.csv.gz").open("rb") as file:
        frame = pd.read_csv(file, compression="gzip")
    is_train = frame.pop("split") == "train"
    y = (frame.pop("income") == ">50K").astype("int64")
    train, test = frame[is_train], frame[~is_train].reset_index(drop=True)
    return train, test, y[is_train], y[~is_train].reset_index(drop=True)
