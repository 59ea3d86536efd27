import datetime
import json
from decimal import Decimal
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from skembed._persistence.json_values import (
    dumps,
    from_plain,
    pack_levels,
    parse,
    to_plain,
    unpack_levels,
)

VALUES = [
    None,
    True,
    0,
    -0.0,
    1e300,
    float("-inf"),
    2**63,
    -(2**70),
    "",
    "東京 \ud800 \x00",
    [1, [2, "3"]],
    (1, (2.5, None)),
    {"a": 1, 2: ("b",)},
    datetime.date(2024, 2, 29),
    datetime.datetime(2024, 2, 29, 23, 59, 59, 7),
    datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
    datetime.time(23, 59),
    datetime.timedelta(days=-1, microseconds=3),
    pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert("Europe/Oslo"),
    pd.Timestamp(7, unit="ns", tz=datetime.timezone(datetime.timedelta(hours=5.5))),
    pd.Timestamp("0900-01-01").as_unit("s"),
    pd.Timedelta(3, unit="ms"),
    pd.Interval(pd.Timestamp("2024"), pd.Timestamp("2025"), closed="left"),
    pd.Interval(0.5, 1.5),
    pd.Period("2024Q3"),
    Decimal("1.10"),
    b"\x00\xff",
    UUID(int=7),
]


def there_and_back(levels):
    kind, parts = pack_levels(levels)

    def take(ending, dtypes):
        assert parts[ending].dtype.name in dtypes
        return parts[ending]

    return unpack_levels(parse(dumps(kind)), take)


@pytest.mark.parametrize("value", VALUES, ids=lambda value: repr(value)[:40])
def test_json_values_come_back(value):
    back = from_plain(parse(dumps(to_plain(value))))
    assert back == value
    assert type(back) is type(value)


# How format 1 has them: other releases read these.
FORMS = {
    '{"int":"0x8000000000000000"}': 2**63,
    '{"float":"inf"}': float("inf"),
    '{"tuple":[1,"a"]}': (1, "a"),
    '{"dict":[["a",null]]}': {"a": None},
    '{"date":"2024-02-29"}': datetime.date(2024, 2, 29),
    '{"datetime":"2024-02-29T00:00:00+00:00"}': datetime.datetime(2024, 2, 29, tzinfo=datetime.UTC),
    '{"time":"23:59:00"}': datetime.time(23, 59),
    '{"duration":[-1,0,3]}': datetime.timedelta(days=-1, microseconds=3),
    '{"timestamp":[60,"s","Europe/Oslo"]}': pd.Timestamp(60, unit="s", tz="Europe/Oslo").as_unit(
        "s"
    ),
    '{"timestamp":[7,"ns",null]}': pd.Timestamp(7, unit="ns"),
    '{"timestamp":[7,"ns",0.0]}': pd.Timestamp(7, unit="ns", tz=datetime.UTC),
    '{"timedelta":[3,"ms"]}': pd.Timedelta(3, unit="ms").as_unit("ms"),
    '{"interval":[0.5,1.5,"right"]}': pd.Interval(0.5, 1.5),
    '{"period":[218,"Q-DEC"]}': pd.Period("2024Q3"),
    '{"decimal":"1.10"}': Decimal("1.10"),
    '{"bytes":"00ff"}': b"\x00\xff",
    '{"uuid":"00000000-0000-0000-0000-000000000007"}': UUID(int=7),
}


@pytest.mark.parametrize("text", FORMS)
def test_json_values_have_the_form_of_the_format(text):
    assert dumps(to_plain(FORMS[text])) == text
    assert from_plain(parse(text)) == FORMS[text]


def test_json_timestamps_have_the_form_of_the_format():
    days = [pd.Timestamp("1970-01-02", tz="UTC").as_unit("s")]
    kind, parts = pack_levels(days)
    assert kind == {"kind": "timestamps", "unit": "s", "zone": 0.0}
    assert {ending: part.tolist() for ending, part in parts.items()} == {"": [86400]}


def test_json_ints_too_long_to_print_come_back():
    value = -(10**5000)
    assert from_plain(parse(dumps(to_plain(value)))) == value


def test_json_scalars_of_numpy_become_those_of_python():
    back = to_plain([np.int8(3), np.float32(0.5), np.bool_(True), np.str_("a")])
    assert back == [3, 0.5, True, "a"]
    assert [*map(type, back)] == [int, float, bool, str]


@pytest.mark.parametrize("value", [print, object(), {1, 2}, np.zeros(2), 1j, np.datetime64("2024")])
def test_json_other_types_are_refused(value):
    with pytest.raises(TypeError, match=r" is a \w+$"):
        to_plain([value])


@pytest.mark.parametrize(
    "levels",
    [
        [],
        ["a", "", "Zürich", "東京", "\x00", "\ud800"],
        ["a", "", "bc"],
        [0, -5, 2**63 - 1, -(2**63)],
        [2**63, 1],
        [0.1, -0.0],
        [False, True],
        [1, 2.5, True, "1", ("b", 1)],
        [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02")],
        [pd.Timestamp("2024-01-01"), pd.Timestamp("2024-01-02", tz="UTC")],
        [pd.Timestamp("2024-10-27 01:30", tz="UTC").tz_convert(ZoneInfo("Europe/Oslo"))],
        [pd.Interval(0, 1), pd.Interval(1, 2)],
    ],
    ids=repr,
)
def test_json_levels_come_back_with_their_types(levels):
    back = there_and_back(levels)
    assert back == levels
    assert repr(back) == repr(levels)


def test_json_level_that_would_not_come_back_equal_is_refused():
    with pytest.raises(TypeError, match="would not come back equal"):
        pack_levels([("a", float("nan"))])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[" * 100_000, "nested too deeply"),
        ("[NaN]", "NaN is not a number"),
        ("[-Infinity]", "-Infinity is not a number"),
        ("[1", "Expecting"),
        ("9" * 5000, "integer string conversion"),
    ],
    ids=lambda text: text[:12],
)
def test_json_malformed_text_is_a_value_error(text, says):
    with pytest.raises(ValueError, match=says):
        parse(text)


@pytest.mark.parametrize(
    "data",
    [
        {"eval": "1"},
        {},
        {"tuple": [1], "dict": []},
        {"timestamp": [0, "Y", None]},
        {"timestamp": [0, "ns", "../../etc/passwd"]},
        {"timedelta": [0, "generic"]},
        {"period": [0, "no such"]},
    ],
    ids=json.dumps,
)
def test_json_unknown_kind_is_a_value_error(data):
    with pytest.raises(ValueError, match=r"\w"):
        from_plain(data)


@pytest.mark.parametrize("zone", ["dateutil/etc/passwd", "Europe/Nowhere"])
def test_json_time_zones_are_looked_up_by_name_alone(zone):
    with pytest.raises(ValueError, match=f"no time zone '{zone}' is known here"):
        from_plain({"timestamp": [0, "ns", zone]})


def test_json_lengths_of_strings_are_checked():
    kind, parts = pack_levels(["a", "bc"])
    parts[".lengths"] = np.array([2**32 - 1, 4], dtype=np.uint32)
    with pytest.raises(ValueError, match="do not add up to their 3 bytes"):
        unpack_levels(kind, lambda ending, dtypes: parts[ending])


def test_json_unhashable_levels_are_a_type_error():
    _, parts = pack_levels(["[1]"])
    with pytest.raises(TypeError, match="unhashable type: 'list'"):
        unpack_levels({"kind": "values"}, lambda ending, dtypes: parts[ending])
