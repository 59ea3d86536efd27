"""Parquet in for training, batch by batch: levels to positions, numbers to arrays."""

from itertools import repeat

import numpy as np

from skembed._columns.factorize import Counts
from skembed._columns.frames import Columns
from skembed._columns.kinds import plain
from skembed._files.errors import naming_source
from skembed._files.parquet import count_rows, name_of, validate

TRAINING_BATCH_ROWS = 131_072


def share_of(dataset, rank, size):
    """Share of the rows that one of several ranks reads: row groups that follow each other.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
    rank, size : int

    Returns
    -------
    share : pyarrow.dataset.Dataset
        The shares in the order of their ranks are the dataset.
    rows : range
        Numbers in the dataset of the rows of the share.
    """
    if size == 1:
        return dataset, range(count_rows(dataset))
    from pyarrow import dataset as arrow

    if not isinstance(dataset, arrow.FileSystemDataset):
        raise TypeError(
            "With distributed=True, each rank reads its share of the row groups of files, but "
            f"path is a {type(dataset).__name__}: give a file, a folder, or a dataset of files."
        )
    parts = [part for file in dataset.get_fragments() for part in file.split_by_row_group()]
    ends = np.cumsum([0, *(part.row_groups[0].num_rows for part in parts)])
    # A row group is the rank's in whose part of the rows its middle lies.
    owner = (ends[:-1] + ends[1:]) * size // (2 * max(ends[-1], 1))
    own = [part for part, its in zip(parts, owner, strict=True) if its == rank]
    share = arrow.FileSystemDataset(own, dataset.schema, dataset.format, dataset.filesystem)
    # Not by count_rows, which counts all row groups of a file.
    return share, range(*(int(ends[i]) for i in np.searchsorted(owner, [rank, rank + 1])))


def row_of_types(dataset):
    """Make a pyarrow table of one row with nothing in it; of no row if there is none to read."""
    import pyarrow as pa

    if not count_rows(dataset):
        return dataset.schema.empty_table()
    return pa.table([pa.nulls(1, kind) for kind in dataset.schema.types], dataset.schema)


def holds_floats(dataset, name):
    """Whether a column holds floating-point numbers."""
    import pyarrow as pa

    return pa.types.is_floating(_type_of_values(dataset.schema.field(name).type))


def as_column(values, dataset, name):
    """Array (n_values,) of some values of a column, of the type that the column has in numpy."""
    import pyarrow as pa

    kind = _type_of_values(dataset.schema.field(name).type)
    return pa.array(values, kind).to_numpy(zero_copy_only=False)


def _type_of_values(kind):
    """Type of the values of a column: of a dictionary, that of its labels; never an extension."""
    import pyarrow as pa

    kind = plain(pa.nulls(0, kind)).type
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def tables(dataset, names):
    """Iterate over the rows of some columns in their order, as pyarrow tables."""
    import pyarrow as pa

    with naming_source(name_of(dataset)):
        # Without the bounds on reading ahead, dozens of batches would lie in memory.
        for batch in dataset.to_batches(
            names, batch_size=TRAINING_BATCH_ROWS, batch_readahead=1, fragment_readahead=1
        ):
            if batch.num_rows:
                yield pa.Table.from_batches([validate(batch, dataset)])


def _for_dictionary(column):
    """Column of a type of which Arrow makes dictionaries."""
    import pyarrow as pa

    kind = column.type
    is_small = str(kind).startswith(("decimal32", "decimal64"))
    return column.cast(pa.decimal128(kind.precision, kind.scale)) if is_small else column


class GrowingLevels:
    """The levels of a column that comes in batches, and how often they occur."""

    def __init__(self):
        self._position: dict = {}
        self._counts, self._n_missing = np.zeros(0, dtype=np.int64), 0

    def add(self, table, name, used):
        """Look up the rows of the next batch.

        Parameters
        ----------
        table : pyarrow.Table
        name : str
            Of the column in it.
        used : ndarray of bool, shape (n_rows,)
            Rows that count.

        Returns
        -------
        ndarray of int32, shape (n_rows,)
            Position among the values of all batches, or -1 where the column is missing.
        """
        import pyarrow as pa

        column = _for_dictionary(plain(table[name].chunk(0)))
        if pa.types.is_dictionary(column.type):  # may hold a value twice, or one of no row
            column = column.cast(column.type.value_type)
        column = column.dictionary_encode()
        # What is a level and what is missing is told in one place.
        distinct = Columns(pa.table({name: column.dictionary})).levels(0)
        positions = self._look_up(distinct.values)
        # Rows of -1 take the last entry: those of no value in the dictionary, and of NaN in it.
        in_dictionary = np.append(positions, np.int32(-1))[distinct.rows]
        rows = np.append(in_dictionary, np.int32(-1))[column.indices.fill_null(-1).to_numpy()]
        self._count(rows[used])
        return rows

    def _look_up(self, values):
        """Positions (n_values,) of distinct values, of which the new ones are added."""
        found = map(self._position.get, values, repeat(-1))
        positions = np.fromiter(found, dtype=np.int32, count=len(values))
        new = np.flatnonzero(positions < 0)
        positions[new] = len(self._position) + np.arange(len(new))
        added = zip(map(values.__getitem__, new), positions[new].tolist(), strict=True)
        self._position.update(added)
        return positions

    def take_in(self, counted):
        """Add the counts of other rows.

        Returns
        -------
        ndarray of int32, shape (n_values + 1,)
            Position among the values of all for each position there, and last that of missing.
        """
        positions = self._look_up(counted.values)
        counts = np.zeros(len(self._position), dtype=np.int64)
        counts[: len(self._counts)] = self._counts
        counts[positions] += counted.counts
        self._counts, self._n_missing = counts, self._n_missing + counted.n_missing
        return np.append(positions, np.int32(-1))

    def _count(self, rows):
        counts = np.bincount(rows[rows >= 0], minlength=len(self._position))
        counts[: len(self._counts)] += self._counts
        self._counts = counts
        self._n_missing += int((rows < 0).sum())

    def counted(self):
        """Counts of all batches."""
        return Counts(list(self._position), self._counts, self._n_missing)


def finite(table, name, row, role):
    """Numbers (n_rows,) of a column that may hold nothing missing and nothing infinite.

    Parameters
    ----------
    table : pyarrow.Table
    name : str
        Of the column.
    row : int
        Number of the table's first row, for errors.
    role : {"target", "sample_weight"}
        What it is called there.
    """
    import pyarrow as pa

    column = table[name]
    kind = _type_of_values(column.type)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValueError(f"The {role} column {name!r} must hold numbers, but its type is {kind}.")
    values = (
        column.cast(kind).cast(pa.float64(), safe=False).to_numpy()
    )  # as numpy does it, in `fit`
    for wrong, what in ((np.isnan(values), "missing"), (np.isinf(values), "infinite")):
        if wrong.any():
            raise ValueError(
                f"The {role} column {name!r} is {what} in row {row + int(wrong.argmax())}: remove "
                "such rows."
            )
    return values
