import pickle
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import adjusted_rand_score, roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed.datasets import load_adult

QUICK = {"max_epochs": 3, "target_type": "none", "random_state": 0}


@pytest.fixture
def trips():
    """Trips in four groups: cities and foods of a group go together; and a number."""
    rng = np.random.default_rng(0)
    group = rng.integers(4, size=2000)
    X = pd.DataFrame(
        {
            "city": group + 4 * rng.integers(10, size=2000),
            "food": group + 4 * rng.integers(10, size=2000),
            "days": 10 * group + rng.normal(size=2000),
        }
    )
    return X.astype({"city": "str", "food": "str"}), group


@pytest.fixture(scope="module")
def by_features():
    """AUC on UCI Adult by kind of features, model and seed, after 200 labels."""
    X, X_test, y, y_test = load_adult()
    X, y, X_test, y_test = X.head(4000), y.head(4000), X_test.head(2000), y_test.head(2000)
    scores = {}
    for seed in range(3):
        encoder = NeuralEmbeddingEncoder(target_type="none", random_state=seed).fit(X)
        learned = encoder.tables_
        rng = np.random.default_rng(seed)
        drawn = {name: rng.normal(size=table.shape) for name, table in learned.items()}
        rows = rng.choice(len(X), 200, replace=False)
        for features, encoder.tables_ in {"learned": learned, "random": drawn}.items():
            for model in (KNeighborsClassifier(20), LogisticRegression(max_iter=500)):
                fitted = make_pipeline(StandardScaler(), model)
                fitted.fit(encoder.transform(X.iloc[rows]), y.iloc[rows])
                score = roc_auc_score(y_test, fitted.predict_proba(encoder.transform(X_test))[:, 1])
                scores.setdefault((features, type(model)), []).append(score)
    return scores


@pytest.mark.parametrize("model", [KNeighborsClassifier, LogisticRegression])
def test_without_target_vectors_beat_random_ones(by_features, model):
    assert np.mean(by_features["learned", model]) > np.mean(by_features["random", model]) + 0.005


def test_without_target_transform_equals_fit_transform(trips):
    X, _ = trips
    features = NeuralEmbeddingEncoder(**QUICK).fit_transform(X)
    np.testing.assert_array_equal(NeuralEmbeddingEncoder(**QUICK).fit(X).transform(X), features)


def test_without_target_fitted_attributes(trips):
    X, _ = trips
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X)
    assert encoder.target_type_ == "none"
    assert encoder.classes_ is None
    assert encoder.crosses_ == encoder.bins_ == {}
    assert set(encoder.history_) == {"loss", "seconds"}
    assert encoder.n_iter_ == encoder.best_epoch_ == len(encoder.history_["loss"]) == 3


def test_without_target_clusters_in_a_pipeline(trips):
    X, group = trips
    model = make_pipeline(
        NeuralEmbeddingEncoder(remainder="drop", target_type="none", random_state=0),
        StandardScaler(),
        KMeans(4, n_init=10, random_state=0),
    )
    assert adjusted_rand_score(group, model.fit(X).predict(X)) > 0.9


@pytest.mark.parametrize("method", ["fit", "fit_transform"])
def test_without_target_a_forgotten_y_is_said_once(trips, method):
    encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0)
    message = r"fit was given no y.* target_type='none' ends this warning"
    with pytest.warns(UserWarning, match=message) as said:
        getattr(encoder, method)(trips[0])
    assert len(said) == 1


def test_without_target_in_a_pipeline_that_has_one(trips):
    X, group = trips
    model = make_pipeline(NeuralEmbeddingEncoder(**QUICK), KNeighborsClassifier()).fit(X, group)
    alone = NeuralEmbeddingEncoder(**QUICK).fit(X)
    assert model[0].target_type_ == "none"
    np.testing.assert_array_equal(model[0].tables_["city"], alone.tables_["city"])


def test_without_target_files_are_an_error(trips, tmp_path):
    trips[0].to_parquet(tmp_path / "trips.parquet")
    with pytest.raises(ValueError, match="target_type='none' learns without a target, and fit_par"):
        NeuralEmbeddingEncoder(**QUICK).fit_parquet(tmp_path / "trips.parquet", "days")


def test_without_target_two_columns_are_enough(trips):
    X, _ = trips
    assert np.isfinite(NeuralEmbeddingEncoder(**QUICK).fit_transform(X[["city", "food"]])).all()
    assert np.isfinite(NeuralEmbeddingEncoder(**QUICK).fit_transform(X[["city", "days"]])).all()


@pytest.mark.parametrize(
    ("columns", "parameters"), [(["city"], {}), (["city", "days"], {"use_context": False})]
)
def test_without_target_one_column_is_an_error(trips, columns, parameters):
    encoder = NeuralEmbeddingEncoder(target_type="none", **parameters)
    with pytest.raises(ValueError, match=r"nothing beside \['city'\].*Give y, or more columns"):
        encoder.fit(trips[0][columns])
    assert not hasattr(encoder, "n_features_in_")


@pytest.mark.parametrize("parameters", [{"target_type": "binary"}, {"crosses": 2}])
def test_without_target_parameters_that_need_one_are_an_error(trips, parameters):
    with pytest.raises(ValueError, match=f"{next(iter(parameters))}=.* needs a target"):
        NeuralEmbeddingEncoder(**{"target_type": "none"} | parameters).fit(trips[0])


def test_without_target_predictors_are_an_error(trips):
    with pytest.raises(ValueError, match="requires y to be passed"):
        NeuralEmbeddingClassifier().fit(trips[0], None)


def test_without_target_given_lengths_are_kept(trips):
    X, _ = trips
    encoder = NeuralEmbeddingEncoder(embedding_dim={"city": 20}, **QUICK).fit(X)
    assert encoder.tables_["city"].shape == (3 + 40, 20)
    assert encoder.tables_["food"].shape[1] < 8


def test_without_target_axes_are_sorted_by_spread(trips):
    X, _ = trips
    city = NeuralEmbeddingEncoder(embedding_dim=4, **QUICK).fit_transform(X)[:, :4]
    np.testing.assert_allclose(city.mean(axis=0), 0, atol=1e-5)
    assert (np.diff(city.std(axis=0)) < 0).all()
    assert np.abs(np.corrcoef(city.T) - np.eye(4)).max() < 0.01


def test_without_target_missing_levels_have_companions(trips):
    X, group = trips
    X["city"] = X["city"].where(group > 0)
    table = (
        NeuralEmbeddingEncoder(embedding_dim=2, target_type="none", random_state=0)
        .fit(X)
        .tables_["city"]
    )
    others = table[3:]
    assert np.linalg.norm(table[1] - others, axis=1).min() > np.linalg.norm(table[1] - table[0]) / 2
    assert np.linalg.norm(table[1] - table[0]) > 0.5


def test_without_target_unseen_level_gets_the_prior_row(trips):
    X, _ = trips
    encoder = NeuralEmbeddingEncoder(embedding_dim=2, **QUICK).fit(X)
    out = encoder.transform(X.head(1).assign(city="Atlantis"))
    np.testing.assert_array_equal(out[0, :2], encoder.tables_["city"][0])


def test_without_target_numbers_may_be_missing(trips):
    X, _ = trips
    X.loc[::7, "days"] = np.nan
    features = NeuralEmbeddingEncoder(**QUICK).fit_transform(X)
    assert np.isfinite(features[:, :-1]).all()


def test_without_target_same_bits_from_the_same_seed(trips):
    X, _ = trips
    tables = [
        NeuralEmbeddingEncoder(embedding_dim=2, **{**QUICK, "random_state": seed}).fit(X).tables_
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(tables[0]["city"], tables[1]["city"])
    assert not np.array_equal(tables[0]["city"], tables[2]["city"])


def test_without_target_output_as_a_frame(trips):
    X, _ = trips
    frame = NeuralEmbeddingEncoder(**QUICK).set_output(transform="pandas").fit_transform(X)
    assert frame.columns[0] == "city_0"
    assert frame.columns[-1] == "days"


def test_without_target_pickle(trips):
    X, _ = trips
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X)
    loaded = pickle.loads(pickle.dumps(encoder))
    np.testing.assert_array_equal(loaded.transform(X), encoder.transform(X))


def test_without_target_failed_fit_leaves_the_former_state(trips):
    X, _ = trips
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(X)
    before = encoder.transform(X)
    with pytest.raises(ValueError, match="nothing beside"):
        encoder.fit(X[["city"]])
    np.testing.assert_array_equal(encoder.transform(X), before)


def test_without_target_verbose_prints_a_line_per_epoch(trips, capsys):
    NeuralEmbeddingEncoder(verbose=1, **QUICK).fit(trips[0])
    assert capsys.readouterr().out.count("loss") == 3


def test_without_target_without_torch_says_what_to_install(trips, monkeypatch):
    monkeypatch.delitem(sys.modules, "skembed._training.masked_loop", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'skembed\[torch\]'"):
        NeuralEmbeddingEncoder(target_type="none").fit(trips[0])
