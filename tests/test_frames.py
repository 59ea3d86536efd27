import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed.frames import Columns

CONTAINERS = {
    "pandas object": lambda frame: frame.astype({"city": object}),
    "pandas str": lambda frame: frame.astype({"city": "str"}),
    "pandas string": lambda frame: frame.astype({"city": "string", "rooms": "Int64"}),
    "pandas category": lambda frame: frame.astype({"city": "category"}),
    "pandas arrow": lambda frame: frame.convert_dtypes(dtype_backend="pyarrow"),
    "polars": lambda frame: pl.from_pandas(frame),
    "polars categorical": lambda frame: pl.from_pandas(frame).cast({"city": pl.Categorical}),
    "polars enum": lambda frame: pl.from_pandas(frame).cast({"city": pl.Enum(["Rome", "Oslo"])}),
    "pyarrow": lambda frame: pa.Table.from_pandas(frame),
    "pyarrow dictionary": lambda frame: dictionary_encoded(pa.Table.from_pandas(frame)),
}


def dictionary_encoded(table):
    return table.set_column(0, "city", table["city"].dictionary_encode())


@pytest.fixture
def towns():
    return pd.DataFrame({"city": ["Oslo", None, "Rome", "Oslo"], "rooms": [1, 2, 3, 4]})


@pytest.mark.parametrize("kind", CONTAINERS)
def test_levels_are_the_same_from_any_frame(towns, kind):
    columns = Columns(CONTAINERS[kind](towns))
    rows, values = columns.levels(0)
    assert [None if row < 0 else values[row] for row in rows] == ["Oslo", None, "Rome", "Oslo"]
    assert columns.looks_categorical().tolist() == [True, False]
    assert columns.numbers(1).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", CONTAINERS)
def test_the_same_bits_from_any_frame(towns, kind):
    X = pd.concat([towns] * 50, ignore_index=True)
    y = [1.0, 2.0, 3.0, 1.0] * 50
    settings = {"max_epochs": 3, "random_state": 0}
    expected = NeuralEmbeddingEncoder(**settings).fit_transform(X, y)
    features = NeuralEmbeddingEncoder(**settings).fit_transform(CONTAINERS[kind](X), y)
    np.testing.assert_array_equal(features, expected)


@pytest.mark.parametrize(
    ("fitted", "scored"), [("polars", "pandas str"), ("pandas str", "pyarrow")]
)
def test_fitted_on_one_kind_and_scored_on_another(towns, fitted, scored):
    X = pd.concat([towns] * 50, ignore_index=True)
    encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0)
    encoder.fit(CONTAINERS[fitted](X), [1.0, 2.0, 3.0, 1.0] * 50)
    np.testing.assert_array_equal(
        encoder.transform(CONTAINERS[scored](towns)), encoder.transform(CONTAINERS[fitted](towns))
    )


def test_a_chunked_arrow_dictionary_keeps_its_nulls():
    """As a numpy array it would turn null into the last level."""
    chunks = [pa.array(["a", None]).dictionary_encode(), pa.array(["b"]).dictionary_encode()]
    rows, values = Columns(pa.table({"x": pa.chunked_array(chunks)})).levels(0)
    assert rows.tolist() == [0, -1, 1]
    assert values == ["a", "b"]


def test_category_codes_are_not_trusted():
    """The same label has another code in the batch: it is the label that counts."""
    X = pd.DataFrame({"x": pd.Categorical(["a", "b", "c"] * 60)})
    encoder = NeuralEmbeddingEncoder(max_epochs=3, random_state=0).fit(X, [1.0, 2.0, 3.0] * 60)
    batch = pd.DataFrame({"x": pd.Categorical(["c"], categories=["c"])})
    np.testing.assert_array_equal(encoder.transform(batch)[0], encoder.tables_["x"][5])


def test_large_integers_with_nulls_keep_their_digits():
    ids = [2**60 + 1, 2**60 + 2, None]
    for frame in (pl.DataFrame({"id": ids}), pa.table({"id": ids})):
        assert Columns(frame).levels(0).values == ids[:2]


def test_kinds_of_values_stay_apart():
    rows, values = Columns(np.array([[1], ["1"], [True], [1.0], [None]], dtype=object)).levels(0)
    assert rows.tolist() == [0, 1, 2, 0, -1]
    assert [(type(v), v) for v in values] == [(int, 1), (str, "1"), (bool, True)]


def test_a_list_of_mixed_rows_keeps_its_numbers():
    columns = Columns([["a", 1], ["b", 2]])
    assert columns.levels(1).values == [1, 2]


def test_every_kind_of_missing_is_missing():
    values = np.array([["x"], [None], [np.nan], [pd.NA], [pd.NaT]], dtype=object)
    assert Columns(values).levels(0).rows.tolist() == [0, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("int8", "float32"), ("int32", "float64"), ("float32", "float32"), ("Int64", "float64")],
)
def test_number_dtype_loses_nothing(dtype, expected):
    assert Columns(pd.DataFrame({"x": [1, 2]}, dtype=dtype)).number_dtype(0) == expected


def test_a_numeric_column_without_any_value():
    columns = Columns(pd.DataFrame({"x": pd.Series([None, None], dtype=object)}))
    assert np.isnan(columns.numbers(0)).all()
