"""Encoders against each other under five models, on the data sets of data.py.

    python benchmarks/quality.py DATA --out FOLDER

DATA is the folder that data.py reads. Per data set and seed, 75 % of the rows are trained on and
25 % scored: AUC for two classes, R2 for quantities. The seed is that of split, encoder and model.
Models that take levels as they are run beside, under the model name ``native``.

Each cell is written to FOLDER/results.csv as soon as it is there, and skipped the next time; a
cell that failed is tried again. FOLDER/report.md is made of the cells that there are, by
``--report-only`` without fitting anything. catboost, lightgbm, category_encoders and skrub are
used where they are installed.
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
from data import DATA_SETS, TUNED, UNTOUCHED, is_binary
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn
from scipy import sparse
from scipy.stats import studentized_range
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
from skembed.demo import RandomVectors

CELL = ["data", "seed", "encoder", "model"]
OURS = ("skembed", "skembed-plain")  # plain: without crosses
# One-hot features of more numbers than this stay sparse: trees are slow on wide dense ones.
DENSE_NUMBERS = 5_000_000

NOT_RUN = """\
Not run: embedding-encoder 0.0.4, because it imports `sklearn.utils.is_scalar_nan`, which
scikit-learn 1.9 does not have; pytorch_tabular 1.2.0, because it requires pandas < 3, and the
benchmark is run with pandas 3.
"""


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


def read_results(path):
    """The last row of each cell."""
    if not path.exists():
        return pd.DataFrame(columns=[*CELL, "score", "seconds", "width", "error"])
    return pd.read_csv(path).drop_duplicates(CELL, keep="last")


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


def markdown(table):
    """A frame of strings as a Markdown table."""
    rows = [[table.index.name or "", *table.columns], ["---"] * (table.shape[1] + 1)]
    rows += [[name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows) + "\n"


def in_order(names, order):
    return [name for name in order if name in set(names)]


def means(results, model, data_sets=tuple(DATA_SETS)):
    """Mean score, encoders by data sets, of a model."""
    rows = results[(results["model"] == model) & results["data"].isin(data_sets)]
    table = rows.pivot_table(index="encoder", columns="data", values="score")
    return table[in_order(table.columns, DATA_SETS)]


def mean_ranks(table):
    """Mean ranks over the data sets on which every encoder has a score, and their number."""
    table = table.dropna(axis="columns")
    return table.rank(ascending=False).mean(axis="columns"), table.shape[1]


def critical_difference(n_encoders, n_data_sets):
    """Difference of mean ranks that Nemenyi's test calls significant at 5 %."""
    if n_encoders < 2 or not n_data_sets:
        return np.nan
    quantile = studentized_range.ppf(0.95, n_encoders, np.inf) / np.sqrt(2)
    return quantile * np.sqrt(n_encoders * (n_encoders + 1) / (6 * n_data_sets))


def score_table(results, model):
    """Scores of a model, with the mean rank."""
    table = means(results, model)
    ranks, n_data_sets = mean_ranks(table)
    spread = results[results["model"] == model].groupby(["encoder", "data"])["score"].std()
    columns = {"mean rank": ranks.map("{:.2f}".format)}
    for data in table:
        columns[data] = pd.Series(
            {
                encoder: "" if np.isnan(mean) else shown(mean, spread[encoder, data])
                for encoder, mean in table[data].items()
            }
        )
    difference = critical_difference(len(table), n_data_sets)
    frame = pd.DataFrame(columns).loc[ranks.sort_values(kind="stable").index]
    return (
        f"## {model}\n\nMean score ± standard deviation over seeds. Ranks are over {n_data_sets} "
        f"data sets; Nemenyi's critical difference (5 %) is {difference:.2f}.\n\n"
        + markdown(frame.rename_axis("encoder"))
    )


def shown(mean, deviation):
    return f"{mean:.4f}" if np.isnan(deviation) else f"{mean:.4f} ± {deviation:.4f}"


def rank_table(results, title, data_sets):
    """Mean ranks of encoders by model."""
    columns, notes = {}, {"data sets": {}, "critical difference": {}}
    for model in in_order(results["model"], models(True, 0)):
        table = means(results, model, data_sets)
        ranks, n_data_sets = mean_ranks(table)
        columns[model] = ranks
        notes["data sets"][model] = str(n_data_sets)
        difference = critical_difference(len(table), n_data_sets)
        notes["critical difference"][model] = f"{difference:.2f}"
    ranks = pd.DataFrame(columns)
    ranks["all models"] = ranks.mean(axis="columns", skipna=False)
    ranks = ranks.sort_values("all models", kind="stable").map("{:.2f}".format)
    table = pd.concat([ranks, pd.DataFrame(notes).T]).fillna("").rename_axis("encoder")
    return f"## Mean ranks, {title}\n\n" + markdown(table)


def differences(results, ours):
    """Scores of every other encoder less ours: what, how much, and whether it is clear."""
    rows = results[results["model"] != "native"]
    summary = rows.groupby(CELL[:1] + CELL[2:])["score"].agg(["mean", "var", "count"])
    summary = summary[summary["count"] > 0].reset_index()
    mine = summary[summary["encoder"] == ours].drop(columns="encoder")
    pairs = summary[summary["encoder"] != ours].merge(
        mine, on=["data", "model"], suffixes=("", "_ours")
    )
    pairs["difference"] = pairs["mean"] - pairs["mean_ours"]
    error = np.sqrt(pairs["var"] / pairs["count"] + pairs["var_ours"] / pairs["count_ours"])
    pairs["clear"] = pairs["difference"].abs() > 2 * error
    pairs["known"] = error.notna()
    return pairs


def worst_losses(results):
    """The ten cells where skembed is furthest behind the best encoder of others."""
    pairs = differences(results, "skembed")
    pairs = pairs[~pairs["encoder"].isin(OURS)].sort_values("difference", ascending=False)
    worst = pairs.drop_duplicates(["data", "model"]).query("difference > 0").head(10)
    table = pd.DataFrame(
        {
            "model": worst["model"],
            "best other": worst["encoder"],
            "its score": worst["mean"].map("{:.4f}".format),
            "skembed": worst["mean_ours"].map("{:.4f}".format),
            "behind by": worst["difference"].map("{:.4f}".format),
            "more than two standard errors": np.where(
                worst["known"], np.where(worst["clear"], "yes", "no"), "one seed"
            ),
        }
    ).set_index(pd.Index(worst["data"], name="data"))
    return "## Worst losses of skembed\n\n" + (markdown(table) if len(table) else "None.\n")


def wins_and_losses(results, ours):
    """Data sets that an encoder of ours clearly wins, leaves open and loses, by rival and model."""
    pairs = differences(results, ours)
    title = f"## {ours} against each: wins, open, losses\n\n"
    pairs = pairs[pairs["known"]]
    if pairs.empty:
        return title + "Needs two seeds or more.\n"
    kind = np.where(pairs["clear"], np.sign(pairs["difference"]), 0)
    by_rival = pairs.assign(win=kind < 0, open=kind == 0, loss=kind > 0).groupby(
        ["encoder", "model"]
    )[["win", "open", "loss"]]
    counts = by_rival.sum().apply(lambda row: " / ".join(map(str, row)), axis="columns").unstack()
    counts = counts[in_order(counts.columns, models(True, 0))].fillna("")
    return (
        title + "A win or a loss is a difference of means of more than two pooled standard errors "
        "over seeds.\n\n" + markdown(counts.rename_axis("against"))
    )


def cost_table(results):
    """Median seconds of fit and width by encoder."""
    one = results.dropna(subset="score").drop_duplicates(CELL[:3])
    table = one.groupby("encoder")[["seconds", "width"]].median()
    table = table.sort_values("seconds").map("{:,.1f}".format)
    return "## Cost\n\nMedian over data sets and seeds.\n\n" + markdown(table)


def failures(results, n_cells):
    """What has no score, and why."""
    failed = results[results["score"].isna()]
    text = f"## Cells\n\n{len(results) - len(failed)} of {n_cells} cells have a score.\n\n"
    if len(failed):
        groups = failed.groupby(["encoder", "error"]).size().rename("cells").reset_index()
        groups["error"] = groups["error"].str.replace("|", "/")
        text += markdown(groups.set_index("encoder"))
    return text


def report(results, n_cells):
    """The whole report, worst news first."""
    scored = results.dropna(subset="score")
    encoded = scored[scored["model"] != "native"]
    parts = ["# Quality of encoders\n\nAUC for two classes, R2 for quantities.\n"]
    if "skembed" in set(encoded["encoder"]):
        parts.append(worst_losses(encoded))
    parts += [wins_and_losses(encoded, ours) for ours in in_order(encoded["encoder"], OURS)]
    groups = {"all data sets": tuple(DATA_SETS), "tuned on": TUNED, "untouched": UNTOUCHED}
    for title, data_sets in groups.items():
        if encoded["data"].isin(data_sets).any():
            parts.append(rank_table(encoded, title, data_sets))
    parts += [score_table(scored, model) for model in in_order(scored["model"], all_models())]
    parts += [cost_table(scored), failures(results, n_cells), NOT_RUN]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


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
    parser.add_argument("--report-only", action="store_true")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "results.csv"
    if not options.report_only:
        with warnings.catch_warnings():
            # 500 steps are what the linear model is given, and two levels make few components.
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", "The matrix shape is .* too small")
            fill(options, path)
    asked = pd.DataFrame(cells(options), columns=CELL)
    text = report(read_results(path).merge(asked), len(asked))
    (options.out / "report.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
