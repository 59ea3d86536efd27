"""What scoring costs: `transform` beside TargetEncoder and beside what cannot be left out.

    python benchmarks/speed.py
    python benchmarks/speed.py strings one_row --rounds 9
    python benchmarks/speed.py pickle --data FOLDER

Rows are those of UCI Adult, drawn again and again. A part of the page is named on the command
line; by default all are run. ``pickle`` reads FOLDER/amazon_employee/data.csv.gz, and is left out
without --data. --json FILE keeps the figures.

Times are CPU seconds, in ``rows`` without those of the kernel; a ratio is that of two times in one
round.
"""

import argparse
import json
import pickle
import resource
import subprocess
import sys
import time
from io import BytesIO
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import timing
from sklearn.preprocessing import TargetEncoder

from skembed import NeuralEmbeddingEncoder
from skembed._columns.vocabulary import MISSING, RESERVED
from skembed.datasets import load_adult

X, _, Y, _ = load_adult()
STRINGS = list(X.select_dtypes(exclude="number"))
PAIRS = [(a, b) for i, a in enumerate(STRINGS) for b in STRINGS[i + 1 :]]
LEVELS = 200_000  # of a large vocabulary


def drawn(n_rows, columns=STRINGS):
    """Rows of Adult, drawn with replacement."""
    at = np.random.default_rng(0).integers(0, len(X), n_rows)
    return X[columns].iloc[at].reset_index(drop=True)


def fitted(columns=STRINGS, crosses=None):
    """An encoder; how good its vectors are plays no part here."""
    settings = {"crosses": crosses, "embedding_dim": 2, "max_epochs": 3, "random_state": 0}
    return NeuralEmbeddingEncoder(**settings).fit(X[columns], Y)


def gather(encoder, codes):
    """What cannot be left out once there are codes: a row of the table for each."""
    out = np.empty((len(next(iter(codes.values()))), sum_of_dims(encoder)), dtype=np.float32)
    start = 0
    for name, table in encoder.tables_.items():
        stop = start + table.shape[1]
        out[:, start:stop] = table.take(codes[name], axis=0)
        start = stop
    return out


def sum_of_dims(encoder):
    return sum(table.shape[1] for table in encoder.tables_.values())


def looked_up(encoder, frame):
    """Codes of strings with nothing but a hash table of Arrow: the bound for strings."""
    codes = {}
    for name in STRINGS:
        encoded = pa.chunked_array(frame[name].array.__arrow_array__()).dictionary_encode()
        encoded = encoded.combine_chunks()
        levels = pa.array(encoder.vocabularies_[name].levels, encoded.dictionary.type)
        code = pc.index_in(encoded.dictionary, levels).to_numpy() + len(RESERVED)
        codes[name] = np.append(code, MISSING).take(encoded.indices.fill_null(-1).to_numpy())
    return codes


def codes_of(encoder, frame):
    return {name: of.astype(np.int32) for name, of in looked_up(encoder, frame).items()}


def show(header, rows):
    print(timing.table(header, rows), flush=True)


def ratio(seconds, name, to):
    return timing.spread(seconds[name] / seconds[to])


def strings(args):
    """Columns of strings: rows per CPU second, beside TargetEncoder and the bound."""
    frame, encoder = drawn(args.rows), fitted()
    target_encoder = TargetEncoder(random_state=0).fit(X[STRINGS], Y)
    np.testing.assert_array_equal(
        encoder.transform(frame), gather(encoder, looked_up(encoder, frame))
    )
    calls = {
        "TargetEncoder": lambda: target_encoder.transform(frame),
        "look-up by pyarrow and gather": lambda: gather(encoder, looked_up(encoder, frame)),
        "skembed": lambda: encoder.transform(frame),
    }
    seconds = timing.cpu_seconds(calls, args.rounds)
    rows = [
        (name, timing.spread(args.rows / of_call / 1e6), ratio(seconds, name, "skembed"))
        for name, of_call in seconds.items()
    ]
    targets = ["at least 5", "at least 0.67", ""]
    show(
        ("strings", "million rows per CPU second", "time, skembed = 1", "target"),
        [(*row, target) for row, target in zip(rows, targets, strict=True)],
    )
    return seconds


def categories(args):
    """Columns that bring their own codes, beside the gather alone."""
    frame, encoder = drawn(args.rows), fitted()
    in_polars = pl.from_pandas(frame)
    enums = {name: pl.Enum(sorted(frame[name].dropna().unique())) for name in frame}
    arrow = pa.Table.from_pandas(frame)
    frames = {
        "pandas category": frame.astype("category"),
        "polars Categorical": in_polars.cast(pl.Categorical),
        "polars Enum": in_polars.cast(enums),
        "pyarrow dictionary": pa.table({name: arrow[name].dictionary_encode() for name in frame}),
    }
    codes = codes_of(encoder, frame)
    calls = {"gather": lambda: gather(encoder, codes)}
    for name, of_kind in frames.items():
        np.testing.assert_array_equal(encoder.transform(of_kind), gather(encoder, codes))
        calls[name] = lambda of_kind=of_kind: encoder.transform(of_kind)
    seconds = timing.cpu_seconds(calls, args.rounds)
    rows = [
        (name, timing.spread(1000 * seconds[name]), ratio(seconds, name, "gather"), "at most 1.3")
        for name in frames
    ]
    show(("categories", "CPU milliseconds", "time, gather = 1", "target"), rows)
    return seconds


def latency(call, repeats=2000):
    """Seconds of each call, one after the other."""
    seconds = np.empty(repeats)
    for i in range(repeats):
        began = time.perf_counter()
        call()
        seconds[i] = time.perf_counter() - began
    return seconds


def one_row_of_many_levels(n_levels):
    """Latency of one row of a column of many ids: ours, and that of TargetEncoder."""
    ids = pd.DataFrame({"id": [f"id{i:07d}" for i in range(n_levels)]})
    twice, y = pd.concat([ids, ids]), np.random.default_rng(0).normal(size=2 * n_levels)
    settings = {"categorical_features": ["id"], "max_epochs": 1, "cv": None, "crosses": None}
    encoder = NeuralEmbeddingEncoder(**settings, early_stopping=False, random_state=0)
    encoder.fit(twice, y)
    target_encoder = TargetEncoder(random_state=0).fit(twice, y)
    one = ids.iloc[[n_levels // 2]]
    ours = latency(lambda: encoder.transform(one))
    return ours, latency(lambda: target_encoder.transform(one), 15)


def one_row(args):
    """One row, made from a dict."""
    encoder, row = fitted(list(X)), X.iloc[7].to_dict()
    frame = pd.DataFrame([row])
    seconds = {
        "14 columns": latency(lambda: encoder.transform(frame)),
        "14 columns, with making the frame": latency(
            lambda: encoder.transform(pd.DataFrame([row]))
        ),
    }
    targets = ["under 0.3", "", "", "", "as with 1,000", ""]
    for n_levels in (1000, LEVELS):
        ours, theirs = one_row_of_many_levels(n_levels)
        seconds[f"{n_levels:,} levels"] = ours
        seconds[f"{n_levels:,} levels, TargetEncoder"] = theirs
    rows = [
        (name, timing.spread(1000 * of_call), target)
        for (name, of_call), target in zip(seconds.items(), targets, strict=True)
    ]
    show(("one row", "milliseconds", "target"), rows)
    times = np.median(theirs) / np.median(ours)
    print(f"\nTargetEncoder takes {times:.0f} times as long (target: at least 100).", flush=True)
    return seconds


def crosses(args):
    """Ten crosses of two columns, beside none."""
    frame, plain, crossed = drawn(args.rows), fitted(), fitted(crosses=PAIRS[:10])
    calls = {
        "none": lambda: plain.transform(frame),
        "ten crosses": lambda: crossed.transform(frame),
    }
    seconds = timing.cpu_seconds(calls, args.rounds)
    rows = [
        (name, timing.spread(of_call), ratio(seconds, name, "none"), target)
        for (name, of_call), target in zip(seconds.items(), ["", "about 1.5"], strict=True)
    ]
    show(("crosses", "CPU seconds", "time, none = 1", "target"), rows)
    return seconds


def user_seconds(calls, rounds):
    """As `timing.cpu_seconds`, without what the kernel takes to hand out memory.

    That is the same for any array of the size of the output, and varies by a factor of ten with
    what else holds memory.
    """
    seconds = {name: np.empty(rounds + 1) for name in calls}
    for i in range(rounds + 1):
        for name, call in calls.items():
            began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
            call()
            seconds[name][i] = resource.getrusage(resource.RUSAGE_SELF).ru_utime - began
    return {name: of_call[1:] for name, of_call in seconds.items()}


def rows(args):
    """More and more rows: strings and numbers, and ten crosses."""
    encoder = fitted(list(X), PAIRS[:10])
    calls = {}
    for n_rows in (100_000, 300_000, 1_000_000, 3_000_000):
        frame = drawn(n_rows, list(X))
        calls[n_rows] = lambda frame=frame: encoder.transform(frame)
    seconds = user_seconds(calls, args.rounds)
    per_row = {n_rows: of_call / n_rows for n_rows, of_call in seconds.items()}
    show(
        ("rows", "user microseconds per row", "per row, 100,000 = 1", "target"),
        [
            (f"{n:,}", timing.spread(1e6 * of_call), ratio(per_row, n, 100_000), "1")
            for n, of_call in per_row.items()
        ],
    )
    return {str(n_rows): of_call for n_rows, of_call in seconds.items()}


KINDS = {
    "strings": (STRINGS, None, lambda frame: frame),
    "strings, ten crosses": (STRINGS, PAIRS[:10], lambda frame: frame),
    "strings and numbers": (list(X), None, lambda frame: frame),
    "categories": (STRINGS, None, lambda frame: frame.astype("category")),
    "pyarrow strings": (STRINGS, None, pa.Table.from_pandas),
}


def memory(args):
    """Peak memory, each kind in a fresh process: what one leaves behind, the next would use."""
    peaks = {}
    for kind in KINDS:
        command = [sys.executable, __file__, "--peak", kind, "--rows", str(args.rows)]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        peaks[kind] = json.loads(done.stdout)
    show(
        ("memory", "output, MB", "peak, MB", "peak / output", "target"),
        [
            (kind, f"{size / 1e6:.0f}", f"{peak / 1e6:.0f}", f"{peak / size:.2f}", "at most 1.2")
            for kind, (size, peak) in peaks.items()
        ],
    )
    return peaks


def print_peak(kind, n_rows):
    columns, crosses, convert = KINDS[kind]
    encoder, frame = fitted(columns, crosses), convert(drawn(n_rows, columns))
    size = encoder.transform(frame[:5000]).nbytes // 5000 * n_rows
    print(json.dumps([size, timing.peak_bytes(lambda: encoder.transform(frame))]))


IMPORT = """
import resource, time, numpy, pandas, sklearn
def now():
    pages = int(open("/proc/self/statm").read().split()[1])
    return time.process_time(), pages * resource.getpagesize()
began = now()
import skembed
print(*(after - before for after, before in zip(now(), began)))
"""


def startup(args):
    """What `import skembed` adds to numpy, pandas and scikit-learn, in fresh processes."""
    runs = []
    for _ in range(args.rounds + 1):  # the first one warms the disk
        command = [sys.executable, "-c", IMPORT]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        runs.append([float(part) for part in done.stdout.split()])
    seconds, size = np.array(runs[1:]).T
    show(
        ("import skembed", "adds", "target"),
        [
            ("CPU seconds", timing.spread(seconds), "under 0.1"),
            ("memory, MB", timing.spread(size / 1e6), "under 15"),
        ],
    )
    return {"seconds": seconds, "bytes": size}


def pickles(args):
    """Pickles of an encoder of the Amazon access data, ids as strings, default parameters."""
    if args.data is None:
        print("pickle: left out, since no --data was given.", flush=True)
        return None
    data = pd.read_csv(Path(args.data) / "amazon_employee" / "data.csv.gz")
    y = data.pop("ACTION")
    sizes = {}
    for given in ("auto", None):
        encoder = NeuralEmbeddingEncoder(crosses=given, random_state=0).fit(data.astype(str), y)
        tables = sum(table.nbytes for table in encoder.tables_.values())
        compressed = BytesIO()
        joblib.dump(encoder, compressed, compress=3)
        plain = len(pickle.dumps(encoder))
        sizes[f"crosses={given!r}"] = tables, plain, len(compressed.getvalue())
    show(
        ("Amazon", "tables, kB", "pickle, kB", "compress=3, kB", "of the tables", "target"),
        [
            (name, *(f"{size / 1e3:.0f}" for size in of), f"{of[2] / of[0]:.2f}", "under 1.2")
            for name, of in sizes.items()
        ],
    )
    return sizes


PARTS = {
    "strings": strings,
    "categories": categories,
    "one_row": one_row,
    "crosses": crosses,
    "rows": rows,
    "memory": memory,
    "startup": startup,
    "pickle": pickles,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], metavar="PART")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--data", metavar="FOLDER")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--peak", choices=KINDS, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peak:
        print_peak(args.peak, args.rows)
        return
    for name in args.parts or PARTS:
        figures = PARTS[name](args)
        print()
        if args.json and figures is not None:
            timing.save(args.json, name, figures)


if __name__ == "__main__":
    main()
