"""``skembed``, and ``python -m skembed``: the command line, where what it needs is installed."""

import sys

from skembed._utils.optional_imports import MissingPackageError, needs


def main(arguments=None):
    """Run a command line.

    Parameters
    ----------
    arguments : list of str, default=None
        Those of the process, if none are given.

    Returns
    -------
    int
        Exit code, if it does not leave by `SystemExit`.
    """
    try:
        with needs("The command line", "typer", extra="cli"):
            from skembed._cli.app import app
    except MissingPackageError as error:
        print(error, file=sys.stderr)
        return 1
    return app(arguments, prog_name="skembed")


if __name__ == "__main__":
    sys.exit(main())
