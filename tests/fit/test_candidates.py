"""Combinations of levels as numbers."""

import numpy as np
import pytest

from skembed._fit.candidates import Candidates

rng = np.random.default_rng(0)
CITY = rng.integers(3, 103, 2000)
CODES = {
    "city": CITY,
    "state": 3 + (CITY - 3) // 10,
    "kind": rng.integers(3, 8, 2000),
    "holiday": 3 + (rng.random(2000) < 0.005),
}
SIZES = {"city": 103, "state": 13, "kind": 8, "holiday": 5}


@pytest.mark.parametrize(
    ("names", "is_repeated"),
    [
        (("city", "state"), True),
        (("city", "kind"), False),
        (("state", "kind"), False),
        (("city", "holiday"), False),  # rare, but not known from the city
        (("city", "state", "kind"), True),
        (("city", "kind", "holiday"), False),
    ],
)
def test_candidates_known_from_one_column_are_repeated(names, is_repeated):
    candidates = Candidates(CODES, SIZES)
    assert candidates.is_repeated(names, *candidates.number(names)) == is_repeated


def test_candidates_numbers_differ_by_combination():
    level, n_levels = Candidates(CODES, SIZES).number(("city", "kind"))
    pairs = np.unique(np.column_stack([CODES["city"], CODES["kind"], level]), axis=0)
    assert len(pairs) == n_levels == len(np.unique(level))


def test_candidates_hash_is_bounded_by_the_rows():
    big = {"a": rng.integers(0, 10**6, 4000), "b": rng.integers(0, 10**6, 4000)}
    candidates = Candidates(big, dict.fromkeys(big, 10**6))
    level, n_levels = candidates.hash(("a", "b"), np.arange(4000))
    assert n_levels == 1024
    assert np.bincount(level, minlength=n_levels).max() < 30
