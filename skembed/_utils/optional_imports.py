"""One way to say which extra is missing."""

from contextlib import contextmanager

WRITTEN = {"dask": "Dask", "torch": "PyTorch"}  # as their makers write them


class MissingPackageError(ModuleNotFoundError):
    """A package that is not installed; the message names the extra that installs it."""


@contextmanager
def needs(what, *packages, extra, hint=""):
    """Name the extra where a package cannot be imported, because it is not installed.

    Other missing modules are other errors: a module of skembed, or one that a package needs itself.

    Parameters
    ----------
    what : str
        What needs the packages, as the beginning of a sentence.
    *packages : str
        As they are imported.
    extra : str
        Of skembed; installs the packages.
    hint : str, default=""
        A sentence to add.

    Raises
    ------
    MissingPackageError
    """
    try:
        yield
    except MissingPackageError:
        raise
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in packages:
            raise
        raise MissingPackageError(
            f"{what} needs {WRITTEN.get(package, package)}, which is not installed: "
            f"pip install 'skembed[{extra}]'.{f' {hint}' if hint else ''}",
            name=package,
        ) from error


def needs_torch(what):
    """Name the extra where torch is not installed; see `needs`."""
    hint = "A fitted encoder transforms without it."
    return needs(what, "torch", extra="torch", hint=hint)
