"""CSV, Parquet and Arrow files as one dataset of rows, for the command line."""

import re
from contextlib import contextmanager
from pathlib import Path

from skembed._files.csv import BLOCK_BYTES, MISSING_TEXTS
from skembed._files.errors import naming_source
from skembed._files.parquet import open_dataset
from skembed._files.sources import check_file, format_of

# Of a row set aside: a line of CSV with its quotes doubled, and its reason.
LONGEST_ASIDE_BYTES = 4 * BLOCK_BYTES


def open_rows(path, *, without=(), types=None):
    """Open a CSV, Parquet or Arrow file, or a folder of Parquet files.

    Parameters
    ----------
    path : PathLike
    without : sequence of str
        Columns to leave out.
    types : dict of str to str, default=None
        Arrow's names of the types of some columns, instead of those that are found.

    Returns
    -------
    pyarrow.dataset.Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or no file in it.
    ValueError
        If its name has no known ending, or a column that is named does not exist.
    """
    dataset = _open(Path(path))
    with naming_source(path):
        names = dataset.schema.names
    for name in [*without, *(types or {})]:
        if name not in names:
            raise ValueError(f"There is no column {name!r} in {str(path)!r}. It has {names}.")
    if not without and not types:
        return dataset
    return _reopened(path, dataset, without, types or {})


def n_rows_of(path):
    """Number of rows of a file of rows set aside, which may be longer than those of other files."""
    from pyarrow import dataset as arrow

    if format_of(path) != "csv":
        return open_rows(path).count_rows()
    return arrow.dataset(str(path), format=_csv(LONGEST_ASIDE_BYTES)).count_rows()


def check_rows(dataset, path):
    """Raise if there are no rows.

    Raises
    ------
    ValueError
    """
    with naming_source(path):
        if not dataset.scanner(columns=[]).head(1).num_rows:
            raise ValueError(f"{str(path)!r} holds no rows: give a file with some.")


@contextmanager
def naming_columns(dataset):
    """Say which column of CSV holds something else than its first rows suggest.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
        The rows that are read inside.
    """
    try:
        yield
    except ValueError as error:
        found = re.search(r"CSV column #(\d+): (.*)", str(error.__cause__ or error))
        if found is None:
            raise
        names = next(dataset.get_fragments()).physical_schema.names
        name = names[int(found[1])]
        raise ValueError(
            f"Column {name!r}: {found[2]}. Its first rows suggest that type: tell the right one by "
            f"--dtype {name}=string, or another name of Arrow's types."
        ) from error


def _open(path):
    kind = format_of(path)
    if kind == "parquet":
        return open_dataset(path)
    from pyarrow import dataset as arrow

    check_file(path)
    with naming_source(path):
        if kind == "arrow":
            return arrow.dataset(str(path), format="ipc")
        dataset = arrow.dataset(str(path), format=_csv())
        binary = [field.name for field in dataset.schema if field.type == "binary"]
    if binary:
        raise ValueError(f"Column {binary[0]!r} of {str(path)!r} is not UTF-8: save it as that.")
    return dataset


def _csv(block_bytes=2**20):
    from pyarrow.csv import ConvertOptions, ReadOptions
    from pyarrow.dataset import CsvFileFormat

    return CsvFileFormat(
        convert_options=ConvertOptions(null_values=MISSING_TEXTS, strings_can_be_null=True),
        read_options=ReadOptions(block_size=block_bytes),
    )


def _reopened(path, dataset, without, types):
    """The same rows without some columns, others cast as they are read."""
    import pyarrow as pa
    from pyarrow import dataset as arrow

    fields = [
        field.with_type(pa.type_for_alias(types[field.name])) if field.name in types else field
        for field in dataset.schema
        if field.name not in without
    ]
    schema = pa.schema(fields)
    return arrow.dataset(str(path), schema=schema, format=dataset.format, partitioning="hive")
