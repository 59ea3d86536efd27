"""Types and words of the columns of CSV are found wherever a fitted estimator has them."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import StackingClassifier, VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler, TargetEncoder

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed._files.csv import MISSING_TEXTS
from skembed.scoring._known_columns import KnownColumns

pytestmark = pytest.mark.filterwarnings("ignore:.*found nothing")  # after an epoch
QUICK = {"max_epochs": 1, "crosses": None, "random_state": 0}


def encoder():
    return NeuralEmbeddingEncoder(**QUICK)


def beside_area(first):
    return make_column_transformer((first, ["zip"]), (StandardScaler(), ["area"]))


def before_model(*steps):
    return make_pipeline(*steps, LogisticRegression())


MODELS = {
    "pipeline": before_model(encoder()),
    "predictor": NeuralEmbeddingClassifier(**QUICK),
    "column transformer": before_model(beside_area(encoder())),
    "pipeline in it": before_model(beside_area(make_pipeline(encoder(), StandardScaler()))),
    "union": before_model(make_union(beside_area(encoder()))),
    "imputer": before_model(
        beside_area(make_pipeline(SimpleImputer(strategy="most_frequent"), encoder()))
    ),
    "calibration": CalibratedClassifierCV(before_model(encoder()), cv=2),
    "search": GridSearchCV(before_model(encoder()), {"logisticregression__C": [1, 2]}, cv=2),
    "threshold": TunedThresholdClassifierCV(before_model(encoder()), cv=2),
    "voting": VotingClassifier([("a", before_model(beside_area(encoder())))]),
    "stacking": StackingClassifier([("a", before_model(encoder()))], cv=2),
    "one-hot": before_model(beside_area(OneHotEncoder(handle_unknown="ignore"))),
    "target": before_model(beside_area(TargetEncoder())),
}


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"zip": rng.choice(["00501", "NA", "00502"], 60), "area": rng.normal(size=60)})
    return X, np.where(X["zip"] == "NA", "a", "b")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("frozen", [False, True])
def test_known_columns_are_found_inside(rows, model, frozen):
    model.fit(*rows)
    known = KnownColumns(FrozenEstimator(model) if frozen else model)
    assert known.types["zip"] == pa.string()
    assert known.words(MISSING_TEXTS) == {"zip": {"NA"}}


def test_known_columns_behind_another_step_are_not_believed(rows):
    X, y = rows
    numbers = X[["zip"]].assign(zip=[*range(6)] * 10)
    known = KnownColumns(before_model(FunctionTransformer(as_text), encoder()).fit(numbers, y))
    assert (known.types, known.levels) == ({}, {})


def as_text(X):
    return X.astype(str)


def test_known_columns_of_numbers_and_booleans():
    X = pd.DataFrame(
        {
            "whole": [1, 2, 3] * 20,
            "part": [0.5, 2, 3] * 20,
            "flag": [True, False, True] * 20,
            "area": [1, 2, 3] * 20,
        }
    )
    names = ["whole", "part", "flag"]
    embedded = NeuralEmbeddingEncoder(**QUICK, categorical_features=names).fit(X, 1.5 * X["area"])
    assert KnownColumns(embedded).types == {
        "whole": pa.int64(),
        "part": pa.float64(),
        "flag": pa.bool_(),
        "area": pa.float64(),
    }
    hot = OneHotEncoder().fit(X[["whole", "flag"]].assign(day=pd.Timestamp("2026-01-01")))
    assert KnownColumns(hot).types == {"whole": pa.int64(), "flag": pa.bool_()}


def test_known_columns_of_an_infrequent_word_are_words():
    X = pd.DataFrame({"city": ["Oslo", "Rome"] * 30 + ["null"]})
    embedded = NeuralEmbeddingEncoder(**QUICK, min_frequency=5).fit(X, X["city"] == "Rome")
    assert KnownColumns(embedded).words(MISSING_TEXTS) == {"city": {"null"}}


def test_known_columns_of_an_array_are_none(rows):
    assert KnownColumns(encoder().fit(rows[0][["zip"]].to_numpy(), rows[1])).types == {}
