"""Dask gives what one process gives, on real workers, also when one of them is killed."""

import os
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import dask.dataframe as dd
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest
from distributed import Client, LocalCluster
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from skembed import NeuralEmbeddingEncoder
from skembed.distributed import transform, transform_parquet

SETTINGS = {"crosses": [("sex", "race")], "embedding_dim": 2, "max_epochs": 1, "random_state": 0}


@pytest.fixture(scope="module")
def encoder(adult):
    X, _, y, _ = adult
    return NeuralEmbeddingEncoder(**SETTINGS).fit(X, y)


@pytest.fixture
def rows(adult):
    """Rows with an index of their own, an unseen level and a missing one."""
    rows = adult[1].set_index(np.arange(1000) * 3)
    return rows.replace({"race": {"Other": "Martian"}, "sex": {"Female": None}})


@pytest.fixture(scope="module")
def client():
    with two_workers() as cluster, Client(cluster) as client:
        yield client


@pytest.fixture
def source(rows, tmp_path):
    path = tmp_path / "rows.parquet"
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), path, row_group_size=30)
    return path


def two_workers():
    return LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=":0")


def as_frame(encoder, rows):
    return pd.DataFrame(encoder.transform(rows), rows.index, encoder.get_feature_names_out())


def test_dask_parts_are_transformed_as_the_whole_is(encoder, rows):
    ddf = dd.from_pandas(rows, npartitions=4)
    features = transform(encoder, ddf)
    assert features.divisions == ddf.divisions
    expected = as_frame(encoder, rows)
    pd.testing.assert_series_equal(features.dtypes, expected.dtypes)
    pd.testing.assert_frame_equal(features.compute(), expected)


def test_dask_columns_are_found_by_name(encoder, rows):
    other = rows.assign(id=range(1000))[["id", *rows.columns[::-1]]]
    features = transform(encoder, dd.from_pandas(other, npartitions=2))
    pd.testing.assert_frame_equal(features.compute(), as_frame(encoder, rows))


def test_dask_missing_column_is_named_before_computing(encoder, rows):
    ddf = dd.from_pandas(rows.drop(columns="race"), npartitions=2)
    with pytest.raises(ValueError, match=r"ddf has no columns \['race'\]"):
        transform(encoder, ddf)


@pytest.mark.parametrize("known", [True, False])
def test_dask_categories_may_be_known_or_unknown(encoder, rows, known):
    ddf = dd.from_pandas(rows.astype({"race": "category", "sex": "category"}), npartitions=3)
    if not known:
        ddf["race"] = ddf["race"].cat.as_unknown()
    assert ddf["race"].cat.known is known
    pd.testing.assert_frame_equal(transform(encoder, ddf).compute(), as_frame(encoder, rows))


def test_dask_takes_a_pipeline(adult, rows):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(**SETTINGS, handle_unknown="error")
    pipeline = make_pipeline(encoder, StandardScaler()).fit(X, y)
    known = rows[rows["race"].isin(X["race"])]
    ddf = dd.from_pandas(known.sort_values("age").reset_index(drop=True), npartitions=3)
    ddf = ddf[ddf["age"] > 40]  # leaves a part without rows
    known = ddf.compute()
    assert (ddf.map_partitions(len).compute() == 0).any()
    pd.testing.assert_frame_equal(
        transform(pipeline, ddf).compute(), as_frame(pipeline, known), check_exact=True
    )


def test_dask_pipeline_that_refuses_made_up_rows_is_an_error(rows):
    pipeline = make_pipeline(OneHotEncoder(sparse_output=False)).fit(rows[["race"]])
    with pytest.raises(ValueError, match=r"two rows of made-up values.*unknown categories"):
        transform(pipeline, dd.from_pandas(rows, npartitions=2))


def test_dask_sparse_features_are_refused(rows):
    pipeline = make_pipeline(OneHotEncoder(handle_unknown="ignore")).fit(rows[["race"]])
    with pytest.raises(ValueError, match="sparse matrix"):
        transform(pipeline, dd.from_pandas(rows, npartitions=2))


def test_dask_encoder_of_an_array_is_refused(rows):
    encoder = NeuralEmbeddingEncoder(**SETTINGS | {"crosses": None})
    encoder.fit(rows[["race", "education"]].to_numpy(), rows["age"] > 40)
    with pytest.raises(ValueError, match="fitted without column names"):
        transform(encoder, dd.from_pandas(rows, npartitions=2))


def test_dask_frame_in_memory_is_refused(encoder, rows):
    with pytest.raises(TypeError, match=r"ddf must be a dask.dataframe.DataFrame.*encoder.trans"):
        transform(encoder, rows)


def test_dask_workers_compute_the_same_without_torch(client, encoder, rows):
    ddf = dd.from_pandas(rows, npartitions=4)
    pd.testing.assert_frame_equal(transform(encoder, ddf).compute(), as_frame(encoder, rows))
    assert set(client.run(lambda: "torch" in sys.modules).values()) == {False}


@pytest.fixture
def pickles(monkeypatch):
    """Grows by one whenever this process pickles an encoder."""
    pickled, getstate = [], NeuralEmbeddingEncoder.__getstate__

    def counted(encoder):
        pickled.append(encoder)
        return getstate(encoder)

    monkeypatch.setattr(NeuralEmbeddingEncoder, "__getstate__", counted)
    return pickled


def test_dask_pickles_the_encoder_no_more_for_many_parts(
    client, encoder, rows, source, tmp_path, pickles
):
    transform(encoder, dd.from_pandas(rows, npartitions=1)).compute()
    for_one = len(pickles)
    transform(encoder, dd.from_pandas(rows, npartitions=20)).compute()
    assert len(pickles) == 2 * for_one
    pickles.clear()
    transform_parquet(encoder, source, tmp_path / "one", client=client)
    for_one = len(pickles)
    transform_parquet(encoder, source, tmp_path / "many", client=client, part_rows=50)
    assert len([*(tmp_path / "many").iterdir()]) > 10
    assert len(pickles) == 2 * for_one


def test_dask_files_become_files(client, encoder, rows, source, tmp_path):
    out = tmp_path / "features"
    transform_parquet(encoder, source, out, client=client, part_rows=100, keep=["race"])
    assert sorted(path.name for path in out.iterdir()) == [
        f"part-{i:05d}.parquet"
        for i in range(11)  # of 3 row groups of 30 each, and 4 in the last
    ]
    expected = as_frame(encoder, rows).reset_index(drop=True)
    expected.insert(0, "race", rows["race"].to_numpy())
    pd.testing.assert_frame_equal(
        pd.read_parquet(out), expected, check_dtype=False, check_exact=True
    )
    assert set(client.run(lambda: "torch" in sys.modules).values()) == {False}


def test_dask_folders_of_files_are_read_in_their_order(client, encoder, rows, tmp_path):
    data, out = tmp_path / "rows", tmp_path / "features"
    rows = rows.assign(sex=rows["sex"].fillna("Female")).sort_values("sex", kind="stable")
    pq.write_to_dataset(pa.Table.from_pandas(rows), data, partition_cols=["sex"])
    transform_parquet(encoder, data, out, client=client)
    assert len([*out.iterdir()]) == 2
    np.testing.assert_array_equal(pd.read_parquet(out), encoder.transform(rows))


def test_dask_predictions_are_written_beside_ids(client, adult, source, rows, tmp_path):
    X, _, y, _ = adult
    model = make_pipeline(
        NeuralEmbeddingEncoder(**SETTINGS), StandardScaler(), LogisticRegression()
    )
    model.fit(X, y)
    out = tmp_path / "scores"
    transform_parquet(
        model, source, out, client=client, method="predict_proba", keep=["race"], part_rows=500
    )
    assert pd.read_parquet(out).columns.tolist() == ["race", "probability_0", "probability_1"]
    scores = pd.read_parquet(out)[["probability_0", "probability_1"]]
    np.testing.assert_allclose(scores, model.predict_proba(rows), rtol=1e-12)


def test_dask_workers_that_are_killed_change_nothing(adult, source, rows, tmp_path):
    def slowly(features):
        time.sleep(0.05)
        return features

    def kill_after(n_parts, pid):
        while len([*tmp_path.glob(".features.*/part-*")]) < n_parts:
            assert not job.done()
            time.sleep(0.005)
        os.kill(pid, signal.SIGKILL)
        assert not out.exists()

    X, _, y, _ = adult
    slow = FunctionTransformer(slowly, feature_names_out="one-to-one")
    pipeline = make_pipeline(NeuralEmbeddingEncoder(**SETTINGS), slow).fit(X, y)
    out = tmp_path / "features"
    with two_workers() as cluster, Client(cluster) as client, ThreadPoolExecutor() as thread:
        one, other = client.run(os.getpid).values()
        job = thread.submit(transform_parquet, pipeline, source, out, client=client, part_rows=30)
        kill_after(1, one)
        kill_after(10, other)
        job.result()
        assert not {one, other} & {*client.run(os.getpid).values()}
    assert len([*out.iterdir()]) == 34
    np.testing.assert_array_equal(pd.read_parquet(out), pipeline.transform(rows))


def test_dask_error_leaves_nothing(client, adult, source, tmp_path):
    X, _, y, _ = adult
    encoder = NeuralEmbeddingEncoder(**SETTINGS, handle_unknown="error").fit(X, y)
    with pytest.raises(ValueError, match=r"Rows \d+ to \d+ of .*'race'.*'Martian'"):
        transform_parquet(encoder, source, tmp_path / "out", client=client, part_rows=30)
    assert [*tmp_path.iterdir()] == [source]


def test_dask_paths_may_be_relative(client, encoder, rows, source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    transform_parquet(encoder, source.name, "out", client=client)
    np.testing.assert_array_equal(pd.read_parquet("out"), encoder.transform(rows))


def test_dask_folder_that_is_there_stays_as_it_is(client, encoder, source, tmp_path):
    with pytest.raises(FileExistsError, match="is there already"):
        transform_parquet(encoder, source, tmp_path, client=client)


def test_dask_out_among_inputs_is_an_error(client, encoder, source, tmp_path):
    with pytest.raises(ValueError, match="among the files that are read"):
        transform_parquet(encoder, tmp_path, tmp_path / "out", client=client)


@pytest.mark.parametrize(
    ("what", "error", "text"),
    [
        ({"client": "tcp://scheduler:8786"}, TypeError, "must be a distributed.Client"),
        ({"method": "predict"}, ValueError, "can only transform"),
        ({"keep": ["id"]}, ValueError, r"no columns \['id'\], which keep names"),
        ({"keep": ["age"]}, ValueError, r"keep names \['age'\], which are columns of the output"),
    ],
)
def test_dask_bad_arguments_are_an_error(client, encoder, source, tmp_path, what, error, text):
    with pytest.raises(error, match=text):
        transform_parquet(encoder, source, tmp_path / "out", **{"client": client} | what)
    assert [*tmp_path.iterdir()] == [source]


def test_dask_source_without_rows_is_an_error(client, encoder, rows, tmp_path):
    rows.head(0).to_parquet(tmp_path / "none.parquet")
    with pytest.raises(ValueError, match="holds no rows"):
        transform_parquet(encoder, tmp_path / "none.parquet", tmp_path / "out", client=client)


def test_dask_dataset_of_other_files_is_an_error(client, encoder, rows, tmp_path):
    rows.to_csv(tmp_path / "rows.csv")
    csv = pyarrow.dataset.dataset(tmp_path / "rows.csv", format="csv")
    with pytest.raises(TypeError, match="source must be a Parquet file"):
        transform_parquet(encoder, csv, tmp_path / "out", client=client)


@pytest.mark.parametrize(
    ("package", "call"),
    [
        ("dask.dataframe", lambda encoder, client: transform(encoder, None)),
        ("distributed", lambda encoder, client: transform_parquet(encoder, "", "", client=client)),
    ],
)
def test_dask_missing_package_says_what_to_install(encoder, client, monkeypatch, package, call):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'skembed\[dask\]'"):
        call(encoder, client)
