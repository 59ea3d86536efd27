"""Private attributes of fitted estimators are used by the modules that define them alone.

The rule is a function of source texts that returns what breaks it. It is tested on the package, and
on a text that breaks it.
"""

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "skembed"
SOURCES = {
    path.relative_to(PACKAGE).as_posix(): path.read_text() for path in sorted(PACKAGE.rglob("*.py"))
}
HOMES = {"_base.py", "_base_predictor.py", "_encoder.py", "_classifier.py", "_regressor.py"}

# What breaks the rule today. A test fails on an entry that is no longer needed.


def is_home(path):
    return path in HOMES or path.startswith("_reading/")


def is_private(name):
    return name.startswith("_") and not name.startswith("__")


def names_defined(tree):
    """Methods, attributes of the class and attributes of `self`, in all classes of a module."""
    for node in ast.walk(tree):
        match node:
            case ast.ClassDef(body=body):
                for child in body:
                    match child:
                        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                            yield name
                        case ast.Assign(targets=[ast.Name(name)]):
                            yield name
                        case ast.AnnAssign(target=ast.Name(name)):
                            yield name
            case ast.Attribute(value=ast.Name("self" | "cls"), attr=name, ctx=ast.Store()):
                yield name


def names_used(tree):
    """Attributes of objects other than `self`, by name or `getattr`, each with its line."""
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name("self" | "cls")):
                continue
            case ast.Attribute(value=ast.Call(func=ast.Name("super"))):
                continue
            case ast.Attribute(attr=name):
                yield name, node.lineno
            case ast.Call(
                func=ast.Name("getattr" | "setattr" | "hasattr"),
                args=[owner, ast.Constant(str(name)), *_],
            ) if ast.unparse(owner) not in {"self", "cls"}:
                yield name, node.lineno


def find_private_uses(sources):
    """Where a module uses a private attribute of an estimator that it does not define itself."""
    trees = {path: ast.parse(text) for path, text in sources.items()}
    private = {}
    for path, tree in trees.items():
        for name in filter(is_private, names_defined(tree) if is_home(path) else ()):
            private.setdefault(name, set()).add(path)
    found = {}
    for path, tree in trees.items():
        for name, line in names_used(tree):
            if name in private and path not in private[name]:
                found.setdefault(f"{path}: {name}", []).append(line)
    return {what: "lines " + ", ".join(map(str, sorted(lines))) for what, lines in found.items()}


def test_private_attributes_of_estimators_are_private():
    found = find_private_uses(SOURCES)
    uses = [f"{what}, {where}" for what, where in found.items()]
    assert not uses, "Private attributes of estimators, used elsewhere:\n" + "\n".join(uses)


def test_private_attributes_use_is_found():
    sources = {
        "_base.py": """
class Base(BaseEstimator):
    _kind = 1

    def _learn(self):
        self._parts, self.whole = other._parts, super()._of_scikit_learn
""",
        "_encoder.py": """
class Encoder(Base):
    def fit(self):
        return super()._learn() + self._parts + other._learn()
""",
        "scoring/a.py": """
def score(encoder, row):
    row._replace(a=1)
    encoder._learn().__doc__
    return (
        encoder._kind,
        encoder.steps[0]._parts,
        getattr(encoder, "_parts", None),
    )
""",
    }
    assert find_private_uses(sources) == {
        "_encoder.py: _learn": "lines 4",
        "scoring/a.py: _learn": "lines 4",
        "scoring/a.py: _kind": "lines 6",
        "scoring/a.py: _parts": "lines 7, 8",
    }
