"""The command `fit`: from a file of rows to a saved encoder."""

import os
from pathlib import Path
from typing import Annotated

import typer

from skembed._cli.options import (
    Dtype,
    Exclude,
    Missing,
    Rows,
    literal,
    names_of,
    say,
    shown,
    types_of,
    words_of,
)

Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A parameter of NeuralEmbeddingEncoder, such as crosses=None; may be repeated.",
    ),
]


def fit(
    data: Rows,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    out: Annotated[Path, typer.Option(help="File for the encoder; an older one is replaced.")],
    features: Annotated[
        Path | None,
        typer.Option(help="Parquet file for the out-of-fold vectors, to train the next model on."),
    ] = None,
    sample_weight: Annotated[str | None, typer.Option(help="The column of row weights.")] = None,
    exclude: Exclude = [],
    settings: Settings = [],
    dtype: Dtype = [],
    missing: Missing = [],
    seed: Annotated[int, typer.Option(help="The encoder's random_state.")] = 0,
):
    """Learn vectors for the categorical columns of a file, and save the encoder.

    Rows are read in batches: the file may be larger than memory. Whole numbers as target are
    classes, others a quantity.

    \b
    skembed fit train.parquet --target income --out income.skembed
    skembed fit train.csv --target price --out price.skembed --exclude id,date \\
        --set cv=10 --set crosses=None --features features.parquet
    """
    encoder = configured({"random_state": seed}, settings)
    from skembed._cli.input_files import check_rows, missing_in_words, reading_rows
    from skembed._files.atomic import replacing
    from skembed.inspection._summary import column_table, course

    given = {"types": types_of(dtype), "missing": words_of(missing)}
    with reading_rows(data, without=names_of(exclude), **given) as (rows, found):
        check_rows(rows, data)
        _check_outputs(data, rows, out, features)
        _check_target(target, found.get(target, {}))
        if found:
            say(f"note: cells of {data} taken for missing: {missing_in_words(found)}")
        if features is None:
            encoder.fit_parquet(rows, target, sample_weight=sample_weight)
            encoder.save(out)
        else:
            with replacing(features) as new:  # the features are there last
                encoder.fit_transform_parquet(rows, target, new.name, sample_weight=sample_weight)
                encoder.save(out)
    print(shown(column_table(encoder).to_string(index=False)))
    print(course(encoder))


def _check_outputs(data, rows, out, features):
    """Raise if a file cannot be written."""
    from skembed._files.parquet import check_out

    check_out(out, data, rows, name="--out")
    if features is not None:
        check_out(features, data, rows, name="--features")
        if os.path.realpath(features) == os.path.realpath(out):
            raise ValueError(f"--out and --features are both {str(out)!r}: give two files.")


def _check_target(target, missing):
    """Raise if a target in CSV holds words that are taken for missing."""
    words = {word: count for word, count in missing.items() if word.strip('"')}
    if words:
        raise ValueError(
            f"--target {target!r} holds words that are taken for missing, with their rows: "
            f"{words}. If they are classes, give --missing '', or put them between quotes; if not, "
            "remove the rows."
        )


def configured(parameters, settings):
    """Make an encoder of parameters and what ``--set`` says of others.

    Parameters
    ----------
    parameters : dict of str to object
    settings : list of str
        ``name=value`` each, the value as in Python, or a string without quotes.

    Raises
    ------
    typer.BadParameter
        If there is no such parameter, or it cannot have the value.
    """
    from skembed import NeuralEmbeddingEncoder

    known = NeuralEmbeddingEncoder().get_params()
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in known:
            raise typer.BadParameter(
                f"{setting!r} is not NAME=VALUE with one of the names {', '.join(known)}.",
                param_hint="--set",
            )
        parameters[name] = literal(text)
    encoder = NeuralEmbeddingEncoder(**parameters)
    try:
        encoder._validate_params()
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="--set") from None
    return encoder
