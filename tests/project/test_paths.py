"""Files and tests that the configuration and the documentation name are there.

A path that is gone is ignored in silence by `--ignore`, by ruff's `per-file-ignores` and by mutmut.
"""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("skembed", "tests", "docs", "benchmarks", "notebooks", ".ci")
PAGES = [
    "Makefile",
    "pyproject.toml",
    "setup.cfg",
    "CONTRIBUTING.md",
    "README.md",
    *sorted(f"docs/{page.name}" for page in (ROOT / "docs").glob("*.md")),
]
# A path with one of these endings, or below one of the folders; behind it the name of a test.
NAMED = re.compile(
    r"(?<![\w./%-])"
    r"((?:[\w.*-]+/)*[\w.*-]+\.(?:cfg|ipynb|md|py|toml)\b"
    rf"|(?:{'|'.join(map(re.escape, FOLDERS))})/[\w./*-]*[\w*/])"
    r"((?:::\w+)*)"
)
# Files that the reader of a page makes.
OF_THE_READER = {"train.py"}


def find_named(text):
    """Paths in a text, each with the name of a test or an empty string."""
    text = re.sub(r"\w+://\S+", "", text)
    return {(path, test.rpartition("::")[2]) for path, test in NAMED.findall(text)}


def files_of(path, folder):
    """Files that a path or pattern names; one without a folder may lie in any."""
    bases = {ROOT, ROOT / "tests", ROOT / folder}
    found = [file for base in bases for file in base.glob(path.rstrip("/"))]
    if not found and "/" not in path:
        found = [file for name in FOLDERS for file in (ROOT / name).rglob(path)]
    return found


def has_test(file, name):
    pattern = rf"^\s*(def {name}\(|class {name}\b|{name} = )"
    return re.search(pattern, file.read_text(), re.MULTILINE)


def find_missing(named, folder="."):
    """Of what a page in a folder names, that which is not there."""
    generated = tuple(re.findall(r"^docs/.*\w", (ROOT / ".gitignore").read_text(), re.MULTILINE))
    missing = []
    for path, test in sorted(named):
        files = files_of(path, folder)
        if not files and path not in OF_THE_READER and not path.startswith(generated):
            missing.append(path)
        elif test and not any(has_test(file, test) for file in files):
            missing.append(f"{path}::{test}")
    return missing


@pytest.mark.parametrize("page", PAGES)
def test_paths_on_a_page_exist(page):
    named = find_named((ROOT / page).read_text())
    assert find_missing(named, Path(page).parent) == []


def test_paths_missing_are_found():
    text = """
    Moved: `base.py`, `estimators.py` and [models](models.md), tests/test_no_such.py.
    --ignore=tests/no_folder/test_a.py --deselect tests/project/test_paths.py::test_nothing
    "docs/no_such/*" = ["D"], "docs/*.md" = ["D"], docs/_build/index.html, http://a.b/c.py
    `project/test_paths.py::test_paths_missing_are_found`, `project/test_paths.py::test_gone`
    """
    assert find_missing(find_named(text)) == [
        "base.py",
        "docs/no_such/*",
        "estimators.py",
        "models.md",
        "project/test_paths.py::test_gone",
        "tests/no_folder/test_a.py",
        "tests/project/test_paths.py::test_nothing",
        "tests/test_no_such.py",
    ]


def test_paths_of_all_pages_are_read():
    least = {"Makefile": 12, "pyproject.toml": 8, "setup.cfg": 8, "README.md": 35}
    for page, number in (least | {"docs/promises.md": 45}).items():
        assert len(find_named((ROOT / page).read_text())) >= number


MAKEFILE = (ROOT / "Makefile").read_text().replace("\\\n", "")


def missing_tests_of_make(makefile):
    """Of what `make oldest` leaves out, that which is not there: NEEDS_MORE and names behind -k."""
    needs_more = re.search(r"^NEEDS_MORE :?= (.*)", makefile, re.MULTILINE)[1].split()
    names = [
        name
        for expression in re.findall(r'-k "(.*?)"', makefile)
        for name in re.findall(r"\w+", expression)
        if name not in {"not", "and", "or"}
    ]
    tests = "".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    return [
        *(name for name in needs_more if not (ROOT / "tests" / f"{name}.py").is_file()),
        *(name for name in names if not re.search(rf"def test_\w*{name}|def {name}", tests)),
    ]


def test_paths_left_out_by_make_oldest_exist():
    assert "$(NEEDS_MORE:%=--ignore=tests/%.py)" in MAKEFILE
    assert missing_tests_of_make(MAKEFILE) == []


def test_paths_left_out_in_vain_are_found():
    makefile = 'NEEDS_MORE := cli/test_cli cli/test_gone\n\tpytest -k "not benchmark and not gone"'
    assert missing_tests_of_make(makefile) == ["cli/test_gone", "gone"]


def empty_patterns(pyproject):
    """Patterns of package data that no file matches."""
    data = tomllib.loads(pyproject)["tool"]["setuptools"]["package-data"]
    return [
        f"{package}: {pattern}"
        for package, patterns in data.items()
        for pattern in patterns
        if not [*(ROOT / package.replace(".", "/")).glob(pattern)]
    ]


def test_package_data_exists():
    assert empty_patterns((ROOT / "pyproject.toml").read_text()) == []


def test_package_data_that_is_missing_is_found():
    pyproject = """
    [tool.setuptools.package-data]
    "skembed.datasets" = ["data/*", "gone/*"]
    "skembed.gone" = ["*"]
    """
    assert empty_patterns(pyproject) == ["skembed.datasets: gone/*", "skembed.gone: *"]
