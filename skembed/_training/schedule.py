"""The length of a training run, and the learning rates of its steps."""

import math
from typing import NamedTuple

TABLE_LEARNING_RATE = 0.1  # peak, of Adagrad


class Schedule(NamedTuple):
    """Steps and learning rates of a run.

    Attributes
    ----------
    batch_size : int
        Rows per step.
    n_epochs : int
        Most passes over the rows.
    n_steps : int
        Steps in that many passes.
    learning_rate : float
        Peak for the net; that of the tables is TABLE_LEARNING_RATE.
    """

    batch_size: int
    n_epochs: int
    n_steps: int
    learning_rate: float

    def rates(self, step):
        """Learning rates of the net and of the tables in a step."""
        rate = one_cycle(step / self.n_steps)
        return self.learning_rate * rate, TABLE_LEARNING_RATE * rate


def make_schedule(n_rows, settings):
    """Fill in what the user left to "auto".

    Parameters
    ----------
    n_rows : int
        Rows of positive weight.
    settings : Settings

    Returns
    -------
    Schedule
    """
    batch_size, n_epochs = settings.batch_size, settings.max_epochs
    if batch_size == "auto":
        batch_size = choose_batch_size(n_rows)
    steps_per_epoch = math.ceil(n_rows / batch_size)
    if n_epochs == "auto":
        n_epochs = choose_n_epochs(steps_per_epoch, settings.interaction)
    return Schedule(batch_size, n_epochs, n_epochs * steps_per_epoch, settings.learning_rate)


def choose_batch_size(n_rows):
    """Choose rows per step: a fiftieth of the rows, as a power of two between 32 and 1024."""
    return int(2 ** min(10, max(5, round(math.log2(n_rows / 50)))))


def choose_n_epochs(steps_per_epoch, interaction="mlp"):
    """Choose passes over the rows: about 500 steps, at least 8 passes and at most 40.

    Dot products start near zero and leave it slowly, so they get at least 20 passes.
    """
    fewest = 8 if interaction == "mlp" else 20
    return min(40, max(fewest, math.ceil(500 / steps_per_epoch)))


def one_cycle(progress):
    """Fraction of the peak learning rate at a fraction of the run.

    The rate rises from 1/25 by a cosine for a quarter of the run, and falls to 0 by another.

    References
    ----------
    Smith and Topin (2018), "Super-convergence: very fast training of neural networks using large
    learning rates", arXiv:1708.07120.
    """
    if progress < 0.25:
        return 0.04 + 0.96 * (1 - math.cos(math.pi * progress / 0.25)) / 2
    return (1 + math.cos(math.pi * (progress - 0.25) / 0.75)) / 2


def stop_if_diverged(name, loss, epoch, schedule):
    """Raise if the loss of an epoch is no finite number.

    Parameters
    ----------
    name : str
        Of the loss, for the message.
    loss : float
    epoch : int
    schedule : Schedule

    Raises
    ------
    ValueError
    """
    if not math.isfinite(loss):
        raise ValueError(
            f"Training diverged: the {name} of epoch {epoch} is {loss}. Give a lower "
            f"learning_rate than {schedule.learning_rate:g}."
        )
