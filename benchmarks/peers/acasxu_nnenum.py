"""nnenum on all instances of ACAS Xu: python benchmarks/peers/acasxu_nnenum.py FOLDER ...

Each instance is a command of its own, ``P -m nnenum.nnenum NETWORK PROPERTY 60 FILE 2``, in an
environment that has nnenum's requirements; ``--checkout`` is the folder ``src`` of its repository.
Adds lines to a table in commas (net, property, verdict, seconds, runtime: of the whole command, and
what nnenum prints, without its start); instances that are in it are not run again.
``benchmarks/acasxu.py --beside FILE`` puts it beside our answers.
"""

from __future__ import annotations

import argparse
import csv
import os
import re
import subprocess
import tempfile
from pathlib import Path
from time import perf_counter

COLUMNS = ["net", "property", "verdict", "seconds", "runtime"]
VERDICTS = {"holds": "unsat", "violated": "sat"}
LIMIT, PROCESSES = 60, 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="holds onnx/, vnnlib/ and verdicts.csv")
    parser.add_argument("--python", required=True)
    parser.add_argument("--checkout", required=True, type=Path)
    parser.add_argument("-o", "--output", type=Path, default=Path("nnenum.csv"))
    given = parser.parse_args()
    with (given.folder / "verdicts.csv").open(encoding="utf-8") as file:
        instances = [(row["net"], row["property"]) for row in csv.DictReader(file)]
    known = set()
    if given.output.exists():
        with given.output.open(encoding="utf-8") as file:
            known = {(row["net"], row["property"]) for row in csv.DictReader(file)}
    else:
        given.output.write_text(",".join(COLUMNS) + "\n", encoding="utf-8")
    for net, asked in instances:
        if (net, asked) not in known:
            row = [net, asked, *answer(given, net, asked)]
            with given.output.open("a", encoding="utf-8", newline="") as file:
                csv.writer(file).writerow(row)
            print(*row, flush=True)


def answer(given: argparse.Namespace, net: str, asked: str) -> tuple[str, str, str]:
    """Return the verdict, the seconds of the command, and those that nnenum prints."""
    environment = {
        **os.environ,
        "PYTHONPATH": str(given.checkout.resolve()),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
    folder = given.folder.resolve()
    with tempfile.TemporaryDirectory() as scratch:
        said = Path(scratch, "verdict")
        command = [given.python, "-m", "nnenum.nnenum", str(folder / "onnx" / net)]
        command += [str(folder / "vnnlib" / asked), str(LIMIT), str(said), str(PROCESSES)]
        start = perf_counter()
        ended = subprocess.run(
            command, cwd=scratch, env=environment, capture_output=True, text=True, check=False
        )
        seconds = perf_counter() - start
        word = said.read_text().split("\n")[0].strip() if said.exists() else "none"
    printed = re.search(r"^Runtime: .*?([\d.]+) sec", ended.stdout, re.MULTILINE)
    return VERDICTS.get(word, word), f"{seconds:.2f}", printed[1] if printed else ""


if __name__ == "__main__":
    main()
