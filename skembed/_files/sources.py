"""Files of rows, CSV, Parquet and Arrow, read and written batch by batch; needs pyarrow."""

import os
import shutil
from pathlib import Path

from skembed._files.csv import OPENERS, CsvSource
from skembed._files.csv_fields import FieldsWriter, PlainWriter, plain_schema
from skembed._files.errors import check_no_pipe, naming_source
from skembed._files.parquet import count_rows, local_files, name_of, open_dataset, validate

BATCH_ROWS = 2**16  # as many as `transform` looks at at once
SUFFIXES = {
    ".parquet": "parquet",
    ".pq": "parquet",
    ".csv": "csv",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
}
CSV_SUFFIXES = ".csv", ".tsv"  # of files that are read


def format_of(path):
    """Format of a file by its suffix; of a folder, Parquet.

    Parameters
    ----------
    path : str or PathLike

    Returns
    -------
    {"parquet", "csv", "arrow"}

    Raises
    ------
    ValueError
        If the suffix is another one.
    """
    suffix = Path(path).suffix.lower()
    if is_parquet_folder(path):
        return "parquet"
    if suffix not in SUFFIXES:
        raise ValueError(
            f"{str(path)!r} has the suffix {suffix!r}, but known are {', '.join(SUFFIXES)}, and a "
            "folder of Parquet files, which has none."
        )
    return SUFFIXES[suffix]


def format_of_source(path):
    """Format of a file that is read, which may be CSV of another suffix, or compressed.

    Parameters
    ----------
    path : str or PathLike

    Returns
    -------
    {"parquet", "csv", "arrow"}

    Raises
    ------
    ValueError
        If the suffix is another one.
    """
    path = Path(path)
    if path.suffix.lower() in OPENERS and Path(path.stem).suffix:
        path = path.with_suffix("")
        if path.suffix.lower() not in CSV_SUFFIXES:
            raise ValueError(
                f"{str(path)!r} is compressed, which only CSV may be: unpack the file."
            )
    return "csv" if path.suffix.lower() in CSV_SUFFIXES else format_of(path)


def is_parquet_folder(path):
    """Whether a path is that of a folder of Parquet files: it is one, or has no suffix."""
    return Path(path).is_dir() or not Path(path).suffix


def open_source(path, *, labels=(), text=None):
    """Open rows to be read in their order.

    Parameters
    ----------
    path : str, PathLike or pyarrow.dataset.Dataset
        A file, or a folder of Parquet files.
    labels : sequence of str
        Columns to read as dictionaries where Parquet has strings: in a fraction of the time.
    text : dict, default=None
        How to read CSV: the parameters of `skembed._files.csv.CsvSource` by name.

    Returns
    -------
    DatasetSource or CsvSource

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If its suffix is of no known format, or Parquet files have different columns.
    """
    if not isinstance(path, (str, os.PathLike)):
        return DatasetSource(open_dataset(path))
    kind = format_of_source(path)
    if kind != "parquet":
        check_file(path)
    if kind == "csv":
        return CsvSource(path, **(text or {}))
    from pyarrow import dataset, fs

    if kind == "arrow":
        # Mapped, since all rows may be one batch.
        files = fs.LocalFileSystem(use_mmap=True)
        with naming_source(path):
            opened = dataset.dataset(os.path.realpath(path), format="ipc", filesystem=files)
        return DatasetSource(opened)
    options = dataset.ParquetReadOptions(dictionary_columns=labels)
    return DatasetSource(open_dataset(path, dataset.ParquetFileFormat(read_options=options)))


def check_file(path):
    """Raise if there is no file, or a pipe in its place."""
    if not Path(path).exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    check_no_pipe(path)


class DatasetSource:
    """Rows of Parquet or Arrow files.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset

    Attributes
    ----------
    names : list of str
        Of the columns.
    n_rows : int
    files : list of Path
        Those on this machine.
    """

    def __init__(self, dataset):
        with naming_source(name_of(dataset)):
            self.dataset, self.names = dataset, dataset.schema.names
        self.n_rows = count_rows(dataset)
        self.files = local_files(dataset)

    def batches(self, names, first_row):
        """Read rows in batches of at most `BATCH_ROWS`.

        Parameters
        ----------
        names : list of str
            The columns to read.
        first_row : int
            How many rows to leave out.

        Yields
        ------
        row : int
            How many rows stand before these.
        batch : pyarrow.RecordBatch
            The last has no row.
        malformed : list of Malformed
            Lines that are no rows, before or between these rows: there are none but in CSV.
        """
        import pyarrow as pa

        schema = pa.schema([self.dataset.schema.field(name) for name in names])
        self._check_types(schema)
        row = 0
        for fragment, n_rows in _row_groups(self.dataset):
            if row + n_rows > first_row:
                yield from self._rest(fragment, row, names, first_row)
            row += n_rows
        yield row, pa.RecordBatch.from_pylist([], schema=schema), []

    def _check_types(self, schema):
        """Raise if a column is of a type of which pyarrow cannot take rows."""
        from pyarrow import types

        for field in schema:
            if types.is_run_end_encoded(field.type) or types.is_union(field.type):
                raise ValueError(
                    f"Column {field.name!r} of {name_of(self.dataset)!r} is {field.type}, of which "
                    "single rows cannot be read: write it as its values alone."
                )

    def _rest(self, fragment, row, names, first_row):
        with naming_source(getattr(fragment, "path", "The dataset")):
            # Without the bound on reading ahead, dozens of batches would lie in memory.
            for batch in fragment.to_batches(
                schema=self.dataset.schema,
                columns=names,
                batch_size=BATCH_ROWS,
                batch_readahead=1,
            ):
                skipped = min(max(first_row - row, 0), batch.num_rows)
                if skipped < batch.num_rows:
                    yield row + skipped, validate(batch.slice(skipped), self.dataset), []
                row += batch.num_rows


def _row_groups(dataset):
    """The parts of a dataset that can be read by themselves, and their numbers of rows."""
    with naming_source(name_of(dataset)):
        for fragment in dataset.get_fragments():
            if hasattr(fragment, "split_by_row_group"):
                for group in fragment.split_by_row_group():
                    yield group, sum(info.num_rows for info in group.row_groups)
            else:
                yield fragment, fragment.count_rows()


def open_writer(path, schema, kind, *, header=True):
    """Open a file to write record batches into; to be closed.

    Parameters
    ----------
    path : str or PathLike
    schema : pyarrow.Schema
    kind : {"parquet", "csv", "arrow"}
    header : bool, default=True
        Whether CSV starts with the names of the columns.

    Returns
    -------
    writer
        With ``write_table`` and ``close``, as those of pyarrow.
    """
    import pyarrow as pa
    from pyarrow import csv, parquet

    plain = plain_schema(schema)
    if kind == "csv" and plain.equals(schema, check_metadata=True):
        return csv.CSVWriter(path, schema, write_options=csv.WriteOptions(include_header=header))
    if kind == "csv":
        return FieldsWriter(path, schema, header=header)
    writer = (pa.ipc.new_file if kind == "arrow" else parquet.ParquetWriter)(path, plain)
    return writer if plain.equals(schema, check_metadata=True) else PlainWriter(writer)


class Joined:
    """A file that is put together from others.

    Parameters
    ----------
    path : Path
        Not there yet.
    kind : {"parquet", "csv", "arrow"}
    """

    def __init__(self, path, kind):
        self.path, self.kind = path, kind
        self._writer = None

    def add(self, part):
        """Append the rows of a file, batch by batch; of CSV, the first alone has a header."""
        if self.kind == "csv":
            with open(part, "rb") as rows, open(self.path, "ab") as joined:
                shutil.copyfileobj(rows, joined, 2**20)
            return
        source = open_source(part)
        if self._writer is None:
            self._writer = open_writer(self.path, source.dataset.schema, self.kind)
        for _, batch, _ in source.batches(source.names, 0):
            self._writer.write_batch(batch)

    def close(self):
        """End the file."""
        if self._writer is not None:
            self._writer.close()
