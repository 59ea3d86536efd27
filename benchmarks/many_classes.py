"""Length of the vectors where the target has many classes: "auto" against longer vectors.

    python benchmarks/many_classes.py [DATA] --seeds 3

DATA is the folder that data.py reads; without it there are the made sets and Adult alone. Per set
and seed, the encoder is fitted on 75 % of at most 10,000 rows, and a logistic regression on its
features is scored on the other 25 %: log-loss. ``auto`` is the default, ``all`` the same net with
all components that were trained, ``4`` is ``embedding_dim=4``. The last columns are the features of
``auto`` and ``4``. ``--max-epochs`` trains so many, whatever the loss does.
"""

import argparse
import pathlib
import warnings

import numpy as np
import pandas as pd
from data import read
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult
from skembed.sizing import auto_dim

ROWS = 10_000
DIMS = {"auto": "auto", "all": auto_dim, "4": 4}  # a callable gives lengths that are kept


def made(n_classes):
    """Twelve columns of levels: nine move all classes, or two; three are noise."""
    rng = np.random.default_rng(n_classes)
    columns, logits = {}, rng.normal(size=(1, n_classes)) / 2 + np.zeros((ROWS, 1))
    for j in range(12):
        n_levels = int(rng.choice([5, 12, 30, 80]))
        code = rng.integers(0, n_levels, ROWS)
        columns[f"c{j}"] = code.astype(str)
        slopes = rng.normal(size=(4, n_classes)) * rng.exponential(size=(4, 1))
        if j % 3 == 0:
            slopes *= 2 * (rng.permutation(n_classes) < 2)
        if j < 9:
            logits = logits + (rng.normal(size=(n_levels, 4)) @ slopes / 2)[code]
    X = pd.DataFrame(columns).assign(x=rng.normal(size=ROWS))
    return X, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1).astype(str)


def occupation():
    """Occupation of the people of Adult, 12 classes."""
    X_train, X_test, y_train, y_test = load_adult()
    X = pd.concat([X_train, X_test], ignore_index=True)
    X["income"] = pd.concat([y_train, y_test]).astype(str).to_numpy()
    X = X.dropna(subset=["occupation"])
    return some_rows(X, X.pop("occupation"), fewest=500)


def carrier(folder):
    """Airline of a flight, by place and time, 11 classes."""
    frame = read(folder, "nycflights13")
    frame["weekday"] = pd.to_datetime(frame[["year", "month", "day"]]).dt.day_name()
    levels = ["origin", "dest", "month", "weekday", "hour"]
    X = frame[[*levels, "minute"]].astype(dict.fromkeys(levels, "str"))
    return some_rows(X, frame["carrier"], fewest=3000)


def brand(folder):
    """Brand of a used car, 9 classes."""
    frame = read(folder, "uk_used_cars")
    levels = ["year", "transmission", "fuelType", "tax", "engineSize", "mpg"]
    X = frame[[*levels, "price", "mileage"]].astype(dict.fromkeys(levels, "str"))
    return some_rows(X, frame["brand"], fewest=500)


def department(folder):
    """Department that pays a salary, 14 classes."""
    frame = read(folder, "employee_salaries")
    levels = ["Gender", "Assignment Category", "Employee Position Title", "Underfilled Job Title"]
    X = frame[[*levels, "Current Annual Salary", "Year First Hired"]]
    return some_rows(X, frame["Department Name"], fewest=100)


def some_rows(X, y, fewest):
    """Rows at random of the classes that have so many."""
    y = y.astype(str)
    X = X[y.map(y.value_counts()) >= fewest]
    X = X.sample(min(ROWS, len(X)), random_state=0)
    return X.reset_index(drop=True), y.loc[X.index].to_numpy()


def score(X, y, seed, options):
    """Log-loss and number of features by length."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, test_size=0.25, random_state=seed, stratify=y
    )
    found = {}
    for name, dim in DIMS.items():
        encoder = NeuralEmbeddingEncoder(
            embedding_dim=dim, crosses=None, random_state=seed, **options
        )
        features = encoder.fit_transform(X_train, y_train)
        reader = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        probability = reader.fit(features, y_train).predict_proba(encoder.transform(X_test))
        found[name] = log_loss(y_test, probability, labels=reader.classes_), features.shape[1]
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, nargs="?")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--max-epochs", type=int)
    given = parser.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    options = {}
    if given.max_epochs:
        options = {"max_epochs": given.max_epochs, "early_stopping": False}
    sets = {f"made, {n} classes": made(n) for n in (8, 12, 20)} | {"occupation": occupation()}
    if given.data:
        sets |= {load.__name__: load(given.data) for load in (carrier, brand, department)}
    print(
        "| set | auto | all | 4 | auto - all | auto - 4 | features |\n|---|---|---|---|---|---|---|"
    )
    for name, (X, y) in sets.items():
        scores = [score(X, y, seed, options) for seed in range(given.seeds)]
        losses = np.array([[each[dim][0] for dim in DIMS] for each in scores])
        widths = [f"{np.mean([each[dim][1] for each in scores]):.0f}" for dim in ("auto", "4")]
        by_seed = losses[:, [0]] - losses[:, 1:]
        error = by_seed.std(axis=0, ddof=1) / np.sqrt(given.seeds)
        less = [f"{x:+.4f} ± {e:.4f}" for x, e in zip(by_seed.mean(axis=0), error, strict=True)]
        means = [f"{loss:.4f}" for loss in losses.mean(axis=0)]
        print("|", " | ".join([name, *means, *less, " / ".join(widths)]), "|", flush=True)


if __name__ == "__main__":
    main()
