import numpy as np

from skembed._columns.vocabulary import Vocabulary
from skembed._reading.near_names import did_you_mean, near_levels, near_names


def vocabulary(levels, rows):
    return Vocabulary(levels, [], np.array([0, 0, 0, *rows]))


def test_near_levels_are_those_written_alike():
    species = vocabulary(["BULLS", "GULLS", "OWLS", "TERNS"], [1, 2, 3, 4])
    assert near_levels("GULS", species) == ["GULLS"]


def test_near_levels_do_not_look_at_case_or_spaces():
    assert near_levels(" new  york", vocabulary(["New York", "Oslo"], [1, 1])) == ["New York"]


def test_near_levels_of_another_type():
    assert near_levels("3", vocabulary([2, 3, 4], [1, 1, 1])) == [3]


def test_near_levels_of_what_is_like_none_are_none():
    assert near_levels("Lima", vocabulary(["Oslo", "Rome"], [1, 1])) == []


def test_near_levels_that_differ_in_case_alone_are_that_of_most_rows():
    assert near_levels("OSLo", vocabulary(["OSLO", "Oslo"], [1, 9])) == ["Oslo"]


def test_near_levels_are_looked_for_among_those_of_most_rows(monkeypatch):
    monkeypatch.setattr("skembed._reading.near_names.LOOKED_AT", 1)
    assert near_levels("Osl", vocabulary(["Osla", "Oslo"], [1, 9])) == ["Oslo"]


def test_near_names_are_three_at_most():
    assert len(near_names("cola", ["cola1", "cola2", "cola3", "cola4"])) == 3


def test_did_you_mean_without_names_is_nothing():
    assert did_you_mean([]) == ""
