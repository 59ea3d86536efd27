"""Fitting on rows in memory: from X and y to what was learned."""

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state

from skembed._columns.numeric import Bins, Context
from skembed._columns.row_encoder import RowEncoder
from skembed._fit.checks import check_device, check_layers
from skembed._fit.copies import warn_of_copies
from skembed._fit.held_rows import HeldRows
from skembed._fit.learned import Problem
from skembed._fit.levels import assign_roles, learn_levels, read_numbers
from skembed._fit.train import learn_tables
from skembed._model.folds import assign_folds
from skembed._model.target import encode_target
from skembed._utils.one_column import flatten_column
from skembed._utils.sklearn_compat import check_sample_weight


def learn_in_memory(columns, X, y, sample_weight, split_params, options, monitor):
    """Learn vectors from a target.

    Parameters
    ----------
    columns : Columns
        Those of X.
    X : data frame or array-like of shape (n_rows, n_features)
    y : array-like of shape (n_rows,) or (n_rows, n_outputs)
    sample_weight : array-like of shape (n_rows,) or None
    split_params : dict
        What the splitter is given beside X and y.
    options : SimpleNamespace
        Parameters of the estimator.
    monitor : Monitor
        Reports how training goes.

    Returns
    -------
    Learned
    """
    check_layers(options.hidden_layer_sizes)
    check_device(options.device)
    check_consistent_length(X, y, sample_weight)
    sample_weight = flatten_column(sample_weight, "sample_weight")
    weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    target = encode_target_as(options, y, weight)
    if not weight.all():
        columns.counted = weight > 0
    embedded, seen, passing = assign_roles(columns, X, options)
    coded = learn_levels(columns, embedded, weight, options)
    numbers = read_numbers(columns, seen, passing, weight > 0)
    seed = int(check_random_state(options.random_state).randint(2**31 - 1))
    fold = np.zeros(columns.n_rows, dtype=np.int64)
    if options.cv is not None:
        fold = assign_folds(
            options.cv,
            X,
            y,
            target.strata,
            weight > 0,
            random_state=seed,
            split_params=split_params,
        )
        warn_of_copies([each.codes for each in coded], numbers, target, fold, weight > 0)
    context = Context.fit(numbers, weight)
    inputs = context.matrix(numbers, columns.n_rows)
    bins, binned = {}, {}
    if may_cross_numbers(options):
        for j, column in zip(seen, numbers, strict=True):
            name = columns.names[j]
            bins[name] = Bins.fit(column, weight > 0)
            binned[name] = bins[name].encode(column)
    starts = {each.column.name: each.start for each in coded if each.start}
    row_encoder = RowEncoder(
        names=columns.names,
        embedded=[each.column for each in coded],
        bins=bins,
        crosses=[],
        numeric=seen,
        context=context,
        bag_mode=options.bag_mode,
        is_sparse=columns.sparse is not None,
    )
    rows = HeldRows(
        {each.column.name: each.codes for each in coded},
        binned,
        Problem(inputs, target, weight, fold, starts, seed),
    )
    return learn_tables(rows, row_encoder, passing, options, monitor)


def encode_target_as(options, y, weight, used=None):
    """Encode a target as the parameters of an estimator say."""
    return encode_target(
        y,
        options.target_type,
        weight,
        used=used,
        loss=options.loss,
        quantile=options.quantile,
        y_range=options.y_range,
    )


def may_cross_numbers(options):
    """Whether numeric columns can be crossed."""
    return options.use_context and isinstance(options.crosses, (str, list))
