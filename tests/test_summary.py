"""What notebooks show."""

import re

import pytest
from sklearn import config_context

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder
from skembed.summary import course, summary_html


def test_a_fitted_encoder_shows_columns_levels_components_and_loss(rents):
    encoder = NeuralEmbeddingEncoder(crosses=[("city", "kind")], random_state=0).fit(*rents)
    shown = encoder._repr_mimebundle_()["text/html"].split("<details open>")[1]
    cells = re.findall(r"<td [^>]*>([^<]*)</td>", shown)
    assert cells[::3] == ["city", "kind", "city x kind"]
    assert cells[1::3] == ["4", "2", "8"]
    assert cells[2::3] == [str(table.shape[1]) for table in encoder.tables_.values()]
    loss = encoder.history_["out_of_fold_loss"][encoder.best_epoch_ - 1]
    assert f"epoch {encoder.best_epoch_} of {encoder.n_iter_}, out of fold loss {loss:.4g}" in shown


def test_before_fit_it_is_what_scikit_learn_shows():
    assert NeuralEmbeddingEncoder()._repr_html_().endswith("</script></body>")


def test_a_predictor_shows_it_too(adult):
    X, _, y, _ = adult
    classifier = NeuralEmbeddingClassifier(crosses=None, max_epochs=2, random_state=0).fit(X, y)
    assert "8 columns, 0 crosses; chosen: epoch" in classifier._repr_html_()


def test_names_are_shown_and_not_run(rents):
    X, y = rents
    X = X.rename(columns={"city": "<img src=x onerror=alert()>"})
    shown = summary_html(NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y))
    assert "&lt;img src=x" in shown
    assert "<img" not in shown


def test_nothing_learned_is_said(rents):
    X, _ = rents
    with pytest.warns(UserWarning, match="told nothing"):
        encoder = NeuralEmbeddingEncoder(random_state=0).fit(X[["kind"]], [1.0, 2.0] * 200)
    assert course(encoder) == "chosen: the start, for nothing was learned"


def test_text_stays_text_where_scikit_learn_is_told_so(rents):
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(*rents)
    with config_context(display="text"):
        assert list(encoder._repr_mimebundle_()) == ["text/plain"]
