"""Parquet: datasets opened and checked, arrays and tables written."""

import os
from contextlib import suppress
from itertools import chain
from pathlib import Path

from skembed._files.atomic import check_target, replacing
from skembed._files.errors import check_no_pipe, naming_output, naming_source
from skembed._utils.optional_imports import needs


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
    with needs("Reading Parquet", "pyarrow", extra="parquet"):
        from pyarrow import dataset as arrow
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
    check_no_pipe(path)
    with naming_source(path):
        opened = arrow.dataset(str(path), format=form, partitioning="hive")
        if not opened.files:
            raise FileNotFoundError(f"The folder {str(path)!r} holds no Parquet file.")
        _check_schemas(opened)
    return opened


def validate(rows, dataset):
    """Raise if rows of an Arrow file, which pyarrow takes on trust, are damaged; return the rows.

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


def local_path(filesystem, file):
    """Path of a file of one of pyarrow's file systems; None if it is not on this machine."""
    from pyarrow import fs

    path = Path(file)
    while isinstance(filesystem, fs.SubTreeFileSystem):
        filesystem, path = filesystem.base_fs, Path(filesystem.base_path, path)
    return path if isinstance(filesystem, fs.LocalFileSystem) else None


def local_files(dataset):
    """Paths of the files on this machine that a dataset, or what reads one, is made of."""
    files = getattr(dataset, "files", [])
    if hasattr(type(dataset), "filesystem"):
        filesystem = filesystem_of(dataset)
        files = [local_path(filesystem, file) for file in files]
    children = getattr(dataset, "children", [])  # of a union
    return [path for path in chain(files, *map(local_files, children)) if path is not None]


def filesystem_of(dataset):
    """File system of a dataset of files; None of buffers, where pyarrow would end the process."""
    return None if "<Buffer>" in dataset.files else dataset.filesystem


def count_rows(dataset):
    """Number of rows; what cannot be counted is an error that names the file."""
    with naming_source(name_of(dataset)):
        return dataset.count_rows()


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


def check_out(out, path, dataset, *, name="out", may_be_folder=False):
    """Raise if a file must not or cannot be written, before much is done for it."""
    target = _resolved(out)
    if not (may_be_folder and target.is_dir()):
        check_target(out)
    read = [_resolved(file) for file in local_files(dataset)]
    if isinstance(path, (str, os.PathLike)):
        read.append(_resolved(path))  # a folder, whose next reader would find the file
    if not {target, *target.parents}.isdisjoint(read):
        raise ValueError(
            f"{name}={str(out)!r} is among the files that are read: give another name or folder."
        )


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
        One or more.
    """
    import pyarrow as pa

    write_tables(out, (pa.table(list(map(pa.array, part.T)), list(names)) for part in parts))


def write_tables(out, tables):
    """Write tables, one after the other, to a Parquet file that is whole or not there.

    Parameters
    ----------
    out : str or PathLike
    tables : iterable of pyarrow.Table
        One or more, of the same columns.
    """
    from pyarrow.parquet import ParquetWriter

    tables = iter(tables)
    first = next(tables)
    schema, tables = first.schema, chain([first], tables)
    del first  # which would stay in memory
    with replacing(out) as file:
        with naming_output(out, schema):
            writer = ParquetWriter(file.name, schema)
        try:
            for table in tables:
                with naming_output(out, schema):
                    writer.write_table(table)
        except BaseException:
            with suppress(Exception):  # after the first error, which counts
                writer.close()
            raise
        with naming_output(out):
            writer.close()
