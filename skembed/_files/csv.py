"""Rows of a CSV file, batch by batch; needs pyarrow."""

from collections import deque
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

BLOCK_BYTES = 2**23  # bytes that are parsed at once, some ten thousand rows
# What pandas.read_csv takes for missing; pyarrow by itself knows fewer.
MISSING_TEXTS = [
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
]


class Malformed(NamedTuple):
    """A line that is no row.

    Attributes
    ----------
    row : int
        How many rows stand before it.
    text : str
    fault : str
        What is wrong with it.
    """

    row: int
    text: str
    fault: str


class CsvSource:
    """Rows of a CSV file whose first line names the columns.

    Parameters
    ----------
    path : str or PathLike
    types : dict of str to pyarrow.DataType
        Of columns; others are of the type that the first rows suggest.
    lenient : bool
        Whether all columns come as strings, and lines that are no rows are handed out rather than
        raised.

    Attributes
    ----------
    names : list of str
        Of the columns.
    n_rows : None
        Only reading all rows would show it.
    types : dict of str to pyarrow.DataType
        By column.
    files : list of Path
    """

    n_rows = None

    def __init__(self, path, types, *, lenient):
        self.path, self.lenient = path, lenient
        self.files = [Path(path)]
        with self._explained():
            found = self._open(None, deque(), {}, lenient=True).schema
            self.names = found.names
            self.types = {field.name: types.get(field.name, field.type) for field in found}

    def batches(self, names, first_row):
        """Read rows; see `skembed._files.sources.DatasetSource.batches`."""
        import pyarrow as pa

        malformed: deque[Malformed] = deque()
        row = 0
        types = dict.fromkeys(names, pa.string()) if self.lenient else self.types
        schema = pa.schema([(name, types[name]) for name in names])
        behind_the_last = pa.RecordBatch.from_pylist([], schema=schema)
        for batch in chain(self._read(names, malformed, types), [behind_the_last]):
            lines = []
            while malformed and malformed[0].row <= row + max(batch.num_rows - 1, 0):
                lines.append(malformed.popleft())
            skipped = min(max(first_row - row, 0), batch.num_rows)
            yield row + skipped, batch.slice(skipped), [at for at in lines if at.row >= first_row]
            row += batch.num_rows

    def _read(self, names, malformed, types):
        with self._explained():
            yield from self._open(names, malformed, types, lenient=self.lenient)

    @contextmanager
    def _explained(self):
        """Let an error name the file, and say what to do."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, UnicodeError) as error:
            if "Empty CSV file" in str(error):
                instead = "Its first line must name the columns."
            elif self.lenient or isinstance(error, UnicodeError):
                instead = "Save the file as UTF-8."
            else:
                instead = "Give a quarantine for such rows, or column_types if the first mislead."
            raise ValueError(f"{str(self.path)!r}: {error}. {instead}") from error

    def _open(self, names, malformed, types, *, lenient):
        """Open the file to read some columns; malformed lines are appended, as they are met."""
        from pyarrow import csv

        n_malformed = 0

        def handle(line):
            nonlocal n_malformed
            row = line.number - 2 - n_malformed  # which counts the header, and malformed lines
            fault = f"{line.actual_columns} fields instead of {line.expected_columns}"
            malformed.append(Malformed(row, line.text, fault))
            n_malformed += 1
            return "skip"

        return csv.open_csv(
            self.path,
            # Lines have numbers in one thread alone.
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=not lenient),
            parse_options=csv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=handle if lenient else None
            ),
            convert_options=csv.ConvertOptions(
                include_columns=names,
                column_types=types,
                null_values=MISSING_TEXTS,
                strings_can_be_null=True,
            ),
        )
