"""Dask: features of a frame in parts, and from Parquet to Parquet on the workers of a cluster."""

import copy
import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.sparse import issparse
from sklearn.pipeline import Pipeline

from skembed._base import BaseNeuralEmbedding
from skembed._encoder import NeuralEmbeddingEncoder
from skembed._files.atomic import check_new_folder, making_folder
from skembed._files.parquet import check_out, write_tables
from skembed._files.sources import BATCH_ROWS, open_source
from skembed._utils.optional_imports import needs
from skembed.scoring._parts import GROUP_ROWS
from skembed.scoring._scorer import Scorer, check_columns

DASK_PACKAGES = "dask", "distributed", "pyarrow"


def transform(encoder, ddf):
    """Replace the embedded columns of a Dask frame by their vectors, part by part.

    Nothing is computed yet. The encoder is one entry of the graph, which all parts share: it is
    sent once, and workers hand it on. They do not import torch.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder or Pipeline
        Fitted on a frame. A Pipeline ends in a step that transforms.

    ddf : dask.dataframe.DataFrame
        Holds the columns seen in `fit`, by name and in any order. Others are left aside.
        Categories may be known or unknown.

    Returns
    -------
    dask.dataframe.DataFrame
        The columns of ``get_feature_names_out``, with index and divisions of ``ddf``.

    Raises
    ------
    ModuleNotFoundError
        If Dask is not installed.
    TypeError
        If ``ddf`` is no Dask frame.
    ValueError
        If a column is missing, the encoder was fitted on an array, or the features are sparse.

    See Also
    --------
    transform_parquet : From files to files, for results that a failing worker must not harm.

    Examples
    --------
    >>> import dask.dataframe as dd
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.distributed import transform
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
    >>> features = transform(encoder, dd.from_pandas(X, npartitions=2))
    >>> features.columns.tolist(), features.npartitions
    (['city_0'], 2)
    >>> features.compute().shape
    (120, 1)
    """
    with needs("transform", *DASK_PACKAGES, extra="dask"):
        import dask.dataframe as dd
        from dask import delayed
    if not isinstance(ddf, dd.DataFrame):
        raise TypeError(
            f"ddf must be a dask.dataframe.DataFrame, but is a {type(ddf).__name__}. For rows in "
            "memory use encoder.transform."
        )
    scorer = Scorer(encoder)
    check_columns(scorer, list(ddf.columns), "ddf")
    rows = ddf[scorer.names]
    meta = _no_features(encoder, rows)
    return rows.map_partitions(_features, delayed(encoder, traverse=False), meta, meta=meta)


def transform_parquet(
    estimator,
    source,
    out_folder,
    *,
    client,
    method="transform",
    keep=(),
    part_rows=1_000_000,
):
    """Transform or predict from Parquet files to a folder of such files, on a cluster of Dask.

    A task reads a range of rows of one file, batch by batch, and writes a file of its own. It can
    run again after its worker was lost: the file is the same, and is there whole or not at all.
    The folder gets its name when all files are in it; after an error nothing is left. Workers do
    not import torch.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier, NeuralEmbeddingRegressor or \
            Pipeline
        Fitted on a frame. It is sent once, and workers hand it on.

    source : str, PathLike or pyarrow.dataset.Dataset
        A Parquet file, a folder of such files, or a dataset, with the columns seen in `fit`, by
        name and in any order. Every worker must be able to read it.

    out_folder : str or PathLike
        Folder to make, not there yet, at a path that leads to the same place on every worker.
        ``part-00000.parquet, part-00001.parquet, ...`` hold the rows in the order of the data.

    client : distributed.Client
        Of the cluster.

    method : {"transform", "predict", "predict_proba", "decision_function"}, default="transform"
        What is written: columns of ``get_feature_names_out``; ``prediction``; or by class
        ``probability_<class>`` or ``decision_<class>``.

    keep : sequence of str, default=()
        Columns of the source to write in front of the results.

    part_rows : int, default=1_000_000
        Row groups of a file are taken together up to so many rows. A larger one is not divided.

    Raises
    ------
    ModuleNotFoundError
        If Dask or pyarrow is not installed.
    FileNotFoundError
        If there is no such source, or the workers write to another place than the client reads.
    FileExistsError
        If the folder is there.
    TypeError
        If ``client`` is no client, or the dataset not of Parquet.
    ValueError
        If a column is missing, a row cannot be scored, or there is none.

    See Also
    --------
    transform : Of a Dask frame, to go on with.
    skembed.scoring.score_file : In one process, which is often enough.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from distributed import Client
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.distributed import transform_parquet
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40, "id": range(120)})
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X[["city"]], [3.0, 1.5, 4.2] * 40)
    >>> here = {"processes": False, "dashboard_address": ":0"}  # elsewhere, the scheduler's address
    >>> with TemporaryDirectory() as folder, Client(**here) as client:
    ...     new, out = Path(folder, "new.parquet"), Path(folder, "features")
    ...     X.to_parquet(new)
    ...     transform_parquet(encoder, new, out, client=client, keep=["id"])
    ...     pd.read_parquet(out).shape
    (120, 2)
    """
    _check_client(client)
    scorer, out = Scorer(estimator, method, keep), Path(out_folder).absolute()
    if isinstance(source, (str, os.PathLike)):
        source = Path(source).absolute()  # workers may stand elsewhere
    dataset = _dataset(source, scorer.labels)
    check_columns(scorer, dataset.schema.names, "The source")
    check_out(out, source, dataset, may_be_folder=True)
    check_new_folder(out)
    parts = _parts(dataset, part_rows)
    digits = max(5, len(str(len(parts) - 1)))
    names = [f"part-{i:0{digits}d}.parquet" for i in range(len(parts))]
    with making_folder(out, names) as folder:
        # A task rather than scattered data, which would be lost with the worker that holds it.
        shared = client.submit(_itself, scorer, pure=False)
        paths = [folder / name for name in names]
        written = client.map(
            _write_part, parts, paths, scorer=shared, schema=dataset.schema, pure=False
        )
        try:
            client.gather(written)
        finally:  # after an error, none begins any more
            client.cancel(written)
        _check_written(folder, names)


def _no_features(encoder, rows):
    """Features of no rows: their names, types and index."""
    if isinstance(encoder, NeuralEmbeddingEncoder):
        return _as_frame(encoder, rows._meta)
    # Other steps refuse to see no rows. These are made up.
    try:
        return _as_frame(_without_refusals(encoder), rows._meta_nonempty).iloc[:0]
    except Exception as error:
        raise ValueError(
            "The types of the result come from two rows of made-up values, 'foo' and 1 say, which "
            f"a step refuses: {error}. Use ddf.map_partitions with a meta of your own."
        ) from error


def _without_refusals(estimator):
    """Copy that shares what was fitted, with encoders that take any level."""
    estimator = copy.copy(estimator)
    if isinstance(estimator, Pipeline):
        estimator.steps = [(name, _without_refusals(step)) for name, step in estimator.steps]
    elif isinstance(estimator, BaseNeuralEmbedding):
        estimator.handle_unknown = "embed"
    return estimator


def _features(rows, encoder, meta):
    """Features of a part of a frame; steps of a pipeline may refuse one of no rows."""
    return _as_frame(encoder, rows) if len(rows) else meta.set_index(rows.index)


def _as_frame(encoder, rows):
    features = encoder.transform(rows)
    if issparse(features):
        raise ValueError("The features are a sparse matrix, which no frame holds: make them dense.")
    if isinstance(features, pd.DataFrame):
        return features
    return pd.DataFrame(np.asarray(features), rows.index, encoder.get_feature_names_out())


def _check_client(client):
    with needs("transform_parquet", *DASK_PACKAGES, extra="dask"):
        from distributed import Client
    if not isinstance(client, Client) or client.asynchronous:
        raise TypeError(
            f"client must be a distributed.Client, not asynchronous, but is {client!r}. Make one "
            "with Client(address of the scheduler)."
        )


def _dataset(source, labels):
    """Dataset of Parquet files, with labels as dictionaries."""
    with needs("transform_parquet", *DASK_PACKAGES, extra="dask"):
        from pyarrow.dataset import ParquetFileFormat
    dataset = getattr(open_source(source, labels=labels), "dataset", None)
    if not isinstance(getattr(dataset, "format", None), ParquetFileFormat):
        raise TypeError(
            f"source must be a Parquet file or a folder of such files, but is {source!r}. Write "
            "the rows to Parquet before, or use score_file."
        )
    return dataset


class Part(NamedTuple):
    """Rows of one file, to become one file.

    Attributes
    ----------
    file : pyarrow.dataset.ParquetFileFragment
        The whole file: one of some row groups would come out of a pickle with them in disorder.
    groups : list of int
        The row groups, neighbours.
    first_row : int
        Of them in the file.
    """

    file: Any
    groups: list
    first_row: int


def _parts(dataset, part_rows):
    """Deal the row groups of files, neighbours together, into parts of so many rows."""
    parts = []
    for file in dataset.get_fragments():
        starts = np.cumsum([0, *(group.num_rows for group in file.row_groups)])
        first = 0
        for last in range(1, len(starts)):
            full = last == len(starts) - 1 or starts[last + 1] - starts[first] > part_rows
            if full and starts[last] > starts[first]:
                parts.append(Part(file, [*range(first, last)], int(starts[first])))
                first = last
    if not parts:
        raise ValueError("The source holds no rows: there is nothing to write.")
    return parts


def _itself(scorer):
    return scorer


def _write_part(part, path, *, scorer, schema):
    """Write the results of some rows to a file, which is whole or not there.

    Runs on a worker; again if that was lost, or at the same time if it was only out of sight.
    """
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"A worker finds no folder {str(path.parent)!r}: out_folder must lead to the same "
            "place on all machines."
        )
    write_tables(path, _tables(_results(part, scorer, schema)))


def _results(part, scorer, schema):
    """Results of the rows of a part, batch by batch."""
    row = part.first_row
    for batch in part.file.subset(row_group_ids=part.groups).to_batches(
        schema=schema,
        columns=scorer.columns,
        batch_size=BATCH_ROWS,
        batch_readahead=1,
        use_threads=False,  # no more of them than the worker was given
    ):
        try:
            yield scorer(batch)
        except (TypeError, ValueError) as error:
            last = row + batch.num_rows - 1
            raise ValueError(f"Rows {row} to {last} of {part.file.path!r}: {error}") from error
        row += batch.num_rows


def _tables(batches):
    """Tables of as many rows as a row group should have, whatever those of the source have."""
    import pyarrow as pa

    held: list = []
    for batch in batches:
        held.append(batch)
        if sum(map(len, held)) >= GROUP_ROWS:
            yield pa.Table.from_batches(held)
            held = []
    if held:
        yield pa.Table.from_batches(held)


def _check_written(folder, names):
    """Raise unless the files are there that the workers wrote."""
    for name in names:
        if not (folder / name).exists():
            raise FileNotFoundError(
                f"The workers wrote {name!r}, but not to {str(folder)!r} as the client sees it: "
                "out_folder must lead to the same place on all machines."
            )
