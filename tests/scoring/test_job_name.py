"""What makes two calls of `score_file` the same job: the estimator, the rows and the parameters."""

import os

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from pyarrow import fs
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skembed import NeuralEmbeddingEncoder
from skembed._files.sources import open_source
from skembed.scoring import score_file
from skembed.scoring._job_name import name_job

X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
Y = np.arange(120) % 3 + 0.5
QUICK = {"max_epochs": 1, "cv": 2, "crosses": None, "random_state": 0}


@pytest.fixture(scope="module")
def encoder():
    return NeuralEmbeddingEncoder(**QUICK).fit(X, Y)


def rows_of(*cities):
    return pa.table({"city": [*cities] * 30})


def name_of(dataset):
    rows = open_source(dataset)
    return name_job("estimator", rows, rows.names, [], resume=True)


def stop(done, total):
    if done > 50:
        raise KeyboardInterrupt


@pytest.mark.parametrize("search", [GridSearchCV, RandomizedSearchCV])
def test_score_file_takes_a_fitted_search(search, tmp_path):
    model = make_pipeline(NeuralEmbeddingEncoder(**QUICK), Ridge())
    options = {"n_iter": 2, "random_state": 0} if search is RandomizedSearchCV else {}
    search = search(model, {"ridge__alpha": [1.0, 2.0]}, cv=2, **options).fit(X, Y)
    X.to_parquet(tmp_path / "rows.parquet")
    score_file(search, tmp_path / "rows.parquet", tmp_path / "out.parquet", method="predict")
    got = pd.read_parquet(tmp_path / "out.parquet")["prediction"]
    np.testing.assert_array_equal(got, search.predict(X))


def test_job_name_does_not_depend_on_what_lies_below_a_mask():
    rows = open_source(ds.dataset(rows_of("Oslo")))
    masked = [np.ma.array([value, 2.0], mask=[True, False]) for value in (1.0, 7.0)]
    names = {name_job(each, rows, ["city"], [], resume=True) for each in masked}
    assert len(names) == 1
    other = np.ma.array([1.0, 3.0], mask=[True, False])
    assert name_job(other, rows, ["city"], [], resume=True) not in names


def test_score_file_of_an_estimator_without_a_pickle_cannot_resume(tmp_path):
    same = FunctionTransformer(lambda rows: rows, feature_names_out="one-to-one")
    model = make_pipeline(same, NeuralEmbeddingEncoder(**QUICK)).fit(X, Y)
    X.to_parquet(tmp_path / "rows.parquet")
    given = [model, tmp_path / "rows.parquet", tmp_path / "out.parquet"]
    assert score_file(*given).rows_read == 120
    with pytest.raises(ValueError, match="resume=True, but a Pipeline that cannot be pickled"):
        score_file(*given, resume=True)


def test_score_file_resume_joins_no_rows_of_two_datasets_in_memory(encoder, tmp_path):
    first, second = (ds.dataset(rows_of(*cities)) for cities in (["Oslo", "Rome"], ["Bern"] * 2))
    out = tmp_path / "out.parquet"
    with pytest.raises(KeyboardInterrupt):
        score_file(encoder, first, out, part_rows=20, on_progress=stop)
    with pytest.raises(ValueError, match="is of another job"):
        score_file(encoder, second, out, part_rows=20, resume=True)
    assert score_file(encoder, first, out, part_rows=20, resume=True).rows_resumed == 40
    np.testing.assert_array_equal(
        pd.read_parquet(out), encoder.transform(rows_of("Oslo", "Rome").to_pandas())
    )


def test_job_name_of_rows_in_memory_is_that_of_their_values(tmp_path):
    rows = rows_of("Oslo", "Rome")
    assert name_of(ds.dataset(rows)) == name_of(ds.dataset(rows_of("Oslo", "Rome")))
    coded = [rows_of(*cities)["city"].dictionary_encode() for cities in ("ab", "ac")]
    coded = [ds.dataset(pa.table({"city": column})) for column in coded]
    pq.write_table(rows, tmp_path / "rows.parquet")
    unions = [
        ds.dataset([ds.dataset(each), ds.dataset(tmp_path / "rows.parquet")])
        for each in (rows_of("a", "b"), rows_of("a", "c"))
    ]
    others = [ds.dataset(rows_of("Rome", "Oslo")), *coded, *unions]
    assert len({name_of(each) for each in [*others, ds.dataset(rows)]}) == 6


def test_job_name_covers_row_groups_partitions_and_times_of_files(tmp_path):
    path = tmp_path / "day=1" / "rows.parquet"
    path.parent.mkdir()
    pq.write_table(rows_of("Oslo", "Rome"), path, row_group_size=30)
    plain = ds.dataset(path)
    (fragment,) = plain.get_fragments()
    groups = [
        ds.FileSystemDataset([fragment.subset(row_group_ids=[i])], plain.schema, plain.format)
        for i in (0, 1)
    ]
    days = ds.dataset(tmp_path, partitioning="hive")
    names = {name_of(each) for each in [plain, *groups, days]}
    os.utime(path, ns=(1, 1))
    names.add(name_of(ds.dataset(path)))
    assert len(names) == 5


def on_a_subtree(folder, table):
    pq.write_table(table, folder / "rows.parquet")
    return ds.dataset(
        "rows.parquet", filesystem=fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
    )


def in_fsspec(folder, table):
    memory = pytest.importorskip("fsspec").filesystem("memory")
    with memory.open(f"{folder}/rows.parquet", "wb") as file:
        pq.write_table(table, file)
    return ds.dataset(f"{folder}/rows.parquet", filesystem=memory)


def in_a_buffer(folder, table):
    sink, form = pa.BufferOutputStream(), ds.ParquetFileFormat()
    pq.write_table(table, sink)
    return ds.FileSystemDataset([form.make_fragment(sink.getvalue())], table.schema, form)


@pytest.mark.parametrize("place", [on_a_subtree, in_fsspec, in_a_buffer])
def test_score_file_datasets_of_other_file_systems_are_scored_and_resumed(encoder, tmp_path, place):
    out, rows = tmp_path / "out.parquet", rows_of("Oslo", "Rome")
    with pytest.raises(KeyboardInterrupt):
        score_file(encoder, place(tmp_path, rows), out, part_rows=20, on_progress=stop)
    (tmp_path / "other").mkdir()
    other = rows_of("Bern", "Rome")  # of the same length
    with pytest.raises(ValueError, match="is of another job"):
        score_file(encoder, place(tmp_path / "other", other), out, part_rows=20, resume=True)
    source = (
        ds.dataset(tmp_path / "rows.parquet") if place is on_a_subtree else place(tmp_path, rows)
    )
    assert score_file(encoder, source, out, part_rows=20, resume=True).rows_resumed == 40
    np.testing.assert_array_equal(pd.read_parquet(out), encoder.transform(rows.to_pandas()))


def test_score_file_out_of_the_name_of_a_file_elsewhere_is_no_input(encoder, tmp_path):
    out = tmp_path / "rows.parquet"
    assert score_file(encoder, in_fsspec(tmp_path, rows_of("Oslo")), out).rows_read == 30


def test_score_file_out_among_files_of_a_subtree_or_a_union_is_an_error(encoder, tmp_path):
    dataset = on_a_subtree(tmp_path, rows_of("Oslo"))
    for source in (dataset, ds.dataset([dataset, ds.dataset(rows_of("Rome"))])):
        with pytest.raises(ValueError, match="is among the files that are read"):
            score_file(encoder, source, tmp_path / "rows.parquet")
