"""Scoring a file into a file, batch by batch, in bounded memory."""

import os
import time
from contextlib import ExitStack
from typing import NamedTuple

from skembed._columns.unseen import warn_once_a_column
from skembed._files.csv import MISSING_TEXTS, CsvSource
from skembed._files.parquet import check_out, name_of
from skembed._files.sources import is_parquet_folder, open_source
from skembed._utils.optional_imports import needs
from skembed.scoring._job_name import name_job
from skembed.scoring._known_columns import KnownColumns
from skembed.scoring._parts import Parts
from skembed.scoring._quarantine import Quarantine
from skembed.scoring._scorer import Scorer, check_columns
from skembed.scoring._text_scorer import TextScorer

PART_ROWS = 2**22  # some seconds of work, which is what a kill costs


class Summary(NamedTuple):
    """What `score_file` did.

    Attributes
    ----------
    rows_read : int
        By this call, the refused ones among them. Lines of CSV that are no rows do not count.
    rows_resumed : int
        That were done when it began.
    rows_quarantined : int
        Rows refused, and lines that are none.
    seconds : float
    """

    rows_read: int
    rows_resumed: int
    rows_quarantined: int
    seconds: float


def score_file(
    estimator,
    source,
    out,
    *,
    method="transform",
    keep=(),
    column_types=None,
    missing_values=None,
    quarantine=None,
    resume=False,
    part_rows=PART_ROWS,
    on_progress=None,
):
    """Score the rows of a file, and write the results into a file.

    Rows are read, scored and written in batches, so that memory does not grow with their number.
    The output appears when it is whole, and replaces an older file. What a killed job has done
    lies in a hidden folder beside it, from which ``resume=True`` goes on; without it the job
    begins anew.

    Parameters
    ----------
    estimator : estimator
        An encoder or predictor of skembed, or another estimator or Pipeline, fitted on a data
        frame. Columns are found by their names. Those that do not begin with skembed get pandas
        frames; under pandas 2 a missing string is None in them, as ``pd.read_parquet`` gives it,
        where ``pd.read_csv`` gives NaN.

    source : str, PathLike or pyarrow.dataset.Dataset
        A file of Parquet, CSV or Arrow, by its suffix, or a folder of Parquet files. A dataset may
        lie in memory or on any file system of pyarrow.

    out : str or PathLike
        Likewise. A name without suffix is a folder, which gets a Parquet file for every
        ``part_rows`` rows; to put many rows into a single file costs a second writing.

    method : {"transform", "predict", "predict_proba", "decision_function"}, default="transform"
        What the estimator shall do. Its output has the columns of ``get_feature_names_out``;
        ``prediction``; ``probability_<class>``; or ``decision``.

    keep : sequence of str, default=()
        Columns to write as they are, before the others: ids, say. A field of CSV stays as it is
        written: ``00501`` keeps its zeros and ``NA`` its letters, as text.

    column_types : dict of str to str, default=None
        Types of columns of CSV by the names of pyarrow, such as "string" or "float64". The types
        of columns with levels are known where the estimator is of skembed, or has estimators of
        skembed or encoders of scikit-learn inside that are given the columns of the file: in a
        Pipeline, a ColumnTransformer, a search or a calibration. The first rows suggest the types
        of other columns.

    missing_values : sequence of str, default=None
        Words of CSV that are missing. An empty field is missing in any case, and a field between
        quotes is text.

        - None takes the words of ``pandas.read_csv``, such as ``NA``, ``None`` and ``null``. A
          word that is a level of the fitted estimator is not missing in the column of the level.
        - A list takes its words, and no others.

    quarantine : str or PathLike, default=None
        File for the rows that cannot be scored, each with its number ("row", counted from 0, lines
        of CSV that are no rows left out), the "reason" and its columns, of CSV as they are
        written. Such rows are absent from the output. Where the data have such a column it is
        "_row" or "_reason". None raises at the first such row.

    resume : bool, default=False
        Whether to go on behind what the same job did before it was killed. A job is the same if
        estimator, rows and parameters are. Rows are the same if names, sizes and times of their
        files are. Rows without files, or with files without times, are the same if their values
        are: they are read once more for that.

    part_rows : int, default=4_194_304
        Rows between two points to resume from.

    on_progress : callable, default=None
        Called after every batch with the number of rows done and that of all rows, which is None
        for CSV.

    Returns
    -------
    Summary
        How many rows were read, resumed and quarantined, and in how many seconds.

    Raises
    ------
    FileNotFoundError
        If there is no such source, or no folder to write to.
    BlockingIOError
        If the same job is running already. The job that runs goes on.
    ValueError
        If the source lacks columns, a row cannot be scored, or ``resume=True`` finds the parts of
        another job alone.

    See Also
    --------
    remove_stopped_jobs : Remove what stopped jobs have left.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.scoring import score_file
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern"] * 40})
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2] * 40)
    >>> with TemporaryDirectory() as folder:
    ...     day = Path(folder, "day.csv")
    ...     pd.DataFrame({"city": ["Rome", "Paris"], "id": [1, 2]}).to_csv(day, index=False)
    ...     summary = score_file(encoder, day, Path(folder, "vectors.parquet"), keep=["id"])
    ...     pd.read_parquet(Path(folder, "vectors.parquet")).columns.tolist()
    ['id', 'city_0']
    >>> summary.rows_read
    2
    """
    began = time.perf_counter()
    scorer = Scorer(estimator, method, keep)
    with needs("score_file", "pyarrow", extra="parquet"):
        known, given = KnownColumns(estimator), _types(column_types)
    text = {
        "types": known.types | given,
        "missing": MISSING_TEXTS if missing_values is None else list(missing_values),
        "words": known.words(MISSING_TEXTS) if missing_values is None else {},
        "lenient": quarantine is not None,
        "as_written": scorer.keep if quarantine is None else scorer.columns,
    }
    rows = open_source(source, labels=scorer.labels, text=text)
    named = str(source) if isinstance(source, (str, os.PathLike)) else name_of(source)
    _check_named(given, rows.names, named)
    check_columns(scorer, rows.names, named)
    _check_outputs(out, quarantine, source, rows)
    to_quarantine = quarantine and os.path.realpath(quarantine)
    # In one order, which a set has not in another process.
    words = {name: sorted(of_column) for name, of_column in text["words"].items()}
    parameters = [method, scorer.keep, str(text | {"words": words}), to_quarantine, part_rows]
    job = name_job(estimator, rows, scorer.columns, parameters, resume=resume)
    with ExitStack() as stack:
        stack.enter_context(warn_once_a_column())
        done = stack.enter_context(Parts(out, job, resume=resume))
        aside = None
        if quarantine is not None:
            aside = stack.enter_context(Parts(quarantine, job, resume=resume))
        outputs = [done] if aside is None else [aside, done]
        score: Scorer | TextScorer = scorer
        names, as_written = scorer.columns, None
        if isinstance(rows, CsvSource):
            score = TextScorer(scorer, rows, {*known.levels} - {*given})
            names, as_written = scorer.names, rows.as_written
        sieve = Quarantine(score, as_written)
        first = done.n_parts * part_rows
        row = first
        for row, batch, malformed in _cut(rows.batches(names, first), part_rows):
            if row and not batch.num_rows and not malformed:
                continue
            part = row // part_rows
            if aside is None:
                scored = [_scored(score, row, batch, named)]
            else:
                scored, refused = sieve(row, batch, malformed)
                aside.write(part, refused)  # first: a part of `done` means that all is done
            for each in scored:
                done.write(part, each)
            row += batch.num_rows
            if on_progress is not None:
                on_progress(row, rows.n_rows)
        for output in outputs:
            output.end_part()
        for output in outputs:
            output.finish()
    if not done.n_parts:
        raise ValueError(
            f"None of the {row} rows of {named} could be scored: {str(quarantine)!r} tells why."
        )
    return Summary(row - first, first, sieve.n_refused, time.perf_counter() - began)


def _cut(batches, part_rows):
    """Batches, none of which holds rows of two parts."""
    for row, batch, malformed in batches:
        start = 0
        while start == 0 or start < batch.num_rows:
            stop = start + part_rows - (row + start) % part_rows
            piece = batch.slice(start, stop - start)
            end = row + start + max(piece.num_rows, 1)
            yield row + start, piece, [at for at in malformed if row + start <= at.row < end]
            start = stop


def _scored(score, row, batch, named):
    try:
        return score(batch)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"Rows {row} to {row + batch.num_rows - 1} of {named}: {error} To set such rows "
            "aside, give a quarantine."
        ) from error


def _types(given):
    """Types of pyarrow by their names."""
    import pyarrow as pa

    types = {}
    for name, kind in (given or {}).items():
        try:
            types[name] = pa.type_for_alias(kind)
        except ValueError as error:
            raise ValueError(
                f"column_types gives column {name!r} the type {kind!r}, which is none of pyarrow: "
                "give 'string', 'float64', 'int64', 'bool' or another name that pyarrow has."
            ) from error
    return types


def _check_named(types, names, source):
    """Raise if a column that is given a type does not exist."""
    for name in types:
        if name not in names:
            raise ValueError(
                f"column_types names {name!r}, which is no column of {source!r}. It has {[*names]}."
            )


def _check_outputs(out, quarantine, source, rows):
    """Raise if an output must not or cannot be written, before anything is done."""
    check_out(out, source, rows, may_be_folder=True)
    if quarantine is None:
        return
    if is_parquet_folder(quarantine):
        raise ValueError(f"quarantine={str(quarantine)!r} is a folder: give the name of a file.")
    check_out(quarantine, source, rows, name="quarantine")
    if os.path.realpath(quarantine) == os.path.realpath(out):
        raise ValueError(f"quarantine and out are both {str(out)!r}: give two files.")
