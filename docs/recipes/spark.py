"""Spark: features of a DataFrame, by `mapInArrow`.

    pip install pyspark "skembed[parquet,torch]"
    python docs/recipes/spark.py

It needs Java 17 or later too. torch is for the fit alone: the executors go without.
"""

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
from pyspark import SparkFiles
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult
from skembed.scoring import Scorer


def features(batches):
    """Run by executors, once for each partition."""
    encoder = NeuralEmbeddingEncoder.load(SparkFiles.get("adult.skembed"))
    scorer = Scorer(encoder, keep=["id"])
    for batch in batches:
        yield scorer(batch)


def transform(spark, path, rows):
    """Features of a Spark DataFrame, by the encoder in a file."""
    spark.sparkContext.addFile(str(path))
    scorer = Scorer(NeuralEmbeddingEncoder.load(path), keep=["id"])
    (few,) = pa.Table.from_pylist([row.asDict() for row in rows.head(2)]).to_batches()
    schema = from_arrow_schema(scorer(few).schema)
    return rows.mapInArrow(features, schema)


def main():
    os.environ["PYSPARK_PYTHON"] = sys.executable  # on a cluster: a Python that has skembed
    X, X_new, y, _ = load_adult()
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    new = X_new.assign(id=range(len(X_new)))
    spark = SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    with TemporaryDirectory() as folder, spark.getOrCreate() as session:
        path = Path(folder, "adult.skembed")
        encoder.save(path)
        new.to_parquet(f"{folder}/new.parquet")
        rows = session.read.parquet(f"{folder}/new.parquet").repartition(4)
        found = transform(session, path, rows).toArrow().to_pandas()
    found = found.sort_values("id", ignore_index=True)  # Spark keeps no order
    expected = pd.DataFrame(encoder.transform(X_new), columns=encoder.get_feature_names_out())
    pd.testing.assert_frame_equal(
        found.drop(columns="id"), expected, check_dtype=False, check_exact=True
    )
    print(f"Spark's features of {len(found):,} rows are those of transform.")


if __name__ == "__main__":
    main()
