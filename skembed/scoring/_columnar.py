"""What `transform` gives, column by column: as files of columns want it, without a matrix."""

import numpy as np
from scipy.sparse import issparse

from skembed._base import encode_blocks, read_rows


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
    columns = read_rows(encoder, X)
    blocks = [
        list(_of_block(encoder, part, codes)) for _, part, codes in encode_blocks(encoder, columns)
    ]
    if len(blocks) == 1:
        return blocks[0]
    return [np.concatenate(parts) for parts in zip(*blocks, strict=True)]


def _of_block(encoder, part, codes):
    layout = encoder.output_layout_
    for slot in layout.slots:
        if slot.name is None:
            yield part.numbers(slot.positions[0], layout.dtype)
        elif issparse(codes[slot.name]):
            yield from (codes[slot.name] @ encoder.tables_[slot.name]).T
        else:
            yield from codes[slot.name].components(encoder.tables_[slot.name])
