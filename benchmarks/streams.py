"""Files into files: rows per second beside `transform` in memory, and memory by the number of rows.

    python benchmarks/streams.py rate [--rows 1_000_000] [--rounds 7] [--out FILE.json]
    python benchmarks/streams.py memory FOLDER [--rows 1_000_000 10_000_000 50_000_000]

Rows are drawn from UCI Adult, with replacement: eight columns of strings and six of whole numbers.

`rate` lets these take turns: `transform` of the rows in memory, as a pandas frame and as an Arrow
table; `score_file` from Parquet to a folder of Parquet, to one file of a single part, and to one
file of four parts, which are joined at the end. It prints seconds, and rows per second as a part of
those of `transform` in the same round.

`memory` writes the rows to FOLDER, scores each number of them in a fresh process into a folder of
Parquet files, and prints the highest resident memory of that process, before and in the end.
"""

import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from timing import save, spread, table

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult
from skembed.scoring import score_file

GROUP_ROWS = 2**20


def write(path, X, n_rows):
    """Write rows of X, drawn with replacement, to a Parquet file."""
    rng, schema = np.random.default_rng(0), pa.Schema.from_pandas(X, preserve_index=False)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, n_rows, GROUP_ROWS):
            rows = rng.integers(len(X), size=min(GROUP_ROWS, n_rows - start))
            writer.write_table(pa.Table.from_pandas(X.iloc[rows], schema, preserve_index=False))


def rate(encoder, X, options):
    n_rows = options.rows[0]
    with tempfile.TemporaryDirectory() as folder:
        source, out = pathlib.Path(folder, "rows.parquet"), pathlib.Path(folder, "out")
        write(source, X, n_rows)
        held, frame = pq.read_table(source), pd.read_parquet(source)

        def to_folder():
            shutil.rmtree(out, ignore_errors=True)
            score_file(encoder, source, out)

        calls = {
            "transform, pandas frame": lambda: encoder.transform(frame),
            "transform, Arrow table": lambda: encoder.transform(held),
            "to a folder": to_folder,
            "to a file": lambda: score_file(encoder, source, out.with_suffix(".parquet")),
            "to a file, of four parts": lambda: score_file(
                encoder, source, out.with_suffix(".parquet"), part_rows=-(-n_rows // 4)
            ),
        }
        seconds = {name: np.empty((options.rounds, 2)) for name in calls}
        for i in range(-1, options.rounds):  # the first warms up
            for name, call in calls.items():
                wall, cpu = time.perf_counter(), time.process_time()
                call()
                took = time.perf_counter() - wall, time.process_time() - cpu
                if i >= 0:
                    seconds[name][i] = took
    pandas, arrow = list(seconds)[:2]
    rows = [
        [
            name,
            spread(wall),
            spread(cpu),
            spread(seconds[pandas][:, 0] / wall),
            spread(seconds[arrow][:, 0] / wall),
        ]
        for name, (wall, cpu) in ((name, both.T) for name, both in seconds.items())
    ]
    print(f"{n_rows:,} rows of Adult, medians of {options.rounds} rounds [quartiles]\n")
    print(table(["", "seconds", "CPU seconds", "rows/s, by pandas", "rows/s, by Arrow"], rows))
    if options.out:
        save(options.out, "streams", {"rows": n_rows, "seconds": seconds})


SCORE = """
import sys, time
from pathlib import Path
from skembed import NeuralEmbeddingEncoder
from skembed.scoring import score_file

def resident(field):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 1024

encoder = NeuralEmbeddingEncoder.load(sys.argv[1])
before = resident("VmHWM")
summary = score_file(encoder, *sys.argv[2:])
print(f"{before:.0f} MB {resident('VmHWM'):.0f} MB {summary.rows_read / summary.seconds:,.0f}")
"""


def memory(encoder, X, options):
    encoder.save(options.folder / "encoder.skembed")
    rows = []
    for n_rows in options.rows:
        source, out = options.folder / f"{n_rows}.parquet", options.folder / f"scored-{n_rows}"
        if not source.exists():
            write(source, X, n_rows)
        shutil.rmtree(out, ignore_errors=True)
        paths = [options.folder / "encoder.skembed", source, out]
        command = [sys.executable, "-c", SCORE, *map(str, paths)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        before, _, peak, _, per_second = done.stdout.split()
        rows.append([f"{n_rows:,}", f"{before} MB", f"{peak} MB", per_second])
        shutil.rmtree(out)
    print(table(["rows", "after loading", "highest", "rows per second"], rows))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=["rate", "memory"])
    parser.add_argument("folder", type=pathlib.Path, nargs="?", default=pathlib.Path("."))
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--out", help="a JSON file for the figures")
    options = parser.parse_args()
    X, _, y, _ = load_adult()
    encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    {"rate": rate, "memory": memory}[options.part](encoder, X, options)


if __name__ == "__main__":
    main()
