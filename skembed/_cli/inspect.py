"""The commands `inspect`, `nearest` and `explore`: reading a saved encoder."""

import json
from pathlib import Path
from typing import Annotated

import typer

from skembed._cli.options import Json, Trust, TrustCode, literal, shown

Saved = Annotated[Path, typer.Argument(help="File that the command fit, or save, has written.")]


def inspect(encoder: Saved, as_json: Json = False):
    """Show what a saved encoder has learned, and how it was made.

    \b
    skembed inspect income.skembed
    skembed inspect income.skembed --json | jq .out_of_fold_loss
    """
    from skembed._cli.load_model import load_saved
    from skembed.inspection._summary import column_table, course, facts

    learned, content = load_saved(encoder)
    known = facts(learned) | {
        "bytes": encoder.stat().st_size,
        "format": content["format"],
        "skembed": content["skembed"],
    }
    if as_json:
        print(json.dumps(known, indent=2, default=str))
        return
    print(shown(column_table(learned).to_string(index=False)))
    print(course(learned))
    print("target:", known["target_type"], *(shown(str(of)) for of in known["classes"] or []))
    changed = [f"{name}={value!r}" for name, value in known["parameters"].items()]
    print("parameters that are not the default:", ", ".join(changed) or "none")
    if "dtype" in known:
        print("passed through:", shown(", ".join(known["passed_through"])) or "none")
        print(f"output: {known['n_features_out']} columns of {known['dtype']}")
    print(f"file: {known['bytes']:,} bytes, format {known['format']}, skembed {known['skembed']}")


def nearest(
    encoder: Saved,
    column: Annotated[str, typer.Argument(help="An embedded column, or a cross.")],
    level: Annotated[
        list[str], typer.Argument(help="A level; of a cross, one of each column. None: missing.")
    ],
    k: Annotated[int, typer.Option("-k", min=1, help="How many levels to find.")] = 5,
    as_json: Json = False,
):
    """Find the levels whose vectors are nearest to that of a level.

    \b
    skembed nearest income.skembed occupation Sales
    skembed nearest income.skembed "workclass x occupation" Private Sales -k 3
    """
    from skembed._cli.load_model import load_saved

    learned, _ = load_saved(encoder)
    found = learned.nearest(column, typed_level(learned, column, level), k)
    print(found.to_json(orient="records") if as_json else shown(found.to_string(index=False)))


def explore(
    encoder: Annotated[Path, typer.Argument(help="A .skembed file, or a model as for score.")],
    out: Annotated[Path, typer.Option(help="HTML file to write.")] = Path("report.html"),
    trust: Trust = [],
    trust_code: TrustCode = False,
):
    """Write a page that shows all vectors in a browser, without a network.

    Of a Pipeline, a ColumnTransformer or a search, the page shows the estimator of skembed inside.

    \b
    skembed explore income.skembed --out report.html
    """
    from skembed._cli.load_model import load_model
    from skembed._files.parquet import check_out
    from skembed.plotting._inside import find_inside

    check_out(out, encoder, None, name="--out")
    learned, _ = find_inside(load_model(encoder, trust=trust, trust_code=trust_code))
    learned.explore(out)
    print(shown(str(out)))


def typed_level(encoder, column, texts):
    """Level of a column, or tuple of levels of a cross, that words of a command line mean."""
    cross = encoder.crosses_.get(column)
    if cross is None and len(texts) == 1:
        return _typed(texts[0], encoder.vocabularies_.get(column))
    names = cross.names if cross else [column] * len(texts)
    parts = zip(texts, names, strict=False)
    return tuple(_typed(text, encoder.vocabularies_.get(name)) for text, name in parts)


def _typed(text, vocabulary):
    """The level that is written so; what is none is read as Python: a number, None."""
    levels = [] if vocabulary is None else vocabulary.levels
    value = literal(text)
    try:
        hash(value)
    except TypeError:  # a list, say, is no level
        value = text
    return {str(level): level for level in levels}.get(text, value)
