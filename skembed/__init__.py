"""Neural entity embeddings as features for scikit-learn.

`NeuralEmbeddingEncoder` learns a vector for every level of every categorical column from the
target, and hands the vectors to any estimator.
"""

from skembed.encoder import NeuralEmbeddingEncoder

__all__ = ["NeuralEmbeddingEncoder", "__version__"]
__version__ = "0.1.0"
