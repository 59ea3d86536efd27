"""Amazon employee access: learned tables against TargetEncoder and random vectors.

    python benchmarks/amazon.py DATA/amazon_employee/data.csv.gz

Nine columns of ids with up to 7,518 levels, three rows per level in the largest: where target
leaks and memorised levels show. 75 % of the rows are trained on, 25 % scored. Two tables: one
split with three seeds of the encoder, and three splits. The models have no seed.

With --reference FILE, a script that takes ``amazon --seed SPLIT`` and prints a line ``cross-fitted
xgboost AUC logistic AUC`` is run beside, once per split.
"""

import argparse
import re
import subprocess
import sys

import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler, TargetEncoder
from xgboost import XGBClassifier

from skembed import NeuralEmbeddingEncoder
from skembed._cli.rivals import RandomVectors


def encoders(seed):
    return {
        "skembed": NeuralEmbeddingEncoder(random_state=seed),
        "skembed, no crosses": NeuralEmbeddingEncoder(random_state=seed, crosses=None),
        "TargetEncoder": TargetEncoder(cv=StratifiedKFold(5, shuffle=True, random_state=seed)),
        "random vectors": RandomVectors(random_state=seed),
    }


def models():
    return {
        "xgboost": XGBClassifier(n_estimators=200, learning_rate=0.1, max_depth=6),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    }


def score(X, y, split, seed):
    """AUC by encoder and model, of one split and one seed of the encoders."""
    parts = train_test_split(X, y, test_size=0.25, random_state=split, stratify=y)
    X_train, X_test, y_train, y_test = parts
    for encoder_name, encoder in encoders(seed).items():
        train, test = encoder.fit_transform(X_train, y_train), encoder.transform(X_test)
        for model_name, model in models().items():
            scores = model.fit(train, y_train).predict_proba(test)[:, 1]
            auc = roc_auc_score(y_test, scores)
            yield {"encoder": encoder_name, "model": model_name, "auc": auc}


def reference(script, split):
    """AUC by model that the reference script prints for a split."""
    command = [sys.executable, script, "amazon", "--seed", str(split)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    line = next(line for line in printed.splitlines() if line.startswith("cross-fitted"))
    for model, auc in re.findall(r"(xgboost|logistic) ([\d.]+)", line):
        yield {"encoder": "reference", "model": model, "auc": float(auc)}


def report(title, rows):
    frame = pd.DataFrame(rows)
    order = list(dict.fromkeys(frame["encoder"]))
    table = frame.pivot_table(
        index="encoder",
        columns="model",
        values="auc",
        aggfunc=lambda auc: f"{auc.mean():.4f} ± {auc.std(ddof=0):.4f} ({len(auc)})",
    )
    print(f"\n{title}: AUC, mean ± standard deviation (runs)\n")
    print(table.loc[order, ["xgboost", "logistic"]].to_string())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", help="CSV file with the column ACTION and nine columns of ids")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--reference", help="script to run beside")
    options = parser.parse_args()
    frame = pd.read_csv(options.data)
    X, y = frame.drop(columns="ACTION").astype(str), frame["ACTION"]

    splits = {split: [] for split in range(options.seeds)}
    if options.reference:
        splits = {split: list(reference(options.reference, split)) for split in splits}
    one_split = list(splits[0])
    for seed in range(options.seeds):
        one_split += score(X, y, split=0, seed=seed)
    report(f"Split 0, {options.seeds} seeds of the encoders", one_split)

    all_splits = []
    for split, rows in splits.items():
        all_splits += [*rows, *score(X, y, split=split, seed=split)]
    report(f"{options.seeds} splits", all_splits)


if __name__ == "__main__":
    main()
