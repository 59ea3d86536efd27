"""The name of a job: the same for the same estimator, rows and parameters, and for no others."""

import hashlib
import os
import pickle

import numpy as np
from joblib.hashing import NumpyHasher

from skembed._files.csv import CsvSource
from skembed._files.parquet import filesystem_of, local_path

NAME_DIGITS = 12  # digits


def name_job(estimator, rows, columns, parameters, *, resume):
    """Name a job by what it does.

    Parameters
    ----------
    estimator : estimator
    rows : DatasetSource or CsvSource
    columns : list of str
        Those that are read.
    parameters : list
        All else that the output depends on.
    resume : bool
        Whether the job must be known again.

    Returns
    -------
    str
        Of 12 hexadecimal digits.

    Raises
    ------
    ValueError
        If the estimator cannot be pickled, and so not be known again, but must be.
    """
    data = _identify_rows(rows, columns)
    try:
        return _Hasher("md5").hash([estimator, data, parameters])[:NAME_DIGITS]
    except (pickle.PicklingError, TypeError, AttributeError) as error:
        if resume:
            raise ValueError(
                f"resume=True, but a {type(estimator).__name__} that cannot be pickled cannot be "
                f"known again: {error}. Give resume=False, or functions with a name of a module "
                "instead of lambdas."
            ) from error
        return os.urandom(NAME_DIGITS // 2).hex()


class _Hasher(NumpyHasher):
    """joblib's, and masked arrays, such as the `cv_results_` of a search."""

    def save(self, obj):
        if isinstance(obj, np.ma.MaskedArray):  # the values below a mask are not initialised
            obj = ("masked", np.ma.getmaskarray(obj), obj.filled())
        super().save(obj)


def _identify_rows(rows, columns):
    """Data that are others if the rows are others."""
    if isinstance(rows, CsvSource):
        return [_identify_file(path) for path in rows.files]
    files = [_identify_files(dataset) for dataset in _take_apart(rows.dataset)]
    if None in files:
        return _hash_rows(rows, columns)
    return [files, str(rows.dataset.schema)]


def _identify_file(path):
    status = path.stat()
    return [os.path.realpath(path), status.st_size, status.st_mtime_ns]


def _take_apart(dataset):
    """The datasets that a union is of, or the dataset itself."""
    for child in getattr(dataset, "children", [dataset]):
        yield from [child] if child is dataset else _take_apart(child)


def _identify_files(dataset):
    """Names, sizes and times of a dataset's files; None where there are none, or no times."""
    from pyarrow import fs

    filesystem = filesystem_of(dataset) if hasattr(dataset, "files") else None
    if filesystem is None:
        return None
    found = []
    infos = filesystem.get_file_info(dataset.files)
    for info, fragment in zip(infos, dataset.get_fragments(), strict=True):
        if info.type != fs.FileType.File or info.mtime_ns is None:
            return None
        path = local_path(filesystem, info.path)
        where = [filesystem.type_name, info.path] if path is None else os.path.realpath(path)
        groups = [group.id for group in getattr(fragment, "row_groups", [])]
        partition = str(fragment.partition_expression)
        found.append([where, info.size, info.mtime_ns, groups, partition])
    return found


def _hash_rows(rows, columns):
    """Digits of the contents of rows, which are read for that."""
    import pyarrow as pa

    digest = hashlib.sha256()
    batches = rows.batches(columns, 0)
    _, first, _ = next(batches)
    with pa.ipc.new_stream(pa.PythonFile(_Digested(digest), "w"), first.schema) as stream:
        stream.write_batch(first)
        for _, batch, _ in batches:
            stream.write_batch(batch)
    return digest.hexdigest()


class _Digested:
    """A file to write to, of which only a digest is kept."""

    closed = False

    def __init__(self, digest):
        self._digest = digest

    def write(self, data):
        self._digest.update(data)
        return len(data)

    def flush(self):
        """Do nothing."""

    def close(self):
        """Do nothing."""
