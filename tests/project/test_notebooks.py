"""Every notebook runs, prints what is kept in it, and has its figures from what it prints."""

import math
import re
import runpy
from pathlib import Path

import nbformat
import pytest

FOLDER = Path(__file__).parents[2] / "notebooks"
PATHS = sorted(FOLDER.glob("*.ipynb"))
NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:e-?\d+)?")
execute = runpy.run_path(str(FOLDER / "run.py"))["execute"]


def read(path):
    return nbformat.read(path, as_version=4)


def printed(cell):
    """What a cell puts out, as text."""
    texts = [
        output["text"] if output.output_type == "stream" else output.data.get("text/plain", "")
        for output in cell.get("outputs", ())
    ]
    return "\n".join(texts)


def numbers(text):
    return [float(number.replace(",", "")) for number in NUMBER.findall(text)]


def words(text):
    return NUMBER.sub("#", text).split()


def test_notebooks_are_all_there():
    assert [path.name[:2] for path in PATHS] == ["01", "02", "03", "04", "05", "06", "07"]


# What a notebook prints depends on the processor by its last digits: sums of float32 are taken in
# another order, and training carries that on. Words must be the same, numbers nearly. What depends
# on the machine for good, such as seconds, stands in cells with the tag "varies".
@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_prints_what_is_kept_in_it(path, tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    folder = tmp_path / "work"
    folder.mkdir()
    kept, fresh = read(path), execute(path, folder)
    for before, now in zip(kept.cells, fresh.cells, strict=True):
        if before.cell_type != "code" or "varies" in before.metadata.get("tags", ()):
            continue
        assert words(printed(now)) == words(printed(before)), before.source
        for was, is_now in zip(numbers(printed(before)), numbers(printed(now)), strict=True):
            assert math.isclose(was, is_now, rel_tol=0.02, abs_tol=0.02), before.source


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_figures_of_the_text_are_printed_above_it(path):
    above = set()
    for cell in read(path).cells:
        if cell.cell_type == "code":
            above |= {abs(number) for number in numbers(printed(cell) + cell.source)}
            continue
        text = re.sub(r"\(.*?\.ipynb\)|`[^`]*`", "", cell.source)
        figures = {figure for figure in NUMBER.findall(text) if "." in figure}
        assert [figure for figure in figures if abs(numbers(figure)[0]) not in above] == []


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_notebook_outputs_are_small_whole_and_without_warnings(path):
    cells = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    for cell in cells:
        for output in cell.outputs:
            assert output.get("name") != "stderr", output.text
            picture = output.get("data", {}).get("image/png", "")
            assert len(picture) * 3 / 4 < 60_000
