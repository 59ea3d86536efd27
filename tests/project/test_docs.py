"""What the documentation says runs, and every public name is documented."""

import importlib
import inspect
import re
from pathlib import Path

import pytest
from numpydoc.validate import validate
from sybil import Sybil
from sybil.parsers.markdown import PythonCodeBlockParser

import skembed

ROOT = Path(__file__).parents[2]
# Blocks that are marked as python run; those of code that cannot run here are marked as py.
PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
    if "```python\n" in page.read_text()
]

# Reasons stand in pyproject.toml, [tool.numpydoc_validation].
IGNORED = {"ES01", "EX01", "GL01", "SA01", "SA04", "RT02"}


# All that is public stands on the page of the API.
PUBLIC = re.findall(r"^   (skembed\.[\w.]+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)


def found(name):
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def documented_names():
    """Public names, and the methods that skembed gives to those that are classes."""
    for name in PUBLIC:
        yield name
        for method, value in inspect.getmembers(found(name), inspect.isroutine):
            ours = (getattr(value, "__module__", None) or "").startswith("skembed")
            if inspect.isclass(found(name)) and ours and not method.startswith(("_", "set_")):
                yield f"{name}.{method}"


def test_api_page_has_all_names_of_the_package():
    assert {f"skembed.{name}" for name in skembed.__all__} - {"skembed.__version__"} <= set(PUBLIC)


@pytest.mark.parametrize("name", PUBLIC)
def test_public_names_have_an_example(name):
    assert "Examples\n----" in inspect.getdoc(found(name))


@pytest.mark.parametrize("name", list(documented_names()))
def test_public_docstrings_follow_numpydoc(name):
    problems = [(code, text) for code, text in validate(name)["errors"] if code not in IGNORED]
    assert problems == []


def test_parameter_defaults_are_in_the_docstring():
    encoder = skembed.NeuralEmbeddingEncoder
    for name, parameter in inspect.signature(encoder).parameters.items():
        shown = repr(parameter.default).replace("'", '"')
        line = next(
            line for line in encoder.__doc__.splitlines() if line.strip().startswith(f"{name} :")
        )
        stated = line.split("default=")[1]
        assert stated == shown or float(stated) == parameter.default


# What a block prints: the block that is marked as text, with nothing between but an empty line.
OUTPUT = re.compile(r"\n\s*```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def find_differences(page, capsys):
    """Run the blocks of a page: lines of those below which not just what they print is shown."""
    found = {}
    for example in Sybil(parsers=[PythonCodeBlockParser()]).parse(page).examples():
        example.evaluate()
        output = OUTPUT.match(example.document.text, example.end)
        shown, printed = output[1] if output else "", capsys.readouterr().out
        if shown != printed:
            found[example.line] = f"prints {printed!r}, the page shows {shown!r}"
    return found


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_docs_page_shows_below_each_block_what_it_prints(page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert find_differences(page, capsys) == {}


def test_docs_difference_of_page_and_code_is_found(capsys, tmp_path):
    page = tmp_path / "page.md"
    print_a, print_b = "```python\nprint('a')\n```\n", "```python\nprint('b')\n```\n"
    texts = [
        print_a + "\n```text\na\n```\n",
        "```python\na = 1\n```\n",
        print_b,  # line 11: nothing is shown
        print_a + "\nIt prints:\n\n```text\na\n```\n",  # 14: not at once
        print_a + print_b + "\n```text\na\nb\n```\n",  # 23 and 26: shown as one
        "```python\nprint('a\\nb')\n```\n\n```text\nb\na\n```\n",  # 34: in another order
        "```python\na = 2\n```\n\n```text\na\n```\n",  # 42: nothing is printed
    ]
    page.write_text("".join(texts))
    assert sorted(find_differences(page, capsys)) == [11, 14, 23, 26, 34, 42]


def test_docs_recipes_of_clusters_are_those_that_were_run():
    scripts = [path.read_text() for path in (ROOT / "docs" / "recipes").glob("*.py")]
    page = (ROOT / "docs" / "clusters.md").read_text()
    blocks = re.findall(r"```py\n(.*?)```", page, re.DOTALL)
    assert len(blocks) == len(scripts) == 3
    for block in blocks:
        assert any(block in script for script in scripts)
