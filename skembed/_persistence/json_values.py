"""Values as data of JSON, and levels as arrays: the form in which a file holds Python objects.

What JSON has no word for is an object of one entry, its kind and its parts: ``{"tuple": [1, 2]}``.
"""

import json
import math
from collections.abc import Callable
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import pandas as pd

# Types that come back as they were. Others come back equal: an Enum as its value, a zone as its
# distance from UTC.
EXACT = {str, int, float, bool, bytes, date, time, timedelta, Decimal, UUID}
EXACT |= {pd.Timestamp, pd.Timedelta, pd.Period}

UNITS = ("s", "ms", "us", "ns")


def to_plain(value):
    """Value as data of JSON.

    Parameters
    ----------
    value : object
        Strings, numbers, booleans, None, dates and times, intervals, periods, decimals, bytes,
        UUIDs, and tuples, lists and dicts of these. Scalars of numpy become those of Python.

    Returns
    -------
    None, bool, int, float, str, list or dict

    Raises
    ------
    TypeError
        If it is another, or holds another.
    """
    if isinstance(value, np.generic) and value.dtype.kind in "biufSU":
        value = value.item()
    kind = type(value)
    if value is None or kind is bool:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float) and math.isfinite(value):
        return float(value)
    if kind is list:
        return [to_plain(entry) for entry in value]
    for name, (of_kind, encode, _) in _TAGS.items():
        if kind is of_kind:
            return {name: encode(value)}
    raise TypeError(f"{value!r} is a {kind.__name__}")


def from_plain(data):
    """Value, from what `to_plain` made of it.

    Raises
    ------
    ValueError
        If it is not of that form.
    """
    if isinstance(data, list):
        return [from_plain(entry) for entry in data]
    if not isinstance(data, dict):
        return data
    if len(data) != 1 or not _TAGS.keys() >= data.keys():
        raise ValueError(f"{sorted(data)[:3]} is not a kind of value")
    ((name, part),) = data.items()
    return _TAGS[name][2](part)


def are_exact(values):
    """Whether `from_plain` gives values of the very types that `to_plain` takes apart."""
    types = {*map(type, values)}
    if types <= EXACT:
        return True
    if not types <= EXACT | {tuple, pd.Interval}:
        return False
    held: list = [value for value in values if type(value) is tuple]
    intervals = [value for value in values if type(value) is pd.Interval]
    held += [[_item(end) for end in (value.left, value.right)] for value in intervals]
    return all(map(are_exact, held))


def _item(end):
    """End of an interval, which pandas may keep as a scalar of numpy."""
    return end.item() if isinstance(end, np.generic) and end.dtype.kind in "biuf" else end


def parse(text):
    """Data of JSON, from text or bytes; NaN and the like are no numbers there.

    Raises
    ------
    ValueError
        If it is no JSON, or nested too deeply.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def dumps(data):
    """Text of JSON, in ASCII and without spaces."""
    return json.dumps(data, allow_nan=False, separators=(",", ":"))


def pack_levels(levels):
    """Levels as arrays.

    Parameters
    ----------
    levels : list

    Returns
    -------
    kind : dict
        What the arrays are, as data of JSON.
    parts : dict of str to ndarray
        By the ending of their name.

    Raises
    ------
    TypeError
        If a level is of a type that has no form as data.
    """
    types = {*map(type, levels)}
    if types == {str}:
        return {"kind": "strings"}, _pack_strings(levels)
    if types == {int} and min(levels) >= -(2**63) and max(levels) < 2**63:
        return {"kind": "numbers"}, {"": np.array(levels, dtype=np.int64)}
    if types == {float}:
        return {"kind": "numbers"}, {"": np.array(levels, dtype=np.float64)}
    if types == {bool}:
        return {"kind": "numbers"}, {"": np.array(levels, dtype=bool)}
    if types == {pd.Timestamp}:
        parts = [_timestamp(level) for level in levels]
        if len({(unit, zone) for _, unit, zone in parts}) == 1:
            _, unit, zone = parts[0]
            ticks = np.array([tick for tick, _, _ in parts], dtype=np.int64)
            return {"kind": "timestamps", "unit": unit, "zone": zone}, {"": ticks}
    return {"kind": "values"}, _pack_strings([_text_of(level) for level in levels])


def unpack_levels(kind, take):
    """Levels, from what `pack_levels` made of them.

    Parameters
    ----------
    kind : dict
    take : callable(ending, dtypes)
        Gives the array of a name's ending, if it is one-dimensional and of one of these dtypes.
    """
    what = kind["kind"]
    if what == "numbers":
        return take("", ("int64", "float64", "bool")).tolist()
    if what == "strings":
        return _unpack_strings(take)
    if what == "values":
        levels = [from_plain(parse(text)) for text in _unpack_strings(take)]
        set(levels)  # raises now where one cannot be looked up
        return levels
    if what == "timestamps" and kind["unit"] in UNITS:
        index = pd.DatetimeIndex(take("", ("int64",)).view(f"M8[{kind['unit']}]"))
        zone = kind["zone"]
        return (
            index if zone is None else index.tz_localize("UTC").tz_convert(_zone(zone))
        ).tolist()
    raise ValueError(f"{what!r} is not a kind of levels")


def _pack_strings(texts):
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    lengths = np.fromiter(map(len, parts), dtype=np.uint32, count=len(parts))
    return {"": np.frombuffer(b"".join(parts), dtype=np.uint8), ".lengths": lengths}


def _unpack_strings(take):
    data, lengths = take("", ("uint8",)).tobytes(), take(".lengths", ("uint32",))
    if int(lengths.sum(dtype=np.uint64)) != len(data):
        raise ValueError(f"the lengths of strings do not add up to their {len(data)} bytes")
    spans = pairwise([0, *np.cumsum(lengths, dtype=np.int64).tolist()])
    if data.isascii():
        text = data.decode()
        return [text[start:end] for start, end in spans]
    parts = (data[start:end] for start, end in spans)
    return [part.decode("utf-8", "surrogatepass") for part in parts]


def _text_of(level):
    data = to_plain(level)
    if from_plain(data) != level:  # a clock that no other machine has, say
        raise TypeError(f"{level!r} is a {type(level).__name__} that would not come back equal")
    return dumps(data)


def _timestamp(value):
    """Ticks since 1970 in UTC, their unit, and the zone: its name, or its distance in seconds."""
    ticks = value.asm8
    return [int(ticks.view("i8")), np.datetime_data(ticks.dtype)[0], _name_of(value.tzinfo, value)]


def _name_of(zone, value):
    if zone is None:
        return None
    name = getattr(zone, "key", None) or getattr(zone, "zone", None)
    if name is not None:
        return name
    offset = zone.utcoffset(None)
    if offset is None:
        raise TypeError(f"{value!r} is in a time zone that has no name")
    return offset.total_seconds()


def _zone(name):
    if not isinstance(name, str):
        return timezone(timedelta(seconds=name))
    try:  # by zoneinfo: pandas itself would open any file that is named "dateutil/..."
        return ZoneInfo(name)
    except ZoneInfoNotFoundError:
        raise ValueError(f"no time zone {name!r} is known here: pip install tzdata") from None


def _from_timestamp(parts):
    ticks, unit, zone = parts
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is not a unit of time")
    value = pd.Timestamp(np.datetime64(ticks, unit))
    return value if zone is None else value.tz_localize("UTC").tz_convert(_zone(zone))


def _timedelta(value):
    ticks = value.asm8
    return [int(ticks.view("i8")), np.datetime_data(ticks.dtype)[0]]


def _from_timedelta(parts):
    ticks, unit = parts
    if unit not in UNITS:
        raise ValueError(f"{unit!r} is not a unit of time")
    return pd.Timedelta(np.timedelta64(ticks, unit))


def _refuse(constant):
    raise ValueError(f"{constant} is not a number of JSON")


# By kind: type, value to parts, parts to value.
_TAGS: dict[str, tuple[type, Callable, Callable]] = {
    "int": (int, hex, lambda part: int(part, 16)),  # beyond 64 bits
    "float": (float, repr, float),  # infinite
    "tuple": (tuple, lambda value: to_plain([*value]), lambda part: tuple(from_plain([*part]))),
    "dict": (
        dict,
        lambda value: [[to_plain(key), to_plain(entry)] for key, entry in value.items()],
        lambda part: {from_plain(key): from_plain(entry) for key, entry in part},
    ),
    "timestamp": (pd.Timestamp, _timestamp, _from_timestamp),
    "timedelta": (pd.Timedelta, _timedelta, _from_timedelta),
    "datetime": (datetime, datetime.isoformat, datetime.fromisoformat),
    "date": (date, date.isoformat, date.fromisoformat),
    "time": (time, time.isoformat, time.fromisoformat),
    "duration": (
        timedelta,
        lambda value: [value.days, value.seconds, value.microseconds],
        lambda part: timedelta(*part),
    ),
    "interval": (
        pd.Interval,
        lambda value: [to_plain(value.left), to_plain(value.right), value.closed],
        lambda part: pd.Interval(from_plain(part[0]), from_plain(part[1]), part[2]),
    ),
    "period": (
        pd.Period,
        lambda value: [value.ordinal, value.freqstr],
        lambda part: pd.Period(ordinal=part[0], freq=part[1]),
    ),
    "decimal": (Decimal, str, Decimal),
    "bytes": (bytes, bytes.hex, bytes.fromhex),
    "uuid": (UUID, str, UUID),
}
