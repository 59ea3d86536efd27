"""CSV, Parquet and Arrow files as one dataset of rows, for the command line."""

import tempfile
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import typer

from skembed._files.csv import BLOCK_BYTES, MISSING_TEXTS, CsvSource
from skembed._files.errors import naming_output, naming_source
from skembed._files.parquet import open_dataset
from skembed._files.sources import check_file, format_of, format_of_source

# Of a row set aside: a line of CSV with its quotes doubled, and its reason.
LONGEST_ASIDE_BYTES = 4 * BLOCK_BYTES


class InputRows(NamedTuple):
    """Rows of a file.

    Attributes
    ----------
    dataset : pyarrow.dataset.Dataset
    missing : dict of str to Counter
        By column of CSV, how often each word was taken for missing. In a column that is not of
        strings all words count as "".
    """

    dataset: object
    missing: dict


@contextmanager
def reading_rows(path, *, without=(), types=None, missing=None):
    """Open a CSV, Parquet or Arrow file, or a folder of Parquet files, to be read several times.

    Rows of CSV are read once and kept in a temporary Arrow file, with the types of their columns.

    Parameters
    ----------
    path : PathLike
    without : sequence of str
        Columns to leave out.
    types : dict of str to str, default=None
        Arrow's names of the types of some columns, instead of those that are found.
    missing : sequence of str, default=None
        Words of CSV that are missing, if not those of pandas.

    Yields
    ------
    InputRows

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder, or no file in it.
    ValueError
        If its name has no known ending, a column that is named does not exist, or a cell of CSV
        is not of its column's type.
    """
    if format_of_source(path) != "csv":
        check_missing(missing, path)
        yield InputRows(open_rows(path, without=without, types=types), {})
        return
    from pyarrow import dataset as arrow

    check_file(path)
    source = _open_csv(path, without, types or {}, MISSING_TEXTS if missing is None else missing)
    names = [name for name in source.names if name not in without]
    with tempfile.TemporaryDirectory(prefix="skembed-") as folder:
        target = Path(folder, "rows.arrow")
        with naming_output(target):
            found = _convert(source, names, target)
        yield InputRows(arrow.dataset(str(target), format="ipc"), found)


def open_rows(path, *, without=(), types=None):
    """Open a Parquet or Arrow file, or a folder of Parquet files.

    Parameters
    ----------
    path : PathLike
    without : sequence of str
        Columns to leave out.
    types : dict of str to str, default=None
        Arrow's names of the types of some columns, which replace those that are found.

    Returns
    -------
    pyarrow.dataset.Dataset
    """
    path, types = Path(path), types or {}
    dataset = _open_arrow(path) if format_of(path) == "arrow" else open_dataset(path)
    with naming_source(path):
        _check_names(path, dataset.schema.names, without, types)
    return _reopened(path, dataset, without, types) if without or types else dataset


def check_missing(missing, path):
    """Raise if words for missing are given for a file that has types."""
    if missing is not None:
        raise typer.BadParameter(
            f"{str(path)!r} is not CSV, and holds what is missing as such: leave out --missing.",
            param_hint="--missing",
        )


def n_rows_of(path):
    """Number of rows of a file of rows set aside, which may be longer than those of other files."""
    from pyarrow import dataset as arrow
    from pyarrow.csv import ReadOptions
    from pyarrow.dataset import CsvFileFormat

    if format_of(path) != "csv":
        return open_rows(path).count_rows()
    form = CsvFileFormat(read_options=ReadOptions(block_size=LONGEST_ASIDE_BYTES))
    return arrow.dataset(str(path), format=form).count_rows()


def check_rows(dataset, path):
    """Raise if there are no rows.

    Raises
    ------
    ValueError
    """
    with naming_source(path):
        if not dataset.scanner(columns=[]).head(1).num_rows:
            raise ValueError(f"{str(path)!r} holds no rows: give a file with some.")


def missing_in_words(missing):
    """What of CSV was taken for missing, in words; of no cell, nothing."""
    return ", ".join(
        f"{sum(words.values()):,} of {name!r}{_counted(words)}" for name, words in missing.items()
    )


def _counted(words):
    named = [f"{count:,} are {word}" for word, count in words.most_common() if word.strip('"')]
    return f" ({', '.join(named)})" if named else ""


def _open_arrow(path):
    from pyarrow import dataset as arrow

    check_file(path)
    with naming_source(path):
        return arrow.dataset(str(path), format="ipc")


def _open_csv(path, without, types, missing):
    """Source of a CSV file, of whose texts the fields come too."""
    import pyarrow as pa

    given = {name: pa.type_for_alias(kind) for name, kind in types.items()}
    source = CsvSource(path, given, missing=missing)
    _check_names(path, source.names, without, types)
    twice = [name for name, times in Counter(source.names).items() if times > 1]
    if twice:
        raise ValueError(f"{str(path)!r} has several columns {twice}: rename all but one of each.")
    if not {*source.names} - {*without}:
        raise ValueError(f"--exclude leaves no column of {str(path)!r}: it has {source.names}.")
    kinds = {name: kind for name, kind in source.types.items() if name not in without}
    for name, kind in kinds.items():
        if kind == pa.binary():
            raise ValueError(f"Column {name!r} of {str(path)!r} is not UTF-8: save it as that.")
    source.as_written = [name for name, kind in kinds.items() if kind in (pa.string(), pa.null())]
    return source


def _check_names(path, names, without, types):
    for option, given in (("--exclude", without), ("--dtype", types)):
        for name in given:
            if name not in names:
                raise ValueError(
                    f"{option} names {name!r}, which is no column of {str(path)!r}: it has {names}."
                )


def _convert(source, names, target):
    """Write rows of CSV into an Arrow file; return what of them was taken for missing."""
    import pyarrow as pa

    schema = pa.schema([(name, source.types[name]) for name in names])
    missing: dict[str, Counter] = {name: Counter() for name in names}
    with pa.ipc.new_file(target, schema) as file:
        for _, batch, _ in source.batches(names, 0):
            columns = [
                _typed(source, name, column)
                for name, column in zip(names, batch.columns, strict=False)
            ]
            file.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
            fields = dict(zip(source.as_written, batch.columns[len(names) :], strict=True))
            for name, column in zip(names, columns, strict=True):
                if column.null_count:
                    missing[name].update(_words(fields.get(name), column))
    return {name: words for name, words in missing.items() if words}


def _words(fields, column):
    """How often each word stands where a column is missing; as "" where the words are unknown."""
    if fields is None:
        return {"": column.null_count}
    counted = fields.filter(column.is_null()).fill_null("").value_counts().to_pylist()
    return {each["values"]: each["counts"] for each in counted}


def _typed(source, name, column):
    try:
        return source.typed(name, column)
    except ValueError as error:
        raise ValueError(
            f"{str(source.path)!r}: {error} Its first rows, or --dtype, suggest that type: give "
            f"--dtype {name}=string, or another name of Arrow's types."
        ) from error


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
