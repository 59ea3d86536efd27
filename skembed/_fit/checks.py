"""Parameters that are looked at before much is done for them."""

from numbers import Integral

from skembed._utils.optional_imports import needs_torch


def check_device(given):
    """Raise if there is no such device."""
    with needs_torch("fit"):
        from skembed._training.runtime import choose_device
    choose_device(given)


def check_layers(sizes):
    """Raise if hidden layers are not of whole, positive sizes."""
    for size in sizes:
        if isinstance(size, bool) or not isinstance(size, Integral) or size < 1:
            raise ValueError(
                f"hidden_layer_sizes must hold ints of at least 1, got {size!r} in {sizes!r}."
            )
