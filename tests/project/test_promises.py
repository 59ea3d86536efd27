"""Every promise of docs/promises.md names tests, and the tests exist."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
PAGE = (TESTS.parent / "docs" / "promises.md").read_text()
PROMISES = re.split(r"^\d+\. ", PAGE, flags=re.MULTILINE)[1:]


def named(text):
    """File and test of each name in a text."""
    return re.findall(r"`([\w/]*test_\w+\.py)::(\w+)`", text)


@pytest.mark.parametrize("promise", PROMISES, ids=range(1, len(PROMISES) + 1))
def test_promise_names_a_test(promise):
    assert named(promise)


@pytest.mark.parametrize(("file", "test"), sorted({*named(PAGE)}))
def test_promise_test_exists(file, test):
    assert re.search(rf"^(def {test}\(|{test} = )", (TESTS / file).read_text(), re.MULTILINE)


def test_promises_are_all_read():
    assert len(PROMISES) >= 16
