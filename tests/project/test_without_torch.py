"""A fresh environment that has no torch loads what was saved, and scores."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingEncoder

ROOT = Path(__file__).parents[2]

SCORE = """
import importlib.util, sys
assert importlib.util.find_spec("torch") is None
import joblib
from skembed import NeuralEmbeddingEncoder
from skembed.scoring import score_file

score_file(NeuralEmbeddingEncoder.load("e.skembed"), "rows.csv", "features.parquet")
score_file(joblib.load("p.joblib"), "rows.csv", "scores.parquet", method="predict_proba")
try:
    NeuralEmbeddingEncoder().fit([["a"], ["b"]] * 30, [0, 1] * 30)
except ModuleNotFoundError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Python of a new virtual environment, with skembed and what it needs to read files."""
    folder = tmp_path_factory.mktemp("without torch")
    for name in ("pyproject.toml", "README.md", "LICENSE", "skembed"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
    python = folder / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", f"{folder}[parquet]"]
    subprocess.run([*install, "--constraint", ROOT / "constraints.txt"], check=True)
    return python


def test_without_torch_saved_models_score(python, adult, tmp_path):
    X, X_test, y, _ = adult
    X_test = X_test.replace({"race": {"White": "unseen", "Black": None}})
    pipeline = make_pipeline(
        NeuralEmbeddingEncoder(max_epochs=2, remainder="drop", random_state=0),
        LogisticRegression(),
    ).fit(X, y)
    pipeline[0].save(tmp_path / "e.skembed")
    joblib.dump(pipeline, tmp_path / "p.joblib")
    X_test.to_csv(tmp_path / "rows.csv", index=False)
    alone = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, "-I", "-W", "error", "-c", SCORE],
        check=True,
        cwd=tmp_path,
        env=alone,
        capture_output=True,
        text=True,
    )
    assert "pip install 'skembed[torch]'" in done.stdout
    features = pd.read_parquet(tmp_path / "features.parquet")
    np.testing.assert_array_equal(features, pipeline[0].transform(X_test))
    scores = pd.read_parquet(tmp_path / "scores.parquet")
    np.testing.assert_allclose(scores, pipeline.predict_proba(X_test), rtol=1e-12)
