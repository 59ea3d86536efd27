"""``skembed``, and ``python -m skembed``: the command line, where what it needs is installed."""

import sys


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
        from skembed._cli.app import app
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("skembed"):
            raise
        print(
            f"The command line needs {error.name}, which is not installed: "
            "pip install 'skembed[cli]'.",
            file=sys.stderr,
        )
        return 1
    return app(arguments, prog_name="skembed")


if __name__ == "__main__":
    sys.exit(main())
