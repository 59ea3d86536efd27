"""Levels as points."""

import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed.inspection._maps import column_map, mean_targets, principal_components


def test_map_components_are_centred_and_uncorrelated():
    rng = np.random.default_rng(0)
    table, rows = rng.normal(size=(50, 4)) @ rng.normal(size=(4, 4)), rng.integers(0, 90, 50)
    coordinates, shares = principal_components(table, rows)
    assert coordinates.shape == (50, 3)
    np.testing.assert_allclose(rows @ coordinates, 0, atol=1e-9)
    covariance = coordinates.T @ (coordinates * rows[:, None]) / rows.sum()
    np.testing.assert_allclose(covariance, np.diag(np.diag(covariance)), atol=1e-9)
    np.testing.assert_allclose(
        shares, np.diag(covariance) / np.cov(table.T, fweights=rows, bias=True).trace()
    )


@pytest.mark.parametrize("seed", range(8))
def test_map_component_sign_follows_its_main_part(seed):
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(50, 3)) * [3, 2, 1]
    coordinates, _ = principal_components(table, np.ones(50))
    assert (np.diag(np.corrcoef(table.T, coordinates.T)[:3, 3:]) > 0).all()


def test_map_of_equal_vectors_is_one_point():
    coordinates, shares = principal_components(np.ones((5, 2)), np.arange(5))
    assert not coordinates.any()
    assert not shares.any()


def test_map_is_the_same_by_two_seeds(adult):
    X, _, y, _ = adult
    first, second = (
        column_map(NeuralEmbeddingEncoder(crosses=None, random_state=seed).fit(X, y), "occupation")
        for seed in (0, 1)
    )
    assert np.corrcoef(first.coordinates[:, 0], second.coordinates[:, 0])[0, 1] > 0.95


def test_map_second_component_is_the_same_by_two_seeds():
    rng = np.random.default_rng(0)
    city = rng.integers(0, 12, 2000)
    # Two outputs of one kind and one of another: equal strengths would leave the axes open.
    y = rng.normal(size=(12, 2))[:, [0, 0, 1]][city] + rng.normal(0, 0.1, (2000, 3))
    X = pd.DataFrame({"city": city.astype(str)})
    first, second = (
        column_map(NeuralEmbeddingEncoder(embedding_dim=2, random_state=seed).fit(X, y), "city")
        for seed in (0, 1)
    )
    for k in (0, 1):
        assert np.corrcoef(first.coordinates[:, k], second.coordinates[:, k])[0, 1] > 0.95


def test_map_levels_are_ordered_by_rows_with_the_prior_last(adult):
    X, _, y, _ = adult
    shown = column_map(NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y), "workclass")
    counted = X["workclass"].value_counts()
    assert shown.labels == [*counted.index, "unseen", "missing"]
    assert shown.rows.tolist() == [*counted, 0, X["workclass"].isna().sum()]


def test_map_most_keeps_the_levels_of_most_rows(adult):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y)
    shown = column_map(encoder, "workclass", most=2)
    assert shown.labels == [*X["workclass"].value_counts().index[:2], "unseen", "missing"]


def test_map_crosses_are_named_by_their_parts(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=[("city", "rooms")], random_state=0).fit(X, y)
    shown = column_map(encoder, "city x rooms")
    assert {"Bern x ≤ 1.5", "Bern x (1.5, 2.5]", "Bern x > 4.5"} <= {*shown.labels}


def test_map_undertrained_levels_are_rare_and_near_the_prior():
    X = pd.DataFrame({"city": ["Bern", "Rome"] * 300 + ["Lima", "Oslo"]})
    y = [1.0, -1.0] * 300 + [0.0, 30.0]
    shown = column_map(NeuralEmbeddingEncoder(random_state=0).fit(X, y), "city")
    assert "Lima" in [shown.labels[i] for i in shown.undertrained()]
    assert "Bern" not in [shown.labels[i] for i in shown.undertrained()]


def test_mean_targets_are_those_of_the_rows(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=[("city", "kind")], random_state=0).fit(X, y)
    means = mean_targets(encoder, X, y)
    by_city = y.groupby(X["city"]).mean()
    np.testing.assert_allclose(means["city"][3:], by_city)
    assert np.isnan(means["city"][:3]).all()
    np.testing.assert_allclose(means["city x kind"][3:], y.groupby([X["city"], X["kind"]]).mean())


def test_mean_targets_of_two_classes(adult):
    X, _, y, _ = adult
    named = y.map({0: "poor", 1: "rich"})
    encoder = NeuralEmbeddingEncoder(crosses=None, max_epochs=1, random_state=0).fit(X, named)
    means = mean_targets(encoder, X, named)["sex"]
    np.testing.assert_allclose(means[3:], y.groupby(X["sex"]).mean())


@pytest.mark.parametrize(
    ("target", "told"),
    [
        (["a", "b", "c"] * 40, "one quantity or two classes"),
        ([0, 1] * 59, "X has 120 rows, but y has 118"),
    ],
)
def test_mean_targets_of_other_targets_are_refused(target, told):
    X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
    y = target if len(target) == 120 else [0, 1] * 60
    encoder = NeuralEmbeddingEncoder(max_epochs=1, cv=None, random_state=0).fit(X, y)
    with pytest.raises(ValueError, match=told):
        mean_targets(encoder, X, target)


def test_mean_targets_of_unknown_classes_are_refused():
    X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
    encoder = NeuralEmbeddingEncoder(max_epochs=1, cv=None, random_state=0).fit(X, [0, 1] * 60)
    with pytest.raises(ValueError, match=r"y holds 2, but the classes of fit are \[0, 1\]"):
        mean_targets(encoder, X, [0, 2] * 60)
