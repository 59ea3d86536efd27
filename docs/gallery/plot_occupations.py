"""
The map of a column
===================

What the net learned of ``occupation`` in UCI Adult: who earns more than 50,000 dollars a year.
"""

# %%
# One component is put out: what the column tells, it tells with a single number. Others were
# trained, told next to nothing, and are left out.

import matplotlib.pyplot as plt

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult

X, _, y, _ = load_adult()
encoder = NeuralEmbeddingEncoder(crosses=None, random_state=0).fit(X, y)
table = encoder.embedding("occupation")
print(table.round(2).head())

# %%
# The component is the effect of the level in log-odds, with all other columns being equal. It is
# not the mean target, which is the colour: fewer technicians than specialists have a high income,
# but more than their schooling, age and hours would say. Points are as large as the level has rows:
# the armed forces have nine. The dashed line is the row of levels that were never seen.

effect = table["occupation_0"].iloc[3:].sort_values()
by_level = y.groupby(X["occupation"]).agg(["mean", "size"]).loc[effect.index]
figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
ax.axvline(table.loc["unseen", "occupation_0"], ls="--", color="0.6")
points = ax.scatter(
    effect, effect.index, s=20 + by_level["size"] / 20, c=by_level["mean"], cmap="viridis"
)
ax.set(xlabel="occupation_0 (log-odds)")
_ = figure.colorbar(points, label="share with a high income")
