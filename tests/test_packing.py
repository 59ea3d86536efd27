import pickle

import numpy as np
import pytest

from skembed.packing import (
    pack_ints,
    pack_list,
    pack_table,
    unpack_ints,
    unpack_list,
    unpack_table,
)


@pytest.mark.parametrize(
    "values",
    [
        [],
        [7],
        [3, 3, 9],
        [9, 3, 3],
        [-5, 4, 0],
        [-(2**63), 0, 2**63 - 1],
        [2**63 - 1, -(2**63)],
        [2**40, 2**40 + 300],
    ],
    ids=str,
)
def test_packing_ints_come_back(values):
    back = unpack_ints(pack_ints(np.array(values, dtype=np.int64)))
    assert back.dtype == np.int64
    assert back.tolist() == values


@pytest.mark.parametrize(
    "values",
    [
        [],
        ["a", "", "Zürich", "東京", "\x00", "\ud800"],
        [0, 1, 5],
        [2**70, 1],
        [1, 1.5],
        [0.1, -0.0],
        [True, False],
        [1, "1", True, ("b", 1)],
    ],
    ids=str,
)
def test_packing_levels_come_back_with_their_types(values):
    back = unpack_list(pack_list(values))
    assert repr(back) == repr(values)


def test_packing_rising_ints_take_the_bytes_of_their_steps():
    keys = np.cumsum(np.random.default_rng(0).integers(0, 256, 10_000)) + 2**50
    assert len(pickle.dumps(pack_ints(keys))) < 1.05 * len(keys)


@pytest.mark.parametrize("step", [0.25, 1e-12], ids=["repeating", "all different"])
def test_packing_tables_come_back_to_the_bit(step):
    table = np.random.default_rng(0).normal(size=(5000, 3))
    table = (np.round(table / step) * step).astype(np.float32)
    packed = pack_table(table)
    back = unpack_table(packed)
    np.testing.assert_array_equal(back, table)
    assert back.dtype == np.float32
    assert back.flags.writeable
    assert len(pickle.dumps(packed)) < (0.4 if step == 0.25 else 1.01) * table.nbytes
