"""A scorer takes batches of Arrow and gives what its estimator gives."""

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed.scoring import Scorer

QUICK = {"max_epochs": 5, "crosses": None, "random_state": 0}


@pytest.fixture
def rows():
    X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40, "rooms": [1, 2, 3, 4] * 30})
    return X, X["city"] == "Oslo"


def batch_of(X):
    return pa.RecordBatch.from_pandas(X, preserve_index=False)


def test_scorer_gives_features_behind_kept_columns(rows):
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(*rows)
    X = rows[0].assign(id=range(120), other="x")[["other", "id", "rooms", "city"]]
    found = Scorer(encoder, keep=["id", "city"])(batch_of(X)).to_pandas()
    assert list(found.columns) == ["id", "city", *encoder.get_feature_names_out()]
    np.testing.assert_array_equal(found.iloc[:, 2:], encoder.transform(rows[0].copy()))


def test_scorer_takes_dictionaries_of_labels(rows):
    encoder = NeuralEmbeddingEncoder(**QUICK).fit(*rows)
    scorer = Scorer(encoder)
    assert (scorer.names, scorer.labels) == (["city", "rooms"], ["city", "rooms"])
    found = scorer(batch_of(rows[0].astype({"city": "category"})))
    assert found.equals(scorer(batch_of(rows[0])))


@pytest.mark.parametrize("method", ["predict", "predict_proba"])
def test_scorer_gives_predictions(rows, method):
    model = NeuralEmbeddingClassifier(**QUICK).fit(*rows)
    found = Scorer(model, method)(batch_of(rows[0])).to_pandas()
    names = {"predict": ["prediction"], "predict_proba": ["probability_False", "probability_True"]}
    assert list(found.columns) == names[method]
    expected = getattr(model, method)(rows[0])
    np.testing.assert_allclose(found.to_numpy().reshape(expected.shape), expected, rtol=1e-12)


def test_scorer_of_another_estimator_gives_it_pandas_frames(rows):
    X, y = rows
    model = make_pipeline(LinearRegression()).fit(X[["rooms"]], y)
    scorer = Scorer(model, "predict")
    assert scorer.labels == []
    np.testing.assert_array_equal(scorer(batch_of(X))["prediction"], model.predict(X[["rooms"]]))


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        (lambda X: pa.Table.from_pandas(X), TypeError, "but is a Table. Batches of a .*to_batches"),
        (lambda X: batch_of(X[["rooms"]]), ValueError, r"The batch has no columns \['city'\]"),
        (lambda X: batch_of(X.drop(columns="id")), ValueError, r"\['id'\], which keep names"),
        (
            lambda X: pa.RecordBatch.from_arrays(
                [pa.array(["x"])] * 4, names=["id", "city", "city", "rooms"]
            ),
            ValueError,
            r"The batch has several columns \['city'\]",
        ),
    ],
    ids=["table", "absent", "not kept", "twice"],
)
def test_scorer_names_what_is_wrong_with_a_batch(rows, change, error, told):
    scorer = Scorer(NeuralEmbeddingEncoder(**QUICK).fit(*rows), keep=["id"])
    with pytest.raises(error, match=told):
        scorer(change(rows[0].assign(id=1)))


SCORE = """
import pickle, sys
import pyarrow as pa
scorer = pickle.load(sys.stdin.buffer)
found = scorer(pa.RecordBatch.from_pydict({"city": ["Rome", "Paris", None], "rooms": [1, 2, 3]}))
print(found.num_rows, "torch" in sys.modules)
"""


def test_scorer_that_was_pickled_scores_without_torch(rows):
    scorer = Scorer(NeuralEmbeddingEncoder(**QUICK).fit(*rows))
    done = subprocess.run(
        [sys.executable, "-c", SCORE], input=pickle.dumps(scorer), check=True, capture_output=True
    )
    assert done.stdout.split() == [b"3", b"False"]
