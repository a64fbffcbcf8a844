"""Forge certificates of trees: python tests/forging.py [--each 200] writes what became of them.

Whatever the checker accepts has to be true, which is decided anew by other means.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import partial
from math import lcm
from tempfile import TemporaryDirectory

import flint
import numpy as np
from io_helpers import exact_forward
from random_nets import random_case

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.facets import interior_point
from polyregions.exact.simplex import column_of
from polyregions.proof.certificate_file import Refused
from polyregions.proof.region_tree import count_arrays
from polyregions.proof.tree_checker import (
    CLIPPED,
    HANDED,
    LEAF,
    MISSED,
    NEGATIVE,
    POSITIVE,
    SETTLED,
    SPLIT,
    TreeReport,
    replay,
)
from polyregions.questions.property import Case, OutputInequality, Property

Arrays = dict[str, np.ndarray]
NODES = ("kinds", "numbers", "proofs")


def forged(network: pr.Network, arrays: Arrays, rng: np.random.Generator):
    """Return a name, a network and arrays that are changed in some place."""
    change = CHANGES[int(rng.integers(len(CHANGES)))]
    arrays = {key: array.copy() for key, array in arrays.items()}
    return (change.__name__, *(change(network, arrays, rng) or (network, arrays)))


def some_array(arrays: Arrays, rng: np.random.Generator, kinds: str = "iuf") -> str:
    """Return the name of an array of numbers that is not empty."""
    names = [key for key, array in arrays.items() if array.dtype.kind in kinds and array.size > 1]
    return str(rng.choice(names))


def flip_a_bit(network, arrays, rng):
    array = arrays[some_array(arrays, rng)]
    array.reshape(-1).view(np.uint8)[rng.integers(array.nbytes)] ^= np.uint8(1 << rng.integers(8))


def change_a_number(network, arrays, rng):
    array = arrays[some_array(arrays, rng)].reshape(-1)
    place = rng.integers(len(array))
    array[place] = rng.choice([array[place] + 1, array[place] - 1, 0, rng.choice(array)])


def swap_rows(network, arrays, rng):
    array = arrays[some_array(arrays, rng)]
    if len(array) > 1:
        first, second = rng.choice(len(array), 2, replace=False)
        array[[first, second]] = array[[second, first]]


def cut_or_repeat_a_row(network, arrays, rng):
    key = some_array(arrays, rng)
    place = rng.integers(len(arrays[key]))
    if rng.integers(2):
        arrays[key] = np.delete(arrays[key], place, axis=0)
    else:
        arrays[key] = np.insert(arrays[key], place, arrays[key][place], axis=0)


def forget_a_node(network, arrays, rng):
    if len(arrays["kinds"]):
        without(arrays, rng.integers(len(arrays["kinds"])))


def repeat_a_node(network, arrays, rng):
    if len(arrays["kinds"]):
        place, other = rng.integers(len(arrays["kinds"]), size=2)
        for key in NODES:
            arrays[key] = np.insert(arrays[key], place, arrays[key][other])


def without(arrays, place):
    """Forget a node, and a witness if it was a leaf."""
    if arrays["kinds"][place] == LEAF:
        leaf = int((arrays["kinds"][:place] == LEAF).sum())
        arrays["witnesses"] = np.delete(arrays["witnesses"], leaf, axis=0)
    for key in NODES:
        arrays[key] = np.delete(arrays[key], place)


def end_of(arrays, place):
    """Return where what hangs on a node ends, in a tree of a count."""
    left = 1
    while left and place < len(arrays["kinds"]):
        left += {SPLIT: 1, POSITIVE: 0, NEGATIVE: 0}.get(int(arrays["kinds"][place]), -1)
        place += 1
    return place


def split_what_nothing_splits(network, arrays, rng):
    """A unit splits a cell that it does not cut, so that its regions are counted twice."""
    one_sided = np.flatnonzero((arrays["kinds"] == POSITIVE) | (arrays["kinds"] == NEGATIVE))
    if not len(one_sided) or not len(arrays["witnesses"]):
        return
    place = int(rng.choice(one_sided))
    first, stop = place + 1, end_of(arrays, place + 1)
    arrays["kinds"][place] = SPLIT
    for key in NODES:
        arrays[key] = np.insert(arrays[key], stop, arrays[key][first:stop])
    leaves = np.cumsum(arrays["kinds"] == LEAF)
    mine = arrays["witnesses"][leaves[first] - (arrays["kinds"][first] == LEAF) : leaves[stop - 1]]
    arrays["witnesses"] = np.insert(arrays["witnesses"], leaves[stop - 1], mine, axis=0)


def forget_half_a_cell(network, arrays, rng):
    """A split becomes one-sided, and what hung on one of its sides goes with its witnesses."""
    splits = np.flatnonzero(arrays["kinds"] == SPLIT)
    if not len(splits):
        return
    place = int(rng.choice(splits))
    middle = end_of(arrays, place + 1)
    ends = middle, end_of(arrays, middle)
    first, stop = ((place + 1, ends[0]), (ends[0], ends[1]))[side := int(rng.integers(2))]
    for node in range(stop - 1, first - 1, -1):
        without(arrays, node)
    arrays["kinds"][place] = NEGATIVE if side == 0 else POSITIVE
    arrays["proofs"][place] = rng.integers(len(arrays["bases"]))


def count_a_region_twice(network, arrays, rng):
    place = rng.integers(len(arrays["witnesses"])) if len(arrays["witnesses"]) else None
    if place is not None:
        arrays["witnesses"] = np.vstack([arrays["witnesses"], arrays["witnesses"][place]])


def forget_a_set(network, arrays, rng):
    """No cell says any more that it misses some set."""
    owners = np.repeat(np.arange(len(arrays["set_sizes"])), arrays["set_sizes"])
    missed = np.flatnonzero(arrays["kinds"] == MISSED)
    if not len(missed):
        return
    sets = owners[arrays["numbers"][missed]]
    gone = missed[sets == rng.choice(sets)]
    trees = np.repeat(np.arange(len(arrays["trees"])), arrays["trees"])
    fewer = np.bincount(trees[gone], minlength=len(arrays["trees"]))
    arrays["trees"] = arrays["trees"].astype(int) - fewer
    for key in NODES:
        arrays[key] = np.delete(arrays[key], gone)


def call_the_centre_extreme(network, arrays, rng):
    """Boxes are said to have been looked at for values that there are not, and are settled."""
    if not len(arrays["levels"]):
        return
    centre = [Fraction(x) for x in (arrays["domain"].sum(axis=0) / 2).tolist()]
    row = arrays["functions"][0].tolist(), Fraction(0)
    value = _excess(row, exact_forward(network, centre))
    for key, numbers in (("point", centre), ("bounds", [value])):
        arrays[key] = np.array([f"{v.numerator:x}/{v.denominator:x}" for v in numbers])
    arrays["levels"] = np.full(1, 2.0 ** rng.integers(-9, 9) - float(value))
    arrays["boxes"], arrays["weights"] = np.array([SETTLED]), arrays["weights"][:1]
    for key in (*NODES, "trees"):
        arrays[key] = arrays[key][:0]


def weigh_against(network, arrays, rng):
    """Sets of several functions forbid all outputs, and negative weights say that none is."""
    cases = len(arrays["domain"]) // 2
    if arrays["weights"].size:
        far = Fraction(2 ** int(rng.integers(9)))
        bounds = [Fraction(*(int(p, 16) for p in t.split("/"))) + far for t in arrays["bounds"]]
        arrays["bounds"] = np.array([f"{v.numerator:x}/{v.denominator:x}" for v in bounds])
        several = arrays["set_sizes"] > 1
        arrays["members"] = arrays["members"][np.repeat(several, arrays["set_sizes"])]
        for key in ("set_cases", "set_sizes"):
            arrays[key] = arrays[key][several]
        arrays["boxes"] = np.full(cases, SETTLED)
        arrays["weights"] = np.full((cases, arrays["weights"].shape[1]), -1, dtype=np.float32)
        for key in (*NODES, "trees"):
            arrays[key] = arrays[key][:0]


def settle_a_box(network, arrays, rng):
    """What hangs on a box goes, or only one half of it."""
    inner = np.flatnonzero(arrays["boxes"] != SETTLED)
    if not len(inner):
        return
    place = int(rng.choice(inner))
    kept = [[], [0], [1]][rng.integers(3)] if arrays["boxes"][place] >= 0 else []
    code = CLIPPED if kept else SETTLED
    boxes, cases = arrays["boxes"].astype(int), len(arrays["domain"]) // 2
    count = np.where(boxes >= 0, 2, np.where(boxes == CLIPPED, 1, 0))
    first = cases + np.cumsum(count) - count
    order = list(range(cases))
    for node in order:
        parts = range(first[node], first[node] + count[node])
        order += [parts[k] for k in kept] if node == place else parts
    handed = np.flatnonzero(boxes == HANDED).tolist()
    ends = np.cumsum(arrays["trees"].astype(int)).tolist()
    trees = [handed.index(node) for node in order if boxes[node] == HANDED and node != place]
    units = [range(ends[k] - int(arrays["trees"][k]), ends[k]) for k in trees]
    boxes[place] = code
    arrays["boxes"], arrays["weights"] = boxes[order], arrays["weights"][order]
    arrays["levels"] = arrays["levels"][order] if len(arrays["levels"]) else arrays["levels"]
    arrays["trees"] = arrays["trees"][trees]
    chosen = [node for tree in units for node in tree]
    for key in NODES:
        arrays[key] = arrays[key][chosen]


def claim_more(network, arrays, rng):
    """A bound is moved."""
    texts = arrays["bounds"].tolist()
    if texts:
        place = int(rng.integers(len(texts)))
        top, bottom = (int(part, 16) for part in texts[place].split("/"))
        far = Fraction(float(rng.choice([-1, 1]) * 2.0 ** -rng.integers(60)))
        moved = Fraction(top, bottom) + far
        texts[place] = f"{moved.numerator:x}/{moved.denominator:x}"
        arrays["bounds"] = np.array(texts)


def claim_something_else(network, arrays, rng):
    arrays["claim"] = np.array(rng.choice(["count", "holds", "extreme", "violated", "all"]))


def move_the_domain(network, arrays, rng):
    domain = arrays["domain"]
    if len(domain):
        row = rng.integers(len(domain))
        domain[row, rng.integers(domain.shape[1])] += rng.choice([-1, 1]) * 2.0 ** -rng.integers(60)


def nudge_the_network(network, arrays, rng):
    layers = list(network.layers)
    place = int(rng.integers(len(layers)))
    old = layers[place]
    weight, bias = old.weight.copy(), old.bias.copy()
    factor = 1.0 + rng.choice([2.0**-52, -1e-6, 0.1, -2.0])
    weight[tuple(rng.integers(weight.shape))] *= factor
    bias[rng.integers(len(bias))] += rng.choice([0.0, 2.0**-40, 0.1])
    layers[place] = pr.Layer.with_slopes(weight, bias, old.lower, old.upper)
    other = pr.Network(tuple(layers))
    arrays["network"] = np.array(other.fingerprint)
    return other, arrays


CHANGES: list[Callable] = [
    flip_a_bit,
    change_a_number,
    swap_rows,
    cut_or_repeat_a_row,
    forget_a_node,
    repeat_a_node,
    forget_half_a_cell,
    split_what_nothing_splits,
    count_a_region_twice,
    forget_a_set,
    call_the_centre_extreme,
    weigh_against,
    settle_a_box,
    claim_more,
    claim_something_else,
    move_the_domain,
    nudge_the_network,
]


def is_true(network: pr.Network, report: TreeReport) -> bool:
    """Decide by other means what a report says."""
    if report.claim == "count":
        domain = pr.Box(*report.domain) if len(report.domain) else None
        return len(pr.enumerate_regions(network, domain)) == report.regions
    if report.point is not None:
        outputs = exact_forward(network, list(report.point))
        sides = [
            zip(case.lower.tolist(), report.point, case.upper.tolist(), strict=True)
            for case in report.cases
        ]
        there = any(
            all(low <= x <= high for low, x, high in side)
            and any(all(_excess(row, outputs) <= 0 for row in rows) for rows in case.sets)
            for side, case in zip(sides, report.cases, strict=True)
        )
        if report.claim == "violated" or not there:
            return there
    return not any(_reached(network, case, report.claim == "extreme") for case in report.cases)


def _excess(row, outputs):
    c, bound = row
    return sum(Fraction(a) * y for a, y in zip(c, outputs, strict=True)) - bound


def _reached(network: pr.Network, case, inside: bool) -> bool:
    """Decide on all regions whether an input is mapped into a set, or into its interior."""
    if (case.lower == case.upper).all():
        outputs = exact_forward(network, list(map(Fraction, case.lower.tolist())))
        values = [[_excess(row, outputs) for row in rows] for rows in case.sets]
        return any(all(v < 0 or (v == 0 and not inside) for v in of) for of in values)
    box = pr.Box(case.lower, case.upper)
    regions = pr.enumerate_regions(network, box)
    maps = exact_maps(network, box)
    for words in regions.patterns:
        units, outputs, domain = maps.rows(words)
        for rows in case.sets:
            walls = [[-v for v in _combined(c, bound, outputs, maps.scale)] for c, bound in rows]
            if inside:  # of one function: its least value in the region
                (wall,) = walls
                start = interior_point([*units, *domain])
                if largest_value(wall, [*units, *domain], start)[0] > 0:
                    return True
                continue
            cell = ClosedPolytope(
                dict(enumerate([*units, *domain])), column_of(interior_point([*units, *domain]))
            )
            for wall in walls:
                cell = None if cell is None else cell.cut(list(map(flint.fmpz, wall)))
            if cell is not None:
                return True
    return False


def _combined(c, bound, outputs, scale):
    """Return ``c @ outputs - bound`` as a row of integers, times a positive number."""
    factors = [Fraction(a) for a in c]
    common = lcm(bound.denominator, *(a.denominator for a in factors))
    row = [
        sum(int(a * common) * int(y[k]) for a, y in zip(factors, outputs, strict=True))
        for k in range(len(outputs[0]))
    ]
    row[-1] -= int(bound * common) * scale
    return row


def outcomes(
    network: pr.Network, arrays: Arrays, count: int, seed: int
) -> Iterator[tuple[str, str]]:
    """Yield what was changed, and "refused", "true" or "false", `count` times."""
    rng = np.random.default_rng(seed)
    while count:
        name, other, changed = forged(network, arrays, rng)
        same = other is network and all(
            a.shape == b.shape and a.tobytes() == b.tobytes()
            for a, b in zip(arrays.values(), changed.values(), strict=True)
        )
        if same:
            continue
        count -= 1
        try:
            report = replay(other, changed)
        except Refused:
            yield name, "refused"
            continue
        yield name, "true" if is_true(other, report) else "false"


def certified_count(family: str) -> tuple[pr.Network, Arrays]:
    """Return a network, and the certificate of the number of its regions."""
    network, domain = random_case(family, 1)
    return network, count_arrays(pr.enumerate_regions(network, domain))


def certified_answer(question: Callable[..., object]) -> tuple[pr.Network, Arrays]:
    """Return a network, and the certificate that a question writes about it."""
    rng = np.random.default_rng(7)
    network = pr.Network.from_arrays(
        [
            (rng.normal(size=(9, 2)), rng.normal(size=9) * 0.3),
            (rng.normal(size=(6, 9)), rng.normal(size=6) * 0.3),
            (rng.normal(size=(2, 6)), np.zeros(2)),
        ]
    )
    with TemporaryDirectory() as folder:
        question(network, certificate=f"{folder}/net.cert")
        with np.load(f"{folder}/net.cert") as file:
            return network, dict(file)


SQUARE = pr.Box.cube(2, 1.0)


def verified(share: float) -> Callable[..., object]:
    """Ask whether sums of outputs get so far on their way between the extremes; two cases."""

    def question(network: pr.Network, certificate: str) -> object:
        least, most = pr.minimum(network, SQUARE).value, pr.maximum(network, SQUARE).value
        level = least + (most - least) * Fraction(share)
        rows = [
            OutputInequality(((0, Fraction(-1)),), -level),
            OutputInequality(((0, Fraction(-1)), (1, Fraction(1, 64))), -level),
            OutputInequality(((1, Fraction(1)),), pr.minimum(network, SQUARE, 1).value - 1),
        ]
        half = Case(SQUARE.lower / 2, SQUARE.upper, ((rows[0], rows[1]), (rows[2],)))
        whole = Case(SQUARE.lower, SQUARE.upper, ((rows[0],), (rows[1], rows[2])))
        return pr.verify(network, Property((half, whole), 2), certificate=certificate)

    return question


FAMILIES = ("generic", "duplicates", "integer", "slopes", "whole space")
CERTIFIED = {
    **{f"count, {family}": partial(certified_count, family) for family in FAMILIES},
    "holds, by far": partial(certified_answer, verified(1.3)),
    "holds": partial(certified_answer, verified(1 + 2.0**-50)),
    "violated": partial(certified_answer, verified(0.9)),
    "largest": partial(certified_answer, partial(pr.maximum, domain=SQUARE)),
    "smallest": partial(certified_answer, partial(pr.minimum, domain=SQUARE, output=[1.0, -2.0])),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--each", type=int, default=200)
    each = parser.parse_args().each
    found: Counter[tuple[str, str]] = Counter()
    for seed, made in enumerate(CERTIFIED.values()):
        found.update(outcomes(*made(), each, seed))
    for name in sorted({name for name, _ in found}):
        numbers = [f"{found[name, word]} {word}" for word in ("refused", "true", "false")]
        sys.stdout.write(f"{name.replace('_', ' ')}: {', '.join(numbers)}\n")
    wrong = sum(number for (_, word), number in found.items() if word == "false")
    total = sum(found.values())
    sys.stdout.write(f"{total} forgeries, {wrong} of them accepted with a false claim\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
