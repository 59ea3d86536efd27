"""Parquet in, batch by batch: levels to positions, numbers to arrays."""

import os
from contextlib import ExitStack
from itertools import repeat
from pathlib import Path

import numpy as np

from skembed._columns.factorize import Counts
from skembed._columns.frames import Columns
from skembed._files.errors import check_readable, naming_file, naming_output
from skembed._persistence.file_format import check_no_other

BATCH_ROWS = 131_072


def open_dataset(path, form="parquet"):
    """Open a file or a folder of Parquet.

    Parameters
    ----------
    path : str, PathLike or pyarrow.dataset.Dataset
        A dataset is taken as it is.
    form : str or pyarrow.dataset.ParquetFileFormat, default="parquet"
        How to read it.

    Returns
    -------
    pyarrow.dataset.Dataset

    Raises
    ------
    ModuleNotFoundError
        If pyarrow is not installed.
    FileNotFoundError
        If there is no such file or folder, or no file in it.
    ValueError
        If the files have different columns.
    """
    try:
        from pyarrow import dataset as arrow
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Reading Parquet needs pyarrow, which is not installed: pip install 'skembed[parquet]'."
        ) from error
    if isinstance(path, arrow.Dataset):
        return path
    if not isinstance(path, (str, os.PathLike)):
        raise TypeError(
            "path must be that of a Parquet file or of a folder of such files, or a "
            f"pyarrow.dataset.Dataset, but is a {type(path).__name__}. For rows in memory use fit."
        )
    if not Path(path).exists():
        raise FileNotFoundError(
            f"There is no file or folder {str(path)!r}. What lies elsewhere can be given as a "
            "pyarrow.dataset.dataset(...)."
        )
    check_readable(path)
    with naming_file(path):
        opened = arrow.dataset(str(path), format=form, partitioning="hive")
        if not opened.files:
            raise FileNotFoundError(f"The folder {str(path)!r} holds no Parquet file.")
        _check_schemas(opened)
    return opened


def checked(rows, dataset):
    """The rows, after a look at them if pyarrow takes them on trust, as it does those of Arrow.

    Offsets and codes that point elsewhere would end the process.
    """
    from pyarrow import dataset as arrow

    if isinstance(getattr(dataset, "format", None), arrow.IpcFileFormat):
        rows.validate(full=True)
    return rows


def name_of(dataset):
    """Path of a dataset's file, or of the folder of its files."""
    files = getattr(dataset, "files", [])
    return os.path.commonpath(files) if files else "The dataset"


def _check_schemas(dataset):
    """Raise if a file has not the columns of the first."""
    fragments = list(dataset.get_fragments())
    first = _types(fragments[0])
    for fragment in fragments[1:]:
        types = _types(fragment)
        for name in {**first, **types}:
            if types.get(name) != first.get(name):
                raise ValueError(
                    f"The files must have the same columns, but {name!r} is "
                    f"{first.get(name, 'absent')} in {fragments[0].path!r} and "
                    f"{types.get(name, 'absent')} in {fragment.path!r}. Write them alike, or give "
                    "a pyarrow.dataset.dataset(path, schema=...), which converts them."
                )


def _types(fragment):
    return {field.name: str(field.type) for field in fragment.physical_schema}


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


def count_rows(dataset):
    """Number of rows; what cannot be counted is an error that names the file."""
    with naming_file(name_of(dataset)):
        return dataset.count_rows()


def row_of_types(dataset):
    """Make a pyarrow table of one row with nothing in it; of no row if there is none to read."""
    import pyarrow as pa

    if not count_rows(dataset):
        return dataset.schema.empty_table()
    return pa.table([pa.nulls(1, kind) for kind in dataset.schema.types], dataset.schema)


def check_out(out, path, dataset, *, name="out", may_be_folder=False):
    """Raise if a file must not or cannot be written, before much is done for it."""
    target = _resolved(out)
    if not target.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(target.parent)!r} to write to.")
    read = [_resolved(file) for file in getattr(dataset, "files", [])]
    if isinstance(path, (str, os.PathLike)):
        read.append(_resolved(path))  # a folder, whose next reader would find the file
    if not {target, *target.parents}.isdisjoint(read):
        raise ValueError(
            f"{name}={str(out)!r} is among the files that are read: give another name or folder."
        )
    if not (may_be_folder and target.is_dir()):
        check_no_other(out)


def _resolved(path):
    return Path(os.path.realpath(path))  # which raises nothing where links lead in a circle


def write_parquet(out, names, parts):
    """Write arrays (n_rows, n_columns), one after the other, to a file that is whole or not there.

    Parameters
    ----------
    out : str or PathLike
    names : sequence of str
        Of the columns.
    parts : iterable of ndarray
    """
    import pyarrow as pa
    from pyarrow import parquet

    unfinished = Path(out).with_name(f".{Path(out).name}.{os.getpid()}")
    writer = None
    try:
        with naming_output(out), ExitStack() as opened:
            for part in parts:
                table = pa.table(list(map(pa.array, part.T)), list(names))
                if writer is None:
                    writer = parquet.ParquetWriter(unfinished, table.schema)
                    opened.enter_context(writer)
                writer.write_table(table)
        unfinished.replace(out)
    finally:
        unfinished.unlink(missing_ok=True)


def holds_floats(dataset, name):
    """Whether a column holds floating-point numbers."""
    import pyarrow as pa

    return pa.types.is_floating(dataset.schema.field(name).type)


def as_column(values, dataset, name):
    """Array (n_values,) of some values of a column, of the type that the column has in numpy."""
    import pyarrow as pa

    kind = dataset.schema.field(name).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.array(values, kind).to_numpy(zero_copy_only=False)


def tables(dataset, names):
    """Iterate over the rows of some columns in their order, as pyarrow tables."""
    import pyarrow as pa

    with naming_file(name_of(dataset)):
        # Without the bounds on reading ahead, dozens of batches would lie in memory.
        for batch in dataset.to_batches(
            names, batch_size=BATCH_ROWS, batch_readahead=1, fragment_readahead=1
        ):
            if batch.num_rows:
                yield pa.Table.from_batches([checked(batch, dataset)])


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

        column = table[name].chunk(0)
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
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise ValueError(f"The {role} column {name!r} must hold numbers, but its type is {kind}.")
    values = column.cast(pa.float64(), safe=False).to_numpy()  # as numpy does it, in `fit`
    for wrong, what in ((np.isnan(values), "missing"), (np.isinf(values), "infinite")):
        if wrong.any():
            raise ValueError(
                f"The {role} column {name!r} is {what} in row {row + int(wrong.argmax())}: remove "
                "such rows."
            )
    return values
