import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._utils.warnings import called_by

X = pd.DataFrame({"city": ["Bern", "Oslo", "Rome"] * 20})
SAME, NUMBERS = X.assign(city="Bern"), X.assign(city=range(60))
Y = np.array([0, 1] * 30)
QUICK = {"max_epochs": 1, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore:The columns told nothing")


@pytest.mark.parametrize(
    "fit",
    [
        lambda: NeuralEmbeddingEncoder(**QUICK).fit(SAME, Y),
        lambda: NeuralEmbeddingEncoder(**QUICK).fit_transform(SAME, Y),
        lambda: NeuralEmbeddingRegressor(**QUICK).fit(SAME, Y / 3),
        lambda: make_pipeline(NeuralEmbeddingEncoder(**QUICK), "passthrough").fit(SAME, Y),
    ],
    ids=["fit", "fit_transform", "predictor", "Pipeline"],
)
def test_warning_of_fit_shows_the_line_of_the_user(fit):
    with pytest.warns(UserWarning, match="Column 'city' holds one level") as caught:
        fit()
    assert (caught[0].filename, caught[0].lineno) == (__file__, fit.__code__.co_firstlineno)


@pytest.mark.parametrize(
    "use",
    [
        lambda model: model.predict(NUMBERS),
        lambda model: model.predict_proba(NUMBERS),
        lambda model: model.score(NUMBERS, Y),
    ],
    ids=["predict", "predict_proba", "score"],
)
def test_warning_of_a_predictor_shows_the_line_of_the_user(use):
    model = NeuralEmbeddingClassifier(**QUICK).fit(X, Y)
    with pytest.warns(UserWarning, match="Column 'city' was fitted on") as caught:
        use(model)
    assert (caught[0].filename, caught[0].lineno) == (__file__, use.__code__.co_firstlineno)


def test_called_by_finds_the_module_of_a_function_that_waits():
    def call(function, name):
        return eval(
            "function(name)", {"function": function, "name": name, "__name__": "sklearn.x.y"}
        )

    assert call(called_by, "sklearn.x")
    assert not call(called_by, "sklearn.xy")
    assert not called_by("sklearn.x")
