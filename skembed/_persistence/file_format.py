"""The bytes of a file: safetensors, and a checksum over all of it.

docs/files.md describes the format for those who write a reader.
"""

import os
from contextlib import contextmanager
from hashlib import sha256

import numpy as np
import safetensors
import safetensors.numpy

from skembed._files.atomic import write_bytes
from skembed._persistence.json_values import dumps, parse
from skembed.exceptions import InvalidFileError

FORMAT = 2  # of the files that are written; rises with every change that older code cannot read
LONGEST_HEADER = 2**26  # bytes; a column takes some hundred
MARK = b'"__metadata__":{"skembed":"{\\"sha256\\":\\"'  # what the digits of the checksum follow
DIGITS = 64


def write_file(path, content, arrays):
    """Write a file; whatever happens, the old one or the new one is whole.

    Parameters
    ----------
    path : str or path-like
    content : dict
        Data of JSON.
    arrays : dict of str to ndarray
    """
    from skembed import __version__  # which is set after the imports of the package

    first = {"sha256": "0" * DIGITS, "format": FORMAT, "skembed": __version__}
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    metadata = {"skembed": dumps(first | content)}
    data = bytearray(safetensors.numpy.save(arrays, metadata))
    if int.from_bytes(data[:8], "little") > LONGEST_HEADER:
        raise ValueError(
            f"Names and parameters take {int.from_bytes(data[:8], 'little')} bytes, but at most "
            f"{LONGEST_HEADER} go into a file. Use shorter or fewer column names, or joblib."
        )
    at = data.index(MARK) + len(MARK)
    data[at : at + DIGITS] = sha256(data).hexdigest().encode()
    write_bytes(path, data)


def read_file(path):
    """Read a file.

    Parameters
    ----------
    path : str or path-like

    Returns
    -------
    content : dict
        As given to `write_file`, and "format" and "skembed", the version that wrote it.
    arrays : dict of str to ndarray

    Raises
    ------
    InvalidFileError
        If a byte of it is not as it was written, or its format is newer than `FORMAT`.
    """
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would be waited for
        raise InvalidFileError(
            f"{os.fspath(path)!r} is no file, but a folder, a pipe or a device. Give a file that "
            "NeuralEmbeddingEncoder.save wrote."
        )
    with open(path, "rb") as file, explained(path):
        size = os.fstat(file.fileno()).st_size
        header = _read_header(file, size)
        content = _content(header)
        _check_size(header, size - 8 - len(header))
        file.seek(0)
        data = file.read(size)
        _check_sum(data, content.pop("sha256"))
        return content, safetensors.numpy.load(data)


@contextmanager
def explained(path):
    """Turn every error that bad contents can lead to into the one that names the file."""
    try:
        yield
    except InvalidFileError as error:
        raise InvalidFileError(f"{os.fspath(path)!r} {error}") from None
    except (
        safetensors.SafetensorError,
        ArithmeticError,
        AttributeError,
        LookupError,
        RecursionError,
        TypeError,
        ValueError,
    ) as error:
        raise InvalidFileError(
            f"{os.fspath(path)!r} was not written by skembed, or was changed since: "
            f"{type(error).__name__}: {error}. Save the encoder again."
        ) from error


def _read_header(file, size):
    start = file.read(8)
    length = int.from_bytes(start, "little")
    if size < 8 or not 2 <= length <= min(size - 8, LONGEST_HEADER):
        raise InvalidFileError(
            f"{_other_kind(start, size)}. Give a file that NeuralEmbeddingEncoder.save wrote."
        )
    return file.read(length)


def _other_kind(start, size):
    """What a file is that does not begin as those of skembed do."""
    if not size:
        return "is empty, or was cut short: copy it again"
    if start.lstrip().startswith(b"<"):
        return "is a web page or XML: what was saved is not the file behind a link"
    if start.startswith(b"PK\x03\x04"):
        return "is a ZIP archive, as those of skops are: load it by skops.io.load"
    if start.startswith(b"\x80"):
        return "is a pickle, as those of joblib are: load it by joblib.load if you trust it"
    return f"is not a file of skembed, or was cut short to {size} bytes: copy it again"


def _content(header):
    """What stands in the header for skembed alone."""
    if header.count(MARK) != 1:
        raise InvalidFileError(
            "is a file of safetensors, or damaged, but not one of skembed: its header lacks the "
            "entry 'skembed'. Give a file that NeuralEmbeddingEncoder.save wrote."
        )
    content = parse(parse(header)["__metadata__"]["skembed"])
    found = content["format"]
    if type(found) is not int or found < 1:
        raise InvalidFileError(f"is of format {found!r}, but formats are numbers from 1 on.")
    if found > FORMAT:
        raise InvalidFileError(
            f"is of format {found}, written by skembed {content['skembed']}, but this version "
            f"reads formats up to {FORMAT}: upgrade skembed."
        )
    return content


def _check_size(header, size):
    """Raise unless the arrays of a header fill the rest of the file."""
    tensors = [entry for name, entry in parse(header).items() if name != "__metadata__"]
    expected = max((entry["data_offsets"][1] for entry in tensors), default=0)
    if expected != size:
        raise InvalidFileError(
            f"has {size} bytes behind its header, which expects {expected}: it was cut short, or "
            "something was added. Copy it again."
        )


def _check_sum(data, digest):
    at = data.index(MARK) + len(MARK)
    rest = memoryview(data)
    found = sha256(rest[:at])
    found.update(b"0" * DIGITS)
    found.update(rest[at + DIGITS :])
    if found.hexdigest() != digest or data[at : at + DIGITS] != found.hexdigest().encode():
        raise InvalidFileError(
            f"is damaged: its checksum is {found.hexdigest()}, but {digest!r} is written in it. "
            "Copy it again, or save the encoder again."
        )
