"""
A leak, seen with a target of noise
===================================

Ids that tell nothing, beside a column that does. Vectors from the same rows give the target away;
the next model trusts them, and is worse than without them on new rows.
"""

# %%
# Each id has as many rows as the axis says. The target depends on ``kind`` alone. ``cv=None`` is
# what one gets from a net by hand: vectors of the rows that it was trained on. Both encoders are
# made to keep what training gave them, without an early stop.

import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score

from skembed import NeuralEmbeddingEncoder


def made(rows_per_id, seed):
    """3,000 rows, the half of them to train on."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(
        {
            "id": rng.integers(0, 1500 // rows_per_id, 3000).astype(str),
            "kind": rng.choice(["a", "b", "c", "d"], 3000),
        }
    )
    odds = X["kind"].map({"a": -1.5, "b": -0.5, "c": 0.5, "d": 1.5})
    return X, (rng.random(3000) < 1 / (1 + np.exp(-odds))).astype(int)


def aucs(cv, columns, X, y):
    """AUC in training and on new rows, of a forest on the vectors."""
    encoder = NeuralEmbeddingEncoder(
        cv=cv, crosses=None, early_stopping=False, max_epochs=10, random_state=0
    )
    train, test = slice(0, 1500), slice(1500, 3000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # ids that are seen once
        features = encoder.fit_transform(X[columns].iloc[train], y[train])
    forest = RandomForestClassifier(min_samples_leaf=5, random_state=0).fit(features, y[train])
    new = encoder.transform(X[columns].iloc[test])
    return [
        roc_auc_score(y[train], forest.predict_proba(features)[:, 1]),
        roc_auc_score(y[test], forest.predict_proba(new)[:, 1]),
    ]


# %%
# Dashed: in training. Solid: on new rows.

ways = {
    "vectors of the same rows (cv=None)": (None, ["id", "kind"]),
    "cross-fitted": (5, ["id", "kind"]),
    "without the ids": (5, ["kind"]),
}
rows_per_id = [2, 5, 20]
figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for color, (way, (cv, columns)) in enumerate(ways.items()):
    scores = np.array([aucs(cv, columns, *made(rows, seed=0)) for rows in rows_per_id])
    ax.plot(rows_per_id, scores[:, 0], "--", color=f"C{color}")
    ax.plot(rows_per_id, scores[:, 1], "o-", color=f"C{color}", label=way)
    print(f"{way}: new rows, {scores[:, 1].round(2)}")
ax.set(xlabel="rows per id", ylabel="AUC of a forest", xscale="log")
ax.set_xticks(rows_per_id, rows_per_id)
ax.set_xticks([], minor=True)
_ = ax.legend()
