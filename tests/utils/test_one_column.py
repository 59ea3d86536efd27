import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skembed._utils.one_column import flatten_column


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame, pa.table])
def test_one_column_of_a_frame_is_flattened(container):
    flat = flatten_column(container({"group": ["a", "b", "a"]}), "groups")
    assert flat.tolist() == ["a", "b", "a"]


@pytest.mark.parametrize("values", [None, [1, 2], np.arange(3), pd.Series([1.0])])
def test_one_column_that_is_flat_stays_as_it_is(values):
    assert flatten_column(values, "groups") is values


def test_one_column_of_two_is_an_error():
    with pytest.raises(ValueError, match=r"groups must be one column.* has shape \(3, 2\)"):
        flatten_column(np.zeros((3, 2)), "groups")
