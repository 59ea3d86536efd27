import os
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, TargetEncoder

from skembed import NeuralEmbeddingClassifier, NeuralEmbeddingEncoder, NeuralEmbeddingRegressor
from skembed.exceptions import SkembedWarning
from skembed.scoring import score_file

WRITE = {
    "csv": lambda X, path: X.to_csv(path, index=False),
    "parquet": lambda X, path: X.to_parquet(path, row_group_size=300),
    "arrow": lambda X, path: X.to_feather(path),
}
READ = {"csv": pd.read_csv, "parquet": pd.read_parquet, "arrow": pd.read_feather}


@pytest.fixture(scope="module")
def encoder(adult):
    X, _, y, _ = adult
    return NeuralEmbeddingEncoder(max_epochs=2, random_state=0).fit(X, y)


@pytest.fixture(scope="module")
def pipeline(adult):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(max_epochs=2, remainder="drop", random_state=0)
    return make_pipeline(encoder, LogisticRegression()).fit(X, np.where(y, ">50K", "<=50K"))


@pytest.fixture
def rows(adult, tmp_path):
    """1,000 rows of Adult in a Parquet file of row groups of 300."""
    X = adult[1]
    X.to_parquet(tmp_path / "rows.parquet", row_group_size=300)
    return X, tmp_path / "rows.parquet"


@pytest.mark.parametrize("written", WRITE)
@pytest.mark.parametrize("read", READ)
def test_score_file_formats_give_what_transform_gives(encoder, adult, tmp_path, read, written):
    X = adult[1]
    source, out = tmp_path / f"rows.{written}", tmp_path / f"out.{read}"
    WRITE[written](X, source)
    score_file(encoder, source, out)
    got = READ[read](out)
    assert list(got.columns) == list(encoder.get_feature_names_out())
    np.testing.assert_array_equal(got.astype("float32"), encoder.transform(X).astype("float32"))


@pytest.mark.parametrize("part_rows", [1, 7, 300, 1000])
def test_score_file_does_not_depend_on_the_size_of_parts(encoder, rows, tmp_path, part_rows):
    X, source = rows[0].head(40), tmp_path / "head.csv"
    X.to_csv(source, index=False)
    score_file(encoder, source, tmp_path / "out.parquet", part_rows=part_rows)
    got = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_array_equal(got, encoder.transform(X))


def test_score_file_without_suffix_writes_a_folder_of_parts(encoder, rows, tmp_path):
    X, source = rows
    score_file(encoder, source, tmp_path / "out", part_rows=400)
    names = [path.name for path in sorted((tmp_path / "out").iterdir())]
    assert names == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    np.testing.assert_array_equal(pd.read_parquet(tmp_path / "out"), encoder.transform(X))


def test_score_file_reads_a_folder_in_the_order_of_names(encoder, rows, tmp_path):
    X, _ = rows
    (tmp_path / "days").mkdir()
    X.iloc[600:].to_parquet(tmp_path / "days" / "b.parquet")
    X.iloc[:600].to_parquet(tmp_path / "days" / "a.parquet")
    score_file(encoder, tmp_path / "days", tmp_path / "out.parquet")
    got = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_array_equal(got, encoder.transform(X))


def test_score_file_takes_a_dataset(encoder, rows, tmp_path):
    X, source = rows
    dataset = pyarrow.dataset.dataset(source)
    assert score_file(encoder, dataset, tmp_path / "out.parquet").rows_read == len(X)


def test_score_file_kept_columns_come_first_and_as_they_are(encoder, rows, tmp_path):
    X, _ = rows
    X.assign(id=[f"row {i}" for i in range(len(X))]).to_parquet(tmp_path / "ids.parquet")
    score_file(encoder, tmp_path / "ids.parquet", tmp_path / "out.parquet", keep=["id", "race"])
    got = pd.read_parquet(tmp_path / "out.parquet")
    assert list(got.columns[:3]) == ["id", "race", "age"]
    assert got["id"].iloc[-1] == "row 999"
    assert (got["race"].to_numpy() == X["race"].to_numpy()).all()


def test_score_file_keeps_a_column_that_is_named_twice_once(encoder, rows, tmp_path):
    score_file(encoder, rows[1], tmp_path / "out.parquet", keep=["race", "race"])
    assert list(pd.read_parquet(tmp_path / "out.parquet").columns).count("race") == 1


def test_score_file_probabilities_of_a_pipeline(pipeline, rows, tmp_path):
    X, source = rows
    score_file(pipeline, source, tmp_path / "out.csv", method="predict_proba")
    got = pd.read_csv(tmp_path / "out.csv")
    assert list(got.columns) == ["probability_<=50K", "probability_>50K"]
    np.testing.assert_allclose(got, pipeline.predict_proba(X), rtol=1e-6)


def test_score_file_classes_of_a_pipeline(pipeline, rows, tmp_path):
    X, source = rows
    score_file(pipeline, source, tmp_path / "out.parquet", method="predict")
    got = pd.read_parquet(tmp_path / "out.parquet")
    assert (got["prediction"].to_numpy() == pipeline.predict(X)).all()


def test_score_file_decisions_of_a_pipeline(pipeline, rows, tmp_path):
    X, source = rows
    score_file(pipeline, source, tmp_path / "out.parquet", method="decision_function")
    got = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_array_equal(got["decision"], pipeline.decision_function(X))


def test_score_file_numbers_several_targets(rents, tmp_path):
    X, y = rents
    X.to_csv(tmp_path / "X.csv", index=False)
    net = NeuralEmbeddingRegressor(max_epochs=2, random_state=0)
    net.fit(X, np.column_stack([y, -y]))
    score_file(net, tmp_path / "X.csv", tmp_path / "out.parquet", method="predict")
    got = pd.read_parquet(tmp_path / "out.parquet")
    assert list(got.columns) == ["prediction_0", "prediction_1"]
    np.testing.assert_array_equal(got, net.predict(X))


def test_score_file_probabilities_of_a_classifier(adult, rows, tmp_path):
    X, source = rows
    net = NeuralEmbeddingClassifier(max_epochs=2, random_state=0).fit(adult[0], adult[2])
    score_file(net, source, tmp_path / "out.parquet", method="predict_proba")
    got = pd.read_parquet(tmp_path / "out.parquet")
    np.testing.assert_allclose(got, net.predict_proba(X), rtol=1e-12)


def test_score_file_gives_pandas_frames_to_other_estimators(adult, rows, tmp_path):
    (X_train, _, y_train, _), (_, source) = adult, rows
    others = make_column_transformer(
        (TargetEncoder(), ["occupation"]),
        (OneHotEncoder(), ["sex"]),
        sparse_threshold=1,
    )
    others.fit(X_train, y_train)
    score_file(others, source, tmp_path / "out.parquet")
    np.testing.assert_array_equal(
        pd.read_parquet(tmp_path / "out.parquet"),
        others.transform(pd.read_parquet(source)).toarray(),
    )


def test_score_file_keeps_the_types_of_frames_of_estimators(adult, rows, tmp_path):
    (X_train, _, y_train, _), (X, source) = adult, rows
    others = make_column_transformer(
        ("passthrough", ["race", "age"]), verbose_feature_names_out=False
    )
    others.set_output(transform="pandas").fit(X_train, y_train)
    score_file(others, source, tmp_path / "out.parquet")
    assert pd.read_parquet(tmp_path / "out.parquet")["race"].tolist() == X["race"].tolist()


def test_score_file_without_rows_gives_a_file_without_rows(encoder, adult, tmp_path):
    for source in ("none.csv", "none.parquet"):
        WRITE[source.split(".")[1]](adult[1].head(0), tmp_path / source)
        assert score_file(encoder, tmp_path / source, tmp_path / "out.parquet").rows_read == 0
        got = pd.read_parquet(tmp_path / "out.parquet")
        assert got.shape == (0, len(encoder.get_feature_names_out()))


def test_score_file_csv_missing_and_unseen_are_embedded(tmp_path):
    X = pd.DataFrame({"city": ["Oslo", "Rome", None] * 40, "flat": [1, 2, 3] * 40})
    encoder = NeuralEmbeddingEncoder(categorical_features=["city", "flat"], random_state=0)
    encoder.fit(X, [3.0, 1.5, 4.2] * 40)
    (tmp_path / "rows.csv").write_text("flat,city\n1,Oslo\n,\n9,Paris\n2,NA\n")
    score_file(encoder, tmp_path / "rows.csv", tmp_path / "out.parquet")
    same = pd.DataFrame({"city": ["Oslo", None, "Paris", None], "flat": [1, None, 9, 2]})
    np.testing.assert_array_equal(
        pd.read_parquet(tmp_path / "out.parquet"), encoder.transform(same)
    )


def test_score_file_warns_once_of_a_column_of_new_levels(tmp_path):
    X = pd.DataFrame({"city": ["Oslo", "Rome"] * 60, "kind": ["flat", "house", "room"] * 40})
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
    X.assign(city=[f"new {i}" for i in range(120)]).to_csv(tmp_path / "rows.csv", index=False)
    with pytest.warns(SkembedWarning, match="'city' holds .* that fit did not see") as caught:
        score_file(encoder, tmp_path / "rows.csv", tmp_path / "out.parquet", part_rows=30)
    assert len(caught) == 1


def test_score_file_csv_levels_of_digits_are_read_as_fitted(tmp_path):
    X = pd.DataFrame({"zip": ["0150", "0151", "0152"] * 40})
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
    X.to_csv(tmp_path / "rows.csv", index=False)
    score_file(encoder, tmp_path / "rows.csv", tmp_path / "out.parquet")
    np.testing.assert_array_equal(
        pd.read_parquet(tmp_path / "out.parquet"), encoder.transform(X.copy())
    )


def test_score_file_progress_is_in_rows(encoder, rows, tmp_path):
    told = []
    score_file(
        encoder, rows[1], tmp_path / "out.parquet", on_progress=lambda *done: told.append(done)
    )
    assert told[-1] == (1000, 1000)
    assert told == sorted(told)


KILLED = """
import os, signal, sys
from skembed import NeuralEmbeddingEncoder
from skembed.exceptions import SkembedWarning
from skembed.scoring import score_file

encoder, source, out, quarantine = sys.argv[1:]

def kill(done, total):
    if done > 500:
        os.kill(os.getpid(), signal.SIGKILL)

score_file(
    NeuralEmbeddingEncoder.load(encoder), source, out, part_rows=150, on_progress=kill,
    quarantine=quarantine,
)
"""


@pytest.fixture
def killed(encoder, adult, tmp_path):
    """A job that was killed behind row 500, of which two lines and a cell are bad."""
    encoder.save(tmp_path / "e.skembed")
    lines = adult[1].to_csv(index=False).splitlines()
    lines[3] += ",one field more"
    lines[500] = "abc" + lines[500][lines[500].index(",") :]
    lines[900] = "no row"
    (tmp_path / "rows.csv").write_text("\n".join(lines) + "\n")
    paths = [str(tmp_path / name) for name in ("e.skembed", "rows.csv", "out.csv", "bad.csv")]
    done = subprocess.run([sys.executable, "-c", KILLED, *paths], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert not (tmp_path / "out.csv").exists()
    return NeuralEmbeddingEncoder.load(paths[0]), *paths[1:]


def test_score_file_resume_after_a_kill_loses_no_row(killed, adult, tmp_path):
    encoder, source, out, bad = killed
    summary = score_file(encoder, source, out, part_rows=150, quarantine=bad, resume=True)
    assert summary.rows_resumed == 450
    assert summary.rows_resumed + summary.rows_read == 998  # and two lines that are no rows
    X = adult[1].drop(index=adult[1].index[[2, 499, 899]])
    got = pd.read_csv(out).astype("float32")
    np.testing.assert_array_equal(got, encoder.transform(X).astype("float32"))
    assert pd.read_csv(bad)["row"].tolist() == [2, 498, 898]
    assert sorted(os.listdir(tmp_path)) == ["bad.csv", "e.skembed", "out.csv", "rows.csv"]


def test_score_file_resume_false_begins_anew(killed):
    encoder, source, out, bad = killed
    summary = score_file(encoder, source, out, part_rows=150, quarantine=bad)
    assert summary.rows_read == 998
    assert len(pd.read_csv(out)) == 997


def test_score_file_resume_refuses_another_job(killed):
    encoder, source, out, bad = killed
    with pytest.raises(ValueError, match=r"is of another job.*Begin anew, with resume=False"):
        score_file(encoder, source, out, part_rows=149, quarantine=bad, resume=True)


def test_score_file_error_keeps_the_old_file_and_leaves_no_other(encoder, adult, tmp_path):
    X = adult[1].astype({"age": float})
    X.iloc[700, X.columns.get_loc("age")] = np.inf
    X.to_parquet(tmp_path / "rows.parquet")
    (tmp_path / "out.parquet").write_text("the old one")
    with pytest.raises(ValueError, match=r"Rows 0 to 999 of .*rows.parquet: Column 'age' holds an"):
        score_file(encoder, tmp_path / "rows.parquet", tmp_path / "out.parquet")
    assert (tmp_path / "out.parquet").read_text() == "the old one"
    assert sorted(os.listdir(tmp_path)) == ["out.parquet", "rows.parquet"]


def test_score_file_resume_after_an_error_that_is_mended(encoder, adult, tmp_path):
    source, out = tmp_path / "rows.parquet", tmp_path / "out.parquet"
    adult[1].to_parquet(source)

    def fail(done, total):
        if done > 500:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        score_file(encoder, source, out, part_rows=200, on_progress=fail)
    assert score_file(encoder, source, out, part_rows=200, resume=True).rows_resumed == 400
    np.testing.assert_array_equal(pd.read_parquet(out), encoder.transform(adult[1]))


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"source": "none.parquet"}, "There is no file or folder .*none.parquet"),
        ({"source": "rows.xls"}, "has the suffix '.xls', but known are .parquet"),
        ({"out": "none/out.parquet"}, "There is no folder .*none"),
        ({"out": "rows.parquet"}, "is among the files that are read"),
        ({"out": "out.txt"}, "has the suffix '.txt'"),
        ({"quarantine": "out.parquet"}, "quarantine and out are both"),
        ({"quarantine": "folder"}, "is a folder: give the name of a file"),
        ({"method": "predict"}, "NeuralEmbeddingEncoder can only transform"),
        ({"keep": ["id"]}, r"has no columns \['id'\], which keep names"),
        ({"keep": ["age"]}, r"keep names \['age'\], which are columns of the output already"),
        ({"column_types": {"age": "number"}}, "column_types gives column 'age' the type 'number'"),
        ({"column_types": {"aeg": "string"}}, "column_types names 'aeg', which is no column of"),
    ],
)
def test_score_file_wrong_input_is_an_error(encoder, rows, tmp_path, changes, error):
    given = {"source": "rows.parquet", "out": "out.parquet"} | changes
    files = {name: tmp_path / given.pop(name) for name in ("source", "out")}
    if "quarantine" in given:
        given["quarantine"] = tmp_path / given["quarantine"]
    with pytest.raises((ValueError, FileNotFoundError), match=error):
        score_file(encoder, *files.values(), **given)
    assert os.listdir(tmp_path) == ["rows.parquet"]


def test_score_file_does_not_write_over_a_folder(encoder, rows, tmp_path):
    (tmp_path / "out").mkdir()
    with pytest.raises(FileExistsError, match="is there already: remove it"):
        score_file(encoder, rows[1], tmp_path / "out")


def test_score_file_absent_columns_are_named_first(encoder, rows, tmp_path):
    X, source = rows
    X.drop(columns=["age", "race"]).to_parquet(source)
    with pytest.raises(ValueError, match=r"has no columns \['age', 'race'\], which fit was given"):
        score_file(encoder, source, tmp_path / "out.parquet")


def test_score_file_of_an_estimator_without_names_is_an_error(rows, tmp_path):
    encoder = NeuralEmbeddingEncoder(max_epochs=1).fit([["a"], ["b"]] * 30, [0, 1] * 30)
    with pytest.raises(ValueError, match="was fitted without column names"):
        score_file(encoder, rows[1], tmp_path / "out.parquet")


def test_score_file_reads_a_large_arrow_batch_in_slices(encoder, adult, tmp_path):
    X = pd.concat([adult[1]] * 140, ignore_index=True)
    table = pa.Table.from_pandas(X, preserve_index=False).combine_chunks()
    with pa.ipc.new_file(tmp_path / "rows.arrow", table.schema) as file:
        file.write_table(table)
    seen = []
    score_file(
        encoder,
        tmp_path / "rows.arrow",
        tmp_path / "out.parquet",
        on_progress=lambda done, total: seen.append(done),
    )
    assert max(np.diff([0, *seen])) <= 65_536
