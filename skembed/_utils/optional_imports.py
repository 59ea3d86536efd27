"""One way to say which extra is missing."""

from contextlib import contextmanager


@contextmanager
def needs_torch(method):
    """Say what to install where torch cannot be imported."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"{method} needs PyTorch, which is not installed: pip install 'skembed[torch]'. A "
            "fitted encoder transforms without it."
        ) from error
