"""Bad input gets an error that names the column or parameter, and leaves nothing half-fitted."""

import os
import pickle
import re
import signal
import sys
import threading

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GroupKFold, TimeSeriesSplit

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor


@pytest.fixture
def encoder():
    return NeuralEmbeddingEncoder(max_epochs=2, random_state=0)


# At transform


def test_transform_before_fit_is_an_error(encoder, rents):
    with pytest.raises(NotFittedError, match="not fitted yet"):
        encoder.transform(rents[0])


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda X: X.drop(columns="kind"), "missing:\n- kind"),
        (lambda X: X.assign(floor=1), "unseen at fit time:\n- floor"),
        (lambda X: X[["rooms", "city", "kind"]], "same order"),
    ],
    ids=["missing", "added", "reordered"],
)
def test_transform_other_columns_than_at_fit_is_an_error(encoder, rents, change, named):
    X, y = rents
    encoder.fit(X, y)
    with pytest.raises(ValueError, match=named) as info:
        encoder.transform(change(X))
    assert "X[encoder.feature_names_in_]" in str(info.value)


@pytest.mark.parametrize(
    "names",
    [[0, 1, 2], [("place", "city"), ("flat", "rooms"), ("flat", "kind")]],
    ids=["numbers", "two levels"],
)
def test_transform_columns_that_are_not_strings_must_come_in_their_order(encoder, rents, names):
    """scikit-learn looks at names that are strings."""
    X, y = rents
    X = X.set_axis(pd.Index(names), axis=1)
    encoder = pickle.loads(pickle.dumps(encoder.fit(X, y)))
    np.testing.assert_array_equal(
        encoder.transform(X), encoder.transform(X.iloc[:, [2, 1, 0]].iloc[:, [2, 1, 0]])
    )
    said = re.escape(f"X has the columns {names[::-1]}, but fit was given {names}. Give these")
    with pytest.raises(ValueError, match=said):
        encoder.transform(X.iloc[:, ::-1])
    with pytest.raises(ValueError, match="X has 2 features"):
        encoder.transform(X.iloc[:, :2])


def test_transform_other_number_of_columns_is_an_error(encoder, rents):
    X, y = rents
    encoder.set_params(categorical_features=[0, 2]).fit(X.to_numpy(), y)
    with pytest.raises(ValueError, match=r"X has 2 features, but .* is expecting 3") as info:
        encoder.transform(X.to_numpy()[:, :2])
    assert "feature_names_in_" not in str(info.value)


def test_transform_unknown_levels_may_be_an_error(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(handle_unknown="error", max_epochs=2).fit(X, y)
    with pytest.raises(ValueError, match=r"Column 'city' holds 1 levels .* \['Lima'\]"):
        encoder.transform(X.replace({"city": {"Oslo": "Lima"}}))


def test_transform_ids_of_another_type_warn(rents):
    X, y = rents
    X = X[["city", "rooms"]]
    encoder = NeuralEmbeddingEncoder(categorical_features=["rooms", "city"], max_epochs=2)
    encoder.fit(X, y)
    message = "Column 'rooms' was fitted on .'numbers'. and now holds .'strings'."
    with pytest.warns(UserWarning, match=message):
        encoder.transform(X.astype({"rooms": str}))


def test_transform_warning_shows_the_line_of_the_user(encoder, rents):
    X, y = rents
    encoder.set_params(remainder="drop", use_context=False).fit(X, y)
    with pytest.warns(UserWarning, match="Column 'city' was fitted on") as caught:
        encoder.transform(X.assign(city=range(len(X))))
    assert caught[0].filename == __file__


def test_transform_other_type_in_first_rows_does_not_warn(encoder, rents, monkeypatch):
    """No warning: a level can match."""
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 64)
    X, y = rents
    encoder.fit(X, y)
    changed = X.astype({"city": object})
    changed.loc[:99, "city"] = 7
    assert (encoder.transform(changed)[:100, 0] == encoder.tables_["city"][0, 0]).all()


@pytest.mark.parametrize("few", [64, 2**16])
def test_transform_errors_count_the_rows_of_all_blocks(rents, monkeypatch, few):
    monkeypatch.setattr("skembed._columns.frames.BLOCK", few)
    X, y = rents
    encoder = NeuralEmbeddingEncoder(handle_missing="error", max_epochs=2).fit(X, y)
    gaps = X.assign(city=X["city"].mask(X.index.isin([90, 150, 399])))
    with pytest.raises(ValueError, match=r"is missing in 3 rows, the first being row 90\."):
        encoder.transform(gaps)
    encoder = NeuralEmbeddingEncoder(handle_unknown="error", max_epochs=2).fit(X, y)
    new = X.assign(city=X["city"].mask(X.index > 300, X["city"].str.upper()))
    with pytest.raises(ValueError, match="Column 'city' holds 4 levels"):
        encoder.transform(new)


def test_transform_categories_without_rows_are_not_unknown(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(handle_unknown="error", max_epochs=2).fit(X, y)
    X = pd.concat([X] * 3)
    more = X.assign(city=pd.Categorical(X["city"], categories=["Lima", *X["city"].unique()]))
    np.testing.assert_array_equal(encoder.transform(more), encoder.transform(X))


def test_transform_missing_levels_may_be_an_error(rents):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(handle_missing="error", max_epochs=2).fit(X, y)
    gap = X.assign(city=X["city"].where(X.index != 7))
    with pytest.raises(ValueError, match=r"Column 'city' is missing in 1 rows, the first .* row 7"):
        encoder.transform(gap)


def test_transform_text_in_a_numeric_column_is_an_error(encoder, rents):
    X, y = rents
    encoder.fit(X, y)
    rooms = X["rooms"].astype(object)
    rooms[3] = "many"
    message = r"^Column 'rooms' must be numeric, but it holds 'many'\. Give numbers, or NaN where"
    with pytest.raises(ValueError, match=message):
        encoder.transform(X.assign(rooms=rooms))


def test_inverse_transform_of_text_is_an_error(encoder, rents):
    X, y = rents
    vectors = encoder.set_output(transform="pandas").fit_transform(X, y)
    message = r"^Column 'city_0' must be numeric, but it.* Give numbers, or NaN where there is none"
    with pytest.raises(ValueError, match=message):
        encoder.inverse_transform(vectors.assign(city_0="many"))


@pytest.mark.parametrize("given", [["Oslo"], {"Oslo": 1}], ids=["list", "dict"])
def test_transform_levels_that_cannot_be_hashed_are_an_error(encoder, rents, given):
    X, y = rents
    encoder.fit(X, y)
    with pytest.raises(TypeError, match=r"^Column 'city' .*: give levels as in fit\.$"):
        encoder.transform(X.assign(city=[given] * len(X)))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_transform_array_of_fewer_columns_names_those_of_fit(encoder, rents):
    X, y = rents
    encoder.fit(X, y)
    with pytest.raises(ValueError, match=r"in their order: \['city', 'rooms', 'kind'\]\."):
        encoder.transform(X.to_numpy()[:, :2])


@pytest.mark.parametrize(
    ("row", "instead"),
    [
        (
            lambda X: X.iloc[0],
            r"pandas.Series. Give X.to_frame\(\) of a column, frame.iloc\[\[i\]\]",
        ),
        (lambda X: X.iloc[0].to_dict(), r"a dict. Give pandas.DataFrame\(\[X\]\)\.$"),
        (lambda X: X.to_dict("list"), r"a dict. Give pandas.DataFrame\(X\)\.$"),
    ],
    ids=["series", "dict of a row", "dict of columns"],
)
def test_transform_one_row_is_to_be_a_frame(encoder, rents, row, instead):
    X, y = rents
    encoder.fit(X, y)
    with pytest.raises(TypeError, match=instead):
        encoder.transform(row(X))


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda X: NeuralEmbeddingRegressor().fit(X), "fit() missing"),
        (lambda X: NeuralEmbeddingClassifier(dim=3), "__init__() got an unexpected"),
        (lambda X: NeuralEmbeddingEncoder().save(), "save() missing"),
        (lambda X: NeuralEmbeddingEncoder().nearest(), "nearest() missing"),
    ],
    ids=["fit", "parameter", "save", "nearest"],
)
def test_calls_that_lack_an_argument_name_no_private_class(rents, call, says):
    with pytest.raises(TypeError) as info:
        call(rents[0])
    assert str(info.value).startswith(says)


# At fit: columns


def test_fit_without_a_categorical_column_is_an_error(encoder, rents):
    X, y = rents
    with pytest.raises(ValueError, match=r"No categorical column among \['rooms'\]"):
        encoder.fit(X[["rooms"]], y)


def test_fit_column_neither_embedded_nor_numeric_is_an_error(encoder, rents):
    X, y = rents
    X["since"] = pd.Timestamp("2020-01-01")
    with pytest.raises(ValueError, match=r"Column 'since' .* numeric, but its type is Datetime"):
        encoder.fit(X, y)


@pytest.mark.parametrize("spec", [["town"], [3]])
def test_fit_categorical_feature_that_is_absent_is_an_error(rents, spec):
    X, y = rents
    with pytest.raises(ValueError, match=r"categorical_features names .* not a column. X has"):
        NeuralEmbeddingEncoder(categorical_features=spec).fit(X, y)


def test_fit_mask_of_another_length_is_an_error(rents):
    X, y = rents
    with pytest.raises(ValueError, match="mask of 2, but X has 3 columns"):
        NeuralEmbeddingEncoder(categorical_features=[True, False]).fit(X, y)


def test_fit_duplicate_column_names_are_an_error(encoder, rents):
    X, y = rents
    X.columns = ["city", "rooms", "city"]
    with pytest.raises(ValueError, match=r"Column names must be unique, but \['city'\]"):
        encoder.fit(X, y)


def test_fit_output_names_that_collide_are_an_error(encoder, rents):
    X, y = rents
    with pytest.raises(ValueError, match=r"'city_0'.*Rename"):
        encoder.fit(X.rename(columns={"rooms": "city_0"}), y)


def test_fit_unhashable_values_are_an_error(encoder, rents):
    X, y = rents
    X["tags"] = [{"garden": 1}] * len(X)
    with pytest.raises(TypeError, match="Column 'tags' holds values that cannot be hashed"):
        encoder.fit(X, y)


@pytest.mark.parametrize("value", [np.inf, -np.inf])
def test_fit_infinite_context_is_an_error(encoder, rents, value):
    X, y = rents
    X = X.astype({"rooms": float})
    X.loc[5, "rooms"] = value
    with pytest.raises(ValueError, match=r"Column 'rooms' holds an infinite value \(row 5\)"):
        encoder.fit(X, y)


def test_transform_sparse_after_fit_on_columns_is_an_error(encoder, rents):
    encoder.fit(*rents)
    with pytest.raises(TypeError, match=r"X is sparse, but fit was given columns.*'city'"):
        encoder.transform(csr_array(np.eye(3)))


def test_fit_empty_frame_is_an_error(encoder, rents):
    X, y = rents
    with pytest.raises(ValueError, match=r"0 sample\(s\)"):
        encoder.fit(X.head(0), y.head(0))


def test_fit_mixed_types_are_distinct_levels(encoder):
    X = pd.DataFrame({"code": [1, "1", True, 1.0, None] * 40})
    y = [1.0, 2.0, 3.0, 1.0, 5.0] * 40
    encoder.fit(X, y)
    assert encoder.vocabularies_["code"].levels == [1, True, "1"]
    assert len(np.unique(encoder.tables_["code"][1:], axis=0)) > 3


@pytest.mark.parametrize(
    ("values", "held"), [([None] * 400, "no value"), (["a"] * 400, "one level")]
)
def test_fit_column_without_information_warns(encoder, rents, values, held):
    X, y = rents
    with pytest.warns(UserWarning, match=f"Column 'empty' holds {held}"):
        encoder.fit(X.assign(empty=pd.Series(values, dtype=object)), y)
    assert np.isfinite(encoder.tables_["empty"]).all()


# At fit: target


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda y: y.where(y.index != 4), r"y contains NaN or None: 1 values, the first in row 4"),
        (lambda y: y.where(y.index != 4, np.inf), r"y holds an infinite value \(row 4\)"),
        (lambda y: y.head(9), "inconsistent numbers of samples"),
        (lambda y: y.astype(str).where(y.index != 4, None), "y contains NaN or None"),
        (lambda y: pd.Series(["same"] * len(y)), "y holds one class, 'same'"),
        (lambda y: pd.Series(range(len(y))).astype(str), "cv=5 needs at least 5 rows of one class"),
        (lambda y: pd.Series([1, "a"] * 200), "mixture of"),
    ],
    ids=["nan", "inf", "length", "none", "one class", "many classes", "mixed"],
)
def test_fit_bad_targets_are_an_error(encoder, rents, change, message):
    X, y = rents
    with pytest.raises(ValueError, match=message):
        encoder.fit(X, change(y))


def test_fit_target_of_many_integers_warns(encoder, rents):
    X, y = rents
    with pytest.warns(UserWarning, match="25 different values.*target_type='continuous'"):
        encoder.fit(X, pd.qcut(y, 25, labels=False))


def test_fit_binary_target_of_three_classes_is_an_error(rents):
    with pytest.raises(ValueError, match="target_type='binary' needs two classes"):
        NeuralEmbeddingEncoder(target_type="binary").fit(rents[0], ["a", "b", "c", "a"] * 100)


def test_fit_quantity_made_of_words_is_an_error(rents):
    with pytest.raises(ValueError, match="target_type='continuous' needs numbers in y"):
        NeuralEmbeddingEncoder(target_type="continuous").fit(rents[0], ["a", "b"] * 200)


# Parameters


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"embedding_dim": 0}, "'embedding_dim'"),
        ({"embedding_dim": {"city": 0}}, "embedding_dim for column 'city'"),
        ({"embedding_dim": {"town": 2}}, r"embedding_dim names \['town'\]"),
        ({"embedding_dim": lambda n: 1.5}, "embedding_dim for column 'city'"),
        ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes"),
        ({"unseen_rate": 1.0}, "'unseen_rate'"),
        ({"dropout": -0.1}, "'dropout'"),
        ({"learning_rate": 0.0}, "'learning_rate'"),
        ({"batch_size": 0}, "'batch_size'"),
        ({"max_epochs": 0}, "'max_epochs'"),
        ({"min_frequency": 0}, "'min_frequency'"),
        ({"handle_unknown": "ignore"}, "'handle_unknown'"),
        ({"remainder": "keep"}, "'remainder'"),
        ({"target_type": "counts"}, "'target_type'"),
        ({"n_jobs": 0}, "'n_jobs'"),
        ({"cv": 1}, "'cv'"),
        ({"cv": [([0, 1], range(400))]}, "cv gave one fold"),
        ({"cv": TimeSeriesSplit()}, "every row into exactly one test fold"),
        ({"cv": [([0], [400]), ([400], [0])]}, "cv tests row 400, but X has 400 rows"),
        ({"cv": iter(())}, "cv gave no splits. A generator is empty after its first use"),
    ],
)
def test_fit_parameters_out_of_range_are_an_error(rents, parameters, message):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(**parameters)
    with pytest.raises(ValueError, match=message):
        encoder.fit(X, y)
    assert not hasattr(encoder, "n_features_in_")


def test_groups_that_no_splitter_uses_are_an_error(encoder, rents):
    X, y = rents
    with pytest.raises(ValueError, match=r"cv=5 does not use them.*GroupKFold"):
        encoder.fit(X, y, groups=X["city"])


def test_groups_absent_for_a_group_splitter_are_an_error(rents):
    X, y = rents
    with pytest.raises(ValueError, match="'groups' parameter should not be None"):
        NeuralEmbeddingEncoder(cv=GroupKFold(4)).fit(X, y)


# Nothing half-fitted


def test_fit_that_fails_leaves_the_former_state(encoder, rents):
    X, y = rents
    encoder.fit(X, y)
    before = encoder.transform(X.head(3))
    with pytest.raises(ValueError, match="y contains NaN"):
        encoder.fit(X[["kind"]], y.where(y.index != 4))
    np.testing.assert_array_equal(encoder.transform(X.head(3)), before)


@pytest.mark.parametrize("fitted", [False, True])
def test_fit_ctrl_c_leaves_no_broken_estimator(rents, fitted):
    X, y = rents
    encoder = NeuralEmbeddingEncoder(max_epochs=2, random_state=0)
    # Torch imports more in its first steps, and Ctrl-C is to come in training, not in an import.
    before = encoder.fit(X, y).transform(X.head(3))
    if not fitted:
        encoder = clone(encoder)
    encoder.set_params(max_epochs=20_000, early_stopping=False)
    # A shell's background jobs are born deaf to Ctrl-C.
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        with pytest.raises(KeyboardInterrupt):
            encoder.fit(X, y)
    finally:
        signal.signal(signal.SIGINT, handler)
    if fitted:
        np.testing.assert_array_equal(encoder.transform(X.head(3)), before)
    else:
        assert not [name for name in vars(encoder) if name.endswith("_")]


def test_fit_without_torch_says_what_to_install(encoder, rents, monkeypatch):
    monkeypatch.delitem(sys.modules, "skembed._training.loop", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'skembed\[torch\]'"):
        encoder.fit(*rents)
