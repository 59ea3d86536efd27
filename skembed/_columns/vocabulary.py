"""Levels to codes, with codes reserved for unseen, missing and infrequent levels."""

from contextlib import suppress
from functools import cached_property
from itertools import chain, repeat
from numbers import Integral

import numpy as np

from skembed._columns.unseen import warn_of_unseen
from skembed._utils.warnings import warn_user

UNSEEN, MISSING, INFREQUENT = 0, 1, 2
RESERVED = ("unseen", "missing", "infrequent")


class Vocabulary:
    """The levels of one column and their codes.

    Levels are told apart by value and kind: ``1`` and ``"1"`` and ``True`` are three levels,
    ``1`` and ``1.0`` are one number. They are sorted, so that their codes depend neither on the
    order of the rows nor on the kind of frame that they came in.

    Parameters
    ----------
    levels : list
        Levels with a code of their own; the first has code 3.
    infrequent : list
        Levels that share code 2.
    counts : ndarray of int, shape (n_codes,)
        Rows per code at fit; no row has code 0.
    """

    def __init__(self, levels, infrequent, counts):
        self.levels, self.infrequent, self.counts = levels, infrequent, counts

    @cached_property
    def _code(self):
        codes = range(len(RESERVED), self.n_codes)
        code = dict(zip(_keys(self.levels), codes, strict=True))
        code.update(zip(_keys(self.infrequent), repeat(INFREQUENT), strict=False))
        return code

    @cached_property
    def _kinds(self):
        return kinds(chain(self.levels, self.infrequent))

    @classmethod
    def fit(cls, counted, *, min_frequency=None, max_categories=None, always=()):
        """Learn the levels of a column from how often they occur.

        Parameters
        ----------
        counted : Counts
        min_frequency : int, float or None
            Levels with fewer rows (a fraction of all rows if a float) are infrequent.
        max_categories : int or None
            Most levels that keep a code of their own, the infrequent row included.
        always : list
            Levels that keep a code of their own beside those, whether they occur or not.
        """
        held, kept_keys = set(map(_key, counted.values)), set(map(_key, always))
        added = [level for level in always if _key(level) not in held]
        values = [*counted.values, *added]
        counts = np.pad(counted.counts, (0, len(added)))
        fixed = np.array([_key(value) in kept_keys for value in values], dtype=bool)
        order = np.array(_sorted_positions(values), dtype=np.intp)
        order = order[(counts[order] > 0) | fixed[order]]
        ordered, kept = counts[order], fixed[order]
        others = ~kept
        kept[others] = _frequent(ordered[others], counted.n_rows, min_frequency, max_categories)
        levels = [values[i] for i in order[kept].tolist()]
        pooled = [values[i] for i in order[~kept].tolist()]
        reserved = [0, counted.n_missing, int(ordered[~kept].sum())]
        return cls(levels, pooled, np.array([*reserved, *ordered[kept]], dtype=np.int64))

    @property
    def n_codes(self):
        """Number of codes, the three reserved ones included."""
        return len(RESERVED) + len(self.levels)

    def codes_of(self, values):
        """Code of each value of a list; 0 where it was never seen.

        Returns
        -------
        ndarray of intp, shape (len(values),)
        """
        return np.fromiter(self._codes_of(values), dtype=np.intp, count=len(values))

    def _codes_of(self, values):
        return map(self._code.get, _keys(values), repeat(UNSEEN))

    def encode(
        self, column, name="x", *, allow_unknown=True, allow_missing=True, warn_unknown=False
    ):
        """Code of each row of a factorised column.

        The levels are looked up once each, however many rows hold them.

        Parameters
        ----------
        column : Levels
        name : str
            What errors call the column.
        allow_unknown, allow_missing : bool
            Whether there may be levels that were never seen, and missing values.
        warn_unknown : bool
            Whether to warn of any level that was never seen. A warning always comes where no
            level of the column was seen.

        Returns
        -------
        ndarray of intp, shape (n_rows,)

        Raises
        ------
        ValueError
            If there are some that may not be.
        """
        of_value = self.codes_of(column.values)
        unseen = of_value == UNSEEN
        if not allow_missing and (column.rows < 0).any():
            row = int(np.flatnonzero(column.rows < 0)[0])
            raise ValueError(
                f"Column {name!r} is missing in {int((column.rows < 0).sum())} rows, the first "
                f"being row {row}. Fill them, or give handle_missing='embed'."
            )
        if not allow_unknown and unseen.any():
            unknown = [column.values[i] for i in np.flatnonzero(unseen)]
            raise ValueError(
                f"Column {name!r} holds {len(unknown)} levels that fit did not see: "
                f"{unknown[:5]}{' ...' if len(unknown) > 5 else ''}. Give handle_unknown='embed' "
                "to let the trained prior row stand for them."
            )
        if unseen.all() and self._are_of_other_types(column.values):
            self._warn_of_other_types(column.values, name)
        elif unseen.any():
            warn_of_unseen(self, column, unseen, name, of_any=warn_unknown)
        # Row -1, a missing value, takes the last entry.
        return np.append(of_value, MISSING)[column.rows]

    def by_value(self, values):
        """Code of each value, and last that of missing: `encode` of all rows that hold them.

        Returns
        -------
        of_value : ndarray of intp, shape (len(values) + 1,)
        all_seen : bool
        """
        codes = chain(self._codes_of(values), (MISSING,))
        of_value = np.fromiter(codes, dtype=np.intp, count=len(values) + 1)
        return of_value, bool(of_value.all())

    def _are_of_other_types(self, values):
        theirs = kinds(values)
        return bool(self._kinds and theirs and not self._kinds & theirs)

    def _warn_of_other_types(self, values, name):
        """Warn where no value can match because they are of other types, "1" instead of 1."""
        ours, theirs = self._kinds, kinds(values)
        example = next(chain(self.levels, self.infrequent))
        warn_user(
            f"Column {name!r} was fitted on {sorted(ours)} and now holds {sorted(theirs)}: no "
            "level can match, all are unseen. Give the type that fit was given, such as "
            f"{example!r}."
        )

    def warn_if_uninformative(self, name):
        """Warn of a column that holds the same in all rows."""
        if (self.counts > 0).sum() < 2:
            held = "one level" if self.counts[INFREQUENT:].any() else "no value"
            warn_user(
                f"Column {name!r} holds {held} in all rows: its vector is the same everywhere. "
                "Leave it out."
            )

    def __repr__(self):
        """Say how many levels there are, and show the first."""
        shown = ", ".join(map(repr, self.levels[:3])) + (", ..." if len(self.levels) > 3 else "")
        return f"<Vocabulary of {len(self.levels)} levels: {shown}>"

    def __eq__(self, other):
        """Equal if the same values get the same codes."""
        return isinstance(other, Vocabulary) and self._code == other._code

    __hash__ = None  # type: ignore[assignment]


def kinds(values):
    """Kinds of a list of levels: "numbers", "strings", "booleans" or names of types."""
    return {_kind(value) for value in values}


def _key(value):
    # A boolean is hashed and compared as a number in Python: give it a kind.
    return (bool, value) if isinstance(value, (bool, np.bool_)) else value


def _keys(values):
    """Keys of a list: its values themselves, unless some are booleans."""
    return values if {bool, np.bool_}.isdisjoint(map(type, values)) else map(_key, values)


def _kind(value):
    if isinstance(value, (bool, np.bool_)):
        return "booleans"
    if isinstance(value, (int, float)):
        return "numbers"
    return "strings" if isinstance(value, str) else type(value).__name__


def _frequent(counts, n_rows, min_frequency, max_categories):
    """Which levels keep a code of their own.

    This is the rule of OneHotEncoder but for two things: as many levels as ``max_categories`` are
    all kept, where it pools one of them, and of equally frequent ones the first are kept.
    """
    kept = np.ones(len(counts), dtype=bool)
    if min_frequency is not None:
        is_count = isinstance(min_frequency, Integral)
        kept = counts >= (min_frequency if is_count else min_frequency * n_rows)
    # The infrequent row counts as one of max_categories, if there is one.
    if max_categories is not None and kept.sum() + (not kept.all()) > max_categories:
        kept[np.argsort(-counts, kind="stable")[max_categories - 1 :]] = False
    return kept


def _sorted_positions(values):
    """Positions in the order: numbers, booleans, strings, then the other types by their names."""
    numbers, booleans, strings = [], [], []
    others: dict[str, list[int]] = {}
    for i, value in enumerate(values):
        if isinstance(value, str):
            strings.append(i)
        elif isinstance(value, bool):
            booleans.append(i)
        elif isinstance(value, (int, float)) and value == value:  # no NaN, which has no place
            numbers.append(i)
        else:
            others.setdefault(type(value).__name__, []).append(i)
    for group in (numbers, booleans, strings):
        group.sort(key=values.__getitem__)
    rest = [_sort_others(others[name], values) for name in sorted(others)]
    return [*chain(numbers, booleans, strings, *rest)]


def _sort_others(positions, values):
    """Sort the positions of values of one type by the values, or by their names if that fails."""
    if not isinstance(values[positions[0]], frozenset):  # which are compared as subsets
        with suppress(TypeError, ValueError, ArithmeticError):
            return sorted(positions, key=values.__getitem__)
    return sorted(positions, key=lambda i: _name(values[i]))


def _name(value):
    return repr(sorted(map(repr, value))) if isinstance(value, frozenset) else repr(value)
