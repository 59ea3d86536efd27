import pytest

from skembed import NeuralEmbeddingEncoder

QUICK = {"max_epochs": 3, "random_state": 0}


@pytest.fixture
def fitted(rents):
    """Vectors long enough to tell four cities apart, and crosses of levels and of a number."""
    X, y = rents
    crosses = [("city", "kind"), ("city", "rooms")]
    return NeuralEmbeddingEncoder(embedding_dim=2, crosses=crosses, **QUICK).fit(X, y)
