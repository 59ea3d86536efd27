"""Fitting the encoder on Parquet: from a file to what was learned, a block of rows at a time."""

import time
import warnings
from numbers import Integral
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from sklearn.utils import check_random_state

from skembed._base import Problem, check_device, check_layers
from skembed._columns.column_selection import embedded_columns, leave_out, report_left_out
from skembed._columns.frames import Columns, Levels
from skembed._columns.numeric import Bins, Context
from skembed._columns.vocabulary import Vocabulary
from skembed._files.parquet import write_parquet
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
from skembed._model.folds import assign_folds


class Plan(NamedTuple):
    """What is read of each column.

    Attributes
    ----------
    dataset : pyarrow.dataset.Dataset
    columns : Columns
        A row of X with nothing in it, which tells names and types.
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


def learn_from_parquet(encoder, dataset, target, weight, ranks):
    """Train; set the fitted attributes that all estimators share, and return the rest.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder
    dataset : pyarrow.dataset.Dataset
    target : str
    weight : str or None
    ranks : Alone or Ranks
        See `skembed._training.process_group`. Each reads its share.

    Returns
    -------
    learned : Learned
    plan : Plan
        Of the share.
    next_folds : callable
        Gives the folds of the next rows, as many as it is asked for, in the order of the data.
    """
    check_layers(encoder.hidden_layer_sizes)
    check_device(encoder.device)
    _check_parameters(encoder)
    plan = _plan(encoder, dataset, target, weight)
    share, rows = share_of(dataset, ranks.rank, ranks.size)
    plan = plan._replace(dataset=share, rows=rows)
    seed = int(check_random_state(encoder.random_state).randint(2**31 - 1))
    seed = ranks.of_first(seed)
    with TemporaryDirectory(prefix="skembed-") as folder:
        began = time.perf_counter()
        files = Files(folder, _dtype(plan), len(plan.rows), seed)
        with ranks.all_or_none("reading its share"):
            levels, extremes, n_used = _deal(encoder, plan, files)
        if not sum(ranks.gather(n_used)):
            raise ValueError(f"The sample_weight column {plan.weight!r} is 0 in all rows.")
        if ranks.size > 1:
            levels, extremes = _merged(ranks, files, levels, extremes)
        if encoder.verbose:
            seconds = time.perf_counter() - began
            print(f"dealt the rows into {len(files)} files in {seconds:.1f} seconds")
        vocabularies, codes = _vocabularies(encoder, plan, levels)
        rows = _stored_rows(encoder, plan, files, codes, levels, extremes, seed, ranks)
        bins, context = rows.recipe.bins, rows.recipe.context
        learned = encoder._learn_from(rows, plan.columns, plan.others, vocabularies, context, bins)
        return learned, plan, files.put_back(rows.folds.by_file)


def write_features(encoder, fold_tables, plan, next_folds, out):
    """Write to a Parquet file what `fit_transform` gives, the rows in the order of the data.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder
    fold_tables : dict of str to ndarray of float32, shape (n_codes, n_folds, dim)
    plan, next_folds
        Of `learn_from_parquet`.
    out : str or PathLike
    """

    def features():
        for table in tables(plan.dataset, plan.columns.names):
            columns = Columns(table)
            codes, fold = encoder._codes(columns), next_folds(len(table))
            yield encoder._own_fold_features(columns, codes, fold, fold_tables)

    write_parquet(out, encoder.get_feature_names_out(), features())


def _check_parameters(encoder):
    if encoder.pretrained is not None or encoder.freeze_pretrained:
        raise ValueError("fit_parquet takes no pretrained vectors: give pretrained=None, or fit.")
    if encoder.target_type in ("multilabel", "multioutput"):
        raise ValueError(
            f"target_type={encoder.target_type!r} is of several columns, and fit_parquet predicts "
            "one: fit an encoder for each, or use fit."
        )
    cv = encoder.cv
    if not (cv is None or isinstance(cv, Integral) or hasattr(cv, "split")) or _wants_groups(cv):
        raise ValueError(
            f"cv={cv!r} looks at all rows or their groups, but fit_parquet splits file by file: "
            "give an int, or a splitter without groups, such as KFold."
        )


def _wants_groups(cv):
    routing = getattr(cv, "get_metadata_routing", None)
    return routing is not None and bool(routing().split.requests.get("groups"))


def _plan(encoder, dataset, target, weight):
    names = dataset.schema.names
    for role, name in (("target", target), ("sample_weight", weight)):
        if name not in names and not (name is None and role == "sample_weight"):
            raise ValueError(f"{role}={name!r} is not a column. The data have {names}.")
    if target == weight:
        raise ValueError(f"target and sample_weight are both {target!r}: name another column.")
    row = row_of_types(dataset)
    X = row.drop_columns([name for name in (target, weight) if name is not None])
    columns = encoder._columns(X, reset=True)
    embedded = embedded_columns(encoder.categorical_features, X, columns)
    for j in embedded:
        if columns.is_bag(j):
            raise ValueError(
                f"Column {columns.names[j]!r} holds lists, which fit_parquet does not take: leave "
                "it out of categorical_features, or fit on rows in memory."
            )
        columns.levels(j)  # raises where values cannot be levels
    others = [j for j in range(len(columns.names)) if j not in embedded]
    numbers = [columns.names[j] for j in others] if encoder.use_context else []
    of_classes = encoder.target_type in ("binary", "multiclass")
    if encoder.target_type == "auto":
        of_classes = not holds_floats(dataset, target)
    if of_classes:
        Columns(row.select([target])).levels(0)
    return Plan(dataset, columns, embedded, others, numbers, target, of_classes, weight)


def _dtype(plan):
    """Type of a stored row: positions of values, and numbers."""
    fields: list[tuple] = [(plan.columns.names[j], np.int32) for j in plan.embedded]
    fields += [(name, np.float64) for name in plan.numbers]
    fields.append((plan.target, np.int32 if plan.of_classes else np.float64))
    if plan.weight is not None:
        fields.append((plan.weight, np.float64))
    return np.dtype(fields)


def _deal(encoder, plan, files):
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
    levels = {name: GrowingLevels() for name in names}
    if plan.of_classes:
        levels[plan.target] = GrowingLevels()
    extremes: list[float] = []
    row, n_used = plan.rows.start, 0
    for table in tables(plan.dataset, list(files.dtype.names)):
        rows = np.empty(len(table), dtype=files.dtype)
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
            if name == plan.target or encoder.handle_missing == "error":
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


def _vocabularies(encoder, plan, levels):
    """Vocabulary, and code of the value at each position, of each embedded column; none of ids."""
    vocabularies, codes, left_out = {}, {}, []
    for j in plan.embedded:
        name = plan.columns.names[j]
        counted = levels[name]
        if leave_out(encoder.categorical_features, name, counted, is_frame=True):
            left_out.append(name)
            continue
        vocabularies[name] = vocabulary = Vocabulary.of_counts(
            counted, min_frequency=encoder.min_frequency, max_categories=encoder.max_categories
        )
        vocabulary.warn_if_uninformative(name)
        each = np.append(np.arange(len(counted.values)), -1)
        codes[name] = vocabulary.encode(Levels(each, counted.values), name)
    if left_out:
        report_left_out(left_out, plan.columns.names, any_kept=bool(codes))
    return vocabularies, codes


def _stored_rows(encoder, plan, files, codes, levels, extremes, seed, ranks):
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
        target = _first_target(encoder, y, added, weight)
    except ValueError as error:
        raise ValueError(f"target={plan.target!r}: {error}") from error
    numbers = [first[name] for name in plan.numbers]
    crossed = plan.numbers if encoder._crosses_numbers() else []
    recipe = Recipe(
        codes,
        plan.numbers,
        {name: Bins.fit(first[name], weight > 0) for name in crossed},
        Context(numbers, weight),
        target,
        plan.target,
        None if classes is None else target.encode(classes),
        plan.weight,
        np.nan,
    )
    folds = _folds(encoder, files, recipe, seed, ranks)
    if drawn is not None:
        of_drawn = folds.by_file[0][drawn] if len(drawn) else drawn
        folds.by_file.append(np.concatenate(ranks.gather(of_drawn)))
    recipe = recipe._replace(mean_weight=folds.mean_weight)
    fold = folds.by_file[files.sample].astype(np.int64)
    problem = Problem(recipe.inputs(first), target, weight, fold, {}, seed)
    return StoredRows(files, recipe, folds, problem, ranks, small=encoder.crosses == "auto")


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


def _first_target(encoder, y, added, weight):
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
    target = encoder._encode_target(y_and_added, np.append(weight, np.zeros(len(added))))
    return target._replace(values=target.values[: len(y)])


def _folds(encoder, files, recipe, seed, ranks):
    """Fold of each row of each file, and what all ranks together have."""
    folds, n_used, total = [], 0, 0.0
    for i in range(len(files)):
        rows = files[i]
        weight, target = recipe.weight(rows), recipe.target._replace(values=recipe.values(rows))
        used = weight > 0
        n_used += int(used.sum())
        total += weight[used].sum()
        fold: np.ndarray = np.zeros(len(weight), dtype=np.uint8)
        if ranks.size > 1 and _are_few(used, encoder.cv, recipe.target):
            fold = np.random.default_rng(seed).integers(encoder.cv, size=len(weight))
        elif encoder.cv is not None:
            with warnings.catch_warnings():
                if i or ranks.size > 1:  # which would say of a file what is not so of all rows
                    warnings.filterwarnings("ignore", "The least populated class")
                fold = assign_folds(
                    encoder.cv,
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
