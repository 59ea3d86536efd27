import subprocess
import sys

import pandas as pd
import pytest

from skembed import NeuralEmbeddingEncoder
from skembed._utils.optional_imports import MissingPackageError, needs, needs_torch
from skembed.scoring import score_file


def blocked(monkeypatch, *packages):
    """Let packages be absent, and what of them was imported already."""
    for name in [name for name in sys.modules if name.partition(".")[0] in packages]:
        monkeypatch.delitem(sys.modules, name)
    for package in packages:
        monkeypatch.setitem(sys.modules, package, None)


def test_needs_names_package_and_extra():
    told = r"^explore needs none_such, which is not installed: pip install 'skembed\[explore\]'\.$"
    with (
        pytest.raises(ModuleNotFoundError, match=told) as raised,
        needs("explore", "plotly", "none_such", extra="explore"),
    ):
        import none_such.part  # noqa: F401
    assert raised.value.name == "none_such"


def test_needs_torch_adds_a_hint(monkeypatch):
    blocked(monkeypatch, "torch")
    told = r"^fit needs PyTorch, which.*'skembed\[torch\]'\. A fitted .* without it\.$"
    with pytest.raises(MissingPackageError, match=told), needs_torch("fit"):
        import torch  # noqa: F401


@pytest.mark.parametrize("module", ["skembed.none_such", "none_such_either"])
def test_needs_ignores_another_missing_module(module):
    with (
        pytest.raises(ModuleNotFoundError, match=f"^No module named '{module}'") as raised,
        needs("explore", "plotly", extra="explore"),
    ):
        __import__(module)
    assert not isinstance(raised.value, MissingPackageError)


def test_needs_ignores_a_broken_package(tmp_path, monkeypatch):
    (tmp_path / "broken_one.py").write_text("import what_it_needs_itself\n")
    monkeypatch.syspath_prepend(tmp_path)
    with (
        pytest.raises(ModuleNotFoundError, match="No module named 'what_it_needs_itself'"),
        needs("explore", "broken_one", extra="explore"),
    ):
        import broken_one  # noqa: F401


def test_needs_ignores_an_error_without_a_name():
    with (
        pytest.raises(ModuleNotFoundError, match=r"^told elsewhere$"),
        needs("explore", "plotly", extra="explore"),
    ):
        raise ModuleNotFoundError("told elsewhere")


def test_needs_names_the_inner_extra():
    with (
        pytest.raises(MissingPackageError, match=r"skembed\[parquet\]"),
        needs("The command line", "none_such", extra="cli"),
        needs("Reading Parquet", "none_such", extra="parquet"),
    ):
        import none_such  # noqa: F401


RUN = """
import sys
from skembed.__main__ import main
for package in sys.argv[1].split(","):
    sys.modules[package] = None
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.parametrize(
    ("absent", "line", "told"),
    [
        ("typer", ["--help"], "The command line needs typer"),
        (
            "pyarrow",
            ["fit", "rows.csv", "--target", "y", "--out", "o"],
            "line needs pyarrow",
        ),
        ("skops", ["score", "m.skops", "rows.csv", "--out", "o.csv"], "A .skops file needs skops"),
        ("matplotlib,xgboost", ["demo"], "demo needs matplotlib"),
    ],
)
def test_command_needs_a_package_and_says_so_in_a_line(tmp_path, absent, line, told):
    (tmp_path / "rows.csv").write_text("x,y\na,1\nb,0\n")
    (tmp_path / "m.skops").write_bytes(b"")
    done = subprocess.run(
        [sys.executable, "-c", RUN, absent, *line],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert told in done.stderr
    extra = "demo" if line == ["demo"] else "cli"
    assert f"which is not installed: pip install 'skembed[{extra}]'." in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_command_defect_comes_with_its_traceback():
    done = subprocess.run(
        [sys.executable, "-c", RUN, "skembed._cli.fit", "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" in done.stderr
    assert "pip install" not in done.stderr


def test_score_file_needs_pyarrow(monkeypatch):
    X = pd.DataFrame({"x": ["a", "b"] * 30})
    encoder = NeuralEmbeddingEncoder(max_epochs=1, random_state=0).fit(X, [0, 1] * 30)
    blocked(monkeypatch, "pyarrow")
    with pytest.raises(MissingPackageError, match=r"score_file needs pyarrow.*\[parquet\]"):
        score_file(encoder, "rows.csv", "out.csv")
