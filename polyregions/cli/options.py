"""The options that subcommands share, and what they mean."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from polyregions.cli.report import tell
from polyregions.domain import Box
from polyregions.errors import PolyregionsError
from polyregions.network import Network

__all__ = [
    "AsJson",
    "BoxFileOption",
    "BoxOption",
    "CubeOption",
    "MaxRegionsOption",
    "NetworkArgument",
    "Task",
    "ThreadsOption",
    "TimeLimitOption",
    "WholeSpaceOption",
    "check_output",
    "read_task",
]

NetworkArgument = Annotated[
    Path, typer.Argument(metavar="NETWORK", help="Network: .npz, .onnx, .pt2, .pt or .pth.")
]
CubeOption = Annotated[
    float | None, typer.Option("--cube", metavar="R", help="Count in [-R, R]^n. Default: 1.")
]
BoxOption = Annotated[
    tuple[float, float] | None,
    typer.Option("--box", metavar="LO HI", help="Count in [LO, HI]^n."),
]
BoxFileOption = Annotated[
    Path | None,
    typer.Option("--box-file", metavar="FILE", help="Count in the input box of a VNN-LIB file."),
]
WholeSpaceOption = Annotated[
    bool, typer.Option("--whole-space", help="Count in the whole input space.")
]
ThreadsOption = Annotated[
    int, typer.Option("--threads", metavar="K", help="Workers; the result is the same for any K.")
]
MaxRegionsOption = Annotated[
    int | None,
    typer.Option("--max-regions", metavar="M", help="Stop after M regions, with exit code 3."),
]
TimeLimitOption = Annotated[
    float | None,
    typer.Option("--time-limit", metavar="S", help="Stop after S seconds, with exit code 3."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@dataclass(frozen=True)
class Task:
    """A network and where to look at it."""

    network: Network
    domain: Box | None

    @property
    def dimension(self) -> int:
        """Number of free inputs."""
        if self.domain is None:
            return self.network.input_dimension
        return len(self.domain.free)


def read_task(
    network: Path,
    *,
    cube: float | None,
    box: tuple[float, float] | None,
    box_file: Path | None,
    whole_space: bool,
) -> Task:
    """Load the network and make the domain that the options name."""
    given = {
        "--cube": cube is not None,
        "--box": box is not None,
        "--box-file": box_file is not None,
        "--whole-space": whole_space,
    }
    chosen = [name for name, present in given.items() if present]
    if len(chosen) > 1:
        raise PolyregionsError(f"{' and '.join(chosen)} name different domains; give one of them")

    from polyregions.io.networks import load

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load(network)
    for warning in caught:
        tell(f"{network.name}: {warning.message}")
    n = loaded.input_dimension
    if whole_space:
        return Task(loaded, None)
    if box_file is not None:
        from polyregions.io.vnnlib import load_box

        read = load_box(box_file)
        for note in read.notes:
            tell(f"{box_file.name}: {note}")
        if read.box.dimension != n:
            raise PolyregionsError(
                f"{box_file.name} has {read.box.dimension} inputs but the network reads {n}; "
                f"give a box of the same network"
            )
        return Task(loaded, read.box)
    if box is not None:
        return Task(loaded, Box.interval(n, *box))
    return Task(loaded, Box.cube(n, 1.0 if cube is None else cube))


def check_output(path: Path, suffixes: Sequence[str], network: Path) -> None:
    """Refuse an output file before the work starts rather than after it."""
    if path.suffix.lower() not in suffixes:
        raise PolyregionsError(
            f"{path.name} has no known format; end the name in {' or '.join(suffixes)}"
        )
    if path.is_dir():
        raise PolyregionsError(f"{path} is a folder; name a file in it")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise PolyregionsError(f"there is no folder {path.parent}; create it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PolyregionsError(f"the folder {path.parent} may not be written; choose another one")
    if path.exists() and network.exists() and path.samefile(network):
        raise PolyregionsError(
            f"the output {path.name} is the network file itself; choose another name"
        )
