import copy
import locale
import os
import pickle
import random
import signal
import subprocess
import sys
import warnings

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import log_loss, r2_score, roc_auc_score
from sklearn.model_selection import GridSearchCV, GroupKFold, KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_info

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

QUICK = {"crosses": None, "max_epochs": 3, "random_state": 0}
BY_DEFAULT = {"max_epochs": 3, "random_state": 0}


# What comes out


def test_transform_puts_vectors_where_their_column_was(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(embedding_dim={"city": 3, "kind": 1}, **QUICK)
    features = encoder.fit_transform(X, y)
    assert encoder.get_feature_names_out().tolist() == [
        "city_0",
        "city_1",
        "city_2",
        "rooms",
        "kind_0",
    ]
    np.testing.assert_array_equal(features[:, 3], X["rooms"])


def test_transform_drops_the_remainder_if_asked(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(remainder="drop", embedding_dim=2, **QUICK)
    assert encoder.fit_transform(X, y).shape == (400, 4)
    assert encoder.get_feature_names_out().tolist() == ["city_0", "city_1", "kind_0", "kind_1"]


def test_transform_gives_the_row_of_the_level(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(embedding_dim=3, **QUICK).fit(X, y)
    oslo = pd.DataFrame({"city": ["Oslo"], "rooms": [2], "kind": ["flat"]})
    code = encoder.vocabularies_["city"].codes_of(["Oslo"])[0]
    np.testing.assert_array_equal(
        encoder.transform(oslo)[0, :3], encoder.tables_["city"][code].astype(float)
    )


def test_transform_dtype_is_float32_unless_more_is_needed(rents):
    X, y = rents
    assert NeuralEmbeddingEncoder(remainder="drop", **QUICK).fit_transform(X, y).dtype == "float32"
    small = X.astype({"rooms": "int16"})
    assert NeuralEmbeddingEncoder(**QUICK).fit_transform(small, y).dtype == "float32"
    assert NeuralEmbeddingEncoder(**QUICK).fit_transform(X, y).dtype == "float64"
    # 2**24 + 1 is the first integer that float32 does not hold.
    large = X.assign(rooms=2**24 + 1)
    assert NeuralEmbeddingEncoder(**QUICK).fit_transform(large, y)[0, -2] == 2**24 + 1


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_set_output_gives_pandas_or_polars(rents, kind):
    X, y = rents
    out = NeuralEmbeddingEncoder(**QUICK).set_output(transform=kind).fit_transform(X, y)
    assert type(out).__module__.startswith(kind)
    assert list(out.columns)[-2:] == ["rooms", "kind_0"]


def test_transform_of_an_empty_frame_is_empty(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, y).set_output(transform="pandas")
    out = encoder.transform(X.head(0))
    assert out.shape == (0, len(encoder.get_feature_names_out()))
    assert out.columns.tolist() == encoder.get_feature_names_out().tolist()


def test_transform_leaves_the_fitted_state_alone(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, y)
    before = pickle.dumps(encoder)
    encoder.transform(X.replace({"city": {"Oslo": "Lima"}}))
    assert pickle.dumps(encoder) == before


# What is learned


def test_target_quantity_effects_of_levels_are_learned(rents):
    X, y = rents
    model = make_pipeline(NeuralEmbeddingEncoder(random_state=0), Ridge())
    assert cross_val_score(model, X, y).mean() > 0.95
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    effects = encoder.tables_["city"][3:, 0]
    assert encoder.vocabularies_["city"].levels == ["Bern", "Kyiv", "Oslo", "Rome"]
    assert effects[1] < effects[3] < min(effects[0], effects[2])


def test_target_scale_does_not_matter(rents):
    X, y = rents
    plain = NeuralEmbeddingEncoder(**QUICK).fit_transform(X, y)
    scaled = NeuralEmbeddingEncoder(**QUICK).fit_transform(X, y * 1e6 - 1e9)
    np.testing.assert_allclose(plain, scaled, atol=1e-3)


def test_target_binary_of_strings_is_learned(adult):
    X_train, X_test, y_train, y_test = adult
    labels = y_train.map({0: "<=50K", 1: ">50K"})
    model = make_pipeline(
        NeuralEmbeddingEncoder(random_state=0), StandardScaler(), LogisticRegression()
    ).fit(X_train, labels)
    assert model[0].classes_.tolist() == ["<=50K", ">50K"]
    assert roc_auc_score(y_test, model.predict_proba(X_test)[:, 1]) > 0.88


def test_target_multiclass_is_learned(adult):
    X_train, X_test, _, _ = adult
    X_train, X_test = (X[X["relationship"] != "Other-relative"] for X in (X_train, X_test))
    encoder = NeuralEmbeddingEncoder(random_state=0)
    model = make_pipeline(encoder, StandardScaler(), LogisticRegression(max_iter=300))
    model.fit(X_train.drop(columns="relationship"), X_train["relationship"])
    assert encoder.target_type_ == "multiclass"
    assert encoder.classes_.tolist() == sorted(X_train["relationship"].unique())
    accuracy = model.score(X_test.drop(columns="relationship"), X_test["relationship"])
    assert accuracy > (X_test["relationship"] == "Husband").mean() + 0.3


def test_context_explains_its_share_of_the_target(rents):
    """What the rooms explain is not told by the city, unless the net cannot see the rooms."""
    X, y = rents
    X = X.assign(rooms=np.where(X["city"] == "Oslo", 5, 1))
    y = 100.0 * X["rooms"] + np.random.default_rng(0).normal(0, 1, len(X))
    seen = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    hidden = NeuralEmbeddingEncoder(use_context=False, random_state=0).fit(X, y)
    assert np.ptp(seen.tables_["city"][3:, 0]) < np.ptp(hidden.tables_["city"][3:, 0])


def test_context_missing_does_no_harm(rents):
    X, y = rents
    X = X.astype({"rooms": float})
    X.loc[::7, "rooms"] = np.nan
    features = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit_transform(X, y)
    assert np.isfinite(np.delete(features, -2, axis=1)).all()
    np.testing.assert_array_equal(features[:, -2], X["rooms"])


def test_axes_are_sorted_by_effect_on_the_answer(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(embedding_dim=3, crosses=None, random_state=0)
    city = encoder.fit_transform(X, y)[:, :3]
    assert (np.diff(city.std(axis=0)) < 0).all()
    # In units of the target's standard deviation, and greater where rents are higher.
    effect = y.groupby(X["city"]).transform("mean").to_numpy() / y.std()
    assert city[:, 0].std() == pytest.approx(effect.std(), rel=0.2)
    assert np.corrcoef(city[:, 0], effect)[0, 1] > 0.95


def test_embedding_dim_of_a_noise_column_is_one():
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.integers(0, 8, (4000, 2)).astype(str), columns=["city", "noise"])
    y = X["city"].astype(float) ** 2 + rng.normal(0, 5, 4000)
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    assert encoder.tables_["noise"].shape == (3 + 8, 1)


def test_embedding_dim_that_is_given_is_kept(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(embedding_dim={"city": 6}, **QUICK).fit(X, y)
    assert encoder.tables_["city"].shape[1] == 6
    assert encoder.tables_["kind"].shape[1] == 1


def test_history_has_an_entry_per_epoch(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_epochs=6, early_stopping=False, random_state=0).fit(X, y)
    assert set(encoder.history_) == {"out_of_fold_loss", "table_loss", "seconds"}
    assert all(len(values) == encoder.n_iter_ == 6 for values in encoder.history_.values())
    assert encoder.history_["out_of_fold_loss"][-1] < encoder.history_["out_of_fold_loss"][0]


def test_best_epoch_has_the_least_out_of_fold_loss(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(random_state=0, tol=0.0).fit(X, y)
    assert encoder.best_epoch_ == np.argmin(encoder.history_["out_of_fold_loss"]) + 1


def test_early_stopping_when_out_of_fold_loss_stops_falling(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(
        max_epochs=40, tol=1.0, n_iter_no_change=2, random_state=0
    ).fit(X, y)
    assert encoder.n_iter_ == encoder.best_epoch_ + 2


def test_noise_gives_one_vector_to_all_levels_and_a_warning():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"id": rng.permutation(np.arange(2000) % 1000).astype(str)})
    encoder = NeuralEmbeddingEncoder(random_state=0)
    with pytest.warns(UserWarning, match="found nothing in X that predicts y"):
        encoder.fit(X, rng.normal(size=2000))
    assert encoder.best_epoch_ == 0
    assert np.ptp(encoder.tables_["id"], axis=0).max() == 0


def test_verbose_prints_a_line_per_epoch(rents, capsys):
    X, y = rents
    NeuralEmbeddingEncoder(verbose=1, **QUICK).fit(X, y)
    assert capsys.readouterr().out.count("out_of_fold_loss") == 3


# Levels: missing, unseen, infrequent


def test_unseen_level_gets_the_prior_row(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(embedding_dim=3, **QUICK).fit(X, y)
    lima = pd.DataFrame({"city": ["Lima"], "rooms": [2], "kind": ["flat"]})
    np.testing.assert_array_equal(
        encoder.transform(lima)[0, :3], encoder.tables_["city"][0].astype(float)
    )


def test_missing_has_its_own_row(rents):
    X, y = rents
    X.loc[::3, "city"] = None
    y = y.where(X["city"].notna(), 9000.0)
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    effects = encoder.tables_["city"][:, 0]
    assert effects[1] > effects[3:].max()
    assert effects[1] != effects[0]


def test_missing_is_the_prior_row_if_fit_saw_none(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, y)
    np.testing.assert_array_equal(encoder.tables_["city"][1], encoder.tables_["city"][0])
    assert np.isfinite(encoder.transform(X.assign(city=None))).all()


def test_infrequent_levels_share_a_row(rents):
    X, y = rents
    X.loc[[0, 1], "city"] = ["Riga", "Lima"]
    encoder = NeuralEmbeddingEncoder(min_frequency=10, embedding_dim=3, **QUICK).fit(X, y)
    assert encoder.vocabularies_["city"].levels == ["Bern", "Kyiv", "Oslo", "Rome"]
    out = encoder.transform(X.head(3))
    np.testing.assert_array_equal(out[0, :3], out[1, :3])
    np.testing.assert_array_equal(out[0, :3], encoder.tables_["city"][2].astype(float))


@pytest.mark.filterwarnings("ignore:.* rows are copies of a row")
@pytest.mark.filterwarnings("ignore:.* levels that fit did not see")
def test_unseen_row_is_trained():
    """On levels held out of fit it beats random rows and a row of zeros (log-loss, six seeds)."""
    losses = {"trained": [], "zero": [], "random": []}
    for seed in range(6):
        rng = np.random.default_rng(seed)
        store, item = rng.integers(0, 200, 6000), rng.integers(0, 20, 6000)
        of_store = np.where(rng.random(200) < 0.2, -4.0, 1.0)  # so that zero is far from the most
        effect = of_store[store] + rng.normal(0.0, 1.0, 20)[item]
        y = (rng.random(6000) < 1 / (1 + np.exp(-effect))).astype(int)
        X = pd.DataFrame({"store": store.astype(str), "item": item.astype(str)})
        new = store >= 160
        encoder = NeuralEmbeddingEncoder(random_state=seed)
        model = LogisticRegression().fit(encoder.fit_transform(X[~new], y[~new]), y[~new])
        table = encoder.tables_["store"]
        trained, spread = table[0].copy(), table[3:].std(axis=0)
        for name, rows in {
            "trained": [trained],
            "zero": [np.zeros_like(trained)],
            "random": spread * rng.normal(size=(10, len(trained))),
        }.items():
            of_rows = []
            for row in rows:
                table[0] = row
                scores = model.predict_proba(encoder.transform(X[new]))[:, 1]
                of_rows.append(log_loss(y[new], scores))
            losses[name].append(np.mean(of_rows))
    assert np.mean(losses["trained"]) < np.mean(losses["zero"])
    assert np.mean(losses["trained"]) < np.mean(losses["random"])


# Sample weights and groups


def test_sample_weight_zero_counts_as_absent(rents):
    X, y = rents
    weight = np.ones(400)
    weight[X["city"] == "Oslo"] = 0
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, y, sample_weight=weight)
    assert encoder.vocabularies_["city"].levels == ["Bern", "Kyiv", "Rome"]
    wild = y.where(weight > 0, 1e9)
    same = NeuralEmbeddingEncoder(**QUICK).fit(X, wild, sample_weight=weight)
    np.testing.assert_array_equal(encoder.tables_["city"], same.tables_["city"])


@pytest.mark.parametrize("crosses", ["auto", None])
@pytest.mark.parametrize("as_classes", [False, True])
def test_sample_weight_zero_leaves_no_trace(rents, crosses, as_classes):
    """With the default settings, to the bit; what they hold does not matter."""
    X, y = rents
    y = (y > y.median()) if as_classes else y
    used = np.random.default_rng(0).random(400) < 0.8
    X = X.assign(rooms=X["rooms"].where(used), city=X["city"].where(used, "Lima"))
    encoder = NeuralEmbeddingEncoder(crosses=crosses, max_epochs=5, random_state=0)
    alone = encoder.fit_transform(X[used], y[used])
    tables = encoder.tables_
    with_others = encoder.fit_transform(X, y, sample_weight=used.astype(float))
    np.testing.assert_array_equal(with_others[used], alone)
    assert tables.keys() == encoder.tables_.keys()
    for name, table in tables.items():
        np.testing.assert_array_equal(encoder.tables_[name], table)


def test_sample_weight_equals_repeated_rows(rents):
    """All rows in each batch, and nothing drawn. What the folds agree to is counted by weight.

    Sums of other length are rounded otherwise, and ten epochs make more of it.
    """
    X, y = (part.head(120) for part in rents)
    weight = np.random.default_rng(0).integers(1, 9, 120)
    fold = np.arange(120) % 3
    features = []
    for times, more in ((np.ones(120, dtype=int), weight.astype(float)), (weight, None)):
        of_row = fold.repeat(times)
        encoder = NeuralEmbeddingEncoder(
            cv=[(np.flatnonzero(of_row != k), np.flatnonzero(of_row == k)) for k in range(3)],
            unseen_rate=0.0,
            batch_size=10_000,
            early_stopping=False,
            crosses=None,
            max_epochs=10,
            random_state=0,
        )
        encoder.fit(X.iloc[np.arange(120).repeat(times)], y.repeat(times), sample_weight=more)
        features.append(encoder.transform(X))
    np.testing.assert_allclose(*features, atol=1e-3)


def test_sample_weight_decides_between_halves(rents):
    """Two halves that disagree: the heavier one decides the sign of the own effect."""
    X, _ = rents
    X = X.assign(rooms=1)
    first = np.arange(400) < 200
    y = np.where((X["city"] == "Oslo") == first, 1.0, -1.0)
    effects = []
    for weight in (np.where(first, 9.0, 1.0), np.where(first, 1.0, 9.0)):
        encoder = NeuralEmbeddingEncoder(random_state=0, embedding_dim=1)
        encoder.fit(X, y, sample_weight=weight)
        table = encoder.tables_["city"][:, 0]
        effects.append(table[5] - table[3])
    assert effects[0] > 0 > effects[1]


def test_groups_reach_the_splitter(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(cv=GroupKFold(4), embedding_dim=3, random_state=0)
    features = encoder.fit_transform(X, y, groups=X["city"])
    # Each city is a fold, and its own fold's table knows nothing of it but the prior row.
    np.testing.assert_array_equal(
        features[:, :3], np.tile(encoder.tables_["city"][0].astype(float), (400, 1))
    )


@pytest.mark.parametrize("container", [pd.DataFrame, pl.DataFrame, pa.table])
@pytest.mark.parametrize("estimator", [NeuralEmbeddingEncoder, NeuralEmbeddingRegressor])
def test_groups_and_weights_may_be_frames_of_one_column(rents, estimator, container):
    X, y = rents
    group, weight = np.arange(400) % 8, np.arange(400) % 3 + 1.0
    model = estimator(cv=GroupKFold(4), crosses=None, max_epochs=2, random_state=0)
    tables = model.fit(X, y, sample_weight=weight, groups=group).tables_
    frames = container({"weight": weight}), container({"group": group})
    for name, table in model.fit(X, y, *frames).tables_.items():
        np.testing.assert_array_equal(table, tables[name])


def test_groups_of_two_columns_are_an_error(rents):
    X, y = rents
    with pytest.raises(ValueError, match=r"groups must be one column.*\(400, 2\)"):
        NeuralEmbeddingEncoder(cv=GroupKFold(4)).fit(X, y, groups=X[["city", "kind"]])


def test_metadata_routing_in_a_pipeline(rents):
    X, y = rents
    with sklearn.config_context(enable_metadata_routing=True):
        encoder = NeuralEmbeddingEncoder(cv=GroupKFold(4), random_state=0)
        encoder.set_fit_request(sample_weight=True)
        model = make_pipeline(encoder, Ridge().set_fit_request(sample_weight=False))
        model.fit(X, y, groups=X["city"], sample_weight=np.ones(400))
        assert model.predict(X).shape == (400,)


# With scikit-learn


def test_column_transformer_takes_the_encoder(adult):
    X_train, X_test, y_train, _ = adult
    transformer = make_column_transformer(
        (NeuralEmbeddingEncoder(**QUICK), make_column_selector(dtype_exclude="number")),
        (StandardScaler(), make_column_selector(dtype_include="number")),
        verbose_feature_names_out=False,
    )
    model = make_pipeline(transformer, LogisticRegression()).fit(X_train, y_train)
    assert model.predict(X_test).shape == (1000,)
    assert "occupation_0" in transformer.fit(X_train, y_train).get_feature_names_out()


@pytest.mark.parametrize(
    "spec",
    [["kind", "city"], [0, 2], [True, False, True], make_column_selector(dtype_exclude="number")],
)
def test_categorical_features_take_names_masks_and_selectors(rents, spec):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(categorical_features=spec, **QUICK).fit(X, y)
    assert list(encoder.tables_) == ["city", "kind"]


def test_categorical_features_may_name_integers(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(categorical_features=["city", "rooms", "kind"], **QUICK)
    encoder.fit(X, y)
    assert encoder.vocabularies_["rooms"].levels == [1, 2, 3, 4, 5]


def test_categorical_features_of_an_array_of_objects_are_those_of_the_frame(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**QUICK)
    with pytest.warns(UserWarning, match=r"X is an array.*whole numbers in \['x1'\] may be ids"):
        features = encoder.fit_transform(X.to_numpy(), y)
    assert list(encoder.tables_) == ["x0", "x2"]
    assert encoder.get_feature_names_out()[0] == "x0_0"
    np.testing.assert_array_equal(features, NeuralEmbeddingEncoder(**QUICK).fit_transform(X, y))


def test_names_of_two_levels_are_those_of_an_array(rents):
    X, y = rents
    expected = NeuralEmbeddingEncoder(**QUICK).fit_transform(X, y)
    X = X.set_axis(pd.MultiIndex.from_tuples([("a", "b"), ("a", "c"), ("b", "c")]), axis=1)
    encoder = NeuralEmbeddingEncoder(categorical_features=[("a", "b"), ("b", "c")], **QUICK)
    np.testing.assert_array_equal(encoder.fit_transform(X, y), expected)
    assert encoder.get_feature_names_out().tolist() == ["x0_0", "x1", "x2_0"]


def test_grid_search_in_two_processes_gives_the_same(rents):
    X, y = rents
    model = make_pipeline(NeuralEmbeddingEncoder(**QUICK), Ridge())
    grid = {"neuralembeddingencoder__embedding_dim": [1, 3]}
    alone = GridSearchCV(model, grid, cv=KFold(2)).fit(X, y)
    together = GridSearchCV(model, grid, cv=KFold(2), n_jobs=2).fit(X, y)
    for split in ("split0_test_score", "split1_test_score"):
        np.testing.assert_array_equal(alone.cv_results_[split], together.cv_results_[split])


def test_clone_forgets_what_was_fitted(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(embedding_dim={"city": 2}, **QUICK).fit(X, y)
    copy = clone(encoder)
    assert copy.get_params() == encoder.get_params()
    assert not hasattr(copy, "tables_")


def test_html_repr_shows_class_and_attributes(rents):
    X, y = rents
    html = NeuralEmbeddingEncoder(**QUICK).fit(X, y)._repr_html_()
    assert "NeuralEmbeddingEncoder" in html
    assert "tables_" in html


# Saving, other processes, the same bits


def test_copy_shares_the_tables(rents):
    encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0).fit(*rents)
    assert copy.copy(encoder).tables_ is encoder.tables_


@pytest.mark.parametrize("library", ["pickle", "joblib"])
def test_pickle_and_joblib_give_the_same_features(rents, tmp_path, library):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, y)
    if library == "pickle":
        loaded = pickle.loads(pickle.dumps(encoder))
    else:
        joblib.dump(encoder, tmp_path / "encoder.joblib")
        loaded = joblib.load(tmp_path / "encoder.joblib")
    np.testing.assert_array_equal(loaded.transform(X.head(9)), encoder.transform(X.head(9)))


def test_pickle_keeps_no_training_row(rents):
    X, y = rents
    small = NeuralEmbeddingEncoder(**QUICK).fit(X, y)
    large = NeuralEmbeddingEncoder(**QUICK).fit(pd.concat([X] * 20), pd.concat([y] * 20))
    assert abs(len(pickle.dumps(large)) - len(pickle.dumps(small))) < 100


FIT = """
import sys, joblib
from skembed import NeuralEmbeddingEncoder
X, y = joblib.load(sys.argv[1])
features = NeuralEmbeddingEncoder(max_epochs=3, random_state=0).fit_transform(X, y)
joblib.dump(features, sys.argv[2])
"""


@pytest.mark.parametrize("threads", ["1", "2"])
def test_same_bits_in_another_process(adult, tmp_path, threads, monkeypatch):
    X, _, y, _ = adult
    here = NeuralEmbeddingEncoder(**BY_DEFAULT).fit_transform(X, y)
    joblib.dump((X, y), tmp_path / "rows")
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    subprocess.run(
        [sys.executable, "-c", FIT, tmp_path / "rows", tmp_path / "features"], check=True
    )
    np.testing.assert_array_equal(joblib.load(tmp_path / "features"), here)


def test_same_bits_with_another_number_of_joblib_workers(adult):
    X, _, y, _ = adult
    here = NeuralEmbeddingEncoder(**BY_DEFAULT).fit_transform(X, y)
    with joblib.parallel_config(n_jobs=2):
        there = NeuralEmbeddingEncoder(**BY_DEFAULT).fit_transform(X, y)
    np.testing.assert_array_equal(there, here)
    for features in joblib.Parallel(n_jobs=2)(
        joblib.delayed(NeuralEmbeddingEncoder(**BY_DEFAULT).fit_transform)(X, y) for _ in range(2)
    ):
        np.testing.assert_array_equal(features, here)


def test_seed_changes_the_tables(rents):
    X, y = rents
    first = NeuralEmbeddingEncoder(max_epochs=3, random_state=0).fit(X, y)
    second = NeuralEmbeddingEncoder(max_epochs=3, random_state=1).fit(X, y)
    assert not np.array_equal(first.tables_["city"], second.tables_["city"])


def global_state():
    """What a library must leave as it was."""
    import torch

    return {
        "numpy's generator": np.random.get_state()[1].tolist(),
        "numpy's errors": np.geterr(),
        "numpy's printing": np.get_printoptions(),
        "Python's generator": random.getstate(),
        "torch's generator": torch.get_rng_state().tolist(),
        "torch's threads": torch.get_num_threads(),
        "torch's type": torch.get_default_dtype(),
        "torch's determinism": torch.are_deterministic_algorithms_enabled(),
        "torch's gradients": torch.is_grad_enabled(),
        "BLAS threads": [pool["num_threads"] for pool in threadpool_info()],
        "warnings": list(warnings.filters),
        "pandas' options": pd.options.mode.string_storage,
        "environment": dict(os.environ),
        "Ctrl-C": signal.getsignal(signal.SIGINT),
        "SIGTERM": signal.getsignal(signal.SIGTERM),
        "folder": os.getcwd(),
        "locale": locale.setlocale(locale.LC_ALL),
    }


def test_global_state_is_not_touched(rents, tmp_path):
    X, y = rents
    NeuralEmbeddingEncoder(**QUICK).fit(X, y)  # imports all that is needed
    np.random.seed(0)
    random.seed(0)
    before = global_state()
    encoder = NeuralEmbeddingEncoder(**QUICK, dropout=0.1).fit(X, y)
    encoder.transform(X.head(9))
    encoder.save(tmp_path / "e.skembed")
    NeuralEmbeddingEncoder.load(tmp_path / "e.skembed").transform(X)
    with pytest.raises(ValueError, match="y contains NaN"):
        encoder.fit(X, y.where(y.index != 4))
    assert global_state() == before


def test_leak_warning_of_transform_on_the_rows_of_fit(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X, y)
    with pytest.warns(UserWarning, match="use fit_transform"):
        encoder.transform(X)


def test_leak_warning_is_absent_after_fit_transform(rents):
    """A pipeline was trained by fit_transform: predicting its training rows is no mistake."""
    X, y = rents
    model = make_pipeline(NeuralEmbeddingEncoder(**QUICK), Ridge()).fit(X, y)
    assert r2_score(y, model.predict(X)) > 0  # a warning would be an error here


def test_cv_none_trains_one_table(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(cv=None, max_epochs=3, random_state=0)
    np.testing.assert_array_equal(encoder.fit_transform(X, y), encoder.fit(X, y).transform(X))
    assert encoder.best_epoch_ == 3


def test_interaction_dot_vectors_are_features(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(interaction="dot", random_state=0)
    model = make_pipeline(encoder, Ridge())
    assert cross_val_score(model, X, y).mean() > 0.8


@pytest.mark.parametrize("loss", ["absolute_error", "poisson"])
def test_loss_may_be_absolute_error_or_poisson(rents, loss):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(loss=loss, random_state=0)
    assert cross_val_score(make_pipeline(encoder, Ridge()), X, y).mean() > 0.8


def test_target_of_several_columns_is_learned(rents):
    X, y = rents
    both = np.column_stack([y, X["rooms"] * 1.0])
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, both)
    assert encoder.target_type_ == "multioutput"
    labels = both > np.median(both, axis=0)
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, labels)
    assert encoder.target_type_ == "multilabel"
