"""Tables, levels, keys and counts in few bytes of plain data, for pickles.

What comes out is made of bytes, strings, ints, lists and arrays of numbers: any safe file format
can hold it.
"""

import zlib

import numpy as np

LEVEL = 3  # of zlib: the higher ones take many times as long for a tenth of the bytes
SAMPLE = 2**16  # bytes that are compressed to see whether it pays


def pack_table(table):
    """Pack a table: into bytes where its numbers repeat, as rounded ones do; else as it is.

    Parameters
    ----------
    table : ndarray of shape (n_codes, dim)

    Returns
    -------
    ndarray or list
        The table, or its type, number of components and bytes.
    """
    data = np.ascontiguousarray(table).tobytes()
    if 2 * len(zlib.compress(data[:SAMPLE], 1)) > len(data[:SAMPLE]):
        return table
    return [table.dtype.str, table.shape[1], zlib.compress(data, 1)]


def unpack_table(packed):
    """Table (n_codes, dim), from what `pack_table` made of it."""
    if isinstance(packed, np.ndarray):
        return packed
    kind, dim, data = packed
    return np.frombuffer(bytearray(zlib.decompress(data)), dtype=kind).reshape(-1, dim)


def pack_ints(values):
    """Pack whole numbers: as steps if they rise, in the smallest type, one byte plane each.

    Parameters
    ----------
    values : ndarray of int64, shape (n,)

    Returns
    -------
    list
        Type, first number, whether steps follow, bytes.
    """
    rising = len(values) > 1 and bool((values[1:] >= values[:-1]).all())
    first = int(values[0] if rising else values.min()) if len(values) else 0
    # Unsigned, since the distance of two numbers may be more than int64 holds.
    unsigned = values.astype(np.int64).view(np.uint64)
    steps = np.diff(unsigned, prepend=unsigned[:1]) if rising else unsigned - _unsigned(first)
    steps = steps.astype(np.min_scalar_type(steps.max() if len(steps) else 0))
    planes = steps.view(np.uint8).reshape(len(steps), steps.itemsize).T
    return [steps.dtype.str, first, rising, zlib.compress(planes.tobytes(), LEVEL)]


def unpack_ints(packed):
    """Whole numbers, int64 (n,), from what `pack_ints` made of them."""
    kind, first, rising, data = packed
    planes = np.frombuffer(zlib.decompress(data), dtype=np.uint8)
    planes = planes.reshape(np.dtype(kind).itemsize, -1)
    steps = np.ascontiguousarray(planes.T).view(kind)[:, 0].astype(np.uint64)
    steps = np.cumsum(steps, dtype=np.uint64) if rising else steps
    return (steps + _unsigned(first)).view(np.int64)


def pack_list(values):
    """Pack a list of levels: strings as one, numbers as arrays, others as they are."""
    types = set(map(type, values))
    if types == {str}:
        text = "".join(values).encode("utf-8", "surrogatepass")
        lengths = np.fromiter(map(len, values), dtype=np.int64, count=len(values))
        return ["strings", zlib.compress(text, LEVEL), pack_ints(lengths)]
    if types == {int} and min(values) >= -(2**63) and max(values) < 2**63:
        return ["ints", *pack_ints(np.array(values, dtype=np.int64))]
    if types == {float}:
        return ["floats", np.array(values)]
    return ["list", values]


def unpack_list(packed):
    """Levels, from what `pack_list` made of them."""
    kind, *data = packed
    if kind == "strings":
        text = zlib.decompress(data[0]).decode("utf-8", "surrogatepass")
        ends = np.cumsum(unpack_ints(data[1])).tolist()
        return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    if kind == "ints":
        return unpack_ints(data).tolist()
    return data[0].tolist() if kind == "floats" else data[0]


def _unsigned(number):
    return np.array(number, dtype=np.int64).view(np.uint64)
