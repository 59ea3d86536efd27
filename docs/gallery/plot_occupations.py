"""
The map of a column
===================

What the net learned of ``occupation`` in UCI Adult: who earns more than 50,000 dollars a year.
"""

# %%
# One component is put out: what the column tells, it tells with a single number. Others were trained,
# told next to nothing, and are left out.

import matplotlib.pyplot as plt

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult

X, _, y, _ = load_adult()
encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y)
table = encoder.embedding("occupation")
print(table.round(2).head())

# %%
# The component is the effect of the level in log-odds, with all other columns being equal. It is not the
# mean target, which is in the colour: people in protective services earn well for their schooling and hours,
# and less well than specialists. Levels with few rows stay near the row of unseen levels, the dashed line.

levels = table.index[3:]
by_level = y.groupby(X["occupation"]).agg(["mean", "size"]).loc[levels]
effect = table.loc[levels, "occupation_0"]
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
points = ax.scatter(effect, by_level["size"], s=60, c=by_level["mean"], cmap="viridis")
for level in levels:
    at = (effect[level], by_level.loc[level, "size"])
    ax.annotate(level, at, xytext=(5, 5), textcoords="offset points", fontsize=8)
ax.axvline(table.loc["unseen", "occupation_0"], ls="--", color="0.6")
ax.set(xlabel="occupation_0 (log-odds)", ylabel="rows", yscale="log")
_ = figure.colorbar(points, label="share with a high income")
