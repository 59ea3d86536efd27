"""Encoders against each other under five models, on the data sets of data.py.

    python benchmarks/quality.py DATA --out FOLDER

DATA is the folder that data.py reads. Per data set and seed, 75 % of the rows are trained on and
25 % scored: AUC for two classes, R2 for quantities. The seed is that of split, encoder and model.
Models that take levels as they are run beside, under the model name ``native``.

Each cell is written to FOLDER/results.csv as soon as it is there, and skipped the next time; a
cell that failed is tried again. ``python benchmarks/report.py FOLDER`` makes tables of the cells
that there are. catboost, lightgbm, category_encoders and skrub are used where they are installed.
"""

import argparse
import csv
import itertools
import pathlib
import time
import warnings
from importlib import import_module
from typing import NamedTuple

import numpy as np
import pandas as pd
from data import DATA_SETS, is_binary
from report import CELL, read_results
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from scipy import sparse
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)
from xgboost import XGBClassifier, XGBRegressor

from skembed import NeuralEmbeddingEncoder
from skembed._cli.rivals import RandomVectors

# One-hot features of more numbers than this stay sparse: trees are slow on wide dense ones.
DENSE_NUMBERS = 5_000_000


class Split(NamedTuple):
    """What a cell is fitted and scored on."""

    X_train: pd.DataFrame
    X_test: pd.DataFrame
    y_train: np.ndarray
    y_test: np.ndarray
    levels: list
    seed: int

    @property
    def binary(self):
        """Whether there are two classes."""
        return is_binary(self.y_train)


def split_rows(X, y, levels, seed):
    stratify = y if is_binary(y) else None
    parts = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=stratify)
    return Split(*parts, levels, seed)


class FrequencyEncoder(TransformerMixin, BaseEstimator):
    """Logarithm of one more than the number of training rows of the level."""

    def fit(self, X, y=None):
        """Count."""
        self.counts_ = {name: X[name].fillna("missing").value_counts() for name in X}
        return self

    def transform(self, X):
        """Replace levels by the logarithms."""
        counts = [X[name].fillna("missing").map(self.counts_[name]).fillna(0) for name in X]
        return np.log1p(np.column_stack(counts).astype(float))


class OneHotBesideNumbers(TransformerMixin, BaseEstimator):
    """A column per level of five rows or more, then the numbers; sparse where it is large."""

    def __init__(self, levels):
        self.levels = levels

    def fit(self, X, y=None):
        """Find the levels."""
        encoder = OneHotEncoder(min_frequency=5, handle_unknown="infrequent_if_exist")
        self.encoder_ = encoder.fit(X[self.levels])
        width = len(encoder.get_feature_names_out()) + X.shape[1] - len(self.levels)
        self.dense_ = len(X) * width <= DENSE_NUMBERS
        return self

    def transform(self, X):
        """Replace levels by their columns."""
        numbers = X.drop(columns=self.levels).to_numpy(dtype=float)
        rows, width = numbers.shape
        # Every number is stored, zeros too: XGBoost takes what is not stored as missing.
        columns, ends = np.tile(np.arange(width), rows), np.arange(rows + 1) * width
        numbers = sparse.csr_matrix((numbers.ravel(), columns, ends), shape=(rows, width))
        features = sparse.hstack([self.encoder_.transform(X[self.levels]), numbers], format="csr")
        return features.toarray() if self.dense_ else sparse.csr_matrix(features)


def get(module, name):
    """An object of a module that may not be there: the error then stands in the cell."""
    return getattr(import_module(module), name)


def encoders(levels, binary, seed):
    """Functions that make the encoders, by name."""

    def beside_numbers(encoder):
        return make_column_transformer((encoder, levels), remainder="passthrough")

    def by_column(encoder, **parameters):
        parts = [(encoder(**parameters), name) for name in levels]
        return make_column_transformer(*parts, remainder="passthrough")

    ordinal = {"handle_unknown": "use_encoded_value", "unknown_value": -1}
    target_type = "binary" if binary else "continuous"
    folds = (StratifiedKFold if binary else KFold)(5, shuffle=True, random_state=seed)
    return {
        "ordinal": lambda: beside_numbers(OrdinalEncoder(**ordinal, encoded_missing_value=-2)),
        "one-hot": lambda: OneHotBesideNumbers(levels),
        "target": lambda: beside_numbers(TargetEncoder(target_type=target_type, cv=folds)),
        "ce-target": lambda: beside_numbers(get("category_encoders", "TargetEncoder")(cols=levels)),
        "ce-catboost": lambda: beside_numbers(
            get("category_encoders", "CatBoostEncoder")(cols=levels, random_state=seed)
        ),
        "skrub-string": lambda: by_column(
            get("skrub", "StringEncoder"), n_components=8, random_state=seed
        ),
        "random": lambda: RandomVectors(random_state=seed),
        "frequency": lambda: beside_numbers(FrequencyEncoder()),
        "skembed": lambda: NeuralEmbeddingEncoder(random_state=seed),
        "skembed-plain": lambda: NeuralEmbeddingEncoder(random_state=seed, crosses=None),
    }


def densify(X):
    return X.toarray() if sparse.issparse(X) else X


def models(binary, seed, is_sparse=False):
    """Models by name. Forests take missing numbers, but not in sparse features."""
    trees = {"n_estimators": 300, "learning_rate": 0.1, "max_depth": 6, "tree_method": "hist"}
    forest = {"n_estimators": 200, "min_samples_leaf": 5, "n_jobs": 2, "random_state": seed}
    neighbours = {"n_neighbors": 20, "n_jobs": 2}
    dense = FunctionTransformer(densify, accept_sparse=True)

    def filled(*steps):
        return make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), *steps)

    def scaled(model):
        return filled(StandardScaler(with_mean=not is_sparse), model)

    if binary:
        return {
            "xgb": XGBClassifier(**trees, n_jobs=2, random_state=seed),
            "rf": filled(RandomForestClassifier(**forest, max_features="sqrt")),
            "linear": scaled(LogisticRegression(max_iter=500)),
            "knn": scaled(KNeighborsClassifier(**neighbours)),
            "hgb": make_pipeline(dense, HistGradientBoostingClassifier(random_state=seed)),
        }
    return {
        "xgb": XGBRegressor(**trees, n_jobs=2, random_state=seed),
        "rf": filled(RandomForestRegressor(**forest, max_features=0.5)),
        "linear": scaled(Ridge()),
        "knn": scaled(KNeighborsRegressor(**neighbours)),
        "hgb": make_pipeline(dense, HistGradientBoostingRegressor(random_state=seed)),
    }


def as_they_are(split):
    return split


def as_words(split):
    """Missing levels as a word: catboost takes no missing ones."""
    frames = [X.fillna(dict.fromkeys(split.levels, "missing")) for X in split[:2]]
    frames = [X.astype(dict.fromkeys(split.levels, object)) for X in frames]
    return split._replace(X_train=frames[0], X_test=frames[1])


def as_categories(split):
    """Levels as categories of the training rows; plain names, which lightgbm demands."""
    frames = [X.set_axis([f"x{j}" for j in range(X.shape[1])], axis=1) for X in split[:2]]
    for j in split.X_train.columns.get_indexer(split.levels):
        known = frames[0][f"x{j}"].dropna().unique()
        for X in frames:
            # Others become missing: a level not seen in training is none of the categories.
            X[f"x{j}"] = X[f"x{j}"].where(X[f"x{j}"].isin(known)).astype(pd.CategoricalDtype(known))
    return split._replace(X_train=frames[0], X_test=frames[1])


def natives(levels, binary, seed):
    """How the levels are given to a whole model, and a function that makes it, by name."""
    kind = "Classifier" if binary else "Regressor"
    trees = {"n_estimators": 300, "learning_rate": 0.1, "random_state": seed}
    catboost = {"iterations": 500, "thread_count": 2, "allow_writing_files": False}

    def net(**parameters):
        return get("skembed", f"NeuralEmbedding{kind}")(random_state=seed, **parameters)

    return {
        "catboost": (
            as_words,
            lambda: get("catboost", f"CatBoost{kind}")(
                **catboost, cat_features=levels, random_seed=seed, verbose=False
            ),
        ),
        "lightgbm": (
            as_categories,
            # One thread: two wait for each other for minutes where another process is busy.
            lambda: get("lightgbm", f"LGBM{kind}")(**trees, n_jobs=1, verbose=-1),
        ),
        "xgboost": (
            as_categories,
            lambda: get("xgboost", f"XGB{kind}")(
                **trees, n_jobs=2, max_depth=6, tree_method="hist", enable_categorical=True
            ),
        ),
        "skembed-net": (as_they_are, net),
        "skembed-net-plain": (as_they_are, lambda: net(crosses=None)),
    }


def score(model, X, y):
    if is_binary(y):
        return roc_auc_score(y, model.predict_proba(X)[:, 1])
    return r2_score(y, model.predict(X))


def failure(error):
    return {"error": f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"}


def score_native(split, name):
    """The cell of a whole model."""
    try:
        give, make = natives(split.levels, split.binary, split.seed)[name]
        given, model = give(split), make()
        began = time.perf_counter()
        model.fit(given.X_train, given.y_train)
        seconds = time.perf_counter() - began
        return {
            "score": score(model, given.X_test, given.y_test),
            "seconds": seconds,
            "width": given.X_train.shape[1],
        }
    except Exception as error:
        return failure(error)


def score_encoder(split, name, model_names):
    """The cells of an encoder, one per model."""
    try:
        encoder = encoders(split.levels, split.binary, split.seed)[name]()
        began = time.perf_counter()
        train = encoder.fit_transform(split.X_train, split.y_train)
        seconds = time.perf_counter() - began
        test = encoder.transform(split.X_test)
    except Exception as error:
        yield from ({"model": model_name, **failure(error)} for model_name in model_names)
        return
    for model_name in model_names:
        row = {"model": model_name, "seconds": seconds, "width": train.shape[1]}
        model = models(split.binary, split.seed, sparse.issparse(train))[model_name]
        try:
            yield {**row, "score": score(model.fit(train, split.y_train), test, split.y_test)}
        except Exception as error:
            yield {**row, **failure(error)}


def cells(options):
    """All cells asked for, those of a data set, a seed and an encoder side by side."""
    whole = natives([], True, 0)
    for data, seed, encoder in itertools.product(
        options.data_sets, range(options.seeds), options.encoders
    ):
        for model in options.models:
            if (model == "native") == (encoder in whole):
                yield data, seed, encoder, model


def append(path, row):
    is_new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, [*CELL, "score", "seconds", "width", "error"])
        if is_new:
            writer.writeheader()
        writer.writerow(row)


def fill(options, path):
    """Fit every cell that has no score yet."""
    scored = read_results(path).dropna(subset="score")
    done = set(scored[CELL].itertuples(index=False, name=None))
    todo = [cell for cell in cells(options) if cell not in done]
    columns = [*Progress.get_default_columns(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Progress(*columns) as progress:
        task = progress.add_task("", total=len(todo))
        for data, of_data in itertools.groupby(todo, lambda cell: cell[0]):
            loaded = DATA_SETS[data](options.data)
            for (seed, encoder), group in itertools.groupby(of_data, lambda cell: cell[1:3]):
                progress.update(task, description=f"{data} {seed} {encoder}")
                split, names = split_rows(*loaded, seed), [model for *_, model in group]
                if names == ["native"]:
                    rows = [{"model": "native", **score_native(split, encoder)}]
                else:
                    rows = score_encoder(split, encoder, names)
                for row in rows:
                    append(path, {"data": data, "seed": seed, "encoder": encoder, **row})
                    progress.advance(task)


def all_models():
    return [*models(True, 0), "native"]


def names(known):
    """A parser of names with commas between."""

    def parse(text):
        unknown = set(text.split(",")) - set(known)
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown: {sorted(unknown)}; known: {list(known)}")
        return text.split(",")

    return {"type": parse, "default": list(known), "metavar": "A,B", "help": ", ".join(known)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, help="folder that data.py reads")
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--data-sets", **names(DATA_SETS))
    parser.add_argument("--encoders", **names([*encoders([], True, 0), *natives([], True, 0)]))
    parser.add_argument("--models", **names(all_models()))
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.csv"
    with warnings.catch_warnings():
        # 500 steps are what the linear model is given, and two levels make few components.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "The matrix shape is .* too small")
        fill(options, path)


if __name__ == "__main__":
    main()
