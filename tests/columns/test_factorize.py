import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa
import pytest

from skembed._columns.factorize import factorize_series

TOWNS = ["Rome", None, "Bern", "Rome"]


def factorized(native):
    rows, values = factorize_series(nw.from_native(native, series_only=True))
    return rows.tolist(), values


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_arrow_strings_have_one_position_in_all_chunks(kind):
    chunks = [pa.array(part, kind) for part in (TOWNS[:2], TOWNS[2:])]
    assert factorized(pa.chunked_array(chunks)) == ([0, -1, 1, 0], ["Rome", "Bern"])


def test_no_rows():
    assert factorized(pa.chunked_array([], pa.string())) == ([], [])


def test_polars_strings_with_and_without_pyarrow(monkeypatch):
    expected = [0, -1, 1, 0], ["Rome", "Bern"]
    assert factorized(pl.Series(TOWNS)) == expected

    def to_arrow(self):
        raise ModuleNotFoundError("pyarrow")

    monkeypatch.setattr(nw.Series, "to_arrow", to_arrow)
    assert factorized(pl.Series(TOWNS)) == expected
