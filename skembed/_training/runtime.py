"""Torch: the device that a fit runs on."""

import torch


def chosen_device(given):
    """Device that the parameter ``device`` asks for.

    Parameters
    ----------
    given : str
        "auto", "cpu", "cuda" (the current GPU) or "cuda:1", by number.

    Returns
    -------
    torch.device

    Raises
    ------
    ValueError
        If it is no such name, or there is no such GPU.

    Examples
    --------
    >>> chosen_device("auto")
    device(type='cpu')
    """
    # "auto" is the CPU on every machine: a fit has the same bits on all of them, and on how many
    # rows a GPU would be faster has not been measured.
    if given in ("auto", "cpu"):
        return torch.device("cpu")
    kind, colon, number = given.partition(":")
    if kind != "cuda" or bool(colon) != number.isdecimal():
        raise ValueError(
            f"device={given!r} is none that skembed trains on: give 'auto', 'cpu', 'cuda' or, "
            "by number, 'cuda:1'."
        )
    n_devices = torch.cuda.device_count()
    if int(number or 0) >= n_devices:
        there = [f"cuda:{i}" for i in range(n_devices)] or "no GPU"
        raise ValueError(
            f"device={given!r}, but torch {torch.__version__} sees {there} here. Give device='cpu'"
            f"{', or one of these' if n_devices else ', or install a torch built for your GPU'}."
        )
    return torch.device("cuda", int(number) if colon else torch.cuda.current_device())
