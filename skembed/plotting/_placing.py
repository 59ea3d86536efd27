"""matplotlib: labels beside points, none over another."""

import numpy as np
from matplotlib.patheffects import withStroke
from matplotlib.transforms import Bbox

# Of a label beside its point, as steps to the right and up.
PLACES = ((1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1))


def place_labels(ax, points, texts, widths):
    """Write labels beside their points, each at the first place that is free, or not at all.

    Parameters
    ----------
    ax : matplotlib Axes
    points : ndarray of shape (n_labels, 2)
    texts : list of str
        Those that matter most first.
    widths : ndarray of shape (n_labels,)
        Of the markers, in typographic points.
    """
    ax.figure.draw_without_rendering()  # settles the layout, and with it where points are
    inside = ax.get_window_extent()
    pixels = widths * ax.figure.dpi / 72
    centres = ax.transData.transform(points)
    corners = np.stack([centres - pixels[:, None] / 2, centres + pixels[:, None] / 2], axis=1)
    taken = [Bbox(marker) for marker in corners]
    for point, text, width in zip(points, texts, widths, strict=True):
        for x, y in PLACES:
            label = ax.annotate(
                text,
                point,
                xytext=(x * (width / 2 + 3), y * (width / 2 + 3)),
                textcoords="offset points",
                ha=("center", "left", "right")[x],
                va=("center", "bottom", "top")[y],
                fontsize=8,
                zorder=4,
                parse_math=False,
                path_effects=[withStroke(linewidth=2, foreground="white")],
            )
            box = label.get_window_extent()
            is_inside = inside.contains(*box.min) and inside.contains(*box.max)
            if is_inside and not any(box.overlaps(other) for other in taken):
                taken.append(box)
                break
            label.remove()
