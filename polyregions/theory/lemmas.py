"""The lemmas of Hanin & Rolnick 2019 (arXiv 1906.00904), checked on actual networks.

Each check returns a report. All decisions are exact: patterns of float points, counts
with proof, affine maps in rational numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import frexp

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box, Domain
from polyregions.domain.chart import chart_of
from polyregions.errors import PolyregionsError
from polyregions.markup import titled
from polyregions.network import Layer, Network
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pattern import pack, unpack
from polyregions.regions import Regions
from polyregions.theory.draws import Settings, draw_network

__all__ = [
    "MOST_UNITS",
    "LemmaReport",
    "check_bias_scaling",
    "check_components",
    "check_lemmas",
    "check_linear_regions",
    "check_weight_scaling",
    "check_zero_bias",
]

# All 2^N patterns are tried for Lemmas 1 and 2.
MOST_UNITS = 12


@dataclass(frozen=True)
class LemmaReport:
    """One statement on one network.

    Attributes
    ----------
    lemma, statement : str
    checked : int
        How many instances were looked at.
    failures : tuple of str
        Instances where the statement does not hold.
    """

    lemma: str
    statement: str
    checked: int
    failures: tuple[str, ...]

    def _repr_html_(self) -> str:
        return titled(self.lemma, vars(self) | {"holds": self.holds})

    @property
    def holds(self) -> bool:
        """Whether nothing contradicts the statement."""
        return not self.failures


def check_lemmas(settings: Settings, draws: int = 10) -> tuple[LemmaReport, ...]:
    """Check every lemma on the first draws of a law, one report per lemma.

    Lemmas 1 and 2 are left out for networks of more than twelve units.

    Parameters
    ----------
    settings : Settings
        With a side.
    draws : int

    Returns
    -------
    tuple of LemmaReport

    Raises
    ------
    PolyregionsError
        If the settings have no side.

    Examples
    --------
    >>> for report in check_lemmas(Settings((2, 3, 3)), 2):
    ...     print(report.lemma, report.holds)
    Lemmas 1 and 2 True
    Lemma 3 True
    Lemma 6 True
    weight scaling True
    zero bias True
    """
    box = settings.domain
    if box is None:
        raise PolyregionsError("lemmas are checked in a cube too; give a side")
    found: dict[str, list[LemmaReport]] = {}
    for index in range(draws):
        network = draw_network(settings, index)
        reports = [
            check_linear_regions(network, box),
            check_bias_scaling(network, box),
            check_weight_scaling(network, box),
            check_zero_bias(network),
        ]
        if settings.units <= MOST_UNITS:
            reports.insert(0, check_components(network, box))
        for report in reports:
            named = tuple(f"draw {index}: {failure}" for failure in report.failures)
            found.setdefault(report.lemma, []).append(replace(report, failures=named))
    return tuple(
        LemmaReport(
            lemma,
            reports[0].statement,
            sum(report.checked for report in reports),
            tuple(failure for report in reports for failure in report.failures),
        )
        for lemma, reports in found.items()
    )


def _enumerate(network: Network, domain: Domain | None) -> Regions:
    from polyregions.walk.breadth_first import enumerate_regions

    return enumerate_regions(network, domain)


def check_components(network: Network, box: Box, *, pairs: int = 200, seed: int = 0) -> LemmaReport:
    """Check Lemmas 1 and 2: regions are convex, and are the components between boundaries.

    Parameters
    ----------
    network : Network
        With at most twelve units.
    box : Box
    pairs, seed : int
        Random pairs of points whose connecting segment is looked at.

    Raises
    ------
    PolyregionsError
        If there are more than twelve units.

    Notes
    -----
    *Algorithm.* Brute force, without the walk: for each of the 2^N sign vectors, is there
    a point of the open box where no unit is zero and all have these signs? Along a path
    that meets no boundary signs stay, so components are sets of points with equal signs;
    those sets are convex, hence connected. They must be the regions that the walk
    found. Then straight segments between points of equal patterns: one region each.

    Examples
    --------
    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> report = check_components(net, Box.cube(2, 1.0), pairs=20)
    >>> report.holds, report.checked > 8
    (True, True)
    """
    from polyregions.exact.facets import interior_point
    from polyregions.theory.boundaries import regions_on_segment

    if network.hidden_units > MOST_UNITS:
        raise PolyregionsError(
            f"all patterns are tried for at most {MOST_UNITS} units, not {network.hidden_units}"
        )
    found = _enumerate(network, box)
    units = network.hidden_units
    walked = {tuple(bits) for bits in unpack(found.patterns, units).tolist()}
    exact = exact_network(network, chart_of(box, network.input_dimension))
    components = set()
    for bits in product((0, 1), repeat=units):
        rows = exact_rows(exact, bits)
        if all(any(row) for row in rows[:units]) and interior_point(rows) is not None:
            components.add(bits)
    failures = [f"pattern {bits} only by brute force" for bits in sorted(components - walked)]
    failures += [f"pattern {bits} only by the walk" for bits in sorted(walked - components)]
    # points with few bits, so that differences are exact
    rng = np.random.default_rng(seed)
    points = rng.integers(1, 2**12, (2 * pairs, network.input_dimension)) / 2.0**12
    points = box.lower + np.round((box.upper - box.lower) * points * 2**12) / 2.0**12
    points = np.where(box.lower < box.upper, points, box.lower)
    patterns = network.pattern(points)
    checked = 2**units
    for a, b in zip(range(pairs), range(pairs, 2 * pairs), strict=True):
        if (points[a] == points[b]).all() or (patterns[a] != patterns[b]).any():
            continue
        checked += 1
        if regions_on_segment(network, points[a], points[b] - points[a], 1.0) != 1:
            failures.append(f"the segment from {points[a]} to {points[b]} leaves its region")
    return LemmaReport(
        "Lemmas 1 and 2",
        "regions are convex and are the connected components of the complement of the boundaries",
        checked,
        tuple(failures),
    )


def check_linear_regions(network: Network, domain: Domain | None) -> LemmaReport:
    """Check Lemma 3: there are at most as many linear as activation regions (R4 <= R2).

    Examples
    --------
    σ(x) - σ(-x) = x has two activation regions and one linear region:

    >>> net = Network.from_arrays([([[1], [-1]], [0, 0]), ([[1, -1]], [0])])
    >>> check_linear_regions(net, Box.cube(1, 1.0)).holds
    True
    """
    from polyregions.analysis.linear_regions import linear_regions

    regions = _enumerate(network, domain)
    linear = linear_regions(regions).counts["R4"]
    return LemmaReport(
        "Lemma 3",
        "there are at most as many linear as activation regions",
        len(regions),
        () if linear <= len(regions) else (f"{linear} linear, {len(regions)} activation",),
    )


def check_bias_scaling(network: Network, box: Box, factor: float = 4.0) -> LemmaReport:
    """Check Lemma 6: scaling all biases by c keeps the patterns of the whole space.

    In windows, patterns with biases b in K are those with biases c b in c K.

    Parameters
    ----------
    network : Network
    box : Box
    factor : float
        A positive power of two, so that nothing is rounded.

    Examples
    --------
    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [1, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> check_bias_scaling(net, Box.cube(2, 1.0), 0.25).holds
    True
    """
    _check_power_of_two(factor)
    scaled = _changed(network, lambda layer, depth: (layer.weight, layer.bias * factor))
    window = Box(box.lower * factor, box.upper * factor)
    cases = [("the whole space", None, None), (f"windows scaled by {factor:g}", box, window)]
    return _same_patterns(
        "Lemma 6", f"biases times {factor:g} keep the patterns", network, scaled, cases
    )


def check_weight_scaling(network: Network, box: Box, factor: float = 2.0) -> LemmaReport:
    """Check that all weights times c has the patterns of layer l's bias times c^(-l).

    Examples
    --------
    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [1, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> check_weight_scaling(net, Box.cube(2, 1.0)).holds
    True
    """
    _check_power_of_two(factor)
    weights = _changed(network, lambda layer, depth: (layer.weight * factor, layer.bias))
    biases = _changed(network, lambda layer, depth: (layer.weight, layer.bias * factor**-depth))
    return _same_patterns(
        "weight scaling",
        f"weights times {factor:g} are biases of layer l times {factor:g}^-l",
        weights,
        biases,
        [("the box", box, box), ("the whole space", None, None)],
    )


def check_zero_bias(network: Network) -> LemmaReport:
    """Check that the cones of the network without biases are regions of it with biases.

    A unit that is identically zero on a cone, as all its inputs are off, has no sign
    there; with biases it has that of its bias, and so on for units above it.

    Examples
    --------
    >>> net = Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [1, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> check_zero_bias(net).checked
    6
    """
    without = _changed(network, lambda layer, depth: (layer.weight, 0 * layer.bias))
    cones, regions = _enumerate(without, None), _enumerate(network, None)
    exact = exact_network(without, chart_of(None, network.input_dimension))
    failures = []
    seen = set()
    for cone in cones:
        bits = cone.bits
        rows = exact_rows(exact, bits)[: len(bits)]
        alive = np.array([any(row) for row in rows])
        # far out on the cone the biases decide only where the weights do not
        limit = _far_pattern(network, cone.witness, bits, alive)
        if limit is None or limit not in regions:
            failures.append(f"the cone {bits.tolist()} is no region")
        else:
            seen.add(limit.tobytes())
    if len(seen) != len(cones) - len(failures):
        failures.append("two cones belong to one region")
    return LemmaReport(
        "zero bias", "cones without biases are regions with them", len(cones), tuple(failures)
    )


def _far_pattern(
    network: Network,
    witness: NDArray[np.float64],
    bits: NDArray[np.uint8],
    alive: NDArray[np.bool_],
) -> NDArray[np.uint64] | None:
    for exponent in range(0, 1000, 20):
        pattern = network.pattern(witness * 2.0**exponent)
        if (unpack(pattern, len(bits))[alive] == bits[alive]).all():
            return pattern if alive.any() else pack(bits)
    return None


def _check_power_of_two(factor: float) -> None:
    if not factor > 0 or frexp(factor)[0] != 0.5:
        raise PolyregionsError(f"the factor must be a positive power of two, not {factor}")


def _changed(
    network: Network,
    parameters: Callable[[Layer, int], tuple[NDArray[np.float64], NDArray[np.float64]]],
) -> Network:
    """Return the network with new parameters; layers are counted from 1."""
    layers = [
        Layer.with_slopes(*parameters(layer, depth), layer.lower, layer.upper)
        for depth, layer in enumerate(network.layers, start=1)
    ]
    return replace(network, layers=tuple(layers))


def _same_patterns(
    lemma: str,
    statement: str,
    one: Network,
    other: Network,
    cases: Sequence[tuple[str, Box | None, Box | None]],
) -> LemmaReport:
    failures = []
    checked = 0
    for name, domain, image in cases:
        first, second = _enumerate(one, domain).patterns, _enumerate(other, image).patterns
        checked += len(first)
        if not np.array_equal(first, second):
            failures.append(f"{name}: {len(first)} and {len(second)} patterns, not the same")
    return LemmaReport(lemma, statement, checked, tuple(failures))
