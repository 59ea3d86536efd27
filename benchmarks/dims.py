"""How long vectors should be, and which of their axes are worth handing on.

    python benchmarks/dims.py DATA [--data-sets amazon,salaries]

DATA is the folder that data.py reads. The first table moves the upper end of the rule for lengths
and keeps all axes. The second keeps the default lengths and drops axes below a share of what all
vectors tell, as the encoder does. Without crosses; means over three splits, AUC for two classes,
R2 for quantities.
"""

import argparse
import pathlib

import numpy as np
import pandas as pd
from data import DATA_SETS, is_binary
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from skembed import NeuralEmbeddingEncoder
from skembed._model.dimensions import LONGEST


def fastai_dim(n_levels, longest):
    return 1 if n_levels <= 2 else min(longest, round(1.6 * n_levels**0.56))


def models(binary):
    xgb, linear, knn = (
        (XGBClassifier, LogisticRegression(max_iter=500), KNeighborsClassifier)
        if binary
        else (XGBRegressor, Ridge(), KNeighborsRegressor)
    )
    return {
        "xgb": xgb(n_estimators=200, learning_rate=0.1, max_depth=6),
        "linear": make_pipeline(StandardScaler(), linear),
        "knn": make_pipeline(StandardScaler(), knn(20)),
    }


def split(X, y, seed):
    """Training and test rows."""
    stratify = y if is_binary(y) else None
    return train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify)


def score_models(train, test, y_train, y_test):
    """Score by model."""
    binary = is_binary(y_train)
    for name, model in models(binary).items():
        model.fit(train, y_train)
        if binary:
            yield name, roc_auc_score(y_test, model.predict_proba(test)[:, 1])
        else:
            yield name, r2_score(y_test, model.predict(test))


def axes_kept(encoder, train, names, share):
    """Columns of the output: numbers, first axes, and axes above the share."""
    kept, start, strengths = [], 0, train.var(axis=0)
    vectors = np.array([name in encoder.tables_ for name in names])
    dims = [encoder.tables_[name].shape[1] if name in encoder.tables_ else 1 for name in names]
    total = strengths[np.repeat(vectors, dims)].sum()
    for dim in dims:
        kept += [start + i for i in range(dim) if i == 0 or strengths[start + i] > share * total]
        start += dim
    return kept


def scores(X, y, seed, longest, shares):
    """Scores by model and share, of one split."""
    X_train, X_test, y_train, y_test = split(X, y, seed)
    encoder = NeuralEmbeddingEncoder(
        embedding_dim=lambda n: fastai_dim(n, longest), crosses=None, random_state=seed
    )
    train = np.nan_to_num(encoder.fit_transform(X_train, y_train))
    test = np.nan_to_num(encoder.transform(X_test))
    for share in shares:
        kept = axes_kept(encoder, train, X.columns, share)
        for name, score in score_models(train[:, kept], test[:, kept], y_train, y_test):
            row = {"model": name, "longest": longest, "share": share}
            yield {**row, "score": score, "width": len(kept)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--data-sets", default="amazon,salaries,adult")
    parser.add_argument("--longest", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.001, 0.003, 0.01, 0.03])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for name in options.data_sets.split(","):
        X, y, _ = DATA_SETS[name](options.data)
        for longest in options.longest:
            shares = [0, *options.shares] if longest == LONGEST else [0]
            for seed in range(options.seeds):
                rows += [{"data": name, **row} for row in scores(X, y, seed, longest, shares)]
    frame = pd.DataFrame(rows)
    lengths, shares = frame[frame["share"] == 0], frame[frame["longest"] == LONGEST]
    for part, column in ((lengths, "longest"), (shares, "share")):
        table = part.pivot_table(index=["data", "model"], columns=column, values="score")
        width = part.pivot_table(index="data", columns=column, values="width")
        print(f"{table.round(4).to_string()}\n\nwidth\n{width.round(1).to_string()}\n")


if __name__ == "__main__":
    main()
