import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.compose import make_column_selector
from sklearn.model_selection import GroupKFold, KFold, PredefinedSplit

from skembed import NeuralEmbeddingEncoder
from skembed._persistence.json_values import dumps, parse
from skembed._persistence.parameters import parameters_from_data, parameters_to_data

X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 20, "kind": list("ab") * 30})
Y = np.arange(60) % 7 + 0.5


def through(**parameters):
    """Parameters of the loaded encoder, and what was said of them."""
    encoder = NeuralEmbeddingEncoder(**parameters).set_params(
        crosses=None, max_epochs=1, early_stopping=False
    )
    groups = X["city"] if isinstance(parameters.get("cv"), GroupKFold) else None
    data, changed = parameters_to_data(encoder.fit(X, Y, groups=groups))
    return parameters_from_data(parse(dumps(data))), changed


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": [8], "y_range": (0, 9)},
        {"embedding_dim": {"city": 2}, "random_state": 7},
        {"categorical_features": ["kind", "city"], "learning_rate": np.float64(0.01)},
        {"cv": None},
    ],
    ids=str,
)
def test_parameters_that_are_plain_come_back(parameters):
    loaded, changed = through(**parameters)
    assert {name: loaded[name] for name in parameters} == parameters
    assert changed == []


def test_parameters_arrays_come_back_as_lists():
    loaded, changed = through(categorical_features=np.array([True, True]))
    assert loaded["categorical_features"] == [True, True]
    assert changed == []


def test_parameters_splitters_of_scikit_learn_come_back():
    loaded, changed = through(cv=KFold(3, shuffle=True, random_state=4))
    assert repr(loaded["cv"]) == "KFold(n_splits=3, random_state=4, shuffle=True)"
    with config_context(enable_metadata_routing=True):
        loaded, changed = through(cv=GroupKFold(3).set_split_request(groups=True))
    assert repr(loaded["cv"]) == "GroupKFold(n_splits=3, random_state=None, shuffle=False)"
    assert changed == []


@pytest.mark.parametrize(
    ("name", "given", "becomes"),
    [
        ("categorical_features", make_column_selector("kind|city"), ["city", "kind"]),
        ("embedding_dim", lambda n_levels: n_levels, {"city": 3, "kind": 2}),
        ("random_state", np.random.RandomState(0), None),
        ("cv", KFold(2, shuffle=True, random_state=np.random.RandomState(0)), 5),
        ("cv", PredefinedSplit([0, 1] * 30), 5),
    ],
    ids=["selector", "rule", "generator", "splitter with a generator", "other splitter"],
)
def test_parameters_code_becomes_its_result_or_the_default(name, given, becomes):
    loaded, changed = through(**{name: given})
    assert loaded[name] == becomes
    assert len(changed) == 1
    assert changed[0].startswith(f"{name}=")
    assert changed[0].endswith(f"becomes {becomes!r}")


def test_parameters_pretrained_stays_in_the_tables_alone():
    vectors = {"city": {"Oslo": [1.0, 2.0], "Rome": [3.0, 4.0]}}
    loaded, changed = through(pretrained=vectors, freeze_pretrained=True)
    assert loaded["pretrained"] is None
    assert loaded["freeze_pretrained"] is False
    assert changed == ["pretrained becomes None (the vectors stay in tables_)"]


def test_parameters_rows_of_folds_are_not_stored():
    halves = np.arange(30), np.arange(30, 60)
    loaded, changed = through(cv=[halves, halves[::-1]])
    assert loaded["cv"] == 5
    assert len(changed[0]) < 200


def test_parameters_unknown_splitter_is_an_error():
    with pytest.raises(LookupError):
        parameters_from_data({"cv": {"splitter": ["PredefinedSplit", []]}})
