"""Vectors learned without a target, then few labels: against random vectors and one-hot.

    python benchmarks/unlabelled.py DATA --out FILE

DATA is the folder that data.py reads. Per data set and seed, the encoder is fitted on 75 % of the
rows without their targets. Neighbours and a linear model are trained on 200 and on 1000 of these
rows, and scored on the other 25 %: AUC for two classes, R2 for quantities. ``random`` replaces the
learned vectors by random ones of the same lengths, ``random, long`` by random ones of the lengths
of `skembed.sizing.auto_dim`, since random vectors live on their width. The seed is that of split,
labelled rows and vectors. The last columns say whether learned vectors are better or worse: level
if 0 lies within the 95 % confidence interval of the differences by seed (Student's t).

Scores are written to FILE as soon as a data set and seed is done, and read the next time.
"""

import argparse
import copy
import pathlib
import warnings

import numpy as np
import pandas as pd
from data import DATA_SETS
from quality import OneHotBesideNumbers, models, names, score, split_rows
from scipy import sparse, stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from skembed import NeuralEmbeddingEncoder
from skembed.sizing import auto_dim

LABELS = (200, 1000)
FEATURES = ["learned", "random", "random, long", "one-hot"]
NOT_ENOUGH = ("titanic",)  # rows


def with_random_vectors(encoder, seed):
    """The encoder with random vectors in the place of its own, as long."""
    encoder, rng = copy.deepcopy(encoder), np.random.default_rng(seed)
    encoder.tables_ = {
        name: rng.normal(size=table.shape).astype(np.float32)
        for name, table in encoder.tables_.items()
    }
    return encoder


def encoders(split):
    """Fitted encoders by name; none has seen a target."""
    learned = NeuralEmbeddingEncoder(target_type="none", random_state=split.seed)
    learned.fit(split.X_train)
    long = NeuralEmbeddingEncoder(embedding_dim=auto_dim, target_type="none", max_epochs=1)
    long.fit(split.X_train)
    return {
        "learned": learned,
        "random": with_random_vectors(learned, split.seed),
        "random, long": with_random_vectors(long, split.seed),
        "one-hot": OneHotBesideNumbers(split.levels).fit(split.X_train),
    }


def labelled_rows(split, n_labels):
    stratify = split.y_train if split.binary else None
    return train_test_split(
        np.arange(len(split.y_train)),
        train_size=n_labels,
        random_state=split.seed,
        stratify=stratify,
    )[0]


def scores(split):
    """A score for each kind of features, number of labels and model."""
    for features, encoder in encoders(split).items():
        train, test = encoder.transform(split.X_train), encoder.transform(split.X_test)
        for n_labels in LABELS:
            rows = labelled_rows(split, n_labels)
            of_kind = models(split.binary, split.seed, sparse.issparse(train))
            for model in ("knn", "linear"):
                fitted = of_kind[model].fit(train[rows], split.y_train[rows])
                yield {
                    "features": features,
                    "labels": n_labels,
                    "model": model,
                    "width": train.shape[1],
                    "score": score(fitted, test, split.y_test),
                }


def fill(options):
    """All scores: read where they are there, made where not."""
    done = pd.read_csv(options.out) if options.out.exists() else pd.DataFrame()
    there = set() if done.empty else set(done[["data", "seed"]].itertuples(index=False, name=None))
    for name in options.data_sets:
        loaded = DATA_SETS[name](options.data)
        for seed in range(options.seeds):
            if (name, seed) not in there:
                rows = [
                    {"data": name, "seed": seed, **row} for row in scores(split_rows(*loaded, seed))
                ]
                done = pd.concat([done, pd.DataFrame(rows)], ignore_index=True)
                done.to_csv(options.out, index=False)
    return done[done["data"].isin(options.data_sets) & (done["seed"] < options.seeds)]


def verdict(difference):
    """Whether differences by seed are beyond noise."""
    spread = stats.sem(difference) * stats.t.ppf(0.975, len(difference) - 1)
    if abs(difference.mean()) <= spread:
        return "level"
    return "better" if difference.mean() > 0 else "worse"


def report(done):
    """Print all scores, and how often learned vectors are better, level or worse."""
    controls = FEATURES[1:]
    print(f"| data set | labels | model | {' | '.join(FEATURES)} | to {' | to '.join(controls)} |")
    print("|" + "---|" * (3 + len(FEATURES) + len(controls)))
    verdicts = []
    for cell, group in done.groupby(["data", "labels", "model"], sort=False):
        by_seed = group.pivot_table(index="seed", columns="features", values="score")
        shown = [f"{by_seed[f].mean():.3f} ± {by_seed[f].std():.3f}" for f in FEATURES]
        row = [verdict(by_seed["learned"] - by_seed[control]) for control in controls]
        verdicts += [[*cell, *pair] for pair in zip(controls, row, strict=True)]
        print(f"| {' | '.join(map(str, [*cell, *shown, *row]))} |")
    columns = ["data", "labels", "model", "control", "verdict"]
    summarise(pd.DataFrame(verdicts, columns=columns))


def summarise(verdicts):
    """Print the numbers of data sets by verdict."""
    print("\n| model | labels | control | better | level | worse |\n|---|---|---|---|---|---|")
    for cell, group in verdicts.groupby(["model", "labels", "control"]):
        counts = [(group["verdict"] == kind).sum() for kind in ("better", "level", "worse")]
        print(f"| {' | '.join(map(str, [*cell, *counts]))} |")
    for control, group in verdicts.groupby("control"):
        cells = group[group["verdict"] == "better"].value_counts("data")
        print(
            f"\nBetter than {control} in at least one of the four cells of {len(cells)} data sets, "
            f"in two or more of {(cells > 1).sum()}, of {group['data'].nunique()}."
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, help="folder that data.py reads")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file of the scores")
    enough = [name for name in DATA_SETS if name not in NOT_ENOUGH]
    parser.add_argument("--data-sets", **names(enough))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # 500 steps are enough to compare
        report(fill(options))


if __name__ == "__main__":
    main()
