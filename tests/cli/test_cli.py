"""The command line: what it prints, what it refuses, and with which exit code it ends."""

import json
import os
import signal
import subprocess
import sys
import time

import joblib
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from typer.testing import CliRunner

from skembed import NeuralEmbeddingEncoder
from skembed._cli.app import app

SKEMBED = [sys.executable, "-m", "skembed"]
QUICK = ["--set", "max_epochs=2", "--set", "crosses=None"]


def run(*arguments):
    """Run a command line in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def processed(*arguments, **options):
    """Run a command line in a process of its own."""
    command = [*SKEMBED, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


@pytest.fixture
def flats(rents, tmp_path):
    """Rents in a Parquet file, with an id and the target."""
    X, y = rents
    path = tmp_path / "flats.parquet"
    X.assign(id=[f"flat {i}" for i in range(len(X))], rent=y).to_parquet(path)
    return path


@pytest.fixture
def saved(rents, tmp_path):
    """A saved encoder of cities, kinds and their cross."""
    X, y = rents
    encoder = NeuralEmbeddingEncoder(crosses=[("city", "kind")], max_epochs=4, random_state=0)
    encoder.fit(X, y).save(tmp_path / "rents.skembed")
    return tmp_path / "rents.skembed"


def fitted(path, *more):
    out = path.with_name("out.skembed")
    done = run("fit", path, "--target", "rent", "--out", out, "--exclude", "id", *QUICK, *more)
    assert done.exit_code == 0, done.output
    return NeuralEmbeddingEncoder.load(out), done


def test_cli_fit_equals_fit_in_python(flats, rents):
    X, y = rents
    learned, _ = fitted(flats, "--seed", 3)
    expected = NeuralEmbeddingEncoder(max_epochs=2, crosses=None, random_state=3).fit(X, y)
    pd.testing.assert_frame_equal(learned.embedding("city"), expected.embedding("city"))
    assert learned.get_params() == expected.get_params()


def test_cli_fit_prints_columns_and_loss(flats):
    _, done = fitted(flats)
    lines = [line.split() for line in done.output.splitlines()]
    assert ["city", "column", "4", "1", "0", "0"] in lines
    assert done.output.splitlines()[-1].startswith("out-of-fold loss 0.")


def test_cli_fit_writes_out_of_fold_features(flats, rents):
    X, y = rents
    features = flats.with_name("features.parquet")
    fitted(flats, "--features", features)
    encoder = NeuralEmbeddingEncoder(max_epochs=2, crosses=None, random_state=0)
    expected = encoder.set_output(transform="pandas").fit_transform(X, y)
    pd.testing.assert_frame_equal(pd.read_parquet(features), expected, check_dtype=False)


def test_cli_fit_takes_weights_and_types(flats, rents):
    learned, _ = fitted(flats, "--sample-weight", "rooms", "--set", "use_context=False")
    assert learned.feature_names_in_.tolist() == ["city", "kind"]
    learned, _ = fitted(flats, "--dtype", "rooms=string")
    assert learned.vocabularies_["rooms"].levels == ["1", "2", "3", "4", "5"]


def test_cli_fit_csv_gives_the_encoder_of_parquet(flats):
    learned, _ = fitted(flats)
    csv = flats.with_suffix(".csv")
    pd.read_parquet(flats).to_csv(csv, index=False)
    of_csv, _ = fitted(csv)
    pd.testing.assert_frame_equal(learned.embedding("city"), of_csv.embedding("city"))


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("crosess=auto", "with one of the names bag_mode, batch_size"),
        ("crosses", "'crosses' is not NAME=VALUE"),
        ("cv=banana", "'cv' parameter of NeuralEmbeddingEncoder must be an int"),
    ],
)
def test_cli_fit_wrong_parameter_is_wrong_usage(flats, setting, told):
    out = flats.with_name("out.skembed")
    done = run("fit", flats, "--target", "rent", "--out", out, "--set", setting)
    assert done.exit_code == 2
    assert told in " ".join(done.output.split())


def test_cli_fit_wrong_type_is_wrong_usage(flats):
    done = run("fit", flats, "--target", "rent", "--out", "x", "--dtype", "rooms=sting")
    assert done.exit_code == 2
    assert "'rooms=sting' is not NAME=TYPE" in done.output


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--target", "rents"], "--target 'rents' is not a column. The data have"),
        (["--exclude", "idd"], "--exclude names 'idd', which is no column of"),
        (["--out", "nowhere/out.skembed"], "There is no folder"),
        (["--features", "flats.parquet"], "is among the files that are read"),
    ],
)
def test_cli_fit_wrong_data_is_one_line_of_error(flats, monkeypatch, options, told):
    monkeypatch.chdir(flats.parent)
    done = run("fit", "flats.parquet", "--target", "rent", "--out", "out.skembed", *options)
    assert done.exit_code == 1
    assert done.stderr.startswith("skembed: ")
    assert told in done.stderr
    assert "Traceback" not in done.output
    assert [path.name for path in flats.parent.iterdir()] == ["flats.parquet"]


def test_cli_fit_keeps_older_encoder_until_new_one_is_whole(flats, saved):
    before = saved.read_bytes()
    done = run("fit", flats, "--target", "rent", "--out", saved, "--set", "categorical_features=[]")
    assert done.exit_code == 1
    assert saved.read_bytes() == before


def test_cli_warnings_are_lines(flats):
    done = processed(
        *("fit", flats, "--target", "rent", "--out", flats.with_name("out.skembed"), *QUICK)
    )
    assert done.returncode == 0
    assert done.stderr.startswith("skembed: warning: fit leaves out the columns ['id']")
    assert ".py" not in done.stderr


def test_cli_debug_variable_shows_tracebacks(tmp_path, monkeypatch):
    monkeypatch.setenv("SKEMBED_DEBUG", "1")
    assert isinstance(run("inspect", tmp_path / "absent").exception, FileNotFoundError)


def test_cli_inspect_shows_what_was_learned(saved):
    done = run("inspect", saved)
    assert done.exit_code == 0
    printed = done.output
    assert "out-of-fold loss 0." in printed
    assert "parameters that are not the default: crosses=[('city', 'kind')]" in printed
    assert "passed through: rooms" in printed
    assert f"file: {saved.stat().st_size:,} bytes, format 2" in printed


def test_cli_inspect_json_is_json(saved):
    told = json.loads(run("inspect", saved, "--json").output)
    assert told["best_epoch"] <= told["n_iter"] == 4
    assert [entry["column"] for entry in told["columns"]] == ["city", "kind", "city x kind"]


def test_cli_nearest_equals_nearest_in_python(saved):
    expected = NeuralEmbeddingEncoder.load(saved).nearest("city", "Oslo", 2)
    found = json.loads(run("nearest", saved, "city", "Oslo", "-k", 2, "--json").output)
    assert [each["level"] for each in found] == expected["level"].tolist()
    assert run("nearest", saved, "city", "Oslo", "-k", 2).output.split()[3::3] == list(
        expected["level"]
    )


def test_cli_nearest_takes_a_level_per_column_of_a_cross(saved):
    done = run("nearest", saved, "city x kind", "Oslo", "flat", "-k", 1)
    assert done.exit_code == 0
    assert done.output.count("(") == 1


@pytest.mark.parametrize("levels", [["Lima"], ["Oslo", "Rome"]])
def test_cli_nearest_unknown_level_names_known_levels(saved, levels):
    done = run("nearest", saved, "city", *levels)
    assert done.exit_code == 1
    assert "is not a level of 'city'. Give one that fit has seen" in done.stderr


def test_cli_explore_writes_the_page(saved, tmp_path):
    done = run("explore", saved, "--out", tmp_path / "report.html")
    assert done.exit_code == 0
    page = (tmp_path / "report.html").read_text()
    assert '"name":"city x kind"' in page


def test_cli_nearest_levels_are_read_by_type():
    X = pd.DataFrame({"n": [1, 2, 3, 4] * 40, "s": ["1", "None", "b", "c"] * 40})
    encoder = NeuralEmbeddingEncoder(
        categorical_features=["n", "s"], max_epochs=2, crosses=None, random_state=0
    ).fit(X, [1.0, 2.0, 3.0, 4.0] * 40)
    from skembed._cli.inspect import typed_level

    assert typed_level(encoder, "n", ["1"]) == 1
    assert typed_level(encoder, "n", ["None"]) is None
    assert typed_level(encoder, "s", ["1"]) == "1"
    assert typed_level(encoder, "s", ["None"]) == "None"


def test_cli_benchmark_compares_encoders_on_own_rows(flats):
    done = run(
        *("benchmark", flats, "--target", "rent", "--exclude", "id"),
        *("--seeds", 2, "--rows", 300),
    )
    assert done.exit_code == 0
    lines = done.output.splitlines()
    assert lines[0].startswith("300 rows, 2 splits")
    assert lines[1].split() == ["model", "encoder", "R2", "RMSE", "seconds", "width", "ahead"]
    assert len(lines) == 2 + 10 + 1


def test_cli_benchmark_missing_target_is_named(flats):
    rows = pd.read_parquet(flats)
    rows.loc[3, "rent"] = None
    rows.to_parquet(flats)
    done = run("benchmark", flats, "--target", "rent")
    assert done.exit_code == 1
    assert "'rent' is missing in 1 rows" in done.stderr


def test_cli_unknown_command_is_wrong_usage():
    assert run("fitt").exit_code == 2


def test_cli_help_has_an_example_per_command():
    commands = [command.callback.__name__ for command in app.registered_commands]
    assert {"fit", "transform", "score", "inspect", "nearest", "benchmark", "demo"} <= set(commands)
    for command in commands:
        assert f"\n  skembed {command} " in run(command, "--help").output


def test_cli_version_is_printed():
    from skembed import __version__

    assert run("--version").output == f"{__version__}\n"


def test_cli_help_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from skembed.__main__ import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: print(*{'numpy', 'sklearn', 'torch', 'pyarrow'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert "Commands:" in done.stdout
    assert done.stdout.splitlines()[-1] == ""


@pytest.mark.parametrize("absent", ["typer", "torch"])
def test_cli_missing_package_is_one_line_of_error(flats, absent, tmp_path):
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / f"{absent}.py").write_text(
        f"raise ModuleNotFoundError(\"No module named '{absent}'\", name='{absent}')"
    )
    path = os.pathsep.join([str(tmp_path / "absent"), os.environ.get("PYTHONPATH", "")])
    done = processed(
        *("fit", flats, "--target", "rent", "--out", tmp_path / "out", "--exclude", "id"),
        env=os.environ | {"PYTHONPATH": path},
    )
    extra = {"typer": "cli", "torch": "torch"}[absent]
    assert done.returncode == 1
    assert f"pip install 'skembed[{extra}]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def heed_ctrl_c():
    """Undo what a shell does to the jobs in its background, which CI may be."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_cli_ctrl_c_exits_with_130_and_leaves_nothing(flats):
    command = ["fit", flats, "--target", "rent", "--out", flats.with_name("out"), "--exclude", "id"]
    endless = ["--set", "max_epochs=1000000", "--set", "early_stopping=False", "--set", "verbose=1"]
    with subprocess.Popen(
        [*SKEMBED, *map(str, [*command, *endless])],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
        preexec_fn=heed_ctrl_c,
    ) as process:
        for line in process.stdout:
            if "epoch" in line:
                break
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told == "skembed: stopped\n"
    assert [path.name for path in flats.parent.iterdir()] == ["flats.parquet"]


def test_cli_closed_pipe_prints_no_error(saved):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [*SKEMBED, "inspect", str(saved)], stdout=writer, stderr=subprocess.PIPE, timeout=60
    )
    os.close(writer)
    assert done.stderr == b""
    assert done.returncode == 1


def test_cli_transform_equals_transform_in_python(saved, flats):
    out = saved.with_name("vectors.parquet")
    done = run("transform", saved, flats, "--out", out, "--keep", "id,rent")
    assert done.exit_code == 0
    assert done.output.startswith(f"{out}: 400 rows in ")
    rows, vectors = pd.read_parquet(flats), pd.read_parquet(out)
    assert vectors.columns[:3].tolist() == ["id", "rent", "city_0"]
    encoder = NeuralEmbeddingEncoder.load(saved).set_output(transform="pandas")
    expected = encoder.transform(rows[encoder.feature_names_in_])
    pd.testing.assert_frame_equal(vectors[expected.columns], expected, check_dtype=False)


def test_cli_transform_takes_numbers_as_levels_as_fit_did(flats):
    learned, _ = fitted(flats, "--dtype", "rooms=string", "--set", "embedding_dim=2")
    encoder, out = flats.with_name("out.skembed"), flats.with_name("vectors.parquet")
    done = run("transform", encoder, flats, "--out", out, "--dtype", "rooms=string")
    assert done.exit_code == 0, done.output
    rows = pd.read_parquet(flats).astype({"rooms": str})
    expected = learned.set_output(transform="pandas").transform(rows[learned.feature_names_in_])
    pd.testing.assert_frame_equal(pd.read_parquet(out), expected)


def test_cli_transform_imports_no_torch(saved, flats, tmp_path):
    (tmp_path / "absent").mkdir()
    (tmp_path / "absent" / "torch.py").write_text("raise SystemExit('torch was imported')")
    path = os.pathsep.join([str(tmp_path / "absent"), os.environ.get("PYTHONPATH", "")])
    done = processed(
        *("transform", saved, flats, "--out", tmp_path / "vectors.csv"),
        env=os.environ | {"PYTHONPATH": path},
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


@pytest.fixture
def classifier(adult, tmp_path):
    """A saved pipeline that tells who earns much, and rows to score."""
    X_train, X_test, y_train, _ = adult
    encoder = NeuralEmbeddingEncoder(max_epochs=1, crosses=None, random_state=0)
    model = make_pipeline(encoder, StandardScaler(), LogisticRegression())
    model.fit(X_train, y_train)
    skops.io.dump(model, tmp_path / "model.skops")
    joblib.dump(model, tmp_path / "model.joblib")
    X_test.to_csv(tmp_path / "new.csv", index=False)
    return model


def test_cli_score_gives_probabilities_of_classifiers(classifier, adult, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("score", "model.skops", "new.csv", "--out", "scores.csv", "--keep", "age")
    assert done.exit_code == 0, done.output
    scores = pd.read_csv("scores.csv")
    assert scores.columns.tolist() == ["age", "probability_0", "probability_1"]
    expected = classifier.predict_proba(adult[1])[:, 1]
    np.testing.assert_allclose(scores["probability_1"], expected, rtol=1e-12)


def test_cli_score_applies_the_given_method(classifier, adult, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = ["--method", "predict", "--trust-code"]
    assert run("score", "model.joblib", "new.csv", "--out", "s.arrow", *options).exit_code == 0
    given = pd.read_feather("s.arrow")["prediction"]
    assert given.tolist() == classifier.predict(adult[1]).tolist()
    wrong = run("score", "model.skops", "new.csv", "--out", "s.csv", "--method", "transform")
    assert wrong.exit_code == 2


def test_cli_score_refuses_files_that_can_run_code(classifier, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = run("score", "model.joblib", "new.csv", "--out", "s.csv")
    assert done.exit_code == 1
    assert "give --trust-code" in done.stderr


def test_cli_quarantined_rows_make_the_exit_code_3(saved, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.csv").write_text("city,rooms,kind\nOslo,2,flat\nRome,two,flat\nBern,3\n")
    refused = run("transform", saved, "new.csv", "--out", "vectors.csv")
    assert refused.exit_code == 1
    assert not (tmp_path / "vectors.csv").exists()
    done = run("transform", saved, "new.csv", "--out", "vectors.csv", "--quarantine", "bad.csv")
    assert done.exit_code == 3
    assert "set aside in bad.csv: 2" in done.output
    assert len(pd.read_csv("vectors.csv")) == 1
    assert pd.read_csv("bad.csv")["row"].tolist() == [1, 2]
    (tmp_path / "new.csv").write_text("city,rooms,kind\nOslo,2,flat\n")
    done = run("transform", saved, "new.csv", "--out", "vectors.csv", "--quarantine", "bad.csv")
    assert done.exit_code == 0


@pytest.mark.parametrize("stop", ["SIGKILL", "SIGINT"])
def test_cli_resume_continues_a_stopped_job(saved, tmp_path, stop):
    two = pd.DataFrame({"city": ["Oslo", "Rome"], "rooms": [1, 2], "kind": ["flat", "house"]})
    pd.concat([two] * 200_000, ignore_index=True).to_parquet(tmp_path / "new.parquet")
    command = ["transform", saved, tmp_path / "new.parquet", "--out", tmp_path / "out.parquet"]
    command = [*SKEMBED, *map(str, command), "--part-rows", "1000"]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c
    ) as process:
        while not [*tmp_path.glob(".out.parquet.*.partial/part-00002.parquet")]:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(getattr(signal, stop))
        told = process.stderr.read()
    assert not (tmp_path / "out.parquet").exists()
    if stop == "SIGINT":
        assert process.returncode == 130
        assert told == "skembed: stopped; the same command with --resume goes on\n"
    done = subprocess.run([*command, "--resume"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "were done before" in done.stdout
    expected = NeuralEmbeddingEncoder.load(saved).transform(two)
    given = pd.read_parquet(tmp_path / "out.parquet").to_numpy()
    assert given.shape == (400_000, expected.shape[1])
    assert (given.reshape(-1, *expected.shape) == expected).all()
