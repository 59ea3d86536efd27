"""Where vectors pay: the scores of docs/quality.md by the number of levels of the largest column.

    python benchmarks/when.py DATA

DATA is the folder that data.py reads. Prints the tables of docs/when-to-use-it.md.
"""

import argparse
import pathlib

import pandas as pd
from data import DATA_SETS

QUALITY = pathlib.Path(__file__).parents[1] / "docs" / "quality.md"
MODELS = {"xgb": "XGBoost", "rf": "forest", "linear": "linear", "knn": "neighbours"}
LOWER = {"under 100": 0, "100 to 999": 100, "1,000 and more": 1000}


def scores(model):
    """Mean score by encoder and data set, of a table of docs/quality.md."""
    part = QUALITY.read_text().split(f"\n## {model}\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    (_, *names), _, *rows = rows
    means = {row[0]: [cell.strip("* ").split(" ")[0] for cell in row[1:]] for row in rows}
    return pd.DataFrame.from_dict(
        {encoder: cells[: len(names)] for encoder, cells in means.items() if len(cells) >= 20},
        orient="index",
        columns=names,
    ).apply(pd.to_numeric, errors="coerce")


def shapes(folder):
    """Rows, levels of the largest column and rows per level of it, by data set."""
    found = {}
    for name, load in DATA_SETS.items():
        X, _, categorical = load(folder)
        levels = X[categorical].nunique().max()
        found[name] = {"rows": len(X), "levels": levels, "rows per level": len(X) / levels}
    return pd.DataFrame.from_dict(found, orient="index").sort_values("levels")


def row(*cells):
    print(f"| {' | '.join(map(str, cells))} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=pathlib.Path)
    sets = shapes(parser.parse_args().data)
    lead = {
        (model, rival): scores(model).loc["skembed"] - scores(model).loc[rival]
        for model in MODELS
        for rival in ("target", "one-hot")
    }

    row("levels", "data sets", "against", *MODELS.values())
    row(*["---"] * 7)
    for (name, low), high in zip(LOWER.items(), [100, 1000, float("inf")], strict=True):
        names = sets.index[(sets["levels"] >= low) & (sets["levels"] < high)]
        for rival in ("target", "one-hot"):
            cells = [lead[model, rival][names] for model in MODELS]
            text = [f"{d.median():+.3f} ({d.min():+.3f} to {d.max():+.3f})" for d in cells]
            row(name, len(names), rival, *text)

    print()
    row("data", "levels", "rows per level", *MODELS.values())
    row(*["---"] * 7)
    for name, shape in sets.iterrows():
        cells = [f"{lead[model, 'target'][name]:+.3f}" for model in MODELS]
        row(name, f"{shape['levels']:,.0f}", f"{shape['rows per level']:,.0f}", *cells)


if __name__ == "__main__":
    main()
