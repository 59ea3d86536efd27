"""From what training leaves to the encoder's tables: turned, shortened, rounded."""

from typing import NamedTuple

import numpy as np

from skembed._model.axes import add_read_axes, draw_rows, find_axes, n_kept
from skembed._model.dimensions import is_asked
from skembed._model.tables import gather_own_fold, round_to_agreement, weight_by_code


class FinishedTable(NamedTuple):
    """The vectors of a column or cross that the encoder returns.

    Attributes
    ----------
    name : str
    folds : ndarray of float32, shape (n_codes, n_folds, dim)
        For the training rows, each in its own fold.
    mean : ndarray of float32, shape (n_codes, dim)
        For new rows.
    trained : ndarray of float32, shape (n_codes, n_trained)
        To read: the mean before rounding, with the components that are left out. It is ``mean``
        itself where both are the same.
    """

    name: str
    folds: np.ndarray
    mean: np.ndarray
    trained: np.ndarray


def finish_tables(learned, embedding_dim, *, chosen):
    """Turn the tables to the axes that matter, leave out faint components, and round.

    Parameters
    ----------
    learned : Learned
    embedding_dim : object
        As in the encoder: lengths that were asked for are kept.
    chosen : bool
        Whether "auto" chose the crosses; a chosen cross without a component that matters is left
        out.

    Returns
    -------
    list of FinishedTable
    """
    problem = learned.problem
    tables = [column.fold_tables for column in learned.columns]
    n_components = sum(table.shape[2] for table in tables)
    rows = draw_rows(problem.weight, n_components, problem.seed)
    vectors, fewest = [], []
    for column, table in zip(learned.columns, tables, strict=True):
        dim = table.shape[2]
        vectors.append(np.empty((len(rows), dim), dtype=np.float32))
        gather_own_fold(table, column.codes[rows], problem.fold[rows], vectors[-1])
        # Given vectors keep their axes.
        is_whole = column.start is not None or is_asked(embedding_dim, column.name)
        least = dim if is_whole else 1
        fewest.append((0 if chosen else 1) if column.is_cross else least)
    context, weight = problem.inputs[rows], problem.weight[rows]
    axes = find_axes(vectors, context, weight, learned.decoder, problem.seed)
    crossed = [column.is_cross for column in learned.columns]
    kept = n_kept([part.strengths for part in axes], fewest, crossed)
    if len(problem.target.bias) > 1:
        residual = _residual(problem.target, rows)
        kept = add_read_axes(kept, vectors, axes, context, weight, residual)
    finished = []
    for column, table, (directions, _), n in zip(learned.columns, tables, axes, kept, strict=True):
        if column.start is None and not n:
            continue
        turned = table @ directions[:, :n] if column.start is None else table
        rounded, mean = _rounded(turned, column, problem.weight)
        trained = _trained(column, table, directions)
        trained = mean if np.array_equal(mean, trained) else trained
        finished.append(FinishedTable(column.name, rounded, mean, trained))
    return finished


def _residual(target, rows):
    """What the best constant answer leaves to explain, (n_rows, n_outputs)."""
    output = np.broadcast_to(target.bias.astype(float), (len(rows), 1, len(target.bias)))
    return target.loss.derivatives(target.values[rows, None], output)[0][:, 0]


def _trained(column, tables, directions):
    """Mean of the fold tables of a column, turned but whole; frozen vectors as they were given."""
    mean = tables.mean(axis=1, keepdims=True)
    if column.start is None:
        mean = mean @ directions
    elif column.start.frozen:
        mean[column.start.codes] = column.start.vectors[:, None]
    return mean[:, 0]


def _rounded(tables, column, row_weight):
    """Fold tables of a column and their mean, rounded; frozen vectors as they were given."""
    weight = weight_by_code(column.codes, row_weight, len(tables))
    start = column.start
    if start is None or not start.frozen:
        return round_to_agreement(tables, weight)
    weight[start.codes] = 0  # they agree by force
    rounded, mean = round_to_agreement(tables, weight)
    still = weight == 0
    rounded[still], mean[still] = tables[still], tables[still, 0]
    rounded[start.codes], mean[start.codes] = start.vectors[:, None], start.vectors
    return rounded, mean
