"""Encoders compared on rows that somebody has: which of them helps which model, and how surely."""

import time

import pandas as pd
from scipy.sparse import issparse
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import (
    accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelEncoder, StandardScaler
from xgboost import XGBClassifier, XGBRegressor

from skembed._cli.rivals import encoders

TEST_SIZE = 0.25
OURS = "skembed"  # among the encoders


def compare(X, y, seeds):
    """Score encoders before models, each on several splits into training and test rows.

    Parameters
    ----------
    X : pandas DataFrame of shape (n_rows, n_columns)
    y : Series of shape (n_rows,)
        Floats are quantities, all else is classes.
    seeds : iterable of int
        Of the splits and the encoders, one after the other.

    Yields
    ------
    dict
        ``model``, ``encoder``, ``seed``, scores by their names, the ``seconds`` that the encoder
        took for the training rows, and the ``width`` of what it gave.
    """
    of_classes = not pd.api.types.is_float_dtype(y)
    y = LabelEncoder().fit_transform(y) if of_classes else y.to_numpy()
    for seed in seeds:
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=TEST_SIZE, random_state=seed, stratify=y if of_classes else None
        )
        rivals = encoders(seed, of_classes=of_classes, sparse=True)
        for encoder_name, encoder in rivals.items():
            began = time.perf_counter()
            train = encoder.fit_transform(X_train, y_train)
            seconds = time.perf_counter() - began
            test = encoder.transform(X_test)
            for model_name, model in models(of_classes, seed, sparse=issparse(train)).items():
                model.fit(train, y_train)
                cell = {"model": model_name, "encoder": encoder_name, "seed": seed}
                about = {"seconds": seconds, "width": train.shape[1]}
                yield cell | scores(model, test, y_test, of_classes) | about


def models(of_classes, seed, *, sparse):
    """Models by name."""
    trees = {"n_estimators": 300, "learning_rate": 0.1, "n_jobs": 1, "random_state": seed}
    return {
        "XGBoost": (XGBClassifier if of_classes else XGBRegressor)(**trees),
        "linear": make_pipeline(
            SimpleImputer(keep_empty_features=True),
            StandardScaler(with_mean=not sparse),  # the mean would fill sparse columns
            LogisticRegression(max_iter=500) if of_classes else Ridge(),
        ),
    }


def scores(model, X, y, of_classes):
    """Scores of a fitted model by their names; of the first, higher is better."""
    if not of_classes:
        predicted = model.predict(X)
        return {"R2": r2_score(y, predicted), "RMSE": root_mean_squared_error(y, predicted)}
    predicted = model.predict_proba(X)
    loss = {"log-loss": log_loss(y, predicted)}
    if predicted.shape[1] == 2:
        return {"AUC": roc_auc_score(y, predicted[:, 1])} | loss
    return {"accuracy": accuracy_score(y, predicted.argmax(axis=1))} | loss


def spread(cells):
    """Table of means over the splits, with standard deviations of the scores.

    Parameters
    ----------
    cells : list of dict
        From `compare`.

    Returns
    -------
    DataFrame
        A row per model and encoder. ``ahead`` is the number of splits in which skembed has the
        better first score: splits differ more than encoders do, so that this is a better guide
        than means.
    """
    frame = pd.DataFrame(cells)
    first = frame.columns[3]
    by_split = ["model", "seed"]
    ours = frame[frame["encoder"] == OURS].set_index(by_split)[first]
    frame["ahead"] = ours.loc[pd.MultiIndex.from_frame(frame[by_split])].to_numpy() > frame[first]
    groups = frame.drop(columns="seed").groupby(["model", "encoder"], sort=False)
    mean, deviation = groups.mean(), groups.std()
    shown = mean.map("{:.4f}".format) + " ± " + deviation.map("{:.4f}".format)
    shown["seconds"] = mean["seconds"].map("{:.1f}".format)
    shown["width"] = mean["width"].round().astype(int)
    shown["ahead"] = groups["ahead"].sum().map(str)
    shown = shown.sort_index(level="model", sort_remaining=False, kind="stable").reset_index()
    shown.loc[shown["encoder"] == OURS, "ahead"] = "-"
    return shown
