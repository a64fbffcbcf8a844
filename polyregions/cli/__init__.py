"""The command line: parses, calls, prints; no mathematics.

One module per subcommand. Exit codes: 0 done, 1 a check failed, 2 bad input or
usage, 3 stopped by a limit or Ctrl-C with a partial result, labelled.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any

import typer

from polyregions.cli import (
    certify,
    check,
    count,
    enumerate_,
    estimate,
    experiment,
    graph,
    info,
    linear,
    plot,
    theorem5,
    view,
)
from polyregions.cli.report import complain
from polyregions.errors import PolyregionsError

__all__ = ["main"]

app = typer.Typer(
    name="polyregions",
    help="Every activation region of a ReLU network in a box, each answer proven.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _deferred(command: Callable[..., int]) -> Callable[..., Callable[[], int]]:
    """Let the parser only parse: it has its own exit codes for Ctrl-C and closed pipes."""

    @wraps(command)
    def parsed(**options: Any) -> Callable[[], int]:
        return partial(command, **options)

    return parsed


app.command("certify")(_deferred(certify.certify))
app.command("check")(_deferred(check.check))
app.command("count")(_deferred(count.count))
app.command("enumerate")(_deferred(enumerate_.enumerate_))
app.command("estimate")(_deferred(estimate.estimate))
app.command("experiment")(_deferred(experiment.experiment))
app.command("graph")(_deferred(graph.graph))
app.command("info")(_deferred(info.info))
app.command("linear")(_deferred(linear.linear))
app.command("plot")(_deferred(plot.plot))
app.command("view")(_deferred(view.view))
app.command("theorem5", cls=theorem5.ListCommand)(_deferred(theorem5.theorem5))

# every usage error of the parser derives from this class, which has no public name
_UsageError: type[Exception] = typer.BadParameter.__bases__[0]


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    args : sequence of str, optional
        Without the program's name; by default those of the process.

    Returns
    -------
    int
    """
    try:
        code = _run(args)
        if sys.stdout is not None:  # closed by the caller
            sys.stdout.flush()
    except BrokenPipeError:
        # the reader has seen enough; nothing more may be written, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _run(args: Sequence[str] | None) -> int:
    try:
        parsed = app(
            args=None if args is None else list(args),
            prog_name="polyregions",
            standalone_mode=False,
        )
        # a command returns what it would do; --help returns 0, and Ctrl-C while parsing
        # another exit code
        if callable(parsed):
            return int(parsed())
        if parsed:
            raise KeyboardInterrupt
        return 0
    except PolyregionsError as error:
        return complain(str(error))
    except _UsageError as error:
        return complain(_usage_message(error))
    except BrokenPipeError:
        raise
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        return complain(f"{name}{error.strerror or error}; nothing was written")
    except MemoryError:
        return complain("not enough memory; take a smaller box or set --max-regions")
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return complain(
            "compiled kernels are kept on disk, but no folder for them may be written; "
            "set NUMBA_CACHE_DIR to one that may"
        )
    except (KeyboardInterrupt, typer.Abort) as stop:
        return complain(str(stop) or "stopped by Ctrl-C before there was a result", code=3)


def _usage_message(error: Exception) -> str:
    """Turn the parser's complaint into one line; without arguments it is the help text."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    if "\n" in message:
        return "name a command; polyregions --help lists them"
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "polyregions"
    return f"{message.rstrip('.?').replace('. Did', '; did')}; see {command} --help"
