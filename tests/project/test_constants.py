"""Constants of skembed/: one name has one value, wherever it stands."""

import ast
from collections import defaultdict
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "skembed"
SOURCES = {str(path): path.read_text() for path in PACKAGE.rglob("*.py")}


def find_constants_of_two_values(sources):
    """Values of each constant that has several, by its name."""
    values = defaultdict(set)
    for text in sources.values():
        for node in ast.parse(text).body:
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if name.isupper():
                    values[name].add(ast.unparse(value))
    return {name: found for name, found in values.items() if len(found) > 1}


def test_constants_have_one_value():
    assert find_constants_of_two_values(SOURCES) == {}


def test_constants_of_two_values_are_found():
    sources = {"a.py": "MOST = 3\nFEW = 1", "b.py": "MOST = 4\nFEW = 1"}
    assert find_constants_of_two_values(sources) == {"MOST": {"3", "4"}}
