"""BLAS has one thread while somebody needs that, and then as many as before."""

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skembed import NeuralEmbeddingEncoder
from skembed._utils.one_blas_thread import one_blas_thread


def blas_threads():
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def two_threads():
    with threadpool_limits(2, user_api="blas"):
        yield


@pytest.fixture
def other_thread():
    with ThreadPoolExecutor(1) as thread:
        yield lambda function: thread.submit(function).result()


def test_blas_threads_of_the_user_come_back_when_threads_take_turns():
    """OpenBLAS stayed at one thread when the second was inside before the first had left."""
    first_is_inside, second_is_there = Barrier(2), Barrier(2)

    def work(is_first):
        if is_first:
            with one_blas_thread():
                first_is_inside.wait()
                second_is_there.wait()
                return blas_threads()
        first_is_inside.wait()
        second_is_there.wait()
        with one_blas_thread():
            return blas_threads()

    with ThreadPoolExecutor(2) as threads:
        assert [*threads.map(work, [True, False])] == [{1}, {1}]
    assert blas_threads() == {2}


def test_blas_threads_are_limited_in_any_thread(other_thread):
    """threadpoolctl hears one thread alone: the main thread, in these tests."""

    def work():
        with one_blas_thread():
            return blas_threads()

    assert other_thread(work) == {1}
    assert blas_threads() == {2}
    with threadpool_limits(1, user_api="blas"):
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_blas_threads_are_those_of_the_user_after_an_error():
    with pytest.raises(KeyError), one_blas_thread():
        raise KeyError
    assert blas_threads() == {2}


@pytest.mark.filterwarnings("ignore:.*found nothing", "ignore:fit was given no y")
def test_blas_threads_are_those_of_the_user_after_fits_in_threads():
    X = pd.DataFrame({"city": [*"abcdef"] * 20, "kind": [*"xyz"] * 40})
    targets = [np.arange(120) % 6 + 0.5, None] * 8
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        with ThreadPoolExecutor(4) as threads:
            for _ in threads.map(
                lambda y: NeuralEmbeddingEncoder(max_epochs=1, cv=2, crosses=None).fit(X, y),
                targets,
            ):
                pass
    finally:
        sys.setswitchinterval(before)
    assert blas_threads() == {2}
