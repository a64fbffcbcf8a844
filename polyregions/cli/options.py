"""The options that subcommands share, and what they mean."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any, TypeVar, get_type_hints

import numpy as np
import typer
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.cli.report import tell
from polyregions.domain import Box, Domain
from polyregions.errors import PolyregionsError
from polyregions.files.reading import ascii_digits
from polyregions.network import Network
from polyregions.network.slices import Line, Plane, Slice, fix, fixed_box

__all__ = [
    "ActivationOption",
    "AsJson",
    "AtOption",
    "Effort",
    "NetworkArgument",
    "NetworkOutputOption",
    "NormOption",
    "OfOption",
    "Task",
    "ThreadsOption",
    "WalkEffort",
    "Where",
    "WholeSpaceOption",
    "dask_option",
    "grouped",
    "load_network",
    "output_option",
    "point_given",
    "read_task",
    "sum_of",
]

T = TypeVar("T")

NetworkArgument = Annotated[
    Path,
    typer.Argument(
        metavar="NETWORK", help="Network: .npz, .onnx, .pt2, .pth, .safetensors or .nnet."
    ),
]
WholeSpaceOption = Annotated[
    bool, typer.Option("--whole-space", help="Count in the whole input space.")
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", metavar="K", help="Workers; the result is the same for any K.")
]
CertificateOption = Annotated[
    Path | None,
    typer.Option(
        "--certificate",
        metavar="CERT",
        help="Where to save a proof of the answer; see polyregions check.",
    ),
]
ActivationOption = Annotated[
    str | None,
    typer.Option(
        "--activation",
        metavar="NAME",
        help="What stands between the layers of a state dict: relu, leaky_relu:0.1, none; "
        "or one for each place, relu,none.",
    ),
]
NetworkOutputOption = Annotated[
    str | None,
    typer.Option(
        "--output",
        metavar="NAME",
        help="Which of a network's outputs, by name or number. Default: all, side by side.",
    ),
]
OfOption = Annotated[
    str | None,
    typer.Option(
        "--of",
        metavar="OUTPUTS",
        help="Which output, counted from 0; or a coefficient for each: 1,-1. Default: 0.",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


AtOption = Annotated[
    str,
    typer.Option(
        "--at",
        metavar="X",
        help="The point: numbers with commas between, --at 0.5,-1, or a file .npy.",
    ),
]


NormOption = Annotated[str, typer.Option("--norm", metavar="1|2|inf", help="The norm.")]


def output_option(metavar: str, about: str) -> Any:
    """Return the option ``-o`` of a command that writes a file."""
    return typer.Option("-o", "--out", metavar=metavar, help=about)


def dask_option(about: str) -> Any:
    """Return the option ``--dask`` of a command that a cluster can do."""
    return typer.Option(
        "--dask", metavar="ADDRESS", help=f"{about}; local: --threads worker processes here."
    )


@dataclass(frozen=True)
class Where:
    """What the shared options say about network and domain; a group of options."""

    cube: Annotated[
        float | None,
        typer.Option(
            "--cube", metavar="R", help="Count in [-R, R]^n. Default: 1, or what a .nnet file says."
        ),
    ] = None
    box: Annotated[
        tuple[float, float] | None,
        typer.Option("--box", metavar="LO HI", help="Count in [LO, HI]^n."),
    ] = None
    box_file: Annotated[
        Path | None,
        typer.Option(
            "--box-file", metavar="FILE", help="Count in the input domain of a VNN-LIB file."
        ),
    ] = None
    polytope: Annotated[
        Path | None,
        typer.Option(
            "--polytope", metavar="FILE.npz", help="Count where A x <= b; the file holds A and b."
        ),
    ] = None
    whole_space: WholeSpaceOption = False
    plane_through: Annotated[
        tuple[Path, Path, Path] | None,
        typer.Option(
            "--plane-through",
            metavar="A.npy B.npy C.npy",
            help="Look at the plane through three inputs; default window: about their "
            "circumcentre.",
        ),
    ] = None
    line_through: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--line-through",
            metavar="A.npy B.npy",
            help="Look at the line through two inputs; default window: 1.25 times their distance.",
        ),
    ] = None
    fix: Annotated[
        list[str] | None,
        typer.Option(
            "--fix", metavar="INPUT=VALUE", help="Fix an input, counted from 0; repeatable."
        ),
    ] = None
    activation: ActivationOption = None
    network_output: NetworkOutputOption = None

    @property
    def names_a_domain(self) -> bool:
        """Whether any option is about the domain."""
        return replace(self, activation=None, network_output=None) != Where()

    @property
    def files(self) -> list[Path]:
        """The files that the options read."""
        single = [file for file in (self.box_file, self.polytope) if file is not None]
        return [*single, *(self.plane_through or ()), *(self.line_through or ())]


@dataclass(frozen=True)
class Effort:
    """How long a command may work, and with how many threads."""

    threads: ThreadsOption = 1
    time_limit: Annotated[
        float | None,
        typer.Option("--time-limit", metavar="S", help="Stop after S seconds, with exit code 3."),
    ] = None

    def timed(self, ask: Callable[..., T], *asked: Any, **more: Any) -> tuple[T, float]:
        """Return the answer to a question that shows its progress, and the seconds that it took."""
        from polyregions.compiled import Stopwatch

        watch = Stopwatch()
        found = ask(*asked, **more, **vars(self), progress=True, on_interrupt="return")
        return found, watch.times().seconds


@dataclass(frozen=True)
class WalkEffort(Effort):
    """And how many regions it may find."""

    max_regions: Annotated[
        int | None,
        typer.Option("--max-regions", metavar="M", help="Stop after M regions, with exit code 3."),
    ] = None

    @property
    def limits(self) -> dict[str, Any]:
        """The keywords of what limits a walk, on a cluster too."""
        return {"max_regions": self.max_regions, "time_limit": self.time_limit}


def grouped(command: Callable[..., int]) -> Callable[..., int]:
    """Give a command the options of each parameter that is a group of them, a dataclass.

    The command is called with a value of each group; groups stand behind its own options, and
    those about network and domain last.
    """
    given = [
        parameter.replace(kind=Parameter.KEYWORD_ONLY)
        for parameter in signature(command, eval_str=True).parameters.values()
    ]
    own = [parameter for parameter in given if not is_dataclass(parameter.annotation)]
    groups = {parameter.name: parameter.annotation for parameter in given if parameter not in own}
    last = dict(sorted(groups.items(), key=lambda group: group[1] is Where))
    members = {name: _options_of(group) for name, group in last.items()}

    @wraps(command)
    def expanded(**values: Any) -> int:
        made = {
            name: groups[name](**{option.name: values.pop(option.name) for option in options})
            for name, options in members.items()
        }
        return command(**values, **made)

    everything = [*own, *(option for options in members.values() for option in options)]
    described: Any = expanded  # the parser reads both
    described.__signature__ = Signature(everything)
    described.__annotations__ = {option.name: option.annotation for option in everything}
    return expanded


def _options_of(group: type) -> list[Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(group)
    ]


@dataclass(frozen=True)
class Task:
    """A network and where to look at it.

    ``loaded`` is the network of the file. ``slice`` is the line, plane or subspace that
    it was restricted to, if any; the domain is then in the coordinates of the slice.
    """

    network: Network
    domain: Domain | None
    loaded: Network
    slice: Slice | None = None

    @property
    def dimension(self) -> int:
        """Number of free inputs."""
        if self.domain is None:
            return self.network.input_dimension
        return len(self.domain.free)


def read_task(network: Path, where: Where) -> Task:
    """Load the network and make the domain that the options name."""
    given = {
        "--cube": where.cube is not None,
        "--box": where.box is not None,
        "--box-file": where.box_file is not None,
        "--polytope": where.polytope is not None,
        "--whole-space": where.whole_space,
    }
    _require_one(given)
    _require_one(
        {
            "--plane-through": where.plane_through is not None,
            "--line-through": where.line_through is not None,
            "--fix": bool(where.fix),
        }
    )
    values = _parsed_fixes(where.fix or [])

    loaded = load_network(network, where.activation, where.network_output)
    place = _chosen_slice(where, loaded, values)
    if place is None:
        domain = (
            _chosen_domain(where, loaded.input_dimension)
            if any(given.values())
            else _default_box(network, loaded.input_dimension)
        )
        if values:
            # a box with a fixed input keeps points in the coordinates of the network
            if not isinstance(domain, Box):
                raise PolyregionsError(
                    "--fix needs a box, and the file of --box-file has a polytope of all inputs; "
                    "give the polytope of the others with --polytope"
                )
            domain = fixed_box(domain, values)
        return Task(loaded, domain, loaded)
    # a slice brings its own window; any of the domain options replaces it
    window = _chosen_domain(where, place.dimension) if any(given.values()) else place.domain
    restricted = place.restrict(loaded)
    return Task(restricted, window, loaded, replace(place, domain=window))


def sum_of(of: str | None) -> tuple[int | list[float], str]:
    """Return what ``--of`` says, and how it is called; the first output by default."""
    of = "0" if of is None else of
    try:
        numbers = [float(part) for part in ascii_digits(of).split(",")]
        if len(numbers) > 1:
            return numbers, f"sum ({of}) of outputs"
        if int(of) < 0:
            raise ValueError
        return int(of), f"Y_{int(of)}"
    except ValueError:
        raise PolyregionsError(
            f"--of takes the number of an output or a coefficient for each, such as 1,-1; not {of}"
        ) from None


def load_network(network: Path, activation: str | None, output: str | None) -> Network:
    """Load a network, and tell what its file leaves open."""
    from polyregions.io.networks import load

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load(network, activation=activation, output=output)
    for warning in caught:
        tell(f"{network.name}: {warning.message}")
    if loaded.assumed:
        tell(f"{network.name}: {loaded.assumed}")
    return loaded


def _require_one(given: dict[str, bool]) -> None:
    chosen = [name for name, present in given.items() if present]
    if len(chosen) > 1:
        raise PolyregionsError(f"{' and '.join(chosen)} name different domains; give one of them")


def _chosen_slice(where: Where, network: Network, values: dict[int, float]) -> Slice | None:
    if where.plane_through is not None:
        a, b, c = _read_slice_points(where.plane_through, network)
        return Plane.through(a, b, c, names=[file.stem for file in where.plane_through])
    if where.line_through is not None:
        a, b = _read_slice_points(where.line_through, network)
        return Line.through(a, b, names=[file.stem for file in where.line_through])
    # the whole space and polytopes are then those of the inputs that are left
    if values and (where.whole_space or where.polytope is not None):
        return fix(network, values)
    return None


def _read_slice_points(files: Sequence[Path], network: Network) -> list[NDArray[np.float64]]:
    from polyregions.io.points import read_point

    return [read_point(file, network.input_dimension) for file in files]


def _parsed_fixes(texts: Sequence[str]) -> dict[int, float]:
    """Read the values of --fix, such as 3=0.5."""
    values: dict[int, float] = {}
    for text in texts:
        place, _, number = text.partition("=")
        try:
            index, value = int(ascii_digits(place)), float(ascii_digits(number))
        except ValueError:
            raise PolyregionsError(
                f"--fix {text} is not of the form INPUT=VALUE; write --fix 3=0.5, for instance"
            ) from None
        if index in values:
            raise PolyregionsError(f"--fix names input {index} twice; give one value")
        values[index] = value
    return values


def _default_box(network: Path, dimension: int) -> Box:
    """Return the box that the network's file names, or the cube."""
    from polyregions.io.networks import input_box

    box = input_box(network)
    if box is None:
        return Box.cube(dimension, 1.0)
    tell(f"{network.name}: the domain is the file's own input ranges; --cube and others replace it")
    return box


def _chosen_domain(where: Where, dimension: int) -> Domain | None:
    """Return the domain that the options name, for a network of so many inputs."""
    if where.whole_space:
        return None
    if where.polytope is not None:
        from polyregions.io.npz import load_polytope

        polytope = load_polytope(where.polytope)
        if polytope.dimension != dimension:
            raise PolyregionsError(
                f"A in {where.polytope.name} has {polytope.dimension} columns but {dimension} "
                f"inputs are free; give one column per input"
            )
        return polytope
    if where.box_file is not None:
        from polyregions.io.vnnlib import load_domain

        read = load_domain(where.box_file)
        for note in read.notes:
            tell(f"{where.box_file.name}: {note}")
        if read.domain.dimension != dimension:
            raise PolyregionsError(
                f"{where.box_file.name} has {read.domain.dimension} inputs but the network reads "
                f"{dimension}; give a box of the same network"
            )
        return read.domain
    if where.box is not None:
        return Box.interval(dimension, *where.box)
    if where.cube is not None and where.cube < 0:
        raise PolyregionsError(
            f"--cube {where.cube:g} is negative; give half the side of the cube, a positive number"
        )
    return Box.cube(dimension, 1.0 if where.cube is None else where.cube)


def point_given(text: str, task: Task) -> Floats:
    """Read a point from numbers with commas between, or from a file."""
    if text.lower().endswith(".npy"):
        from polyregions.io.points import read_point

        return read_point(text, task.network.input_dimension)
    try:
        return np.array([float(number) for number in ascii_digits(text).split(",")])
    except ValueError:
        raise PolyregionsError(
            f"--at {text} is no point; write numbers with commas between, --at 0.5,-1 for "
            f"instance, or name a file .npy"
        ) from None
