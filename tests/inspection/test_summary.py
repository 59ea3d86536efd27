"""What a fitted encoder has learned, in few words."""

import json

import pytest
from sklearn import config_context

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed.inspection._summary import column_table, course, facts, summary_html


def test_summary_of_columns_has_levels_and_lengths(rents):
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


def test_summary_counts_pooled_levels(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_categories=3, crosses=None, max_epochs=1).fit(X, y)
    table = column_table(encoder).set_index("column")
    assert table.loc["city", ["levels", "infrequent"]].tolist() == [2, 2]


def test_summary_loss_is_that_of_the_kept_epoch(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_epochs=3, random_state=0).fit(X, y)
    loss = encoder.history_["out_of_fold_loss"][encoder.best_epoch_ - 1]
    assert course(encoder) == f"out-of-fold loss {loss:.4f} at epoch {encoder.best_epoch_} of 3"


def test_summary_loss_without_folds_is_not_out_of_fold(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(cv=None, max_epochs=1, random_state=0).fit(X, y)
    assert course(encoder).startswith("loss ")


def test_summary_says_if_nothing_was_learned(rents):
    X, y = rents
    with pytest.warns(UserWarning, match="constant"):
        encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0).fit(X, y.sample(frac=1))
    assert course(encoder).startswith("nothing learned")


def test_summary_facts_are_json(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0, crosses=None).fit(X, y)
    told = json.loads(json.dumps(facts(encoder)))
    assert told["parameters"] == {"max_epochs": 2, "random_state": 0, "crosses": None}
    assert told["passed_through"] == ["rooms"]
    assert told["n_features_out"] == encoder.transform(X.head(1)).shape[1]
    assert told["target_type"] == "continuous"
    assert told["classes"] is None


def test_summary_in_notebooks_follows_that_of_scikit_learn(rents):
    encoder = NeuralEmbeddingEncoder(crosses=[("city", "kind")], random_state=0).fit(*rents)
    shown = encoder._repr_mimebundle_()["text/html"].split("<details open>")[1]
    assert f"<summary>{course(encoder)}</summary>" in shown
    for cell in ("city", "kind", "city x kind", 4, 2, 8):
        assert f"<td>{cell}</td>" in shown


def test_summary_in_notebooks_is_absent_before_fit():
    assert NeuralEmbeddingEncoder()._repr_html_().endswith("</script></body>")


def test_summary_in_notebooks_of_predictors(adult):
    X, _, y, _ = adult
    classifier = NeuralEmbeddingClassifier(crosses=None, max_epochs=2, random_state=0).fit(X, y)
    assert course(classifier) in classifier._repr_html_()


def test_summary_html_names_are_shown_and_not_run(rents):
    X, y = rents
    X = X.rename(columns={"city": "<img src=x onerror=alert()>"})
    shown = summary_html(NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y))
    assert "&lt;img src=x" in shown
    assert "<img" not in shown


def test_summary_stays_text_where_display_is_text(rents):
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(*rents)
    with config_context(display="text"):
        assert list(encoder._repr_mimebundle_()) == ["text/plain"]
