"""The command line: parses, calls, prints; no mathematics.

A module for each subcommand, or for those whose answers are of one kind. Exit codes: 0 done, 1 a
check failed, 2 bad input or usage, 3 stopped by a limit or Ctrl-C with a partial result, labelled,
70 a fault of the program itself.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Sequence
from copy import copy
from functools import partial, wraps
from typing import Annotated, Any

import typer

from polyregions import __version__
from polyregions.cli import (
    answers,
    certify,
    count,
    enumerate_,
    experiment,
    listings,
    plot,
    simplify,
    theorem5_command,
)
from polyregions.cli.report import complain, lenient_streams, print_lines
from polyregions.errors import PolyregionsError
from polyregions.run.progress import shown_steps

__all__ = ["EXAMPLES", "FAULT", "app", "main"]

FAULT = 70  # EX_SOFTWARE of sysexits.h
_TRACEBACK = "POLYREGIONS_TRACEBACK"

_PAGES = "Pages: docs/ of the source code; quickstart.md is the first, howto/ has recipes."

EXAMPLES = {
    "polyregions": (
        "polyregions count",
        "polyregions count net.onnx --cube 1",
        "polyregions plot net.onnx -o cells.png",
    ),
    "boundary": (
        "polyregions boundary net.onnx --cube 1",
        "polyregions boundary net.onnx --box-file box.vnnlib --time-limit 60 -o border.npz",
    ),
    "certify": (
        "polyregions certify net.onnx -o net.cert",
        "polyregions certify net.onnx --box -1 0.5 -o net.cert --json",
    ),
    "check": (
        "polyregions check net.onnx net.cert",
        "polyregions check net.onnx answer.cert property.vnnlib",
        "polyregions check net.onnx net.cert --cube 1     # the domain has to be this one",
    ),
    "compile": ("polyregions compile                              # in an image, before CI",),
    "count": (
        "polyregions count                                # a network that comes along",
        "polyregions count net.onnx --box 0 1 --json",
        "polyregions count net.onnx --method tree --time-limit 60",
    ),
    "equal": (
        "polyregions equal net.onnx pruned.onnx --cube 1",
        "polyregions equal net.onnx quantised.onnx --cube 1 --classes",
        "polyregions equal net.onnx other.npz --box-file box.vnnlib --time-limit 60 --json",
    ),
    "enumerate": (
        "polyregions enumerate net.onnx -o regions.npz",
        "polyregions enumerate net.onnx -o regions.parquet --memory 2G",
        "polyregions enumerate net.onnx -o regions.parquet --memory 2G --resume",
    ),
    "estimate": (
        "polyregions estimate net.onnx",
        "polyregions estimate net.onnx --cube 0.1 --probes 64 --json",
    ),
    "experiment": (
        "polyregions experiment                           # the list",
        "polyregions experiment training -o results",
        "polyregions experiment training --set runs=3 --seed 1 -o more",
    ),
    "explore": (
        "polyregions explore net.onnx --at 0.5,-1 --depth 2",
        "polyregions explore net.onnx --at image.npy --regions 20 --radius 0.01 -o near.npz",
    ),
    "export": (
        "polyregions export controller.onnx --box-file inputs.vnnlib -o controller.c",
        "polyregions export controller.onnx --cube 0.5 -o controller.mat",
        "polyregions export controller.onnx --whole-space -o controller.json",
    ),
    "graph": (
        "polyregions graph net.onnx -o regions.graphml",
        "polyregions graph net.onnx --attributes class,volume -o regions.gexf     # for Gephi",
        "polyregions graph net.onnx --fix 3=0.5 -o regions.json",
    ),
    "info": (
        "polyregions info net.onnx",
        "polyregions info net.onnx --box-file property.vnnlib --json",
    ),
    "level": (
        "polyregions level net.onnx --cube 1 --at 0.5",
        "polyregions level net.onnx --cube 1 --of 1,-1 -o border.npz --json",
    ),
    "linear": (
        "polyregions linear net.onnx",
        "polyregions linear net.onnx --all-patterns --json",
    ),
    "lipschitz": (
        "polyregions lipschitz net.onnx --cube 1",
        "polyregions lipschitz net.onnx --box-file box.vnnlib --norm inf --time-limit 60",
    ),
    "maximum": (
        "polyregions maximum net.onnx --cube 1",
        "polyregions maximum net.onnx --box-file box.vnnlib --of 1,-1 --time-limit 60",
        "polyregions maximum net.onnx --cube 1 --margin 3",
    ),
    "minimum": (
        "polyregions minimum net.onnx --cube 1",
        "polyregions minimum net.onnx --cube 1 --of 3 --threads 2 --json",
    ),
    "nearest": (
        "polyregions nearest net.onnx --at 0.5,-1 --cube 1",
        "polyregions nearest net.onnx --at image.npy --box 0 1 --norm inf --time-limit 60",
        "polyregions nearest net.onnx --at 0.5,-1 --cube 1 --other 3 --json",
    ),
    "plot": (
        "polyregions plot net.onnx -o cells.png",
        "polyregions plot net.onnx --axes 0 2 --color gradient -o cells.svg",
        "polyregions plot net.onnx --plane-through a.npy b.npy c.npy -o plane.pdf",
    ),
    "simplify": (
        "polyregions simplify net.onnx --box 0 1         # the table alone",
        "polyregions simplify net.onnx --box-file property.vnnlib -o small.onnx",
        "polyregions simplify net.onnx --exact -o small.npz --bounds bounds.csv",
    ),
    "theorem5": (
        "polyregions theorem5 --widths 2 8 8 --draws 400",
        "polyregions theorem5 --grid --inputs 2 3 --units 12 --depths 1 2 3 --json",
    ),
    "verify": (
        "polyregions verify net.onnx property.vnnlib",
        "polyregions verify net.onnx property.vnnlib --threads 2 --time-limit 60 --json",
    ),
    "view": (
        "polyregions view net.onnx -o cells.html",
        "polyregions view net.onnx --axes 0 2 --whole-graph -o cells.html",
    ),
    "where": (
        "polyregions where net.onnx --cube 1 --of 3 --above 0.5",
        "polyregions where net.onnx --box-file box.vnnlib --condition unsafe.vnnlib -o where.npz",
    ),
}


def _first_line(command: Callable[..., int]) -> str:
    """Return the first line of a command's docstring, which the parser would cut."""
    return (command.__doc__ or "").partition("\n")[0]


def _epilog(name: str) -> str:
    """Return what stands below the options of a command."""
    # \b keeps the lines of a paragraph as they are
    return "\b\nExamples:\n" + "".join(f"  {line}\n" for line in EXAMPLES[name]) + f"\n{_PAGES}"


app = typer.Typer(
    name="polyregions",
    help="Every activation region of a ReLU network in a box, each answer proven.",
    epilog=_epilog("polyregions"),
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print_lines(f"polyregions {__version__}")
        raise typer.Exit


@app.callback()
def _before_commands(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """Read the options that stand before a command."""


def _deferred(command: Callable[..., int]) -> Callable[..., Callable[[], int]]:
    """Let the parser only parse: it has its own exit codes for Ctrl-C and closed pipes."""

    @wraps(command)
    def parsed(**options: Any) -> Callable[[], int]:
        return partial(command, **options)

    return parsed


def _add_command(name: str, command: Callable[..., int], **options: Any) -> None:
    options |= {"short_help": _first_line(command), "epilog": _epilog(name)}
    app.command(name, **options)(_deferred(command))


def _compile_command() -> int:
    """Compile all kernels now, for images, clusters and CI; it takes a minute or two, once."""
    with shown_steps(True, "kernels", "compiled") as progress:
        from polyregions.compiled import Stopwatch
        from polyregions.scale.preparation import compile_kernels

        watch = Stopwatch()
        compile_kernels(progress)
    print_lines(f"all kernels are compiled: {watch.times().start_seconds:.1f} s")
    return 0


_add_command("boundary", listings.boundary_command)
_add_command("certify", certify.certify_command)
_add_command("check", certify.check_command)
_add_command("compile", _compile_command)
_add_command("count", count.count)
_add_command("equal", answers.equal_command)
_add_command("enumerate", enumerate_.enumerate_)
_add_command("estimate", count.estimate)
_add_command("experiment", experiment.experiment_command)
_add_command("explore", listings.explore_command)
_add_command("export", enumerate_.export_command)
_add_command("graph", enumerate_.graph_command)
_add_command("info", simplify.info)
_add_command("level", listings.level_command)
_add_command("linear", count.linear_command)
_add_command("lipschitz", answers.lipschitz_command)
_add_command("maximum", answers.maximum_command)
_add_command("minimum", answers.minimum_command)
_add_command("nearest", answers.nearest_command)
_add_command("plot", plot.plot)
_add_command("verify", answers.verify_command)
_add_command("simplify", simplify.simplify_command)
_add_command("view", plot.view_command)
_add_command("where", listings.where_command)
_add_command("theorem5", theorem5_command.theorem5, cls=theorem5_command.ListCommand)

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
    with lenient_streams() as out:
        code = _run(sys.argv[1:] if args is None else list(args))
        out.flush()
        # a reader that has seen enough is no failure
        if isinstance(out.failure, OSError) and not isinstance(out.failure, BrokenPipeError):
            reason = out.failure.strerror or out.failure
            complain(f"the result could not be printed ({reason}); files that were saved are whole")
            return code or 2
    return code


def _program(names: list[str]) -> typer.Typer:
    """Return the program with the command of this name alone, or with all: they take time."""
    program = copy(app)
    asked = [command for command in app.registered_commands if command.name in names]
    program.registered_commands = asked or app.registered_commands
    return program


def _run(args: list[str]) -> int:
    try:
        program = _program(args[:1])
        parsed = program(args=args or ["--help"], prog_name="polyregions", standalone_mode=False)
        # a command returns what it would do; --help returns 0, completion for a shell that is not
        # known 1, and Ctrl-C while parsing another exit code
        if callable(parsed):
            return int(parsed())
        if parsed and parsed != 1:
            raise KeyboardInterrupt
        return 2 if parsed else 0
    except SystemExit as ended:  # of the completion for shells
        return 2 if ended.code else 0
    except PolyregionsError as error:
        return complain(str(error))
    except _UsageError as error:
        return complain(_usage_message(error))
    except OSError as error:
        name = f"{error.filename}: " if error.filename else ""
        what = error.strerror or str(error) or type(error).__name__  # some say nothing
        return complain(f"{name}{what}; the command did not finish")
    except MemoryError:
        return complain("not enough memory; take a smaller box or set --max-regions")
    except (KeyboardInterrupt, typer.Abort) as stop:
        return complain(str(stop) or "stopped by Ctrl-C before there was a result", code=3)
    except Exception as error:
        return _fault(error)


def _fault(error: Exception) -> int:
    """Say that the program itself is at fault, and how to report it."""
    if os.environ.get(_TRACEBACK):
        traceback.print_exception(error)
    said = " ".join(f"{type(error).__name__}: {error}".split())
    return complain(
        f"internal error ({said}); this is a fault of polyregions, not of its input: report the "
        f"command, polyregions --version and what it prints with {_TRACEBACK}=1 set",
        code=FAULT,
    )


def _usage_message(error: Exception) -> str:
    """Turn the parser's complaint into one line."""
    message = error.format_message() if hasattr(error, "format_message") else str(error)
    message = " ".join(message.split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "polyregions"
    return f"{message.rstrip('.?').replace('. Did', '; did')}; see {command} --help"
