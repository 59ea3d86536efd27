"""The commands `demo` and `benchmark`: encoders side by side."""

from pathlib import Path
from typing import Annotated

import typer

from skembed._cli.options import Dtype, Exclude, Missing, Rows, names_of, types_of, words_of
from skembed._utils.optional_imports import needs

DEMO_PACKAGES = "matplotlib", "rich", "xgboost"


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the pipeline and the picture.")] = Path(
        "demo"
    ),
):
    """Compare encoders on UCI Adult, in about a minute; needs skembed[demo].

    \b
    skembed demo --out demo
    """
    with needs("demo", *DEMO_PACKAGES, extra="demo"):
        from skembed._cli.demo import run
    run(out)


def benchmark(
    data: Rows,
    target: Annotated[str, typer.Option(help="The column to predict.")],
    exclude: Exclude = [],
    dtype: Dtype = [],
    missing: Missing = [],
    seeds: Annotated[int, typer.Option(min=2, help="How many splits and seeds.")] = 3,
    rows: Annotated[int, typer.Option(min=100, help="How many rows to draw at most.")] = 50_000,
):
    """Compare encoders before XGBoost and a linear model on your rows; needs skembed[demo].

    Each seed splits off a quarter of the rows to score. Whole numbers as target are classes; ids in
    whole numbers are quantities, unless --dtype makes them strings.

    \b
    skembed benchmark train.parquet --target income
    skembed benchmark sales.csv --target price --dtype price=float64 --dtype shop=string
    """
    with needs("benchmark", *DEMO_PACKAGES, extra="demo"):
        from skembed._cli.comparison import compare, spread
    from skembed._cli.input_files import check_rows, reading_rows

    given = {"types": types_of(dtype), "missing": words_of(missing)}
    with reading_rows(data, without=names_of(exclude), **given) as (opened, _):
        check_rows(opened, data)
        X = drawn(opened, rows)
    if target not in X:
        raise ValueError(f"--target {target!r} is not a column. The data have {list(X)}.")
    y = X.pop(target)
    if y.isna().any():
        raise ValueError(f"The target {target!r} is missing in {y.isna().sum()} rows: remove them.")
    try:
        cells = list(compare(X, y, range(seeds)))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{str(data)!r}, --target {target!r}: {error}") from error
    print(f"{len(X):,} rows, {seeds} splits, a quarter of the rows to score; mean ± deviation")
    print(spread(cells).to_string(index=False))
    print(f"ahead: in so many of the {seeds} splits skembed has the higher {list(cells[0])[3]}")


def drawn(dataset, n_rows):
    """Frame of the rows of a dataset, or of so many of them, at random."""
    import numpy as np

    from skembed._files.errors import naming_source
    from skembed._files.parquet import name_of, validate

    _check_types(dataset.schema)
    with naming_source(name_of(dataset)):
        table = validate(dataset.to_table(), dataset)
    if len(table) > n_rows:
        rows = np.random.default_rng(0).choice(len(table), n_rows, replace=False)
        table = table.take(np.sort(rows))
    return table.to_pandas()


def _check_types(schema):
    """Raise if there are columns that the encoders to compare with do not take."""
    from pyarrow.types import is_nested

    odd = {field.name: str(field.type) for field in schema if is_nested(field.type)}
    if odd:
        raise ValueError(
            f"The columns {odd} hold several values in a row, which not all encoders take: leave "
            "them out by --exclude."
        )
