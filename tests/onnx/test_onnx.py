import subprocess
import sys

import numpy as np
import onnx
import pandas as pd
import polars as pl
import pytest
from onnxruntime import InferenceSession
from scipy.sparse import csr_array
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

import skembed
from skembed import (
    NeuralEmbeddingClassifier,
    NeuralEmbeddingEncoder,
    NeuralEmbeddingRegressor,
)
from skembed.onnx import to_onnx

NUMPY = {
    "tensor(bool)": np.bool_,
    "tensor(int64)": np.int64,
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
}
CROSSES = [("education", "age"), ("workclass", "occupation", "capital-gain")]


def feed(session, X, missing=""):
    """The columns of X as the inputs of a session."""
    return {
        given.name: X[[given.name]].astype(object).fillna(missing).to_numpy()
        if given.type == "tensor(string)"
        else X[[given.name]].astype(NUMPY[given.type]).to_numpy()
        for given in session.get_inputs()
    }


def run(model, X, missing=""):
    """What a model puts out for the rows of X, by name."""
    session = InferenceSession(model.SerializeToString())
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, feed(session, X, missing)), strict=True))


def fast(**parameters):
    return NeuralEmbeddingEncoder(
        **{"max_epochs": 2, "crosses": None, "random_state": 0} | parameters
    )


def assert_same_features(encoder, X):
    features = run(to_onnx(encoder, X), X)["features"]
    expected = encoder.transform(X.copy())
    assert features.dtype == expected.dtype
    np.testing.assert_array_equal(features, expected)


@pytest.fixture(scope="module")
def rows(adult):
    """Test rows with levels and numbers that are unseen or missing."""
    X = adult[1].copy()
    X["age"] = X["age"].astype(float)
    X.loc[X.index % 5 == 0, "education"] = "Kindergarten"
    X.loc[X.index % 7 == 0, ["workclass", "sex"]] = None
    X.loc[X.index % 3 == 0, "age"] = np.nan
    X.loc[X.index % 4 == 0, "capital-gain"] = 123
    return X


@pytest.fixture(scope="module")
def encoder(adult):
    X, _, y, _ = adult
    return fast(crosses=CROSSES, min_frequency=30).fit(X, y)


@pytest.fixture(scope="module")
def with_xgboost(adult):
    X, _, y, _ = adult
    return make_pipeline(fast(crosses=CROSSES), XGBClassifier(n_estimators=30)).fit(X, y)


def test_onnx_encoder_gives_the_bits_of_transform(encoder, rows):
    assert_same_features(encoder, rows)
    assert set(encoder.crosses_) == {" x ".join(names) for names in CROSSES}
    assert any(vocabulary.infrequent for vocabulary in encoder.vocabularies_.values())


def test_onnx_inputs_are_the_columns_by_name_and_type(encoder, rows):
    session = InferenceSession(to_onnx(encoder, rows).SerializeToString())
    types = {given.name: given.type for given in session.get_inputs()}
    assert list(types) == rows.columns.tolist()
    assert all(given.shape[1:] == [1] for given in session.get_inputs())
    assert types["education"] == "tensor(string)"
    assert types["age"] == "tensor(double)"
    assert types["hours-per-week"] == "tensor(int64)"


@pytest.mark.parametrize("n_rows", [0, 1, 1000])
def test_onnx_batches_of_any_size(encoder, with_xgboost, rows, n_rows):
    features = run(to_onnx(encoder, rows), rows.head(n_rows))["features"]
    np.testing.assert_array_equal(features, encoder.transform(rows.head(n_rows)))
    probabilities = run(to_onnx(with_xgboost, rows), rows.head(n_rows))["probabilities"]
    assert probabilities.shape == (n_rows, 2)


@pytest.mark.parametrize(
    "estimators",
    [
        [XGBClassifier(n_estimators=30)],
        [LogisticRegression(max_iter=2000)],
        [StandardScaler(), LogisticRegression()],
        [StandardScaler(), XGBClassifier(n_estimators=30)],
        [RandomForestClassifier(10, random_state=0)],
    ],
    ids=["xgboost", "logistic", "scaled-logistic", "scaled-xgboost", "forest"],
)
@pytest.mark.filterwarnings("ignore:lbfgs failed to converge")
def test_onnx_pipeline_gives_the_probabilities(adult, rows, estimators):
    X, _, y, _ = adult
    # Neither imputes, and only XGBoost takes missing numbers.
    rows = rows if isinstance(estimators[-1], XGBClassifier) else rows.fillna({"age": 40.0})
    model = make_pipeline(fast(crosses=CROSSES), *estimators).fit(X, y)
    given = run(to_onnx(model, rows), rows)
    np.testing.assert_allclose(given["probabilities"], model.predict_proba(rows), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(given["label"], model.predict(rows))


def test_onnx_pipeline_in_a_pipeline(adult, rows):
    X, _, y, _ = adult
    scaled = make_pipeline(StandardScaler(), XGBClassifier(n_estimators=5))
    model = make_pipeline(fast(), "passthrough", scaled).fit(X, y)
    given = run(to_onnx(model, rows), rows)["probabilities"]
    np.testing.assert_allclose(given, model.predict_proba(rows), rtol=0, atol=1e-5)


def test_onnx_pipeline_of_data_frames(adult, rows):
    X, _, y, _ = adult
    model = make_pipeline(fast(), XGBClassifier(n_estimators=5)).set_output(transform="pandas")
    model.fit(X, y)
    given = run(to_onnx(model, rows), rows)["probabilities"]
    np.testing.assert_allclose(given, model.predict_proba(rows), rtol=0, atol=1e-5)
    assert model[-1].get_booster().feature_names == model[0].get_feature_names_out().tolist()


def test_onnx_several_classes_by_name(adult, rows):
    X, _, _, _ = adult
    y = X["race"].str.replace("-", " ")
    model = make_pipeline(fast(), XGBClassifier(n_estimators=5))
    model.fit(X.drop(columns="race"), y.map({name: i for i, name in enumerate(sorted(set(y)))}))
    given = run(to_onnx(model, rows.drop(columns="race")), rows)
    expected = model.predict_proba(rows.drop(columns="race"))
    assert expected.shape[1] == 5
    np.testing.assert_allclose(given["probabilities"], expected, rtol=0, atol=1e-5)
    logistic = make_pipeline(fast(), StandardScaler(), LogisticRegression())
    logistic.fit(X.drop(columns="race"), y)
    complete = rows.drop(columns="race").fillna({"age": 40.0})
    given = run(to_onnx(logistic, complete), complete)
    np.testing.assert_allclose(
        given["probabilities"], logistic.predict_proba(complete), rtol=0, atol=1e-5
    )
    np.testing.assert_array_equal(given["label"], logistic.predict(complete))


@pytest.mark.parametrize(
    "regressor",
    [XGBRegressor(n_estimators=20), Ridge(), GradientBoostingRegressor(n_estimators=20)],
)
def test_onnx_pipeline_gives_the_quantities(rents, regressor):
    X, y = rents
    model = make_pipeline(fast(), regressor).fit(X, y / 1000)
    strange = X.replace({"city": {"Oslo": "Lima", "Rome": None}})
    given = run(to_onnx(model, strange), strange)["variable"][:, 0]
    np.testing.assert_allclose(given, model.predict(strange), rtol=0, atol=1e-5)


def test_onnx_numbers_beside_a_threshold_are_as_in_xgboost():
    """It rounds numbers to float32, in which a little less than 0.2 is not below 0.2."""
    X = pd.DataFrame({"kind": ["a", "b"] * 50, "size": [0.1, 0.2] * 50})
    model = make_pipeline(fast(use_context=False), XGBClassifier(n_estimators=3))
    model.fit(X, [0, 1] * 50)
    X["size"] = 0.2 - 1e-12
    given = run(to_onnx(model, X), X)["probabilities"]
    np.testing.assert_allclose(given, model.predict_proba(X), rtol=0, atol=1e-6)


WITHOUT_SKEMBED = """
import sys
import numpy as np
from onnxruntime import InferenceSession
session = InferenceSession(sys.argv[1])
rows = np.load(sys.argv[2], allow_pickle=True)
probabilities = session.run(["probabilities"], {name: rows[name] for name in rows})[0]
np.save(sys.argv[3], probabilities)
print(*{"skembed", "sklearn", "torch", "xgboost", "pandas", "onnx"} & {*sys.modules})
"""


def test_onnx_model_needs_onnxruntime_and_numpy_alone(with_xgboost, rows, tmp_path):
    path, given, out = (str(tmp_path / name) for name in ("m.onnx", "rows.npz", "out.npy"))
    onnx.save(to_onnx(with_xgboost, rows), path)
    np.savez(given, **feed(InferenceSession(path), rows))
    command = [sys.executable, "-c", WITHOUT_SKEMBED, path, given, out]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    assert done.stdout.split() == []
    np.testing.assert_allclose(np.load(out), with_xgboost.predict_proba(rows), rtol=0, atol=1e-5)


def test_onnx_model_says_who_made_it_and_is_valid(with_xgboost, rows):
    model = to_onnx(with_xgboost, rows)
    onnx.checker.check_model(model, full_check=True)
    assert model.doc_string == (
        f"NeuralEmbeddingEncoder and XGBClassifier, by skembed {skembed.__version__}"
    )
    assert model.ir_version == 8
    assert {(opset.domain, opset.version) for opset in model.opset_import} == {
        ("", 17),
        ("ai.onnx.ml", 3),
    }


LEVELS = {
    "integers": pd.Series([3, -7, 2**62, 5] * 30),
    "whole floats": pd.Series([3.0, -7.0, 0.0, np.nan] * 30),
    "fractions": pd.Series([0.1, 0.25, -1e300, np.nan] * 30),
    "float32": pd.Series([0.1, 0.25, 3.0, np.nan] * 30, dtype="float32"),
    "nullable": pd.Series([3, 7, 5, None] * 30, dtype="Int64"),
    "booleans": pd.Series([True, False] * 60),
    "booleans with missing": pd.Series([True, False, None, True] * 30, dtype=object),
    "categories": pd.Series(["b", "a", None, "c"] * 30, dtype="category"),
    "categories of integers": pd.Series([5, 9, 5, 2] * 30, dtype="category"),
    "letters": pd.Series(["æ", "日本", " ", "a\nb"] * 30),
    "missing throughout": pd.Series([None] * 120, dtype=object),
}


@pytest.mark.parametrize("kind", LEVELS)
@pytest.mark.filterwarnings("ignore:.*found nothing", "ignore:.*in all rows")
def test_onnx_levels_of_every_kind(kind):
    levels = LEVELS[kind]
    X = pd.DataFrame({"level": levels, "other": ["p", "q", "r"] * 40})
    # The first level is seen in no row of fit.
    known = X[levels.ne(levels[0]).fillna(True)] if levels[0] is not None else X
    y = np.random.default_rng(0).normal(size=len(known))
    encoder = fast(categorical_features=["level", "other"], crosses=2, embedding_dim=2)
    encoder.fit(known, y)
    assert_same_features(encoder, X)


def test_onnx_integers_may_come_as_other_numbers(rents):
    X, y = rents
    encoder = fast(categorical_features=["city", "kind", "rooms"]).fit(X, y)
    for dtype in ("float32", "float64", "int8"):
        assert_same_features(encoder, X.astype({"rooms": dtype}))
    gaps = X.assign(rooms=X["rooms"].where(X.index % 5 > 0) + (X.index % 3 == 0) / 2)
    assert_same_features(encoder, gaps)


def test_onnx_zero_has_no_sign(rents):
    X, y = rents
    X = X[["rooms"]].astype(float) - 2
    encoder = fast(categorical_features=["rooms"]).fit(X, y)
    assert_same_features(encoder, -X.abs())


def test_onnx_passed_columns_have_the_dtype_of_transform(rents):
    X, y = rents
    X = X.assign(new=X["rooms"] > 3, rooms=X["rooms"].astype("float32"))
    encoder = fast().fit(X, y)
    assert encoder.transform(X.head()).dtype == np.float32
    assert_same_features(encoder, X)


def test_onnx_unused_columns_are_no_inputs(rents):
    X, y = rents
    encoder = fast(remainder="drop").fit(X, y)
    assert [given.name for given in to_onnx(encoder, X).graph.input] == ["city", "kind"]


def test_onnx_array_of_objects_with_numbers(rents):
    X, y = rents
    array = X.assign(rooms=X["rooms"] / 2)[["city", "rooms", "kind"]].to_numpy()
    encoder = fast().fit(array.copy(), y)
    model = to_onnx(encoder, array)
    columns = {f"x{j}": array[:, j] for j in range(3)}
    given = run(model, pd.DataFrame(columns).astype({"x1": float}))["features"]
    np.testing.assert_array_equal(given, encoder.transform(array))


def test_onnx_column_without_a_name_is_an_error(rents):
    X, y = rents
    X = X.rename(columns={"kind": ""})
    with pytest.raises(ValueError, match=r"^Column 2 of X has the name '', .* rename the column"):
        to_onnx(fast().fit(X, y), X)


def test_onnx_arrays_and_other_frames(rents):
    X, y = rents
    encoder = fast().fit(X[["city", "kind"]].to_numpy(), y)
    model = to_onnx(encoder, X[["city", "kind"]].to_numpy())
    given = run(model, X.rename(columns={"city": "x0", "kind": "x1"}))["features"]
    np.testing.assert_array_equal(given, encoder.transform(X[["city", "kind"]].to_numpy()))
    frame = pl.DataFrame({name: X[name].tolist() for name in X})
    encoder = fast().fit(frame, y)
    np.testing.assert_array_equal(run(to_onnx(encoder, frame), X)["features"], encoder.transform(X))


def test_onnx_input_may_be_named_as_an_output(rents):
    X, y = rents
    X = X.rename(columns={"city": "features", "rooms": "label"})
    encoder = fast().fit(X, y)
    given = run(to_onnx(encoder, X), X)
    np.testing.assert_array_equal(given["features_"], encoder.transform(X.copy()))


def test_onnx_missing_may_be_another_string(rents):
    X, y = rents
    X = X.replace({"city": {"Bern": "", "Rome": None}})
    encoder = fast().fit(X, y)
    with pytest.raises(ValueError, match=r"Column 'city' has a level '', .* as missing"):
        to_onnx(encoder, X)
    given = run(to_onnx(encoder, X, missing="?"), X, "?")["features"]
    np.testing.assert_array_equal(given, encoder.transform(X.copy()))


@pytest.mark.parametrize("interaction", ["mlp", "dot"])
@pytest.mark.filterwarnings("ignore:.* rows are copies of a row")
@pytest.mark.filterwarnings("ignore:.*found nothing")
def test_onnx_classifier_of_two_classes(adult, rows, interaction):
    X, _, y, _ = adult
    model = NeuralEmbeddingClassifier(max_epochs=3, random_state=0, interaction=interaction)
    model.fit(X.where(X["age"] > 20), y)
    given = run(to_onnx(model, rows), rows)
    np.testing.assert_allclose(given["probabilities"], model.predict_proba(rows), rtol=0, atol=1e-5)
    np.testing.assert_array_equal(given["label"], model.predict(rows))


def test_onnx_classifier_of_several_classes_and_of_labels(adult, rows):
    X, _, y, _ = adult
    labels = np.column_stack([y, X["sex"] == "Male"]).astype(int)
    for target in (X["relationship"], labels):
        model = NeuralEmbeddingClassifier(max_epochs=2, crosses=None, random_state=0)
        model.fit(X.drop(columns="relationship"), target)
        given = run(to_onnx(model, rows.drop(columns="relationship")), rows)
        expected = model.predict_proba(rows.drop(columns="relationship"))
        np.testing.assert_allclose(given["probabilities"], expected, rtol=0, atol=1e-5)
        np.testing.assert_array_equal(
            given["label"], model.predict(rows.drop(columns="relationship"))
        )


@pytest.mark.parametrize(
    "parameters",
    [{}, {"loss": "poisson"}, {"y_range": (0.0, 5000.0)}, {"interaction": "dot"}],
    ids=["plain", "poisson", "y_range", "dot"],
)
def test_onnx_regressor(rents, parameters):
    X, y = rents
    model = NeuralEmbeddingRegressor(max_epochs=5, random_state=0, **parameters).fit(X, y)
    strange = X.replace({"city": {"Oslo": "Lima", "Rome": None}})
    strange["rooms"] = strange["rooms"].astype(float).replace({5: 1e300, 4: -1e300})
    given = run(to_onnx(model, strange), strange)["variable"][:, 0]
    np.testing.assert_allclose(given, model.predict(strange), rtol=1e-6)


@pytest.mark.parametrize(
    ("levels", "found"),
    [
        ([1, "1"], "numbers and strings"),
        ([1, True], "booleans and numbers"),
        ([pd.Timestamp(2020, 1, 1), pd.Timestamp(2021, 1, 1)], "type Timestamp"),
        ([2**63, 5], "9223372036854775808"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*found nothing")
def test_onnx_levels_that_have_no_tensor_are_an_error(levels, found):
    X = pd.DataFrame({"a": pd.Series(levels * 40, dtype=object), "b": ["p", "q"] * 40})
    encoder = fast(categorical_features=["a", "b"]).fit(X, np.arange(80.0))
    with pytest.raises(ValueError, match=rf"Column 'a' holds .*{found}.*strings before fit"):
        to_onnx(encoder, X)


def test_onnx_levels_of_another_kind_are_an_error(rents):
    X, y = rents
    X = X[["rooms"]]
    encoder = fast(categorical_features=["rooms"]).fit(X, y)
    with pytest.raises(ValueError, match="'rooms' holds numbers and strings, in fit and here"):
        to_onnx(encoder, X.astype({"rooms": str}))


@pytest.mark.filterwarnings("ignore:.*found nothing")
def test_onnx_bags_are_an_error():
    y = np.arange(40.0)
    lists = pd.DataFrame({"tags": [["a", "b"], ["b"]] * 20})
    with pytest.raises(ValueError, match="Column 'tags' is a bag"):
        to_onnx(fast().fit(lists, y), lists)
    sparse = csr_array(np.tile(np.eye(4), (10, 1)))
    with pytest.raises(ValueError, match="sparse X"):
        to_onnx(fast().fit(sparse, y), sparse)


@pytest.mark.parametrize("name", ["handle_unknown", "handle_missing"])
def test_onnx_parameters_that_raise_are_an_error(rents, name):
    X, y = rents
    encoder = fast(**{name: "error"}).fit(X, y)
    with pytest.raises(ValueError, match=f"{name}='error'.*cannot raise"):
        to_onnx(encoder, X)


def test_onnx_other_estimators_are_an_error(rents):
    X, y = rents
    for other in (Ridge(), make_pipeline(StandardScaler(), fast())):
        with pytest.raises(TypeError, match="begins with a NeuralEmbeddingEncoder"):
            to_onnx(other, X)
    with pytest.raises(ValueError, match="X has no rows"):
        to_onnx(fast().fit(X, y), X.head(0))


def test_onnx_trees_that_float32_would_change_are_an_error(rents):
    X, y = rents
    model = make_pipeline(fast(), HistGradientBoostingRegressor(max_iter=2)).fit(X, y)
    with pytest.raises(TypeError, match="HistGradientBoostingRegressor compares in float64"):
        to_onnx(model, X)
    scaled = make_pipeline(fast(remainder="drop"), StandardScaler(), XGBRegressor(n_estimators=2))
    with pytest.raises(TypeError, match="StandardScaler computes in float32"):
        to_onnx(scaled.fit(X, y), X)


def test_onnx_trees_inside_another_estimator_get_float32(adult, rows):
    X, _, y, _ = adult
    forest = RandomForestClassifier(5, random_state=0)
    model = make_pipeline(fast(), OneVsRestClassifier(forest)).fit(X, y)
    rows = rows.fillna({"age": 40.0})
    given = run(to_onnx(model, rows), rows)["probabilities"]
    np.testing.assert_allclose(given, model.predict_proba(rows), rtol=0, atol=1e-5)


@pytest.mark.parametrize("package", ["onnx", "skl2onnx"])
def test_onnx_missing_package_is_named(rents, monkeypatch, package):
    X, y = rents
    model = make_pipeline(fast(), Ridge()).fit(X, y)
    for name in [
        name
        for name in sys.modules
        if name.startswith("skembed.onnx._") and name != "skembed.onnx._export"
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=rf"needs {package}.*'skembed\[onnx\]'"):
        to_onnx(model, X)
