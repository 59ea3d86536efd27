"""How long should vectors be? Scores by the longest vector, and of random vectors as long.

    python benchmarks/dims.py DATA [--data-sets amazon,salaries]

DATA is the folder that data.py reads. The rule for shorter vectors stays; its upper end is moved.
Means over three splits, AUC for two classes, R2 for quantities.
"""

import argparse
import copy
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


def fastai_dim(n_levels, longest):
    return 1 if n_levels <= 2 else min(longest, round(1.6 * n_levels**0.56))


def random_like(encoder, seed):
    """The encoder with random tables of the same shape."""
    rng = np.random.default_rng(seed)
    random = copy.deepcopy(encoder)
    random.tables_ = {
        name: rng.normal(size=table.shape).astype(np.float32)
        for name, table in encoder.tables_.items()
    }
    return random


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


def scores(X, y, longest, seed):
    """Score by vectors and model, of one split."""
    binary = is_binary(y)
    parts = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=y if binary else None
    )
    X_train, X_test, y_train, y_test = parts
    encoder = NeuralEmbeddingEncoder(
        embedding_dim=lambda n: fastai_dim(n, longest), random_state=seed
    )
    learned = encoder.fit_transform(X_train, y_train), encoder.transform(X_test)
    random = random_like(encoder, seed)
    pairs = {"learned": learned, "random": (random.transform(X_train), random.transform(X_test))}
    for vectors, (train, test) in pairs.items():
        train, test = np.nan_to_num(train), np.nan_to_num(test)
        for name, model in models(binary).items():
            model.fit(train, y_train)
            if binary:
                score = roc_auc_score(y_test, model.predict_proba(test)[:, 1])
            else:
                score = r2_score(y_test, model.predict(test))
            yield {"vectors": vectors, "model": name, "longest": longest, "score": score}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--data-sets", default="amazon,salaries,adult")
    parser.add_argument("--longest", type=int, nargs="+", default=[2, 3, 4, 8])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    rows = []
    for name in options.data_sets.split(","):
        X, y, _ = DATA_SETS[name](options.data)
        for longest in options.longest:
            for seed in range(options.seeds):
                rows += [{"data": name, **row} for row in scores(X, y, longest, seed)]
    table = pd.DataFrame(rows).pivot_table(
        index=["data", "model", "vectors"], columns="longest", values="score"
    )
    print(table.round(4).to_string())


if __name__ == "__main__":
    main()
