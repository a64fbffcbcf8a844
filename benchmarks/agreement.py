"""Do questions answered without a list agree with all regions? python benchmarks/agreement.py [N]

N networks (500 by default), random and degenerate, of 1 to 4 free inputs: ``maximum``, ``minimum``,
``verify`` with a bound that is touched, one rounding beyond it and one before it, and ``equal``
with a network that differs in one weight or in none; the largest and smallest margin of a class
among three, ``equal_classes`` with three outputs that are often clipped at zero and tie there,
``maximum`` and ``verify`` in a polytope; ``lipschitz`` and ``nearest`` in three norms; ``level``
and ``where`` at the value of a corner, ``boundary`` of two outputs. The truth is an exact linear
program on every region, or the cut of every region. What takes longer than the limit is counted as
open, and an interval must still enclose the truth; exit code 1 if an answer is wrong.
"""

from __future__ import annotations

import sys
from collections import Counter
from fractions import Fraction
from itertools import compress
from math import inf
from pathlib import Path

import numpy as np

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.analysis.decision import DecisionBoundary, decision_in, met_regions
from polyregions.analysis.lipschitz import lipschitz
from polyregions.domain.chart import chart_point
from polyregions.questions import region_search
from polyregions.questions.conditions import Whereabouts
from polyregions.questions.equality import Comparison
from polyregions.questions.level_sets import LevelSet
from polyregions.questions.nearest_input import Nearest
from polyregions.questions.optimum import Optimum
from polyregions.questions.property import Case, OutputInequality, Property

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from listed import choices_differ_listed, largest_listed, largest_margin_listed
from random_nets import FAMILIES, random_case
from region_distances import beyond_level, smallest_distance

SECONDS = 20.0  # for an answer


def outcomes(network: pr.Network, box: pr.Box, number: int) -> dict[str, str]:
    """Return what became of each question: right, wrong or open."""
    regions = pr.enumerate_regions(network, box)
    most, least = (largest_listed(regions, [1], sign) for sign in (1, -1))
    found = {
        "maximum": _of_interval(pr.maximum(network, box, time_limit=SECONDS), most),
        "minimum": _of_interval(pr.minimum(network, box, time_limit=SECONDS), least),
    }
    ulp = Fraction(float(np.spacing(max(abs(float(most)), 1e-300))))
    for name, bound, truth in (
        ("touched", most, "violated"),
        ("a rounding beyond", most + ulp, "holds"),
        ("a rounding before", most - ulp, "violated"),
    ):
        unsafe = ((OutputInequality(((0, Fraction(-1)),), -bound),),)
        asked = Property((Case(box.lower, box.upper, unsafe),), box.dimension)
        answer = pr.verify(network, asked, time_limit=SECONDS).answer
        found[name] = {truth: "right", "unknown": "open"}.get(answer, "wrong")
    other = _moved(network, number)
    apart = pr.enumerate_regions(pr.difference(network, other), box)
    furthest = max(abs(largest_listed(apart, [1], sign)) for sign in (1, -1))
    found |= _slopes_and_distances(regions, box, float(least + most) / 2, number)
    found["equal"] = _of_interval(pr.equal(network, other, box, time_limit=SECONDS), furthest)
    found |= _of_levels(regions, box, number)
    return {**found, **_class_outcomes(network, box, number), **_in_polytope(network, box, number)}


def _class_outcomes(network: pr.Network, box: pr.Box, number: int) -> dict[str, str]:
    rng = np.random.default_rng(number)
    width = len(network.layers[-1].weight.T)
    last = np.round(rng.normal(size=(3, width)) * 2) / 2, np.round(rng.normal(size=3) * 2) / 2
    layers = [*network.layers[:-1], pr.Layer.affine(*last)]
    if number % 2:
        layers[-1:] = [pr.Layer.relu(*last), pr.Layer.affine(np.eye(3), np.zeros(3))]
    network = pr.Network(tuple(layers))
    lead, chosen = pr.margin(network, number % 3), number % 3
    regions = pr.enumerate_regions(network, box)
    others = set(range(3)) - {chosen}
    leads = [[(k == chosen) - (k == other) for k in range(3)] for other in others]
    least = min(largest_listed(regions, one, -1) for one in leads)
    most = largest_margin_listed(regions, chosen)
    factor = 2.0 if number % 3 else 1.0 + 2.0**-20
    changed = pr.linear(np.diag([1.0, 1.0, factor if number % 5 else 1.0]))
    other = network.compose(changed).compose(pr.linear(3 * np.eye(3)))
    both = pr.enumerate_regions(pr.side_by_side(network, other), box)
    truth = not choices_differ_listed(both)
    answer = pr.equal_classes(network, other, box, time_limit=SECONDS).equal
    return {
        "largest margin": _of_interval(pr.maximum(lead, box, time_limit=SECONDS), most),
        "smallest margin": _of_interval(pr.minimum(lead, box, time_limit=SECONDS), least),
        f"equal classes, {'' if truth else 'not '}so": {truth: "right", None: "open"}.get(
            answer, "wrong"
        ),
    }


def _in_polytope(network: pr.Network, box: pr.Box, number: int) -> dict[str, str]:
    if len(box.free) < box.dimension:
        return {}
    rng = np.random.default_rng(number)
    n = box.dimension
    normals = np.round(rng.normal(size=(2, n)) * 4) / 4
    bounds = normals @ (0.5 * rng.random(n) * box.upper) + 0.25
    cube = np.concatenate([np.eye(n), -np.eye(n)])
    inside = pr.Polytope([*normals, *cube], [*bounds, *box.upper, *-box.lower])
    most = largest_listed(pr.enumerate_regions(network, inside), [1])
    found = {"in a polytope": _of_interval(pr.maximum(network, inside, time_limit=SECONDS), most)}
    for name, strict, truth in (("weakly", False, "violated"), ("strictly", True, "holds")):
        unsafe = ((OutputInequality(((0, Fraction(-1)),), -most, strict),),)
        asked = Property((Case(box.lower, box.upper, unsafe),), n)
        answer = pr.verify(network, asked, inside, time_limit=SECONDS).answer
        found[f"touched {name} in a polytope"] = {truth: "right", "unknown": "open"}.get(
            answer, "wrong"
        )
    return found


def _slopes_and_distances(
    regions: pr.Regions, box: pr.Box, level: float, number: int
) -> dict[str, str]:
    """Return what became of Lipschitz constants, and of distances to where a level is crossed."""
    network, found = regions.network, {}
    x = np.random.default_rng(number).uniform(box.lower, box.upper)
    for norm in ("1", "2", "inf"):
        steepest, truth = (
            pr.lipschitz(network, box, norm, time_limit=SECONDS),
            lipschitz(regions, norm),
        )
        right = steepest.lower <= truth.lower and truth.upper <= steepest.upper
        if steepest.proven:
            right = (steepest.lower, steepest.upper) == (truth.lower, truth.upper)
        outcome = "right" if steepest.proven else "open"
        found[f"lipschitz {norm}"] = outcome if right else "wrong"
        closest = pr.nearest(network, x, box, norm, level=level, time_limit=SECONDS)
        excess = beyond_level(level, above=closest.classes[0] == 0)
        least = smallest_distance(network, box, x, norm, excess)
        found[f"nearest {norm}"] = _of_interval(closest, inf if least is None else least)
    return found


def _of_levels(regions: pr.Regions, box: pr.Box, number: int) -> dict[str, str]:
    network, found = regions.network, {}
    value = float(network.forward(box.upper if number % 2 else box.lower)[0])
    line = pr.level(network, box, value, time_limit=SECONDS)
    found["level"] = _of_pieces(line, decision_in(regions, level=value))
    classes = network.compose(pr.linear([[1.0], [-0.5]], [0.0, value]))
    border = pr.boundary(classes, box, time_limit=SECONDS)
    found["boundary"] = _of_pieces(border, decision_in(pr.enumerate_regions(classes, box)))
    found["where"] = _of_ends(
        pr.where(network, box, above=value, time_limit=SECONDS), regions, value
    )
    return found


def _of_pieces(found: LevelSet, everything: DecisionBoundary) -> str:
    """Compare with the cut of all regions, without those that are not met."""
    if not found.finished:
        return "open"
    truth = met_regions(everything)
    pairs = (
        (found.regions.patterns, truth.regions.patterns),
        (found.regions.edges, truth.regions.edges),
        (found.classes, truth.classes),
        (found.edges, truth.edges),
    )
    return "right" if all(np.array_equal(*pair) for pair in pairs) else "wrong"


def _of_ends(found: Whereabouts, regions: pr.Regions, value: float) -> str:
    """Compare with the largest and smallest output on the closure of each region."""
    if not found.finished:
        return "open"
    maps = exact_maps(regions.network, regions.domain)
    somewhere, everywhere = [], []
    for region in regions:
        rows, (output,), walls = maps.rows(region.pattern)
        at = chart_point(regions.domain, region.exact_witness)
        most, _ = largest_value(output, [*rows, *walls], at)
        least, _ = largest_value([-entry for entry in output], [*rows, *walls], at)
        somewhere.append(most / maps.scale >= value)
        everywhere.append(-least / maps.scale >= value)
    chosen = regions[somewhere]
    right = np.array_equal(found.regions.patterns, chosen.patterns)
    right = right and found.everywhere.tolist() == list(compress(everywhere, somewhere))
    return "right" if right else "wrong"


def _of_interval(found: Optimum | Comparison | Nearest, truth: Fraction | float) -> str:
    low, high = sorted((found.value, found.bound))
    if not low <= truth <= high:
        return "wrong"
    return "right" if found.proven else "open"


def _moved(network: pr.Network, number: int) -> pr.Network:
    """Return a network that differs in one weight, or not at all."""
    layers = list(network.layers)
    place = number % len(layers)
    layer = layers[place]
    weight = layer.weight.copy()
    weight.flat[number % weight.size] += (2.0**-20, 0.25, 0.0)[number % 3]
    layers[place] = pr.Layer.with_slopes(weight, layer.bias, layer.lower, layer.upper)
    return pr.Network(tuple(layers))


def _search_always() -> None:
    """Let regions be searched for where there are so few that they would be listed at once."""
    region_search._FEW_REGIONS = 1


def main(networks: int = 500) -> int:
    """Ask, and print a table."""
    _search_always()
    boxed = [family for family in FAMILIES if random_case(family, 0)[1] is not None]
    counts: Counter[tuple[str, str]] = Counter()
    for number in range(networks):
        seed, place = divmod(number, len(boxed))
        network, box = random_case(boxed[place], seed, inputs=1 + seed % 4)
        for question, outcome in outcomes(network, box, number).items():
            counts[question, outcome] += 1
            if outcome == "wrong":
                sys.stdout.write(f"wrong: {question}, {boxed[place]} {seed}\n")
    sys.stdout.write(
        f"{networks} networks\n| question | right | open | wrong |\n|---|---|---|---|\n"
    )
    for question in dict.fromkeys(question for question, _ in counts):
        shown = " | ".join(str(counts[question, word]) for word in ("right", "open", "wrong"))
        sys.stdout.write(f"| {question} | {shown} |\n")
    return int(any(word == "wrong" for _, word in counts))


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:2])))
