"""What `PackedEmbedding` may be given."""

import math
from numbers import Integral

import numpy as np
import torch
from torch import Tensor

TOLERANCE = 1e-3  # by which probabilities may miss 1 or 0: more than float32 rounding of a softmax


def check_entry(name, size, entry):
    """Raise unless an entry of a column is codes, probability rows or bags.

    Parameters
    ----------
    name : str or int
        What errors call the column.
    size : int
        Its number of codes.
    entry : Tensor
    """
    if not isinstance(entry, Tensor):
        raise TypeError(f"Column {name!r} must be given as a Tensor, got {type(entry).__name__}.")
    if entry.layout not in (torch.strided, torch.sparse_csr):
        raise ValueError(
            f"Column {name!r} has the layout {entry.layout}. Bags must be sparse CSR: use "
            "to_sparse_csr()."
        )
    if entry.ndim == 1:
        _check_codes_of(name, size, entry)
    elif entry.ndim != 2 or entry.shape[1] != size:
        raise ValueError(
            f"Column {name!r} has {size} codes, but its entry has the shape {tuple(entry.shape)}. "
            f"Give codes (n_rows,), or rows or bags (n_rows, {size})."
        )
    elif entry.layout == torch.sparse_csr:
        _check_bags(name, size, entry)
    else:
        _check_rows(name, entry.detach())


def check_integers(name, codes):
    """Raise unless codes are of an integer type."""
    if codes.is_floating_point() or codes.is_complex() or codes.dtype == torch.bool:
        raise TypeError(
            f"{name} must be integers, got {codes.dtype}. For probabilities, give a list with a "
            "matrix (n_rows, n_codes) for the column."
        )


def _check_codes_of(name, size, codes):
    check_integers(f"The codes of column {name!r}", codes)
    wrong = (codes < 0) | (codes >= size)
    if wrong.any():
        row = int(wrong.nonzero()[0])
        raise ValueError(
            f"Column {name!r} has the codes 0 to {size - 1}, but row {row} holds {int(codes[row])}."
            " Give what has no code that of the unseen, or make the table larger."
        )


def _check_rows(name, rows):
    sums = rows.sum(dim=1)
    good = ((sums - 1).abs() <= TOLERANCE) & (rows.amin(dim=1) >= -TOLERANCE)
    if not good.all():  # so are they where one is NaN
        row = int((~good).nonzero()[0])
        lowest = float(rows[row].amin())
        what = f"sums to {float(sums[row]):g}"
        if math.isnan(lowest):
            what = "holds NaN"
        elif lowest < -TOLERANCE:
            what = f"holds the negative value {lowest:g}"
        raise ValueError(
            f"Row {row} of the probabilities of column {name!r} {what}. Each row must be "
            "non-negative and sum to 1: apply softmax, or divide by the sum. For weights that do "
            "not sum to 1, give a bag: to_sparse_csr()."
        )


def _check_bags(name, size, bags):
    members, weights = bags.col_indices(), bags.values().detach()
    wrong = ~(weights >= 0) | weights.isinf()
    if wrong.any():
        raise ValueError(
            f"The bags of column {name!r} hold the weight {float(weights[wrong][0]):g}. Weights "
            "must be finite and non-negative: leave such members out."
        )
    outside = (members < 0) | (members >= size)
    if outside.any():
        raise ValueError(
            f"Column {name!r} has the codes 0 to {size - 1}, but a bag holds "
            f"{int(members[outside][0])}. Leave out what has no code."
        )


def check_options(sizes, dims, names, hard, top_k, n_negatives):
    """Raise unless these are parameters of `PackedEmbedding`."""
    for what, values in (("sizes", sizes), ("dims", dims)):
        for value in values:
            if isinstance(value, bool) or not isinstance(value, Integral) or value < 1:
                raise ValueError(f"{what} must hold ints of at least 1, got {value!r}.")
    if not len(sizes) == len(dims) == len(names) or not len(sizes):
        raise ValueError(
            f"sizes, dims and names must have an entry per column, got {len(sizes)}, {len(dims)} "
            f"and {len(names)}."
        )
    if len(set(names)) < len(names):
        raise ValueError(f"names must differ, got {names}.")
    if hard not in (None, "straight-through"):
        raise ValueError(f"hard must be None or 'straight-through', got {hard!r}.")
    if top_k is not None and (not isinstance(top_k, Integral) or top_k < 1):
        raise ValueError(f"top_k must be None or an int of at least 1, got {top_k!r}.")
    if not isinstance(n_negatives, Integral) or n_negatives < 0:
        raise ValueError(f"n_negatives must be an int of at least 0, got {n_negatives!r}.")
    if n_negatives and top_k is None:
        raise ValueError(
            f"n_negatives={n_negatives} was given without top_k: all codes take part already. "
            "Give top_k too."
        )


def checked_table(name, vectors):
    """Pretrained vectors of a column as a Tensor of its own memory (n_codes, dim)."""
    what = f"The pretrained vectors of column {name!r}"
    if isinstance(vectors, Tensor):
        table = vectors.detach().clone()
    else:
        try:
            table = torch.tensor(np.asarray(vectors, dtype=getattr(vectors, "dtype", np.float32)))
        except ValueError as error:
            lengths = sorted({len(vector) for vector in vectors})
            raise ValueError(
                f"{what} must be numbers, all of one length, got the lengths {lengths}."
            ) from error
    if table.ndim != 2 or not table.numel() or not table.is_floating_point():
        raise ValueError(
            f"{what} must be a float array (n_codes, dim), got {table.dtype} of shape "
            f"{tuple(table.shape)}."
        )
    if not table.isfinite().all():
        row = int((~table.isfinite()).any(dim=1).nonzero()[0])
        raise ValueError(f"{what} must be finite, but that of code {row} is not. Replace it.")
    return table
