"""Fitting without a target: from X to tables by which levels predict the other columns."""

from typing import NamedTuple

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state

from skembed._columns.numeric import Context
from skembed._columns.output_layout import check_output_names
from skembed._columns.row_encoder import RowEncoder
from skembed._fit.checks import check_device
from skembed._fit.levels import assign_roles, learn_levels, read_numbers
from skembed._model.dimensions import auto_dim, embedding_dims, is_asked
from skembed._training.rows import TableShape
from skembed._training.settings import read_settings
from skembed._utils.memory import check_tables
from skembed._utils.one_blas_thread import one_blas_thread
from skembed._utils.one_column import flatten_column
from skembed._utils.optional_imports import needs_torch
from skembed._utils.sklearn_compat import check_sample_weight

LONGEST_TRAINED = 16  # of these components, those that are not faint are kept
FAINT_COMPONENT = 0.01  # share of what all vectors predict, below which one is left out


class LearnedWithoutTarget(NamedTuple):
    """What a fit without a target leaves behind.

    Attributes
    ----------
    row_encoder : RowEncoder
    passing : list of int
        Positions of the columns that are not embedded.
    tables : dict of str to ndarray of float32, shape (n_codes, dim)
        By embedded column.
    trained : dict of str to ndarray of float32, shape (n_codes, n_trained)
        The same with the components that are left out.
    history : dict of str to ndarray of shape (n_epochs,)
    used : ndarray of bool, shape (n_rows,)
        Rows with weight.
    """

    row_encoder: RowEncoder
    passing: list
    tables: dict
    trained: dict
    history: dict
    used: np.ndarray


def learn_without_target(columns, X, sample_weight, options, monitor):
    """Learn vectors by predicting hidden cells from the visible ones.

    Parameters
    ----------
    columns : Columns
        Those of X.
    X : data frame or array-like of shape (n_rows, n_columns)
    sample_weight : array-like of shape (n_rows,) or None
    options : SimpleNamespace
        Parameters of the encoder.
    monitor : Monitor

    Returns
    -------
    LearnedWithoutTarget
    """
    _check_parameters(options)
    check_device(options.device)
    _check_no_bags(columns)
    check_consistent_length(X, sample_weight)
    sample_weight = flatten_column(sample_weight, "sample_weight")
    weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    if not weight.all():
        columns.counted = weight > 0
    embedded, seen, passing = assign_roles(columns, X, options)
    coded = learn_levels(columns, embedded, weight, options)
    numbers = read_numbers(columns, seen, passing, weight > 0)
    context = Context.fit(numbers, weight)
    inputs = context.matrix(numbers, columns.n_rows)
    names = [each.column.name for each in coded]
    _check_companions(names, inputs.shape[1])
    asked = _asked(options.embedding_dim, [each.column for each in coded])
    shapes = _shapes(coded, asked)
    dims = {shape.name: shape.dim for shape in shapes}
    check_output_names(columns.names, passing, dims)
    trained = _train(coded, shapes, inputs, weight, options, monitor)
    counts = [each.column.vocabulary.counts for each in coded]
    whole, tables = turn_tables(trained, counts, asked)
    row_encoder = RowEncoder(
        names=columns.names,
        embedded=[each.column for each in coded],
        bins={},
        crosses=[],
        numeric=seen,
        context=context,
        bag_mode=options.bag_mode,
        is_sparse=False,
    )
    return LearnedWithoutTarget(
        row_encoder,
        passing,
        dict(zip(names, tables, strict=True)),
        dict(zip(names, whole, strict=True)),
        trained.history,
        weight > 0,
    )


def turn_tables(trained, counts, asked):
    """Turn tables to the axes along which levels predict the other columns differently.

    The new axes are the principal components of the vectors where lengths are measured by the
    column's metric: the distance of two levels is how differently they predict, and the strength
    of an axis is the mean square of its component over the rows.

    Parameters
    ----------
    trained : MaskedTrained
        What `skembed._training.masked_loop` leaves behind.
    counts : list of ndarray, each of shape (n_codes,)
        Rows per code.
    asked : list of int or None
        Axes to keep; None keeps those that are not faint, and one at least.

    Returns
    -------
    whole : list of ndarray of float32, each of shape (n_codes, dim)
        All components.
    kept : list of ndarray of float32, each of shape (n_codes, n_kept)
        Those of the axes that are kept; the same array where that is all of them.
    """
    with one_blas_thread():
        axes = [
            _principal(table, metric, count)
            for (table, metric), count in zip(trained.tables, counts, strict=True)
        ]
    faint = FAINT_COMPONENT * sum(strengths.sum() for _, strengths in axes)
    whole = [table.astype(np.float32) for table, _ in axes]
    n_kept = [
        n or max(1, int((strengths > faint).sum()))
        for (_, strengths), n in zip(axes, asked, strict=True)
    ]
    kept = [
        table if n >= table.shape[1] else np.ascontiguousarray(table[:, :n])
        for table, n in zip(whole, n_kept, strict=True)
    ]
    return whole, kept


def _principal(table, metric, count):
    """Table on its new axes (n_codes, dim), and the strengths of these (dim,), falling."""
    share = count / count.sum()
    values, directions = np.linalg.eigh(metric.astype(np.float64))
    seen = (table - share @ table) @ (directions * np.sqrt(np.maximum(values, 0)))
    strengths, directions = np.linalg.eigh(seen.T @ (seen * share[:, None]))
    return seen @ directions[:, ::-1], np.maximum(strengths[::-1], 0)


def _shapes(coded, asked):
    """Shape of the table of each column."""
    shapes = []
    for (column, *_), n in zip(coded, asked, strict=True):
        vocabulary = column.vocabulary
        dim = max(auto_dim(len(vocabulary.levels), LONGEST_TRAINED), n or 0)
        shapes.append(TableShape(column.name, vocabulary.n_codes, dim))
    return shapes


def _train(coded, shapes, inputs, weight, options, monitor):
    with needs_torch("fit"):
        from skembed._training.masked_loop import train_masked
    check_tables(shapes, n_folds=1)
    seed = int(check_random_state(options.random_state).randint(2**31 - 1))
    settings = read_settings(options, seed, monitor)
    codes = [each.codes for each in coded]
    with monitor:
        return train_masked(codes, shapes, inputs, weight, settings)


def _asked(rule, embedded):
    """Length of each column's vectors that the user asked for; None where it is "auto"."""
    names = [column.name for column in embedded]
    dims = embedding_dims(rule, names, [len(column.vocabulary.levels) for column in embedded])
    return [dim if is_asked(rule, name) else None for name, dim in zip(names, dims, strict=True)]


def _check_parameters(options):
    of_target = {
        "target_type": "none" if options.target_type == "none" else "auto",
        "loss": "auto",
        "quantile": None,
        "y_range": None,
        "interaction": "mlp",
        "pretrained": None,
    }
    for name, default in of_target.items():
        given = getattr(options, name)
        if given is not default and given != default:
            raise ValueError(
                f"{name}={given!r} needs a target, but y is None. Give y, or leave "
                f"{name}={default!r} to learn without one."
            )
    if options.crosses not in ("auto", None):
        raise ValueError(
            f"crosses={options.crosses!r} needs a target, but y is None. Give y, or crosses=None."
        )


def _check_no_bags(columns):
    bags = [name for j, name in enumerate(columns.names) if columns.is_bag(j)]
    if bags:
        raise ValueError(
            f"{bags} hold bags (lists, or a sparse matrix), which are not predicted from other "
            "columns: they need a target, but y is None. Give y, or leave them out."
        )


def _check_companions(embedded, n_inputs):
    if len(embedded) + n_inputs < 2:
        raise ValueError(
            f"Without y, vectors are learned by predicting columns from each other, but there is "
            f"nothing beside {embedded}. Give y, or more columns; numbers count with "
            "use_context=True."
        )
