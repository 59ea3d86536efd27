"""Is the row of unseen levels worth training? Log-loss on levels held out of fit.

    python benchmarks/unseen.py DATA

DATA is a folder with amazon_employee/data.csv.gz; UCI Adult comes with the package. A fifth of
the levels of one column is held out with all its rows. The rows are scored four times: with the
trained prior row for the unseen levels, with zeros, with the mean of the trained vectors, and with
random rows of their spread (mean of ten draws). Without crosses: one row alone differs then.
"""

import argparse
import pathlib

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult


def data_sets(folder):
    """Name, X, y and the column whose levels are held out."""
    amazon = pd.read_csv(folder / "amazon_employee" / "data.csv.gz")
    yield "amazon", amazon.drop(columns="ACTION").astype(str), amazon["ACTION"], "MGR_ID"
    X_train, X_test, y_train, y_test = load_adult()
    X = pd.concat([X_train, X_test], ignore_index=True)
    yield "adult", X, pd.concat([y_train, y_test], ignore_index=True), "occupation"


def score(X, y, column, seed):
    """Log-loss by model and kind of row for unseen levels."""
    rng = np.random.default_rng(seed)
    levels = X[column].dropna().unique()
    new = X[column].isin(rng.choice(levels, max(1, len(levels) // 5), replace=False))
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=seed)
    features = encoder.fit_transform(X[~new], y[~new])
    table, counts = encoder.tables_[column], encoder.vocabularies_[column].counts
    mean = counts @ table / counts.sum()
    spread = np.sqrt(counts @ (table - mean) ** 2 / counts.sum())
    kinds = {
        "trained": [table[0].copy()],
        "zero": [np.zeros(table.shape[1])],
        "mean": [mean],
        "random": mean + spread * rng.normal(size=(10, table.shape[1])),
    }
    models = {
        "xgboost": XGBClassifier(n_estimators=200, learning_rate=0.1, max_depth=6),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    }
    for name, model in models.items():
        model.fit(features, y[~new])
        for kind, rows in kinds.items():
            losses = []
            for table[0] in rows:
                scores = model.predict_proba(encoder.transform(X[new]))[:, 1]
                losses.append(log_loss(y[new], scores))
            yield {"model": name, "unseen row": kind, "loss": np.mean(losses)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for name, X, y, column in data_sets(options.data):
        for seed in range(options.seeds):
            rows += [{"data": name, **row} for row in score(X, y, column, seed)]
    table = pd.DataFrame(rows).pivot_table(
        index=["data", "model"],
        columns="unseen row",
        values="loss",
        aggfunc=lambda loss: f"{loss.mean():.4f} ± {loss.std(ddof=0):.4f}",
    )
    print(table[["trained", "zero", "mean", "random"]].to_string())


if __name__ == "__main__":
    main()
