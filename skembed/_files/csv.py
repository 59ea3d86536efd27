"""Rows of a CSV file, batch by batch; needs pyarrow."""

import atexit
import bz2
import gc
import gzip
import re
import time
import weakref
from collections import deque
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from skembed._files.csv_fields import NEEDS_QUOTES, is_text, written_fields

BLOCK_BYTES = 2**23  # bytes that are parsed at once, some ten thousand rows
# What pandas.read_csv takes for missing; pyarrow by itself knows fewer.
MISSING_TEXTS = [
    *("", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN"),
    *("<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
]
LONGEST_WAIT = 2  # seconds, at the end of the process

# Functions of Python that threads of pyarrow may hold, some milliseconds longer than their reader.
_held: list[weakref.ref] = []
START_BYTES = 2**16  # that are looked at for the separator and for quotes
SEPARATORS = ",", ";", "\t", "|"
OPENERS: dict[str, Any] = {".gz": gzip.open, ".bz2": bz2.open}  # by the suffixes behind .csv


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

    A word for missing is missing, but not between quotes, where it is text. In a column that is
    not of strings it is missing between quotes too. An empty field is missing, between quotes too,
    but where the empty text is a level.

    Parameters
    ----------
    path : str or PathLike
        The file, which may be compressed, by its suffix.
    types : dict of str to pyarrow.DataType, default=None
        Of columns; others are of the type that the first rows suggest.
    lenient : bool, default=False
        Whether all columns come as strings, and lines that are no rows are handed out rather than
        raised.
    missing : sequence of str, default=MISSING_TEXTS
        Words for missing. An empty field is missing in any case.
    words : dict of str to set of str, default=None
        By column, words for missing that are levels of it, and not missing.
    as_written : sequence of str, default=()
        Columns whose fields come too, behind the others, as they are written; the same name comes
        a second time, if need be.

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

    def __init__(
        self, path, types=None, *, lenient=False, missing=MISSING_TEXTS, words=None, as_written=()
    ):
        self.path, self.lenient, self.as_written = path, lenient, list(as_written)
        self.missing, self.words = ["", *missing], words or {}
        self.files = [Path(path)]
        with self._explained():
            start = _start(path)
            self.separator = find_separator(start)
            self.names, found = self._first_types()
        self._quoted = quoted_columns(start, self.separator)
        self.types = found | {name: kind for name, kind in (types or {}).items() if name in found}

    def batches(self, names, first_row):
        """Read rows; see `skembed._files.sources.DatasetSource.batches`.

        Where a cell is not of its column's type, the columns of its batch and of those behind it
        are strings: `typed` makes numbers of them, or says which cell is none.
        """
        import pyarrow as pa

        malformed: deque[Malformed] = deque()
        row = 0
        kinds = [pa.string() if self.lenient else self.types[name] for name in names]
        fields = [
            *zip(names, kinds, strict=True),
            *((name, pa.string()) for name in self.as_written),
        ]
        behind_the_last = pa.RecordBatch.from_arrays(
            [pa.array([], kind) for _, kind in fields], names=[name for name, _ in fields]
        )
        for batch in chain(self._read(names, malformed), [behind_the_last]):
            lines = []
            while malformed and malformed[0].row <= row + max(batch.num_rows - 1, 0):
                lines.append(malformed.popleft())
            skipped = min(max(first_row - row, 0), batch.num_rows)
            yield row + skipped, batch.slice(skipped), [at for at in lines if at.row >= first_row]
            row += batch.num_rows

    def typed(self, name, column):
        """A column of strings as what its type is.

        Raises
        ------
        ValueError
            If a cell is not of the type. The error names column and cell.
        """
        import pyarrow as pa
        from pyarrow import compute

        kind = self.types[name]
        if column.type == kind or not pa.types.is_string(column.type):
            return column
        if is_text(kind):
            return column.cast(kind)
        missing = compute.is_in(column, value_set=pa.array(self.missing))
        column = compute.replace_with_mask(column, missing, pa.scalar(None, pa.string()))
        if pa.types.is_null(kind) and column.null_count == len(column):
            return pa.nulls(len(column))
        try:
            return compute.utf8_trim_whitespace(column).cast(kind)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise ValueError(f"Column {name!r}: {error}.") from error

    def _first_types(self):
        """Names of the columns, and types by column that the first rows suggest."""
        import pyarrow as pa

        with self._open(None, {}, self.missing, deque(), quoted=True) as reader:
            found = reader.schema
        types = dict(zip(found.names, found.types, strict=True))
        if any(map(pa.types.is_null, found.types)):  # all words, which may be text between quotes
            with self._open(None, {}, self.missing, deque()) as reader:
                unclear = [field for field in reader.schema if pa.types.is_null(types[field.name])]
            types |= {field.name: field.type for field in unclear}
        return found.names, types

    def _read(self, names, malformed):
        """Batches of the columns, and behind them those as they are written."""
        import pyarrow as pa

        others = [name for name in self.as_written if name not in names]
        written = list(dict.fromkeys([*filter(self.words.get, names), *self.as_written]))
        with self._explained():
            batches = self._read_typed(names, others, malformed)
            if not written:
                yield from map(_without_empty_texts, batches)
                return
            kinds = dict.fromkeys(written, pa.string())
            # Both readers cut the file into the same blocks.
            faults: deque[Malformed] | None = deque() if self.lenient else None
            with self._open(written, kinds, [""], faults) as texts:
                for batch, text in zip(batches, texts, strict=True):
                    yield self._joined(names, batch, text)

    def _joined(self, names, batch, text):
        """The columns of a batch, and behind them those as they are written."""
        import pyarrow as pa

        columns = [
            self._with_words(name, column, text) if name in self.words else column
            for name, column in zip(names, _without_empty_texts(batch).columns, strict=False)
        ]
        for name in self.as_written:
            is_missing, quoted = batch[name].is_null(), name in self._quoted
            columns.append(written_fields(text[name], is_missing, self.missing, quoted=quoted))
        return pa.RecordBatch.from_arrays(columns, names=[*names, *self.as_written])

    def _with_words(self, name, column, text):
        """A column of strings in which words for missing that are levels are not missing."""
        import pyarrow as pa
        from pyarrow import compute

        if not pa.types.is_string(column.type):
            return column
        is_level = compute.is_in(text[name], value_set=pa.array(sorted(self.words[name])))
        return compute.if_else(is_level, text[name], column)

    def _read_typed(self, names, others, malformed):
        """Batches of columns, and of others as strings; all are strings from a bad cell on."""
        import pyarrow as pa

        n_done = 0
        columns = [*names, *others]
        texts = dict.fromkeys(columns, pa.string())
        if not self.lenient:
            kinds = texts | {name: self.types[name] for name in names}
            try:
                with self._open(columns, kinds, self.missing) as reader:
                    for batch in reader:
                        yield batch
                        n_done += 1
                return
            except pa.ArrowInvalid:
                pass
        faults = malformed if self.lenient else None
        with self._open(columns, texts, self.missing, faults) as reader:
            yield from islice(reader, n_done, None)

    @contextmanager
    def _explained(self):
        """Let an error name the file, and say what to do."""
        import pyarrow as pa

        try:
            yield
        except (pa.ArrowException, UnicodeError, EOFError, OSError) as error:
            if getattr(error, "errno", None):  # of the system, and names the file
                raise
            if "Empty CSV file" in str(error):
                instead = "Its first line must name the columns."
            elif "UTF8" in str(error) or isinstance(error, UnicodeError):
                instead = "Save the file as UTF-8."
            elif isinstance(error, (EOFError, OSError)):
                instead = "It may be damaged: write it again."
            else:
                instead = "Give a quarantine for such lines, or correct them."
            raise ValueError(f"{str(self.path)!r}: {error}. {instead}") from error

    def _open(self, names, types, missing, malformed=None, *, quoted=False):
        """Open the file to read some columns; malformed lines are appended, or an error."""
        from pyarrow import csv

        n_malformed = 0

        def handle(line):
            nonlocal n_malformed
            row = line.number - 2 - n_malformed  # which counts the header, and malformed lines
            fault = f"{line.actual_columns} fields instead of {line.expected_columns}"
            malformed.append(Malformed(row, line.text, fault))
            n_malformed += 1
            return "skip"

        _held[:] = [*_still_held(), weakref.ref(handle)]
        lenient = malformed is not None
        return csv.open_csv(
            self.path,
            # Lines have numbers in one thread alone.
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, use_threads=not lenient),
            parse_options=csv.ParseOptions(
                delimiter=self.separator,
                newlines_in_values=True,
                invalid_row_handler=handle if lenient else None,
            ),
            convert_options=csv.ConvertOptions(
                include_columns=names,
                column_types=types,
                null_values=missing,
                strings_can_be_null=True,
                quoted_strings_can_be_null=quoted,
            ),
        )


def _still_held():
    return [function for function in _held if function() is not None]


@atexit.register
def _wait_for_readers():
    """Let readers end before Python does: a thread that lets go of a function later aborts all."""
    end = time.monotonic() + LONGEST_WAIT
    if _still_held():
        gc.collect()  # frames of an error, which may hold a reader
    while _still_held() and time.monotonic() < end:
        time.sleep(0.001)


def _without_empty_texts(batch):
    """A batch in which empty texts are missing."""
    import pyarrow as pa
    from pyarrow import compute

    columns = batch.columns
    for i, column in enumerate(columns):
        if pa.types.is_string(column.type) and compute.index(column, "").as_py() >= 0:
            is_empty = compute.equal(column, "")
            columns[i] = compute.replace_with_mask(column, is_empty, pa.scalar(None, pa.string()))
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _start(path):
    """The first lines of a file."""
    opened = OPENERS.get(Path(path).suffix.lower(), open)(path, "rb")
    with opened as file:
        start = file.read(START_BYTES)
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise UnicodeError("it is UTF-16")
    return start.decode("utf-8-sig", errors="replace")


def find_separator(start):
    """What stands between the names of the first line: a comma, if there is one."""
    line = next(iter(start.splitlines()), "")
    bare = "".join(line.split('"')[::2])  # what stands outside of quotes
    return next((sign for sign in SEPARATORS if sign in bare), ",")


def quoted_columns(start, separator):
    """Names of the columns that have quotes where they need none, in the first field that shows it.

    Parameters
    ----------
    start : str
        The first lines of a file.
    separator : str

    Returns
    -------
    set of str
    """
    sign = re.escape(separator)
    ends = re.finditer(rf'("(?:[^"]|"")*"|[^{sign}\r\n]*)({sign}|\r?\n|\r|\Z)', start)
    rows: list[list[str]] = [[]]
    for found in ends:
        rows[-1].append(found[1])
        if found[2] != separator:
            rows.append([])
    header, *others = rows
    quoted: dict[str, bool] = {}
    for row in others:
        for name, field in zip(header, row, strict=False):
            text = field.strip('"')
            if text and not NEEDS_QUOTES.search(text):
                quoted.setdefault(name.strip('"'), field.startswith('"'))
    return {name for name, is_quoted in quoted.items() if is_quoted}
