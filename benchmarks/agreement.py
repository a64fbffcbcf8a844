"""Do questions answered without a list agree with all regions? python benchmarks/agreement.py [N]

N networks (500 by default), random and degenerate, of 1 to 3 free inputs: ``maximum``, ``minimum``,
``verify`` with a bound that is touched, one rounding beyond it and one before it, ``equal``
with a network that differs in one weight or in none, ``level`` and ``where`` at the value of a
corner, ``boundary`` of two outputs. The truth is an exact linear program on every region, or the
cut of every region. What takes longer than the limit is counted as open, and an interval must
still enclose the truth; exit code 1 if an answer is wrong.
"""

from __future__ import annotations

import sys
from collections import Counter
from fractions import Fraction
from itertools import compress
from pathlib import Path

import numpy as np

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.analysis.decision import DecisionBoundary, decision_in, met_regions
from polyregions.analysis.extremes import extreme_output
from polyregions.domain.chart import chart_point
from polyregions.questions import region_search
from polyregions.questions.conditions import Whereabouts
from polyregions.questions.equality import Comparison
from polyregions.questions.level_sets import LevelSet
from polyregions.questions.optimum import Optimum
from polyregions.questions.property import Case, OutputInequality, Property

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from random_nets import FAMILIES, random_case

SECONDS = 20.0  # for an answer


def outcomes(network: pr.Network, box: pr.Box, number: int) -> dict[str, str]:
    """Return what became of each question: right, wrong or open."""
    regions = pr.enumerate_regions(network, box)
    most, least = (extreme_output(regions, smallest=end).value for end in (False, True))
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
    furthest = max(abs(extreme_output(apart, smallest=end).value) for end in (False, True))
    found["equal"] = _of_interval(pr.equal(network, other, box, time_limit=SECONDS), furthest)
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


def _of_interval(found: Optimum | Comparison, truth: Fraction) -> str:
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
        network, box = random_case(boxed[place], seed)
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
