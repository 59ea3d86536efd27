"""Reports of the epochs, to callbacks of scikit-learn and by ``verbose`` to the user."""

from importlib.util import find_spec


class Monitor:
    """Reports each training run of one fit, epoch by epoch.

    Parameters
    ----------
    estimator : estimator or None
        The estimator that is fitted. None reports nothing.
    """

    def __init__(self, estimator=None):
        self.estimator = estimator
        self.verbose = estimator is not None and estimator.verbose
        self._fit = getattr(estimator, "_callback_fit_ctx", None)
        self._training = self._epoch = self._bar = None

    def __enter__(self):
        """Wait for a run."""
        self._training = self._epoch = self._bar = None
        return self

    def __exit__(self, kind, error, traceback):
        """Close the bar, and report the end of the run unless the run failed."""
        if self._bar is not None:
            self._bar.stop()
        if self._training is not None and kind is None:
            self._training.call_on_fit_task_end(estimator=self.estimator)

    def start(self, n_epochs):
        """Report the start of a run of at most ``n_epochs`` epochs."""
        if self._fit is not None:
            self._training = self._fit.subcontext("training", max_subtasks=n_epochs)
            self._training.call_on_fit_task_begin(estimator=self.estimator)
        self._bar = _start_bar("epoch", n_epochs) if self.verbose else None
        self._n_epochs = n_epochs

    def begin_epoch(self):
        """Report that an epoch begins."""
        if self._training is not None:
            self._epoch = self._training.subcontext("epoch")
            self._epoch.call_on_fit_task_begin(estimator=self.estimator)

    def end_epoch(self, history):
        """Report that an epoch has ended, with its losses and seconds.

        Parameters
        ----------
        history : dict of list
            Losses and seconds by epoch, up to this one.
        """
        last = {name: values[-1] for name, values in history.items()}
        if self._epoch is not None:
            self._epoch.call_on_fit_task_end(estimator=self.estimator, metadata=last)
        if not self.verbose:
            return
        shown = ", ".join(f"{name} {value:.4g}" for name, value in last.items())
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], advance=1, shown=shown)
        else:
            print(f"epoch {len(history['seconds'])} of at most {self._n_epochs}: {shown}")

    def count(self, items, noun):
        """Iterate over items of work, and report that to the user.

        Parameters
        ----------
        items : list
        noun : str
            Name of the items, in the plural.

        Yields
        ------
        object
        """
        bar = _start_bar(noun, len(items)) if self.verbose else None
        if self.verbose and bar is None:
            print(f"testing {len(items)} {noun}")
        try:
            for item in items:
                yield item
                if bar is not None:
                    bar.update(bar.task_ids[0], advance=1)
        finally:
            if bar is not None:
                bar.stop()


def _start_bar(noun, total):
    """Start a bar of rich; return None where a bar cannot be drawn, as in a log."""
    try:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
    except ModuleNotFoundError:
        return None
    console = Console()
    in_notebook = console.is_jupyter and find_spec("ipywidgets")
    if not (in_notebook or console.is_terminal):
        return None
    columns = noun, BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[shown]}")
    bar = Progress(*columns, console=console)
    bar.add_task("", total=total, shown="")
    bar.start()
    return bar
