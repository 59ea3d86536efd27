"""The command line: its commands, and what becomes of their errors."""

import os
import sys
import warnings
from contextlib import contextmanager
from functools import partial
from typing import Annotated

import typer
from typer.core import TyperGroup

from skembed import __version__
from skembed._cli.compare import benchmark, demo
from skembed._cli.fit import fit
from skembed._cli.inspect import explore, inspect, nearest
from skembed._cli.option_words import in_options
from skembed._cli.options import say
from skembed._cli.score import score, transform
from skembed._utils.optional_imports import needs

# What wrong input, wrong files and missing packages raise. All else is a mistake of skembed, and
# comes with its traceback.
TOLD = (OSError, ValueError, TypeError, ImportError, NotImplementedError, MemoryError)

EPILOG = """\b
Exit codes:
  0    done
  1    the data, a file or the installation is wrong; standard error says what
  2    the command line itself is wrong
  3    done, but some rows are in the file of --quarantine
  130  stopped by Ctrl-C

With SKEMBED_DEBUG=1 in the environment, errors come with their traceback.
"""


class Commands(TyperGroup):
    """Commands whose errors are a line on standard error and an exit code."""

    def invoke(self, ctx):
        """Run a command."""
        try:
            if hasattr(sys.stdout, "reconfigure"):  # what a terminal cannot show is no error
                sys.stdout.reconfigure(errors="backslashreplace")
            packages = needs("The command line", "pyarrow", "rich", extra="cli")
            with warnings.catch_warnings(), _told_once(), packages:
                warnings.showwarning = partial(_show_warning, ctx)
                result = super().invoke(ctx)
            sys.stdout.flush()  # here, where a closed pipe is still seen
        except BrokenPipeError:
            raise  # of `skembed ... | head`; typer ends without a word
        except KeyboardInterrupt as error:
            say(str(error) or "stopped")
            raise typer.Exit(130) from None
        except TOLD as error:
            if os.environ.get("SKEMBED_DEBUG"):
                raise
            say(in_options(str(error), ctx.invoked_subcommand) or type(error).__name__)
            raise typer.Exit(1) from None
        return result


@contextmanager
def _told_once():
    """Keep quiet about errors in pyarrow's callbacks, which are raised where it returns."""
    before = sys.unraisablehook
    if not os.environ.get("SKEMBED_DEBUG"):
        sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = before


def _show_warning(ctx, message, *_):
    say(f"warning: {in_options(str(message), ctx.invoked_subcommand)}")


app = typer.Typer(
    cls=Commands,
    epilog=EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain text, which can be searched and piped
)
for command in (fit, transform, score, inspect, nearest, explore, benchmark, demo):
    app.command()(command)


def _print_version(wanted: bool):
    if wanted:
        print(__version__)
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print it, and end.", callback=_print_version, is_eager=True
        ),
    ] = False,
):
    """Neural entity embeddings as features for scikit-learn."""
