"""One process beside two that train one encoder together: time, loss, and AUC of what they give.

    python benchmarks/distributed_fit.py [DATA] [--ranks 2] [--seeds 3] [--batch-size 8192]

UCI Adult, which skembed carries, and with DATA, a folder that data.py reads, 60,000 flights: three
quarters of the rows as eight Parquet files, the rest to test on. `fit_transform_parquet` runs in
fresh processes, of a thread each, that torchrun starts. Shown are the wall seconds of the fit, the
CPU seconds of all its processes (imports left out of both), the lowest out-of-fold loss, and the
AUC of a logistic regression and of XGBoost on the vectors: means over the seeds, which split the
rows too.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import time

import joblib
import numpy as np
import pandas as pd
import timing
from data import flights
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult

N_FILES = 8


def train(folder, seed, batch_size):
    """What each process does."""
    from torch import distributed

    distributed.init_process_group("gloo")
    rank, several = distributed.get_rank(), distributed.get_world_size() > 1
    encoder = NeuralEmbeddingEncoder(batch_size=batch_size, random_state=seed)
    distributed.barrier()
    wall, cpu = time.perf_counter(), time.process_time()
    out = folder / f"features-{rank}.parquet"
    encoder.fit_transform_parquet(folder / "rows", "y", out, distributed=several)
    seconds = time.perf_counter() - wall, time.process_time() - cpu
    joblib.dump((encoder, seconds), folder / f"fitted.{rank}")
    distributed.destroy_process_group()


def measured(X, y, n_ranks, seed, batch_size):
    """Wall and CPU seconds, out-of-fold loss, and the AUC of the two models."""
    X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        (folder / "rows").mkdir()
        rows = X_train.assign(y=y_train)
        for i, part in enumerate(np.array_split(np.arange(len(rows)), N_FILES)):
            rows.iloc[part].to_parquet(folder / "rows" / f"{i}.parquet", index=False)
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += ["--nproc-per-node", str(n_ranks), __file__, name, "--train", str(seed)]
        if batch_size != "auto":
            command += ["--batch-size", str(batch_size)]
        subprocess.run(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True)
        fitted = [joblib.load(folder / f"fitted.{rank}") for rank in range(n_ranks)]
        parts = [pd.read_parquet(folder / f"features-{rank}.parquet") for rank in range(n_ranks)]
    encoder, features = fitted[0][0], pd.concat(parts)
    linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    trees = XGBClassifier(n_estimators=200, learning_rate=0.1, n_jobs=1, random_state=seed)
    new, scores = encoder.transform(X_test), []
    for model in (linear, trees):
        model.fit(features.to_numpy(), y_train)
        scores.append(roc_auc_score(y_test, model.predict_proba(new)[:, 1]))
    wall, cpu = np.transpose([seconds for _, seconds in fitted])
    return [max(wall), sum(cpu), encoder.history_["out_of_fold_loss"].min(), *scores]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, nargs="?", help="folder that data.py reads")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default="auto", help="rows of all processes")
    parser.add_argument("--train", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.train is not None:
        train(options.data, options.train, options.batch_size)
        return
    X, _, y, _ = load_adult()
    problems = {"adult": (X, y)}
    if options.data:
        X, y, _ = flights(options.data)
        problems["flights"] = X, pd.Series(y, index=X.index)
    shown = []
    for name, (X, y) in problems.items():
        figures: dict[int, list] = {1: [], options.ranks: []}
        for seed in range(options.seeds):
            for n_ranks, of_seeds in figures.items():
                of_seeds.append(measured(X, y, n_ranks, seed, options.batch_size))
        for n_ranks, of_seeds in figures.items():
            wall, cpu, *scores = np.mean(of_seeds, axis=0)
            row = [f"{wall:.1f}", f"{cpu:.1f}", *(f"{score:.4f}" for score in scores)]
            shown.append([name, n_ranks, *row])
    header = ["data", "processes", "wall s", "CPU s", "out-of-fold loss", "AUC, linear", "AUC, XGB"]
    print(timing.table(header, shown))


if __name__ == "__main__":
    main()
