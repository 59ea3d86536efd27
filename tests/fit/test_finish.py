import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder

N = 4000


@pytest.fixture(scope="module")
def species():
    """Six species: habitat splits them in two, and faintly moves one; ring is noise."""
    rng = np.random.default_rng(0)
    habitat, ring = rng.integers(0, 12, N), rng.integers(0, 12, N)
    logits = np.outer(2 * rng.normal(size=12), [1, 1, 1, -1, -1, -1])
    logits[:, 5] += 0.8 * rng.normal(size=12)
    y = (logits[habitat] + rng.gumbel(size=(N, 6))).argmax(axis=1).astype(str)
    return pd.DataFrame({"habitat": habitat.astype(str), "ring": ring.astype(str)}), y


def test_finish_keeps_what_one_class_needs_and_no_noise(species):
    X, y = species
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y)
    assert encoder.tables_["habitat"].shape[1] > 1
    assert encoder.tables_["ring"].shape[1] == 1


def test_finish_of_one_output_looks_at_strengths_alone(species, monkeypatch):
    X, y = species
    monkeypatch.setattr("skembed._fit.finish.add_read_axes", None)
    encoder = NeuralEmbeddingEncoder(crosses=None, max_epochs=3, random_state=0).fit(X, y == "5")
    assert set(encoder.tables_) == {"habitat", "ring"}


@pytest.mark.parametrize("kind", ["multilabel", "multioutput"])
def test_finish_of_several_targets_keeps_what_one_needs(species, kind):
    X, y = species
    several = np.column_stack([y < "3", y == "5"])
    several = several.astype(int if kind == "multilabel" else float)
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, several)
    assert encoder.target_type_ == kind
    assert encoder.tables_["habitat"].shape[1] > 1


def test_finish_frozen_vectors_are_read_as_they_were_given(species):
    X, y = species
    given = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 2)), list(map(str, range(12))))
    encoder = NeuralEmbeddingEncoder(
        pretrained={"habitat": given}, freeze_pretrained=True, crosses=None, max_epochs=2
    ).fit(X, y)
    read = encoder.embedding("habitat").loc[given.index].to_numpy()
    np.testing.assert_array_equal(read, given.to_numpy(dtype=np.float32))


def test_finish_table_to_read_is_that_of_features_before_rounding(species):
    X, y = species
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y == "5")
    for name, table in encoder.tables_.items():
        steps = np.diff(np.unique(table[:, 0]))
        trained = encoder.trained_tables_[name]
        assert trained.shape[1] == 4
        assert np.abs(trained[:, 0] - table[:, 0]).max() <= 0.51 * steps.min()
