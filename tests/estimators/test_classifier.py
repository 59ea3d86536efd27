import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.metrics import roc_auc_score

from skembed import NeuralEmbeddingClassifier


def test_classifier_binary_classes(adult):
    X_train, X_test, y_train, y_test = adult
    model = NeuralEmbeddingClassifier(random_state=0).fit(
        X_train, y_train.map({0: "<=50K", 1: ">50K"})
    )
    probabilities = model.predict_proba(X_test)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert roc_auc_score(y_test, probabilities[:, 1]) > 0.88
    assert set(model.predict(X_test)) == {"<=50K", ">50K"}
    np.testing.assert_allclose(model.predict_log_proba(X_test), np.log(probabilities))


def test_classifier_many_classes(adult):
    X_train, X_test, _, _ = adult
    model = NeuralEmbeddingClassifier(random_state=0, max_epochs=10)
    model.fit(X_train.drop(columns="race"), X_train["race"])
    probabilities = model.predict_proba(X_test.drop(columns="race"))
    assert probabilities.shape == (1000, 5)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    np.testing.assert_allclose(
        model.predict_log_proba(X_test.drop(columns="race")), np.log(probabilities), rtol=1e-6
    )


def test_classifier_refuses_continuous_classes(rents):
    X, y = rents
    with pytest.raises(ValueError, match="Unknown label type"):
        NeuralEmbeddingClassifier().fit(X, y)


def labels_of(X):
    """Two labels that cities and kinds of flat have."""
    return np.column_stack([X["city"].isin(["Bern", "Oslo"]), X["kind"] == "house"]).astype(int)


def test_classifier_several_labels(rents):
    X, _ = rents
    labels = labels_of(X)
    model = NeuralEmbeddingClassifier(random_state=0).fit(X, labels)
    assert model.target_type_ == "multilabel"
    np.testing.assert_array_equal(model.predict(X), labels)
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (400, 2)
    np.testing.assert_allclose(model.predict_log_proba(X), np.log(probabilities))


def test_classifier_labels_may_be_sparse(rents):
    X, _ = rents
    labels = labels_of(X)
    settings = {"max_epochs": 3, "random_state": 0}
    dense = NeuralEmbeddingClassifier(**settings).fit(X, labels)
    from_sparse = NeuralEmbeddingClassifier(**settings).fit(X, sparse.csr_matrix(labels))
    np.testing.assert_array_equal(dense.predict_proba(X), from_sparse.predict_proba(X))


def test_classifier_two_hundred_classes_have_no_order():
    """Classes that are neighbours as integers are not more alike than others."""
    rng = np.random.default_rng(0)
    town = rng.integers(0, 200, 20_000)
    X = pd.DataFrame({"town": town.astype(str), "size": rng.choice(["small", "large"], 20_000)})
    y = (town * 77) % 200
    model = NeuralEmbeddingClassifier(max_epochs=20, random_state=0).fit(X, y)
    assert model.target_type_ == "multiclass"
    assert (model.predict(X) == y).mean() > 0.9


def test_classifier_refuses_several_columns_of_classes(rents):
    X, _ = rents
    with pytest.raises(ValueError, match="several columns of classes"):
        NeuralEmbeddingClassifier().fit(X, labels_of(X) + 1)


# Few rows of a class


@pytest.mark.filterwarnings("ignore:The net found nothing")
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_classifier_classes_of_one_row_each(rents):
    """Beside one large class; without that, there are no folds to make."""
    X = rents[0]
    y = np.where(np.arange(400) < 6, np.arange(400), 99)
    model = NeuralEmbeddingClassifier(max_epochs=2, random_state=0).fit(X, y)
    probabilities = model.predict_proba(X)
    assert model.classes_.tolist() == [0, 1, 2, 3, 4, 5, 99]
    assert np.isfinite(probabilities).all()
    assert (model.predict(X) == 99).mean() > 0.95
    with pytest.raises(ValueError, match="cv=5 needs at least 5 rows of one class"):
        model.fit(X.head(6), y[:6])
    one_table = NeuralEmbeddingClassifier(cv=None, max_epochs=2, random_state=0)
    assert np.isfinite(one_table.fit(X.head(6), y[:6]).predict_proba(X)).all()


@pytest.mark.filterwarnings("ignore:The net found nothing")
@pytest.mark.filterwarnings("ignore:The least populated class")
def test_classifier_one_positive_row_among_100_000():
    X = pd.DataFrame({"id": (np.arange(100_001) % 5000).astype(str)})
    y = np.arange(100_001) == 4321
    model = NeuralEmbeddingClassifier(
        max_epochs=1, early_stopping=False, crosses=None, random_state=0
    )
    probabilities = model.fit(X, y).predict_proba(X)[:, 1]
    assert ((probabilities > 0) & (probabilities < 1e-3)).all()
    assert probabilities.mean() == pytest.approx(1e-5, abs=5e-5)
