"""Predictors as files: they predict the same bits, and what does not fit together is an error."""

import numpy as np
import pandas as pd
import pytest

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._persistence.encoder_state import put_together, take_apart
from skembed.exceptions import InvalidFileError

N = 90
X = pd.DataFrame(
    {
        "city": ["Oslo", "Zürich", "東京"] * (N // 3),
        "kind": list("ab") * (N // 2),
        "size": np.where(np.arange(N) % 7, np.arange(N) / 4, np.nan),
        "never": np.full(N, np.nan),
    }
)
NEW = pd.DataFrame(
    {"city": ["Lima", None, "Oslo"], "kind": ["a", "b", None], "size": [1e9, 2, 3], "never": np.nan}
)
RENT = np.arange(N) % 7 + 0.5
SETTINGS = {"max_epochs": 2, "early_stopping": False, "cv": 2, "random_state": 0}
GRADES = np.array(["low", "middle", "high"])[np.arange(N) % 3]
PREDICTORS = {
    "quantity": (NeuralEmbeddingRegressor, RENT, {"crosses": [("city", "size")]}),
    "several quantities": (NeuralEmbeddingRegressor, np.stack([RENT, -RENT], axis=1), {}),
    "a range": (NeuralEmbeddingRegressor, RENT, {"y_range": (0.0, 8.0)}),
    "a quantile": (NeuralEmbeddingRegressor, RENT, {"loss": "quantile", "quantile": 0.8}),
    "the median": (NeuralEmbeddingRegressor, RENT, {"loss": "absolute_error"}),
    "counts": (NeuralEmbeddingRegressor, np.floor(RENT), {"loss": "poisson"}),
    "products": (NeuralEmbeddingRegressor, RENT, {"interaction": "dot"}),
    "no layers": (NeuralEmbeddingRegressor, RENT, {"hidden_layer_sizes": ()}),
    "no context": (NeuralEmbeddingRegressor, RENT, {"use_context": False}),
    "two classes": (NeuralEmbeddingClassifier, np.arange(N) % 2, {}),
    "three classes": (NeuralEmbeddingClassifier, GRADES, {}),
    "labels": (NeuralEmbeddingClassifier, np.eye(3, dtype=int)[np.arange(N) % 3], {}),
}


@pytest.fixture(params=PREDICTORS, scope="module")
def predictor(request):
    kind, y, options = PREDICTORS[request.param]
    return kind(**{"crosses": None, **SETTINGS, **options}).fit(X, y)


def answers(model):
    return getattr(model, "predict_proba", model.predict)(NEW)


def test_predictor_file_gives_the_same_bits(predictor, tmp_path):
    predictor.save(tmp_path / "p.skembed")
    loaded = type(predictor).load(tmp_path / "p.skembed")
    np.testing.assert_array_equal(answers(loaded), answers(predictor), strict=True)
    np.testing.assert_array_equal(loaded.predict(X), predictor.predict(X), strict=True)


def test_predictor_file_keeps_the_fitted_attributes(predictor):
    loaded = put_together(type(predictor), *take_apart(predictor))
    assert vars(loaded).keys() == vars(predictor).keys()
    assert loaded.vocabularies_ == predictor.vocabularies_
    assert loaded.get_params() == predictor.get_params()
    np.testing.assert_array_equal(loaded.classes_, predictor.classes_)
    for name, table in predictor.tables_.items():
        np.testing.assert_array_equal(loaded.tables_[name], table, strict=True)


def test_predictor_file_biases_are_the_same():
    model = NeuralEmbeddingRegressor(**SETTINGS, crosses=None).fit(X, RENT)
    loaded = put_together(type(model), *take_apart(model))
    pd.testing.assert_series_equal(loaded.biases("city"), model.biases("city"))


def test_predictor_file_is_loaded_by_its_class_alone(tmp_path):
    NeuralEmbeddingRegressor(**SETTINGS).fit(X, RENT).save(tmp_path / "p.skembed")
    says = r"'.*p\.skembed' holds a NeuralEmbeddingRegressor: load it by NeuralEmbeddingRegressor\."
    with pytest.raises(InvalidFileError, match=says):
        NeuralEmbeddingEncoder.load(tmp_path / "p.skembed")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda c, a: c["decoder"].update(kind="x"), "not a kind of decoder"),
        (lambda c, a: c["decoder"].update(layers=2), "last layer does not fit"),
        (lambda c, a: a.update({"decoder.1.bias": np.zeros(3, "f4")}), "decoder.1.bias"),
        (
            lambda c, a: a.update({"decoder.0.weight": np.zeros((64, 9), "f4")}),
            "layer 0 does not fit",
        ),
        (lambda c, a: a.update({"decoder.first": np.array([1])}), "where no vector starts"),
        (lambda c, a: c["target"].update(loss="log_loss"), "no loss for a continuous target"),
        (lambda c, a: c["target"].update(loss="x"), "x"),
        (lambda c, a: a.update({"target.bias": np.zeros(2, "f4")}), "target.centre|last layer"),
        (lambda c, a: a.update({"target.scale": np.zeros(2)}), "target.scale"),
        (lambda c, a: a.update({"context.scales": np.array([1.0])}), "context.scales"),
        (lambda c, a: a["context.scales"].fill(0), "not above zero"),
        (lambda c, a: c.update(target_type="binary"), "do not fit the kind of target"),
    ],
)
def test_predictor_file_that_does_not_fit_together_is_an_error(change, says):
    model = NeuralEmbeddingRegressor(**SETTINGS, crosses=None).fit(X, RENT)
    content, arrays = take_apart(model)
    arrays = {name: array.copy() for name, array in arrays.items()}
    change(content, arrays)
    with pytest.raises((ValueError, LookupError), match=says):
        put_together(NeuralEmbeddingRegressor, content, arrays)
