"""Where each column stands in the output."""

from typing import NamedTuple

import numpy as np

from skembed._columns.crosses import cross_name
from skembed._utils.memory import check_room


class Slot(NamedTuple):
    """A column of X, or a cross of some, and its place in the output.

    Attributes
    ----------
    positions : tuple of int
        In X; several for a cross.
    name : str or None
        Its name if it has vectors; None if it passes through.
    place : slice
        In the output.
    """

    positions: tuple
    name: object
    place: slice


class Layout:
    """The order of the output: vectors replace their column, other columns stay as they are.

    Crosses have no place of their own and stand at the end.

    Parameters
    ----------
    dims : dict of int to (name, int)
        Name and vector length of the embedded columns, by position.
    crosses : list of (tuple of int, str, int)
        Positions, name and vector length of the crosses.
    passing : list of int
        Positions of the columns that stay as they are.
    dtype : dtype
        Of the output.
    """

    def __init__(self, dims, crosses, *, passing, dtype):
        self.dtype, self.slots, self.width = dtype, [], 0
        for position in sorted([*dims, *passing]):
            self._append((position,), *dims.get(position, (None, 1)))
        for cross in crosses:
            self._append(*cross)

    @classmethod
    def of(cls, row_encoder, tables, dtype):
        """Layout of what a fitted encoder returns.

        Parameters
        ----------
        row_encoder : RowEncoder
        tables : dict of str to ndarray of shape (n_codes, dim)
        dtype : dtype
        """
        dims = {name: table.shape[1] for name, table in tables.items()}
        position = row_encoder.position
        return cls(
            {column.position: (column.name, dims[column.name]) for column in row_encoder.embedded},
            [
                (tuple(position[name] for name in cross.names), cross.name, dims[cross.name])
                for cross in row_encoder.crosses
            ],
            passing=row_encoder.numeric,
            dtype=dtype,
        )

    def _append(self, positions, name, dim):
        self.slots.append(Slot(positions, name, slice(self.width, self.width + dim)))
        self.width += dim

    def names_out(self, names_in):
        """Names: ``city_0, city_1, ...`` instead of ``city``, ``city x kind_0`` of a cross."""
        names = []
        for positions, name, place in self.slots:
            label = cross_name([names_in[position] for position in positions])
            dim = place.stop - place.start
            names += [str(label)] if name is None else [f"{label}_{i}" for i in range(dim)]
        return np.array(names, dtype=object)

    def assemble(self, columns, write, used=None):
        """Output array (n_rows, width); ``write(slot, out)`` fills the place of a vector.

        Rows that are not ``used``, which is of shape (n_rows,), may hold infinite numbers.
        """
        out = self.empty(columns.n_rows)
        self.fill(out, columns, write, used)
        return out

    def empty(self, n_rows):
        """Output array (n_rows, width) before it is filled."""
        check_room(
            n_rows * self.width * np.dtype(self.dtype).itemsize,
            f"The output of {n_rows:,} rows by {self.width:,} numbers",
            "Transform fewer rows at once, or files by skembed.scoring.score_file.",
        )
        return np.empty((n_rows, self.width), dtype=self.dtype)

    def fill(self, out, columns, write, used=None):
        """Fill an output array, or some rows of it; ``write`` and ``used`` as in `assemble`."""
        for slot in self.slots:
            if slot.name is None:
                out[:, slot.place.start] = columns.numbers(slot.positions[0], self.dtype, used=used)
            else:
                write(slot, out[:, slot.place])


def check_output_names(names, passing, dims):
    """Raise if a column that passes through has the name of a component of a vector.

    Parameters
    ----------
    names : list
        All columns of X.
    passing : list of int
        Positions of the columns that pass through.
    dims : dict of str to int
        Longest vectors of each embedded column and cross, by name.
    """
    for passed in (str(names[j]) for j in passing):
        name, _, i = passed.rpartition("_")
        if i.isdecimal() and str(int(i)) == i and int(i) < dims.get(name, 0):
            raise ValueError(
                f"Two output columns would be named {passed!r}: the column of X that passes "
                f"through, and a component of the vectors of {name!r}. Rename the column "
                f"{passed!r} of X."
            )


def output_dtype(columns, passing):
    """Smallest float dtype that holds float32 vectors and the passing columns without loss."""
    return np.result_type(np.float32, *(columns.number_dtype(j) for j in passing))
