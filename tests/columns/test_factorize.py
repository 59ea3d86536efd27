import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skembed._columns.factorize import factorize_series, labels_of

TOWNS = ["Rome", None, "Bern", "Rome"]
ORDER = ["Wien", "Rome", "Bern"]
NUMBERED = pa.DictionaryArray.from_arrays(pa.array([1, None, 2, 1], pa.uint8()), pa.array(ORDER))
CHUNKS = [pa.array(part).dictionary_encode() for part in (TOWNS[:2], TOWNS[2:])]


# Values that are compared


def factorized(native):
    rows, values = factorize_series(nw.from_native(native, series_only=True))
    return rows.tolist(), values


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_factorize_arrow_strings_agree_over_chunks(kind):
    chunks = [pa.array(part, kind) for part in (TOWNS[:2], TOWNS[2:])]
    assert factorized(pa.chunked_array(chunks)) == ([0, -1, 1, 0], ["Rome", "Bern"])


def test_factorize_no_rows():
    assert factorized(pa.chunked_array([], pa.string())) == ([], [])


def test_factorize_polars_strings_with_and_without_pyarrow(monkeypatch):
    expected = [0, -1, 1, 0], ["Rome", "Bern"]
    assert factorized(pl.Series(TOWNS)) == expected

    def to_arrow(self):
        raise ModuleNotFoundError("pyarrow")

    monkeypatch.setattr(nw.Series, "to_arrow", to_arrow)
    assert factorized(pl.Series(TOWNS)) == expected


# Labels, which are factorised already


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
def test_labels_have_the_positions_of_rows(native, labels):
    found = labels_of(native)
    assert found.labels == labels
    assert [None if at in {-1, len(labels)} else labels[at] for at in found.at(slice(4))] == TOWNS
    assert found.at(slice(2, 4)).tolist() == found.at(slice(4))[2:].tolist()


TELLS = hasattr(getattr(pl, "Categories", None), "to_series")


@pytest.mark.skipif(not TELLS, reason="this polars does not tell the labels of its categories")
def test_labels_of_a_polars_categorical():
    """Codes are of the whole process: there may be labels of other columns."""
    found = labels_of(pl.Series(TOWNS * 1000, dtype=pl.Categorical))
    labels = [*found.labels, None]
    assert [labels[at] for at in found.at(slice(4, 8))] == TOWNS


@pytest.mark.parametrize("n_labels", [255, 256])
def test_labels_that_fill_a_byte_leave_room_for_missing(n_labels):
    """There is a number left for missing."""
    order = [str(i) for i in range(n_labels)]
    found = labels_of(pl.Series([order[-1], None] * 200, dtype=pl.Enum(order)))
    assert found.at(slice(2)).tolist() == [n_labels - 1, n_labels]


def test_labels_without_gaps_are_not_copied():
    column = pd.Series(pd.Categorical(["a", "b"]))
    assert np.shares_memory(labels_of(column).at(slice(1)), column.array.codes)


def test_labels_more_than_rows_are_not_used():
    assert labels_of(pd.Series(pd.Categorical(["Rome"], categories=ORDER))) is None


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
def test_labels_are_none_for_other_columns(native):
    assert labels_of(native) is None
