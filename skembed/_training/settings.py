"""The parameters of the estimators that a training run reads."""

from typing import NamedTuple

from skembed._training.monitor import Monitor


class Settings(NamedTuple):
    """Parameters of the estimators by their own names, and the run's own.

    Attributes
    ----------
    random_state : int
        Seed, drawn from the parameter of this name.
    monitor : Monitor
        Reports the epochs to the user.
    """

    hidden_layer_sizes: tuple
    interaction: str
    unseen_rate: float
    dropout: float
    weight_decay: float
    learning_rate: float
    batch_size: int | str
    max_epochs: int | str
    early_stopping: bool
    n_iter_no_change: int
    tol: float
    device: str
    n_jobs: int | None
    random_state: int
    monitor: Monitor = Monitor()


def read_settings(options, seed, monitor):
    """Read the parameters that a training run needs.

    Parameters
    ----------
    options : SimpleNamespace
        Parameters of the estimator, by name.
    seed : int
    monitor : Monitor

    Returns
    -------
    Settings
    """
    own = {"random_state": seed, "monitor": monitor}
    given = {name: getattr(options, name) for name in Settings._fields if name not in own}
    return Settings(**given, **own)
