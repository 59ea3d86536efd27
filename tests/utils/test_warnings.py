import pickle
import re
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import pytest
from joblib import Parallel, delayed, parallel_config
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed._utils.warnings import called_by, warn_user
from skembed.exceptions import SkembedWarning

X = pd.DataFrame({"city": ["Bern", "Oslo", "Rome"] * 20})
SAME, NUMBERS = X.assign(city="Bern"), X.assign(city=range(60))
Y = np.array([0, 1] * 30)
QUICK = {"max_epochs": 1, "random_state": 0}

pytestmark = pytest.mark.filterwarnings("ignore:The net found nothing")


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


def test_warning_is_of_a_class_of_skembed():
    with pytest.warns(SkembedWarning, match="holds one level"):
        NeuralEmbeddingEncoder(**QUICK).fit(SAME, Y)
    assert issubclass(SkembedWarning, UserWarning)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkembedWarning)
        NeuralEmbeddingEncoder(**QUICK).fit(SAME, Y)


MODEL = make_pipeline(NeuralEmbeddingEncoder(**QUICK), Ridge())
ROWS = X.assign(kind="flat")
RUNS = {
    "search": lambda: GridSearchCV(
        MODEL, {"ridge__alpha": [1.0, 2.0, 3.0]}, cv=3, refit=False, n_jobs=2
    ).fit(ROWS, Y),
    "cross_val_score": lambda: cross_val_score(MODEL, ROWS, Y, cv=4, n_jobs=2),
    "one worker": lambda: cross_val_score(MODEL, ROWS, Y, cv=4),
}


@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_warning_of_threads_comes_once_a_run_with_the_line_of_the_user(run):
    for _ in range(2):  # another run warns again
        with pytest.warns(SkembedWarning) as caught, parallel_config("threading"):
            run()
        of_kind = [each for each in caught if "Column 'kind' holds one level" in str(each.message)]
        assert len(of_kind) == 1
        first = run.__code__.co_firstlineno
        assert of_kind[0].filename == __file__
        assert of_kind[0].lineno in range(first, first + 4)


def test_warning_of_a_run_comes_for_each_column_whatever_the_numbers():
    told = [f"Column 'c{i % 2}' has {i} levels." for i in range(6)]
    with pytest.warns(SkembedWarning) as caught:
        Parallel(1)(delayed(warn_user)(message) for message in told)
    assert [str(each.message) for each in caught] == told[:2]


def test_warning_of_a_run_that_is_an_error_is_one_in_each_fit():
    options = {"cv": 3, "error_score": np.nan}
    with warnings.catch_warnings():
        warnings.simplefilter("error", SkembedWarning)
        warnings.simplefilter("ignore", FitFailedWarning)
        with pytest.raises(ValueError, match="All the 3 fits failed"):
            cross_val_score(MODEL, ROWS, Y, **options)


PROCESSES = """
import numpy as np
import pandas as pd
from sklearn.model_selection import cross_val_score
from skembed import NeuralEmbeddingRegressor

X = pd.DataFrame({"city": ["Bern", "Oslo", "Rome"] * 20, "kind": "flat"})
y = np.arange(60) % 3 + 0.5
model = NeuralEmbeddingRegressor(max_epochs=1, random_state=0)
cross_val_score(model, X, y, cv=6, n_jobs=2)  # the line
"""


def test_warning_of_processes_comes_once_from_each_with_the_line_of_the_user(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(PROCESSES)
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    found = re.findall(r"(.*): SkembedWarning: Column 'kind' holds one level", done.stderr)
    line = 1 + PROCESSES.splitlines().index(
        "cross_val_score(model, X, y, cv=6, n_jobs=2)  # the line"
    )
    assert set(found) == {f"{script}:{line}"}
    assert len(found) <= 2


def test_warning_leaves_nothing_in_a_pickle():
    encoder = NeuralEmbeddingEncoder(**QUICK)
    assert vars(pickle.loads(pickle.dumps(encoder))).keys() == vars(encoder).keys()
    assert "_call" not in encoder.__getstate__()


def test_called_by_finds_the_module_of_a_function_that_waits():
    def call(function, name):
        return eval(
            "function(name)", {"function": function, "name": name, "__name__": "sklearn.x.y"}
        )

    assert call(called_by, "sklearn.x")
    assert not call(called_by, "sklearn.xy")
    assert not called_by("sklearn.x")
