"""The examples of docstrings run.

They are read from the source: doctest leaves a class out, without a word, whose `__module__` is not
the module that it stands in. So pytest runs without `--doctest-modules`.
"""

import ast
import importlib
import inspect
import re
from doctest import DocTestParser, DocTestRunner
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PUBLIC = re.findall(r"^   (skembed\.[\w.]+)$", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE)
FEWEST_PUBLIC_EXAMPLES = 164
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


class Docstring(NamedTuple):
    module: str
    name: str  # in the module
    line: int
    text: str


def find_docstrings(tree, module, name=""):
    """Docstrings with examples, of a node and of what is below it."""
    if isinstance(tree, DOCUMENTED) and ">>>" in (
        text := ast.get_docstring(tree, clean=False) or ""
    ):
        yield Docstring(module, name, tree.body[0].lineno - 1, text)
    for node in ast.iter_child_nodes(tree):
        inner = f"{name}.{node.name}".lstrip(".") if isinstance(node, DOCUMENTED) else name
        yield from find_docstrings(node, module, inner)


DOCSTRINGS = [
    docstring
    for path in sorted((ROOT / "skembed").rglob("*.py"))
    for docstring in find_docstrings(
        ast.parse(path.read_text()), ".".join(path.relative_to(ROOT).with_suffix("").parts)
    )
]


def find_public_texts():
    """Docstrings with examples of the public names and of their public methods."""
    found = set()
    for name in PUBLIC:
        module, _, attribute = name.rpartition(".")
        value = getattr(importlib.import_module(module), attribute)
        methods = inspect.getmembers(value, inspect.isroutine) if inspect.isclass(value) else []
        ours = [
            method
            for method_name, method in methods
            if not method_name.startswith("_")
            and (getattr(method, "__module__", None) or "").startswith("skembed")
        ]
        found |= {part.__doc__ for part in [value, *ours] if ">>>" in (part.__doc__ or "")}
    return found


PUBLIC_TEXTS = find_public_texts()


def count_examples(docstring):
    return len(DocTestParser().get_examples(docstring.text))


@pytest.mark.parametrize("docstring", DOCSTRINGS, ids=lambda each: f"{each.module}.{each.name}")
def test_docstring_examples_print_what_they_say(docstring, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module, name, line, text = docstring
    known = vars(importlib.import_module(module))
    if text in PUBLIC_TEXTS:  # a reader's examples import what they need
        known = {name: known[name]} if name in known else {}
    test = DocTestParser().get_doctest(text, known, name, module, line)
    output = []
    failed, attempted = DocTestRunner(verbose=False).run(test, out=output.append)
    assert not failed, "".join(output)
    assert attempted == count_examples(docstring)


def test_docstring_examples_of_public_names_all_run():
    assert not PUBLIC_TEXTS - {docstring.text for docstring in DOCSTRINGS}


def test_docstring_examples_are_no_fewer():
    counts = {
        f"{each.module}.{each.name}": count_examples(each)
        for each in DOCSTRINGS
        if each.text in PUBLIC_TEXTS
    }
    assert sum(counts.values()) >= FEWEST_PUBLIC_EXAMPLES, counts


def test_docstring_examples_of_another_module_are_found():
    text = '''
class Public:
    """What it is.

    >>> 1 + 1
    2
    """

    __module__ = "skembed"

    def method(self):
        """Do it.

        >>> 2 + 2
        4
        """

def function():
    """Do it, without an example."""
'''
    found = [*find_docstrings(ast.parse(text), "skembed._module")]
    assert [(each.name, each.line) for each in found] == [("Public", 2), ("Public.method", 11)]
