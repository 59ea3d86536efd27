"""What was learned, at a glance: in words and as HTML for notebooks."""

from html import escape

from skembed.vocabulary import RESERVED

LEFT, RIGHT = "style='text-align:left'", "style='text-align:right; padding-left:1em'"
ROW = f"<tr><td {LEFT}>{{}}</td><td {RIGHT}>{{:,}}</td><td {RIGHT}>{{}}</td></tr>"
HEAD = f"<tr><th {LEFT}>Column</th><th {RIGHT}>Levels</th><th {RIGHT}>Components</th></tr>"


def course(estimator):
    """How the fit of an estimator went, in words.

    Returns
    -------
    str
        Epoch that was chosen, and the loss there.
    """
    best = estimator.best_epoch_
    if not best:
        return "chosen: the start, for nothing was learned"
    name, losses = next(iter(estimator.history_.items()))
    loss = f"{name.replace('_', ' ')} {losses[best - 1]:.4g}"
    return f"chosen: epoch {best} of {estimator.n_iter_}, {loss}"


def summary_html(estimator):
    """Columns and crosses of a fitted estimator, their levels and components.

    Returns
    -------
    str
        HTML of a table that can be folded; names are escaped.
    """
    tables = estimator.tables_
    rows = [
        ROW.format(escape(str(name)), len(table) - len(RESERVED), table.shape[1])
        for name, table in tables.items()
    ]
    return (
        f"<details open><summary>{len(estimator.vocabularies_)} columns, "
        f"{len(estimator.crosses_)} crosses; {escape(course(estimator))}</summary>"
        f"<table><thead>{HEAD}</thead><tbody>{''.join(rows)}</tbody></table></details>"
    )
