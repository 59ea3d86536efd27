"""What a fit tells while it goes on."""

import os
import pickle
import pty
import subprocess
import sys

import pytest
from sklearn.base import clone
from sklearn.callback import ProgressBar
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

QUICK = {"max_epochs": 3, "crosses": None, "random_state": 0}


class Recorder:
    """Callback that keeps what it is told."""

    def __init__(self):
        self.told, self.losses, self.is_open = [], [], False

    def setup(self, estimator, context):
        self.is_open = True

    def teardown(self, estimator, context):
        self.is_open = False

    def on_fit_task_begin(self, estimator, context):
        self.told.append(f"{context.task_name} begins")

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        self.told.append(f"{context.task_name} ends")
        if context.task_name == "epoch":
            self.losses.append(metadata["out_of_fold_loss"])


def test_callbacks_get_each_epoch_and_its_losses(rents):
    recorder = Recorder()
    encoder = NeuralEmbeddingEncoder(**QUICK).set_callbacks(recorder).fit(*rents)
    epochs = ["epoch begins", "epoch ends"] * 3
    assert recorder.told == [
        *("fit begins", "training begins"),
        *epochs,
        *("training ends", "fit ends"),
    ]
    assert recorder.losses == encoder.history_["out_of_fold_loss"].tolist()
    assert not recorder.is_open


def test_callbacks_change_no_bit(rents):
    plain = NeuralEmbeddingEncoder(**QUICK).fit_transform(*rents)
    told = NeuralEmbeddingEncoder(**QUICK).set_callbacks(Recorder()).fit_transform(*rents)
    assert (plain == told).all(axis=None)


def test_callbacks_get_both_trainings_where_crosses_are_tried(rents):
    recorder = Recorder()
    NeuralEmbeddingEncoder(max_epochs=20, random_state=0).set_callbacks(recorder).fit(*rents)
    assert recorder.told.count("training begins") == 2


def test_callbacks_of_a_fit_without_a_target(rents):
    told = []

    class Names(Recorder):
        def on_fit_task_end(self, estimator, context, *, metadata=None):
            told.append((context.task_name, list(metadata or ())))

    NeuralEmbeddingEncoder(**QUICK, target_type="none").set_callbacks(Names()).fit(rents[0])
    epoch = ("epoch", ["loss", "seconds"])
    assert told == [epoch, epoch, epoch, ("training", []), ("fit", [])]


def test_callbacks_are_closed_by_a_fit_that_fails(rents):
    recorder = Recorder()
    encoder = NeuralEmbeddingEncoder(learning_rate=1e30, **QUICK).set_callbacks(recorder)
    with pytest.raises(ValueError, match="diverged"):
        encoder.fit(*rents)
    assert recorder.told[-1] == "epoch begins"
    assert not recorder.is_open
    assert not hasattr(encoder, "_callback_fit_ctx")


def test_callbacks_bars_of_scikit_learn_are_drawn_for_pipelines(rents, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "150")
    model = make_pipeline(NeuralEmbeddingEncoder(**QUICK), Ridge())
    with pytest.warns(UserWarning, match="Ridge does not support callbacks"):
        model.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*rents)
    drawn = capsys.readouterr().out
    assert "fit-transform-neuralembeddingencoder | NeuralEmbeddingEncoder - fit #0" in drawn
    assert "NeuralEmbeddingEncoder - training #0" in drawn
    assert drawn.count("100%") == 3


def test_callbacks_are_handed_on_by_a_search(rents):
    search = GridSearchCV(NeuralEmbeddingRegressor(**QUICK), {"dropout": [0.0, 0.1]}, cv=2)
    bar = ProgressBar(max_propagation_depth=0)
    assert search.set_callbacks(bar).fit(*rents).best_estimator_.n_iter_ == 3


def test_callbacks_stay_with_clones_and_leave_pickles_whole(rents):
    encoder = NeuralEmbeddingEncoder(**QUICK).set_callbacks(Recorder()).fit(*rents)
    assert clone(encoder)._skl_callbacks == encoder._skl_callbacks
    copied = pickle.loads(pickle.dumps(encoder))
    assert (copied.transform(rents[0].head()) == encoder.transform(rents[0].head())).all(axis=None)


def test_verbose_prints_lines_into_a_log(rents, capsys):
    encoder = NeuralEmbeddingEncoder(verbose=1, **QUICK).fit(*rents)
    lines = capsys.readouterr().out.splitlines()
    losses = encoder.history_["out_of_fold_loss"]
    assert [line.split(", ")[0] for line in lines] == [
        f"epoch {i} of at most 3: out_of_fold_loss {loss:.4g}" for i, loss in enumerate(losses, 1)
    ]


def test_verbose_off_prints_nothing(rents, capsys):
    NeuralEmbeddingEncoder(**QUICK).fit(*rents)
    assert capsys.readouterr() == ("", "")


FIT = """
import sys
if "{hidden}":
    sys.modules["{hidden}"] = None
import pandas as pd
from skembed import NeuralEmbeddingEncoder
X = pd.DataFrame({{"city": ["Bern", "Rome"] * 50}})
NeuralEmbeddingEncoder(verbose=1, max_epochs=3, random_state=0).fit(X, [1.0, 2.0] * 50)
"""


def printed_on_a_terminal(hidden=""):
    """What a fit prints there, with or without a package."""
    ours, theirs = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    code = FIT.format(hidden=hidden)
    subprocess.run([sys.executable, "-c", code], stdout=theirs, check=True, env=environment)
    os.close(theirs)
    printed = b""
    try:
        while part := os.read(ours, 4096):
            printed += part
    except OSError:  # Linux, at the end
        pass
    os.close(ours)
    return printed.decode()


def test_verbose_draws_a_bar_on_a_terminal():
    printed = printed_on_a_terminal()
    assert "3/3" in printed
    assert "━" in printed
    assert "epoch 1 of" not in printed


def test_verbose_without_rich_prints_lines_on_a_terminal():
    assert "epoch 3 of at most 3: out_of_fold_loss" in printed_on_a_terminal(hidden="rich.console")
