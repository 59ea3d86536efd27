import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skembed.labels import label_positions, labels_of, with_one_dictionary

TOWNS = ["Rome", None, "Bern", "Rome"]
ORDER = ["Wien", "Rome", "Bern"]
NUMBERED = pa.DictionaryArray.from_arrays(pa.array([1, None, 2, 1], pa.uint8()), pa.array(ORDER))
CHUNKS = [pa.array(part).dictionary_encode() for part in (TOWNS[:2], TOWNS[2:])]


@pytest.mark.parametrize(
    ("native", "labels"),
    [
        (pd.Series(pd.Categorical(TOWNS, categories=ORDER)), ORDER),
        (pl.Series(TOWNS, dtype=pl.Enum(ORDER)), ORDER),
        (pa.chunked_array([NUMBERED]), ORDER),
        (pa.chunked_array(CHUNKS), ["Rome", "Bern"]),
    ],
    ids=["pandas", "polars", "pyarrow", "pyarrow chunks"],
)
def test_positions_are_those_of_the_labels(native, labels):
    native = with_one_dictionary(native)
    assert labels_of(native) == labels
    positions = label_positions(native)
    assert [None if at < 0 else labels[at] for at in positions] == TOWNS


def test_positions_without_gaps_are_not_copied():
    column = pd.Series(pd.Categorical(["a", "b"]))
    assert np.shares_memory(label_positions(column), column.array.codes)


@pytest.mark.parametrize(
    "native",
    [
        pd.Series(TOWNS),
        pl.Series(TOWNS),
        pa.chunked_array([TOWNS]),
        pa.chunked_array([pa.array([1.5, None]).dictionary_encode()]),
        pa.chunked_array([pa.DictionaryArray.from_arrays([0, 1], ["a", None])]),
    ],
    ids=["pandas", "polars", "pyarrow", "floats", "null among the labels"],
)
def test_columns_without_labels_to_rely_on(native):
    assert labels_of(native) is None
