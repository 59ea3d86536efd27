"""CSV, Parquet and Arrow files as one dataset of rows, for the command line."""

import re
from contextlib import contextmanager
from pathlib import Path

from skembed.csv_rows import MISSING_TEXTS
from skembed.parquet import open_dataset
from skembed.record_batches import format_of


def open_rows(path, *, without=(), types=None):
    """Open a CSV, Parquet or Arrow file, or a folder of Parquet files.

    Parameters
    ----------
    path : PathLike
    without : sequence of str
        Columns to leave out.
    types : dict of str to str, default=None
        Arrow's names of the types of some columns, in the place of those that are found.

    Returns
    -------
    pyarrow.dataset.Dataset

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or no file in it.
    ValueError
        If its name tells no known format, or a column that is named does not exist.
    """
    dataset = _open(Path(path))
    names = dataset.schema.names
    for name in [*without, *(types or {})]:
        if name not in names:
            raise ValueError(f"There is no column {name!r} in {str(path)!r}. It has {names}.")
    if not without and not types:
        return dataset
    return _reopened(path, dataset, without, types or {})


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
        found = re.search(r"CSV column #(\d+): (.*)", str(error))
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

    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    if kind == "arrow":
        return arrow.dataset(str(path), format="ipc")
    dataset = arrow.dataset(str(path), format=_csv())
    for field in dataset.schema:
        if field.type == "binary":
            raise ValueError(
                f"Column {field.name!r} of {str(path)!r} is not UTF-8: save the file as that."
            )
    return dataset


def _csv():
    from pyarrow.csv import ConvertOptions
    from pyarrow.dataset import CsvFileFormat

    options = ConvertOptions(null_values=MISSING_TEXTS, strings_can_be_null=True)
    return CsvFileFormat(convert_options=options)


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
