"""What a fit on more rows than memory holds costs, beside a fit in memory.

    python benchmarks/larger.py FOLDER --rows 50_000_000 [--max-epochs 1] [--memory]

writes rows of 8 columns (levels: 10, 300, 20,000 and 1,000,000 of them, as strings; four numbers)
and of a target of two classes to Parquet files in FOLDER, unless they are there, fits an encoder on
them in a fresh process, and prints what that took: seconds by phase (the rows are read and dealt;
all else), CPU seconds, the highest resident memory of the process, the lowest out-of-fold loss, and
the loss of an answer that knows the shares of the classes alone. With --memory the rows are read
into a frame and given to `fit`. Temporary files go where TMPDIR says.

The log-odds of the target are a sum of effects of all four columns' levels, of an effect of the
pairs of the first two, and of a bent one of a number.
"""

import argparse
import pathlib
import re
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

LEVELS = {"kind": 10, "city": 300, "item": 20_000, "user": 1_000_000}
EFFECTS = {"kind": 0.3, "city": 0.5, "item": 0.7, "user": 0.7}  # standard deviations
CHUNK = 1_000_000  # rows written at a time
FILES = 10


def chunk(effects, pairs, n_rows, rng):
    """Table of some rows."""
    codes = {}
    for name, n_levels in LEVELS.items():  # few levels are many rows' and many are few rows'
        codes[name] = (n_levels * rng.random(n_rows) ** 2).astype(np.int64)
    numbers = {f"number {i}": rng.normal(size=n_rows).astype(np.float32) for i in range(4)}
    logit = pairs[codes["kind"], codes["city"]] + np.abs(numbers["number 0"]) - 0.8
    for name, of_rows in codes.items():
        logit += effects[name][of_rows]
    columns = {
        name: pa.DictionaryArray.from_arrays(
            pa.array(of_rows.astype(np.int32)), [f"{name} {i}" for i in range(LEVELS[name])]
        ).cast(pa.string())
        for name, of_rows in codes.items()
    }
    return pa.table({**columns, **numbers, "bought": rng.logistic(size=n_rows) < logit})


def write(folder, n_rows):
    """Write the files; the same rows for the same number."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    effects = {name: rng.normal(0, EFFECTS[name], n) for name, n in LEVELS.items()}
    pairs = rng.normal(0, 0.5, (LEVELS["kind"], LEVELS["city"]))
    for file in range(FILES):
        left, writer = n_rows // FILES, None
        while left:
            table = chunk(effects, pairs, min(left, CHUNK), rng)
            writer = writer or pq.ParquetWriter(folder / f"{file}.parquet", table.schema)
            writer.write_table(table)
            left -= len(table)
        writer.close()


def fit(folder, options):
    """Fit in this process and print what it took."""
    from skembed import NeuralEmbeddingEncoder

    encoder = NeuralEmbeddingEncoder(
        max_epochs=options.max_epochs or "auto", random_state=0, verbose=1
    )
    began = time.perf_counter()
    if options.memory:
        X = pd.read_parquet(folder)
        y = X.pop("bought")
        encoder.fit(X, y)
    else:
        encoder.fit_parquet(folder, "bought")
    used = resource.getrusage(resource.RUSAGE_SELF)
    highest = re.search(r"VmHWM:\s*(\d+)", pathlib.Path("/proc/self/status").read_text())[1]
    share = np.mean(pq.read_table(folder, columns=["bought"])["bought"].to_numpy())
    constant = -share * np.log(share) - (1 - share) * np.log(1 - share)
    print(
        f"{'in memory' if options.memory else 'from Parquet'}, {options.rows:,} rows: "
        f"{time.perf_counter() - began:.0f} seconds, CPU {used.ru_utime + used.ru_stime:.0f} "
        f"seconds, {int(highest) / 2**20:.2f} GB at most; {encoder.n_iter_} epochs; out-of-fold "
        f"loss {encoder.history_['out_of_fold_loss'].min():.4f}, of the constant answer "
        f"{constant:.4f}; crosses {list(encoder.crosses_)}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--max-epochs", type=int)
    parser.add_argument("--memory", action="store_true", help="fit in memory, to compare")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    folder = options.folder / str(options.rows)
    if options.here:
        fit(folder, options)
        return
    if not folder.exists():
        write(folder, options.rows)
    subprocess.run([sys.executable, *sys.argv, "--here"], check=True)


if __name__ == "__main__":
    main()
