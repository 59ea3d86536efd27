"""What a fit tells of its epochs: to callbacks of scikit-learn, and by ``verbose`` to the user."""

from importlib.util import find_spec


class Epochs:
    """The epochs of one training, told as they begin and end.

    Parameters
    ----------
    estimator : estimator or None
        Which is being fitted; None tells nobody.
    """

    def __init__(self, estimator=None):
        self.estimator = estimator
        self.verbose = estimator is not None and estimator.verbose
        self._fit = getattr(estimator, "_callback_fit_ctx", None)
        self._training = self._epoch = self._bar = None

    def __enter__(self):
        """Wait for a training."""
        self._training = self._epoch = self._bar = None
        return self

    def __exit__(self, kind, error, traceback):
        """Tell that the training has ended, unless it failed."""
        if self._bar is not None:
            self._bar.stop()
        if self._training is not None and kind is None:
            self._training.call_on_fit_task_end(estimator=self.estimator)

    def start(self, n_epochs):
        """Tell that there will be so many epochs at most."""
        if self._fit is not None:
            self._training = self._fit.subcontext("training", max_subtasks=n_epochs)
            self._training.call_on_fit_task_begin(estimator=self.estimator)
        self._bar = _bar(n_epochs) if self.verbose else None
        self._n_epochs = n_epochs

    def begin(self):
        """Tell that an epoch begins."""
        if self._training is not None:
            self._epoch = self._training.subcontext("epoch")
            self._epoch.call_on_fit_task_begin(estimator=self.estimator)

    def end(self, history):
        """Tell that it has ended, and what it came to.

        Parameters
        ----------
        history : dict of list
            Losses and seconds by epoch, up to this one.
        """
        came_to = {name: values[-1] for name, values in history.items()}
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self.estimator, metadata=came_to)
        if not self.verbose:
            return
        shown = ", ".join(f"{name} {value:.4g}" for name, value in came_to.items())
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, shown=shown)
        else:
            print(f"epoch {len(history['seconds'])} of at most {self._n_epochs}: {shown}")


def _bar(n_epochs):
    """Bar of rich, which has begun; None where nothing can draw it, in a log say."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    except ModuleNotFoundError:
        return None
    console = Console()
    in_notebook = console.is_jupyter and find_spec("ipywidgets")
    if not (in_notebook or console.is_terminal):
        return None
    columns = "epoch", BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[shown]}")
    bar = Progress(*columns, console=console)
    bar.add_task("", total=n_epochs, shown="")
    bar.start()
    return bar
