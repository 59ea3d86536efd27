"""Same bits, same cost: this checkout against an older commit, on data of many kinds.

    python benchmarks/same_bits.py REVISION [--rounds 3] [--only NAME ...]

Each case fits, transforms or predicts, saves and loads, and hashes what came out. The older commit
is checked out into a temporary folder; both run in processes of their own, one after the other and
in turns, so that noise of the machine meets both. Seconds are CPU seconds of the process, ratios
are this checkout over the other. Exits with 1 if a hash differs.
"""

import argparse
import gc
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from hashlib import sha256

import numpy as np
import pandas as pd
from scipy import sparse

FAST = {"max_epochs": 3, "random_state": 0}


def adult(n_rows=4000):
    """Rows of UCI Adult, and whether a person earns more than 50,000 dollars."""
    from skembed.datasets import load_adult

    X, _, y, _ = load_adult()
    return X.head(n_rows), y.head(n_rows)


def sales(n_rows=3000):
    """Columns of several kinds, and a quantity."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {
            "shop": rng.integers(0, 60, n_rows).astype(str),
            "item": pd.Categorical(rng.integers(0, 300, n_rows)),
            "open": rng.random(n_rows) < 0.8,
            "price": rng.lognormal(size=n_rows),
            "day": rng.integers(0, 7, n_rows),
        }
    )
    X.loc[::17, "shop"] = None
    X.loc[::13, "price"] = np.nan
    of_shop, of_item = rng.normal(size=60), rng.normal(size=300)
    shop = X["shop"].fillna("0").astype(int).to_numpy()
    y = of_shop[shop] + of_item[X["item"].astype(int)] * X["open"] + rng.normal(size=n_rows)
    return X, y.to_numpy()


def bags(n_rows=2000):
    """A column of lists beside one of strings, and a quantity."""
    rng = np.random.default_rng(1)
    words = np.array(list("abcdefghij"))
    lists = [list(rng.choice(words, rng.integers(0, 5))) for _ in range(n_rows)]
    X = pd.DataFrame({"words": lists, "town": rng.choice(list("xyz"), n_rows)})
    return X, np.array([2.0 * ("a" in cell) - ("b" in cell) for cell in lists]) + rng.normal(
        size=n_rows
    )


def new_rows(X):
    """The rows in another order, with a level that no fit has seen and one that is missing."""
    X = X.sample(frac=1, random_state=3).reset_index(drop=True)
    for name in X.columns[X.dtypes.astype(str).isin(["object", "str"])]:
        if isinstance(X[name][0], str):
            X[name] = X[name].mask(X.index % 11 == 0, "never seen").mask(X.index % 7 == 0, None)
    return X


def seconds(call, repeats=20):
    """CPU seconds of a call, the least of some."""
    taken = []
    for _ in range(repeats):
        began = time.process_time()
        call()
        taken.append(time.process_time() - began)
    return min(taken)


def encode(X, y, rows=None, **options):
    """Outputs of an encoder, of its copy from a file, and the seconds of fit and transform."""
    from skembed import NeuralEmbeddingEncoder

    fit_options = {
        name: options.pop(name) for name in ("groups", "sample_weight") if name in options
    }
    encoder = NeuralEmbeddingEncoder(**{**FAST, **options})
    began = time.process_time()
    features = encoder.fit_transform(X, y, **fit_options)
    fitted = time.process_time()
    rows = new_rows(X) if rows is None else rows
    given = encoder.transform(rows)
    transform = seconds(lambda: encoder.transform(rows))
    with tempfile.TemporaryDirectory() as folder:
        encoder.save(f"{folder}/e.skembed")
        loaded = NeuralEmbeddingEncoder.load(f"{folder}/e.skembed").transform(rows)
    parts = [features, given, loaded, encoder.get_feature_names_out().astype(str)]
    parts += [np.asarray(encoder.history_[name]) for name in encoder.history_ if name != "seconds"]
    return parts, fitted - began, transform


def predict(kind, X, y, **options):
    """Predictions of a predictor, and the seconds of fit and predict."""
    import skembed

    model = getattr(skembed, kind)(**{**FAST, **options})
    began = time.process_time()
    model.fit(X, y)
    fitted = time.process_time()
    method, rows = getattr(model, "predict_proba", model.predict), new_rows(X)
    given = method(rows)
    first = next(iter(model.vocabularies_))
    return [given, model.tables_[first]], fitted - began, seconds(lambda: method(rows))


def encode_parquet(X, y, **options):
    """What an encoder fitted on a file gives, and the features that it writes."""
    from skembed import NeuralEmbeddingEncoder

    with tempfile.TemporaryDirectory() as folder:
        X = X.astype(dict.fromkeys(X.columns[X.dtypes == "category"], str))
        X.assign(y=y).to_parquet(f"{folder}/rows.parquet")
        began = time.process_time()
        encoder = NeuralEmbeddingEncoder(**{**FAST, **options})
        encoder.fit_transform_parquet(f"{folder}/rows.parquet", "y", f"{folder}/out.parquet")
        fitted = time.process_time()
        features = pd.read_parquet(f"{folder}/out.parquet").to_numpy()
        given = encoder.transform(new_rows(X))
        return [features, given], fitted - began, time.process_time() - fitted


def to_torch(X, y, **options):
    """What the frozen modules of an encoder and a predictor give."""
    from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor

    began, parts = time.process_time(), []
    for kind in (NeuralEmbeddingEncoder, NeuralEmbeddingRegressor):
        module = kind(**{**FAST, **options}).fit(X, y).to_torch()
        parts.append(module(module.inputs(new_rows(X))).detach().numpy())
    return parts, time.process_time() - began, 0.0


def cases():
    """Each case by name: a function without arguments."""
    rng = np.random.default_rng(2)
    people, earns = adult()
    X, y = sales()
    baskets, spent = bags()
    counts = sparse.random(1500, 40, 0.1, random_state=4, format="csr")
    more = counts @ rng.normal(size=40)
    words = {"shop": {str(i): rng.normal(size=3) for i in range(40)}}
    grades = np.where(y < -1, "low", np.where(y > 1, "high", "middle"))
    pairs = X[["shop", "item"]].astype(str)
    whole = X.drop(columns="price").assign(shop=X["shop"].fillna("0"))
    many = pd.concat([people] * 12, ignore_index=True)
    groups = {"cv": _group_folds(), "groups": X["shop"].fillna("0")}
    from skembed import NeuralEmbeddingEncoder  # noqa: F401  (its import is not timed)

    return {
        "adult, default": lambda: encode(people, earns, max_epochs="auto", rows=many),
        "adult, weights": lambda: encode(
            people, earns, sample_weight=rng.integers(0, 3, len(earns)).astype(float)
        ),
        "sales, crosses of all pairs": lambda: encode(X, y, crosses=2),
        "sales, named crosses with numbers": lambda: encode(
            X, y, crosses=[("shop", "price"), ("shop", "item", "open")]
        ),
        "sales, quantile": lambda: encode(X, y, loss="quantile", quantile=0.8, crosses=None),
        "sales, poisson": lambda: encode(X, np.floor(np.exp(y / 2)), loss="poisson"),
        "sales, classes": lambda: encode(X, grades, crosses=None),
        "sales, two targets": lambda: encode(X, np.column_stack([y, -(y**2)]), crosses=None),
        "sales, groups": lambda: encode(X, y, **groups),
        "sales, without folds": lambda: encode(X, y, cv=None),
        "sales, pooled levels": lambda: encode(X, y, min_frequency=8, max_categories=100),
        "sales, pretrained": lambda: encode(X, y, pretrained=words, crosses=None),
        "sales, frozen": lambda: encode(
            X, y, pretrained=words, freeze_pretrained=True, crosses=None
        ),
        "sales, without a target": lambda: encode(X, None),
        "sales, polars": lambda: encode(X, y, rows=_polars(new_rows(X)), crosses=None),
        "sales, array of ints": lambda: encode(
            whole.astype(int).to_numpy(), y, rows=whole.astype(int).to_numpy()[::-1]
        ),
        "sales, dropped numbers": lambda: encode(X, y, remainder="drop", use_context=False),
        "pairs, dot": lambda: encode(pairs, y, interaction="dot", remainder="drop"),
        "bags": lambda: encode(baskets, spent),
        "bags, sums": lambda: encode(baskets, spent, bag_mode="sum", crosses=None),
        "sparse": lambda: encode(counts, more, rows=counts[::-1]),
        "adult, Parquet": lambda: encode_parquet(people, earns),
        "adult, classifier": lambda: predict("NeuralEmbeddingClassifier", people, earns),
        "sales, classifier of three": lambda: predict("NeuralEmbeddingClassifier", X, grades),
        "sales, regressor": lambda: predict("NeuralEmbeddingRegressor", X, y),
        "sales, regressor in a range": lambda: predict(
            "NeuralEmbeddingRegressor", X, y, y_range=(-9.0, 9.0), crosses=None
        ),
        "pairs, dot regressor": lambda: predict(
            "NeuralEmbeddingRegressor", pairs, y, interaction="dot"
        ),
        "sales, torch": lambda: to_torch(X, y, crosses=[("shop", "price")]),
    }


def _polars(X):
    import polars as pl

    return pl.from_pandas(X)


def _group_folds():
    from sklearn.model_selection import GroupKFold

    return GroupKFold(4)


def digest(parts):
    """Hash of some arrays: their types, shapes and bytes."""
    whole = sha256()
    for part in map(np.ascontiguousarray, parts):
        whole.update(f"{part.dtype} {part.shape}".encode() + part.tobytes())
    return whole.hexdigest()[:16]


def run(names):
    """Run cases in this process; print a line of JSON."""
    warnings.simplefilter("ignore")
    found = {}
    for name, case in cases().items():
        if not names or name in names:
            gc.collect()
            gc.disable()  # a full collection would land in another case of each checkout
            parts, fit, transform = case()
            gc.enable()
            found[name] = {"hash": digest(parts), "fit": fit, "transform": transform}
    print(json.dumps(found))


def in_process(tree, names):
    """Run cases in a process that imports skembed from a folder."""
    command = [sys.executable, "-P", __file__, "--run", *(f"--only={name}" for name in names)]
    environment = os.environ | {"PYTHONPATH": str(tree)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(revision, rounds, names):
    """Print a line a case; return whether all hashes are the same."""
    here = pathlib.Path(__file__).resolve().parents[1]
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder, "tree")
        add = ["git", "-C", here, "worktree", "add", "--quiet", "--detach", tree, revision]
        subprocess.run(add, check=True)
        try:
            found = [[in_process(each, names) for each in (tree, here)] for _ in range(rounds)]
        finally:
            subprocess.run(["git", "-C", here, "worktree", "remove", "--force", tree], check=True)
    all_same, ratios = True, {"fit": [], "transform": []}
    print("| case | same bits | fit | transform |\n|---|---|---|---|")
    for name in found[0][0]:
        same = len({each[name]["hash"] for pair in found for each in pair}) == 1
        all_same &= same
        shown = []
        for what, of_all in ratios.items():
            of_case = [
                new[name][what] / old[name][what] for old, new in found if old[name][what] > 0
            ]
            ratio = statistics.median(of_case) if of_case else float("nan")
            of_all.append(ratio)
            shown.append(f"{ratio:.2f}")
        print(f"| {name} | {'yes' if same else '**NO**'} | {' | '.join(shown)} |")
    means = [float(np.exp(np.nanmean(np.log(each)))) for each in ratios.values()]
    print(f"| all | {'yes' if all_same else '**NO**'} | {means[0]:.3f} | {means[1]:.3f} |")
    return all_same


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("revision", nargs="?", default="HEAD")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--run", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.run:
        run(args.only)
    else:
        sys.exit(not compare(args.revision, args.rounds, args.only))
