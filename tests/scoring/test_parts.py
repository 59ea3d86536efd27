import os

import pandas as pd
import pyarrow as pa
import pytest

from skembed.scoring._parts import Parts


def numbers(*values):
    return pa.RecordBatch.from_pydict({"x": list(values)})


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out.parquet"


def test_parts_become_a_file_when_all_are_there(out):
    with Parts(out, "job", resume=False) as parts:
        parts.write(0, numbers(1, 2))
        parts.write(1, numbers(3))
        parts.end_part()
        assert not out.exists()
        parts.finish()
    assert pd.read_parquet(out)["x"].tolist() == [1, 2, 3]
    assert os.listdir(out.parent) == ["out.parquet"]


def test_parts_that_are_whole_stay_when_a_job_ends_early(out):
    with Parts(out, "job", resume=False) as parts:
        parts.write(0, numbers(1, 2))
        parts.write(1, numbers(3))
    left = sorted(os.listdir(out.parent / ".out.parquet.job.partial"))
    assert left == [".job", "part-00000.parquet"]


def test_parts_resume_behind_the_last_whole_one(out):
    with Parts(out, "job", resume=False) as parts:
        parts.write(0, numbers(1, 2))
        parts.end_part()
    with Parts(out, "job", resume=True) as parts:
        assert parts.n_parts == 1
        parts.write(1, numbers(3))
        parts.end_part()
        parts.finish()
    assert pd.read_parquet(out)["x"].tolist() == [1, 2, 3]


def test_parts_without_rows_may_be_left_out(out):
    with Parts(out, "job", resume=False) as parts:
        parts.write(0, numbers(1))
        parts.write(2, numbers(3))
        parts.end_part()
    with Parts(out, "job", resume=True) as parts:
        assert parts.n_parts == 3
        parts.finish()
    assert pd.read_parquet(out)["x"].tolist() == [1, 3]


def test_parts_of_other_jobs_are_not_seen(out):
    with Parts(out, "one", resume=False) as parts:
        parts.write(0, numbers(1))
        parts.end_part()
    with Parts(out, "two", resume=False) as parts:
        assert parts.n_parts == 0
        parts.write(0, numbers(2))
        parts.end_part()
        parts.finish()
    assert pd.read_parquet(out)["x"].tolist() == [2]


def test_parts_raise_an_error_of_writing(out):
    with Parts(out, "job", resume=False) as parts:
        parts.write(0, numbers(1))
        parts._flush()
        with pytest.raises(ValueError, match="schema"):  # noqa: PT012
            parts.write(0, pa.RecordBatch.from_pydict({"y": ["other"]}))
            parts.end_part()


def test_parts_of_csv_ignore_batches_without_rows(tmp_path):
    out = tmp_path / "out.csv"
    with Parts(out, "job", resume=False) as parts:
        for batch in [numbers(1)[:0], numbers(2)[:0], numbers(3), numbers(4)[:0]]:
            parts.write(0, batch)
        parts.end_part()
        parts.finish()
    assert out.read_text() == '"x"\n3\n'
