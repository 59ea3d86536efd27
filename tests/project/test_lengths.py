"""Modules and functions are short, and few modules stand outside of rooms."""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "skembed"
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))
}
MOST_TOP_MODULES = 20
MOST_LINES_OF_A_MODULE = 450  # without docstrings
MOST_LINES_OF_A_FUNCTION = 60  # without its docstring


def docstring_lines(node):
    """How many lines the docstring of a module, class or function takes."""
    if ast.get_docstring(node, clean=False) is None:
        return 0
    return node.body[0].end_lineno - node.body[0].lineno + 1


def find_long(sources):
    """Modules and functions that are too long, docstrings not counted."""
    found = {}
    for path, text in sources.items():
        tree = ast.parse(text)
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        nodes = [node for node in ast.walk(tree) if isinstance(node, documented)]
        length = len(text.splitlines()) - sum(map(docstring_lines, nodes))
        if length > MOST_LINES_OF_A_MODULE:
            found[path] = f"{length} lines"
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = node.end_lineno - node.body[0].lineno + 1 - docstring_lines(node)
                if length > MOST_LINES_OF_A_FUNCTION:
                    found[f"{path}: {node.name}"] = f"{length} lines"
    return found


def test_lengths_of_modules_and_functions():
    assert find_long(SOURCES) == {}


def test_lengths_that_are_too_long_are_found():
    docstring = '    """One.\n\n    Two.\n    """\n'
    sources = {
        "a.py": "a = 1\n" * 450,
        "b.py": "a = 1\n" * 451,
        "c.py": "def f():\n" + docstring + "    a = 1\n" * 60,
        "d.py": "def f():\n" + docstring + "    a = 1\n" * 61,
        "e.py": "class A:\n" + docstring + "a = 1\n" * 449,
    }
    assert find_long(sources) == {"b.py": "451 lines", "d.py: f": "61 lines"}


def test_lengths_modules_at_the_top_are_few():
    top = [path for path in SOURCES if "/" not in path]
    assert len(top) <= MOST_TOP_MODULES, "Modules belong into rooms."
