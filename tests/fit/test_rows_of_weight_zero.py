"""Rows of weight 0 count as absent, whatever they hold, and wherever the rows come from."""

import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

QUICK = {"crosses": None, "max_epochs": 2, "random_state": 0}
USED = np.random.default_rng(0).random(400) < 0.8


def encoder(**parameters):
    return NeuralEmbeddingEncoder(**QUICK, **parameters)


@pytest.fixture(params=["quantity", "classes"])
def targets(rents, request):
    """A target, and one that holds in rows of weight 0 what would be refused elsewhere."""
    X, y = rents
    if request.param == "quantity":
        return X, y, y.where(USED, np.nan)
    y = pd.Series(np.where(y > y.median(), "dear", "cheap"))
    return X, y, y.where(USED, "unknown")


def check_same_tables(estimator, other):
    for name, table in estimator.tables_.items():
        np.testing.assert_array_equal(other.tables_[name], table)


def test_rows_of_weight_zero_may_hold_any_target(targets):
    X, y, with_others = targets
    clean = encoder().fit(X, y, sample_weight=USED * 1.0)
    fitted = encoder().fit(X, with_others, sample_weight=USED * 1.0)
    assert fitted.target_type_ == clean.target_type_
    np.testing.assert_array_equal(fitted.classes_, clean.classes_)
    check_same_tables(clean, fitted)


def test_rows_of_weight_zero_of_a_file_may_hold_any_target(targets, tmp_path):
    X, _, with_others = targets
    rows = X.assign(y=with_others, weight=USED * 1.0)
    rows.to_parquet(tmp_path / "rows.parquet")
    clean = encoder().fit(X, with_others, sample_weight=USED * 1.0)
    stored = encoder().fit_parquet(tmp_path / "rows.parquet", "y", sample_weight="weight")
    np.testing.assert_array_equal(stored.classes_, clean.classes_)
    check_same_tables(clean, stored)


def test_rows_of_weight_zero_of_a_file_may_miss_their_class(rents, tmp_path):
    X, y = rents
    y = pd.Series(np.where(y > y.median(), "dear", "cheap")).where(USED, None)
    X.assign(y=y, weight=USED * 1.0).to_parquet(tmp_path / "rows.parquet")
    stored = encoder().fit_parquet(tmp_path / "rows.parquet", "y", sample_weight="weight")
    assert stored.classes_.tolist() == ["cheap", "dear"]


@pytest.mark.parametrize(
    "parameters", [{"loss": "poisson"}, {"y_range": (0.0, 5000.0)}, {"target_type": "multioutput"}]
)
def test_rows_of_weight_zero_may_hold_a_target_beyond_the_limits(rents, parameters):
    X, y = rents
    y = pd.DataFrame({"y": y, "half": y / 2}) if "target_type" in parameters else y
    wild = y.copy()
    wild[~USED] = -1e9
    clean = encoder(**parameters).fit(X, y, sample_weight=USED * 1.0)
    check_same_tables(clean, encoder(**parameters).fit(X, wild, sample_weight=USED * 1.0))


def test_rows_of_weight_zero_make_no_class_of_a_classifier(rents):
    X, y = rents
    y = pd.Series(np.where(y > y.median(), 1.0, 0.0)).where(USED, 0.5)
    model = NeuralEmbeddingClassifier(**QUICK).fit(X, y, sample_weight=USED * 1.0)
    assert model.classes_.tolist() == [0.0, 1.0]


@pytest.fixture
def refused(rents):
    """Rows of which those of weight 0 hold levels and numbers that are refused elsewhere."""
    X, y = rents
    city = X["city"].where(USED, "Lima")
    kind = X["kind"].where(USED, None)
    return X.assign(city=city, kind=kind, rooms=X["rooms"].astype(float).where(USED, np.inf)), y


@pytest.mark.parametrize("use_context", [True, False])
@pytest.mark.parametrize("with_target", [True, False])
def test_rows_of_weight_zero_may_hold_any_level_and_number(
    rents, refused, use_context, with_target
):
    given = {"handle_unknown": "error", "handle_missing": "error", "use_context": use_context}
    X, y = refused
    y, given["target_type"] = (y, "auto") if with_target else (None, "none")
    features = encoder(**given).fit_transform(X, y, sample_weight=USED * 1.0)
    clean = encoder(**given).fit_transform(rents[0], y, sample_weight=USED * 1.0)
    np.testing.assert_array_equal(features[USED], clean[USED])
    at = encoder(**given).fit(X, y, USED * 1.0).get_feature_names_out().tolist().index("rooms")
    assert np.isposinf(features[~USED, at]).all()
    assert np.isfinite(np.delete(features, at, axis=1)).all()


def test_rows_of_weight_zero_of_a_file_may_hold_any_level_and_number(refused, tmp_path):
    given = {"handle_unknown": "error", "handle_missing": "error"}
    X, y = refused
    X.assign(y=y, weight=USED * 1.0).to_parquet(tmp_path / "rows.parquet")
    encoder(**given).fit_transform_parquet(
        tmp_path / "rows.parquet", "y", tmp_path / "out.parquet", sample_weight="weight"
    )
    features = encoder(**given).fit_transform(X, y, sample_weight=USED * 1.0)
    np.testing.assert_array_equal(pd.read_parquet(tmp_path / "out.parquet"), features)


def test_rows_of_weight_zero_may_hold_any_number_of_a_predictor(rents, refused):
    X, y = refused
    model = NeuralEmbeddingRegressor(**QUICK).fit(X, y, sample_weight=USED * 1.0)
    clean = NeuralEmbeddingRegressor(**QUICK).fit(rents[0], y, sample_weight=USED * 1.0)
    np.testing.assert_array_equal(model.predict(rents[0]), clean.predict(rents[0]))


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rooms", np.inf, r"'rooms' holds an infinite value \(row 7\)"),
        ("kind", None, r"'kind' is missing in 1 rows, the first being row 7"),
    ],
)
def test_rows_with_weight_are_refused_by_their_number(refused, column, value, message):
    X, y = refused
    X.loc[7, column] = value
    weight = USED * 1.0
    weight[7] = 1.0
    with pytest.raises(ValueError, match=message):
        encoder(handle_missing="error", use_context=False).fit(X, y, sample_weight=weight)


# What an untyped column holds


def add_text(X, y):
    """Rows, then one without weight that holds text among numbers; and their weights."""
    odd = pd.concat([X.assign(rooms=X["rooms"].astype(object)), X.head(1).assign(rooms="n/a")])
    weight = np.append(np.ones(len(X)), 0.0)
    return odd.reset_index(drop=True), np.append(y, 0.0), weight


@pytest.mark.parametrize("container", [pd.DataFrame, np.asarray])
def test_rows_of_weight_zero_do_not_decide_what_a_column_holds(rents, container):
    X, y = rents
    odd, more, weight = add_text(X[["city"]].assign(rooms=X["rooms"] + 0.5), y)
    fitted = encoder().fit(container(odd), more, sample_weight=weight)
    assert len(fitted.vocabularies_) == 1
    same = encoder().fit(container(odd.iloc[:-1]), y)
    rows = container(odd.iloc[:-1].copy())
    np.testing.assert_array_equal(fitted.transform(rows), same.transform(rows))


def test_rows_of_weight_zero_do_not_decide_which_columns_of_floats_are_codes(rents):
    rng, (_, y) = np.random.default_rng(0), rents
    X = np.column_stack([rng.integers(0, 4, len(y)), rng.normal(size=len(y))])
    odd, weight = np.vstack([X, [[0.5, 0.5]]]), np.append(np.ones(len(X)), 0.0)
    with pytest.warns(UserWarning, match="X is an array"):
        fitted = encoder().fit(odd, np.append(y, 0.0), sample_weight=weight)
    assert [*fitted.vocabularies_] == ["x0"]
