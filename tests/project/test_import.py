"""Torch is for fit alone: importing, loading and scoring go without."""

import subprocess
import sys

import joblib
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import skembed
from skembed import NeuralEmbeddingEncoder

LOAD_AND_SCORE = """
import sys, importlib.abc
class Refuse(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.partition(".")[0] == "torch":
            raise ImportError("torch is not installed here")
sys.meta_path.insert(0, Refuse())
import joblib, numpy, skembed
model = joblib.load(sys.argv[1])
numpy.save(sys.argv[3], model.predict(joblib.load(sys.argv[2])))
"""


def test_import_without_torch_loads_and_scores(rents, tmp_path):
    X, y = rents
    model = make_pipeline(NeuralEmbeddingEncoder(max_epochs=2, random_state=0), Ridge()).fit(X, y)
    X = X.replace({"city": {"Oslo": "Lima", "Rome": None}})
    model_path, rows_path, out = (str(tmp_path / name) for name in ("model", "rows", "out.npy"))
    joblib.dump(model, model_path)
    joblib.dump(X, rows_path)
    subprocess.run([sys.executable, "-c", LOAD_AND_SCORE, model_path, rows_path, out], check=True)
    np.testing.assert_array_equal(np.load(out), model.predict(X))


def test_import_is_light():
    """Neither torch nor what only the demo, `to_onnx` or a cluster needs."""
    heavy = "{'torch', 'matplotlib', 'xgboost', 'onnx', 'skl2onnx', 'dask', 'distributed'}"
    code = (
        "from skembed import *\nimport sys, skembed.onnx, skembed.distributed\n"
        f"print(*{heavy} & {{*sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_import_lists_names_before_they_are_loaded():
    code = "import sys, skembed; print(*dir(skembed), 'sklearn' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert {*skembed.__all__, "False"} <= {*done.stdout.split()}


def test_import_of_an_absent_name_is_an_error():
    with pytest.raises(AttributeError, match="no attribute 'NeuralEmbeddingTransformer'"):
        skembed.NeuralEmbeddingTransformer  # noqa: B018
