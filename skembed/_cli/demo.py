"""The demo: five encoders and three models on UCI Adult, and a pipeline saved and reused."""

import subprocess
import sys
import time

import joblib
import matplotlib
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from xgboost import XGBClassifier

from skembed._cli.rivals import encoders
from skembed.datasets import load_adult

# Run in a process of its own: what a scoring machine does, which has no torch.
SCORE = """
import sys, joblib, numpy
pipeline, X = joblib.load(sys.argv[1]), joblib.load(sys.argv[2])
numpy.save(sys.argv[3], pipeline.predict_proba(X)[:, 1])
sys.exit("torch was imported" if "torch" in sys.modules else 0)
"""


def run(folder):
    """Run the demo and leave a pipeline and a picture in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    console = Console()
    X_train, X_test, y_train, y_test = load_adult()
    console.print(f"UCI Adult: {len(X_train):,} training rows, {len(X_test):,} test rows")

    pipeline = compare(X_train, X_test, y_train, y_test, console)

    rows = with_unseen_levels(X_test.head(1000))
    same = scores_equal_elsewhere(pipeline, rows, folder)
    n_unseen = int((rows["native-country"] == UNSEEN_COUNTRY).sum())
    console.print(
        f"\nSaved to {folder / 'pipeline.joblib'}, loaded in a fresh process that did not import "
        f"torch:\n{len(rows):,} rows scored, {n_unseen} of them with a country never seen; scores "
        f"{'are equal' if same else 'DIFFER'}."
    )
    path = folder / "education.png"
    draw(pipeline[0], "education", X_train, y_train, path)
    console.print(f"Picture of the learned table of 'education': {path}")
    if not same:
        raise SystemExit(1)


def models():
    """Models by name."""
    return {
        "XGBoost": XGBClassifier(n_estimators=300, learning_rate=0.1, n_jobs=2),
        "RandomForest": RandomForestClassifier(
            n_estimators=100, min_samples_leaf=5, n_jobs=2, random_state=0
        ),
        "logistic": make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
    }


def compare(X_train, X_test, y_train, y_test, console):
    """Print the table of encoders and models; return our pipeline with XGBoost."""
    table = Table("model", "encoder", "AUC", "log-loss", "seconds", "width")
    ours = None
    with Progress(console=console) as progress:
        task = progress.add_task("fitting", total=len(models()) * len(encoders()))
        for model_name, model in models().items():
            for encoder_name, encoder in encoders().items():
                progress.update(task, description=f"{encoder_name} + {model_name}")
                began = time.perf_counter()
                pipeline = make_pipeline(encoder, clone(model)).fit(X_train, y_train)
                seconds = time.perf_counter() - began
                scores = pipeline.predict_proba(X_test)[:, 1]
                table.add_row(
                    model_name,
                    encoder_name,
                    f"{roc_auc_score(y_test, scores):.4f}",
                    f"{log_loss(y_test, scores):.4f}",
                    f"{seconds:.1f}",
                    str(len(pipeline[0].get_feature_names_out())),
                    end_section=encoder_name == "random vectors",
                )
                ours = ours or pipeline
                progress.advance(task)
    console.print(table)
    return ours


UNSEEN_COUNTRY = "Freedonia"


def with_unseen_levels(X):
    """Rows of which every tenth comes from a country that no training row came from."""
    X = X.copy()
    X.loc[X.index[::10], "native-country"] = UNSEEN_COUNTRY
    return X


def scores_equal_elsewhere(pipeline, X, folder):
    """Whether a fresh process without torch gives the same scores, to the bit."""
    saved, rows, scores = (
        str(folder / name) for name in ("pipeline.joblib", "rows.joblib", "scores.npy")
    )
    joblib.dump(pipeline, saved)
    joblib.dump(X, rows)
    subprocess.run([sys.executable, "-c", SCORE, saved, rows, scores], check=True)
    return np.array_equal(np.load(scores), pipeline.predict_proba(X)[:, 1])


def draw(encoder, column, X, y, path):
    """Draw a learned table: the main component of each level against the mean target."""
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    levels = encoder.vocabularies_[column].levels
    main = encoder.tables_[column][-len(levels) :, 0]
    by_level = y.groupby(X[column].to_numpy()).agg(["mean", "size"]).loc[levels]
    figure, axes = plt.subplots(figsize=(8, 5.5), layout="constrained")
    axes.scatter(main, by_level["mean"], s=20 + by_level["size"] / 10, alpha=0.6)
    for level, position in zip(levels, zip(main, by_level["mean"], strict=True), strict=True):
        axes.annotate(level, position, fontsize=8, ha="center")
    axes.set(
        title=f"Learned vectors of {column!r} (area: rows)",
        xlabel=f"{column}_0: how far the level moves the log-odds, beside all other columns",
        ylabel="share earning more than 50,000 dollars",
    )
    figure.savefig(path, dpi=120)
    plt.close(figure)
