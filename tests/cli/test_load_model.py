"""Saved models come from their files, and what could run code is asked about first."""

import joblib
import pytest
import skops.io
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._cli.load_model import default_method, load_model

TREE = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


@pytest.fixture
def model(rents):
    encoder = NeuralEmbeddingEncoder(max_epochs=1, crosses=None, random_state=0)
    return make_pipeline(encoder, Ridge()).fit(*rents)


def test_load_model_loads_a_saved_encoder(model, tmp_path):
    model[0].save(tmp_path / "rents.skembed")
    assert load_model(tmp_path / "rents.skembed").feature_names_in_[0] == "city"


def test_load_model_skops_trusts_types_of_skembed(model, rents, tmp_path):
    skops.io.dump(model, tmp_path / "model.skops")
    loaded = load_model(tmp_path / "model.skops")
    assert loaded.predict(rents[0]).tolist() == model.predict(rents[0]).tolist()


def test_load_model_skops_names_unknown_types(rents, tmp_path):
    X, y = rents
    skops.io.dump(
        HistGradientBoostingRegressor(max_iter=1).fit(X[["rooms"]], y), tmp_path / "t.skops"
    )
    with pytest.raises(ValueError, match=f"not trusted: {TREE}. To trust them: --trust {TREE}$"):
        load_model(tmp_path / "t.skops")
    assert load_model(tmp_path / "t.skops", trust=[TREE]).max_iter == 1


@pytest.mark.parametrize("suffix", [".joblib", ".pkl"])
def test_load_model_runs_no_code_unasked(tmp_path, suffix):
    class Spy:
        def __reduce__(self):
            return (tmp_path.joinpath("ran").touch, ())

    path = tmp_path / f"model{suffix}"
    joblib.dump(Spy(), path)
    with pytest.raises(ValueError, match="can run any code when it is loaded"):
        load_model(path)
    assert not (tmp_path / "ran").exists()
    with pytest.raises(ValueError, match="holds a NoneType, which is no fitted model"):
        load_model(path, trust_code=True)
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("held", [{"a": 1}, [1.5], "text", Ridge], ids=repr)
def test_load_model_of_a_file_without_a_model_says_what_it_holds(tmp_path, held):
    joblib.dump(held, tmp_path / "x.joblib")
    name = "the class Ridge" if held is Ridge else f"a {type(held).__name__}"
    with pytest.raises(ValueError, match=rf"x\.joblib' holds {name}, which is no fitted model"):
        load_model(tmp_path / "x.joblib", trust_code=True)
    skops.io.dump({"a": 1}, tmp_path / "x.skops")
    with pytest.raises(ValueError, match=r"x\.skops' holds a dict, which is no fitted model"):
        load_model(tmp_path / "x.skops")


@pytest.mark.parametrize("name", ["model.skops", "model.joblib", "model.skembed"])
def test_load_model_names_a_damaged_file(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=name):
        load_model(tmp_path / name, trust_code=True)


def test_load_model_refuses_other_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"model\.skops"):
        load_model(tmp_path / "model.skops")
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ValueError, match=r"suffix '\.onnx', but known are \.skembed"):
        load_model(tmp_path / "model.onnx")


@pytest.mark.parametrize(
    ("model", "method"),
    [
        (make_pipeline(StandardScaler(), LogisticRegression()), "predict_proba"),
        (LinearSVC(), "predict"),
        (NeuralEmbeddingRegressor(), "predict"),
    ],
)
def test_default_method_is_predict_proba_where_there_is_one(model, method):
    assert default_method(model) == method
