"""What a fitted encoder has learned, in few words."""

import json

import pytest

from skembed import NeuralEmbeddingEncoder
from skembed.summary import column_table, course, facts


def test_columns_are_told_with_levels_and_lengths(rents):
    X, y = rents
    X.loc[:9, "city"] = None
    encoder = NeuralEmbeddingEncoder(
        crosses=[("city", "kind")], embedding_dim=2, max_epochs=2, random_state=0
    ).fit(X, y)
    table = column_table(encoder).set_index("column")
    assert table.loc["city"].to_dict() == {
        "kind": "column",
        "levels": 4,
        "dim": 2,
        "infrequent": 0,
        "missing": 10,
    }
    assert table.loc["city x kind", ["kind", "levels"]].tolist() == ["cross", 10]


def test_pooled_levels_are_told(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_categories=3, crosses=None, max_epochs=1).fit(X, y)
    table = column_table(encoder).set_index("column")
    assert table.loc["city", ["levels", "infrequent"]].tolist() == [2, 2]


def test_the_loss_is_that_of_the_epoch_that_was_kept(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_epochs=3, random_state=0).fit(X, y)
    loss = encoder.history_["out_of_fold_loss"][encoder.best_epoch_ - 1]
    assert course(encoder) == f"out-of-fold loss {loss:.4f} at epoch {encoder.best_epoch_} of 3"


def test_without_folds_no_loss_is_called_out_of_fold(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(cv=None, max_epochs=1, random_state=0).fit(X, y)
    assert course(encoder).startswith("loss ")


def test_nothing_learned_is_said(rents):
    X, y = rents
    with pytest.warns(UserWarning, match="constant"):
        encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0).fit(X, y.sample(frac=1))
    assert course(encoder).startswith("nothing learned")


def test_facts_are_data_of_json(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0, crosses=None).fit(X, y)
    told = json.loads(json.dumps(facts(encoder)))
    assert told["parameters"] == {"max_epochs": 2, "random_state": 0, "crosses": None}
    assert told["passed_through"] == ["rooms"]
    assert told["n_features_out"] == encoder.transform(X.head(1)).shape[1]
    assert told["target_type"] == "continuous"
    assert told["classes"] is None
