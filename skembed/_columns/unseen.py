"""Warnings of levels that fit did not see, with a level that was perhaps meant."""

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from itertools import chain, islice
from unicodedata import normalize

import numpy as np

from skembed._utils.warnings import warn_user

FEWEST_ROWS = 20  # in fewer, all levels may be new by chance
SHOWN = 5
LOOKED_UP = 20  # levels, of which the spellings are looked up
LOOKED_AT = 100_000  # levels of fit

_warned: ContextVar[set | None] = ContextVar("_warned", default=None)


@contextmanager
def warn_once_a_column():
    """Inside, warn once of each column, however many batches its rows come in."""
    token = _warned.set(set())
    try:
        yield
    finally:
        _warned.reset(token)


def warn_of_unseen(vocabulary, column, unseen, name, *, of_any):
    """Warn where fit saw no level of a column, or where it did not see one.

    A few rows, whose levels may all be new, warn if one is a level of fit in another spelling.

    Parameters
    ----------
    vocabulary : Vocabulary
    column : Levels
    unseen : ndarray of bool, shape (n_values,)
        Which values of the column have no code.
    name : str
        Of the column.
    of_any : bool
        Whether a single level is enough.
    """
    warned = _warned.get()
    if (not of_any and not unseen.all()) or (warned is not None and name in warned):
        return
    values = [column.values[i] for i in np.flatnonzero(unseen)]
    there = column.rows[column.rows >= 0]
    meant = _spelled_otherwise(vocabulary, values[:LOOKED_UP])
    if not meant and unseen.all() and len(there) >= FEWEST_ROWS:
        meant = _alike(vocabulary, values)
    elif not meant and not of_any:
        return
    if warned is not None:
        warned.add(name)
    shown = f"{values[:SHOWN]}{' ...' if len(values) > SHOWN else ''}"
    warn_user(
        f"Column {name!r} holds {len(values)} levels that fit did not see: {shown}. "
        f"{int(unseen[there].sum())} of {len(column.rows)} rows get the vector of unseen levels."
        f"{' No row holds a level that fit saw.' if unseen.all() else ''}"
        + (f" fit saw {meant[1]!r}, not {meant[0]!r}: give levels as in fit." if meant else "")
    )


def _spelled_otherwise(vocabulary, values):
    """Find a value and a level of fit that is another spelling of it, by looking spellings up."""
    first = next(chain(vocabulary.levels, vocabulary.infrequent), None)
    for value in values:
        spellings = list(_spellings(value, first))
        known = np.flatnonzero(vocabulary.codes_of(spellings))
        if len(known):
            return value, spellings[known[0]]
    return None


def _spellings(value, like):
    """Other spellings of a level; ``like`` is one of fit, which has a time zone or none."""
    if isinstance(value, str):
        text = value.strip()
        yield from (text, text.lower(), text.upper(), text.title(), text.capitalize())
        yield from (f"{text} ", f"{text}.0", text.removesuffix(".0"))
        yield from (normalize("NFC", text), normalize("NFD", text))
    elif isinstance(value, datetime) and isinstance(like, datetime):
        yield value.replace(tzinfo=like.tzinfo)


def _alike(vocabulary, values):
    """Find a value and a level of fit that have one plain form, by looking at levels of fit."""
    given = {_plain(value): value for value in values[:LOOKED_AT]}
    for level in islice(chain(vocabulary.levels, vocabulary.infrequent), LOOKED_AT):
        if _plain(level) in given:
            return given[_plain(level)], level
    return None


def _plain(level):
    """Return a level without case, spaces, accents written apart, zeros around it, or time zone."""
    if isinstance(level, datetime):
        return level.replace(tzinfo=None)
    if not isinstance(level, str):
        return level
    text = " ".join(normalize("NFKC", level).casefold().split())
    try:
        return f"number {float(text)}"
    except ValueError:
        return text
