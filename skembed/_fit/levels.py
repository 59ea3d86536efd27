"""The embedded columns: which they are, their vocabularies, their codes in the rows of a fit."""

from typing import Any, NamedTuple

import numpy as np

from skembed._columns.column_selection import (
    embedded_columns,
    is_mostly_unique,
    leave_out,
    report_ids,
    report_left_out,
    report_mostly_unique,
)
from skembed._columns.row_encoder import EmbeddedColumn, Refusals
from skembed._columns.vocabulary import Vocabulary
from skembed._model.pretrained import Start, place, read_pretrained
from skembed._utils.warnings import warn_user


class CodedColumn(NamedTuple):
    """An embedded column with its codes.

    Attributes
    ----------
    column : EmbeddedColumn
    codes : ndarray of intp, shape (n_rows,), or csr_array of shape (n_rows, n_codes)
        Weights of the codes of a bag.
    start : Start or None
        Where its vectors start, if they were given.
    """

    column: EmbeddedColumn
    codes: Any
    start: Start | None


class Roles(NamedTuple):
    """What becomes of each column of X.

    Attributes
    ----------
    embedded : list of int
        Positions of the columns whose levels get vectors.
    seen : list of int
        Positions of the numeric columns that the net sees.
    passing : list of int
        Positions of the numeric columns that an encoder returns as they are.
    """

    embedded: list
    seen: list
    passing: list


def assign_roles(columns, X, options, *, by_type=False):
    """Decide what becomes of each column, and raise or warn where one has no use.

    Parameters
    ----------
    columns : Columns
        Those of X.
    X : data frame or array-like
        What a callable ``categorical_features`` is given.
    options : SimpleNamespace
        Parameters of the estimator.
    by_type : bool
        Whether the rows of X are yet to be read, and only the types of columns are known.

    Returns
    -------
    Roles

    Raises
    ------
    ValueError
        If a column is to be read as numbers and cannot be.
    """
    if columns.sparse is not None:
        return Roles([0], [], [])
    embedded = embedded_columns(options.categorical_features, X, columns)
    others = sorted(set(range(len(columns.names))).difference(embedded))
    drops = options.remainder == "drop"
    seen, passing = others if options.use_context else [], []
    if options.remainder == "passthrough":
        passing = others
    found = {j: columns.why_not_numeric(j, by_type=by_type) for j in others}
    reasons = {j: reason for j, reason in found.items() if reason}
    if reasons and drops:
        names = [columns.names[j] for j in reasons]
        warn_user(
            f"fit leaves out the columns {names}, as remainder='drop' says: they are not embedded, "
            "and they are no numbers. To embed them, name them in categorical_features; to end "
            "this warning, drop them from X."
        )
    elif reasons and (seen or passing):
        j, reason = next(iter(reasons.items()))
        raise columns.not_numeric(j, reason)
    seen = [j for j in seen if j not in reasons]
    report_ids(options.categorical_features, sorted({*seen, *passing}), embedded, columns)
    return Roles(embedded, seen, passing)


def read_numbers(columns, seen, passing, used):
    """Read the numeric columns, and raise for what the output may not hold either.

    Parameters
    ----------
    columns : Columns
    seen, passing : list of int
        See `Roles`.
    used : ndarray of bool, shape (n_rows,)
        Rows that count. The others may hold infinite numbers.

    Returns
    -------
    list of ndarray of float64, each of shape (n_rows,)
        Of the columns that the net sees.
    """
    for j in set(passing).difference(seen):
        columns.numbers(j, used=used)
    return [columns.numbers(j, used=used) for j in seen]


def learn_levels(columns, embedded, weight, options):
    """Learn the vocabulary of each embedded column, and encode the rows.

    Columns of labels in which nearly every row differs are left out, with a warning.

    Parameters
    ----------
    columns : Columns
    embedded : list of int
        Positions.
    weight : ndarray of shape (n_rows,)
        Rows without weight are not counted, and may hold any level.
    options : SimpleNamespace
        Parameters of the estimator.

    Returns
    -------
    list of CodedColumn
    """
    used, spec, is_frame = weight > 0, options.categorical_features, columns.is_frame
    left_out, mostly_unique, coded = [], [], []
    pretrained = _read_pretrained([columns.names[j] for j in embedded], options)
    for j in embedded:
        name = columns.names[j]
        given, members = pretrained.get(name), None
        if columns.is_bag(j):
            levels, members = columns.members(j)
            held = np.repeat(used, members.lengths)
            counted = levels.count(held)
        else:
            levels, held = columns.levels(j), used
            counted = levels.count(used)
            if given is None and leave_out(spec, name, counted, is_frame=is_frame):
                left_out.append(name)
                continue
            if given is None and is_mostly_unique(spec, counted, is_frame=is_frame):
                mostly_unique.append(name)
        vocabulary = Vocabulary.fit(
            counted,
            min_frequency=options.min_frequency,
            max_categories=options.max_categories,
            always=given.levels if given else [],
        )
        column = EmbeddedColumn(name, j, vocabulary, members is not None)
        # Only rows that do not count hold levels that are unseen here.
        refusals = Refusals(missing=options.handle_missing == "error" and counted.n_missing > 0)
        if refusals.missing:
            levels = levels._replace(rows=np.where(held, levels.rows, 0))
        codes = column.encode(levels, members, refusals, options.bag_mode)
        # Bags of one level differ all the same if only some hold it, or hold more of it.
        if members is None or not np.ptp(codes.sum(axis=1)[used]):
            vocabulary.warn_if_uninformative(name)
        start = None
        if given:
            frozen = options.freeze_pretrained
            start = place(name, given, vocabulary, levels.values, frozen=frozen)
        coded.append(CodedColumn(column, codes, start))
    if left_out:
        report_left_out(left_out, columns.names, any_kept=bool(coded))
    if mostly_unique and options.min_frequency is None and options.max_categories is None:
        report_mostly_unique(mostly_unique)
    return coded


def _read_pretrained(embedded, options):
    """Vectors that were given, by column."""
    if options.freeze_pretrained and options.pretrained is None:
        raise ValueError(
            "freeze_pretrained=True, but no vectors were given: give pretrained, or "
            "freeze_pretrained=False."
        )
    return read_pretrained(options.pretrained, embedded, options.embedding_dim, options.interaction)
