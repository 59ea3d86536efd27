import numpy as np
import pytest
from scipy.sparse import issparse

from skembed._cli import rivals
from skembed.sizing import auto_dim


def test_rivals_random_vectors_have_the_trained_lengths(adult):
    X_train, _, y_train, _ = adult
    random = rivals.RandomVectors(random_state=0)
    features = random.fit_transform(X_train, y_train)
    levels = X_train.select_dtypes(exclude="number").nunique()
    assert features.shape[1] == sum(map(auto_dim, levels)) + X_train.shape[1] - len(levels)
    np.testing.assert_array_equal(features, random.transform(X_train))


@pytest.mark.parametrize("sparse", [False, True])
def test_rivals_one_hot_is_sparse_where_asked(adult, sparse):
    X_train, _, y_train, _ = adult
    one_hot = rivals.encoders(sparse=sparse)["one-hot"].fit_transform(X_train, y_train)
    assert issparse(one_hot) is sparse


def test_rivals_target_encoder_takes_whole_prices_as_quantity(rents):
    X, y = rents
    encoder = rivals.encoders(of_classes=False)["TargetEncoder"]
    assert encoder.fit_transform(X, y.round()).shape == X.shape
