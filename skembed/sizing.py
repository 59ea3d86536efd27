"""How long a vector should be: the rules for embedding dimensions, each with its source."""

from numbers import Integral

LONGEST = 4


def auto_dim(n_levels, longest=LONGEST):
    """Vector length by default: fastai's rule, but at most 4, and 1 for two levels.

    The rule is ``round(1.6 * n_levels ** 0.56)``. A two-level column has one difference to tell,
    so one number tells it. ``benchmarks/dims.py`` shows why no more than 4: XGBoost and linear
    models gain nothing beyond noise by longer vectors, neighbours lose.

    Parameters
    ----------
    n_levels : int
    longest : int
        Most, in the place of 4.

    Returns
    -------
    int

    Examples
    --------
    >>> [auto_dim(n) for n in (1, 2, 3, 10, 50, 10_000)]
    [1, 1, 3, 4, 4, 4]

    References
    ----------
    ``emb_sz_rule`` of fastai, https://docs.fast.ai/tabular.model.html
    """
    if n_levels <= 2:
        return 1
    return min(longest, round(1.6 * n_levels**0.56))


def cross_dim(degree):
    """Vector length of a cross by default: 2 for a pair, 1 for more columns.

    Combinations are rare, and the more columns the rarer: there is little to tell of each.
    """
    return 2 if degree == 2 else 1


def embedding_dims(rule, names, n_levels):
    """Vector length of each embedded column.

    Parameters
    ----------
    rule : "auto", int, dict or callable
        As ``embedding_dim`` of the encoder. Columns that a dict does not name get the default.
    names : list
        Embedded columns.
    n_levels : list of int
        Levels of each.

    Returns
    -------
    list of int
    """
    if isinstance(rule, dict):
        unknown = [name for name in rule if name not in names]
        if unknown:
            raise ValueError(
                f"embedding_dim names {unknown}, which are not embedded columns. Embedded are "
                f"{list(names)}."
            )
        dims = [rule.get(name, auto_dim(n)) for name, n in zip(names, n_levels, strict=True)]
    elif callable(rule):
        dims = [rule(n) for n in n_levels]
    elif isinstance(rule, Integral):
        dims = [rule] * len(names)
    else:
        dims = [auto_dim(n) for n in n_levels]
    for name, dim in zip(names, dims, strict=True):
        if isinstance(dim, bool) or not isinstance(dim, Integral) or dim < 1:
            raise ValueError(
                f"embedding_dim for column {name!r} must be an int of at least 1, got {dim!r}."
            )
    return [int(dim) for dim in dims]
