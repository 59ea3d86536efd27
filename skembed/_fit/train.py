"""Training the tables of all columns: without crosses, then with those that evidence names."""

from functools import partial

from scipy.sparse import issparse

from skembed._columns.crosses import check_free_names, with_free_names
from skembed._columns.output_layout import check_output_names
from skembed._fit.evidence import choose_crosses, draw_rows, requested_crosses
from skembed._fit.learned import Learned, LearnedColumn
from skembed._fit.unexplained import Unexplained
from skembed._model.dimensions import cross_dim, embedding_dims
from skembed._training.rows import TableShape
from skembed._training.settings import read_settings
from skembed._training.significance import count_errors
from skembed._utils.memory import check_tables
from skembed._utils.optional_imports import needs_torch
from skembed._utils.warnings import warn_user

CLEAR = 3  # standard errors between losses that another draw hardly turns round


def learn_tables(rows, row_encoder, passing, options, monitor):
    """Learn the tables of all columns and crosses, wherever the rows lie.

    Parameters
    ----------
    rows : HeldRows or StoredRows
    row_encoder : RowEncoder
        Without crosses, and with the bins of all columns that may be crossed.
    passing : list of int
        Positions of the columns that are not embedded.
    options : SimpleNamespace
        Parameters of the estimator.
    monitor : Monitor

    Returns
    -------
    Learned
    """
    problem, target = rows.problem, rows.problem.target
    if options.interaction == "dot" and len(target.bias) > 1:
        raise ValueError(
            f"interaction='dot' gives one number for each row, but the target is "
            f"{target.kind} with {len(target.bias)}: give interaction='mlp'."
        )
    crosses, trained = _train_with_crosses(rows, row_encoder, passing, options, monitor)
    if trained.best_epoch == 0:
        warn_user(
            "The net found nothing in X that predicts y: on rows that it was not trained on, it "
            "was no better than a constant answer (by two standard errors) in any epoch. All "
            "levels of a column get the same vector; pretrained vectors stay. Check that the rows "
            "of y are those of X, or leave these columns out."
        )
    row_encoder = row_encoder.with_crosses(crosses)
    crossable = rows.codes | rows.binned
    codes = rows.codes | {cross.name: cross.encode(crossable) for cross in crosses}
    columns = [
        LearnedColumn(name, levels, codes[name], table, problem.pretrained.get(name))
        for (name, levels), table in zip(
            row_encoder.vocabularies_and_crosses.items(), trained.tables, strict=True
        )
    ]
    return Learned(
        row_encoder,
        passing,
        columns,
        problem,
        trained.decoder,
        trained.history,
        trained.best_epoch,
    )


def _train_with_crosses(rows, row_encoder, passing, options, monitor):
    """Crosses and what was trained; "auto" keeps crosses only if they lower the loss."""
    problem = rows.problem
    embedded = {
        name: vocabulary
        for name, vocabulary in row_encoder.vocabularies.items()
        if not issparse(rows.codes[name])
    }
    crossable = embedded | row_encoder.bins
    train = partial(_train, rows, row_encoder, passing, options, monitor)
    if options.crosses != "auto":
        requested = requested_crosses(options.crosses, list(embedded), list(crossable))
        check_free_names(requested, row_encoder.names)
        crosses = rows.fit_crosses(requested, crossable)
        return crosses, train(crosses)
    # Without folds there is no evidence to choose by; a dot product has its pairs already.
    if options.cv is None or options.interaction == "dot":
        return [], train([])
    fold, target = problem.fold, problem.target
    outputs_per_row = (fold.max() + 1) * len(target.bias)
    look_at = draw_rows(problem.weight > 0, outputs_per_row, problem.seed)
    plain = train([], look_at=look_at)
    weight, values = problem.weight[look_at, None, None], target.values[look_at, None]
    residual, curvature = target.loss.derivatives(values, plain.outputs)
    unexplained = Unexplained(residual * weight, curvature * weight, fold[look_at])
    codes = {name: column[look_at] for name, column in rows.crossable.items()}
    n_trained = len(plain.history["seconds"]) * len(fold)
    chosen = choose_crosses(
        crossable, codes, embedded.keys(), unexplained, problem.seed, n_trained, monitor
    )
    crosses = rows.fit_crosses(with_free_names(chosen, row_encoder.names), crossable)
    if not crosses:
        return [], plain
    if options.verbose:
        print(f"once more, with crosses: {', '.join(cross.name for cross in crosses)}")
    crossed = train(crosses)
    keeps = _fall(rows, train, crosses, crossed.losses - plain.losses, options.verbose)
    return (crosses, crossed) if keeps else ([], plain)


def _fall(rows, train, crosses, differences, verbose):
    """Whether losses fall with crosses; close calls are decided by two draws of both nets."""
    if rows.of_first(abs(count_errors(differences)) < CLEAR):
        if verbose:
            print("once more without and with crosses, since their losses are close")
        again = train(crosses, draw=1).losses - train([], draw=1).losses
        differences = (differences + again) / 2
    return rows.of_first(count_errors(differences) < -1)


def _train(rows, row_encoder, passing, options, monitor, crosses, look_at=None, draw=0):
    """Train once, with these crosses; each draw has a seed of its own."""
    with needs_torch("fit"):
        from skembed._training.loop import train
    problem = rows.problem
    shapes = _shapes(row_encoder.embedded, crosses, problem.pretrained, options)
    dims = {shape.name: shape.dim for shape in shapes}
    check_output_names(row_encoder.names, passing, dims)
    blocks = rows.blocks(crosses)
    check_tables(shapes, blocks.n_folds)
    settings = read_settings(options, problem.seed + draw, monitor)
    with monitor:
        return train(blocks, shapes, problem.target, settings, look_at=look_at)


def _shapes(embedded, crosses, starts, options):
    """Shape of the table of each column and cross; pretrained vectors keep their length."""
    names = [column.name for column in embedded]
    n_levels = [len(column.vocabulary.levels) for column in embedded]
    dims = embedding_dims(options.embedding_dim, names, n_levels, options.interaction)
    shapes = []
    for column, dim in zip(embedded, dims, strict=True):
        start = starts.get(column.name)
        dim = start.vectors.shape[1] if start else dim
        shapes.append(TableShape(column.name, column.vocabulary.n_codes, dim, start))
    for cross in crosses:
        dim = cross_dim(len(cross.names), options.interaction)
        shapes.append(TableShape(cross.name, cross.n_codes, dim))
    return shapes
