"""``python -m skembed``."""

import argparse
import pathlib
import sys


def main(arguments=None):
    """Run a command line; return its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m skembed", description="Neural entity embeddings for scikit-learn."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    demo = commands.add_parser("demo", help="compare encoders on UCI Adult, in about a minute")
    demo.add_argument(
        "--out",
        type=pathlib.Path,
        default=pathlib.Path("demo"),
        help="folder for the saved pipeline and the picture (default: demo)",
    )
    options = parser.parse_args(arguments)
    try:
        from skembed.demo import run
    except ModuleNotFoundError as error:
        print(f"{error}: the demo needs more, pip install 'skembed[demo]'", file=sys.stderr)
        return 1
    run(options.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
