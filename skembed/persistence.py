"""What a saved file may hold, and the error of one that is damaged."""

from skembed.exceptions import InvalidFileError

__all__ = ["TRUSTED_TYPES", "InvalidFileError"]

# What a skops file of an encoder, a predictor or a pipeline with one holds beside scikit-learn's
# own: skops.io.load(path, trusted=TRUSTED_TYPES).
TRUSTED_TYPES = [
    "numpy.dtype",
    "skembed._columns.numeric.Bins",
    "skembed._classifier.NeuralEmbeddingClassifier",
    "skembed._columns.numeric.Context",
    "skembed._columns.crosses.Cross",
    "skembed._encoder.NeuralEmbeddingEncoder",
    "skembed._model.decoder.Dot",
    "skembed._model.decoder.MLP",
    "skembed._columns.output_layout.Layout",
    "skembed._columns.output_layout.Slot",
    "skembed._model.losses.CrossEntropy",
    "skembed._model.losses.LogLoss",
    "skembed._model.losses.PoissonLoss",
    "skembed._model.losses.QuantileLoss",
    "skembed._model.losses.SquaredLoss",
    "skembed._regressor.NeuralEmbeddingRegressor",
    "skembed._model.target.Target",
    "skembed._columns.vocabulary.Vocabulary",
]
