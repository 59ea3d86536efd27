import numpy as np
import pandas as pd
import pytest

from skembed._columns.frames import Columns
from skembed._columns.output_layout import Layout, check_output_names, cross_name, output_dtype

X = pd.DataFrame({"city": ["Oslo"], "rooms": [3], "kind": ["flat"]})


def layout(**changes):
    settings = {"passing": [1], "dtype": np.float64, **changes}
    return Layout({0: ("city", 2), 2: ("kind", 1)}, [((0, 2), "city x kind", 1)], **settings)


def test_layout_names_follow_columns_and_crosses_come_last():
    assert layout().names_out(list(X)).tolist() == [
        "city_0",
        "city_1",
        "rooms",
        "kind_0",
        "city x kind_0",
    ]


def test_layout_dropped_columns_have_no_place():
    names = layout(passing=[]).names_out(list(X))
    assert names.tolist() == ["city_0", "city_1", "kind_0", "city x kind_0"]


def test_layout_names_follow_those_given():
    assert layout().names_out(["a", "b", "c"]).tolist() == ["a_0", "a_1", "b", "c_0", "a x c_0"]


def test_layout_assemble_writes_each_place():
    values = {"city": 1.0, "kind": 2.0, "city x kind": 3.0}
    out = layout().assemble(Columns(X), lambda slot, place: place.fill(values[slot.name]))
    assert out.tolist() == [[1, 1, 3, 2, 3]]


def test_layout_colliding_names_are_an_error():
    names = ["city", "city_1", "kind"]
    check_output_names(names, [1], {"city": 1, "kind": 2})
    check_output_names(names, [], {"city": 2})
    with pytest.raises(ValueError, match=r"'city_1': the column of X .* vectors of 'city'"):
        check_output_names(names, [1], {"city": 2, "kind": 2})


def test_output_dtype_is_float32_where_that_loses_nothing():
    columns = Columns(X)
    assert output_dtype(columns, []) == np.float32
    assert output_dtype(columns, [1]) == np.float64


def test_cross_name_joins_column_names():
    assert cross_name(["a"]) == "a"
    assert cross_name(["a", 1]) == "a x 1"
