"""What a fitted encoder has learned, in few words and numbers."""

import inspect
from html import escape

import pandas as pd

from skembed._columns.vocabulary import MISSING


def facts(estimator):
    """Facts of a fitted estimator, of Python's own types.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
        Fitted.

    Returns
    -------
    dict
        Of an encoder, with what it returns.
    """
    found = {
        "target_type": estimator.target_type_,
        "classes": None if estimator.classes_ is None else estimator.classes_.tolist(),
        "out_of_fold_loss": best_loss(estimator),
        "best_epoch": int(estimator.best_epoch_),
        "n_iter": int(estimator.n_iter_),
        "parameters": changed_parameters(estimator),
        "columns": column_table(estimator).to_dict("records"),
    }
    layout = getattr(estimator, "output_layout_", None)
    if layout is None:
        return found
    names, passing = estimator.row_encoder_.names, sorted(estimator.row_encoder_.numeric)
    return found | {
        "passed_through": [names[position] for position in passing],
        "n_features_out": layout.width,
        "dtype": str(layout.dtype),
    }


def column_table(encoder):
    """Frame with a row per embedded column and cross: how many levels, how long the vectors.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder
        Fitted.

    Returns
    -------
    DataFrame
        ``levels`` are those with a vector of their own, ``infrequent`` those that share one,
        ``missing`` is the number of rows. All of them have a vector for unseen levels.
    """
    bags = encoder.row_encoder_.bags
    rows = [
        {
            "column": name,
            "kind": "bag" if name in bags else "column",
            "levels": len(vocabulary.levels),
            "dim": encoder.tables_[name].shape[1],
            "infrequent": len(vocabulary.infrequent),
            "missing": int(vocabulary.counts[MISSING]),
        }
        for name, vocabulary in encoder.vocabularies_.items()
    ]
    rows += [
        {
            "column": name,
            "kind": "cross",
            "levels": len(cross.keys),
            "dim": encoder.tables_[name].shape[1],
            "infrequent": 0,
            "missing": 0,
        }
        for name, cross in encoder.crosses_.items()
    ]
    return pd.DataFrame(rows)


def best_loss(encoder):
    """Loss of the epoch that the vectors come from; None if they come from none."""
    losses = encoder.history_.get("out_of_fold_loss", encoder.history_.get("loss"))
    return float(losses[encoder.best_epoch_ - 1]) if encoder.best_epoch_ else None


def course(encoder):
    """Line about how training went."""
    loss = best_loss(encoder)
    if loss is None:
        return f"nothing learned: no epoch of {encoder.n_iter_} was better than a constant answer"
    folds = "out_of_fold_loss" in encoder.history_ and encoder.cv is not None
    kind = "out-of-fold loss" if folds else "loss"
    return f"{kind} {loss:.4f} at epoch {encoder.best_epoch_} of {encoder.n_iter_}"


def changed_parameters(encoder):
    """Parameters that are not the default, by name."""
    defaults = inspect.signature(type(encoder)).parameters
    return {
        name: value
        for name, value in encoder.get_params(deep=False).items()
        if repr(value) != repr(defaults[name].default)
    }


def summary_html(encoder):
    """HTML for notebooks: the line about training, and the columns, which can be folded."""
    table = column_table(encoder).to_html(index=False, border=0)
    return f"<details open><summary>{escape(course(encoder))}</summary>{table}</details>"
