"""
Why the axes of folds do not agree
==================================

The same column of UCI Adult, ``occupation``, from five folds, in two ways. First five nets, one for
each fold, trained on the rows of the other four: ordinary cross-fitting. Then one run of skembed,
which trains five tables under one decoder.
"""

# %%
# Five nets
# ---------
#
# An embedding and two layers above it, as one writes them by hand.

import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import StratifiedKFold
from torch import nn
from torch.nn.functional import binary_cross_entropy_with_logits

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult

X, X_test, y, y_test = load_adult()
X, y = X[["occupation"]].fillna("missing").head(10_000), y.head(10_000)
X_test = X_test[["occupation"]].fillna("missing")
levels = sorted(X["occupation"].unique())
codes, codes_test = (torch.tensor(f["occupation"].map(levels.index).values) for f in (X, X_test))
folds = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, y))


def trained(rows, seed):
    """Vectors of the levels, by a net that is trained on these rows."""
    torch.manual_seed(seed)
    vectors = nn.Embedding(len(levels), 2)
    net = nn.Sequential(vectors, nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1), nn.Flatten(0))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.01)
    target = torch.tensor(y.to_numpy(), dtype=torch.float32)
    for _ in range(3):
        for batch in torch.as_tensor(rows)[torch.randperm(len(rows))].split(100):
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(net(codes[batch]), target[batch]).backward()
            optimizer.step()
    return vectors.weight.detach().numpy()


separate = np.stack([trained(rest, seed) for seed, (rest, _) in enumerate(folds)])

# %%
# One run
# -------
#
# ``fit_transform`` gives each row the vector of its own fold's table: any row of a level in a fold
# shows what that table holds.

encoder = NeuralEmbeddingEncoder(cv=folds, embedding_dim=2, random_state=0)
features = encoder.fit_transform(X, y)
together = np.full_like(separate, np.nan)
for table, (_, rows) in zip(together, folds, strict=True):
    table[codes[rows]] = features[rows]

# %%
# The picture
# -----------
#
# A line joins the five vectors of a level.

shown = ["Exec-managerial", "Sales", "Other-service"]
figure, axes = plt.subplots(1, 2, figsize=(10, 4.8), layout="constrained")
for ax, tables, title in [
    (axes[0], separate, "Five nets: axes have nothing in common"),
    (axes[1], together, "One run: five tables in one space"),
]:
    for code, level in enumerate(levels):
        chosen = level in shown
        color = f"C{shown.index(level)}" if chosen else "0.85"
        line = {"color": color, "lw": 1.5 if chosen else 0.8, "zorder": 2 if chosen else 1}
        ax.plot(*tables[:, code].T, "o-", ms=5, label=level if chosen else None, **line)
    ax.set(title=title, xlabel="first component", ylabel="second component")
    ax.set_aspect("equal", "datalim")
    ax.legend()

# %%
# What it does to the next model
# ------------------------------
#
# A linear model is trained on the vector of each row from the fold that it is in, whose net or
# table it did not make, and is scored on the test set, whose vectors are means over the folds.

own_fold = np.empty_like(features)
for table, (_, rows) in zip(separate, folds, strict=True):
    own_fold[rows] = table[codes[rows]]


def score(vectors, vectors_test):
    model = LogisticRegression().fit(vectors, y)
    return roc_auc_score(y_test, model.predict_proba(vectors_test)[:, 1])


print(f"five nets: AUC {score(own_fold, separate.mean(axis=0)[codes_test]):.3f}")
print(f"one run:   AUC {score(features, encoder.transform(X_test)):.3f}")
