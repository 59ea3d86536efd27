"""
How long a vector should be, and what it costs
==============================================

UCI Adult, 3,000 rows, vectors of 1 to 16 numbers under three models. Longer ones make wider
features and slower fits, and are better under none of them here.
"""

# %%
# By default the encoder trains 4 at most, and puts out the components that tell something: the
# dotted lines. Scores are means over two draws of the rows.

import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skembed import NeuralEmbeddingEncoder
from skembed.datasets import load_adult

X, X_test, y, y_test = load_adult()
X_test, y_test = X_test.head(5000), y_test.head(5000)
models = {
    "forest": RandomForestClassifier(min_samples_leaf=5, n_jobs=2, random_state=0),
    "linear": make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
    "neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier(50)),
}


def scored(length, seed):
    """AUC of each model, width of the features, and seconds of the fit."""
    rows = X.sample(3000, random_state=seed).index
    encoder = NeuralEmbeddingEncoder(embedding_dim=length, crosses=None, random_state=seed)
    began = time.perf_counter()
    features = encoder.fit_transform(X.loc[rows], y.loc[rows])
    seconds = time.perf_counter() - began
    new = encoder.transform(X_test)
    aucs = [
        roc_auc_score(y_test, model.fit(features, y.loc[rows]).predict_proba(new)[:, 1])
        for model in models.values()
    ]
    return [*aucs, features.shape[1], seconds]


lengths = [1, 4, 16]
scores = {
    length: np.mean([scored(length, seed) for seed in range(2)], axis=0)
    for length in ["auto", *lengths]
}
for length, (*aucs, width, seconds) in scores.items():
    print(length, np.round(aucs, 3), f"{width:.0f} columns, {seconds:.1f} s")

# %%

figure, ax = plt.subplots(figsize=(7, 4.5), layout="constrained")
for i, name in enumerate(models):
    ax.plot(lengths, [scores[length][i] for length in lengths], "o-", color=f"C{i}", label=name)
    ax.axhline(scores["auto"][i], ls=":", color=f"C{i}")
ax.set(xlabel="length of the vectors", ylabel="AUC on the test set", xscale="log")
ax.set_xticks(lengths, lengths)
ax.set_xticks([], minor=True)
_ = ax.legend()
