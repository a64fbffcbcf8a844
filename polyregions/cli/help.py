"""What ``--help`` says of a command beside its options: a summary, examples, where to read on."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["EXAMPLES", "epilog", "first_line"]

_PAGES = "Pages: docs/ of the source code; quickstart.md is the first, howto/ has recipes."


EXAMPLES = {
    "polyregions": (
        "polyregions count",
        "polyregions count net.onnx --cube 1",
        "polyregions plot net.onnx -o cells.png",
    ),
    "certify": (
        "polyregions certify net.onnx -o net.cert",
        "polyregions certify net.onnx --box -1 0.5 -o net.cert --json",
    ),
    "check": (
        "polyregions check net.onnx net.cert",
        "polyregions check net.onnx net.cert --cube 1     # the domain has to be this one",
    ),
    "compile": ("polyregions compile                              # in an image, before CI",),
    "count": (
        "polyregions count                                # a network that comes along",
        "polyregions count net.onnx --box 0 1 --json",
        "polyregions count net.onnx --method tree --time-limit 60",
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
    "graph": (
        "polyregions graph net.onnx -o regions.graphml",
        "polyregions graph net.onnx --fix 3=0.5 -o regions.json",
    ),
    "info": (
        "polyregions info net.onnx",
        "polyregions info net.onnx --box-file property.vnnlib --json",
    ),
    "linear": (
        "polyregions linear net.onnx",
        "polyregions linear net.onnx --all-patterns --json",
    ),
    "plot": (
        "polyregions plot net.onnx -o cells.png",
        "polyregions plot net.onnx --axes 0 2 --color gradient -o cells.svg",
        "polyregions plot net.onnx --plane-through a.npy b.npy c.npy -o plane.pdf",
    ),
    "theorem5": (
        "polyregions theorem5 --widths 2 8 8 --draws 400",
        "polyregions theorem5 --grid --inputs 2 3 --units 12 --depths 1 2 3 --json",
    ),
    "view": (
        "polyregions view net.onnx -o cells.html",
        "polyregions view net.onnx --axes 0 2 --whole-graph -o cells.html",
    ),
}


def first_line(command: Callable[..., int]) -> str:
    """Return the first line of a command's docstring, which the parser would cut."""
    return (command.__doc__ or "").partition("\n")[0]


def epilog(name: str) -> str:
    """Return what stands below the options of a command."""
    # \b keeps the lines of a paragraph as they are
    return "\b\nExamples:\n" + "".join(f"  {line}\n" for line in EXAMPLES[name]) + f"\n{_PAGES}"
