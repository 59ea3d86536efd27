"""How long a vector should be: the rules for embedding dimensions, each with its source."""

from numbers import Integral

LONGEST = 4
DOT_DIM = 33  # an own effect and 32 components that are multiplied


def auto_dim(n_levels, longest=LONGEST):
    """Vector length by default: fastai's rule, but at most 4, and 1 for two levels.

    Two levels differ in one way, so one number is enough. ``benchmarks/dims.py``
    shows why no more than 4: XGBoost and linear models gain nothing beyond noise by longer
    vectors, neighbours lose.

    Parameters
    ----------
    n_levels : int
        Levels of the column.
    longest : int
        Longest vector, 4 by default.

    Returns
    -------
    int
        Numbers a vector.

    Examples
    --------
    >>> [auto_dim(n) for n in (1, 2, 3, 10, 50, 10_000)]
    [1, 1, 3, 4, 4, 4]
    """
    return 1 if n_levels <= 2 else min(longest, fastai_dim(n_levels))


def fastai_dim(n_levels):
    """Rule of fastai: ``1.6 * n_levels ** 0.56``, at most 600.

    Parameters
    ----------
    n_levels : int
        Levels of the column.

    Returns
    -------
    int
        Numbers a vector.

    References
    ----------
    ``emb_sz_rule`` of fastai, https://docs.fast.ai/tabular.model.html

    Examples
    --------
    >>> [fastai_dim(n) for n in (2, 10, 1000, 1_000_000)]
    [2, 6, 77, 600]
    """
    return min(600, round(1.6 * n_levels**0.56))


def google_dim(n_levels):
    """Rule of thumb of Google: the fourth root of the number of levels.

    Parameters
    ----------
    n_levels : int
        Levels of the column.

    Returns
    -------
    int
        Numbers a vector.

    References
    ----------
    TensorFlow team (2017), "Introducing TensorFlow feature columns", Google Developers Blog,
    https://developers.googleblog.com/en/introducing-tensorflow-feature-columns/

    Examples
    --------
    >>> [google_dim(n) for n in (2, 10, 1000, 1_000_000)]
    [1, 2, 6, 32]
    """
    return max(1, round(n_levels**0.25))


def half_dim(n_levels):
    """Half of the levels, rounded up, at most 50.

    Parameters
    ----------
    n_levels : int
        Levels of the column.

    Returns
    -------
    int
        Numbers a vector.

    References
    ----------
    Rule of the fast.ai course of 2018, ``min(50, (c + 1) // 2)``, after the vectors of Guo and
    Berkhahn (2016), "Entity embeddings of categorical variables", arXiv:1604.06737.

    Examples
    --------
    >>> [half_dim(n) for n in (2, 7, 1000)]
    [1, 4, 50]
    """
    return min(50, (n_levels + 1) // 2)


RULES = {"auto": auto_dim, "fastai": fastai_dim, "google": google_dim, "half": half_dim}


def cross_dim(degree, interaction):
    """Vector length of a cross: 2 for a pair, 1 for more columns and beside dot products.

    Combinations are rare, and the more columns the rarer: each has few rows to learn from.
    """
    return 2 if degree == 2 and interaction == "mlp" else 1


def is_asked(rule, name):
    """Whether a rule as in `embedding_dims` gives the column a length that is to be kept."""
    if isinstance(rule, dict):
        return name in rule
    return not (isinstance(rule, str) and rule == "auto")


def embedding_dims(rule, names, n_levels, interaction="mlp"):
    """Vector length of each embedded column.

    Parameters
    ----------
    rule : {"auto", "fastai", "google", "half"}, int, dict or callable
        As ``embedding_dim`` of the encoder. Columns that a dict does not name get the default.
    names : list
        Embedded columns.
    n_levels : list of int
        Levels of each.
    interaction : {"mlp", "dot"}
        What is multiplied must be of one length: 33 by default for all columns.

    Returns
    -------
    list of int
    """
    by_default = auto_dim if interaction == "mlp" else lambda n: DOT_DIM
    if isinstance(rule, dict):
        unknown = [name for name in rule if name not in names]
        if unknown:
            raise ValueError(
                f"embedding_dim names {unknown}, which are not embedded columns. Embedded are "
                f"{list(names)}."
            )
        dims = [rule.get(name, by_default(n)) for name, n in zip(names, n_levels, strict=True)]
    elif callable(rule):
        dims = [rule(n) for n in n_levels]
    elif isinstance(rule, Integral):
        dims = [rule] * len(names)
    else:
        dims = [(by_default if rule == "auto" else RULES[rule])(n) for n in n_levels]
    for name, dim in zip(names, dims, strict=True):
        if isinstance(dim, bool) or not isinstance(dim, Integral) or dim < 1:
            raise ValueError(
                f"embedding_dim for column {name!r} must be an int of at least 1, got {dim!r}."
            )
    if interaction == "dot" and len({*dims} - {1}) > 1:
        raise ValueError(
            "interaction='dot' multiplies the vectors of all columns, so embedding_dim must be one "
            f"length for all (or 1, for no product), got {dict(zip(names, dims, strict=True))}."
        )
    return [int(dim) for dim in dims]
