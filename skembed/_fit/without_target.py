"""Fitting the encoder without a target: from X to tables whose axes tell of the other columns."""

import numpy as np
from sklearn.utils import check_consistent_length, check_random_state
from threadpoolctl import threadpool_limits

from skembed._base import check_device, needs_torch
from skembed._columns.column_selection import embedded_columns
from skembed._columns.numeric import Context
from skembed._model.dimensions import auto_dim, embedding_dims, is_asked
from skembed._training.monitor import Monitor
from skembed._training.rows import TableShape
from skembed._training.settings import read_settings
from skembed._utils.memory import check_tables
from skembed._utils.sklearn_compat import check_sample_weight

LONGEST = 16  # trained; of these, the axes that are not faint are put out
FAINT = 0.01  # share of what all vectors tell, below which an axis is left out


def fit_without_target(encoder, X, sample_weight):
    """Set the fitted attributes of an encoder, all but the order of its output.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder
    X : data frame or array-like of shape (n_rows, n_columns)
    sample_weight : array-like of shape (n_rows,) or None

    Returns
    -------
    columns : Columns
    others : list of int
        Positions of the columns that are not embedded.
    """
    _check_parameters(encoder)
    check_device(encoder.device)
    columns = encoder._columns(X, reset=True)
    _check_no_bags(columns)
    check_consistent_length(X, sample_weight)
    weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    embedded = embedded_columns(encoder.categorical_features, X, columns)
    others = [j for j in range(len(columns.names)) if j not in embedded]
    vocabularies, codes, _ = encoder._learn_vocabularies(columns, embedded, weight)
    numbers = [columns.numbers(j) for j in others] if encoder.use_context else []
    numbers = Context(numbers, weight).matrix(numbers, columns.n_rows)
    _check_companions(vocabularies, numbers)
    trained = _train(encoder, vocabularies, codes, numbers, weight)
    counts = [vocabulary.counts for vocabulary in vocabularies.values()]
    asked = _asked(encoder.embedding_dim, vocabularies)
    encoder.tables_ = dict(zip(vocabularies, turned(trained, counts, asked), strict=True))
    encoder.vocabularies_, encoder.crosses_, encoder.bins_ = vocabularies, {}, {}
    encoder._bags, encoder._is_sparse = set(), False
    encoder.history_ = trained.history
    encoder.n_iter_ = encoder.best_epoch_ = len(trained.history["seconds"])
    encoder.classes_, encoder.target_type_ = None, "none"
    encoder._position = {columns.names[j]: j for j in (*embedded, *others)}
    return columns, others


def turned(trained, counts, asked):
    """Tables on the axes along which levels predict the other columns differently.

    The new axes are the principal components of the vectors where lengths are measured by the
    column's metric: the distance of two levels is how differently they predict, and the strength
    of an axis is the mean square of its component over the rows.

    Parameters
    ----------
    trained : MaskedTrained
        See `skembed._training.masked_loop`.
    counts : list of ndarray, each of shape (n_codes,)
        Rows per code.
    asked : list of int or None
        Axes to keep; None keeps those that are not faint, and one at least.

    Returns
    -------
    list of ndarray of float32, each of shape (n_codes, n_kept)
    """
    # One thread: the bits must not depend on their number.
    with threadpool_limits(1, user_api="blas"):
        axes = [
            _principal(table, metric, count)
            for (table, metric), count in zip(trained.tables, counts, strict=True)
        ]
    faint = FAINT * sum(strengths.sum() for _, strengths in axes)
    return [
        table[:, : n or max(1, int((strengths > faint).sum()))].astype(np.float32)
        for (table, strengths), n in zip(axes, asked, strict=True)
    ]


def _principal(table, metric, count):
    """Table on its new axes (n_codes, dim), and the strengths of these (dim,), falling."""
    share = count / count.sum()
    values, directions = np.linalg.eigh(metric.astype(np.float64))
    seen = (table - share @ table) @ (directions * np.sqrt(np.maximum(values, 0)))
    strengths, directions = np.linalg.eigh(seen.T @ (seen * share[:, None]))
    return seen @ directions[:, ::-1], np.maximum(strengths[::-1], 0)


def _train(encoder, vocabularies, codes, numbers, weight):
    with needs_torch("fit"):
        from skembed._training.masked_loop import train_masked
    longest = [auto_dim(len(v.levels), LONGEST) for v in vocabularies.values()]
    asked = _asked(encoder.embedding_dim, vocabularies)
    shapes = [
        TableShape(name, vocabulary.n_codes, max(dim, n or 0))
        for (name, vocabulary), dim, n in zip(vocabularies.items(), longest, asked, strict=True)
    ]
    check_tables(shapes, n_folds=1)
    seed = int(check_random_state(encoder.random_state).randint(2**31 - 1))
    with Monitor(encoder) as monitor:
        settings = read_settings(encoder, seed, monitor)
        return train_masked(list(codes.values()), shapes, numbers, weight, settings)


def _asked(rule, vocabularies):
    """Length of each column's vectors that the user asked for; None where it is "auto"."""
    n_levels = [len(vocabulary.levels) for vocabulary in vocabularies.values()]
    dims = embedding_dims(rule, list(vocabularies), n_levels)
    return [
        dim if is_asked(rule, name) else None for name, dim in zip(vocabularies, dims, strict=True)
    ]


def _check_parameters(encoder):
    of_target = {
        "target_type": "auto",
        "loss": "auto",
        "quantile": None,
        "y_range": None,
        "interaction": "mlp",
        "pretrained": None,
    }
    for name, default in of_target.items():
        given = getattr(encoder, name)
        if given is not default and given != default:
            raise ValueError(
                f"{name}={given!r} needs a target, but y is None. Give y, or leave "
                f"{name}={default!r} to learn without one."
            )
    if encoder.crosses not in ("auto", None):
        raise ValueError(
            f"crosses={encoder.crosses!r} needs a target, but y is None. Give y, or crosses=None."
        )


def _check_no_bags(columns):
    bags = [name for j, name in enumerate(columns.names) if columns.is_bag(j)]
    if bags:
        raise ValueError(
            f"{bags} hold bags (lists, or a sparse matrix), which are not predicted from other "
            "columns: they need a target, but y is None. Give y, or leave them out."
        )


def _check_companions(vocabularies, numbers):
    if len(vocabularies) + numbers.shape[1] < 2:
        raise ValueError(
            f"Without y, vectors are learned by predicting columns from each other, but there is "
            f"nothing beside {list(vocabularies)}. Give y, or more columns; numbers count with "
            "use_context=True."
        )
