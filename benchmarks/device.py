"""A fit on the CPU and on a GPU, side by side: rows per second and out-of-fold loss.

    python benchmarks/device.py [DATA]

UCI Adult, which skembed carries, and with DATA, a folder that data.py reads, 60,000 flights. Each
with layers of 64 and 32 and of 512 and 256, in batches of 1024 and of 16,384 rows: what a GPU is
for. Rows are counted once per epoch, seconds are of the wall and of training alone. Without a GPU
only the CPU's are shown.
"""

import argparse
import pathlib

import numpy as np
import timing
import torch
from data import flights

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult

EPOCHS = 2


def devices():
    if torch.cuda.is_available():
        print(f"cuda is a {torch.cuda.get_device_name()}\n")
        return ["cpu", "cuda"]
    print(f"torch {torch.__version__} sees no GPU here: the CPU alone is shown.\n")
    return ["cpu"]


def measured(X, y, device, rounds, **settings):
    """Rows per second, and out-of-fold losses at the end, by round; the first warms up."""
    speeds, losses = [], []
    for seed in range(rounds + 1):
        encoder = NeuralEmbeddingEncoder(
            crosses=None,
            max_epochs=EPOCHS,
            early_stopping=False,
            device=device,
            random_state=seed,
            **settings,
        ).fit(X, y)
        speeds.append(EPOCHS * len(X) / encoder.history_["seconds"][-1])
        losses.append(encoder.history_["out_of_fold_loss"][-1])
    return speeds[1:], losses[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path, nargs="?", help="folder that data.py reads")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    X, _, y, _ = load_adult()
    problems = {"adult": (X, y)}
    if options.data:
        X, y, _ = flights(options.data)
        problems["flights"] = X, y
    rows, there = [], devices()
    for name, (X, y) in problems.items():
        for layers in ((64, 32), (512, 256)):
            for batch_size in (1024, 16_384):
                for device in there:
                    settings = {"hidden_layer_sizes": layers, "batch_size": batch_size}
                    speeds, losses = measured(X, y, device, options.rounds, **settings)
                    loss = f"{np.mean(losses):.4f}"
                    rows.append([name, layers, batch_size, device, timing.spread(speeds), loss])
    header = ["data", "layers", "batch_size", "device", "rows per second", "out-of-fold loss"]
    print(timing.table(header, rows))


if __name__ == "__main__":
    main()
