"""Scoring on a cluster of Dask: one worker against two, on the same Parquet files.

    python benchmarks/clusters.py
    python benchmarks/clusters.py --rows 4_000_000 --rounds 3 --folder FOLDER --json FILE

Rows are those of UCI Adult, drawn again and again, with an id; the encoder has default parameters
and was fitted on Adult. `transform_parquet` reads them from Parquet and writes ids and features to
Parquet. Workers are processes of this machine with one thread each. `score_file` does the same in
this one process, which reads and writes in threads beside it.

The jobs take turns; the first round warms up. Speed is rows per second of wall time, and CPU
seconds are those of all workers. All outputs must be the same to the byte or, of `score_file`, to
the value. FOLDER is where data and output lie, by default a temporary one. With --keep-memory the
workers keep the memory of arrays that are gone, which they otherwise give back and fetch again.
"""

import argparse
import filecmp
import os
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import timing
from distributed import Client, LocalCluster

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult
from skembed.distributed import transform_parquet
from skembed.scoring import score_file

FILE_ROWS, GROUP_ROWS = 1_000_000, 250_000
KEEP_MEMORY = {"MALLOC_TRIM_THRESHOLD_": str(2**30), "MALLOC_MMAP_THRESHOLD_": str(2**30)}  # glibc


def write_rows(folder, n_rows):
    """Files of rows of Adult, drawn with replacement."""
    folder.mkdir()
    adult = pa.Table.from_pandas(load_adult()[0], preserve_index=False)
    rng = np.random.default_rng(0)
    for start in range(0, n_rows, FILE_ROWS):
        ids = np.arange(start, min(start + FILE_ROWS, n_rows))
        rows = adult.take(rng.integers(0, len(adult), len(ids))).add_column(0, "id", [ids])
        path = folder / f"rows-{start // FILE_ROWS:04d}.parquet"
        pq.write_table(rows, path, row_group_size=GROUP_ROWS)


def on_cluster(client, encoder, data, out):
    """Wall seconds of a job, and CPU seconds of all workers."""
    before = sum(client.run(time.process_time).values())
    began = time.perf_counter()
    transform_parquet(encoder, data, out, client=client, keep=["id"], part_rows=GROUP_ROWS)
    wall = time.perf_counter() - began
    return wall, sum(client.run(time.process_time).values()) - before


def in_one_process(encoder, data, out):
    before, began = time.process_time(), time.perf_counter()
    score_file(encoder, data, out, keep=["id"])
    return time.perf_counter() - began, time.process_time() - before


def check_same(folder):
    """Raise unless the outputs of all jobs are the same."""
    one, two, alone = (folder / name for name in ("one worker", "two workers", "score_file"))
    parts = sorted(path.name for path in one.iterdir())
    if filecmp.cmpfiles(one, two, parts, shallow=False)[0] != parts:
        raise AssertionError("One worker and two workers wrote different files.")
    batches = [pa.dataset.dataset(out).to_batches(batch_size=GROUP_ROWS) for out in (one, alone)]
    rows = [pa.Table.from_batches(list(of_job)) for of_job in batches]
    if not rows[0].equals(rows[1]):
        raise AssertionError("The workers and score_file wrote different values.")


def run(options, folder):
    """Wall and CPU seconds by job and round."""
    X, _, y, _ = load_adult()
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    data = folder / "rows"
    write_rows(data, options.rows)
    workers = {"threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        LocalCluster(n_workers=1, **workers) as one,
        LocalCluster(n_workers=2, **workers) as two,
        Client(one) as client_of_one,
        Client(two) as client_of_two,
    ):
        jobs = {
            "one worker": lambda out: on_cluster(client_of_one, encoder, data, out),
            "two workers": lambda out: on_cluster(client_of_two, encoder, data, out),
            "score_file": lambda out: in_one_process(encoder, data, out),
        }
        seconds = {name: np.empty((options.rounds + 1, 2)) for name in jobs}
        for i in range(options.rounds + 1):
            for name, job in jobs.items():
                seconds[name][i] = job(folder / name)
            if i == 0:
                check_same(folder)
            for name in jobs:
                shutil.rmtree(folder / name)
    return {name: of_job[1:].T for name, of_job in seconds.items()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=8_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="on a disk with room for data and output")
    parser.add_argument("--keep-memory", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.keep_memory:
        os.environ |= KEEP_MEMORY  # which the workers inherit; of this process it is too late
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        seconds = run(options, Path(folder))
    shown = []
    for name, (wall, cpu) in seconds.items():
        shown.append(
            (
                name,
                timing.spread(options.rows / wall / 1e6),
                timing.spread(seconds["one worker"][0] / wall),
                timing.spread(1e6 * cpu / options.rows),
                "at least 1.7" if name == "two workers" else "",
            )
        )
    header = ("", "million rows per second", "speed, one worker = 1", "CPU µs per row", "target")
    print(timing.table(header, shown))
    print(f"\n{options.rows:,} rows, {options.rounds} rounds, load {load:.1f} at the start.")
    if options.json:
        timing.save(options.json, "clusters", {"rows": options.rows, "load": load, **seconds})


if __name__ == "__main__":
    main()
