"""From what training left behind to the encoder's tables: turned, shortened, rounded."""

import numpy as np

from skembed._model.axes import draw_rows, find_axes, n_kept
from skembed._model.dimensions import is_asked
from skembed._model.tables import gather_own_fold, round_to_agreement, weight_by_code


def finished_tables(learned, embedding_dim, *, chosen):
    """Fold tables of each column and cross, and their mean, as the encoder gives them out.

    Parameters
    ----------
    learned : Learned
        See `skembed._base`.
    embedding_dim : object
        As in the encoder: lengths that were asked for are kept.
    chosen : bool
        Whether crosses were chosen by "auto"; such a cross is left out if it tells nothing.

    Returns
    -------
    fold_tables : dict of str to ndarray of float32, shape (n_codes, n_folds, dim)
    tables : dict of str to ndarray of float32, shape (n_codes, dim)
    """
    fold_tables, tables = {}, {}
    for name, turned in _turned(learned, embedding_dim, chosen).items():
        fold_tables[name], tables[name] = _rounded(name, turned, learned)
    return fold_tables, tables


def _turned(learned, embedding_dim, chosen):
    """Fold tables on the axes that matter; pretrained vectors keep theirs."""
    problem, trained = learned.problem, learned.trained
    rows = draw_rows(problem.weight, problem.seed)
    tables = [prior + deviations for prior, deviations in trained.tables]
    vectors, fewest, crossed = [], [], []
    for (name, codes), table in zip(learned.codes.items(), tables, strict=True):
        dim = table.shape[2]
        vectors.append(np.empty((len(rows), dim), dtype=np.float32))
        gather_own_fold(table, codes[rows], problem.fold[rows], vectors[-1])
        crossed.append(name in learned.crosses)
        least = dim if is_asked(embedding_dim, name) else 1
        fewest.append((0 if chosen else 1) if crossed[-1] else least)
    axes = find_axes(
        vectors, problem.inputs[rows], problem.weight[rows], trained.decoder, problem.seed
    )
    kept = n_kept([part.strengths for part in axes], fewest, crossed)
    turned = {}
    for name, table, (directions, _), n in zip(learned.codes, tables, axes, kept, strict=True):
        if name in problem.pretrained:
            turned[name] = table
        elif n:
            turned[name] = table @ directions[:, :n]
    return turned


def _rounded(name, tables, learned):
    """Fold tables of a column and their mean, rounded; frozen vectors as they were given."""
    problem = learned.problem
    weight = weight_by_code(learned.codes[name], problem.weight, len(tables))
    start = problem.pretrained.get(name)
    if start is None or not start.frozen:
        return round_to_agreement(tables, weight)
    weight[start.codes] = 0  # they agree by force
    rounded, mean = round_to_agreement(tables, weight)
    still = weight == 0
    rounded[still], mean[still] = tables[still], tables[still, 0]
    rounded[start.codes], mean[start.codes] = start.vectors[:, None], start.vectors
    return rounded, mean
