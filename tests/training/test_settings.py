"""The parameters of the estimators that a training run reads."""

import subprocess
import sys

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._training.monitor import Monitor
from skembed._training.settings import read_settings


def test_parameters_keep_their_names():
    monitor = Monitor()
    for kind in (NeuralEmbeddingEncoder, NeuralEmbeddingRegressor):
        settings = read_settings(kind(dropout=0.3, random_state=1), 7, monitor)
        assert (settings.dropout, settings.random_state) == (0.3, 7)
        assert settings.monitor is monitor


def test_what_is_imported_before_a_fit_needs_no_torch():
    parts = ["best_epoch", "monitor", "rows", "schedule", "settings", "significance"]
    names = ", ".join(f"skembed._training.{part}" for part in parts)
    code = f"import sys, {names}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False"]
