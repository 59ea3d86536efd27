"""Encoders compared on somebody's rows."""

import pytest

from skembed._cli.comparison import compare, spread
from skembed._cli.rivals import encoders


@pytest.mark.parametrize(
    ("target", "names"),
    [("income", ["AUC", "log-loss"]), ("age", ["R2", "RMSE"]), ("race", ["accuracy", "log-loss"])],
)
def test_comparison_scores_are_those_of_the_target(adult, target, names):
    X = adult[0].assign(income=adult[2]).astype({"age": float})
    first = next(compare(X[["relationship", "marital-status"]], X[target], [0]))
    assert list(first) == ["model", "encoder", "seed", *names, "seconds", "width"]


def test_comparison_has_every_encoder_before_every_model(adult):
    X_train, _, y_train, _ = adult
    X = X_train[["relationship", "age"]].astype({"relationship": "category"})
    table = spread(list(compare(X, y_train, [0, 1])))
    assert table[["model", "encoder"]].drop_duplicates().shape == (2 * len(encoders()), 2)
    assert table.loc[table["encoder"] == "ordinal", "width"].tolist() == [2, 2]


def test_comparison_spread_is_over_splits():
    def cell(encoder, seed, score):
        at = {"model": "XGBoost", "encoder": encoder, "seed": seed, "AUC": score}
        return at | {"seconds": 1.0, "width": 3}

    cells = [cell("skembed", 0, 0.7), cell("one-hot", 0, 0.6)]
    cells += [cell("skembed", 1, 0.8), cell("one-hot", 1, 0.9)]
    table = spread(cells).set_index("encoder")
    assert table["AUC"].to_dict() == {"skembed": "0.7500 ± 0.0707", "one-hot": "0.7500 ± 0.2121"}
    assert table["ahead"].to_dict() == {"skembed": "-", "one-hot": "1"}
