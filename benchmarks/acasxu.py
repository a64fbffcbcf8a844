"""All instances of ACAS Xu: python benchmarks/acasxu.py FOLDER [--certificates] [--beside F] ...

FOLDER holds ``onnx/``, ``vnnlib/`` and ``verdicts.csv`` (columns net, property, verdict). Prints a
table, one line per instance, and the totals: the answer, boxes looked at, regions of those that
were decided exactly, seconds. With ``--certificates`` each answer is sought once more, writes its
proof, and the proof is replayed: its bytes, the seconds of both, and the nodes that were checked
(none for a counterexample: its point is evaluated). ``--beside`` is a table of nnenum's answers,
written by ``benchmarks/peers/acasxu_nnenum.py`` on the same machine: its seconds without its start,
and how many times ours they are. Exit code 1 if a verdict differs from the
table's, or a proof is not accepted.
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter
from pathlib import Path
from time import perf_counter, process_time

import polyregions as pr

ANSWERS = {"unsat": "holds", "sat": "violated"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--limit", type=float, default=60.0, help="seconds for an answer")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--certificates", action="store_true")
    parser.add_argument("--proof-limit", type=float, help="seconds for a proof; as for an answer")
    parser.add_argument("--beside", type=Path, metavar="FILE")
    given = parser.parse_args()
    with (given.folder / "verdicts.csv").open(encoding="utf-8") as file:
        instances = list(csv.DictReader(file))
    beside = answers_beside(given.beside) if given.beside else {}
    counts: Counter[str] = Counter()
    boxes = cells = size = nodes = 0
    answering = worked = proving = checking = took_beside = 0.0
    head = ["network", "property", "answer", "boxes", "regions", "seconds"]
    head += ["nnenum", "ratio"] if beside else []
    head += ["bytes", "written in", "nodes", "checked in"] if given.certificates else []
    print("| " + " | ".join(head) + " |\n|" + "---|" * len(head))
    for instance in instances:
        network = pr.load(given.folder / "onnx" / instance["net"])
        asked = given.folder / "vnnlib" / instance["property"]
        start, used = perf_counter(), process_time()
        verdict = pr.verify(network, asked, threads=given.threads, time_limit=given.limit)
        seconds = perf_counter() - start
        answering, worked = answering + seconds, worked + process_time() - used
        right = verdict.answer in ("unknown", ANSWERS[instance["verdict"]])
        counts[verdict.answer if right else "wrong"] += 1
        boxes, cells = boxes + verdict.boxes, cells + verdict.cells
        name = instance["net"].removeprefix("ACASXU_run2a_").removesuffix("_batch_2000.onnx")
        line = [name, asked.stem, verdict.answer, f"{verdict.boxes:,}", f"{verdict.cells:,}"]
        line.append(f"{seconds:.2f}")
        if beside:
            answer, theirs = beside[instance["net"], instance["property"]]
            counts["beside"] += answer == instance["verdict"]
            took_beside += theirs
            decided = answer == instance["verdict"]
            # it prints tenths of a second
            ratio = f"{theirs / seconds:.1f}" if decided and theirs else ""
            line += [f"{theirs:.1f}" if decided else answer, ratio]
        if given.certificates:
            proof, took, count, replayed = proven(network, asked, given)
            counts["proofs"] += bool(proof)
            size, nodes = size + proof, nodes + count
            proving, checking = proving + took, checking + replayed
            known = [f"{proof:,}", f"{took:.2f}", f"{count:,}", f"{replayed:.2f}"]
            line += known if proof else ["none", f"({took:.2f})", "", ""]
        print("| " + " | ".join(line) + " |", flush=True)
    print(
        f"\n{len(instances)} instances: {counts['holds']} hold, {counts['violated']} violated, "
        f"{counts['unknown']} unknown, {counts['wrong']} wrong; {boxes:,} boxes, {cells:,} "
        f"regions; {answering:.0f} s, {worked:.0f} s of processors"
    )
    if beside:
        print(f"nnenum: {counts['beside']} decided, {took_beside:.0f} s without its starts")
    if given.certificates:
        print(
            f"{counts['proofs']} proofs of {size:,} bytes, written in {proving:.0f} s, the search "
            f"included; {nodes:,} nodes checked in {checking:.0f} s"
        )
    return 1 if counts["wrong"] else 0


def answers_beside(file: Path) -> dict[tuple[str, str], tuple[str, float]]:
    """Return the verdict and the seconds of another program, by network and property."""
    with file.open(encoding="utf-8") as lines:
        return {
            (row["net"], row["property"]): (row["verdict"], float(row["runtime"] or 0))
            for row in csv.DictReader(lines)
        }


def proven(
    network: pr.Network, asked: Path, given: argparse.Namespace
) -> tuple[int, float, int, float]:
    """Return a proof's bytes, the seconds it took, its nodes, and the seconds to check them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "answer.cert")
        start = perf_counter()
        limit = given.limit if given.proof_limit is None else given.proof_limit
        pr.verify(network, asked, threads=given.threads, time_limit=limit, certificate=file)
        took = perf_counter() - start
        if not file.exists():
            return 0, took, 0, 0.0
        start = perf_counter()
        report = pr.check(network, file)
        seconds = perf_counter() - start
        return file.stat().st_size, took, report.boxes + report.units, seconds


if __name__ == "__main__":
    raise SystemExit(main())
