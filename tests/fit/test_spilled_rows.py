"""Rows on disk are those that were dealt."""

import numpy as np
import pytest

import skembed._fit.spilled_rows
from skembed._fit.spilled_rows import Files

TYPES = {"a": np.int32, "b": np.float64}


def rows(start, stop):
    a = np.arange(start, stop)
    return {"a": a, "b": a / 2}


def dealt(folder, stops):
    files = Files(folder, TYPES, stops[-1], 0)
    for start, stop in zip([0, *stops[:-1]], stops, strict=True):
        files.add(rows(start, stop))
    return files


@pytest.fixture
def small_files(monkeypatch):
    monkeypatch.setattr(skembed._fit.spilled_rows, "BLOCK_ROWS", 1000)


def test_spilled_rows_of_one_file_keep_their_order(tmp_path):
    (only,) = [dealt(tmp_path, [10, 300])[0]]
    np.testing.assert_array_equal(only["a"], np.arange(300))
    np.testing.assert_array_equal(only["b"], np.arange(300) / 2)


def test_spilled_rows_lie_in_one_file_each(tmp_path, small_files):
    files = dealt(tmp_path, [1500, 6000])
    assert len(files) == 6
    together = np.concatenate([files[i]["a"] for i in range(6)])
    np.testing.assert_array_equal(np.sort(together), np.arange(6000))


def test_spilled_rows_of_a_file_are_a_random_sample(tmp_path, small_files):
    files = dealt(tmp_path, [6000])
    for i in range(6):
        assert len(files[i]["a"]) == pytest.approx(1000, abs=150)  # 5 standard deviations
        assert files[i]["a"].mean() == pytest.approx(3000, abs=300)


def test_spilled_rows_do_not_depend_on_how_they_come_in(tmp_path, small_files):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one, two = dealt(tmp_path / "one", [3000]), dealt(tmp_path / "two", [7, 1000, 3000])
    for i in range(3):
        np.testing.assert_array_equal(one[i]["a"], two[i]["a"])


def test_spilled_rows_values_are_put_back_in_order(tmp_path, small_files):
    files = dealt(tmp_path, [1500, 6000])
    next_rows = files.put_back([files[i]["a"] % 7 for i in range(6)])
    together = np.concatenate([next_rows(n) for n in (10, 4000, 1990)])
    np.testing.assert_array_equal(together, np.arange(6000) % 7)
