"""Encoders to compare `NeuralEmbeddingEncoder` with."""

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from skembed._encoder import NeuralEmbeddingEncoder
from skembed.sizing import auto_dim


def encoders(seed=0, *, of_classes=True, sparse=False):
    """Make encoders by name, ours first.

    Parameters
    ----------
    seed : int
    of_classes : bool
        Whether the target holds classes, rather than a quantity.
    sparse : bool
        Whether one-hot columns are sparse, as many levels demand.

    Returns
    -------
    dict of str to transformer
    """
    labels = make_column_selector(dtype_exclude="number")

    def beside_numbers(encoder):
        return make_column_transformer(
            (encoder, labels), remainder="passthrough", sparse_threshold=float(sparse)
        )

    ordinal = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2
    )
    target_type = "auto" if of_classes else "continuous"  # it takes whole floats for classes
    folds = (StratifiedKFold if of_classes else KFold)(5, shuffle=True, random_state=seed)
    return {
        "skembed": NeuralEmbeddingEncoder(random_state=seed),
        "one-hot": beside_numbers(OneHotEncoder(handle_unknown="ignore", sparse_output=sparse)),
        "ordinal": beside_numbers(ordinal),
        "TargetEncoder": beside_numbers(TargetEncoder(target_type=target_type, cv=folds)),
        "random vectors": RandomVectors(random_state=seed),
    }


class RandomVectors(TransformerMixin, BaseEstimator):
    """Random vectors, as long as those that `NeuralEmbeddingEncoder` trains by default.

    The control: under trees they are a serious rival, because they keep levels apart and leak no
    target. An encoder that does not beat them has learned nothing. The encoder drops the axes that
    hold nothing; random vectors live on their width and keep it.
    """

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        """Draw a vector per level."""
        encoder = NeuralEmbeddingEncoder(
            embedding_dim=auto_dim, crosses=None, max_epochs=1, random_state=self.random_state
        )
        encoder.fit_transform(X, y)
        rng = np.random.default_rng(self.random_state)
        encoder.tables_ = {
            name: rng.normal(size=table.shape).astype(np.float32)
            for name, table in encoder.tables_.items()
        }
        self.encoder_ = encoder
        return self

    def transform(self, X):
        """Replace levels by their vectors."""
        return self.encoder_.transform(X)

    def get_feature_names_out(self, input_features=None):
        """Names as `NeuralEmbeddingEncoder` gives them."""
        return self.encoder_.get_feature_names_out(input_features)
