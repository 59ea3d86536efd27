import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import mean_absolute_error, mean_poisson_deviance, r2_score
from sklearn.model_selection import cross_val_score

from skembed import NeuralEmbeddingRegressor


@pytest.fixture(scope="module")
def visits():
    """Counts of visits, whose rate a town multiplies."""
    rng = np.random.default_rng(0)
    rates = {"Bern": 0.5, "Oslo": 2.0, "Rome": 8.0, "Kyiv": 4.0}
    X = pd.DataFrame({"town": rng.choice(list(rates), 2000), "day": rng.choice(["a", "b"], 2000)})
    rate = X["town"].map(rates) * X["day"].map({"a": 1.0, "b": 1.5})
    return X, rng.poisson(rate), rate


def test_regressor_predicts_quantities_in_their_units(rents):
    X, y = rents
    assert cross_val_score(NeuralEmbeddingRegressor(random_state=0), X, y).mean() > 0.9


def test_regressor_takes_integers_as_quantities(rents):
    X, y = rents
    model = NeuralEmbeddingRegressor(random_state=0).fit(X, y.round().astype(int))
    assert model.target_type_ == "continuous"


def test_regressor_predicts_several_quantities(rents):
    X, y = rents
    both = np.column_stack([y, -y / 1e6 + X["rooms"]])
    model = NeuralEmbeddingRegressor(random_state=0).fit(X, both)
    assert model.target_type_ == "multioutput"
    assert r2_score(both, model.predict(X), multioutput="raw_values").min() > 0.9


def test_regressor_poisson_predicts_counts(visits):
    X, y, rate = visits
    model = NeuralEmbeddingRegressor(loss="poisson", random_state=0).fit(X, y)
    predicted = model.predict(X)
    assert predicted.min() > 0
    constant = mean_poisson_deviance(rate, np.full(len(y), y.mean()))
    assert mean_poisson_deviance(rate, predicted) < 0.02 * constant


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_regressor_quantile_has_its_share_of_rows_below(visits, quantile):
    X, _, rate = visits
    y = rate + np.random.default_rng(0).normal(0, rate)
    model = NeuralEmbeddingRegressor(loss="quantile", quantile=quantile, random_state=0).fit(X, y)
    assert (y < model.predict(X)).mean() == pytest.approx(quantile, abs=0.04)


@pytest.mark.filterwarnings("ignore:The net found nothing")  # so the squared error finds
def test_regressor_median_is_not_moved_by_outliers(rents):
    X, y = rents
    wild = y.mask(np.arange(400) % 10 == 0, 1e5)
    errors = {}
    for loss in ("squared_error", "absolute_error"):
        model = NeuralEmbeddingRegressor(loss=loss, crosses=None, random_state=0).fit(X, wild)
        errors[loss] = mean_absolute_error(y, model.predict(X))
    assert errors["absolute_error"] < 0.1 * errors["squared_error"]


def test_regressor_y_range_bounds_predictions(visits):
    X, _, rate = visits
    model = NeuralEmbeddingRegressor(y_range=(0.4, 12.5), random_state=0).fit(X, rate)
    predicted = model.predict(X)
    assert (predicted.min() > 0.4) & (predicted.max() < 12.5)
    assert r2_score(rate, predicted) > 0.95


def test_regressor_bad_loss_parameters_are_named(visits):
    X, y, _ = visits
    with pytest.raises(ValueError, match="'loss' parameter"):
        NeuralEmbeddingRegressor(loss="hinge").fit(X, y)
    with pytest.raises(ValueError, match=r"y_range=\(0, 3\), but y holds"):
        NeuralEmbeddingRegressor(y_range=(0, 3)).fit(X, y)


@pytest.fixture(scope="module")
def ratings():
    """Ratings by taste: what a person likes is told by person and film together."""
    rng = np.random.default_rng(0)
    taste, style = rng.normal(size=(60, 2)), rng.normal(size=(40, 2))
    kindness, quality = rng.normal(0, 0.5, 60), rng.normal(0, 0.5, 40)
    person, film = rng.integers(0, 60, 6000), rng.integers(0, 40, 6000)
    y = 3 + kindness[person] + quality[film] + (taste[person] * style[film]).sum(axis=1) / 2
    X = pd.DataFrame({"person": person.astype(str), "film": film.astype(str)})
    return X, (y + rng.normal(0, 0.2, 6000)).clip(0.5, 5.5), quality


def test_regressor_dot_finds_tastes(ratings):
    X, y, _ = ratings
    model = NeuralEmbeddingRegressor(interaction="dot", embedding_dim=5, y_range=(0.5, 5.5))
    assert cross_val_score(model.set_params(random_state=0), X, y, cv=3).mean() > 0.8


def test_regressor_dot_biases_by_level(ratings):
    """The bias of a film is how good it is beside who rated it."""
    X, y, quality = ratings
    model = NeuralEmbeddingRegressor(interaction="dot", random_state=0).fit(X, y)
    biases = model.biases("film")
    assert np.corrcoef(biases, quality[biases.index.astype(int)])[0, 1] > 0.9
    assert biases.std() == pytest.approx(quality.std(), rel=0.25)


def test_regressor_dot_beside_numbers(ratings):
    X, y, _ = ratings
    hour = np.random.default_rng(1).normal(size=len(y))
    model = NeuralEmbeddingRegressor(interaction="dot", embedding_dim=5, random_state=0)
    model.fit(X.assign(hour=hour), y + hour)
    moved = model.predict(X.assign(hour=1.0)) - model.predict(X.assign(hour=0.0))
    assert moved.mean() == pytest.approx(1, abs=0.2)


def test_regressor_dot_gives_one_number(rents):
    X, y = rents
    with pytest.raises(ValueError, match="multioutput with 2"):
        NeuralEmbeddingRegressor(interaction="dot").fit(X, np.column_stack([y, y]))


# Numbers at the ends


@pytest.mark.parametrize("scale", [1e-300, 1e-12, 1e12, 1e300])
def test_regressor_ignores_the_unit_of_the_target(rents, scale):
    X, y = rents
    settings = {"max_epochs": 3, "crosses": None, "random_state": 0}
    plain = NeuralEmbeddingRegressor(**settings).fit(X, y).predict(X)
    scaled = NeuralEmbeddingRegressor(**settings).fit(X, y * scale).predict(X)
    np.testing.assert_allclose(scaled / scale, plain, rtol=1e-4)


@pytest.mark.filterwarnings("ignore:The net found nothing")
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
@pytest.mark.parametrize("constant", [0.1, 0.0, 1e12])
def test_regressor_target_constant_but_for_one_row(rents, constant, loss):
    X, y = rents[0], np.full(400, constant)
    y[7] = 2 * constant + 1
    model = NeuralEmbeddingRegressor(loss=loss, max_epochs=3, random_state=0).fit(X, y)
    predicted = model.predict(X)
    assert np.isfinite(model.history_["out_of_fold_loss"]).all()
    assert (np.abs(predicted - constant) <= y[7] - constant).all()


@pytest.mark.filterwarnings("ignore:The net found nothing")
@pytest.mark.parametrize("constant", [0.1, -7.0, 1e12])
def test_regressor_predicts_a_constant_target(rents, constant):
    X = rents[0]
    model = NeuralEmbeddingRegressor(max_epochs=3, random_state=0).fit(X, np.full(400, constant))
    np.testing.assert_allclose(model.predict(X), constant, rtol=1e-12)
