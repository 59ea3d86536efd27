"""What a fit costs: beside the plain statement of the algorithm, and beside an ordinary net.

    python benchmarks/fit_speed.py DATA [--reference SCRIPT] [--rounds 5] [--json FILE]

DATA is the folder that data.py reads. All run on one thread; times are CPU seconds of a whole fit,
from the frame to the tables, and ratios are of the times in one round.

- *ordinary*: one net on the same columns, vectors as long, as many epochs, batches as large, the
  same layers; what is usual, and leaks: an embedding of all columns packed in one weight, whole
  tensors, no DataLoader, AdamW and OneCycleLR of torch.
- *reference*: the function ``crossfit`` of the script given, which states the algorithm plainly, as
  it stands there, from codes to tables. Its out-of-fold loss, the lowest of its 8 epochs, stands
  beside ours. With crosses, both train all pairs of columns.
- *products*: the products of matrices that the fit cannot do without, by ``torch.mm`` at their
  shapes; shown is their share of the fit.
"""

import argparse
import importlib.util
import itertools
import pathlib

import numpy as np
import pandas as pd
import timing
import torch
from data import amazon, flights
from torch import nn
from torch.nn import functional

from skembed import NeuralEmbeddingEncoder
from skembed.training import auto_batch_size

LAYERS, N_FOLDS = (64, 32), 5


def ours(problem):
    X, y, levels = problem
    crosses = 2 if any(" x " in name for name in levels) else None
    plain = X.drop(columns=[name for name in levels if " x " in name])
    made = NeuralEmbeddingEncoder(crosses=crosses, random_state=0, tol=0.0)
    made.fit_transform(plain, y)
    return made


def factorized(X, levels):
    """Codes (n_rows, n_columns), 0 for unseen, and their number by column."""
    codes = np.column_stack([pd.factorize(X[name])[0] + 1 for name in levels])
    return codes, (codes.max(axis=0) + 1).tolist()


def scaled(X, levels):
    numbers = X.drop(columns=levels).to_numpy(dtype=np.float32)
    return (numbers - numbers.mean(axis=0)) / numbers.std(axis=0)


class Ordinary(nn.Module):
    """Packed embeddings of one length and layers above them."""

    def __init__(self, sizes, dim, n_numbers):
        super().__init__()
        self.register_buffer("offsets", torch.tensor([0, *np.cumsum(sizes[:-1])]))
        self.vectors = nn.Embedding(sum(sizes), dim)
        widths = [len(sizes) * dim + n_numbers, *LAYERS]
        layers = [nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in itertools.pairwise(widths)]
        self.layers = nn.Sequential(*layers, nn.Linear(LAYERS[-1], 1))

    def forward(self, codes, numbers):
        """Logits (n_rows,)."""
        vectors = self.vectors(codes + self.offsets).flatten(1)
        return self.layers(torch.cat([vectors, numbers], dim=1))[:, 0]


def ordinary(problem, dim, epochs):
    """Train one net on all rows, as such nets are trained."""
    X, y, levels = problem
    codes, sizes = factorized(X, levels)
    codes, numbers = torch.from_numpy(codes), torch.from_numpy(scaled(X, levels))
    y = torch.as_tensor(y, dtype=torch.float32)
    net = Ordinary(sizes, dim, numbers.shape[1])
    batch_size = auto_batch_size(len(y))
    steps = epochs * -(-len(y) // batch_size)
    adamw = torch.optim.AdamW(net.parameters(), weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adamw, 3e-3, total_steps=steps)
    for _ in range(epochs):
        for rows in torch.randperm(len(y)).split(batch_size):
            logits = net(codes[rows], numbers[rows])
            loss = functional.binary_cross_entropy_with_logits(logits, y[rows])
            adamw.zero_grad()
            loss.backward()
            adamw.step()
            schedule.step()


def products(n_rows, n_inputs, epochs):
    """Multiply what a fit has to multiply: see `skembed.training`."""
    batch, shapes = auto_batch_size(n_rows), []
    for n_in, n_out in itertools.pairwise([n_inputs, *LAYERS, 1]):
        shapes.append((N_FOLDS * batch, n_in, n_out))  # forward, with the vectors of each fold
        shapes.append((N_FOLDS * batch, n_out, n_in))  # back to what went in
        shapes.append((n_out, batch, n_in))  # to the layer, from the own fold's vectors
    pairs = [(torch.randn(a, b), torch.randn(b, c)) for a, b, c in shapes]

    def multiply():
        for _ in range(epochs * -(-n_rows // batch)):
            for left, right in pairs:
                torch.mm(left, right)

    return multiply


def with_pairs(X, levels):
    pairs = {f"{a} x {b}": X[a] + "|" + X[b] for a, b in itertools.combinations(levels, 2)}
    return pd.concat([X, pd.DataFrame(pairs)], axis=1), [*levels, *pairs]


def reference_call(script, problem):
    """Call of crossfit, and a list that its losses go to."""
    spec = importlib.util.spec_from_file_location("reference", script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    X, y, levels = problem
    codes, sizes = factorized(X, levels)
    dims = [
        2 if " x " in name else min(8, round(1.6 * (size - 1) ** 0.56))
        for name, size in zip(levels, sizes, strict=True)
    ]
    numbers, losses = scaled(X, levels), []

    def call():
        losses[:] = module.crossfit(codes.astype(np.int64), numbers, y, sizes, dims)[2]

    return call, losses


def row(name, problem, options):
    """Figures of one problem."""
    X, _, levels = problem
    fitted = ours(problem)
    epochs, loss = fitted.n_iter_, fitted.history_["out_of_fold_loss"].min()
    width = sum(2 if " x " in level else 4 for level in levels)
    dim = round(width / len(levels))
    n_inputs = width + X.shape[1] - len(levels)
    calls = {
        "ours": lambda: ours(problem),
        "ordinary": lambda: ordinary(problem, dim, epochs),
        "products": products(len(X), n_inputs, epochs),
    }
    losses = [np.nan]
    if options.reference:
        calls["reference"], losses = reference_call(options.reference, problem)
    seconds = timing.cpu_seconds(calls, options.rounds)
    of_ours = {call: timing.spread(of_call / seconds["ours"]) for call, of_call in seconds.items()}
    print(
        f"{name}: {epochs} epochs, {np.median(seconds['ours']):.2f} s; others by ours: "
        + ", ".join(f"{call} {ratio}" for call, ratio in of_ours.items() if call != "ours")
        + f"; out-of-fold loss {loss:.4f}, reference {min(losses):.4f}",
        flush=True,
    )
    return {"seconds": seconds, "loss": loss, "loss of reference": min(losses)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, help="folder that data.py reads")
    parser.add_argument("--reference", type=pathlib.Path, help="script that states the algorithm")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    problems = {}
    for load in (amazon, flights):
        X, y, levels = load(options.data)
        problems[load.__name__] = X, y, levels
        crossed, names = with_pairs(X, levels)
        problems[f"{load.__name__} with pairs"] = crossed, y, names
    figures = {name: row(name, problem, options) for name, problem in problems.items()}
    if options.json:
        timing.save(options.json, "fit", figures)


if __name__ == "__main__":
    main()
