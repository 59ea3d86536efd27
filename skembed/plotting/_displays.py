"""Pictures of a fitted encoder or predictor, as Display objects of scikit-learn's kind."""

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial import cKDTree
from scipy.spatial.distance import pdist, squareform

from skembed._utils.optional_imports import needs
from skembed.inspection._maps import colour_range, column_map, mean_targets
from skembed.plotting._inside import find_inside

SIZES = 25, 600  # areas of markers, in square points


class EmbeddingDisplay:
    """The vectors of a column as points in a plane, larger for more rows.

    Points are the two components in which the rows differ most. A column of one component has the
    number of rows as second axis: levels of few rows stand near the prior row. Make it by
    `from_estimator`.

    Parameters
    ----------
    column_map : ColumnMap
        See `skembed.inspection._maps`.

    mean_target : ndarray of shape (n_levels,), default=None
        What colours the points; without it, the first component.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    See Also
    --------
    skembed.NeuralEmbeddingEncoder.explore : All columns in one page, to search and to turn.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.plotting import EmbeddingDisplay
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern", "Pisa"] * 40})
    >>> y = [3.0, 1.5, 4.2, 1.6] * 40
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, y)
    >>> EmbeddingDisplay.from_estimator(encoder, "city", X, y).ax_.get_title()
    'city: 4 levels'
    """

    __module__ = "skembed.plotting"

    def __init__(self, *, column_map, mean_target=None):
        self.column_map = column_map
        self.mean_target = mean_target

    @classmethod
    def from_estimator(
        cls, estimator, column, X=None, y=None, *, n_labels=20, n_neighbors=0, ax=None
    ):
        """Draw a column of a fitted encoder or predictor.

        Parameters
        ----------
        estimator : estimator
            Fitted. An encoder or predictor of skembed, or a Pipeline, ColumnTransformer or search
            that holds one.

        column : str
            An embedded column, or a cross.

        X : data frame or array-like of shape (n_rows, n_features), default=None
            Rows for ``estimator`` to take mean targets from: those of `fit`, say. The fitted
            estimator holds none.

        y : array-like of shape (n_rows,), default=None
            Their target: a quantity, or two classes.

        n_labels : int, default=20
            The levels of most rows are labelled, as far as labels find a free place.

        n_neighbors : int, default=0
            Lines are drawn from each level to so many that are nearest.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        EmbeddingDisplay
        """
        estimator, X = find_inside(estimator, X, column)
        shown = column_map(estimator, column)
        means = mean_targets(estimator, X, y)
        mean_target = means[column][shown.codes] if means else None
        display = cls(column_map=shown, mean_target=mean_target)
        return display.plot(ax, n_labels=n_labels, n_neighbors=n_neighbors)

    def plot(self, ax=None, *, n_labels=20, n_neighbors=0):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        n_labels : int, default=20
            The levels of most rows are labelled, as far as labels find a free place.

        n_neighbors : int, default=0
            Lines are drawn from each level to so many that are nearest.

        Returns
        -------
        EmbeddingDisplay
            This object.
        """
        self.ax_ = ax = _axes(ax)
        from matplotlib.collections import LineCollection
        from matplotlib.colors import CenteredNorm

        from skembed.plotting._placing import place_labels

        shown, points = self.column_map, self._points()
        self.figure_ = ax.figure
        if n_neighbors:
            lines = LineCollection(self._lines(points, n_neighbors), color="0.7", lw=0.7, zorder=1)
            ax.add_collection(lines)
        own = shown.is_level
        colour, meaning = shown.effect[own], "first component, from the mean row"
        if self.mean_target is not None:
            colour, meaning = self.mean_target[own], "mean target"
        middle, reach = colour_range(colour, shown.rows[own])
        sizes = np.clip(SIZES[1] * shown.rows[own] / shown.rows.max(), *SIZES)
        levels = ax.scatter(
            *points[own].T,
            s=sizes,
            c=colour,
            cmap="coolwarm",
            norm=CenteredNorm(middle, reach),
            edgecolors="0.35",
            linewidths=0.6,
            zorder=2,
        )
        ax.scatter(*points[~own].T, s=80, c="0.25", marker="X", edgecolors="white", zorder=3)
        self.figure_.colorbar(levels, ax=ax, label=meaning, extend="both")
        self._name_axes(ax)
        widths = np.full(len(own), 9.0)
        widths[own] = np.sqrt(sizes)
        labelled = [*np.flatnonzero(~own), *np.flatnonzero(own)[:n_labels]]
        place_labels(ax, points[labelled], [shown.labels[i] for i in labelled], widths[labelled])
        return self

    def _points(self):
        """Places in the plane, (n_levels, 2)."""
        shown = self.column_map
        if shown.coordinates.shape[1] > 1:
            return shown.coordinates[:, :2]
        return np.column_stack([shown.coordinates[:, 0], np.maximum(shown.rows, 1)])

    def _name_axes(self, ax):
        shown = self.column_map
        n_levels = shown.is_level.sum()
        levels = f"{n_levels:,} level{'' if n_levels == 1 else 's'}"
        is_same = "" if shown.shares.any() else ", all of the same vector"
        ax.set_title(f"{shown.name}: {levels}{is_same}", parse_math=False)
        if len(shown.shares) > 1:
            ax.set_xlabel(f"component 1 ({shown.shares[0]:.0%} of the variance)")
            ax.set_ylabel(f"component 2 ({shown.shares[1]:.0%})")
        else:
            ax.set_xlabel("component 1")
            ax.set_yscale("log")
            ax.set_ylabel("rows")
        ax.margins(0.12)

    def _lines(self, points, n_neighbors):
        """Ends of a line from each level to each of its nearest, (n_lines, 2, 2)."""
        own = np.flatnonzero(self.column_map.is_level)
        vectors = self.column_map.vectors[own]
        n_neighbors = min(n_neighbors, len(own) - 1)
        if n_neighbors < 1:
            return []
        near = cKDTree(vectors).query(vectors, k=np.arange(1, n_neighbors + 2))[1]
        return [
            (points[own[i]], points[own[j]]) for i, row in enumerate(near) for j in row if i != j
        ]


class TrainingDisplay:
    """The losses of a fit by epoch, and the epoch that was chosen.

    Make it by `from_estimator`.

    Parameters
    ----------
    history : dict of ndarray, each of shape (n_epochs,)
        As ``history_``: "out_of_fold_loss" and "table_loss", or "loss" without a target.

    best_epoch : int
        As ``best_epoch_``.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.plotting import TrainingDisplay
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern", "Pisa"] * 40})
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2, 1.6] * 40)
    >>> TrainingDisplay.from_estimator(encoder).ax_.get_xlabel()
    'epoch'
    """

    __module__ = "skembed.plotting"

    def __init__(self, *, history, best_epoch):
        self.history = history
        self.best_epoch = best_epoch

    @classmethod
    def from_estimator(cls, estimator, *, ax=None):
        """Draw the losses of a fitted encoder or predictor.

        Parameters
        ----------
        estimator : estimator
            Fitted. An encoder or predictor of skembed, or a Pipeline, ColumnTransformer or search
            that holds one.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        TrainingDisplay
        """
        estimator, _ = find_inside(estimator)
        return cls(history=estimator.history_, best_epoch=estimator.best_epoch_).plot(ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        TrainingDisplay
            This object.
        """
        self.ax_ = ax = _axes(ax)
        self.figure_ = ax.figure
        for name, losses in self.history.items():
            if name != "seconds":
                epochs = np.arange(1, len(losses) + 1)
                ax.plot(epochs, losses, marker="o", ms=4, label=name.replace("_", " "))
        chosen = f"chosen: epoch {self.best_epoch}" if self.best_epoch else "chosen: the start"
        ax.axvline(self.best_epoch, color="0.4", ls="--", lw=1, label=chosen)
        ax.set_xlabel("epoch")
        ax.set_ylabel("loss")
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.legend()
        return self


class SimilarityDisplay:
    """Distances between the levels of a column as a heat map, like levels side by side.

    Make it by `from_estimator`.

    Parameters
    ----------
    column : str
        Its name.

    labels : list of str
        Levels.

    distances : ndarray of shape (n_levels, n_levels)
        Euclidean, between their vectors.

    Attributes
    ----------
    ax_ : matplotlib Axes
    figure_ : matplotlib Figure

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("agg")
    >>> import pandas as pd
    >>> from skembed import NeuralEmbeddingEncoder
    >>> from skembed.plotting import SimilarityDisplay
    >>> X = pd.DataFrame({"city": ["Oslo", "Rome", "Bern", "Pisa"] * 40})
    >>> encoder = NeuralEmbeddingEncoder(random_state=0).fit(X, [3.0, 1.5, 4.2, 1.6] * 40)
    >>> SimilarityDisplay.from_estimator(encoder, "city").labels
    ['Rome', 'Pisa', 'Oslo', 'Bern']
    """

    __module__ = "skembed.plotting"

    def __init__(self, *, column, labels, distances):
        self.column = column
        self.labels = labels
        self.distances = distances

    @classmethod
    def from_estimator(cls, estimator, column, *, n_levels=30, ax=None):
        """Draw a column of a fitted encoder or predictor.

        Parameters
        ----------
        estimator : estimator
            Fitted. An encoder or predictor of skembed, or a Pipeline, ColumnTransformer or search
            that holds one.

        column : str
            An embedded column, or a cross.

        n_levels : int, default=30
            So many levels are drawn, those of most rows.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        SimilarityDisplay
        """
        estimator, _ = find_inside(estimator, column=column)
        shown = column_map(estimator, column, most=n_levels)
        own = np.flatnonzero(shown.is_level)
        if len(own) < 2:
            raise ValueError(
                f"Distances need two levels, but {column!r} has {len(own)}. Take another column."
            )
        condensed = pdist(shown.vectors[own].astype(np.float64))
        order = leaves_list(linkage(condensed, "average", optimal_ordering=True))
        if shown.effect[own[order[0]]] > shown.effect[own[order[-1]]]:
            order = order[::-1]
        return cls(
            column=column,
            labels=[shown.labels[i] for i in own[order]],
            distances=squareform(condensed)[np.ix_(order, order)],
        ).plot(ax)

    def plot(self, ax=None):
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        SimilarityDisplay
            This object.
        """
        self.ax_ = ax = _axes(ax)
        self.figure_ = ax.figure
        image = ax.imshow(self.distances, cmap="viridis_r")
        at = np.arange(len(self.labels))
        text = {"fontsize": 7 if len(at) > 20 else 9, "parse_math": False}
        ax.set_xticks(at, self.labels, rotation=90, **text)
        ax.set_yticks(at, self.labels, **text)
        ax.set_title(f"{self.column}: distances", parse_math=False)
        self.figure_.colorbar(image, ax=ax, label="Euclidean distance")
        return self


def _axes(ax):
    """Axes to draw in: those given, or new ones."""
    if ax is not None:
        return ax
    with needs("A display", "matplotlib", extra="plot"):
        from matplotlib import pyplot
    return pyplot.subplots(figsize=(7.5, 5.5), layout="constrained")[1]
