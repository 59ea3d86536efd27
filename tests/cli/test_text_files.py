"""Commands read text files by what is meant: words, types, separators."""

from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from typer.testing import CliRunner

from skembed import NeuralEmbeddingEncoder
from skembed._cli.app import app

# The zip of these files is read as an integer.
pytestmark = pytest.mark.filterwarnings("ignore:.*have names of ids")

QUICK = ["--set", "max_epochs=2", "--set", "crosses=None"]


def run(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def rows():
    """Rows whose land may be "NA", written to X.csv and, each text between quotes, quoted.csv."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"land": rng.choice(["NA", "DE"], 300), "zip": rng.choice(["00501", "10000"], 300)}
    )
    X["price"] = (X["land"] == "NA") + 2 * (X["zip"] == "00501") + rng.normal(0, 0.1, 300)
    X["kind"] = np.where(X["land"] == "NA", "None", "other")
    X.to_csv("X.csv", index=False)
    X.to_csv("quoted.csv", index=False, quoting=2)
    return X


def fitted(data, *options):
    done = run("fit", data, "--target", "price", "--out", "e.skembed", *QUICK, *options)
    assert done.exit_code == 0, done.output
    return NeuralEmbeddingEncoder.load("e.skembed"), done


def test_cli_fit_counts_cells_taken_for_missing(rows):
    learned, done = fitted("X.csv", "--exclude", "kind")
    n_missing = (rows["land"] == "NA").sum()
    note = f"skembed: note: cells of X.csv taken for missing: {n_missing} of 'land'"
    assert done.stderr.startswith(f"{note} ({n_missing} are NA)\n")
    assert learned.vocabularies_["land"].levels == ["DE"]


@pytest.mark.parametrize(("data", "options"), [("X.csv", ["--missing", ""]), ("quoted.csv", [])])
def test_cli_fit_words_are_levels_if_quoted_or_asked_for(rows, data, options):
    learned, done = fitted(data, *options)
    assert learned.vocabularies_["land"].levels == ["DE", "NA"]
    assert learned.vocabularies_["kind"].levels == ["None", "other"]
    assert "note" not in done.stderr


def test_cli_fit_class_that_is_a_word_is_named_or_trained(rows):
    command = "fit", "X.csv", "--target", "kind", "--out", "e.skembed", *QUICK
    done = run(*command)
    assert done.exit_code == 1
    n_rows = (rows["kind"] == "None").sum()
    told = f"taken for missing, with their rows: {{'None': {n_rows}}}. If they are classes, give"
    assert f"--target 'kind' holds words that are {told} --missing ''" in done.stderr
    assert run(*command, "--missing", "").exit_code == 0
    assert NeuralEmbeddingEncoder.load("e.skembed").classes_.tolist() == ["None", "other"]


def test_cli_fit_missing_words_of_parquet_are_wrong_usage(rows):
    rows.to_parquet("X.parquet")
    done = run("fit", "X.parquet", "--target", "price", "--out", "e.skembed", "--missing", "-")
    assert done.exit_code == 2
    assert "leave out --missing" in " ".join(done.output.split())


@pytest.mark.parametrize(
    ("name", "options"),
    [("X.tsv", {"sep": "\t"}), ("X.csv", {"sep": ";", "encoding": "utf-8-sig"}), ("X.csv.gz", {})],
)
def test_cli_fit_takes_other_text_files(rows, name, options):
    learned, _ = fitted("X.csv", "--missing", "")
    rows.to_csv(name, index=False, **options)
    same, _ = fitted(name, "--missing", "")
    pd.testing.assert_frame_equal(same.embedding("land"), learned.embedding("land"))


def test_cli_transform_words_are_those_of_fit(rows):
    learned, _ = fitted("quoted.csv", "--dtype", "zip=string", "--exclude", "kind")
    done = run("transform", "e.skembed", "X.csv", "--out", "out.csv", "--keep", "zip,land")
    assert done.exit_code == 0, done.output
    found = pd.read_csv("out.csv", dtype={"zip": str}, keep_default_na=False)
    assert found[["zip", "land"]].equals(rows[["zip", "land"]])
    expected = learned.set_output(transform="pandas").transform(rows[["land", "zip"]])
    np.testing.assert_allclose(found[expected.columns], expected, rtol=1e-6)
    done = run("transform", "e.skembed", "X.csv", "--out", "out.csv", "--missing", "NA")
    assert done.exit_code == 0, done.output
    missing = learned.transform(rows[["land", "zip"]].replace({"NA": None}))
    np.testing.assert_allclose(pd.read_csv("out.csv"), missing, rtol=1e-6)


def test_cli_score_finds_types_in_a_pipeline(rows):
    encoder = NeuralEmbeddingEncoder(crosses=None, max_epochs=2, random_state=0)
    inside = make_column_transformer((encoder, ["zip", "land"]))
    model = make_pipeline(inside, StandardScaler(), Ridge()).fit(rows, rows["price"])
    joblib.dump(model, "m.joblib")
    done = run("score", "m.joblib", "X.csv", "--trust-code", "--out", "out.csv")
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(pd.read_csv("out.csv")["prediction"], model.predict(rows))


@pytest.mark.parametrize("quarantine", [[], ["--quarantine", "bad.csv"]])
def test_cli_score_levels_that_cannot_match_are_an_error(rows, quarantine):
    encoder = NeuralEmbeddingEncoder(crosses=None, max_epochs=2, random_state=0)
    model = make_pipeline(FunctionTransformer(), encoder, Ridge()).fit(rows[["zip"]], rows["price"])
    joblib.dump(model, "m.joblib")
    rows.assign(zip=rows["zip"].astype(int)).to_parquet("X.parquet")
    for data in ("X.csv", "X.parquet"):
        command = "score", "m.joblib", data, "--trust-code", "--out", "out.csv", *quarantine
        done = run(*command)
        assert done.exit_code == 1
        assert "Column 'zip' was fitted on ['strings']" in done.stderr
        assert "To give a type: --dtype NAME=TYPE." in done.stderr
    done = run(
        "score", "m.joblib", "X.csv", "--trust-code", "--out", "out.csv", "--dtype", "zip=string"
    )
    assert done.exit_code == 0, done.output
    np.testing.assert_allclose(pd.read_csv("out.csv")["prediction"], model.predict(rows[["zip"]]))


def test_cli_transform_id_that_is_no_number_is_unseen(rows):
    rows["shop"] = [1, 2, 3] * 100
    rows["price"] += 5 * rows["shop"]
    rows.to_csv("X.csv", index=False)
    options = "--set", "categorical_features=['shop']", "--exclude", "kind,land,zip"
    learned, _ = fitted("X.csv", *options)
    (pd.DataFrame({"shop": ["N7"]})).to_csv("new.csv", index=False)
    done = run("transform", "e.skembed", "new.csv", "--out", "out.csv")
    assert done.exit_code == 0, done.output
    prior = learned.transform(pd.DataFrame({"shop": [99]}))
    np.testing.assert_allclose(pd.read_csv("out.csv"), prior, rtol=1e-6)


def test_cli_transform_kept_name_of_the_output_is_found_before_any_row(rows):
    rows["area"] = 1.5 * np.arange(300)
    rows.to_csv("X.csv", index=False)
    fitted("X.csv", "--exclude", "kind")
    done = run("transform", "e.skembed", "X.csv", "--out", "out.csv", "--keep", "area")
    assert done.exit_code == 1
    assert done.stderr.startswith("skembed: --keep names ['area'], which are columns of the output")
    assert "leave them out of --keep." in done.stderr


def test_cli_score_of_a_file_without_a_model_is_one_line(rows):
    joblib.dump({"model": 1}, "x.joblib")
    done = run("score", "x.joblib", "X.csv", "--trust-code", "--out", "out.csv")
    assert done.exit_code == 1
    assert done.stderr.startswith("skembed: 'x.joblib' holds a dict, which is no fitted model")
    assert len(done.stderr.splitlines()) == 1


def test_cli_explore_takes_a_pipeline(rows):
    encoder = NeuralEmbeddingEncoder(crosses=None, max_epochs=2, random_state=0)
    model = make_pipeline(make_column_transformer((encoder, ["zip"])), Ridge())
    joblib.dump(model.fit(rows, rows["price"]), "m.joblib")
    done = run("explore", "m.joblib", "--trust-code", "--out", "page.html")
    assert done.exit_code == 0, done.output
    assert '"name":"zip"' in Path("page.html").read_text()
