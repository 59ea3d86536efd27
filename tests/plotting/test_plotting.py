"""Displays, drawn without a screen."""

import sys

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot
from matplotlib.collections import LineCollection, PathCollection
from scipy.spatial.distance import pdist, squareform
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from skembed import NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed.plotting import EmbeddingDisplay, SimilarityDisplay, TrainingDisplay

mpl.use("agg")


@pytest.fixture(autouse=True)
def figures():
    yield
    pyplot.close("all")


@pytest.fixture
def encoder(rents):
    return NeuralEmbeddingEncoder(
        embedding_dim={"city": 2, "kind": 1}, crosses=None, random_state=0
    ).fit(*rents)


@pytest.fixture
def pipelines(encoder, rents):
    """Pipelines that hold the encoder, by what it stands in."""
    X, y = rents
    inside = make_column_transformer(
        (clone(encoder).set_params(remainder="drop"), ["city", "kind"]), remainder="passthrough"
    )
    search = GridSearchCV(make_pipeline(encoder, Ridge()), {"ridge__alpha": [1.0]}, cv=2)
    return {
        "pipeline": make_pipeline(encoder, Ridge()).fit(X, y),
        "column transformer": make_pipeline(inside, Ridge()).fit(X, y),
        "search": search.fit(X, y),
        "frozen": FrozenEstimator(make_pipeline(FunctionTransformer(), encoder).fit(X, y)),
    }


@pytest.mark.parametrize("kind", ["pipeline", "column transformer", "search", "frozen"])
def test_displays_take_pipelines(pipelines, rents, kind):
    X, y = rents
    display = EmbeddingDisplay.from_estimator(pipelines[kind], "city", X, y)
    means = dict(zip(display.column_map.labels, display.mean_target, strict=True))
    assert means["Oslo"] == pytest.approx(y[X["city"] == "Oslo"].mean())
    assert SimilarityDisplay.from_estimator(pipelines[kind], "kind").column == "kind"
    assert TrainingDisplay.from_estimator(pipelines[kind]).best_epoch > 0


def test_displays_show_the_estimator_that_has_the_column(encoder, rents):
    X, y = rents
    both = make_column_transformer(
        (NeuralEmbeddingEncoder(crosses=None, random_state=0), ["city"]),
        (NeuralEmbeddingEncoder(crosses=None, random_state=0), ["kind"]),
    ).fit(X, y)
    assert EmbeddingDisplay.from_estimator(both, "kind", X, y).column_map.name == "kind"
    with pytest.raises(TypeError, match=r"the ColumnTransformer holds 2: give the one to show"):
        TrainingDisplay.from_estimator(both)


def test_displays_of_another_estimator_say_what_they_take(rents):
    model = make_pipeline(StandardScaler(), Ridge()).fit(rents[0][["rooms"]], rents[1])
    with pytest.raises(TypeError, match=r"must be of skembed, or a Pipeline.* Pipeline holds 0"):
        EmbeddingDisplay.from_estimator(model, "rooms")


def points(display):
    (levels, _) = (part for part in display.ax_.collections if isinstance(part, PathCollection))
    return levels.get_offsets()


def texts(display):
    return [text.get_text() for text in display.ax_.texts]


def test_embedding_display_points_are_two_components(encoder):
    display = EmbeddingDisplay.from_estimator(encoder, "city")
    np.testing.assert_allclose(points(display), display.column_map.coordinates[:4, :2])
    assert display.ax_.get_title() == "city: 4 levels"


def test_embedding_display_of_one_component_has_rows_beside(rents, encoder):
    display = EmbeddingDisplay.from_estimator(encoder, "kind")
    assert sorted(points(display)[:, 1]) == sorted(rents[0]["kind"].value_counts())
    assert display.ax_.get_ylabel() == "rows"


def test_embedding_display_colours_are_mean_targets(rents, encoder):
    X, y = rents
    display = EmbeddingDisplay.from_estimator(encoder, "city", X, y)
    means = y.groupby(X["city"]).mean()[display.column_map.labels[:4]]
    np.testing.assert_allclose(display.ax_.collections[0].get_array(), means)


def test_embedding_display_colours_without_rows_are_a_component(encoder):
    display = EmbeddingDisplay.from_estimator(encoder, "city")
    colours = display.ax_.collections[0].get_array()
    np.testing.assert_allclose(colours, display.column_map.effect[:4])


def test_embedding_display_x_without_y_is_refused(rents, encoder):
    with pytest.raises(ValueError, match="both X and y"):
        EmbeddingDisplay.from_estimator(encoder, "city", rents[0])


def test_embedding_display_labels_do_not_overlap(adult):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y)
    display = EmbeddingDisplay.from_estimator(encoder, "native-country", n_labels=40)
    display.figure_.draw_without_rendering()
    boxes = [text.get_window_extent() for text in display.ax_.texts]
    assert len(boxes) > 8
    assert not any(a.overlaps(b) for i, a in enumerate(boxes) for b in boxes[:i])


def test_embedding_display_has_as_many_labels_as_asked_for(encoder):
    display = EmbeddingDisplay.from_estimator(encoder, "city", n_labels=1)
    assert texts(display) == ["unseen", display.column_map.labels[0]]


def test_embedding_display_lines_go_to_the_nearest_levels(encoder):
    display = EmbeddingDisplay.from_estimator(encoder, "city", n_neighbors=1)
    (lines,) = (part for part in display.ax_.collections if isinstance(part, LineCollection))
    shown = display.column_map
    start, end = lines.get_segments()[0]
    np.testing.assert_allclose(start, shown.coordinates[0])
    nearest = shown.labels.index(encoder.nearest("city", shown.labels[0], k=1)["level"][0])
    np.testing.assert_allclose(end, shown.coordinates[nearest])


def test_embedding_display_title_says_that_vectors_are_equal(rents):
    X = rents[0][["kind"]]
    noise = np.random.default_rng(0).normal(size=len(X))
    with pytest.warns(UserWarning, match="found nothing"):
        encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, noise)
    display = EmbeddingDisplay.from_estimator(encoder, "kind", n_neighbors=1)
    assert display.ax_.get_title() == "kind: 2 levels, all of the same vector"


@pytest.mark.parametrize(("value", "n_levels"), [("Oslo", 1), (None, 0)])
def test_embedding_display_of_one_level_or_none(rents, value, n_levels):
    X, y = rents
    X = X.assign(kind=pd.Series([value] * len(X), dtype="str"))
    with pytest.warns(UserWarning, match="in all rows"):
        encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y)
    display = EmbeddingDisplay.from_estimator(encoder, "kind", X, y, n_neighbors=3)
    display.figure_.draw_without_rendering()
    assert len(points(display)) == n_levels


def test_displays_take_dollar_signs_as_text():
    X = pd.DataFrame({"$price^": ["$1", "$2^", "\\$"] * 40})
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [1.0, 2.0, 3.0] * 40)
    for display in (EmbeddingDisplay, SimilarityDisplay):
        display.from_estimator(encoder, "$price^").figure_.draw_without_rendering()


def test_displays_draw_into_axes_that_are_given(encoder):
    _, axes = pyplot.subplots(1, 3)
    shown = [
        EmbeddingDisplay.from_estimator(encoder, "city", ax=axes[0]),
        TrainingDisplay.from_estimator(encoder, ax=axes[1]),
        SimilarityDisplay.from_estimator(encoder, "city", ax=axes[2]),
    ]
    assert [display.ax_ for display in shown] == list(axes)
    assert all(display.figure_ is axes[0].figure for display in shown)


def test_training_display_shows_losses_and_chosen_epoch(encoder):
    ax = TrainingDisplay.from_estimator(encoder).ax_
    out_of_fold, table, chosen = ax.lines
    np.testing.assert_array_equal(out_of_fold.get_ydata(), encoder.history_["out_of_fold_loss"])
    np.testing.assert_array_equal(table.get_ydata(), encoder.history_["table_loss"])
    assert chosen.get_xdata()[0] == encoder.best_epoch_


def test_training_display_without_a_target_has_one_loss(rents):
    encoder = NeuralEmbeddingEncoder(target_type="none", random_state=0).fit(rents[0])
    ax = TrainingDisplay.from_estimator(encoder).ax_
    assert ax.lines[0].get_label() == "loss"


def test_similarity_display_puts_similar_levels_side_by_side(adult):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y)
    display = SimilarityDisplay.from_estimator(encoder, "education", n_levels=10)
    levels = encoder.embedding("education").loc[display.labels]
    np.testing.assert_allclose(display.distances, squareform(pdist(levels)), atol=1e-6)
    by_rows = X["education"].value_counts().index[:10]
    unordered = squareform(pdist(encoder.embedding("education").loc[by_rows]))
    assert {*display.labels} == {*by_rows}
    assert np.diag(display.distances, 1).sum() < 0.6 * np.diag(unordered, 1).sum()


def test_similarity_display_of_one_level_is_refused(rents):
    X, y = rents
    with pytest.warns(UserWarning, match="in all rows"):
        encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X.assign(kind="flat"), y)
    with pytest.raises(ValueError, match="'kind' has 1"):
        SimilarityDisplay.from_estimator(encoder, "kind")


def test_displays_of_predictors(rents):
    regressor = NeuralEmbeddingRegressor(crosses=None, random_state=0).fit(*rents)
    assert len(points(EmbeddingDisplay.from_estimator(regressor, "city"))) == 4


def test_displays_of_what_is_not_fitted_are_an_error():
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(NeuralEmbeddingEncoder())


def test_displays_without_matplotlib_say_what_to_install(encoder, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'skembed\[plot\]'"):
        EmbeddingDisplay.from_estimator(encoder, "city")
