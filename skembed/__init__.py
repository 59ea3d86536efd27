"""Neural entity embeddings as features for scikit-learn.

`NeuralEmbeddingEncoder` learns a vector for every level of every categorical column from the
target, and hands the vectors to any estimator; `NeuralEmbeddingClassifier` and
`NeuralEmbeddingRegressor` are the same net as predictors.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from skembed._classifier import NeuralEmbeddingClassifier
    from skembed._encoder import NeuralEmbeddingEncoder
    from skembed._regressor import NeuralEmbeddingRegressor

__all__ = [
    "NeuralEmbeddingClassifier",
    "NeuralEmbeddingEncoder",
    "NeuralEmbeddingRegressor",
    "__version__",
]
__version__ = "0.1.0"

_MODULES = {
    "NeuralEmbeddingClassifier": "skembed._classifier",
    "NeuralEmbeddingEncoder": "skembed._encoder",
    "NeuralEmbeddingRegressor": "skembed._regressor",
}


def __getattr__(name):
    # At first use, so that `skembed --help` does not wait for scikit-learn.
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_MODULES[name]), name)


def __dir__():
    return sorted([*globals(), *_MODULES])
