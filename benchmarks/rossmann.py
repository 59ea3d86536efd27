"""The table of the paper that began it: Rossmann store sales, MAPE, four models.

    python benchmarks/rossmann.py DATA

Guo and Berkhahn (2016), "Entity embeddings of categorical variables", arXiv:1604.06737: store, day
of week, day, month, year, promotion and state; 200,000 rows drawn from the first 90 %, tested on
the last 10 %, the rows in shuffled order or in the order of time; log sales. The paper's columns
are quoted from it. Neighbours and boosting have the settings of its code; the forest has 100 trees
that see a third of the columns at each split, where the paper's has 200 that see all (hours on two
cores). The net is the mean of ``--nets`` nets, five in the paper. With ``--blocks``, the folds of
skembed on the split by time are made of whole weeks.
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
    neighbours = KNeighborsRegressor(10, weights="distance", p=1, n_jobs=2)
    shares = {"subsample": 0.7, "colsample_bytree": 0.7}
    return {
        "kNN": make_pipeline(StandardScaler(), neighbours),
        "forest": RandomForestRegressor(100, max_features=1 / 3, n_jobs=2, random_state=0),
        "boosting": XGBRegressor(
            n_estimators=3000, learning_rate=0.02, max_depth=7, **shares, n_jobs=2
        ),
    }


def mape(frame, log_sales):
    return float(np.mean(np.abs(np.exp(log_sales) / frame["Sales"] - 1)))


def rows(split, options):
    """Figures of one split."""
    train, test = parts(options.data, split, options.rows)
    X_train, X_test = (frame[LEVELS].astype(str) for frame in (train, test))
    y_train = np.log(train["Sales"].to_numpy(float))
    folds, groups = 5, {}
    if options.blocks and split == "by time":
        folds = GroupKFold(5, shuffle=True, random_state=0)
        groups = {"groups": train["Date"].dt.to_period("W").astype(str)}
    encoders = {
        "integer codes": (OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), {}),
        "TargetEncoder": (TargetEncoder(target_type="continuous"), {}),
        "skembed": (NeuralEmbeddingEncoder(cv=folds, random_state=0), groups),
    }
    for encoder_name, (encoder, routed) in encoders.items():
        began = time.perf_counter()
        features = encoder.fit_transform(X_train, y_train, **routed)
        print(f"{split}, {encoder_name}: {time.perf_counter() - began:.0f} s", flush=True)
        features_test = encoder.transform(X_test)
        for model_name, model in models().items():
            began = time.perf_counter()
            row = {"model": model_name, "encoder": encoder_name}
            row["mape"] = mape(test, model.fit(features, y_train).predict(features_test))
            print(
                f"  {model_name}: {row['mape']:.4f}, {time.perf_counter() - began:.0f} s",
                flush=True,
            )
            yield row
    logs = []
    for seed in range(options.nets):
        net = NeuralEmbeddingRegressor(cv=folds, random_state=seed).fit(X_train, y_train, **groups)
        logs.append(net.predict(X_test))
        print(f"net {seed}: {mape(test, logs[-1]):.4f}", flush=True)
    yield {"model": "net", "encoder": "skembed", "mape": mape(test, np.mean(logs, axis=0))}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, help="folder with rossmann/data.parquet")
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--nets", type=int, default=5)
    parser.add_argument("--splits", nargs="+", default=["shuffled", "by time"])
    parser.add_argument("--blocks", action="store_true")
    options = parser.parse_args()
    for split in options.splits:
        frame = pd.DataFrame(rows(split, options))
        table = frame.pivot_table(index="model", columns="encoder", values="mape")
        for column, name in enumerate(("paper", "paper, embeddings")):
            table[name] = [PAPER[split, model][column] for model in table.index]
        order = ["integer codes", "TargetEncoder", "paper", "paper, embeddings", "skembed"]
        table = table.loc[["kNN", "forest", "boosting", "net"], order].round(4)
        print(f"\n{split}: MAPE\n{table.to_string()}\n")


if __name__ == "__main__":
    main()
