"""Levels that were perhaps meant by one that fit did not see."""

from difflib import get_close_matches

import numpy as np

from skembed._columns.vocabulary import RESERVED

LOOKED_AT = 100_000  # levels, those of most rows: a look takes about half a second
MOST_OFFERED = 3
ALIKE = 0.7  # share of letters in common, from 0 to 1


def near_levels(value, vocabulary):
    """Find the levels that are written most like a value.

    Parameters
    ----------
    value : object
    vocabulary : Vocabulary

    Returns
    -------
    list
        At most three, the nearest first.
    """
    by_rows = np.argsort(-vocabulary.counts[len(RESERVED) :], kind="stable")[:LOOKED_AT]
    return near_names(value, [vocabulary.levels[i] for i in by_rows])


def near_names(value, names):
    """Find the names that are written most like a value, whatever their case.

    Parameters
    ----------
    value : object
    names : list
        Of two that differ in their case alone, the first counts.

    Returns
    -------
    list
        At most three, the nearest first.

    Examples
    --------
    >>> near_names("gulls", ["TERNS", "GULLS", "OWLS"])
    ['GULLS']
    >>> near_names("3", [2, 3])
    [3]
    """
    written = {_plain(name): name for name in reversed(names)}
    found = get_close_matches(_plain(value), list(written), MOST_OFFERED, ALIKE)
    return [written[text] for text in found]


def did_you_mean(names):
    """Sentence that offers names, with a space before it; empty without names.

    Examples
    --------
    >>> did_you_mean(["GULLS", "BULLS"])
    " Did you mean 'GULLS' or 'BULLS'?"
    """
    return f" Did you mean {' or '.join(map(repr, names))}?" if names else ""


def _plain(name):
    return " ".join(str(name).casefold().split())
