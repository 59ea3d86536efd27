"""CPU seconds of a fit of pytorch_tabular, for ``fit_speed.py tabular``, which runs this script.

    python benchmarks/tabular.py FILE TARGET EPOCHS BATCH_SIZE LAYERS

FILE is a CSV file of columns of levels and a target of two classes; LAYERS are such as 64-32. It
runs where pytorch_tabular is installed, which does not go with the scikit-learn that skembed needs.
"""

import sys
import time

import pandas as pd
import torch
from pytorch_tabular import TabularModel
from pytorch_tabular.config import DataConfig, OptimizerConfig, TrainerConfig
from pytorch_tabular.models import CategoryEmbeddingModelConfig


def fit(frame, target, epochs, batch_size, layers):
    """Train a net of embeddings with the library's defaults but for these."""
    model = TabularModel(
        data_config=DataConfig(
            target=[target], categorical_cols=[name for name in frame if name != target]
        ),
        model_config=CategoryEmbeddingModelConfig(task="classification", layers=layers),
        optimizer_config=OptimizerConfig(),
        trainer_config=TrainerConfig(
            max_epochs=epochs,
            batch_size=batch_size,
            accelerator="cpu",
            early_stopping=None,
            checkpoints=None,
            load_best=False,
            progress_bar="none",
            trainer_kwargs={"enable_model_summary": False},
        ),
        verbose=False,
        suppress_lightning_logger=True,
    )
    few = frame.sample(1000, random_state=0)  # without rows to validate on it takes a fifth away
    model.fit(train=frame, validation=few)


def main():
    path, target, epochs, batch_size, layers = sys.argv[1:]
    torch.set_num_threads(1)
    frame = pd.read_csv(path)
    frame = frame.astype({name: str for name in frame if name != target})
    frame = frame.head(len(frame) // int(batch_size) * int(batch_size))  # a batch of 1 row fails
    for _ in range(2):  # the first warms up
        began = time.process_time()
        fit(frame, target, int(epochs), int(batch_size), layers)
        seconds = time.process_time() - began
    print(f"seconds {seconds}")


if __name__ == "__main__":
    main()
