"""The table of the paper that began it: Rossmann store sales, MAPE, four models.

    python benchmarks/rossmann.py DATA

Guo and Berkhahn (2016), "Entity embeddings of categorical variables", arXiv:1604.06737: store, day
of week, day, month, year, promotion and state; 200,000 rows drawn from the first 90 %, tested on
the last 10 %, the rows in shuffled order or in the order of time; log sales. The paper's columns
are quoted from it. Our models are not tuned to this data; the net is one net, the paper's the mean
of five. With ``--blocks``, the folds of skembed on the split by time are made of whole weeks.
"""

import argparse
import pathlib
import time

import numpy as np
import pandas as pd
from data import read
from sklearn.ensemble import RandomForestRegressor
from sklearn.model_selection import GroupKFold
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder, StandardScaler, TargetEncoder
from xgboost import XGBRegressor

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

LEVELS = ["Store", "DayOfWeek", "day", "month", "year", "Promo", "State"]
PAPER = {
    ("shuffled", "kNN"): (0.315, 0.099),
    ("shuffled", "forest"): (0.167, 0.089),
    ("shuffled", "boosting"): (0.122, 0.071),
    ("shuffled", "net"): (0.070, 0.070),
    ("by time", "kNN"): (0.290, 0.116),
    ("by time", "forest"): (0.158, 0.108),
    ("by time", "boosting"): (0.152, 0.115),
    ("by time", "net"): (0.101, 0.093),
}


def parts(folder, split, n_rows):
    """Training rows drawn from the first 90 %, and the last 10 %, of the rows in this order."""
    frame = read(folder, "rossmann")
    frame = frame[frame["Sales"] > 0]
    for part in ("day", "month", "year"):
        frame[part] = getattr(frame["Date"].dt, part)
    if split == "shuffled":
        frame = frame.sample(frac=1, random_state=0)
    else:
        frame = frame.sort_values("Date", kind="stable")
    cut = int(0.9 * len(frame))
    return frame[:cut].sample(n_rows, random_state=0), frame[cut:]


def models():
    return {
        "kNN": make_pipeline(StandardScaler(), KNeighborsRegressor(10, weights="distance")),
        "forest": RandomForestRegressor(200, min_samples_leaf=2, n_jobs=2, random_state=0),
        "boosting": XGBRegressor(n_estimators=1000, learning_rate=0.1, max_depth=8, n_jobs=2),
    }


def mape(frame, log_sales):
    return float(np.mean(np.abs(np.exp(log_sales) / frame["Sales"] - 1)))


def rows(folder, split, n_rows, blocks):
    """Figures of one split."""
    train, test = parts(folder, split, n_rows)
    X_train, X_test = (frame[LEVELS].astype(str) for frame in (train, test))
    y_train = np.log(train["Sales"].to_numpy(float))
    folds, groups = 5, {}
    if blocks and split == "by time":
        folds = GroupKFold(5, shuffle=True, random_state=0)
        groups = {"groups": train["Date"].dt.to_period("W").astype(str)}
    settings = {"cv": folds, "crosses": "auto", "random_state": 0}
    encoders = {
        "integer codes": (OrdinalEncoder(), {}),
        "TargetEncoder": (TargetEncoder(target_type="continuous"), {}),
        "skembed": (NeuralEmbeddingEncoder(**settings), groups),
    }
    for encoder_name, (encoder, routed) in encoders.items():
        began = time.perf_counter()
        features = encoder.fit_transform(X_train, y_train, **routed)
        print(f"{split}, {encoder_name}: {time.perf_counter() - began:.0f} s", flush=True)
        for model_name, model in models().items():
            predicted = model.fit(features, y_train).predict(encoder.transform(X_test))
            yield {"model": model_name, "encoder": encoder_name, "mape": mape(test, predicted)}
    net = NeuralEmbeddingRegressor(**settings).fit(X_train, y_train, **groups)
    yield {"model": "net", "encoder": "skembed", "mape": mape(test, net.predict(X_test))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, help="folder with rossmann/data.parquet")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--splits", nargs="+", default=["shuffled", "by time"])
    parser.add_argument("--blocks", action="store_true")
    options = parser.parse_args()
    for split in options.splits:
        frame = pd.DataFrame(rows(options.data, split, options.rows, options.blocks))
        table = frame.pivot_table(index="model", columns="encoder", values="mape")
        for column, name in enumerate(("paper", "paper, embeddings")):
            table[name] = [PAPER[split, model][column] for model in table.index]
        order = ["integer codes", "TargetEncoder", "paper", "paper, embeddings", "skembed"]
        table = table.loc[["kNN", "forest", "boosting", "net"], order].round(4)
        print(f"\n{split}: MAPE\n{table.to_string()}\n")


if __name__ == "__main__":
    main()
