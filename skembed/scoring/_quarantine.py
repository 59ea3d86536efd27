"""Rows that cannot be scored, apart from those that can."""

from skembed._files.csv_fields import mark_fields

HOPELESS = 1000  # rows refused, and none scored, a sign of a wrong job rather than wrong rows


class Quarantine:
    """Scores batches, and hands out the rows that were refused rather than raising.

    Parameters
    ----------
    score : callable
        From a batch to a batch.
    as_written : sequence of str, default=None
        Columns of CSV as they are written, which are the last of each batch. None if the rows are
        not of CSV.

    Attributes
    ----------
    n_scored, n_refused : int
        Rows so far.
    """

    def __init__(self, score, as_written=None):
        self.score, self.as_written = score, as_written
        self.n_scored = self.n_refused = 0

    def __call__(self, row, batch, malformed):
        """Score rows.

        Parameters
        ----------
        row : int
            How many rows stand before these.
        batch : pyarrow.RecordBatch
        malformed : list of Malformed

        Returns
        -------
        scored : list of pyarrow.RecordBatch
            Of the rows that were not refused, in their order.
        refused : pyarrow.RecordBatch
            The others: "row", how many rows stand before, "reason", and their columns; for lines
            of CSV that are no rows, "text". Names that the data have get an underscore before.
        """
        scored, rows, reasons = [], [], []
        waiting = [(0, batch.num_rows)]
        while waiting:  # halves, until a single row is what is refused
            start, stop = waiting.pop()
            try:
                scored.append(self.score(batch.slice(start, stop - start)))
                self.n_scored += stop - start
            except (TypeError, ValueError) as error:
                if start == stop:
                    continue
                if stop - start > 1:
                    middle = (start + stop) // 2
                    waiting += [(middle, stop), (start, middle)]
                    continue
                rows.append(start)
                reasons.append(str(error))
                self.n_refused += 1
                if self.n_refused == HOPELESS and not self.n_scored:
                    raise ValueError(
                        f"None of the first {HOPELESS} rows could be scored. Of the last of them: "
                        f"{error}"
                    ) from error
        self.n_refused += len(malformed)
        refused = _taken(self._shown(batch), rows)
        return scored, self._refused([row + at for at in rows], reasons, refused, malformed)

    def _refused(self, rows, reasons, batch, malformed):
        """Rows that were refused and lines that are none, as one batch."""
        import pyarrow as pa

        rows = [*rows, *(line.row for line in malformed)]
        reasons = [*reasons, *(line.fault for line in malformed)]
        row, reason, text = (_free(own, batch.schema.names) for own in ("row", "reason", "text"))
        fields = {row: pa.array(rows, pa.int64()), reason: pa.array(reasons, pa.string())}
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            if pa.types.is_dictionary(column.type):
                column = column.cast(column.type.value_type)
            fields[name] = pa.concat_arrays([column, pa.nulls(len(malformed), column.type)])
        if self.as_written is not None:
            texts = [*[None] * batch.num_rows, *(line.text for line in malformed)]
            fields[text] = pa.array(texts, pa.string())
        refused = pa.RecordBatch.from_arrays(list(fields.values()), names=list(fields))
        refused = mark_fields(refused, self.as_written or ())
        return refused.sort_by(row) if malformed else refused

    def _shown(self, batch):
        """The columns of a batch by which its rows can be known again."""
        if self.as_written is None:
            return batch
        n_others = batch.num_columns - len(self.as_written)
        return batch.select(range(n_others, batch.num_columns))


def _taken(batch, rows):
    """The rows of a batch, also where pyarrow cannot take them: of views of strings, say."""
    import pyarrow as pa

    try:
        return batch.take(pa.array(rows, pa.int64()))
    except pa.ArrowNotImplementedError:
        starts = rows or [batch.num_rows]  # behind the last there is none
        columns = [
            pa.concat_arrays([column.slice(start, 1) for start in starts]) for column in batch
        ]
        return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def _free(name, taken):
    """The name, or one with underscores before it that the data have not taken."""
    while name in taken:
        name = f"_{name}"
    return name
