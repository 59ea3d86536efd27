import weakref
from datetime import date, datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._columns.frames import Columns
from skembed._columns.row_encoder import Refusals

# The same data in every container: strings, booleans, integer ids and a number, each with gaps.
TOWNS = {
    "city": ["Oslo", None, "Rome", "Oslo", "Bern"] * 24,
    "flag": [True, False, None, True] * 30,
    "zone": [7, 3, 7, None, 3, 11] * 20,
    "rooms": [1, None, 3, 4, 2, 6, 1, 5] * 15,
}
Y = [1.0, 2.0, 3.0, 1.5, 0.5] * 24
# With an unseen city, and categories that have other codes than in TOWNS.
BATCH = {
    "city": ["Rome", None, "Kyiv", "Bern"],
    "flag": [None, True, False, False],
    "zone": [None, 11, 5, 3],
    "rooms": [2, 2, None, 9],
}


def pandas_of(**dtypes):
    return lambda data: pd.DataFrame(
        {name: pd.Series(values, dtype=dtypes[name]) for name, values in data.items()}
    )


def pandas_reversed_categories(data):
    """Ordered, last label first, and one that no row holds."""
    columns = dict(data, city=reversed_categorical(data["city"]))
    columns["zone"] = reversed_categorical(data["zone"])
    return pd.DataFrame(columns).astype({"flag": "boolean", "rooms": float})


def reversed_categorical(values):
    labels = sorted({value for value in values if value is not None}, reverse=True)
    unused = "Wien" if isinstance(labels[0], str) else 99
    return pd.Categorical(values, categories=[unused, *labels], ordered=True)


def pandas_nan_in_arrow_floats(data):
    """NaN and null are two things in Arrow, and both are missing here."""
    zone = pa.array([np.nan if value is None else float(value) for value in data["zone"]])
    frame = pandas_of(city="str", flag="boolean", zone=float, rooms=float)(data)
    return frame.assign(zone=pd.Series(pd.arrays.ArrowExtensionArray(zone)))


def polars_enum(data):
    labels = sorted({city for city in data["city"] if city}, reverse=True)
    return pl.DataFrame(data).cast({"city": pl.Enum(labels)})


def polars_chunks(data):
    frame = pl.DataFrame(data).cast({"city": pl.Categorical})
    return pl.concat([frame[:3], frame[3:]], rechunk=False)


def pyarrow_chunks(data):
    table = pa.table(data)
    return pa.concat_tables([table[:3], table[3:]])


def pyarrow_dictionaries(data):
    """A dictionary per chunk, so that one code is two labels."""
    columns = {"rooms": pa.chunked_array([data["rooms"]])}
    for name in ("zone", "flag", "city"):
        parts = data[name][:3], data[name][3:]
        chunks = [pa.array(part).dictionary_encode() for part in parts]
        columns = {name: pa.chunked_array(chunks), **columns}
    return pa.table(columns)


def pyarrow_cities(kind):
    return lambda data: pa.table({**data, "city": pa.array(data["city"], kind)})


def numpy_objects(data):
    return np.array(list(zip(*data.values(), strict=True)), dtype=object)


DICTIONARY = pd.ArrowDtype(pa.dictionary(pa.int32(), pa.string()))
CONTAINERS = {
    "pandas": pandas_of(city="str", flag=object, zone=float, rooms=float),
    "pandas object": pandas_of(city=object, flag=object, zone=object, rooms=object),
    "pandas nullable": pandas_of(city="string", flag="boolean", zone="Int64", rooms="Int64"),
    "pandas floats": pandas_of(
        city="string[python]", flag="boolean", zone="Float64", rooms="Float64"
    ),
    "pandas category": pandas_of(
        city="category", flag="category", zone="category", rooms="float32"
    ),
    "pandas reversed categories": pandas_reversed_categories,
    "pandas arrow": pandas_of(
        city=pd.ArrowDtype(pa.string()),
        flag="bool[pyarrow]",
        zone="int64[pyarrow]",
        rooms="double[pyarrow]",
    ),
    "pandas arrow dictionary": pandas_of(
        city=DICTIONARY, flag="boolean", zone="Int8", rooms="uint8[pyarrow]"
    ),
    "pandas arrow NaN": pandas_nan_in_arrow_floats,
    "polars": pl.DataFrame,
    "polars enum": polars_enum,
    "polars chunks": polars_chunks,
    "pyarrow": pa.table,
    "pyarrow chunks": pyarrow_chunks,
    "pyarrow dictionaries": pyarrow_dictionaries,
    "pyarrow large strings": pyarrow_cities(pa.large_string()),
    "pyarrow string views": pyarrow_cities(pa.string_view()),
    "numpy objects": numpy_objects,
    "lists": lambda data: [list(row) for row in zip(*data.values(), strict=True)],
}
SETTINGS = {
    "categorical_features": [0, 1, 2],
    "crosses": 2,
    "hidden_layer_sizes": (8,),
    "max_epochs": 2,
    "random_state": 0,
}


@pytest.mark.parametrize("kind", CONTAINERS)
def test_containers_give_the_same_levels_and_numbers(kind):
    columns = Columns(CONTAINERS[kind](BATCH))
    for j, name in enumerate(["city", "flag", "zone"]):
        rows, values = columns.levels(j)
        assert [None if row < 0 else values[row] for row in rows] == BATCH[name]
        assert len(set(values)) == len(values)
    np.testing.assert_array_equal(columns.numbers(3), [2, 2, np.nan, 9])


@pytest.mark.parametrize("kind", CONTAINERS)
def test_containers_give_the_same_features(kind):
    fit_on, batch = CONTAINERS[kind](TOWNS), CONTAINERS[kind](BATCH)
    reference = NeuralEmbeddingEncoder(**SETTINGS)
    expected = reference.fit_transform(pl.DataFrame(TOWNS), Y)
    encoder = NeuralEmbeddingEncoder(**SETTINGS)
    np.testing.assert_array_equal(encoder.fit_transform(fit_on, Y), expected)
    np.testing.assert_array_equal(
        encoder.transform(batch), reference.transform(pl.DataFrame(BATCH))
    )


@pytest.mark.parametrize(
    "kind", [kind for kind in CONTAINERS if kind[:5] not in ("numpy", "lists")]
)
def test_containers_of_fit_and_transform_may_differ(kind):
    X, batch = (pd.DataFrame(data).astype({"flag": "boolean"}) for data in (TOWNS, BATCH))
    encoder = NeuralEmbeddingEncoder(**SETTINGS).fit(X, Y)
    np.testing.assert_array_equal(
        encoder.transform(CONTAINERS[kind](BATCH)), encoder.transform(batch)
    )


@pytest.mark.parametrize("kind", CONTAINERS)
@pytest.mark.parametrize(
    ("predictor", "method", "y"),
    [
        (NeuralEmbeddingClassifier, "predict_proba", ["dear" if y > 1 else "cheap" for y in Y]),
        (NeuralEmbeddingRegressor, "predict", Y),
    ],
    ids=["classifier", "regressor"],
)
def test_containers_give_the_same_predictions(kind, predictor, method, y):
    def predictions(container):
        model = predictor(**SETTINGS).fit(container(TOWNS), y)
        return getattr(model, method)(container(BATCH))

    np.testing.assert_array_equal(predictions(CONTAINERS[kind]), predictions(pl.DataFrame))


@pytest.mark.parametrize(
    ("kind", "values"),
    [("str", ["a", "b", "c"]), ("int", [4, 2, 3]), ("bool", [True, False])],
)
def test_array_of_one_type_is_embedded_as_a_frame(kind, values):
    column = np.resize(np.array(values, dtype=kind), 120)
    y = np.resize([1.0, 3.0], 120) if kind == "bool" else np.resize([1.0, 3.0, 9.0], 120)
    encoder = NeuralEmbeddingEncoder(categorical_features=[0], max_epochs=2, random_state=0)
    features = encoder.fit_transform(column[:, None], y)
    np.testing.assert_array_equal(features, encoder.fit_transform(pd.DataFrame({"x": column}), y))
    assert encoder.vocabularies_["x"].levels == sorted(values)


DAYS = [date(2024, 2, 29), None, date(2023, 12, 31)]
MIDNIGHTS = [None if day is None else datetime(day.year, day.month, day.day) for day in DAYS]


@pytest.mark.parametrize(
    "X",
    [
        pd.DataFrame({"day": pd.Series(MIDNIGHTS, dtype="datetime64[ns]")}),
        pd.DataFrame({"day": pd.Series(DAYS, dtype=object)}),
        pd.DataFrame({"day": pd.Series(DAYS, dtype="date32[pyarrow]")}),
        pd.DataFrame({"day": pd.Series(MIDNIGHTS, dtype="timestamp[us][pyarrow]")}),
        pl.DataFrame({"day": DAYS}),
        pl.DataFrame({"day": MIDNIGHTS}, schema={"day": pl.Datetime("ns")}),
        pa.table({"day": DAYS}),
        pa.table({"day": pa.array(MIDNIGHTS, pa.timestamp("ns"))}),
        np.array(MIDNIGHTS, dtype="datetime64[ns]")[:, None],
    ],
)
def test_containers_give_the_same_days_as_levels(X):
    rows, values = Columns(X).levels(0)
    assert rows.tolist() == [0, -1, 1]
    assert values == [pd.Timestamp("2024-02-29"), pd.Timestamp("2023-12-31")]


def test_days_with_a_time_zone_agree_in_polars_and_pandas():
    zoned = pd.DataFrame({"day": pd.Series(MIDNIGHTS).dt.tz_localize("Europe/Oslo")})
    assert Columns(pl.from_pandas(zoned)).levels(0).values == Columns(zoned).levels(0).values


def test_days_in_an_array_are_not_numbers():
    with pytest.raises(
        ValueError, match=r"Column 'x0' .* must be numeric, but its type is datetime"
    ):
        Columns(np.array(MIDNIGHTS, dtype="datetime64[s]")[:, None]).numbers(0)


def test_strings_of_digits_stay_categories():
    digits = ["0150", "150", "0150", "0007"]
    for X in (pd.DataFrame({"zip": digits}), pl.DataFrame({"zip": digits}), np.array([digits]).T):
        columns = Columns(X)
        assert columns.looks_categorical().tolist() == [True]
        assert columns.levels(0).values == ["0150", "150", "0007"]


def test_object_column_of_numbers_is_not_categorical():
    """As the same numbers in a typed column are not."""
    counts = pd.DataFrame({"count": pd.Series([3, None, 1.5], dtype=object)})
    assert Columns(counts).looks_categorical().tolist() == [False]


@pytest.mark.parametrize(
    ("X", "instead"),
    [
        (pl.LazyFrame({"x": [1]}), r"a polars.LazyFrame. Give X.collect\(\)"),
        (pl.Series([1, 2]), r"a polars.Series. Give X.to_frame\(\)"),
        (pd.Series([1, 2]), r"Series. Give X.to_frame\(\)"),
        (
            pa.record_batch({"x": [1]}),
            r"a pyarrow.RecordBatch. Give pyarrow.Table.from_batches\(\[X\]\)",
        ),
        (pa.chunked_array([[1]]), r"pyarrow.table\({'name': X}\) of a column"),
        ({"x": [1]}, r"dict. Give pandas.DataFrame\(X\)"),
        (np.array([(1, "a")], dtype=[("n", int), ("s", "U1")]), r"Give pandas.DataFrame\(X\)"),
    ],
    ids=["lazy", "polars series", "pandas series", "batch", "arrow column", "dict", "records"],
)
def test_containers_that_are_refused_say_what_to_give(X, instead):
    with pytest.raises(TypeError, match=instead):
        Columns(X)


def test_list_column_of_polars_has_no_levels():
    X = pl.DataFrame({"tags": [["garden"], ["roof"]]})
    with pytest.raises(TypeError, match=r"Column 'tags' holds .*of type List\(String\)"):
        Columns(X).levels(0)


def test_sparse_column_of_pandas_is_numbers():
    X = pd.DataFrame({"x": pd.arrays.SparseArray([0, 2, 0])})
    assert Columns(X).numbers(0).tolist() == [0, 2, 0]


def test_arrow_dictionary_in_chunks_keeps_its_nulls():
    """As a numpy array it would turn null into the last level."""
    chunks = [pa.array(["a", None]).dictionary_encode(), pa.array(["b"]).dictionary_encode()]
    rows, values = Columns(pa.table({"x": pa.chunked_array(chunks)})).levels(0)
    assert rows.tolist() == [0, -1, 1]
    assert values == ["a", "b"]


def test_categories_match_by_label_not_by_code():
    """The same label has another code in the batch: it is the label that counts."""
    X = pd.DataFrame({"x": pd.Categorical(["a", "b", "c"] * 60)})
    encoder = NeuralEmbeddingEncoder(max_epochs=3, random_state=0).fit(X, [1.0, 2.0, 3.0] * 60)
    batch = pd.DataFrame({"x": pd.Categorical(["c"], categories=["c"])})
    np.testing.assert_array_equal(encoder.transform(batch)[0], encoder.tables_["x"][5])


def test_integers_large_with_nulls_keep_their_digits():
    ids = [2**60 + 1, 2**60 + 2, None]
    for frame in (pl.DataFrame({"id": ids}), pa.table({"id": ids})):
        assert Columns(frame).levels(0).values == ids[:2]


def test_levels_of_different_types_stay_apart():
    rows, values = Columns(np.array([[1], ["1"], [True], [1.0], [None]], dtype=object)).levels(0)
    assert rows.tolist() == [0, 1, 2, 0, -1]
    assert [(type(v), v) for v in values] == [(int, 1), (str, "1"), (bool, True)]


def test_list_of_mixed_rows_keeps_its_numbers():
    columns = Columns([["a", 1], ["b", 2]])
    assert columns.levels(1).values == [1, 2]


def test_missing_values_of_every_kind_are_missing():
    values = np.array([["x"], [None], [np.nan], [pd.NA], [pd.NaT]], dtype=object)
    assert Columns(values).levels(0).rows.tolist() == [0, -1, -1, -1, -1]


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("int8", "float32"), ("int32", "float64"), ("float32", "float32"), ("Int64", "float64")],
)
def test_number_dtype_loses_nothing(dtype, expected):
    assert Columns(pd.DataFrame({"x": [1, 2]}, dtype=dtype)).number_dtype(0) == expected


def test_numbers_of_a_column_without_values_are_missing():
    columns = Columns(pd.DataFrame({"x": pd.Series([None, None], dtype=object)}))
    assert np.isnan(columns.numbers(0)).all()


# Blocks


@pytest.mark.parametrize("kind", CONTAINERS)
def test_blocks_give_what_all_rows_at_once_give(kind, monkeypatch):
    encoder = NeuralEmbeddingEncoder(**{**SETTINGS, "min_frequency": 21})
    encoder.fit(CONTAINERS[kind](TOWNS), Y)
    rows = {name: (values + BATCH[name]) * 3 for name, values in TOWNS.items()}
    X = CONTAINERS[kind](rows)
    at_once = encoder.transform(X)
    codes = encoder.row_encoder_.encode(Columns(X), Refusals())
    slots = [slot for slot in encoder.output_layout_.slots if slot.name is not None]
    for _, name, place in slots:
        np.testing.assert_array_equal(at_once[:, place], encoder.tables_[name][codes[name]])
    assert {0, 1, 2} < set(list(codes.values())[2])
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 64)
    np.testing.assert_array_equal(encoder.transform(X), at_once)


def test_blocks_number_rows_from_the_first_of_all(monkeypatch):
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 64)
    X = pd.DataFrame({"rooms": [1.0] * 200})
    X.loc[170, "rooms"] = np.inf
    with pytest.raises(ValueError, match="row 170"):
        [part.numbers(0) for _, part in Columns(X).blocks()]


def test_strings_few_and_many_give_the_same_levels():
    values = ["b", None, "a", "b"]
    few, many = (Columns(pd.DataFrame({"x": values * n})).levels(0) for n in (1, 100))
    assert few.rows.tolist() == many.rows[:4].tolist()
    assert few.values == many.values == ["b", "a"]


def test_labels_more_than_rows_are_not_read():
    labels = [str(i) for i in range(2000)]
    X = pd.DataFrame({"x": pd.Categorical(["7", "9"] * 600, categories=labels)})
    [(_, part)] = Columns(X).blocks()
    assert part.by_label(0).values == ["7", "9"]


def test_blocks_share_one_list_of_labels(monkeypatch):
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 64)
    X = pd.DataFrame({"x": pd.Categorical(["a", "b"] * 100)})
    first, second, *_ = (part.by_label(0).values for _, part in Columns(X).blocks())
    assert first is second


def test_blocks_of_many_values_are_factorised_once(monkeypatch):
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 64)
    monkeypatch.setattr("skembed._columns.frames.MANY", 10)
    values = [*map(str, range(150)), None, *map(str, range(49))]
    parts = [part.by_label(0) for _, part in Columns(pd.DataFrame({"x": values})).blocks()]
    assert parts[0].values is parts[-1].values
    assert [None if at < 0 else part.values[at] for part in parts for at in part.rows] == values


def test_columns_release_their_data_at_once():
    """Not when the garbage collector comes by."""
    columns = Columns(pd.DataFrame({"x": ["a", "b"] * 1000}))
    [part for _, part in columns.blocks()]
    gone = weakref.ref(columns)
    del columns
    assert gone() is None
