"""Tables of the cells that quality.py has scored, worst news first.

    python benchmarks/report.py FOLDER > docs/quality.md

FOLDER holds the results.csv of quality.py.
"""

import argparse
import pathlib

import numpy as np
import pandas as pd
from data import DATA_SETS, TUNED, UNTOUCHED
from scipy.stats import studentized_range

CELL = ["data", "seed", "encoder", "model"]
MODELS = ["xgb", "rf", "linear", "knn", "hgb", "native"]
OURS = ("skembed", "skembed-plain")  # plain: without crosses
GROUPS = {"all data sets": tuple(DATA_SETS), "tuned on": TUNED, "untouched": UNTOUCHED}

NOT_RUN = """\
Not run: embedding-encoder 0.0.4, because it imports `sklearn.utils.is_scalar_nan`, which
scikit-learn 1.9 does not have; pytorch_tabular 1.2.0, because it requires pandas < 3, and the
benchmark is run with pandas 3.
"""


def read_results(path):
    """The last row of each cell."""
    if not path.exists():
        return pd.DataFrame(columns=[*CELL, "score", "seconds", "width", "error"])
    return pd.read_csv(path).drop_duplicates(CELL, keep="last")


def markdown(table):
    """A frame of strings as a Markdown table."""
    rows = [[table.index.name or "", *table.columns], ["---"] * (table.shape[1] + 1)]
    rows += [[name, *row] for name, row in zip(table.index, table.to_numpy(), strict=True)]
    return "\n".join("| " + " | ".join(map(str, row)) + " |" for row in rows) + "\n"


def in_order(names, order):
    return [name for name in order if name in set(names)]


def means(scored, model, data_sets=tuple(DATA_SETS)):
    """Mean score, encoders by data sets, of a model."""
    rows = scored[(scored["model"] == model) & scored["data"].isin(data_sets)]
    table = rows.pivot_table(index="encoder", columns="data", values="score")
    return table[in_order(table.columns, DATA_SETS)]


def critical_difference(n_encoders, n_data_sets):
    """Difference of mean ranks that Nemenyi's test calls significant at 5 %."""
    if n_encoders < 2 or not n_data_sets:
        return np.nan
    quantile = studentized_range.ppf(0.95, n_encoders, np.inf) / np.sqrt(2)
    return quantile * np.sqrt(n_encoders * (n_encoders + 1) / (6 * n_data_sets))


def rank_table(scored, title, data_sets):
    """Mean ranks by model, of the encoders that have a score on each of the data sets."""
    columns, notes, left_out = {}, {"data sets": {}, "critical difference": {}}, set()
    for model in in_order(scored["model"], MODELS):
        table = means(scored, model, data_sets)
        whole = table.dropna()
        left_out |= set(table.index) - set(whole.index)
        columns[model] = whole.rank(ascending=False).mean(axis="columns").map("{:.2f}".format)
        notes["data sets"][model] = str(whole.shape[1])
        difference = critical_difference(*whole.shape)
        notes["critical difference"][model] = f"{difference:.2f}"
    ranks = pd.DataFrame(columns)
    ranks = ranks.loc[ranks.astype(float).mean(axis="columns").sort_values(kind="stable").index]
    table = pd.concat([ranks, pd.DataFrame(notes).T]).fillna("").rename_axis("encoder")
    text = f"## Mean ranks, {title}\n\n" + markdown(table)
    if left_out:
        text += f"\nNot on every data set with every model: {', '.join(sorted(left_out))}.\n"
    return text


def score_table(scored, model):
    """Scores of a model, encoders by data sets; the best mean of each data set in bold."""
    table = means(scored, model)
    rows = scored[scored["model"] == model].groupby(["encoder", "data"])["score"]
    spread, seeds = rows.std(), rows.size()
    best = table.max()
    columns = {
        data: {
            encoder: shown(mean, spread[encoder, data], mean == best[data])
            for encoder, mean in table[data].dropna().items()
        }
        for data in table
    }
    frame = pd.DataFrame(columns).reindex(table.index).fillna("")
    order = table.rank(ascending=False).mean(axis="columns").sort_values(kind="stable").index
    return (
        f"## {model}\n\nMean score ± standard deviation over seeds (of {seeds.max()}; without one, "
        "a single seed).\n\n" + markdown(frame.loc[order].rename_axis("encoder"))
    )


def shown(mean, deviation, is_best):
    text = f"{mean:.4f}" if np.isnan(deviation) else f"{mean:.4f} ± {deviation:.4f}"
    return f"**{text}**" if is_best else text


def differences(scored, ours):
    """Scores of every other encoder less ours: what, how much, and whether it is clear."""
    summary = scored.groupby(["data", "encoder", "model"])["score"].agg(["mean", "var", "count"])
    summary = summary.reset_index()
    mine = summary[summary["encoder"] == ours].drop(columns="encoder")
    pairs = summary[summary["encoder"] != ours].merge(
        mine, on=["data", "model"], suffixes=("", "_ours")
    )
    pairs["difference"] = pairs["mean"] - pairs["mean_ours"]
    error = np.sqrt(pairs["var"] / pairs["count"] + pairs["var_ours"] / pairs["count_ours"])
    pairs["clear"] = pairs["difference"].abs() > 2 * error
    pairs["known"] = error.notna()
    return pairs


def losses_table(pairs):
    """Where others are ahead, and by how much."""
    if pairs.empty:
        return "None.\n"
    clear = np.where(pairs["known"], np.where(pairs["clear"], "yes", "no"), "one seed")
    table = pd.DataFrame(
        {
            "model": pairs["model"],
            "other": pairs["encoder"],
            "its score": pairs["mean"].map("{:.4f}".format),
            "skembed": pairs["mean_ours"].map("{:.4f}".format),
            "behind by": pairs["difference"].map("{:.4f}".format),
            "more than two standard errors": clear,
        }
    )
    return markdown(table.set_index(pd.Index(pairs["data"], name="data")))


def worst_losses(scored):
    """The ten cells where skembed is furthest behind the best encoder of others."""
    pairs = differences(scored, "skembed")
    pairs = pairs[~pairs["encoder"].isin(OURS)].sort_values("difference", ascending=False)
    worst = pairs.drop_duplicates(["data", "model"]).query("difference > 0").head(10)
    return "## Worst losses of skembed\n\n" + losses_table(worst)


def behind_target_encoder(scored):
    """Every cell where skembed is more than 0.004 behind TargetEncoder."""
    pairs = differences(scored, "skembed").query("encoder == 'target'")
    behind = pairs.query("difference > 0.004").sort_values("difference", ascending=False)
    return (
        f"## More than 0.004 behind TargetEncoder\n\n{len(behind)} of {len(pairs)} pairs of data "
        "set and model.\n\n" + losses_table(behind)
    )


def wins_and_losses(scored, ours):
    """Data sets that an encoder of ours clearly wins, leaves open and loses, by rival and model."""
    pairs = differences(scored, ours)
    title = f"## {ours} against each: wins, open, losses\n\n"
    pairs = pairs[pairs["known"]]
    if pairs.empty:
        return title + "Needs two seeds or more.\n"
    kind = np.where(pairs["clear"], np.sign(pairs["difference"]), 0)
    by_rival = pairs.assign(win=kind < 0, open=kind == 0, loss=kind > 0).groupby(
        ["encoder", "model"]
    )[["win", "open", "loss"]]
    counts = by_rival.sum().apply(lambda row: " / ".join(map(str, row)), axis="columns").unstack()
    counts = counts[in_order(counts.columns, MODELS)].fillna("")
    return (
        title + "A win or a loss is a difference of means of more than two pooled standard errors "
        "over seeds.\n\n" + markdown(counts.rename_axis("against"))
    )


def linear_against_xgb(scored):
    """How far a linear model is behind XGBoost on the same features."""
    ours = scored[(scored["encoder"] == "skembed") & scored["model"].isin(["linear", "xgb"])]
    table = ours.pivot_table(index="data", columns="model", values="score").dropna()
    if table.empty:
        return "## Linear model and XGBoost on the features of skembed\n\nNot run.\n"
    table = table.loc[in_order(table.index, DATA_SETS)]
    behind = table["xgb"] - table["linear"]
    table = table.assign(behind=behind).map("{:.4f}".format)
    return "## Linear model and XGBoost on the features of skembed\n\n" + markdown(
        table.rename(columns={"behind": "linear behind by"})
    )


def cost_table(scored):
    """Median seconds of fit and width by encoder."""
    one = scored.drop_duplicates(CELL[:3])
    table = one.groupby("encoder")[["seconds", "width"]].median()
    table = table.sort_values("seconds").map("{:,.1f}".format)
    note = "Median over data sets and seeds; seconds depend on what else the machine was doing."
    return f"## Cost\n\n{note}\n\n" + markdown(table)


def failures(results):
    """What has no score, and why."""
    failed = results[results["score"].isna()]
    text = f"## Cells\n\n{len(results) - len(failed)} of {len(results)} cells have a score.\n\n"
    if len(failed):
        groups = failed.groupby(["encoder", "error"]).size().rename("cells").reset_index()
        groups["error"] = groups["error"].str.replace("|", "/")
        text += markdown(groups.set_index("encoder"))
    return text


def report(results):
    """The whole report."""
    scored = results.dropna(subset="score")
    encoded = scored[scored["model"] != "native"]
    parts = ["# Quality of encoders\n\nAUC for two classes, R2 for quantities.\n"]
    if "skembed" in set(encoded["encoder"]):
        parts += [worst_losses(encoded), behind_target_encoder(encoded)]
    parts += [wins_and_losses(encoded, ours) for ours in in_order(encoded["encoder"], OURS)]
    for title, data_sets in GROUPS.items():
        if encoded["data"].isin(data_sets).any():
            parts.append(rank_table(encoded, title, data_sets))
    parts.append(linear_against_xgb(encoded))
    whole = scored[scored["model"] == "native"]
    if "skembed-net" in set(whole["encoder"]):
        parts.append(wins_and_losses(whole, "skembed-net"))
        for title, data_sets in GROUPS.items():
            parts.append(rank_table(whole, f"whole models, {title}", data_sets))
    parts += [score_table(scored, model) for model in in_order(scored["model"], MODELS)]
    parts += [cost_table(scored), failures(results), NOT_RUN]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=pathlib.Path, help="where results.csv is")
    print(report(read_results(parser.parse_args().folder / "results.csv")), end="")


if __name__ == "__main__":
    main()
