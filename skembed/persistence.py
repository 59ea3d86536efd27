"""What a file of skops has to be trusted with, and the error of a saved file that is damaged."""

from skembed.exceptions import InvalidFileError

__all__ = ["TRUSTED_TYPES", "InvalidFileError"]

# What a skops file of an encoder, a predictor or a pipeline with one holds beside scikit-learn's
# own: skops.io.load(path, trusted=TRUSTED_TYPES).
TRUSTED_TYPES = [
    "skembed.NeuralEmbeddingClassifier",
    "skembed.NeuralEmbeddingEncoder",
    "skembed.NeuralEmbeddingRegressor",
]
