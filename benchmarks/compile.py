"""How long kernels take to compile on a new machine, kind by kind, in seconds of processor time.

    python benchmarks/compile.py [--top 10]

Every kind is a small question, asked in turn by one process with an empty folder of kernels, so
each line counts only what the kinds before it did not need. The time is that of the outermost
compile events of Numba: typing, LLVM, and writing to disk. Then a second process asks the same
and says what loading takes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


def networks() -> dict[str, Any]:
    import polyregions as pr

    rng = np.random.default_rng(0)

    def generic(inputs: int) -> pr.Network:
        return pr.Network.from_arrays(
            [
                (rng.normal(size=(8, inputs)), rng.normal(size=8)),
                (rng.normal(size=(8, 8)), rng.normal(size=8)),
                (rng.normal(size=(1, 8)), [0.0]),
            ]
        )

    first = rng.integers(-2, 3, size=(5, 3))
    degenerate = pr.Network.from_arrays(
        [
            (np.vstack([first, -first]), np.zeros(10)),
            (rng.integers(-1, 2, size=(6, 10)), np.zeros(6)),
            (np.ones((1, 6)), [0.0]),
        ]
    )
    return {"plane": generic(2), "four": generic(4), "degenerate": degenerate}


def kinds() -> dict[str, Callable[[], object]]:
    import polyregions as pr
    from polyregions.proof.certificate import write_certificate

    nets = networks()

    def walk(name: str) -> Any:
        net = nets[name]
        return pr.enumerate_regions(net, pr.Box.cube(net.input_dimension, 1.0))

    def tree(name: str) -> Any:
        net = nets[name]
        return pr.count_regions(net, pr.Box.cube(net.input_dimension, 1.0))

    def certificate() -> None:
        with tempfile.TemporaryDirectory() as folder:
            write_certificate(walk("four"), Path(folder) / "certificate")

    return {
        "walk, plane": lambda: walk("plane"),
        "walk, 4 inputs": lambda: walk("four"),
        "walk, degenerate": lambda: walk("degenerate"),
        "tree, plane": lambda: tree("plane"),
        "tree, 4 inputs": lambda: tree("four"),
        "certificate": certificate,
    }


def measure(top: int, only: str) -> None:
    from numba.core import event

    class Outermost(event.Listener):
        depth = kernels = 0
        seconds = began = 0.0

        def __init__(self) -> None:
            self.own: dict[str, float] = {}
            self.inside = [0.0]

        def on_start(self, event: Any) -> None:
            self.depth += 1
            self.inside.append(0.0)
            event.data["cpu"] = time.process_time()

        def on_end(self, event: Any) -> None:
            took = time.process_time() - event.data["cpu"]
            self.depth -= 1
            self.kernels += 1
            name = event.data["dispatcher"].py_func.__name__
            self.own[name] = self.own.get(name, 0.0) + took - self.inside.pop()
            self.inside[-1] += took
            if self.depth == 0:
                self.seconds += took

    seen = Outermost()
    event.register("numba:compile", seen)
    for name, ask in kinds().items():
        if only not in name:
            continue
        seen.seconds, seen.kernels, begin = 0.0, 0, time.process_time()
        ask()
        whole = time.process_time() - begin
        print(f"| {name} | {seen.kernels} | {seen.seconds:.1f} | {whole - seen.seconds:.2f} |")
    for name, took in sorted(seen.own.items(), key=lambda item: -item[1])[:top]:
        print(f"    {took:6.2f} s {name}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--top", type=int, default=0, help="also name so many kernels")
    parser.add_argument("--only", default="", metavar="WORD", help="kinds with this in the name")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.inside:
        measure(options.top, options.only)
        return
    with tempfile.TemporaryDirectory() as folder:
        own = {"NUMBA_CACHE_DIR": folder, "POLYREGIONS_COMPILE_FIRST": "1"}
        command = [sys.executable, __file__, "--inside", "--top", str(options.top)]
        command += ["--only", options.only]
        for title in ("compiling", "loading"):
            print(f"| {title}: kind | kernels compiled | CPU seconds of it | other CPU seconds |")
            print("|---|---|---|---|", flush=True)
            done = subprocess.run(
                command,
                env={**os.environ, **own},
                check=True,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
            print(done.stdout)


if __name__ == "__main__":
    main()
