"""Neural entity embeddings as features for scikit-learn.

`NeuralEmbeddingEncoder` learns a vector for every level of every categorical column from the
target, and hands the vectors to any estimator; `NeuralEmbeddingClassifier` and
`NeuralEmbeddingRegressor` are the same net as predictors.
"""

from skembed.classifier import NeuralEmbeddingClassifier
from skembed.encoder import NeuralEmbeddingEncoder
from skembed.regressor import NeuralEmbeddingRegressor

__all__ = [
    "NeuralEmbeddingClassifier",
    "NeuralEmbeddingEncoder",
    "NeuralEmbeddingRegressor",
    "__version__",
]
__version__ = "0.1.0"
