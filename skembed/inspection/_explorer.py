"""One page about a fitted encoder or predictor: maps of its columns, to search, turn and read."""

import base64
import hashlib
import json
import re
from importlib.resources import files

import numpy as np

from skembed._columns.vocabulary import RESERVED
from skembed._utils.optional_imports import needs
from skembed.inspection._maps import FEW_ROWS, colour_range, column_map, mean_targets
from skembed.inspection._summary import course

MOST_LEVELS = 20_000  # of a column; more would make the page slow


def make_page(estimator, X=None, y=None):
    """HTML of the page.

    It asks nothing of the network, and its content policy keeps it from that; scripts are run only
    if they are ours, by their hashes, whatever the levels hold.

    Parameters
    ----------
    estimator : NeuralEmbeddingEncoder, NeuralEmbeddingClassifier or NeuralEmbeddingRegressor
        Fitted.
    X, y : data frame and array-like, or None
        Rows to take mean targets from.

    Returns
    -------
    str

    Raises
    ------
    ModuleNotFoundError
        If plotly is not installed.
    """
    with needs("explore", "plotly", extra="explore"):
        from plotly.offline import get_plotlyjs
    plotly, script = get_plotlyjs(), _part("explorer.js")
    hashes = " ".join(map(_hash, (plotly, script)))
    # plotly compiles its WebGL by eval, and styles its elements.
    policy = (
        f"default-src 'none'; script-src {hashes} 'unsafe-eval'; style-src 'unsafe-inline'; "
        "img-src data: blob:; form-action 'none'; base-uri 'none'"
    )
    parts = {
        "policy": policy,
        "style": _part("explorer.css"),
        "plotly": plotly,
        "script": script,
        "data": _embeddable(_content(estimator, X, y)),
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: parts[found[1]], _part("explorer.html"))


def _content(estimator, X, y):
    """What the page shows, as data of JSON."""
    means = mean_targets(estimator, X, y)
    losses = {
        name.replace("_", " "): _numbers(values)
        for name, values in estimator.history_.items()
        if name != "seconds"
    }
    return {
        "title": type(estimator).__name__,
        "facts": f"columns: {len(estimator.vocabularies_)}; crosses: {len(estimator.crosses_)}; "
        f"target: {estimator.target_type_}; {course(estimator)}",
        "colour": "mean target" if means else "first component",
        "few_rows": FEW_ROWS,
        "training": {"losses": losses, "best": int(estimator.best_epoch_)},
        "columns": [_column(estimator, name, means.get(name)) for name in estimator.tables_],
    }


def _column(estimator, name, mean):
    """Entry of a column or cross: its levels, then the vectors of unseen and missing ones."""
    shown = column_map(estimator, name, MOST_LEVELS)
    n_shown = int(shown.is_level.sum())
    coloured = shown.effect if mean is None else mean[shown.codes]
    return {
        "name": str(name),
        "dim": shown.vectors.shape[1],
        "n_levels": len(estimator.tables_[name]) - len(RESERVED),
        "n_shown": n_shown,
        "labels": shown.labels,
        "rows": shown.rows.tolist(),
        "effect": _numbers(shown.effect),
        "mean": None if mean is None else _numbers(mean[shown.codes]),
        "scale": colour_range(coloured[:n_shown], shown.rows[:n_shown]),
        "vectors": [_numbers(vector) for vector in shown.vectors],
        "coordinates": [_numbers(axis) for axis in shown.coordinates.T],
        "shares": _numbers(shown.shares),
        "undertrained": shown.undertrained().tolist(),
    }


def _numbers(values):
    """List of floats of six digits, and None for NaN."""
    return [None if np.isnan(value) else float(f"{value:.6g}") for value in values]


def _embeddable(content):
    """JSON that can stand in a script element: nothing in it can end that."""
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _hash(script):
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _part(name):
    return (files("skembed.inspection") / "page" / name).read_text(encoding="utf-8")
