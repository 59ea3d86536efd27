"""Scoring rows of CSV, whose cells are text until somebody knows what they are."""

import warnings
from contextlib import suppress

import numpy as np
import pandas as pd

from skembed._files.csv_fields import mark_fields

NO_MATCH = "(?s).*no level can match"  # what the warning says of values of other types than fit's


class TextScorer:
    """Score batches of a CSV file.

    A cell that is no number, in a column whose levels are numbers, is a level that `fit` did not
    see, as it is in memory. In any other column of numbers it is an error.

    Parameters
    ----------
    scorer : Scorer
    source : CsvSource
        The batches are its: columns of the scorer, then others as they are written.
    with_levels : container of str
        Columns that are known to have levels.
    """

    def __init__(self, scorer, source, with_levels):
        self.scorer, self.source, self.with_levels = scorer, source, with_levels

    def __call__(self, batch):
        """Score rows; see `Scorer`."""
        import pyarrow as pa

        names = self.scorer.names
        columns, odd = {}, {}
        for name, column in zip(names, batch.columns, strict=False):
            try:
                columns[name] = self.source.typed(name, column)
            except ValueError:
                if name not in self.with_levels:
                    raise
                odd[name] = numbers_and_texts(column, self.source.missing)
        texts = dict(zip(self.source.as_written, batch.columns[len(names) :], strict=True))
        kept = {name: texts[name] for name in self.scorer.keep}
        if not odd:
            return mark_fields(self.scorer.score(pa.RecordBatch.from_pydict(columns), kept), kept)
        frame = pa.RecordBatch.from_pydict(columns).to_pandas()
        X = pd.DataFrame({name: odd.get(name, frame.get(name)) for name in names})
        with warnings.catch_warnings():  # of a few rows none may be a number, as they are cut
            warnings.filterwarnings("ignore", message=NO_MATCH)
            return mark_fields(self.scorer.score(X, kept), kept)


def numbers_and_texts(column, missing):
    """Array of the numbers in a column of strings, and of the texts that are none."""
    encoded = column.dictionary_encode()
    texts = encoded.dictionary.to_pylist()
    values = [*(None if text in missing else _number(text) for text in texts), None]
    held = np.empty(len(values), dtype=object)
    held[:] = values
    return held[encoded.indices.fill_null(len(values) - 1).to_numpy()]


def _number(text):
    """Number that is written so; what is none stays text."""
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(text)
            return text if "_" in text or number in (np.inf, -np.inf) else number
    return text
