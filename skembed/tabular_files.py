"""CSV, Parquet and Arrow files as one dataset of rows, for the command line."""

from pathlib import Path

from skembed.parquet import open_dataset

FORMATS = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".arrow": "ipc",
    ".feather": "ipc",
}

# What pandas.read_csv takes for missing; pyarrow by itself knows fewer.
MISSING_TEXTS = [
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
]


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


def _open(path):
    if path.is_dir() or path.suffix == ".parquet":
        return open_dataset(path)
    from pyarrow import dataset as arrow

    if path.suffix not in FORMATS:
        raise ValueError(
            f"The name of {str(path)!r} tells no known format: it must end in one of "
            f"{list(FORMATS)}, or be a folder of Parquet files."
        )
    if not path.exists():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    kind = FORMATS[path.suffix]
    return arrow.dataset(str(path), format=_csv() if kind == "csv" else kind)


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
