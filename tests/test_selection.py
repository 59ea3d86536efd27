import numpy as np
import pandas as pd
import pytest

from skembed.frames import Columns
from skembed.selection import embedded_columns

X = pd.DataFrame(
    {
        "text": ["a", "b"],
        "object": pd.Series(["a", 1], dtype=object),
        "category": pd.Categorical([1, 2]),
        "flag": [True, False],
        "count": [1, 2],
        "price": [1.5, 2.5],
    }
)


@pytest.mark.parametrize(
    ("spec", "positions"),
    [
        ("auto", [0, 1, 2, 3]),
        (["price", "text"], [0, 5]),
        ([4, 0], [0, 4]),
        ([-1], [5]),
        (np.array([False, True, False, False, False, True]), [1, 5]),
        (lambda X: ["flag"], [3]),
        (lambda X: X.dtypes == "int64", [4]),
        (X.columns[:2], [0, 1]),
    ],
)
def test_forms(spec, positions):
    assert embedded_columns(spec, X, Columns(X)) == positions


def test_an_array_is_embedded_whole():
    array = np.zeros((2, 3))
    assert embedded_columns("auto", array, Columns(array)) == [0, 1, 2]


def test_names_need_not_be_strings():
    frame = pd.DataFrame([["a", 1]])
    assert embedded_columns([0], frame, Columns(frame)) == [0]
