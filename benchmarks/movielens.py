"""Collaborative filtering: ratings of MovieLens 100k by user and film alone, RMSE of five folds.

    python benchmarks/movielens.py DATA

The folds are random, KFold(5, shuffle=True), as in the published figures of the Surprise library
(SVD 0.934, SVD++ 0.919: https://surpriselib.com, "Benchmarks"). Ours run with default settings.
"""

import argparse
import pathlib
import time

import numpy as np
import pandas as pd
from data import read
from sklearn.model_selection import KFold

from skembed import NeuralEmbeddingRegressor

NETS = {
    "dot": {"interaction": "dot"},
    "dot, y_range": {"interaction": "dot", "y_range": (0.5, 5.5)},
    "mlp": {},
    "mlp, y_range": {"y_range": (0.5, 5.5)},
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, help="folder with movielens100k/data.csv.gz")
    parser.add_argument("--seeds", type=int, default=1, help="draws of the folds")
    options = parser.parse_args()
    frame = read(options.data, "movielens100k")
    X, y = frame[["user_id", "movie_id"]].astype(str), frame["rating"].to_numpy(float)
    rows = []
    for seed in range(options.seeds):
        for train, test in KFold(5, shuffle=True, random_state=seed).split(X):
            for name, parameters in NETS.items():
                began = time.perf_counter()
                net = NeuralEmbeddingRegressor(random_state=seed, **parameters)
                predicted = net.fit(X.iloc[train], y[train]).predict(X.iloc[test]).clip(1, 5)
                error = np.sqrt(np.mean((predicted - y[test]) ** 2))
                rows.append({"net": name, "RMSE": error, "seconds": time.perf_counter() - began})
                print(rows[-1], flush=True)
    figures = pd.DataFrame(rows).groupby("net")
    table = figures["RMSE"].agg(["mean", "std"]).round(4)
    print(table.assign(seconds=figures["seconds"].median().round(1)).to_string())


if __name__ == "__main__":
    main()
