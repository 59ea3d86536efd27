"""Rows of any container to codes and numbers: learned by a fit, used by all that reads rows."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from scipy.sparse import issparse

from skembed._columns.bags import weighted_codes
from skembed._columns.lookup import ByValue, look_up_cross
from skembed._columns.vocabulary import Vocabulary


class Refusals(NamedTuple):
    """Which levels are an error, or a warning; others get the vector reserved for them."""

    unknown: bool = False
    missing: bool = False
    warn_unknown: bool = False

    @classmethod
    def of(cls, handle_unknown, handle_missing):
        """Refusals by the parameters of an estimator: "embed", "error" and, of unknown, "warn"."""
        return cls(handle_unknown == "error", handle_missing == "error", handle_unknown == "warn")

    def asks_of_unknown(self, codes):
        """Whether unseen levels among these codes, a ByValue, are an error or may be a warning."""
        return self.unknown or self.warn_unknown or codes.none_seen_first()


class EmbeddedColumn(NamedTuple):
    """A column of X whose levels have vectors.

    Attributes
    ----------
    name : str
    position : int
        In X.
    vocabulary : Vocabulary
    is_bag : bool
        Whether a cell holds any number of levels.
    """

    name: str
    position: int
    vocabulary: Vocabulary
    is_bag: bool

    def encode(self, levels, members, refusals, bag_mode):
        """Encode a factorised column.

        Parameters
        ----------
        levels : Levels
        members : Members or None
            Rows and weights of the levels, of a bag.
        refusals : Refusals
        bag_mode : {"mean", "sum"}

        Returns
        -------
        ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes)
            Codes; of a bag, weights of the codes.
        """
        codes = self.vocabulary.encode(
            levels,
            self.name,
            allow_unknown=not refusals.unknown,
            allow_missing=not refusals.missing,
            warn_unknown=refusals.warn_unknown,
        )
        if members is None:
            return codes
        return weighted_codes(members, codes, self.vocabulary.n_codes, bag_mode)


@dataclass(frozen=True)
class RowEncoder:
    """Turns rows into codes and numbers, as a fit has learned to.

    Attributes
    ----------
    names : list of str
        All columns of X, in their order.
    embedded : list of EmbeddedColumn
    bins : dict of str to Bins
        Of the numeric columns that are crossed.
    crosses : list of Cross
    numeric : list of int
        Positions of the columns that are read as numbers: those that pass through an encoder, or
        those that the net of a predictor sees.
    context : Context or None
        Turns the numeric columns into inputs of the net; None in an encoder.
    bag_mode : {"mean", "sum"}
        What becomes of the members of a bag.
    is_sparse : bool
        Whether X is a sparse matrix, which is one bag.
    """

    names: list
    embedded: list
    bins: dict
    crosses: list
    numeric: list
    context: Any  # Context or None
    bag_mode: str
    is_sparse: bool

    @cached_property
    def position(self):
        """Position of each column of X, by name."""
        return {name: position for position, name in enumerate(self.names)}

    @cached_property
    def bags(self):
        """Names of the columns whose cells hold any number of levels."""
        return {column.name for column in self.embedded if column.is_bag}

    @cached_property
    def vocabularies(self):
        """Vocabulary of each embedded column, by name."""
        return {column.name: column.vocabulary for column in self.embedded}

    @cached_property
    def vocabularies_and_crosses(self):
        """Vocabulary or Cross of all that has vectors, by name and in the order of the tables."""
        return self.vocabularies | {cross.name: cross for cross in self.crosses}

    @property
    def number_names(self):
        """Names of the columns that are read as numbers."""
        return [*self.bins, *(self.names[position] for position in self.numeric)]

    def with_crosses(self, crosses):
        """Copy with these crosses alone, and with the bins of their columns."""
        crossed = {name for cross in crosses for name in cross.names}
        bins = {name: bins for name, bins in self.bins.items() if name in crossed}
        return replace(self, crosses=crosses, bins=bins)

    def encode(self, columns, refusals):
        """Encode all rows at once.

        Parameters
        ----------
        columns : Columns
            Those that fit was given.
        refusals : Refusals

        Returns
        -------
        dict of str to (ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes))
            By embedded column and cross; a matrix of weights for a bag.
        """
        parts = [codes for _, _, codes in self.encode_blocks(columns, refusals)]
        return {name: _whole([part[name] for part in parts]) for name in parts[0]}

    def encode_blocks(self, columns, refusals):
        """Encode rows block by block: what is done once per value is not done once per row.

        Parameters
        ----------
        columns : Columns
            Those that fit was given.
        refusals : Refusals

        Yields
        ------
        rows : slice
        part : Columns
            These rows.
        codes : dict of str to ByValue or csr_array
            By embedded column and cross; a matrix of weights for a bag.
        """
        known: dict[str, tuple] = {}
        checked: set = set()
        # Members of bags are counted over all rows at once.
        blocks = [(slice(None), columns)] if self.bags else columns.blocks()
        for rows, part in blocks:
            codes = {}
            for column in self.embedded:
                name, position = column.name, column.position
                if column.is_bag:
                    members = columns.members(position)
                    codes[name] = column.encode(*members, refusals, self.bag_mode)
                    continue
                levels = part.by_label(position)
                if name not in known or known[name][0] is not levels.values:
                    known[name] = levels.values, *column.vocabulary.by_value(levels.values)
                _, of_value, all_seen = known[name]
                codes[name] = ByValue(levels.rows, of_value)
                if name not in checked and (
                    (not all_seen and refusals.asks_of_unknown(codes[name]))
                    or (refusals.missing and codes[name].any_missing())
                ):
                    # All rows decide, not those of a block: this raises or warns, or does neither.
                    every = levels if part is columns else columns.levels(position)
                    column.encode(every, None, refusals, self.bag_mode)
                    checked.add(name)
            yield rows, part, codes | self._crosses_of(part, codes)

    def inputs(self, columns):
        """Inputs of the net from the numeric columns, float32 (n_rows, n_inputs)."""
        numbers = [columns.numbers(position) for position in self.numeric]
        return self.context.matrix(numbers, columns.n_rows)

    def _crosses_of(self, part, codes):
        """Codes by value of the crosses, by name, from those of the embedded columns."""
        single = codes.copy()
        for name, bins in self.bins.items():
            binned = bins.encode(part.numbers(self.position[name]))
            single[name] = ByValue.of_codes(binned, bins.n_codes)
        return {
            cross.name: look_up_cross(cross, [single[name] for name in cross.names])
            for cross in self.crosses
        }


def _whole(parts):
    """Codes of all rows, from those of blocks."""
    if issparse(parts[0]):
        (bag,) = parts
        return bag
    return np.concatenate([part.codes() for part in parts])
