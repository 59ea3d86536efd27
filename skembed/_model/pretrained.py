"""Vectors that are known before training: what was given, and the codes that it is for."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from skembed._columns.vocabulary import kinds


class Given(NamedTuple):
    """Pretrained vectors of a column.

    Attributes
    ----------
    levels : list
    vectors : ndarray of float32, shape (n_levels, dim)
    """

    levels: list
    vectors: np.ndarray


class Start(NamedTuple):
    """Where the vectors of a column start.

    Attributes
    ----------
    codes : ndarray of intp, shape (n_given,)
    vectors : ndarray of float32, shape (n_given, dim)
        Of these codes; all other codes start at their mean.
    frozen : bool
        Whether they stay there.
    """

    codes: np.ndarray
    vectors: np.ndarray
    frozen: bool


def read_pretrained(spec, embedded, embedding_dim, interaction):
    """Check the vectors that were given, by column.

    Parameters
    ----------
    spec : dict of str to (dict of level to vector, or DataFrame), or None
        As ``pretrained`` of the encoder.
    embedded : list of str
        The embedded columns.
    embedding_dim, interaction
        As in the encoder.

    Returns
    -------
    dict of str to Given
    """
    if spec is None:
        return {}
    if not spec:
        raise ValueError("pretrained is empty: give {column: {level: vector}}, or None.")
    if interaction == "dot":
        raise ValueError(
            "interaction='dot' takes the first component of a vector as the level's bias, which "
            "pretrained vectors do not have: give interaction='mlp'."
        )
    given = {}
    for name, vectors in spec.items():
        if name not in embedded:
            raise ValueError(
                f"pretrained names {name!r}, which is not an embedded column. Embedded are "
                f"{embedded}: name the column in categorical_features, or leave it out."
            )
        given[name] = _given(name, vectors)
        dim = given[name].vectors.shape[1]
        asked = embedding_dim.get(name, dim) if isinstance(embedding_dim, dict) else dim
        if asked != dim:
            raise ValueError(
                f"embedding_dim asks for {asked} numbers for column {name!r}, but its pretrained "
                f"vectors have {dim}: leave the column out of embedding_dim."
            )
    return given


def place(name, given, vocabulary, values, *, frozen):
    """Find the codes of pretrained levels.

    Parameters
    ----------
    name : str
        Of the column.
    given : Given
    vocabulary : Vocabulary
        Has a code for each of the levels.
    values : list
        What the column holds.
    frozen : bool

    Returns
    -------
    Start
    """
    codes = vocabulary.codes_of(given.levels)
    if not vocabulary.counts[codes].any():
        raise ValueError(
            f"No level of the pretrained vectors of column {name!r} occurs in it: they are for "
            f"{sorted(kinds(given.levels))} such as {given.levels[:3]}, but it holds "
            f"{sorted(kinds(values))} such as {values[:3]}. Give the levels as the column has them."
        )
    return Start(codes, given.vectors, frozen)


def _given(name, vectors):
    """Levels and matrix of one column."""
    if isinstance(vectors, pd.DataFrame):
        levels, rows = vectors.index.tolist(), list(vectors.to_numpy())
    elif isinstance(vectors, dict):
        levels, rows = [_plain(level) for level in vectors], list(vectors.values())
    else:
        raise ValueError(
            f"pretrained holds a {type(vectors).__name__} for column {name!r}: give "
            "{level: vector}, or a pandas data frame whose index are the levels."
        )
    if not levels:
        raise ValueError(f"pretrained holds no vector for column {name!r}: leave the column out.")
    _check_levels(name, levels)
    try:
        matrix = np.array(rows)
    except ValueError:  # of different lengths
        matrix = np.empty(0)
    is_numeric = matrix.ndim == 2 and matrix.size and matrix.dtype.kind in "fiu"
    if not is_numeric or not _finite(matrix).all():
        _explain(name, levels, rows)
    return Given(levels, matrix.astype(np.float32))


def _check_levels(name, levels):
    missing = [level for level in levels if not isinstance(level, tuple) and pd.isna(level)]
    if missing:
        raise ValueError(
            f"pretrained holds a vector for {missing[0]!r} in column {name!r}: missing values "
            "learn a vector of their own, so leave it out."
        )
    twice = pd.Index(levels, dtype=object, tupleize_cols=False).duplicated()
    if twice.any():
        raise ValueError(
            f"pretrained holds several vectors for level {levels[int(twice.argmax())]!r} of column "
            f"{name!r}: give one for each level."
        )


def _explain(name, levels, rows):
    """Raise for the first level without a vector of numbers."""
    length = np.size(rows[0])
    for level, row in zip(levels, rows, strict=True):
        vector = np.asarray(row)
        where = f"level {level!r} of column {name!r}"
        if vector.ndim != 1 or vector.dtype.kind not in "fiu" or not len(vector):
            raise ValueError(
                f"The pretrained vector of {where} must be one or more numbers in a row, got "
                f"{row!r}."
            )
        if len(vector) != length:
            raise ValueError(
                f"The pretrained vectors of column {name!r} must be of one length, but that of "
                f"level {levels[0]!r} has {length} numbers and that of level {level!r} has "
                f"{len(vector)}."
            )
        if not _finite(vector).all():
            raise ValueError(
                f"The pretrained vector of {where} holds NaN, infinity or a number beyond float32: "
                f"{row!r}. Give finite numbers, or leave the level out."
            )


def _finite(numbers):
    return np.abs(numbers) <= np.finfo(np.float32).max


def _plain(level):
    return level.item() if isinstance(level, np.generic) else level
