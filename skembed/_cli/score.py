"""The commands `transform` and `score`: a file through a saved encoder or model, into a file."""

import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from skembed._cli.options import (
    Dtype,
    Missing,
    Rows,
    Trust,
    TrustCode,
    names_of,
    shown,
    types_of,
    words_of,
)

SOME_ASIDE = 3  # exit code

Out = Annotated[
    Path,
    typer.Option(
        help="Parquet, CSV or Arrow file by its suffix; without one a folder of Parquet. An older "
        "file is replaced when the new one is whole."
    ),
]
Keep = Annotated[
    list[str],
    typer.Option(metavar="NAMES", help="Columns to write as they are, first: id,date."),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where the same command was stopped or killed.")
]
Aside = Annotated[
    Path | None,
    typer.Option(
        help="File for rows that cannot be scored, with number and reason. Without it the first "
        "of them ends the command."
    ),
]
PartRows = Annotated[
    int, typer.Option(min=1, help="Rows between two points that --resume can go on from.")
]
NoProgress = Annotated[bool, typer.Option("--no-progress", help="Draw no bar on a terminal.")]


def transform(
    encoder: Annotated[Path, typer.Argument(help="A .skembed file, or a model as for score.")],
    data: Rows,
    out: Out,
    keep: Keep = [],
    resume: Resume = False,
    quarantine: Aside = None,
    dtype: Dtype = [],
    missing: Missing = [],
    part_rows: PartRows = 2**22,
    no_progress: NoProgress = False,
    trust: Trust = [],
    trust_code: TrustCode = False,
):
    """Replace the categorical columns of a file by their vectors.

    For new rows. Vectors of the rows that the encoder was fitted on have seen their targets: to
    train the next model, take what fit --features writes.

    \b
    skembed transform income.skembed new.parquet --out vectors.parquet
    skembed transform income.skembed new.csv --out vectors.csv --keep id --quarantine bad.csv
    """
    from skembed._cli.load_model import load_model

    model = load_model(encoder, trust=trust, trust_code=trust_code)
    _check_can(encoder, model, "transform")
    options = {"keep": names_of(keep), "resume": resume, "part_rows": part_rows}
    options["missing_values"] = words_of(missing)
    _stream(model, "transform", data, types_of(dtype), out, quarantine, options, not no_progress)


def score(
    model: Annotated[Path, typer.Argument(help="A .skembed, .skops, .joblib or .pkl file.")],
    data: Rows,
    out: Out,
    method: Annotated[
        Literal["predict", "predict_proba", "decision_function"] | None,
        typer.Option(help="By default predict_proba of classifiers, predict of others."),
    ] = None,
    keep: Keep = [],
    resume: Resume = False,
    quarantine: Aside = None,
    dtype: Dtype = [],
    missing: Missing = [],
    part_rows: PartRows = 2**22,
    no_progress: NoProgress = False,
    trust: Trust = [],
    trust_code: TrustCode = False,
):
    """Score a file by a saved model or pipeline that was fitted on a data frame.

    \b
    skembed score model.skops new.parquet --out scores.parquet --keep id
    skembed score model.joblib --trust-code new.csv --out scores.csv --method predict
    """
    from skembed._cli.load_model import default_method, load_model

    loaded = load_model(model, trust=trust, trust_code=trust_code)
    options = {"keep": names_of(keep), "resume": resume, "part_rows": part_rows}
    options["missing_values"] = words_of(missing)
    method = method or default_method(loaded)
    _check_can(model, loaded, method)
    _stream(loaded, method, data, types_of(dtype), out, quarantine, options, not no_progress)


def _check_can(path, model, method):
    """Raise if a model cannot do what is asked of it."""
    from skembed.scoring._scorer import METHODS

    if not hasattr(model, method):
        can = [name for name in METHODS if hasattr(model, name)]
        raise ValueError(
            f"{str(path)!r} holds a {type(model).__name__}, which cannot {method}, but can "
            f"{', '.join(can) or 'nothing of this'}. Give another model, another --method, or the "
            "command transform to one that can do that."
        )


@contextmanager
def _matching_types():
    """Raise where no level can match, of which Python is warned."""
    from skembed.scoring._text_scorer import NO_MATCH

    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=NO_MATCH)
        try:
            yield
        except UserWarning as warning:
            raise ValueError(f"{warning} To give a type: --dtype NAME=TYPE.") from None


def _stream(model, method, data, types, out, quarantine, options, bar):
    """Score a file, and say how it went."""
    from skembed._cli.input_files import check_missing, n_rows_of, open_rows
    from skembed._cli.progress_bar import progress
    from skembed._files.sources import format_of_source
    from skembed.scoring import score_file

    options |= {"method": method, "quarantine": quarantine}
    source = data
    if format_of_source(data) == "csv":
        options["column_types"] = types
    else:
        check_missing(options["missing_values"], data)
        source = open_rows(data, types=types) if types else data
    try:
        with progress(bar) as on_progress, _matching_types():
            done = score_file(model, source, out, on_progress=on_progress, **options)
    except KeyboardInterrupt:
        raise KeyboardInterrupt("stopped; the same command with --resume goes on") from None
    speed = done.rows_read / done.seconds
    line = f"{out}: {done.rows_read:,} rows in {done.seconds:.1f} s, {speed:,.0f} rows/s"
    if done.rows_resumed:
        line += f", {done.rows_resumed:,} were done before"
    # Not rows_quarantined, which knows only of this call.
    n_aside = 0 if quarantine is None else n_rows_of(quarantine)
    if not n_aside:
        print(shown(line))
        return
    print(shown(f"{line}; set aside in {quarantine}: {n_aside:,}"))
    raise typer.Exit(SOME_ASIDE)
