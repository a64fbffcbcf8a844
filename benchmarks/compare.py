"""Every other program that a user has installed, on the same networks.

    python benchmarks/compare.py --environments FOLDER --install   installs those on PyPI first
    python benchmarks/compare.py --environments FOLDER --docs      writes docs/comparison.md
    python benchmarks/compare.py --environments FOLDER --quick     the smallest networks only
    … --checkout relu_edge_subdivision=FOLDER --python relu_edge_subdivision=PYTHON
    … --checkout SplineCam=FOLDER --checkout nnenum=FOLDER/src

Each program runs in an environment and a process of its own, in one thread, through an adapter
of a few lines in ``benchmarks/peers``; nothing of it is imported here. Networks are those of
``families.py`` with parameters rounded to float32, so that programs in single precision get the
same ones. Right counts come from the walk in rational arithmetic. The command ends with code 1
if polyregions is wrong anywhere, or if another program disagrees on a generic network.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from families import duplicates, he_normal, integer

from polyregions import Network
from polyregions.io import save_network

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "comparison.md"
BEGIN, END = "<!-- tables: begin -->\n", "<!-- tables: end -->\n"
OURS = "polyregions"
RADIUS = "1.0"
COMPILING = 300.0  # seconds that polyregions may take longer, for its first use on a machine


@dataclass(frozen=True)
class Peer:
    """A program: how it is installed, and what its count includes."""

    name: str
    install: str | None
    licence: str
    method: str
    adjacency: str
    proof: str
    absent: str = "not installed (--install)"


PEERS = (
    Peer(
        "regioncam", "regioncam==0.5.2", "MIT or Apache-2.0",
        "planar subdivision, layer by layer; one or two inputs; float32", "yes", "no",
    ),
    Peer(
        "affinitree", "affinitree==0.23.0", "Apache-2.0",
        "decision tree, a linear program per node; float64", "no", "no",
    ),
    Peer(
        "relucent", "relucent==1.0.0", "AGPL-3.0",
        "search over neighbours, Gurobi; float64", "yes, with pairs that do not touch", "no",
    ),
    Peer(
        "relu_edge_subdivision", None, "none given",
        "vertices and edges of the complex, unit by unit; float32; "
        "regions are counted from them, untimed", "vertices, not regions", "no",
        "no checkout given (--checkout)",
    ),
    Peer(
        "SplineCam", None, "MIT",
        "planar subdivision, layer by layer, on the processor; two inputs; float64",
        "polygons, no adjacency", "no", "no checkout given (--checkout)",
    ),
    Peer(
        "nnenum", None, "GPL-3.0",
        "a verifier's exact path enumeration, without a property; GLPK; float64; "
        "the star sets left at the end are counted", "no", "no", "no checkout given (--checkout)",
    ),
    Peer(
        "parx", "parx==0.1.3", "MIT",
        "search over facets in the whole space, a linear program per row, HiGHS; float64; its "
        "rate is of all it finds, those in the cube are counted from them, untimed",
        "facets, not the regions beyond", "no",
    ),
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A network and whether it is generic."""

    family: str
    network: Network
    generic: bool


def cases(quick: bool) -> list[Case]:
    """Return the networks, small enough for the slowest program."""
    generic = [(2, 8, 8), (3, 8, 8)] if quick else [(2, 8, 8), (2, 16, 16), (3, 8, 8), (4, 8, 8)]
    degenerate = [(2, 8, 8)] if quick else [(2, 8, 8), (3, 6, 6)]
    found = [Case("generic", he_normal(shape, 0), True) for shape in generic]
    if not quick:
        large = [(2, 64, 64, 64), (2, 256, 256, 256)]
        found += [Case("generic", he_normal(shape, 0), True) for shape in large]
    for shape in degenerate:
        found += [
            Case("zero bias", he_normal(shape, 0, bias=0.0), False),
            Case("integer weights", integer(shape, 0), False),
            Case("duplicate units", duplicates(shape, 0), False),
        ]
    return [Case(case.family, single(case.network), case.generic) for case in found]


def single(network: Network) -> Network:
    """Return the network with its parameters rounded to float32."""
    layers = [(np.float32(layer.weight), np.float32(layer.bias)) for layer in network.layers]
    return Network.from_arrays(layers, name=network.name)


@dataclass(frozen=True)
class Program:
    """A peer that can be run: its interpreter, its path, or why it cannot."""

    peer: Peer
    python: Path | None
    path: Path | None
    reason: str


def find(peer: Peer, options: argparse.Namespace) -> Program:
    """Find or install a peer."""
    pythons = dict(pair.split("=", 1) for pair in options.python)
    checkouts = dict(pair.split("=", 1) for pair in options.checkout)
    folder = options.environments / peer.name
    python = Path(pythons.get(peer.name, folder / "bin" / "python"))
    if not (HERE / "peers" / f"peer_{peer.name}.py").exists():
        return Program(peer, None, None, peer.absent)
    if peer.install is None and peer.name not in checkouts:
        return Program(peer, None, None, peer.absent)
    if not python.exists() and options.install and peer.install:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        command = [str(python), "-m", "pip", "install", "--quiet", peer.install]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            shutil.rmtree(folder)
            return Program(peer, None, None, f"cannot be installed: {last_line(done.stderr)}")
    if not python.exists():
        return Program(peer, None, None, peer.absent)
    checkout = checkouts.get(peer.name)
    return Program(peer, python, Path(checkout) if checkout else None, "")


def last_line(output: str) -> str:
    """Return the last line that says something."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:120].replace("|", "/") if lines else "no message"


def outcome(
    python: Path, adapter: str, file: Path, path: Path | None, seconds: float, *more: str
) -> dict:
    """Run an adapter on a file; the outcome, or {"failed": why}."""
    one = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1")
    environment = {**os.environ, **one}
    if adapter != OURS:
        environment.pop("PYTHONPATH", None)
    if path is not None:
        environment["PYTHONPATH"] = str(path)
    command = [str(python), str(HERE / "peers" / f"peer_{adapter}.py"), str(file), RADIUS, *more]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"more than {seconds:.0f} s"}
    for line in done.stdout.splitlines():
        if line.startswith("OUTCOME "):
            return json.loads(line.removeprefix("OUTCOME "))
    return {"failed": last_line(done.stderr)}


def rate(result: dict) -> float:
    """Regions per second, with those beyond the cube if the program looks there."""
    return result.get("found", result["regions"]) / result["seconds"]


def cell(result: dict, ours: dict, right: dict) -> str:
    """Return what a table says of a program on a generic network."""
    if "failed" in result:
        return result["failed"]
    wrong = "" if result["regions"] == right["regions"] else f"**{result['regions']:,}**, "
    if result["edges"] is not None and result["edges"] != right["edges"]:
        wrong += f"edges **{result['edges']:,}**, "
    ratio = rate(ours) / rate(result)
    return f"{wrong}{rate(result):,.0f}/s, {ratio:,.3g}×, {result['megabytes']:,.0f} MB"


def counted(result: dict, right: dict) -> str:
    """Return what a table says of a count on a degenerate network."""
    if "failed" in result:
        return result["failed"]
    if result["regions"] == right["regions"]:
        text = f"{result['regions']:,}"
    else:
        text = f"**{result['regions']:,}**"
    if result["edges"] is not None:
        same = result["edges"] == right["edges"]
        text += f", {result['edges']:,}" if same else f", **{result['edges']:,}**"
    return text + (f" ({result['remark']})" if result["remark"].startswith("says") else "")


def compare(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Run everything; the lines of the tables, and what disagrees."""
    programs = [find(peer, options) for peer in PEERS]
    running = [program for program in programs if program.python is not None]
    names = [program.peer.name for program in running]
    head = f"| network | right count | {OURS} | " + " | ".join(names) + " |"
    rule = "|" + "---|" * (3 + len(names))
    fast, hard = [head, rule], [head.replace("count", "count, edges"), rule]
    versions: dict[str, str] = {}
    complaints = []
    with tempfile.TemporaryDirectory() as folder:
        for number, case in enumerate(cases(options.quick)):
            file = Path(folder) / f"{number}.npz"
            save_network(case.network, file)
            title = f"{case.family}, {case.network.name}"
            python = Path(sys.executable)
            ours = outcome(python, OURS, file, None, options.timeout + COMPILING)
            limit = 10 * options.timeout
            large = case.network.hidden_units > 100
            # the slow walk would take hours on the largest; there the proven walk has to do
            right = ours if large else outcome(python, OURS, file, None, limit, "rational")
            if "failed" in ours or "failed" in right:
                raise SystemExit(f"{title}: {ours.get('failed') or right.get('failed')}")
            versions[OURS] = ours["version"]
            if (ours["regions"], ours["edges"]) != (right["regions"], right["edges"]):
                complaints.append(
                    f"{title}: {OURS} finds {ours['regions']}, not {right['regions']}"
                )
            results = {}
            for program in running:
                name = program.peer.name
                print(f"{title}: {name}", file=sys.stderr, flush=True)
                found = outcome(program.python, name, file, program.path, options.timeout)
                results[name] = found
                versions.setdefault(name, found.get("version", ""))
                differs = "failed" not in found and found["regions"] != right["regions"]
                if case.generic and differs:
                    complaints.append(
                        f"{title}: {name} finds {found['regions']}, "
                        f"the right count is {right['regions']}"
                    )
            if case.generic:
                only = outcome(python, OURS, file, None, options.timeout + COMPILING, "count")
                if only.get("regions") != right["regions"]:
                    complaints.append(f"{title}: the tree of {OURS} says {only}")
                own = f"{rate(ours):,.0f}/s, {ours['megabytes']:,.0f} MB"
                own += f"; counting only {rate(only):,.0f}/s" if "failed" not in only else ""
                cells = [cell(results[name], ours, right) for name in names]
                count = f"{right['regions']:,}" + (" (proven walk)" if large else "")
                fast.append(f"| {title} | {count} | {own} | " + " | ".join(cells) + " |")
            else:
                count = f"{right['regions']:,}, {right['edges']:,}"
                cells = [counted(results[name], right) for name in names]
                own = counted(ours, right)
                hard.append(f"| {title} | {count} | {own} | " + " | ".join(cells) + " |")
    about = [
        "| program | version | licence | how | adjacency | proof |",
        "|---|---|---|---|---|---|",
    ]
    about.append(
        f"| {OURS} | {versions[OURS]} | MIT | walk over neighbours, certified simplex; "
        "float64 with rounding bounds, then exact | yes | yes |"
    )
    for program in programs:
        peer = program.peer
        if program.python is None:
            about.append(f"| {peer.name} | not run: {program.reason} | | | | |")
        else:
            about.append(
                f"| {peer.name} | {versions.get(peer.name) or '?'} | {peer.licence} "
                f"| {peer.method} | {peer.adjacency} | {peer.proof} |"
            )
    text = ["## What was run\n", *about, "\n## Generic networks\n", *fast]
    return [*text, "\n## Degenerate networks\n", *hard], complaints


def main() -> int:
    """Parse the command line, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--environments", type=Path, required=True, help="a folder of environments")
    parser.add_argument("--install", action="store_true", help="make those that are missing")
    parser.add_argument("--checkout", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("--python", action="append", default=[], metavar="NAME=PYTHON")
    parser.add_argument("--timeout", type=float, default=120.0, help="seconds per network")
    parser.add_argument("--quick", action="store_true", help="the smallest networks only")
    parser.add_argument("--docs", action="store_true", help="write docs/comparison.md")
    options = parser.parse_args()
    options.environments = options.environments.absolute()
    lines, complaints = compare(options)
    tables = "\n".join(lines) + "\n"
    print(tables)
    if options.docs:
        before, rest = PAGE.read_text(encoding="utf-8").split(BEGIN)
        after = rest.split(END)[1]
        PAGE.write_text(before + BEGIN + tables + END + after, encoding="utf-8")
    for complaint in complaints:
        print(f"DISAGREEMENT: {complaint}", file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    raise SystemExit(main())
