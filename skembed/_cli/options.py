"""Options that several commands have, and what their words mean."""

import ast
from pathlib import Path
from typing import Annotated

import typer

Rows = Annotated[
    Path,
    typer.Argument(help="CSV, Parquet or Arrow file, or a folder of Parquet files."),
]
Exclude = Annotated[
    list[str],
    typer.Option(metavar="NAMES", help="Columns to leave out: id,date. May be repeated."),
]
Dtype = Annotated[
    list[str],
    typer.Option(
        metavar="NAME=TYPE",
        help="Type of a column, in Arrow's words: zip=string. May be repeated.",
    ),
]
Missing = Annotated[
    list[str],
    typer.Option(
        metavar="WORDS",
        help="Words of CSV that are missing: NA,-. By default those of pandas; '' for none but "
        "empty fields. A field between quotes is text. May be repeated.",
    ),
]
Trust = Annotated[list[str], typer.Option(metavar="TYPE", help="A type to trust in a .skops file.")]
TrustCode = Annotated[
    bool, typer.Option("--trust-code", help="Load .joblib or .pkl, which may run any code.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def names_of(given):
    """Names from an option that takes several, by commas or one after the other."""
    return [name for names in given for name in names.split(",") if name]


def words_of(given):
    """Words from an option that takes several, or None if it is not given."""
    return names_of(given) if given else None


def types_of(given):
    """Arrow's types by column, from ``name=type`` each.

    Raises
    ------
    typer.BadParameter
        If one has no such form, or Arrow knows no such type.
    """
    if not given:
        return {}
    import pyarrow as pa

    types = {}
    for each in given:
        name, _, kind = each.rpartition("=")
        try:
            pa.type_for_alias(kind)
        except ValueError:
            raise typer.BadParameter(
                f"{each!r} is not NAME=TYPE with a type of Arrow, such as string, int64, float64, "
                "bool or date32.",
                param_hint="--dtype",
            ) from None
        types[name] = kind
    return types


def shown(text):
    """Text that cannot steer a terminal, whatever data put into it: signs are spelled out."""
    signs = (each if each.isprintable() or each == "\n" else repr(each)[1:-1] for each in text)
    return "".join(signs)


def say(text):
    """Put a line on standard error."""
    one_line = " ".join(text.splitlines())
    typer.echo(f"skembed: {shown(one_line)}", err=True)


def literal(text):
    """Value of a Python literal; of any other text the text itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError):  # of thousands of brackets
        return text
