"""Crosses: columns made of two or more columns, a level per combination of theirs."""

import numpy as np

from skembed._columns.vocabulary import RESERVED, UNSEEN


class Cross:
    """The combinations of the levels of some columns, and their codes.

    A combination with an unseen level is unseen; a missing or infrequent level combines as any
    other does.

    Parameters
    ----------
    names : tuple of str
        The columns.
    sizes : tuple of int
        Codes of each.
    keys : ndarray of int64, shape (n_levels,)
        Sorted: the codes of a combination as one number. The first has code 3.
    counts : ndarray of int, shape (n_codes,)
        Rows per code at fit.
    """

    def __init__(self, names, sizes, keys, counts):
        self.names, self.sizes, self.keys, self.counts = names, sizes, keys, counts

    @classmethod
    def fit(cls, names, vocabularies, codes, used):
        """Learn the combinations that occur, from the codes of the columns by name."""
        sizes = tuple(vocabularies[name].n_codes for name in names)
        if np.prod([float(size) for size in sizes]) >= 2.0**63:
            raise ValueError(
                f"The cross of {list(names)} has more than 2**63 combinations. Pool rare levels "
                "with min_frequency, or cross fewer columns."
            )
        row_keys = combined_keys([codes[name] for name in names], sizes)[used]
        keys, counts = np.unique(row_keys[row_keys >= 0], return_counts=True)
        return cls(tuple(names), sizes, keys, np.concatenate([[0] * len(RESERVED), counts]))

    def merged(self, other):
        """Make one of this cross and the same one of other rows."""
        keys = np.union1d(self.keys, other.keys)
        counts = np.zeros(len(RESERVED) + len(keys), dtype=np.int64)
        for part in (self, other):
            counts[len(RESERVED) + np.searchsorted(keys, part.keys)] += part.counts[len(RESERVED) :]
        return Cross(self.names, self.sizes, keys, counts)

    @property
    def name(self):
        """Name, such as ``"city x kind"``."""
        return cross_name(self.names)

    @property
    def n_codes(self):
        """Number of codes, with the reserved ones."""
        return len(RESERVED) + len(self.keys)

    def __repr__(self):
        """Name the columns, and say how many combinations of their levels there are."""
        return f"<Cross of {' x '.join(map(repr, self.names))}: {len(self.keys)} combinations>"

    def encode(self, codes):
        """Code of each row, from the codes of the columns by name."""
        return self.codes_of(self.keys_of([codes[name] for name in self.names]))

    def keys_of(self, codes):
        """Key of each row, from the codes of the columns; -1 where one of them is unseen."""
        return combined_keys(codes, self.sizes)

    def codes_of(self, keys):
        """Code of each key."""
        at = np.searchsorted(self.keys, keys)
        known = self.keys[np.minimum(at, len(self.keys) - 1)] == keys
        return np.where(known, at + len(RESERVED), UNSEEN)


def cross_name(names):
    """Name of a cross; of a single column, its own."""
    return names[0] if len(names) == 1 else " x ".join(map(str, names))


def check_free_names(crosses, names):
    """Raise if two crosses, or a cross and a column, have one name.

    Parameters
    ----------
    crosses : list of tuple
        The columns of each cross.
    names : list
        All columns of X.
    """
    first = {str(name): f"that of a column: {name!r}" for name in names}
    for columns in crosses:
        name = cross_name(columns)
        if name in first:
            raise ValueError(
                f"The cross of {columns} has the name {name!r}, which is also {first[name]}. "
                "Rename one of these columns of X, or leave the cross out of crosses."
            )
        first[name] = f"that of the cross of {columns}"


def with_free_names(crosses, names):
    """Crosses whose components have a name of their own; of one name, the first.

    Parameters
    ----------
    crosses : list of tuple
        The columns of each cross.
    names : list
        All columns of X.
    """
    taken = {str(name) for name in names}
    # A component's name ends in its number: a column "a x b_0" takes the name "a x b".
    taken |= {
        stem for stem, _, number in (name.rpartition("_") for name in taken) if number.isdigit()
    }
    free = []
    for columns in crosses:
        if cross_name(columns) not in taken:
            taken.add(cross_name(columns))
            free.append(columns)
    return free


def combined_keys(codes, sizes):
    """Codes of several columns as one number per row; -1 where one of them is unseen."""
    keys = np.zeros(len(codes[0]), dtype=np.int64)
    unseen = np.zeros(len(codes[0]), dtype=bool)
    for column, size in zip(codes, sizes, strict=True):
        keys *= size
        keys += column
        unseen |= column == UNSEEN
    keys[unseen] = -1
    return keys
