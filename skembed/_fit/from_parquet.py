"""Fitting the encoder on Parquet: from a file to what was learned, a block of rows at a time."""

import time
import warnings
from numbers import Integral
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from skembed._columns.column_selection import leave_out, report_left_out
from skembed._columns.frames import Columns, Levels
from skembed._columns.numeric import Bins, Context
from skembed._columns.row_encoder import EmbeddedColumn, Refusals, RowEncoder
from skembed._columns.vocabulary import Vocabulary
from skembed._fit.checks import check_device, check_layers
from skembed._fit.copies import warn_of_copies
from skembed._fit.in_memory import encode_target_as, may_cross_numbers
from skembed._fit.learned import Problem
from skembed._fit.levels import split_columns
from skembed._fit.parquet_reader import (
    GrowingLevels,
    as_column,
    finite,
    holds_floats,
    row_of_types,
    share_of,
    tables,
)
from skembed._fit.spilled_rows import Files, Folds, Recipe, StoredRows, stored_weight
from skembed._fit.train import learn_tables
from skembed._model.folds import MOST_TABLES, assign_folds


class Plan(NamedTuple):
    """What is read of each column.

    Attributes
    ----------
    dataset : pyarrow.dataset.Dataset
    columns : Columns
        A row of X with nothing in it: names and types.
    embedded, others : list of int
        Positions of the columns of X.
    numbers : list of str
        Those of the others that the net sees.
    target : str
    of_classes : bool
        Whether the target holds classes.
    weight : str or None
    rows : range
        Numbers of the rows, where the dataset is a part of another.
    """

    dataset: Any
    columns: Columns
    embedded: list
    others: list
    numbers: list
    target: str
    of_classes: bool
    weight: str | None
    rows: range = range(0)


def _read_types(dataset, target, weight):
    """Read the names and types of the columns.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
    target : str
    weight : str or None

    Returns
    -------
    row : pyarrow.Table
        One row with nothing in it.
    X : pyarrow.Table
        The row without target and weight.

    Raises
    ------
    ValueError
        If target or weight is not a column, or both are the same.
    """
    names = dataset.schema.names
    for role, name in (("target", target), ("sample_weight", weight)):
        if name not in names and not (name is None and role == "sample_weight"):
            raise ValueError(f"{role}={name!r} is not a column. The data have {names}.")
    if target == weight:
        raise ValueError(f"target and sample_weight are both {target!r}: name another column.")
    row = row_of_types(dataset)
    return row, row.drop_columns([name for name in (target, weight) if name is not None])


def learn_from_parquet(dataset, target, weight, ranks, options, monitor, read_columns):
    """Learn vectors from rows that are read once, and stored in temporary files.

    Parameters
    ----------
    dataset : pyarrow.dataset.Dataset
    target : str
    weight : str or None
    ranks : Alone or Ranks
        The processes that train together, each on its share of the rows.
    options : SimpleNamespace
        Parameters of the encoder.
    monitor : Monitor
    read_columns : callable
        Gives the Columns of a frame, after the checks of the encoder.

    Returns
    -------
    learned : Learned
    plan : Plan
        Of the share.
    next_folds : callable
        Gives the folds of the next rows, as many as it is asked for, in the order of the data.
    """
    check_layers(options.hidden_layer_sizes)
    check_device(options.device)
    _check_parameters(options)
    row, X = _read_types(dataset, target, weight)
    plan = _plan(dataset, row, X, read_columns(X), target, weight, options)
    share, rows = share_of(dataset, ranks.rank, ranks.size)
    plan = plan._replace(dataset=share, rows=rows)
    seed = int(check_random_state(options.random_state).randint(2**31 - 1))
    seed = ranks.of_first(seed)
    with TemporaryDirectory(prefix="skembed-") as folder:
        began = time.perf_counter()
        files = Files(folder, _types(plan), len(plan.rows), seed)
        with ranks.all_or_none("reading its share"):
            levels, extremes, n_used = _deal(plan, files, options)
        if not sum(ranks.gather(n_used)):
            raise ValueError(f"The sample_weight column {plan.weight!r} is 0 in all rows.")
        if ranks.size > 1:
            levels, extremes = _merged(ranks, files, levels, extremes)
        if options.verbose:
            seconds = time.perf_counter() - began
            print(f"dealt the rows into {len(files)} files in {seconds:.1f} seconds")
        embedded, codes = _learn_levels(plan, levels, options)
        rows = _stored_rows(plan, files, codes, levels, extremes, seed, ranks, options)
        row_encoder = RowEncoder(
            names=plan.columns.names,
            embedded=embedded,
            bins=rows.recipe.bins,
            crosses=[],
            numeric=plan.others if options.use_context else [],
            context=rows.recipe.context,
            bag_mode=options.bag_mode,
            is_sparse=False,
        )
        learned = learn_tables(rows, row_encoder, plan.others, options, monitor)
        return learned, plan, files.put_back(rows.folds.by_file)


def read_again(plan):
    """Read the rows a second time, in their order.

    Yields
    ------
    Columns
        Those of X, some rows at a time.
    """
    for table in tables(plan.dataset, plan.columns.names):
        yield Columns(table)


def _check_parameters(options):
    if options.pretrained is not None or options.freeze_pretrained:
        raise ValueError("fit_parquet takes no pretrained vectors: give pretrained=None, or fit.")
    if options.target_type in ("multilabel", "multioutput"):
        raise ValueError(
            f"target_type={options.target_type!r} is of several columns, and fit_parquet predicts "
            "one: fit an encoder for each, or use fit."
        )
    cv = options.cv
    if not (cv is None or isinstance(cv, Integral) or hasattr(cv, "split")) or _wants_groups(cv):
        raise ValueError(
            f"cv={cv!r} looks at all rows or their groups, but fit_parquet splits file by file: "
            "give an int, or a splitter without groups, such as KFold."
        )


def _wants_groups(cv):
    routing = getattr(cv, "get_metadata_routing", None)
    return routing is not None and bool(routing().split.requests.get("groups"))


def _plan(dataset, row, X, columns, target, weight, options):
    embedded, others = split_columns(columns, X, options)
    for j in embedded:
        if columns.is_bag(j):
            raise ValueError(
                f"Column {columns.names[j]!r} holds lists, which fit_parquet does not take: leave "
                "it out of categorical_features, or fit on rows in memory."
            )
        columns.levels(j)  # raises where values cannot be levels
    numbers = [columns.names[j] for j in others] if options.use_context else []
    of_classes = options.target_type in ("binary", "multiclass")
    if options.target_type == "auto":
        of_classes = not holds_floats(dataset, target)
    if of_classes:
        Columns(row.select([target])).levels(0)
    return Plan(dataset, columns, embedded, others, numbers, target, of_classes, weight)


def _types(plan):
    """Types of what is stored of each column, by name: positions of values, and numbers."""
    types: dict[str, type] = {plan.columns.names[j]: np.int32 for j in plan.embedded}
    types |= dict.fromkeys(plan.numbers, np.float64)
    types[plan.target] = np.int32 if plan.of_classes else np.float64
    if plan.weight is not None:
        types[plan.weight] = np.float64
    return types


def _deal(plan, files, options):
    """Read all rows once, and store them.

    Returns
    -------
    levels : dict of str to Counts
        Of each embedded column, and of the target if it holds classes.
    extremes : list of float
        Lowest and highest target, if it holds quantities.
    n_used : int
        Rows with weight.
    """
    names = [plan.columns.names[j] for j in plan.embedded]
    refusals = Refusals.of(options.handle_unknown, options.handle_missing)
    levels = {name: GrowingLevels() for name in names}
    if plan.of_classes:
        levels[plan.target] = GrowingLevels()
    extremes: list[float] = []
    row, n_used = plan.rows.start, 0
    for table in tables(plan.dataset, files.names):
        rows: dict[str, np.ndarray] = {}
        used = np.ones(len(table), dtype=bool)
        if plan.weight is not None:
            rows[plan.weight] = _weights(table, plan.weight, row)
            used = rows[plan.weight] > 0
        columns = Columns(table.select(plan.numbers))
        for j, name in enumerate(plan.numbers):
            rows[name] = columns.numbers(j, first_row=row)
        if not plan.of_classes:
            rows[plan.target] = y = finite(table, plan.target, row, "target")
            extremes = [min([*extremes, y.min()]), max([*extremes, y.max()])]
        for name, found in levels.items():
            rows[name] = found.add(table, name, used)
            if name == plan.target or refusals.missing:
                _check_there(rows[name], name, row, is_target=name == plan.target)
        files.add(rows)
        row, n_used = row + len(table), n_used + used.sum()
    return {name: found.counted() for name, found in levels.items()}, extremes, int(n_used)


def _merged(ranks, files, levels, extremes):
    """Levels and extremes of all ranks; the files of this one become those of these levels."""
    together = {name: GrowingLevels() for name in levels}
    for rank, of_rank in enumerate(ranks.gather(levels)):
        positions = {name: together[name].take_in(counted) for name, counted in of_rank.items()}
        if rank == ranks.rank:
            files.renumber(positions)
    found = [value for of_rank in ranks.gather(extremes) for value in of_rank]
    extremes = [min(found), max(found)] if found else []
    return {name: found.counted() for name, found in together.items()}, extremes


def _weights(table, name, row):
    weight = finite(table, name, row, "sample_weight")
    if (weight < 0).any():
        raise ValueError(
            f"The sample_weight column {name!r} is negative in row {row + int(weight.argmin())}: "
            "give weights of 0 and more."
        )
    return weight


def _check_there(positions, name, row, *, is_target):
    if (positions < 0).any():
        at = row + int((positions < 0).argmax())
        if is_target:
            raise ValueError(
                f"The target column {name!r} is missing in row {at}: remove such rows."
            )
        raise ValueError(
            f"Column {name!r} is missing in row {at}. Fill it, or give handle_missing='embed'."
        )


def _learn_levels(plan, levels, options):
    """Embedded columns, and by name the code of the value at each position; none of ids."""
    embedded, codes, left_out = [], {}, []
    for j in plan.embedded:
        name = plan.columns.names[j]
        counted = levels[name]
        if leave_out(options.categorical_features, name, counted, is_frame=True):
            left_out.append(name)
            continue
        vocabulary = Vocabulary.fit(
            counted, min_frequency=options.min_frequency, max_categories=options.max_categories
        )
        vocabulary.warn_if_uninformative(name)
        embedded.append(EmbeddedColumn(name, j, vocabulary, is_bag=False))
        each = np.append(np.arange(len(counted.values)), -1)
        codes[name] = vocabulary.encode(Levels(each, counted.values), name)
    if left_out:
        report_left_out(left_out, plan.columns.names, any_kept=bool(codes))
    return embedded, codes


def _stored_rows(plan, files, codes, levels, extremes, seed, ranks, options):
    """The stored rows, with what turns them into blocks, and with their folds."""
    drawn = _draw_sample(ranks, files)
    first = files[files.sample]
    weight = stored_weight(first, plan.target, plan.weight)
    y, classes = first[plan.target], None
    added = [value for value in extremes if not y.min() <= value <= y.max()]
    if plan.of_classes:
        classes = as_column(levels[plan.target].values, plan.dataset, plan.target)
        added = classes[np.bincount(y, minlength=len(classes)) == 0]
        y = classes[y]
    try:
        target = _first_target(y, added, weight, options)
    except ValueError as error:
        raise ValueError(f"target={plan.target!r}: {error}") from error
    numbers = [first[name] for name in plan.numbers]
    crossed = plan.numbers if may_cross_numbers(options) else []
    recipe = Recipe(
        codes,
        plan.numbers,
        {name: Bins.fit(first[name], weight > 0) for name in crossed},
        Context.fit(numbers, weight),
        target,
        plan.target,
        None if classes is None else target.encode(classes),
        plan.weight,
        np.nan,
    )
    folds = _folds(files, recipe, seed, ranks, options.cv)
    if drawn is not None:
        of_drawn = folds.by_file[0][drawn] if len(drawn) else drawn
        folds.by_file.append(np.concatenate(ranks.gather(of_drawn)))
    recipe = recipe._replace(mean_weight=folds.mean_weight)
    fold = folds.by_file[files.sample].astype(np.int64)
    if options.cv is not None and not ranks.rank:  # the sample of all ranks is the same
        warn_of_copies(recipe.codes(first).values(), numbers, target, fold, weight > 0)
    problem = Problem(recipe.inputs(first), target, weight, fold, {}, seed)
    return StoredRows(files, recipe, folds, problem, ranks, small=options.crosses == "auto")


def _draw_sample(ranks, files):
    """Make rows of all ranks the sample, as large a share of its rows from each.

    Returns
    -------
    ndarray of int64, shape (n_drawn,), or None
        Which of the rows of this rank's first file are in it; None of a process alone, whose
        sample is its first file.
    """
    if ranks.size == 1:
        return None
    rows, drawn = files.draw(sum(ranks.gather(files.n_rows)))
    files.look_at(np.concatenate(ranks.gather(rows)))
    return drawn


def _first_target(y, added, weight, options):
    """Target of the first file's rows, but with the classes, or within the limits, of all.

    Parameters
    ----------
    y : ndarray of shape (n_rows,)
    added : sequence
        Classes of other files, or quantities beyond those of the first.
    weight : ndarray of shape (n_rows,)
    """
    # As rows without weight, which are heard of and count for nothing.
    y_and_added = np.append(y, np.array(added, dtype=y.dtype))
    target = encode_target_as(options, y_and_added, np.append(weight, np.zeros(len(added))))
    return target._replace(values=target.values[: len(y)])


def _folds(files, recipe, seed, ranks, cv):
    """Fold of each row of each file, and what all ranks together have."""
    folds, n_used, total = [], 0, 0.0
    for i in range(len(files)):
        rows = files[i]
        weight, target = recipe.weight(rows), recipe.target._replace(values=recipe.values(rows))
        used = weight > 0
        n_used += int(used.sum())
        total += weight[used].sum()
        fold: np.ndarray = np.zeros(len(weight), dtype=np.uint8)
        if ranks.size > 1 and _are_few(used, cv, recipe.target):
            n_tables = min(cv, MOST_TABLES)
            fold = np.random.default_rng(seed).integers(n_tables, size=len(weight))
        elif cv is not None:
            with warnings.catch_warnings():
                if i or ranks.size > 1:  # which would say of a file what is not so of all rows
                    warnings.filterwarnings("ignore", "The least populated class")
                fold = assign_folds(
                    cv,
                    weight,
                    target.values[:, 0] if target.strata is None else target.strata,
                    target.strata,
                    used,
                    random_state=seed + i,
                    split_params={},
                )
        folds.append(fold.astype(np.min_scalar_type(fold.max())))
    n_folds = 1 + max((int(fold.max()) for fold in folds), default=0)
    n_folds, n_together = max(ranks.gather(n_folds)), sum(ranks.gather(n_used))
    return Folds(folds, n_folds, n_together, n_used, sum(ranks.gather(total)) / n_together)


def _are_few(used, cv, target):
    """Whether a rank may have too few rows to split by class, where all together have enough."""
    n_classes = 1 if target.classes is None else len(target.classes)
    return isinstance(cv, Integral) and used.sum() < cv * n_classes
