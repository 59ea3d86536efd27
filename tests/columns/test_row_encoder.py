import numpy as np
import pandas as pd
import pytest
from scipy.sparse import issparse

from skembed._columns.crosses import Cross
from skembed._columns.frames import Columns
from skembed._columns.numeric import Bins, Context
from skembed._columns.row_encoder import EmbeddedColumn, Refusals, RowEncoder
from skembed._columns.vocabulary import INFREQUENT, MISSING, UNSEEN, Vocabulary

CITIES = Vocabulary(["Bern", "Oslo", "Rome"], ["Pisa"], np.array([0, 1, 1, 4, 5, 6]))
ROOMS = Bins(np.array([1.5, 2.5]))  # codes 3, 4 and 5
FIT = pd.DataFrame({"city": ["Bern", "Oslo", "Rome", None], "rooms": [1.0, 2.0, 3.0, 2.0]})


@pytest.fixture
def encoder():
    """Encodes a city, and the cross of city and rooms."""
    return fitted(EmbeddedColumn("city", 0, CITIES, is_bag=False))


def fitted(column):
    codes = {"city": CITIES.encode(Columns(FIT).levels(0)), "rooms": ROOMS.encode(FIT["rooms"])}
    used = np.ones(len(FIT), dtype=bool)
    cross = Cross.fit(("city", "rooms"), {"city": CITIES, "rooms": ROOMS}, codes, used)
    return RowEncoder(
        names=["city", "rooms"],
        embedded=[column],
        bins={"rooms": ROOMS},
        crosses=[cross],
        numeric=[1],
        context=Context([(2.0, 1.0, False)]),
        bag_mode="mean",
        is_sparse=False,
    )


def rows(cities):
    return Columns(pd.DataFrame({"city": cities, "rooms": np.resize([1.0, 2.0, 9.0], len(cities))}))


def test_row_encoder_reserved_codes(encoder):
    codes = encoder.encode(rows(["Oslo", "Lima", None, "Pisa"]), Refusals())
    assert codes["city"].tolist() == [4, UNSEEN, MISSING, INFREQUENT]


def test_row_encoder_cross_of_seen_levels_may_be_unseen(encoder):
    codes = encoder.encode(rows(["Bern", "Oslo", "Bern"]), Refusals())["city x rooms"]
    assert (codes[:2] > INFREQUENT).all()
    assert codes[2] == UNSEEN


def test_row_encoder_blocks_are_the_whole(encoder, monkeypatch):
    columns = rows(["Oslo", "Lima", None, "Pisa", "Rome"] * 100)
    whole = encoder.encode(columns, Refusals())
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 64)
    blocks = [
        codes["city x rooms"].codes() for _, _, codes in encoder.encode_blocks(columns, Refusals())
    ]
    assert len(blocks) == 8
    np.testing.assert_array_equal(np.concatenate(blocks), whole["city x rooms"])


@pytest.mark.parametrize(
    ("refusals", "says"),
    [
        (Refusals(unknown=True), "Column 'city' holds 1 levels that fit did not see: \\['Lima'\\]"),
        (Refusals(missing=True), "Column 'city' is missing in 1 rows, the first being row 70"),
    ],
)
def test_row_encoder_refusals_look_at_all_rows(encoder, monkeypatch, refusals, says):
    monkeypatch.setattr("skembed._columns.frames.BLOCK", 64)
    with pytest.raises(ValueError, match=says):
        encoder.encode(rows(["Oslo"] * 70 + [None, "Lima"]), refusals)


def test_row_encoder_refusals_of_parameters():
    assert Refusals.of("error", "embed") == Refusals(unknown=True, missing=False)
    assert Refusals.of("embed", "error") == Refusals(unknown=False, missing=True)
    assert Refusals.of("warn", "embed") == Refusals(warn_unknown=True)


def test_row_encoder_bag_is_a_matrix_of_weights():
    bag = fitted(EmbeddedColumn("city", 0, CITIES, is_bag=True)).with_crosses([])
    codes = bag.encode(rows([["Oslo", "Rome"], [], ["Lima"]]), Refusals())["city"]
    assert issparse(codes)
    np.testing.assert_array_equal(codes.toarray(), [[0, 0, 0, 0, 0.5, 0.5], [0] * 6, [0] * 6])


def test_row_encoder_without_crosses_has_no_bins(encoder):
    plain = encoder.with_crosses([])
    assert plain.bins == {}
    assert list(plain.encode(rows(["Oslo"]), Refusals())) == ["city"]


def test_row_encoder_inputs_are_those_of_the_numeric_columns(encoder):
    inputs = encoder.inputs(rows(["Oslo", "Oslo"]))
    assert inputs.dtype == np.float32
    assert inputs.shape == (2, 1)
    assert inputs[1, 0] == 0  # the median


def test_row_encoder_names_what_is_read_as_numbers(encoder):
    assert encoder.number_names == ["rooms", "rooms"]
