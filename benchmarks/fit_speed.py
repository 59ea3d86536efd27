"""What a fit costs: beside other fits of the same net, and where levels and rows are many.

    python benchmarks/fit_speed.py beside DATA [--reference SCRIPT]
    python benchmarks/fit_speed.py tabular DATA --python PYTHON
    python benchmarks/fit_speed.py rows DATA
    python benchmarks/fit_speed.py levels
    python benchmarks/fit_speed.py columns
    python benchmarks/fit_speed.py memory

DATA is the folder that data.py reads. All run on one thread; times are CPU seconds, of a whole fit
from the frame to the tables but for ``levels``; ratios are of the times in one round.

``beside``, on Amazon access and flights, as they are and with all pairs of columns as crosses:

- *ordinary*: one net on the same columns, vectors as long, as many epochs, batches as large, the
  same layers; what is usual, and leaks: an embedding of all columns packed in one weight, whole
  tensors, no DataLoader, AdamW and OneCycleLR of torch.
- *reference*: the function ``crossfit`` of the script given, which states the algorithm plainly, as
  it stands there, from codes to tables. Its out-of-fold loss, the lowest of its 8 epochs, stands
  beside ours.
- *as good*: ours at a learning rate of 0.01, with the fewest epochs whose loss is not above that
  of the reference.
- *products*: the products of matrices that the fit cannot do without, by ``torch.mm`` at their
  shapes.

``tabular``: Amazon access without crosses beside pytorch_tabular, by ``tabular.py``; PYTHON is that
of an environment that has it. ``rows``: 3 million flights and parts of them. ``levels``: what a
step of training costs where one of three columns has so many levels. ``columns``: whole fits of 500
rows with more and more columns of 10 levels, two epochs. ``memory``: the peak of a fit
of 20 million rows and two columns, of which one has 10 million levels.
"""

import argparse
import importlib.util
import itertools
import pathlib
import subprocess
import time
from functools import partial

import numpy as np
import pandas as pd
import timing
import torch
from data import amazon, flights
from torch import nn
from torch.nn import functional

from skembed import NeuralEmbeddingEncoder
from skembed._model.target import encode_target
from skembed._training.loop import train
from skembed._training.rows import Block, Blocks, TableShape
from skembed._training.schedule import choose_batch_size
from skembed._training.settings import Settings

LAYERS, N_FOLDS = (64, 32), 5
FAST = 0.01  # learning rate, for the fewest epochs


def ours(problem, **settings):
    X, y, levels = problem
    crosses = 2 if any(" x " in name for name in levels) else None
    plain = X.drop(columns=[name for name in levels if " x " in name])
    made = NeuralEmbeddingEncoder(crosses=crosses, random_state=0, tol=0.0, **settings)
    made.fit_transform(plain, y)
    return made


def fewest_epochs(problem, loss):
    """Settings of a fit at FAST whose out-of-fold loss is no higher, with the fewest epochs."""
    for epochs in range(2, 20):
        settings = {"learning_rate": FAST, "max_epochs": epochs}
        if ours(problem, **settings).history_["out_of_fold_loss"].min() <= loss:
            return settings
    raise RuntimeError(f"No out-of-fold loss of {loss} within {epochs} epochs.")


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
    batch_size = choose_batch_size(len(y))
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
    """Multiply what a fit has to multiply: see `skembed._training.loop`."""
    batch, shapes = choose_batch_size(n_rows), []
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
    settings = {"max_epochs": ""}
    if options.reference:
        calls["reference"], losses = reference_call(options.reference, problem)
        calls["reference"]()
        settings = fewest_epochs(problem, min(losses))
        calls["as good"] = lambda: ours(problem, **settings)
    seconds = timing.cpu_seconds(calls, options.rounds)
    of_ours = {call: timing.spread(of_call / seconds["ours"]) for call, of_call in seconds.items()}
    shown = [
        name,
        epochs,
        f"{np.median(seconds['ours']):.2f}",
        *(of_ours.get(call, "") for call in ("ordinary", "reference", "products")),
        f"{loss:.4f}",
        f"{min(losses):.4f}",
        settings["max_epochs"],
        timing.spread(seconds["reference"] / seconds["as good"]) if options.reference else "",
    ]
    return {"seconds": seconds, "shown": shown}


def beside(options):
    """A fit beside the ordinary net, the reference and the products of matrices."""
    problems = {}
    for load in (amazon, flights):
        X, y, levels = load(options.data)
        problems[load.__name__] = X, y, levels
        crossed, names = with_pairs(X, levels)
        problems[f"{load.__name__}, pairs"] = crossed, y, names
    figures = {name: row(name, problem, options) for name, problem in problems.items()}
    header = ["", "epochs", "CPU s", "ordinary / ours", "reference / ours", "products / ours"]
    header += ["out-of-fold loss", "of reference", "epochs, as good", "reference / as good"]
    print(timing.table(header, [figure["shown"] for figure in figures.values()]))
    return figures


def tabular(options):
    """A fit beside one of pytorch_tabular: as many epochs, batches and layers."""
    X, _, _ = problem = amazon(options.data)
    made = ours(problem)
    arguments = [
        options.data / "amazon_employee" / "data.csv.gz",
        "ACTION",
        made.n_iter_,
        choose_batch_size(len(X)),
        "-".join(map(str, LAYERS)),
    ]
    script = pathlib.Path(__file__).with_name("tabular.py")
    command = [options.python, "-W", "ignore", script, *arguments]
    seconds = {"ours": [], "pytorch_tabular": []}
    for _ in range(options.rounds):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
        seconds["pytorch_tabular"].append(float(done.stdout.split("seconds ")[-1].split()[0]))
        seconds["ours"].append(timing.cpu_seconds({"ours": lambda: ours(problem)}, 1)["ours"][0])
    seconds = {name: np.array(of) for name, of in seconds.items()}
    ratio = timing.spread(seconds["ours"] / seconds["pytorch_tabular"])
    print(
        f"{made.n_iter_} epochs on {len(X):,} rows: ours {timing.spread(seconds['ours'])} s, "
        f"pytorch_tabular {timing.spread(seconds['pytorch_tabular'])} s; ours / theirs {ratio}"
    )
    return seconds


def of_rows(options):
    """Whole fits of more and more rows."""
    frame = pd.read_parquet(options.data / "flights3m" / "data.parquet")
    late, date = (frame.pop("delay") > 15).to_numpy().astype(int), frame.pop("date").dt
    frame = frame.assign(month=date.month_name(), weekday=date.day_name(), hour=date.hour)
    shown, seconds = [], {}
    for n_rows in (100_000, 300_000, 1_000_000, 3_000_000):
        rows = np.random.default_rng(0).permutation(len(frame))[:n_rows]
        X, y = frame.iloc[rows].reset_index(drop=True), late[rows]
        made = NeuralEmbeddingEncoder(crosses=None, max_epochs=2, batch_size=1024, random_state=0)
        calls = {"fit": lambda X=X, y=y, made=made: made.fit(X, y)}
        calls["transform"] = lambda X=X, made=made: made.transform(X.copy(deep=False))
        seconds[n_rows] = timing.cpu_seconds(calls, 3)
        per_row = {name: 1e6 * np.median(of) / len(X) for name, of in seconds[n_rows].items()}
        shown.append([f"{len(X):,}", *(f"{us:.2f}" for us in per_row.values())])
    print(timing.table(["rows", "fit, us per row, 2 epochs", "transform, us per row"], shown))
    return seconds


def train_on(n_rows, n_levels):
    """Function of a number of epochs that trains on three columns, one of so many levels."""
    rng = np.random.default_rng(0)
    sizes = {"many": n_levels + 3, "some": 103, "few": 23}
    shapes = [TableShape(name, size, 4) for name, size in sizes.items()]
    codes = [rng.integers(3, shape.n_codes, n_rows) for shape in shapes]
    target = encode_target((rng.random(n_rows) < 0.5).astype(int), "auto", np.ones(n_rows))
    inputs, fold = np.zeros((n_rows, 0), dtype=np.float32), np.arange(n_rows) % N_FOLDS
    weight = np.ones(n_rows, dtype=np.float32)
    blocks = Blocks([Block(codes, inputs, target.values, weight, fold)])
    settings = Settings(
        LAYERS, "mlp", 0.1, 0.0, 1e-4, 3e-3, 1024, 2, False, 5, 0.0, "auto", None, 0
    )
    return lambda epochs: train(blocks, shapes, target, settings._replace(max_epochs=epochs))


def of_levels(options):
    """Steps of training where one of three columns has more and more levels."""
    n_rows, shown, figures = 200_000, [], {}
    for n_levels in (1_000, 10_000, 100_000, 1_000_000, 10_000_000):
        run = train_on(n_rows, n_levels)
        seconds = timing.cpu_seconds({n: partial(run, n) for n in (2, 6)}, options.rounds)
        figures[n_levels] = 1e3 * (seconds[6] - seconds[2]) / (4 * -(-n_rows // 1024))
        shown.append([f"{n_levels:,}", timing.spread(figures[n_levels])])
    print(timing.table(["levels", "ms per step"], shown))
    return figures


def of_columns(options):
    """Whole fits of more and more columns of levels."""
    rng, shown, seconds = np.random.default_rng(0), [], {}
    for n_columns in (250, 500, 1_000, 2_000, 4_000):
        codes = rng.integers(0, 10, (500, n_columns)).astype(str)
        X = pd.DataFrame(codes, columns=[f"c{i}" for i in range(n_columns)])
        y = (X["c0"].astype(int) + rng.integers(0, 10, 500) > 9).astype(int)
        made = NeuralEmbeddingEncoder(crosses=None, max_epochs=2, random_state=0)
        seconds[n_columns] = timing.cpu_seconds({"fit": partial(made.fit, X, y)}, options.rounds)
        of_fit = np.array(seconds[n_columns]["fit"])
        shown.append(
            [f"{n_columns:,}", timing.spread(of_fit), timing.spread(1e3 * of_fit / n_columns)]
        )
    print(timing.table(["columns", "CPU s", "ms per column"], shown))
    return seconds


def of_memory(options):
    """Peak of a fit with 10 million levels, above what the frame takes."""
    rng, n_levels = np.random.default_rng(0), 10_000_000
    ids = np.concatenate([np.arange(n_levels), rng.integers(0, n_levels, n_levels)])
    X = pd.DataFrame({"id": ids, "kind": rng.integers(0, 100, 2 * n_levels)})
    y = rng.random(2 * n_levels) < 0.2 + 0.6 * (ids % 2)
    made = NeuralEmbeddingEncoder(
        categorical_features=["id", "kind"], crosses=None, max_epochs=1, random_state=0
    )
    began = time.process_time()
    peak = timing.peak_bytes(lambda: made.fit(X, y))
    seconds = time.process_time() - began
    tables = sum(table.nbytes for table in made.tables_.values())
    print(
        f"{n_levels:,} levels, {len(X):,} rows, one epoch: {seconds:.0f} CPU s, peak "
        f"{peak / 1e9:.1f} GB above the frame, tables {tables / 1e6:.0f} MB"
    )
    return {"peak": peak, "seconds": seconds}


PARTS = {
    "beside": beside,
    "tabular": tabular,
    "rows": of_rows,
    "levels": of_levels,
    "columns": of_columns,
    "memory": of_memory,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", choices=PARTS)
    parser.add_argument("data", type=pathlib.Path, nargs="?", help="folder that data.py reads")
    parser.add_argument("--reference", type=pathlib.Path, help="script that states the algorithm")
    parser.add_argument("--python", help="python of an environment with pytorch_tabular")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=pathlib.Path)
    options = parser.parse_args()
    if options.part in ("beside", "tabular", "rows") and options.data is None:
        parser.error(f"{options.part} needs DATA")
    torch.set_num_threads(1)
    figures = PARTS[options.part](options)
    if options.json:
        timing.save(options.json, f"fit: {options.part}", figures)


if __name__ == "__main__":
    main()
