"""What the documentation says runs, and every public name is documented."""

import inspect
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import skembed
from skembed.nn import PackedEmbedding

ROOT = Path(__file__).parent.parent
# Blocks that are marked as python run; those of code that cannot run here are marked as py.
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if "```python\n" in page.read_text()
]

# Reasons stand in pyproject.toml, [tool.numpydoc_validation].
IGNORED = {"ES01", "EX01", "GL01", "SA01", "SA04", "RT02"}


def public_names():
    for name in skembed.__all__:
        if name == "__version__":
            continue
        yield f"skembed.{name}"
        for method, value in vars(getattr(skembed, name)).items():
            if not method.startswith("_") and callable(value) and not method.startswith("set_"):
                yield f"skembed.{name}.{method}"
    yield "skembed.datasets.load_adult"
    yield "skembed.onnx.to_onnx"
    yield "skembed.scoring.score_file"
    yield "skembed.distributed.transform"
    yield "skembed.distributed.transform_parquet"
    for display in ("EmbeddingDisplay", "SimilarityDisplay", "TrainingDisplay"):
        for name in ("", ".from_estimator", ".plot"):
            yield f"skembed.plotting.{display}{name}"
    yield "skembed.nn.PackedEmbedding"
    for method, value in vars(PackedEmbedding).items():
        if not method.startswith("_") and (callable(value) or isinstance(value, classmethod)):
            yield f"skembed.nn.PackedEmbedding.{method}"


@pytest.mark.parametrize("name", list(public_names()))
def test_public_docstrings_follow_numpydoc(name):
    problems = [(code, text) for code, text in validate(name)["errors"] if code not in IGNORED]
    assert problems == []


def test_every_parameter_default_is_in_the_docstring():
    encoder = skembed.NeuralEmbeddingEncoder
    for name, parameter in inspect.signature(encoder).parameters.items():
        shown = repr(parameter.default).replace("'", '"')
        line = next(
            line for line in encoder.__doc__.splitlines() if line.strip().startswith(f"{name} :")
        )
        stated = line.split("default=")[1]
        assert stated == shown or float(stated) == parameter.default


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_code_of_the_pages_runs_and_prints_what_they_say(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    document = Sybil(parsers=[PythonCodeBlockParser()]).parse(page)
    examples = list(document.examples())
    assert examples
    for example in examples:
        example.evaluate()
    text = page.read_text()
    printed = capsys.readouterr().out.splitlines()
    assert printed
    for line in printed:
        assert line in text


def test_the_recipes_of_the_page_on_clusters_are_those_that_were_run():
    scripts = [path.read_text() for path in (ROOT / "docs" / "recipes").glob("*.py")]
    page = (ROOT / "docs" / "clusters.md").read_text()
    blocks = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == len(scripts) == 3
    for block in blocks:
        assert any(block in script for script in scripts)
