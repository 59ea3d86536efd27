"""What `transform` gives, column by column: as files of columns want it, without a matrix."""

import numpy as np
from scipy.sparse import issparse

from skembed._columns.lookup import coded_blocks


def feature_columns(encoder, X):
    """Transform a frame; the values are those of `transform`, to the bit.

    Parameters
    ----------
    encoder : NeuralEmbeddingEncoder
        Fitted.
    X : data frame
        As for `transform`.

    Returns
    -------
    list of ndarray, each of shape (n_rows,)
        In the order of ``get_feature_names_out``. The components of vectors are float32, as in the
        tables, whatever the columns are that pass through.
    """
    columns = encoder._columns(X, reset=False)
    blocks = [
        list(_of_block(encoder, part, codes)) for _, part, codes in coded_blocks(encoder, columns)
    ]
    if len(blocks) == 1:
        return blocks[0]
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _of_block(encoder, part, codes):
    for slot in encoder._layout.slots:
        if slot.name is None:
            yield part.numbers(slot.positions[0], encoder._layout.dtype)
        elif issparse(codes[slot.name]):
            yield from (codes[slot.name] @ encoder.tables_[slot.name]).T
        else:
            yield from codes[slot.name].components(encoder.tables_[slot.name])
