"""Rooms of skembed/: which module may import which, and which packages.

A rule is a function of source texts that returns what breaks it. It is tested on the package, and
on a text that breaks it.
"""

import ast
import re
import sys
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import pytest

PACKAGE = Path(__file__).parents[2] / "skembed"

ESTIMATORS = ("_base", "_base_predictor", "_encoder", "_classifier", "_regressor")  # one room
RIGHT_OF_ESTIMATORS = (
    ("nn", "onnx", "plotting", "inspection", "scoring"),  # side by side: none imports another
    ("distributed", "sql"),
    ("_cli",),
)
# Rooms from left to right. A module may import from its own room and from rooms to the left of it.
LINE = (
    ("_utils",),
    ("_columns",),
    ("_model",),
    ("_training",),
    ("_fit",),
    ("_reading",),
    ESTIMATORS,
    *RIGHT_OF_ESTIMATORS,
)
POSITION = {room: position for position, rooms in enumerate(LINE) for room in rooms}
TO_COME = {"sql"}  # rooms of the line that have no module yet

# Rooms beside the line: what they may import, and who may import them.
MAY_IMPORT = {
    "_files": {"_utils", "exceptions"},
    "_persistence": {"_utils", "_columns", "_model", "_files", "exceptions"},
    "datasets": set(),
    "exceptions": set(),
    "persistence": {"_persistence", "exceptions"},
    "sizing": {"_model"},
}
FROM_ESTIMATORS_ON = {*ESTIMATORS, *chain(*RIGHT_OF_ESTIMATORS)}
IMPORTED_BY = {
    "_files": {"_persistence", "_fit", "_reading", *FROM_ESTIMATORS_ON},
    "_persistence": {"persistence", *FROM_ESTIMATORS_ON},
    "datasets": {"_cli"},
    "exceptions": {*MAY_IMPORT, *POSITION},
    "persistence": {"_cli"},
    "sizing": {"_cli"},
}
THIN = ("persistence.py", "sizing.py")  # public names of private rooms, and nothing else

# Imports to the right, each inside of a function.
INSIDE_FUNCTIONS = {
    "_encoder -> nn": "to_torch",
    "_base_predictor -> nn": "to_torch",
    "_base -> inspection._explorer": "explore",
    "_base -> inspection._summary": "_html_repr",
}
# Imports of a room beside the module's own.
BESIDE = {
    "plotting._displays -> inspection._maps": "both draw the same maps",
}

# Packages that are not of the standard library: the modules or rooms that may import them.
WHERE = {
    "dask": ("distributed",),
    "distributed": ("distributed",),
    "matplotlib": ("plotting", "_cli.demo"),
    "narwhals": ("_columns",),
    "onnx": ("onnx",),
    "onnxmltools": ("onnx",),
    "plotly": ("inspection",),
    "pyarrow": ("_files", "_fit.parquet_reader", "scoring", "distributed", "_cli"),
    "rich": ("_training.monitor", "_cli"),
    "safetensors": ("_persistence",),
    "skl2onnx": ("onnx",),
    "skops": ("_cli.load_model",),
    "threadpoolctl": ("_utils.one_blas_thread",),
    "torch": ("_training", "nn"),
    "typer": ("_cli",),
    "xgboost": ("_cli.comparison", "_cli.demo", "onnx._pipeline_steps"),
}
ANYWHERE = {"joblib", "numpy", "pandas", "scipy", "sklearn"}
FUNCTIONS_ONLY = {"dask", "distributed", "plotly", "pyarrow", "skops"}
REQUIRED = ANYWHERE | {"narwhals", "safetensors", "threadpoolctl"}  # installed with skembed


class Import(NamedTuple):
    """One import. Modules of skembed are named without the first part; "" is skembed itself."""

    by: str
    of: str
    line: int
    early: bool  # when the module is imported, not in a function or for type checkers alone


def read_package():
    return {
        path.relative_to(PACKAGE).as_posix(): path.read_text()
        for path in sorted(PACKAGE.rglob("*.py"))
    }


SOURCES = read_package()


def module_of(path):
    return path.removesuffix(".py").removesuffix("__init__").rstrip("/").replace("/", ".")


def room_of(module):
    return module.partition(".")[0]


def statements(tree, early=True):
    """Every node below another, and whether it runs when the module is imported."""
    for node in ast.iter_child_nodes(tree):
        yield node, early
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or (
            isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        )
        yield from statements(node, early and not late)


def imported_names(node, path):
    """Full names that a node imports, those of `import_module("name")` too."""
    match node:
        case ast.Import():
            return [alias.name for alias in node.names]
        case ast.ImportFrom(level=0):
            return [f"{node.module}.{alias.name}" for alias in node.names]
        case ast.ImportFrom():
            package = ["skembed", *path.split("/")[:-1]]
            base = [*package[: len(package) - node.level + 1], node.module]
            return [".".join(filter(None, [*base, alias.name])) for alias in node.names]
        case ast.Call(args=[ast.Constant(str(name)), *_]) if re.search(
            r"(^|\.)(import_module|__import__)$", ast.unparse(node.func)
        ):
            return [name]
    return []


def find_imports(sources):
    """Imports of other packages by their full names, and of skembed's modules by theirs."""
    modules = {module_of(path) for path in sources}
    homes = {}  # public names of skembed/__init__.py, and the modules that hold them
    for node in ast.walk(ast.parse(sources.get("__init__.py", ""))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("skembed."):
            home = node.module.removeprefix("skembed.")
            homes |= {alias.asname or alias.name: home for alias in node.names}
    others, ours = [], []
    for path, text in sources.items():
        for node, early in statements(ast.parse(text)):
            for name in dict.fromkeys(imported_names(node, path)):
                first, _, rest = name.partition(".")
                if first != "skembed":
                    others.append(Import(module_of(path), first, node.lineno, early))
                    continue
                of = homes.get(rest, rest)
                while of not in modules and of:
                    of = of.rpartition(".")[0]  # from a module, a name in it
                ours.append(Import(module_of(path), of, node.lineno, early))
    return ours, others


def check(found, message):
    """Fail on what is found."""
    assert not found, f"{message}\n" + "\n".join(f"{what}: {at}" for what, at in found.items())


# Places.


def find_places_missing(sources):
    rooms = {*POSITION, *MAY_IMPORT, "", "__main__"}
    return {
        module_of(path): "stands in no room"
        for path in sources
        if room_of(module_of(path)) not in rooms
    }


def test_rooms_hold_every_module():
    check(find_places_missing(SOURCES), "Modules that no room of this file holds:")


def test_rooms_module_outside_is_found():
    assert find_places_missing({"_model/a.py": "", "helpers.py": ""}) == {
        "helpers": "stands in no room"
    }


def test_rooms_are_all_there():
    there = {room_of(module_of(path)) for path in SOURCES}
    assert {*POSITION, *MAY_IMPORT} - there == TO_COME


# The order of rooms.


def may_import(by, of):
    """Whether one room may import another at all."""
    if by in {of, "", "__main__"} or (by in ESTIMATORS and of in ESTIMATORS):
        return True
    if by in MAY_IMPORT or of in MAY_IMPORT:
        return of in MAY_IMPORT.get(by, {of}) and by in IMPORTED_BY.get(of, {by})
    return by in POSITION and of in POSITION and POSITION[of] < POSITION[by]


def find_imports_out_of_order(sources):
    found = {}
    for each in find_imports(sources)[0]:
        if each.of == "" or may_import(room_of(each.by), room_of(each.of)):
            continue
        arrow = f"{each.by} -> {each.of}"
        if arrow in BESIDE or (arrow in INSIDE_FUNCTIONS and not each.early):
            continue
        found.setdefault(arrow, f"line {each.line}")
    return found


def test_imports_go_to_the_left():
    message = "Imports that the order of rooms does not allow (LINE, MAY_IMPORT, IMPORTED_BY):"
    check(find_imports_out_of_order(SOURCES), message)


@pytest.mark.parametrize(
    ("path", "text", "of"),
    [
        ("_model/a.py", "from skembed._training.b import c", "_training.b"),
        ("_model/a.py", "from skembed._training import b", "_training.b"),
        ("_model/a.py", "from .._training import b", "_training.b"),
        ("_model/a.py", "import skembed._training.b", "_training.b"),
        ("_model/a.py", "def f():\n    from skembed._training.b import c", "_training.b"),
        ("_model/a.py", "def f():\n    import_module('skembed._training.b')", "_training.b"),
        ("_files/a.py", "from skembed._columns import b", "_columns"),
        ("_columns/a.py", "from skembed._files import b", "_files"),
        ("_persistence/a.py", "from skembed._base import b", "_base"),
        ("_reading/a.py", "from skembed import Encoder", "_encoder"),
        ("_encoder.py", "from skembed.nn import b", "nn"),
        ("_encoder.py", "def f():\n    from skembed.scoring import b", "scoring"),
        ("onnx/a.py", "from skembed.scoring import b", "scoring"),
        ("datasets/a.py", "from skembed._utils import b", "_utils"),
        ("exceptions.py", "from skembed._utils import b", "_utils"),
        ("scoring/a.py", "from skembed._cli import b", "_cli"),
        ("_base.py", "import skembed.unknown", "unknown"),
    ],
)
def test_imports_to_the_right_are_found(path, text, of):
    rooms = ("_utils", "_columns", "_files", "_training", "scoring", "nn", "_cli", "unknown")
    sources = {f"{room}/__init__.py": "" for room in rooms} | {
        "__init__.py": "from skembed._encoder import Encoder",
        "_encoder.py": "",
        "_base.py": "",
        "_training/b.py": "",
    }
    sources[path] = text
    assert list(find_imports_out_of_order(sources)) == [f"{module_of(path)} -> {of}"]


def test_imports_inside_functions_are_all_needed():
    arrows = {f"{each.by} -> {each.of}" for each in find_imports(SOURCES)[0]}
    assert {*INSIDE_FUNCTIONS, *BESIDE} <= arrows


def find_code(sources):
    """Thin modules that define something."""
    return [
        path
        for path in THIN
        if any(
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda)
            for node in ast.walk(ast.parse(sources[path]))
        )
    ]


def test_thin_modules_define_nothing():
    assert find_code(SOURCES) == [], "Their functions and classes belong into a private room."


def test_thin_module_definition_is_found():
    assert find_code({"sizing.py": "def f(): pass", "persistence.py": "a = 1"}) == ["sizing.py"]


def test_training_room_runs_nothing_at_import():
    body = ast.parse(SOURCES["_training/__init__.py"]).body
    assert body == [], "Parts of the room need no torch and are imported without it."


# Other packages.


def find_strangers(sources):
    """Imports of other packages in modules that may not import them."""
    found = []
    for each in find_imports(sources)[1]:
        if each.of in sys.stdlib_module_names or each.of in ANYWHERE:
            continue
        places = WHERE.get(each.of, ())
        if not any(each.by == place or each.by.startswith(f"{place}.") for place in places):
            found.append(f"{each.by}, line {each.line}: {each.of}")
    return found


def test_packages_are_imported_in_their_rooms_alone():
    assert find_strangers(SOURCES) == [], "WHERE lists the rooms that may import a package."


@pytest.mark.parametrize("name", ["torch", "pyarrow", "typer", "narwhals", "plotly", "unheard_of"])
def test_packages_outside_of_their_rooms_are_found(name):
    sources = {"_model/a.py": f"import numpy, math\ndef f():\n    from {name}.b import c"}
    assert find_strangers(sources) == [f"_model.a, line 3: {name}"]


def test_packages_are_imported_where_they_may_be():
    imported = {(each.of, each.by) for each in find_imports(SOURCES)[1]}
    needless = [
        f"{name}: {place}"
        for name, places in WHERE.items()
        for place in places
        if not any(of == name and f"{by}.".startswith(f"{place}.") for of, by in imported)
    ]
    assert needless == []


def find_early(sources):
    """Imports at module level of packages that are imported inside functions only."""
    return [
        f"{each.by}, line {each.line}: {each.of}"
        for each in find_imports(sources)[1]
        if each.of in FUNCTIONS_ONLY and each.early
    ]


def test_packages_inside_functions_only():
    assert find_early(SOURCES) == []


def test_packages_imported_too_early_are_found():
    sources = {"_files/a.py": "if True:\n    import pyarrow.csv\ndef f():\n    import pyarrow"}
    assert find_early(sources) == ["_files.a, line 2: pyarrow"]


def find_reached(sources, start):
    """Packages that importing one module of skembed imports, by what is at module level."""
    ours, others = find_imports(sources)
    reached, ahead = set(), {start}
    while ahead:
        module = ahead.pop()
        reached.add(module)
        ahead |= {each.of for each in ours if each.by == module and each.early}
        ahead |= {module.rpartition(".")[0]}  # its package
        ahead -= reached
    return {each.of for each in others if each.by in reached and each.early}


def public_modules():
    modules = {room_of(module_of(path)) for path in SOURCES}
    return sorted(name for name in modules if not name.startswith("_") or name == "__main__")


@pytest.mark.parametrize("module", [name for name in public_modules() if name != "nn"])
def test_public_module_needs_no_extra(module):
    heavy = find_reached(SOURCES, module) - REQUIRED - sys.stdlib_module_names
    assert not heavy, "Imported at module level by this module, or by one that it imports."


def test_command_line_needs_typer_alone():
    assert find_reached(SOURCES, "_cli.app") - sys.stdlib_module_names == {"typer"}


def test_packages_reached_through_modules_are_found():
    sources = {
        "__init__.py": "",
        "a.py": "from skembed._b.c import d",
        "_b/__init__.py": "import rich",
        "_b/c.py": "import torch\ndef f():\n    import pyarrow\nif TYPE_CHECKING:\n    import dask",
    }
    assert find_reached(sources, "a") == {"rich", "torch"}
