"""What the defaults are worth: the score when one of them is changed, less the score of all.

    python benchmarks/defaults.py DATA [--data-sets amazon,salaries]

DATA is the folder that data.py reads. 75 % of the rows are trained on; AUC for two classes, R2 for
quantities; mean over data sets and splits of the paired difference ± its standard error. Crosses
apart, everything is tried without crosses, where it shows undisguised.
"""

import argparse
import pathlib
import time

import numpy as np
import pandas as pd
from data import DATA_SETS
from dims import score_models, split

from skembed import NeuralEmbeddingEncoder

CHANGES = [
    {"crosses": "auto"},
    {"cv": 3},
    {"cv": 10},
    {"hidden_layer_sizes": (32,)},
    {"hidden_layer_sizes": (256, 128)},
    {"use_context": False},
    {"unseen_rate": 0.02},
    {"unseen_rate": 0.25},
    {"dropout": 0.2},
    {"weight_decay": 1e-2},
    {"learning_rate": 1e-3},
    {"learning_rate": 1e-2},
    {"batch_size": 128},
    {"batch_size": 1024},
    {"max_epochs": 5},
    {"max_epochs": 60},
]


def scores(X, y, seed, change):
    """Score by model, and seconds of the fit."""
    X_train, X_test, y_train, y_test = split(X, y, seed)
    encoder = NeuralEmbeddingEncoder(**{"crosses": None, "random_state": seed, **change})
    began = time.perf_counter()
    train = encoder.fit_transform(X_train, y_train)
    seconds = time.perf_counter() - began
    train, test = np.nan_to_num(train), np.nan_to_num(encoder.transform(X_test))
    return {"seconds": seconds, **dict(score_models(train, test, y_train, y_test))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--data-sets", default="amazon,salaries")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for name in options.data_sets.split(","):
        X, y, _ = DATA_SETS[name](options.data)
        for seed in range(options.seeds):
            usual = pd.Series(scores(X, y, seed, {}))
            for change in CHANGES:
                row = pd.Series(scores(X, y, seed, change))
                difference = (row - usual).drop("seconds")
                shown = ", ".join(f"{key}={value!r}" for key, value in change.items())
                ratio = row["seconds"] / usual["seconds"]
                rows.append({"change": shown, "data": name, **difference, "time": ratio})
    frame = pd.DataFrame(rows).drop(columns="data").groupby("change", sort=False)
    mean, error = frame.mean(), frame.sem()
    print("| change | xgb | linear | knn | times the time |\n|---|---|---|---|---|")
    for change in mean.index:
        cells = [
            f"{mean.loc[change, model]:+.4f} ± {error.loc[change, model]:.4f}"
            for model in ("xgb", "linear", "knn")
        ]
        print(f"| `{change}` | {' | '.join(cells)} | {mean.loc[change, 'time']:.1f} |")


if __name__ == "__main__":
    main()
