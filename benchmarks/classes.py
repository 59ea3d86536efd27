"""What a default fit costs beside one without crosses, by the number of classes.

    python benchmarks/classes.py [--classes 2,8,20] [--rows 100000] [--rounds 1]

makes rows of 25 columns of levels (3 to 2,000 of them) and 4 numbers, whose classes depend on the
levels and on three pairs of columns, fits an encoder with and without crosses, and prints the CPU
seconds of both, of the search for crosses alone, and which crosses were taken.
"""

import argparse
import time

import numpy as np
import pandas as pd
from timing import table

from skembed import NeuralEmbeddingEncoder
from skembed._fit import train

N_LEVELS = [3, 4, 5, 6, 8, 10, 12, 12, 15, 20, 20, 25, 30, 40, 50]
N_LEVELS += [60, 80, 100, 150, 200, 300, 500, 800, 1200, 2000]
PAIRS = [(3, 9), (5, 16), (12, 19)]  # positions of columns that act together


def make(n_rows, n_classes, seed=0):
    """Rows X and their classes."""
    rng = np.random.default_rng(seed)
    # Few levels are many rows' and many are few rows'.
    codes = [(n * rng.random(n_rows) ** 1.5).astype(int) for n in N_LEVELS]
    numbers = rng.normal(size=(n_rows, 4))
    logit = numbers @ rng.normal(0, 0.3, (4, n_classes))
    for code, n_levels in zip(codes, N_LEVELS, strict=True):
        logit += rng.normal(0, 0.25, (n_levels, n_classes))[code]
    for a, b in PAIRS:
        logit += rng.normal(0, 0.6, (N_LEVELS[a], N_LEVELS[b], n_classes))[codes[a], codes[b]]
    y = (logit + rng.gumbel(size=logit.shape)).argmax(axis=1)
    X = pd.DataFrame({f"c{j}": code.astype(str) for j, code in enumerate(codes)})
    return X.assign(**{f"n{j}": numbers[:, j] for j in range(4)}), y


class Stopwatch:
    """CPU seconds of a function, whenever it is called."""

    def __init__(self, function):
        self.function, self.seconds = function, 0.0

    def __call__(self, *args, **kwargs):
        """Call it."""
        began = time.process_time()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += time.process_time() - began


def fit(X, y, **parameters):
    """CPU seconds of a fit, and of its search for crosses, and the crosses."""
    search = train.choose_crosses = Stopwatch(train.choose_crosses)
    began = time.process_time()
    try:
        encoder = NeuralEmbeddingEncoder(random_state=0, **parameters).fit(X, y)
    finally:
        train.choose_crosses = search.function
    return time.process_time() - began, search.seconds, list(encoder.crosses_)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--classes", default="2,8,20")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    lines = []
    for n_classes in map(int, options.classes.split(",")):
        X, y = make(options.rows, n_classes)
        rounds = [(fit(X, y, crosses=None), fit(X, y)) for _ in range(options.rounds)]
        plain, whole, search = np.median(
            [(without[0], default[0], default[1]) for without, default in rounds], axis=0
        )
        seconds = [f"{part:.1f}" for part in (plain, whole, search)]
        ratios = [f"{whole / plain:.2f}", f"{search / plain:.2f}"]
        lines.append([n_classes, *seconds, *ratios, ", ".join(rounds[0][1][2])])
    header = ["classes", "without crosses, s", "default, s", "search, s"]
    print(table([*header, "default / without", "search / without", "crosses"], lines))


if __name__ == "__main__":
    main()
