"""Features back to the columns of X."""

import numpy as np
import pandas as pd

from skembed._reading.level_names import labels, typed_series
from skembed._reading.nearest import nearest_codes


def restore_columns(columns, layout, names_in, tables, row_encoder):
    """Restore the columns of X from columns of the output; columns that are not in it are absent.

    Parameters
    ----------
    columns : Columns
        The output.
    layout : Layout
    names_in : list
        Names of the columns of X.
    tables : dict of str to ndarray of shape (n_codes, dim)
    row_encoder : RowEncoder

    Returns
    -------
    DataFrame
    """
    _check_columns(columns, layout.names_out(names_in).tolist())
    given, vocabularies, bags = {}, row_encoder.vocabularies, row_encoder.bags
    for positions, name, place in layout.slots:
        # A cross repeats its columns; a bag cannot be read from its mean.
        if len(positions) > 1 or name in bags:
            continue
        values = np.column_stack([columns.numbers(j) for j in range(place.start, place.stop)])
        if name is None:
            given[names_in[positions[0]]] = values[:, 0]
            continue
        if np.isnan(values).any():
            row, component = np.argwhere(np.isnan(values))[0]
            raise ValueError(
                f"Column {columns.names[place.start + component]!r} is missing in row {row}: give "
                "vectors without gaps."
            )
        codes = nearest_codes(values, tables[name], vocabularies[name].counts)
        given[names_in[positions[0]]] = typed_series(labels(vocabularies[name], {}, codes))
    return pd.DataFrame(given)


def _check_columns(columns, names_out):
    if len(columns.names) != len(names_out):
        raise ValueError(
            f"X has {len(columns.names)} features, but inverse_transform is expecting "
            f"{len(names_out)} features as input: the output of transform, {names_out}."
        )
    if columns.is_frame and list(columns.names) != names_out:
        raise ValueError(
            f"X has the columns {list(columns.names)}, but inverse_transform is expecting those of "
            f"get_feature_names_out(), in their order: {names_out}."
        )
