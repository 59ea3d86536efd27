import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from skembed import NeuralEmbeddingClassifier


def test_binary_classes(adult):
    X_train, X_test, y_train, y_test = adult
    model = NeuralEmbeddingClassifier(random_state=0).fit(
        X_train, y_train.map({0: "<=50K", 1: ">50K"})
    )
    probabilities = model.predict_proba(X_test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert roc_auc_score(y_test, probabilities[:, 1]) > 0.88
    assert set(model.predict(X_test)) == {"<=50K", ">50K"}
    np.testing.assert_allclose(model.predict_log_proba(X_test), np.log(probabilities))


def test_many_classes(adult):
    X_train, X_test, _, _ = adult
    model = NeuralEmbeddingClassifier(random_state=0, max_epochs=10)
    model.fit(X_train.drop(columns="race"), X_train["race"])
    probabilities = model.predict_proba(X_test.drop(columns="race"))
    assert probabilities.shape == (1000, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(
        model.predict_log_proba(X_test.drop(columns="race")), np.log(probabilities), rtol=1e-6
    )


def test_continuous_classes_are_refused(rents):
    X, y = rents
    with pytest.raises(ValueError, match="Unknown label type"):
        NeuralEmbeddingClassifier().fit(X, y)


def labels_of(X):
    """Two labels that cities and kinds of flat have."""
    return np.column_stack([X["city"].isin(["Bern", "Oslo"]), X["kind"] == "house"]).astype(int)


def test_several_labels(rents):
    X, _ = rents
    labels = labels_of(X)
    model = NeuralEmbeddingClassifier(random_state=0).fit(X, labels)
    assert model.target_type_ == "multilabel"
    np.testing.assert_array_equal(model.predict(X), labels)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (400, 2)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities))


def test_labels_may_be_sparse(rents):
    X, _ = rents
    labels = labels_of(X)
    settings = {"max_epochs": 3, "random_state": 0}
    dense = NeuralEmbeddingClassifier(**settings).fit(X, labels)
    from_sparse = NeuralEmbeddingClassifier(**settings).fit(X, sparse.csr_matrix(labels))
    np.testing.assert_array_equal(dense.predict_proba(X), from_sparse.predict_proba(X))


def test_two_hundred_classes_have_no_order():
    """Classes that are neighbours as integers are not more alike than others."""
    rng = np.random.default_rng(0)
    town = rng.integers(0, 200, 20_000)
    X = pd.DataFrame({"town": town.astype(str), "size": rng.choice(["small", "large"], 20_000)})
    y = (town * 77) % 200
    model = NeuralEmbeddingClassifier(max_epochs=20, random_state=0).fit(X, y)
    assert model.target_type_ == "multiclass"
    assert (model.predict(X) == y).mean() > 0.9


def test_several_columns_of_classes_are_refused(rents):
    X, _ = rents
    with pytest.raises(ValueError, match="several columns of classes"):
        NeuralEmbeddingClassifier().fit(X, labels_of(X) + 1)
