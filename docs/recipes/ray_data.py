"""Ray Data: features of a dataset, by `map_batches` with a class.

    pip install "ray[data]" "skembed[parquet,torch]"
    python docs/recipes/ray_data.py

torch is for the fit alone: the actors go without.
"""

from tempfile import TemporaryDirectory

import pandas as pd
import pyarrow as pa
import ray

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult
from skembed.scoring import Scorer


class Features:
    """An actor, which loads the encoder once."""

    def __init__(self, path):
        self.scorer = Scorer(NeuralEmbeddingEncoder.load(path), keep=["id"])

    def __call__(self, rows):
        return pa.Table.from_batches([self.scorer(batch) for batch in rows.to_batches()])


def transform(path, rows):
    """Features of a Ray dataset, by the encoder in a file that all machines can read."""
    return rows.map_batches(
        Features,
        fn_constructor_args=[path],
        batch_format="pyarrow",
        batch_size=None,  # a block as it comes
        compute=ray.data.ActorPoolStrategy(size=2),
    )


def main():
    X, X_new, y, _ = load_adult()
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    new = X_new.assign(id=range(len(X_new)))
    ray.init(num_cpus=3, include_dashboard=False)
    with TemporaryDirectory() as folder:
        path = f"{folder}/adult.skembed"
        encoder.save(path)
        new.to_parquet(f"{folder}/new.parquet")
        rows = ray.data.read_parquet(f"{folder}/new.parquet").repartition(4)
        found = pa.concat_tables(ray.get(transform(path, rows).to_arrow_refs())).to_pandas()
    found = found.sort_values("id", ignore_index=True)  # Ray keeps no order
    expected = pd.DataFrame(encoder.transform(X_new), columns=encoder.get_feature_names_out())
    pd.testing.assert_frame_equal(
        found.drop(columns="id"), expected, check_dtype=False, check_exact=True
    )
    print(f"Ray's features of {len(found):,} rows are those of transform.")


if __name__ == "__main__":
    main()
