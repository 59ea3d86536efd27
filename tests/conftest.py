"""Data that many tests use, and how often those are run that draw at random."""

import os

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

from skembed.datasets import load_adult

NIGHTLY = "NIGHTLY" in os.environ  # as `make nightly` sets it

# By drawing the same cases each time, a red CI is red again on the next machine.
settings.register_profile("ci", max_examples=60, deadline=None, derandomize=True, database=None)
settings.register_profile("nightly", max_examples=1300, deadline=None, print_blob=True)
settings.load_profile("nightly" if NIGHTLY else "ci")


@pytest.fixture(scope="session")
def rounds():
    """Choose between few rounds and those of a night."""
    return lambda few, many: many if NIGHTLY else few


@pytest.fixture(scope="session")
def adult():
    """The first 3,000 training rows and the first 1,000 test rows of UCI Adult."""
    X_train, X_test, y_train, y_test = load_adult()
    return X_train.head(3000), X_test.head(1000), y_train.head(3000), y_test.head(1000)


@pytest.fixture
def rents():
    """Rents by city and kind of flat, with a number beside; the target is a quantity."""
    rng = np.random.default_rng(0)
    cities = {"Bern": 2100.0, "Oslo": 1800.0, "Rome": 1200.0, "Kyiv": 700.0}
    kinds = {"flat": 1.0, "house": 1.4}
    X = pd.DataFrame(
        {
            "city": rng.choice(list(cities), 400),
            "rooms": rng.integers(1, 6, 400),
            "kind": rng.choice(list(kinds), 400),
        }
    )
    y = X["city"].map(cities) * X["kind"].map(kinds) + 100 * X["rooms"] + rng.normal(0, 50, 400)
    return X, y
