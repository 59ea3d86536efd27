"""What a step of many embedded columns costs: packed, one module per column, and one-hot.

    python benchmarks/packed.py [--rows 200000] [--columns 50] [--levels 100 1000 10000]

A step is forward and backward over all rows, from codes to the gradient of the vectors; there is
no optimiser, which would cost the same for all. The one-hot matrix of all rows would not fit into
memory (40 GB at 50 columns of 1,000 levels), so it is made and multiplied in batches, on fewer rows
where there are many levels, and its time is scaled up to all rows. Rounds alternate between the
ways, and ratios are of the times in one round: median, and in brackets the first and last quartile.
"""

import argparse
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from skembed.nn import PackedEmbedding

ONE_HOT_CELLS = 10**8  # of all batches
BATCH_CELLS = 10**7  # of one


def packed(codes, levels, dim):
    module = PackedEmbedding([levels] * codes.shape[1], dim)
    return lambda outer: torch.autograd.grad(module(codes), [module.weight], outer)


def one_module_per_column(codes, levels, dim):
    modules = [nn.Embedding(levels, dim) for _ in range(codes.shape[1])]
    weights = [module.weight for module in modules]

    def step(outer):
        vectors = [module(codes[:, i]) for i, module in enumerate(modules)]
        torch.autograd.grad(torch.cat(vectors, dim=1), weights, outer)

    return step


def one_hot(codes, levels, dim):
    layers = [nn.Linear(levels, dim, bias=False) for _ in range(codes.shape[1])]
    weights = [layer.weight for layer in layers]
    batch = max(1, BATCH_CELLS // (levels * codes.shape[1]))

    def step(outer):
        for some, gradient in zip(codes.split(batch), outer.split(batch), strict=True):
            vectors = [
                layer(functional.one_hot(some[:, i], levels).float())
                for i, layer in enumerate(layers)
            ]
            torch.autograd.grad(torch.cat(vectors, dim=1), weights, gradient)

    return step


def seconds(step, outer):
    began = time.perf_counter()
    step(outer)
    return time.perf_counter() - began


def row(options, levels):
    """Median milliseconds of each way, and its ratio to packed, by round."""
    codes = torch.randint(levels, (options.rows, options.columns))
    outer = torch.randn(options.rows, options.columns * options.dim)
    few = min(options.rows, ONE_HOT_CELLS // (levels * options.columns))
    ways = {
        "packed": (packed, options.rows),
        "per column": (one_module_per_column, options.rows),
        "one-hot": (one_hot, few),
    }
    steps = {
        name: (make(codes[:n], levels, options.dim), outer[:n]) for name, (make, n) in ways.items()
    }
    times = {name: [] for name in ways}
    for _ in range(options.rounds + 1):
        for name, (step, gradient) in steps.items():
            times[name].append(seconds(step, gradient) * options.rows / ways[name][1])
    times = {name: np.array(rounds[1:]) for name, rounds in times.items()}  # the first warms up
    cells = [f"{1e3 * np.median(rounds):,.0f} ms" for rounds in times.values()]
    for name in ("per column", "one-hot"):
        low, middle, high = np.quantile(times[name] / times["packed"], [0.25, 0.5, 0.75])
        cells.append(f"{middle:.1f} [{low:.1f}, {high:.1f}]")
    return [f"{levels:,}", *cells, f"{few:,}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=50)
    parser.add_argument("--levels", type=int, nargs="+", default=[100, 1_000, 10_000])
    parser.add_argument("--dim", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    print(
        f"{options.columns} columns x {options.rows:,} rows, vectors of {options.dim}, "
        f"{options.threads} threads, {options.rounds} rounds\n"
    )
    header = ["levels", "packed", "per column", "one-hot"]
    header += ["per column / packed", "one-hot / packed", "rows of one-hot"]
    print("|", " | ".join(header), "|\n|" + "--:|" * len(header))
    for levels in options.levels:
        print("|", " | ".join(row(options, levels)), "|", flush=True)


if __name__ == "__main__":
    main()
