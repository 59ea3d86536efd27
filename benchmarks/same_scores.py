"""Same scores, same cost: this checkout's default encoder against an older commit, on real data.

    python benchmarks/same_scores.py REVISION DATA [--seeds 2] [--rows 20000] [--data-sets NAMES]

DATA is the folder that data.py reads. Each set is cut to so many rows and split once a seed; the
encoder of both commits is fitted on three quarters, and the models of dims.py are scored on the
rest, by AUC for two classes and R2 for quantities. Differences are this checkout minus the other,
ratios this checkout over the other; seconds are CPU seconds of `fit_transform`. The older commit is
checked out into a temporary folder, and each split runs in it and then here.
"""

import argparse
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
import pandas as pd
from data import DATA_SETS
from dims import score_models, split


def run(folder, name, seed, n_rows):
    """Scores by model, CPU seconds and epochs of one split, in this process."""
    from skembed import NeuralEmbeddingEncoder

    warnings.simplefilter("ignore")
    X, y, categorical = DATA_SETS[name](folder)
    if len(X) > n_rows:
        rows = np.random.default_rng(0).choice(len(X), n_rows, replace=False)
        X, y = X.iloc[rows].reset_index(drop=True), y[rows]
    train, test, y_train, y_test = split(X, y, seed)
    encoder = NeuralEmbeddingEncoder(categorical_features=categorical, random_state=seed)
    began = time.process_time()
    features = encoder.fit_transform(train, y_train)
    seconds = time.process_time() - began
    features, new = np.nan_to_num(features), np.nan_to_num(encoder.transform(test))
    scores = {model: float(x) for model, x in score_models(features, new, y_train, y_test)}
    return {**scores, "seconds": seconds, "epochs": encoder.n_iter_, "width": features.shape[1]}


def in_process(tree, *arguments):
    """Run one split in a process that imports skembed from a folder."""
    command = [sys.executable, "-P", __file__, "--run", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": f"{tree}{os.pathsep}{pathlib.Path(__file__).parent}"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(revision, folder, names, seeds, n_rows):
    """Print a row a set, and means of differences with their standard errors."""
    here = pathlib.Path(__file__).resolve().parents[1]
    found = []
    with tempfile.TemporaryDirectory() as temporary:
        tree = pathlib.Path(temporary, "tree")
        add = ["git", "-C", here, "worktree", "add", "--quiet", "--detach", tree, revision]
        subprocess.run(add, check=True)
        try:
            for name in names:
                for seed in range(seeds):
                    old, new = (in_process(of, folder, name, seed, n_rows) for of in (tree, here))
                    differences = {what: new[what] - old[what] for what in old}
                    for ratio in ("seconds", "epochs", "width"):
                        differences[ratio] = np.log(new[ratio] / old[ratio])
                    found.append({"set": name, **differences})
        finally:
            subprocess.run(["git", "-C", here, "worktree", "remove", "--force", tree], check=True)
    table = pd.DataFrame(found).set_index("set")
    errors = table.std() / np.sqrt(len(table))
    table = pd.concat([table.groupby(level=0, sort=False).mean(), table.mean().to_frame("all").T])
    for name, row in table.iterrows():
        models = "  ".join(f"{model} {row[model]:+.4f}" for model in ("xgb", "linear", "knn"))
        others = "  ".join(f"{what} {np.exp(row[what]):.2f}" for what in row.index[3:])
        print(f"{name:12} {models}  {others}")
    print(
        "standard error  " + "  ".join(f"{model} {errors[model]:.4f}" for model in errors.index[:3])
    )


if __name__ == "__main__":
    if "--run" in sys.argv:
        folder, name, seed, n_rows = sys.argv[sys.argv.index("--run") + 1 :]
        print(json.dumps(run(pathlib.Path(folder), name, int(seed), int(n_rows))))
        sys.exit()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision")
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--data-sets", default=",".join(DATA_SETS))
    args = parser.parse_args()
    compare(args.revision, args.data, args.data_sets.split(","), args.seeds, args.rows)
