"""All instances of ACAS Xu: python benchmarks/acasxu.py FOLDER [--limit S] [--threads K].

FOLDER holds ``onnx/``, ``vnnlib/`` and ``verdicts.csv`` (columns net, property, verdict). Prints
one line per instance that takes more than a second or is not decided, and the totals. Exit code 1
if a verdict differs from the table's.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from time import perf_counter, process_time

import polyregions as pr

ANSWERS = {"unsat": "holds", "sat": "violated"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=float, default=60.0)
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    with (given.folder / "verdicts.csv").open(encoding="utf-8") as file:
        instances = list(csv.DictReader(file))
    counts = dict.fromkeys(["holds", "violated", "unknown", "wrong"], 0)
    boxes = cells = 0
    began, worked = perf_counter(), process_time()
    print("| network | property | answer | boxes | cells | seconds |\n|---|---|---|---|---|---|")
    for instance in instances:
        start = perf_counter()
        verdict = pr.verify(
            given.folder / "onnx" / instance["net"],
            given.folder / "vnnlib" / instance["property"],
            threads=given.threads,
            time_limit=given.limit,
        )
        seconds = perf_counter() - start
        right = verdict.answer in ("unknown", ANSWERS[instance["verdict"]])
        counts[verdict.answer if right else "wrong"] += 1
        boxes, cells = boxes + verdict.boxes, cells + verdict.cells
        if seconds > 1 or verdict.answer == "unknown" or not right:
            name = instance["net"].removeprefix("ACASXU_run2a_").removesuffix("_batch_2000.onnx")
            print(
                f"| {name} | {instance['property'].removesuffix('.vnnlib')} | {verdict.answer} "
                f"| {verdict.boxes:,} | {verdict.cells:,} | {seconds:.1f} |",
                flush=True,
            )
    print(
        f"\n{len(instances)} instances: {counts['holds']} hold, {counts['violated']} violated, "
        f"{counts['unknown']} unknown, {counts['wrong']} wrong; {boxes:,} boxes, {cells:,} cells; "
        f"{perf_counter() - began:.0f} s, {process_time() - worked:.0f} s of processors"
    )
    return 1 if counts["wrong"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
