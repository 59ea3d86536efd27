import pyarrow as pa
import pytest

from skembed._files.csv import Malformed
from skembed._files.csv_fields import AS_WRITTEN
from skembed.scoring._quarantine import HOPELESS, Quarantine


def positive(batch):
    """Score that refuses numbers below zero."""
    for number in batch["x"].to_pylist():
        if number < 0:
            raise ValueError(f"{number} is negative")
    return batch


def batch(*numbers):
    return pa.RecordBatch.from_pydict({"x": pa.array(numbers)})


def test_quarantine_separates_rows_in_their_order():
    scored, refused = Quarantine(positive)(100, batch(1, -2, 3, 4, -5), [])
    assert [row["x"] for part in scored for row in part.to_pylist()] == [1, 3, 4]
    assert refused.to_pylist() == [
        {"row": 101, "reason": "-2 is negative", "x": -2},
        {"row": 104, "reason": "-5 is negative", "x": -5},
    ]


def test_quarantine_scores_a_batch_without_fault_once():
    times = []
    Quarantine(lambda rows: times.append(len(rows)) or rows)(0, batch(1, 2, 3), [])
    assert times == [3]


def test_quarantine_counts_rows_over_batches():
    sieve = Quarantine(positive)
    sieve(0, batch(1, -2), [])
    sieve(2, batch(3), [])
    assert (sieve.n_scored, sieve.n_refused) == (2, 1)


def written(*numbers):
    """Rows of CSV: numbers, then the fields that they were written as."""
    fields = [f'"{number}"' for number in numbers]
    return pa.RecordBatch.from_arrays([pa.array(numbers), pa.array(fields)], names=["x", "x"])


def test_quarantine_keeps_fields_as_they_are_written():
    def refuse(rows):
        raise ValueError("no")

    _, refused = Quarantine(refuse, ["x"])(0, written(-1), [])
    assert refused.to_pylist() == [{"row": 0, "reason": "no", "x": '"-1"', "text": None}]
    assert refused.schema.field("x").metadata == AS_WRITTEN


def test_quarantine_keeps_malformed_lines_with_their_text():
    def odd(rows):
        if rows.num_rows != 1 or rows.column(0)[0].as_py() < 0:
            raise ValueError("negative")
        return rows

    line = Malformed(11, "1,2", "2 fields instead of 1")
    _, refused = Quarantine(odd, ["x"])(10, written(-1, 2, -3), [line])
    assert refused.select(["row", "reason", "text"]).to_pylist() == [
        {"row": 10, "reason": "negative", "text": None},
        {"row": 11, "reason": "2 fields instead of 1", "text": "1,2"},
        {"row": 12, "reason": "negative", "text": None},
    ]


def test_quarantine_keeps_names_and_values_of_columns():
    rows = pa.RecordBatch.from_pydict({"x": [-1, 1], "row": ["a", "b"], "reason": ["c", "d"]})
    _, refused = Quarantine(positive)(0, rows, [])
    assert refused.to_pylist() == [
        {"_row": 0, "_reason": "-1 is negative", "x": -1, "row": "a", "reason": "c"}
    ]


@pytest.mark.parametrize("numbers", [[1, 2], [1, -2]])
def test_quarantine_takes_views_of_strings(numbers):
    views = pa.array(["a", "b"], pa.string_view())
    rows = pa.RecordBatch.from_pydict({"x": pa.array(numbers), "view": views})
    _, refused = Quarantine(positive)(0, rows, [])
    assert refused["view"].to_pylist() == ["b"] * (-2 in numbers)


def test_quarantine_writes_dictionaries_as_their_values():
    def refuse(rows):
        raise TypeError("no")

    column = pa.array(["a", "b"]).dictionary_encode()
    _, refused = Quarantine(refuse)(0, pa.RecordBatch.from_pydict({"x": column}), [])
    assert refused.schema.field("x").type == pa.string()


def test_quarantine_ends_a_hopeless_job_early():
    with pytest.raises(ValueError, match=f"None of the first {HOPELESS} rows .*-1 is negative"):
        Quarantine(positive)(0, batch(*[-1] * 5000), [])


def test_quarantine_passes_other_errors_on():
    def broken(rows):
        raise MemoryError

    with pytest.raises(MemoryError):
        Quarantine(broken)(0, batch(1, 2), [])
