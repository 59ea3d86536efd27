"""Processes that train one encoder together: real ones, started by torchrun."""

import os
import subprocess
import sys
from itertools import chain, pairwise
from pathlib import Path
from types import SimpleNamespace

import joblib
import numpy as np
import pandas as pd
import pyarrow.dataset
import pytest
import torch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import distributed

from skembed import NeuralEmbeddingEncoder
from skembed._files.parquet import open_dataset
from skembed._fit.parquet_reader import share_of
from skembed._training.process_group import ALONE

TOGETHER = """
import pathlib, sys
import joblib
import torch.distributed
import skembed._training.process_group, skembed._fit.spilled_rows
from skembed import NeuralEmbeddingEncoder

torch.distributed.init_process_group("gloo")
rank, folder = torch.distributed.get_rank(), pathlib.Path(sys.argv[1])

def fitted(name, data, **parameters):
    encoder = NeuralEmbeddingEncoder(random_state=0, **parameters)
    encoder.fit_parquet(folder / data, "y", distributed=True)
    joblib.dump(encoder, folder / f"{name}.{rank}")
"""

FITS = """
encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0)
features = folder / f"features-{rank}.parquet"
encoder.fit_transform_parquet(folder / "adult", "y", features, distributed=True)
joblib.dump(encoder, folder / f"plain.{rank}")

skembed._fit.spilled_rows.BLOCK_ROWS = 1000
skembed._training.process_group.SMALL_TABLE = 0
fitted("in blocks, by touched rows", "adult", crosses="auto")
fitted("empty share", "adult/0.parquet", crosses=None, max_epochs=2)
"""

# Without it, gloo's threads may meet an interpreter that is being torn down: SIGABRT, now and then.
LEAVE = "torch.distributed.destroy_process_group()"

PARAMETERS = {"plain": None, "in blocks, by touched rows": "auto"}


def torchrun(folder, script, n_ranks=2):
    """Run a script on some ranks."""
    path = folder / "train.py"
    path.write_text(script)
    # What is imported here is imported there; a thread each, as a fit takes.
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *filter(None, sys.path)])
    return subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        + ["--nproc-per-node", str(n_ranks), str(path), str(folder)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def write_shards(adult, folder):
    """Files of Adult of very different size; the last alone holds some levels."""
    X, _, y, _ = adult
    rows = X.assign(y=(y == y.max()).astype(int))
    rows["relationship"] = rows["relationship"].where(rows.index < 2400, rows["relationship"] + "!")
    (folder / "adult").mkdir()
    for i, (start, stop) in enumerate(pairwise([0, 1600, 1603, 2400, 3000])):
        rows.iloc[start:stop].to_parquet(folder / "adult" / f"{i}.parquet", index=False)
    return rows


@pytest.fixture(scope="module")
def together(adult, tmp_path_factory):
    """Folder of what two ranks have fitted, and the rows."""
    folder = tmp_path_factory.mktemp("together")
    rows = write_shards(adult, folder)
    done = torchrun(folder, TOGETHER + FITS + LEAVE)
    assert done.returncode == 0, done.stderr
    return folder, rows


@pytest.mark.parametrize("name", [*PARAMETERS, "empty share"])
def test_ranks_have_the_same_encoder_to_the_bit(together, name):
    folder, rows = together
    first, second = (joblib.load(folder / f"{name}.{rank}") for rank in (0, 1))
    assert first.vocabularies_ == second.vocabularies_
    assert list(first.tables_) == list(second.tables_)
    for table, same in zip(first.tables_.values(), second.tables_.values(), strict=True):
        assert len(np.unique(table, axis=0)) > 1
        np.testing.assert_array_equal(table, same)
    for key, values in first.history_.items():
        np.testing.assert_array_equal(second.history_[key], values)
    X = rows.drop(columns="y")
    np.testing.assert_array_equal(first.transform(X), second.transform(X))


@pytest.mark.parametrize("name", PARAMETERS)
def test_ranks_know_the_levels_of_all_rows(together, name):
    folder, rows = together
    encoder = joblib.load(folder / f"{name}.1")
    alone = NeuralEmbeddingEncoder(crosses=None, max_epochs=1).fit(
        rows.drop(columns="y"), rows["y"]
    )
    assert encoder.vocabularies_ == alone.vocabularies_
    for column, vocabulary in alone.vocabularies_.items():
        np.testing.assert_array_equal(encoder.vocabularies_[column].counts, vocabulary.counts)


@pytest.mark.parametrize("name", PARAMETERS)
def test_ranks_learn_what_one_process_does(together, adult, name):
    """Out-of-fold loss, and AUC of a linear model on rows that no one saw."""
    folder, rows = together
    _, X_test, _, y_test = adult
    losses, scores = [], []
    alone = NeuralEmbeddingEncoder(crosses=PARAMETERS[name], random_state=0)
    X, y = rows.drop(columns="y"), rows["y"]
    alone.fit(X, y)
    for encoder in (alone, joblib.load(folder / f"{name}.0")):
        losses.append(encoder.history_["out_of_fold_loss"].min())
        model = make_pipeline(StandardScaler(), LogisticRegression())
        model.fit(encoder.transform(X.head(3000).copy()), y)
        found = model.predict_proba(encoder.transform(X_test))[:, 1]
        scores.append(roc_auc_score(y_test == y_test.max(), found))
    assert losses[1] == pytest.approx(losses[0], rel=0.03)
    assert scores[1] == pytest.approx(scores[0], abs=0.01)
    assert min(scores) > 0.88


def test_ranks_features_in_order_are_those_of_the_rows(together):
    """Each row's vectors are of its own fold's table, so they lie near those of `transform`."""
    folder, rows = together
    encoder = joblib.load(folder / "plain.0")
    parts = [pd.read_parquet(folder / f"features-{rank}.parquet") for rank in (0, 1)]
    features = pd.concat(parts, ignore_index=True)
    assert list(features) == encoder.get_feature_names_out().tolist()
    assert min(map(len, parts)) > 1000
    np.testing.assert_array_equal(features["age"], rows["age"])
    mean = encoder.transform(rows.drop(columns="y"))[:, 1]
    assert np.corrcoef(features.iloc[:, 1], mean)[0, 1] > 0.9
    assert not np.array_equal(features.iloc[:, 1], mean)


def test_ranks_all_end_by_an_error_of_one(adult, tmp_path):
    rows = write_shards(adult, tmp_path)
    last = rows.tail(600).assign(y=np.nan)
    last["y"] = last["y"].astype("Int64")
    last.to_parquet(tmp_path / "adult" / "3.parquet", index=False)
    done = torchrun(tmp_path, TOGETHER + "fitted('none', 'adult')")
    assert done.returncode != 0
    # The row's number is that in all of the data.
    told = "ValueError: The target column 'y' is missing in row 2400: remove such rows."
    assert f"Rank 1 failed reading its share, and all stop. {told}" in done.stderr
    assert not list(tmp_path.glob("none.*"))


def test_ranks_all_end_by_the_death_of_one(adult, tmp_path):
    write_shards(adult, tmp_path)
    dies = """
import os, skembed._training.schedule as schedule

def one_cycle(progress):
    if rank == 1 and progress > 1e-4:
        os._exit(9)
    return 1.0

schedule.one_cycle = one_cycle
fitted("none", "adult", crosses=None, max_epochs=10_000, early_stopping=False)
"""
    done = torchrun(tmp_path, TOGETHER + dies)
    assert done.returncode != 0
    assert not list(tmp_path.glob("none.*"))


def test_shares_in_order_are_the_data(adult, tmp_path):
    rows = write_shards(adult, tmp_path)
    rows.to_parquet(tmp_path / "adult" / "4.parquet", index=False, row_group_size=700)
    dataset = open_dataset(tmp_path / "adult")
    for size in (2, 3, 5, 40):
        shares = [share_of(dataset, rank, size) for rank in range(size)]
        parts = [share.to_table().to_pandas() for share, _ in shares]
        numbers = [list(part_of) for _, part_of in shares]
        assert list(map(len, parts)) == list(map(len, numbers))
        assert list(chain.from_iterable(numbers)) == list(range(6000))
        read = pd.concat(parts, ignore_index=True)
        pd.testing.assert_frame_equal(read, dataset.to_table().to_pandas())
    assert [] in numbers


def test_shares_of_rows_in_memory_are_an_error():
    dataset = pyarrow.dataset.dataset(pyarrow.table({"a": [1, 2]}))
    with pytest.raises(TypeError, match="is a InMemoryDataset: give a file, a folder"):
        share_of(dataset, 0, 2)


def test_process_group_that_is_absent_says_how_to_start(adult, tmp_path):
    write_shards(adult, tmp_path)
    with pytest.raises(RuntimeError, match=r"in no process group: start the script by torchrun"):
        NeuralEmbeddingEncoder().fit_parquet(tmp_path / "adult", "y", distributed=True)


@pytest.fixture
def group_of_one(tmp_path):
    """A process group of this process alone."""
    store = (tmp_path / "store").as_uri()
    distributed.init_process_group("gloo", init_method=store, rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.usefixtures("group_of_one")
def test_process_group_of_one_gives_what_one_process_gives(adult, tmp_path):
    write_shards(adult, tmp_path)
    given = tmp_path / "adult", "y"
    encoder = NeuralEmbeddingEncoder(crosses=None, max_epochs=2, random_state=0)
    alone = clone(encoder).fit_parquet(*given).history_["out_of_fold_loss"]
    together = encoder.fit_parquet(*given, distributed=True).history_["out_of_fold_loss"]
    np.testing.assert_allclose(together, alone, rtol=1e-5)


@pytest.mark.usefixtures("group_of_one")
def test_process_group_for_the_cpu_with_a_gpu_is_an_error(adult, tmp_path):
    write_shards(adult, tmp_path)
    encoder = NeuralEmbeddingEncoder(device="cuda")
    with pytest.raises(ValueError, match="device='cuda' and a process group of 'gloo' do not go"):
        encoder.fit_parquet(tmp_path / "adult", "y", distributed=True)


def test_a_process_alone_gets_back_what_it_gives():
    generator, rows = torch.Generator().manual_seed(3), SimpleNamespace(fold=[0, 1, 0])
    ALONE.draw_apart(generator, 7)
    assert generator.initial_seed() == 3
    assert ALONE.share_batch(64, blocks=None) == 64
    assert list(ALONE.keep_in_step([rows, rows], rows)) == [(rows, 3), (rows, 3)]
    assert ALONE.add_up(None, "gradients") == "gradients"
