"""Fields of CSV as they are written, quotes included, from one file into another; needs pyarrow."""

import re

AS_WRITTEN = {b"skembed": b"a field of CSV"}  # metadata of a column that holds such fields
NEEDS_QUOTES = re.compile(r'[",;|\t\r\n]')
SLICE_ROWS = 2**14  # that become one text


def written_fields(texts, is_missing, words, *, quoted):
    """Texts as fields of CSV.

    Parameters
    ----------
    texts : pyarrow.StringArray
        A null is an empty field without quotes.
    is_missing : pyarrow.BooleanArray
        Which of the words for missing have no quotes.
    words : sequence of str
        Words for missing.
    quoted : bool
        Whether other fields have quotes where they do not need them.

    Returns
    -------
    pyarrow.StringArray
    """
    import pyarrow as pa
    from pyarrow import compute

    known = [word for word in words if word]
    is_word = compute.is_in(texts, value_set=pa.array(known, pa.string()))
    bare = compute.and_(is_word, is_missing)
    if not quoted:
        needed = compute.match_substring_regex(texts, f"^$|{NEEDS_QUOTES.pattern}")
        bare = compute.or_(bare, compute.invert(compute.or_(needed, is_word)))
    return compute.if_else(bare, texts, _between_quotes(texts))


def mark_fields(batch, names):
    """A batch some of whose columns are marked as fields of CSV."""
    import pyarrow as pa

    schema = [
        field.with_metadata(AS_WRITTEN) if field.name in names else field for field in batch.schema
    ]
    return pa.RecordBatch.from_arrays(batch.columns, schema=pa.schema(schema))


def plain_schema(schema):
    """A schema whose columns are not marked."""
    import pyarrow as pa

    return pa.schema(
        [field.remove_metadata() if _holds_fields(field) else field for field in schema]
    )


class PlainWriter:
    """Writer of a format other than CSV, which holds the texts of fields.

    Parameters
    ----------
    writer : object
        With ``write_batch`` or ``write_table``, and ``close``, as pyarrow's.
    """

    def __init__(self, writer):
        self._writer = writer

    def write_table(self, table):
        """Append the rows of a table."""
        import pyarrow as pa

        columns = [
            _texts(column) if _holds_fields(field) else column
            for field, column in zip(table.schema, table.columns, strict=True)
        ]
        self._writer.write_table(pa.table(columns, schema=plain_schema(table.schema)))

    def close(self):
        """End the file."""
        self._writer.close()


class FieldsWriter:
    """A CSV file some of whose columns are fields of CSV.

    All else is written as pyarrow does it: numbers bare, texts and the names of columns between
    quotes.

    Parameters
    ----------
    path : str or PathLike
    schema : pyarrow.Schema
    header : bool
        Whether to start with the names of the columns.
    """

    def __init__(self, path, schema, *, header):
        import pyarrow as pa

        self._file = pa.OSFile(str(path), "wb")
        if header:
            names = _between_quotes(pa.array(schema.names)).to_pylist()
            self._file.write(",".join(names).encode() + b"\n")

    def write_table(self, table):
        """Append the rows of a table."""
        import pyarrow as pa
        from pyarrow import compute

        comma, end, nothing = (pa.scalar(text, pa.large_string()) for text in (",", "\n", ""))
        for batch in table.to_batches(max_chunksize=SLICE_ROWS):
            columns = zip(batch.schema, batch.columns, strict=True)
            fields = [_field(*column).fill_null("") for column in columns]
            lines = compute.binary_join_element_wise(*fields, comma)
            self._file.write(compute.binary_join_element_wise(lines, end, nothing).buffers()[2])

    def close(self):
        """End the file."""
        self._file.close()


def _holds_fields(field):
    return field.metadata == AS_WRITTEN


def _field(field, column):
    """A column as fields of CSV, nulls left as they are."""
    import pyarrow as pa

    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    texts = column.cast(kind).cast(pa.large_string())
    return _between_quotes(texts) if is_text(kind) and not _holds_fields(field) else texts


def _between_quotes(texts):
    import pyarrow as pa
    from pyarrow import compute

    quote, nothing = pa.scalar('"', texts.type), pa.scalar("", texts.type)
    doubled = compute.replace_substring(texts, '"', '""')
    return compute.binary_join_element_wise(quote, doubled, quote, nothing)


def _texts(fields):
    """The texts of fields."""
    from pyarrow import compute

    inner = compute.replace_substring(compute.utf8_slice_codeunits(fields, 1, -1), '""', '"')
    return compute.if_else(compute.starts_with(fields, '"'), inner, fields)


def is_text(kind):
    """Whether a type of pyarrow holds texts as they are."""
    from pyarrow import types

    tests = types.is_string, types.is_large_string, types.is_string_view
    return any(test(kind) for test in tests)
