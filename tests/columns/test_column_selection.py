import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import AdaBoostRegressor, BaggingRegressor, StackingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._columns.column_selection import embedded_columns, leave_out
from skembed._columns.frames import Columns

QUICK = {"crosses": None, "max_epochs": 2, "random_state": 0}
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
        ("all", [0, 1, 2, 3, 4, 5]),
        (["price", "text"], [0, 5]),
        ([4, 0], [0, 4]),
        ([-1], [5]),
        (np.array([False, True, False, False, False, True]), [1, 5]),
        (lambda X: ["flag"], [3]),
        (lambda X: X.dtypes == "int64", [4]),
        (X.columns[:2], [0, 1]),
    ],
)
def test_selection_takes_names_positions_masks_and_callables(spec, positions):
    assert embedded_columns(spec, X, Columns(X)) == positions


@pytest.mark.parametrize(
    ("X", "positions"),
    [
        (np.zeros((2, 3)), [0, 1, 2]),
        (np.ones((2, 3), dtype=int), [0, 1, 2]),
        (np.array([["a", "1"], ["b", "2.5"]]), [0, 1]),
        (np.array([["a", 0.5, True], ["b", 2.5, None]], dtype=object), [0, 2]),
        ([["a", 0.5, True], ["b", 2.5, None]], [0, 2]),
        (np.array([[0.5, 1.5], [2.5, 3.5]]), [0, 1]),
        (np.array([[3, 4], [10**400, None]], dtype=object), [0, 1]),
        (np.array([[0.5, np.nan], [2.5, np.nan]]), [0, 1]),
    ],
    ids=[
        "floats",
        "ints",
        "strings",
        "objects",
        "lists",
        "fractions alone",
        "objects of numbers",
        "fractions and gaps",
    ],
)
def test_selection_auto_takes_levels_of_an_array(X, positions):
    assert embedded_columns("auto", X, Columns(X)) == positions


def test_selection_all_embeds_numbers_of_encoder_and_predictor(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(categorical_features="all", **QUICK).fit(X, y)
    model = NeuralEmbeddingRegressor(categorical_features="all", **QUICK).fit(X, y)
    assert list(encoder.vocabularies_) == list(model.vocabularies_) == list(X)
    assert "rooms_0" in encoder.get_feature_names_out()


def test_selection_names_need_not_be_strings():
    frame = pd.DataFrame([["a", 1]])
    assert embedded_columns([0], frame, Columns(frame)) == [0]


# Arrays that steps and meta-estimators make of frames


@pytest.fixture(scope="module")
def flats():
    """Rents by city and kind of a flat, with a number beside; of the cities few rows each."""
    rng = np.random.default_rng(0)
    city, area = rng.integers(0, 30, 800), rng.lognormal(4, 0.5, 800)
    names = np.array([f"city {i}" for i in range(30)])
    X = pd.DataFrame({"city": names[city], "kind": rng.choice(["a", "b"], 800), "area": area})
    y = 60 * rng.normal(size=30)[city] + area + 40 * (X["kind"] == "a") + rng.normal(0, 20, 800)
    return X, y


def regression(**parameters):
    return make_pipeline(NeuralEmbeddingEncoder(**QUICK, **parameters), Ridge())


def r2(model, X, y):
    return model.fit(X[:500], y[:500]).score(X[500:], y[500:])


PASSED = make_column_transformer((SimpleImputer(), ["area"]), remainder="passthrough")


@pytest.mark.parametrize(
    "model",
    [
        make_pipeline(PASSED, *regression()),
        BaggingRegressor(regression(), n_estimators=2, random_state=0),
        AdaBoostRegressor(regression(), n_estimators=2, random_state=0),
        StackingRegressor([("few", regression())], regression(), cv=2, passthrough=True),
    ],
    ids=["ColumnTransformer", "Bagging", "AdaBoost", "Stacking"],
)
@pytest.mark.filterwarnings("ignore:.* rows are copies of a row")  # of bootstraps
def test_selection_keeps_the_r2_of_the_frame_in_arrays_of_objects(flats, model):
    X, y = flats
    assert r2(model, X, y) == pytest.approx(r2(regression(), X, y), abs=0.03)


def test_selection_gives_the_bits_of_the_frame_in_an_array_of_objects(flats):
    X, y = flats
    of_frame = NeuralEmbeddingEncoder(**QUICK).fit_transform(X[["area", "city", "kind"]], y)
    of_array = NeuralEmbeddingEncoder(**QUICK).fit_transform(PASSED.fit_transform(X), y)
    np.testing.assert_array_equal(of_array, of_frame)


@pytest.mark.filterwarnings("ignore:.* rows are copies of a row")  # of bootstraps
def test_selection_keeps_the_r2_of_categories_that_an_ensemble_turns_into_numbers(flats):
    X, y = flats
    ids = pd.DataFrame({"city": pd.Categorical(X["city"].str[5:].astype(int)), "area": X["area"]})
    model = BaggingRegressor(regression(), n_estimators=2, random_state=0)
    with pytest.warns(UserWarning, match=r"fit embeds \['x0'\] and takes \['x1'\] as numbers"):
        of_array = r2(model, ids, y)
    assert of_array == pytest.approx(r2(regression(), ids, y), abs=0.03)


@pytest.mark.parametrize(
    ("X", "said"),
    [
        (
            np.array([["a", 1, 0.5], ["b", 2, 1.5]], dtype=object),
            r"embeds \['x0'\] and takes \['x1', 'x2'\] as numbers. The whole numbers in \['x1'\]",
        ),
        (
            np.array([[1.0, 0.5], [2.0, 1.5]]),
            r"embeds \['x0'\] and takes \['x1'\] as numbers. The whole numbers in \['x0'\]",
        ),
        (np.array([["a"] + [1] * 20], dtype=object), r"'x7', 'x8'\] and 12 more as numbers"),
    ],
    ids=["objects", "floats", "many columns"],
)
def test_selection_warns_of_whole_numbers_that_may_be_ids(X, said):
    with pytest.warns(
        UserWarning, match=f"^X is an array.*{said}.*categorical_features=.0.*set_out"
    ):
        assert embedded_columns("auto", X, Columns(X)) == [0]
    assert embedded_columns([0], X, Columns(X)) == [0]  # without a warning


@pytest.mark.filterwarnings("ignore:.* rows are copies of a row")  # of bootstraps
def test_selection_warns_of_whole_numbers_alone_in_an_ensemble(flats):
    X, y = flats
    ids = pd.DataFrame(
        {"city": X["city"].str[5:].astype(int), "rooms": X["area"].astype(int) // 20}
    )
    regression().fit(ids.to_numpy(), y)  # without a warning
    with pytest.warns(UserWarning, match=r"fit embeds \['x0', 'x1'\]\. The whole numbers in"):
        BaggingRegressor(regression(), n_estimators=1).fit(ids, y)
    BaggingRegressor(regression(categorical_features=[0]), n_estimators=1).fit(ids, y)


def test_selection_of_a_named_number_in_an_array_of_objects_embeds_it(flats):
    X, y = flats
    X = X.assign(area=(X["area"] // 20)).to_numpy()
    encoder = NeuralEmbeddingEncoder(categorical_features=[0, 2], remainder="drop", **QUICK)
    with pytest.warns(UserWarning, match=r"fit leaves out the columns \['x1'\]"):
        encoder.set_params(use_context=False).fit(X, y)
    assert encoder.vocabularies_["x2"].levels[:2] == [0.0, 1.0]


# Columns in which nearly every row differs


@pytest.fixture
def bookings(rents):
    """The rents with a booking number in each row."""
    X, y = rents
    return X.assign(booking=[f"B-{i:05}" for i in range(len(X))]), y


def test_id_column_is_left_out_with_a_warning(bookings):
    X, y = bookings
    encoder = NeuralEmbeddingEncoder(**QUICK)
    with pytest.warns(UserWarning, match=r"leaves out the columns \['booking'\].*name them in cat"):
        features = encoder.fit_transform(X, y)
    expected = NeuralEmbeddingEncoder(**QUICK).fit(X.drop(columns="booking"), y)
    assert list(encoder.vocabularies_) == ["city", "kind"]
    assert encoder.n_features_in_ == 4
    assert encoder.get_feature_names_out().tolist() == expected.get_feature_names_out().tolist()
    assert features.shape[1] == len(encoder.get_feature_names_out())
    np.testing.assert_array_equal(
        encoder.transform(X), expected.transform(X.drop(columns="booking"))
    )


@pytest.mark.parametrize("booking", [0, None, "B-00007", [[7]] * 400, pd.Timestamp("2024-02-29")])
def test_id_column_left_out_is_ignored_by_transform(bookings, booking):
    X, y = bookings
    with pytest.warns(UserWarning, match="booking"):
        encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, y)
    restored = pickle.loads(pickle.dumps(encoder))
    changed = X.assign(booking=booking)
    np.testing.assert_array_equal(restored.transform(changed), encoder.transform(X.copy()))


def test_id_column_is_left_out_by_a_predictor(bookings):
    X, y = bookings
    with pytest.warns(UserWarning, match="booking"):
        model = NeuralEmbeddingRegressor(**QUICK).fit(X, y)
    expected = NeuralEmbeddingRegressor(**QUICK).fit(X.drop(columns="booking"), y)
    np.testing.assert_array_equal(model.predict(X), expected.predict(X.drop(columns="booking")))


def test_id_column_that_is_named_is_embedded(bookings):
    X, y = bookings
    encoder = NeuralEmbeddingEncoder(categorical_features=["city", "kind", "booking"], **QUICK)
    encoder.fit(X, y)
    assert encoder.tables_["booking"].shape == (403, 1)


def test_id_columns_alone_are_an_error(bookings):
    X, y = bookings
    with pytest.raises(ValueError, match=r"No categorical column among .* but \['booking'\]: near"):
        NeuralEmbeddingEncoder(**QUICK).fit(X[["rooms", "booking"]], y)


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(range(100)).astype("category"),
        pd.Series(range(100)).astype(str),
        pd.Series([f"{i}" for i in range(95)] + ["0"] * 5),
        pd.Series([f"{i}" for i in range(95)] + [None] * 5),
    ],
    ids=["category", "digits", "nearly all", "some missing"],
)
def test_id_column_has_nearly_as_many_levels_as_rows(column):
    assert left_out("auto", pd.DataFrame({"x": column}))


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([f"{i}" for i in range(94)] + ["0"] * 6),
        pd.Series([f"{i}" for i in range(50)] + [None] * 50),
        pd.Series([f"{i}" for i in range(19)]),
    ],
    ids=["some repeated", "mostly missing", "few rows"],
)
def test_id_column_needs_distinct_levels_and_enough_rows(column):
    assert not left_out("auto", pd.DataFrame({"x": column}))


def test_id_column_ignores_rows_of_weight_zero():
    X = pd.DataFrame({"x": [f"{i}" for i in range(100)] + ["0"] * 100})
    assert not left_out("auto", X)
    assert left_out("auto", X, used=np.arange(200) < 100)


@pytest.mark.parametrize(
    "values", [[f"{i}" for i in range(100)], ["a", *range(99)]], ids=["strings", "mixed"]
)
def test_id_column_of_labels_in_an_array_is_left_out(values):
    assert left_out("auto", np.array([values], dtype=object).T)


@pytest.mark.parametrize(
    ("spec", "X"),
    [
        ("auto", np.linspace(0, 1, 100)[:, None]),
        ("auto", np.arange(100)[:, None]),
        (["x0"], pd.DataFrame({"x0": np.linspace(0, 1, 100)})),
        (["x0"], pl.DataFrame({"x0": np.linspace(0, 1, 100)})),
    ],
    ids=["array", "array of ints", "named", "named in polars"],
)
def test_selection_of_a_quantity_warns(spec, X):
    with pytest.warns(UserWarning, match="Column 'x0' is embedded, but has 100 different values"):
        assert not left_out(spec, X)


def test_selection_of_named_integers_does_not_warn():
    assert not left_out(["x"], pd.DataFrame({"x": range(100)}))


def test_selection_all_embeds_what_differs_in_nearly_every_row():
    assert not left_out("all", pd.DataFrame({"x": [f"{i}" for i in range(100)]}))


# Columns that are embedded, or not, with a word


@pytest.fixture
def titled(rents):
    """The rents with a text that differs in 85 % of the rows."""
    X, y = rents
    return X.assign(title=[f"Flat {i * (i % 20 > 2)}" for i in range(len(X))]), y


@pytest.mark.parametrize("estimator", [NeuralEmbeddingEncoder, NeuralEmbeddingRegressor])
def test_text_that_differs_in_most_rows_is_embedded_with_a_warning(titled, estimator):
    X, y = titled
    message = r"The columns \['title'\] are embedded, but most of their levels occur in one row"
    with pytest.warns(UserWarning, match=message) as said:
        model = estimator(**QUICK).fit(X, y)
    assert len(said) == 1
    assert "title" in model.vocabularies_


def test_text_that_differs_in_most_rows_of_a_file_is_embedded_with_a_warning(titled, tmp_path):
    X, y = titled
    X.assign(rent=y).to_parquet(tmp_path / "rents.parquet")
    with pytest.warns(UserWarning, match=r"The columns \['title'\] are embedded, but most of"):
        NeuralEmbeddingEncoder(**QUICK).fit_parquet(tmp_path / "rents.parquet", "rent")


@pytest.mark.parametrize(
    "parameters", [{"min_frequency": 2}, {"categorical_features": ["city", "kind", "title"]}]
)
def test_text_that_differs_in_most_rows_is_taken_as_it_is_meant(titled, parameters):
    X, y = titled
    assert "title" in NeuralEmbeddingEncoder(**QUICK, **parameters).fit(X, y).vocabularies_


CONTAINERS = {
    "pandas": lambda X: X,
    "polars": pl.DataFrame,
    "pyarrow": lambda X: pa.Table.from_pandas(X, preserve_index=False),
}


@pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
@pytest.mark.parametrize("name", ["shop_id", "id", "zip", "ZIP code", "userId", "postal_code"])
def test_integers_named_as_ids_are_taken_for_quantities_with_a_warning(rents, container, name):
    X, y = rents
    X = container(X.rename(columns={"rooms": name}))
    given = re.escape(f"give categorical_features=['city', 'kind', '{name}'].")
    with pytest.warns(UserWarning, match=rf"The columns \['{name}'\] hold integers.*{given}"):
        NeuralEmbeddingEncoder(**QUICK).fit(X, y)


def test_integers_named_as_ids_of_a_file_are_taken_for_quantities_with_a_warning(rents, tmp_path):
    X, y = rents
    X.rename(columns={"rooms": "shop_id"}).assign(y=y).to_parquet(tmp_path / "rents.parquet")
    with pytest.warns(UserWarning, match=r"The columns \['shop_id'\] hold integers"):
        NeuralEmbeddingEncoder(**QUICK).fit_parquet(tmp_path / "rents.parquet", "y")


@pytest.mark.parametrize("name", ["rooms", "paid", "grid", "kidskid", "idle", "bid"])
def test_integers_named_as_quantities_do_not_warn(rents, name):
    X, y = rents
    NeuralEmbeddingEncoder(**QUICK).fit(X.rename(columns={"rooms": name}), y)


@pytest.mark.parametrize(
    "parameters",
    [
        {"categorical_features": ["city"]},
        {"categorical_features": ["city", "kind", "id"]},
        {"remainder": "drop", "use_context": False},
    ],
    ids=["others named", "named", "not read"],
)
def test_integers_named_as_ids_do_not_warn_where_the_choice_is_the_users(rents, parameters):
    X, y = rents
    X = X.rename(columns={"rooms": "id"})
    if parameters.get("categorical_features") == ["city"]:
        X = X.drop(columns="kind")
    NeuralEmbeddingEncoder(**QUICK, **parameters).fit(X, y)


def test_floats_named_as_ids_do_not_warn(rents):
    X, y = rents
    NeuralEmbeddingEncoder(**QUICK).fit(X.assign(id=X.pop("rooms") * 1.0), y)


def left_out(spec, X, used=None):
    columns = Columns(X)
    used = np.ones(columns.n_rows, dtype=bool) if used is None else used
    counted = columns.levels(0).count(used)
    return leave_out(spec, columns.names[0], counted, is_frame=columns.is_frame)
