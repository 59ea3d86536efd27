"""Errors that name the file that cannot be read or written, and what to do."""

from contextlib import contextmanager
from pathlib import Path

from skembed._files.atomic import naming_target


def check_no_pipe(path):
    """Raise if a path is that of a pipe or a device, which a reader would wait for."""
    if not (Path(path).is_file() or Path(path).is_dir()):
        raise ValueError(
            f"{str(path)!r} is a pipe or a device, but is read more than once: give a file."
        )


@contextmanager
def naming_source(path):
    """Let what pyarrow says of a file that it cannot read name the file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, UnicodeError, OSError) as error:
        # An OSError with a number is of the system, and names the file; others are of the data.
        if isinstance(error, FileNotFoundError) or getattr(error, "errno", None):
            raise
        kind = next(
            (kind for kind in (OSError, MemoryError) if isinstance(error, kind)), ValueError
        )
        raise kind(
            f"{str(path)!r} cannot be read: {str(error).strip().rstrip('.')}. It may be damaged: "
            "write it again, or give another file."
        ) from error


@contextmanager
def naming_output(out, schema=()):
    """Let what cannot be written name the file, and the columns that it may be about."""
    import pyarrow as pa

    try:
        with naming_target(out):
            yield
    except (pa.ArrowException, UnicodeError) as error:
        odd = {field.name: str(field.type) for field in schema if not _is_plain(field.type)}
        instead = f"leave out some of the columns {odd}, or give another suffix" if odd else ""
        raise ValueError(
            f"{str(out)!r} cannot be written: {error}. To be able to, "
            f"{instead or 'give another name'}."
        ) from error


def _is_plain(kind):
    """Whether every format holds a type of pyarrow: a number, text, a boolean or a time."""
    import pyarrow as pa

    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return pa.types.is_primitive(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
