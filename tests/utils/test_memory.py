import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._utils import memory

QUICK = {"max_epochs": 1, "crosses": None, "random_state": 0}


@pytest.mark.parametrize("kind", [NeuralEmbeddingEncoder, NeuralEmbeddingRegressor])
def test_memory_tables_that_cannot_fit_are_refused(rents, kind):
    """5 folds, 7 codes, two copies of 4 bytes: 280 bytes for each number of a vector."""
    X, y = rents
    model = kind(embedding_dim={"city": 10**12}, **QUICK)
    with pytest.raises(MemoryError, match=r"'city' 7 codes by 1,000,000,000,000 numbers"):
        model.fit(X, y)
    with pytest.raises(MemoryError, match=r"would take 260,770\.\d GiB, but .* smaller embedding"):
        model.fit(X, y)
    assert not hasattr(model, "tables_")


def test_memory_tables_without_a_target_are_refused(rents):
    encoder = NeuralEmbeddingEncoder(embedding_dim=10**12, **QUICK)
    with pytest.raises(MemoryError, match="Training 1 tables of each column"):
        encoder.set_params(target_type="none").fit(rents[0])


def test_memory_output_that_cannot_fit_is_refused(rents, monkeypatch):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(embedding_dim=4, **QUICK).fit(X, y)
    monkeypatch.setattr(memory, "_memory", lambda: 2**20)
    rows = pd.concat([X] * 100)
    with pytest.raises(
        MemoryError, match=r"40,000 rows by 9 numbers would take 0.0 GiB.*score_file"
    ):
        encoder.transform(rows)
    assert encoder.transform(X.copy()).shape == (400, 9)


def test_memory_limit_of_a_container_counts(monkeypatch, tmp_path):
    installed = memory._memory.__wrapped__()
    monkeypatch.setattr(memory, "CGROUP", tmp_path / "memory.max")
    for text, expected in (("1048576\n", 2**20), ("max\n", installed)):
        memory.CGROUP.write_text(text)
        assert memory._memory.__wrapped__() == expected
    assert np.isfinite(installed)
