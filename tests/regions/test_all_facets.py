"""Facets, vertices and volumes of all regions at once, against each region in fractions."""

from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from slivers import slivers

import polyregions as pr
from polyregions.analysis.affine_maps import exact_affine_map
from polyregions.analysis.shape import pattern_vertices
from polyregions.analysis.volumes import domain_volume, exact_volumes, volumes
from polyregions.domain.chart import chart_of
from polyregions.exact.facets import exact_facets
from polyregions.geometry.region_polytope import chart_polytope, chart_vertices, chart_volume
from polyregions.geometry.witness import nearest_float
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.network.region_maps import exact_unit_rows
from polyregions.regions.polytopes import chart_polytopes, meeting_points

TRIANGLE = pr.Polytope(
    [[-1, 0], [0, -1], [1, 1], [2, 2], [1, 0], [-3, 0], [1, 2]], [0, 0, 1, 2, 5, 0, 2]
)


def network_of(*weights: list) -> pr.Network:
    return pr.Network.from_arrays([(np.array(w, dtype=float), b) for w, b in weights])


def hostile_cases():
    """Numbers at the ends of the floats, ties everywhere, corners that are only touched."""
    rng = np.random.default_rng(5)
    plain = [(rng.normal(size=(5, 2)), rng.normal(size=5) / 3), (np.ones((1, 5)), [0.0])]
    lines = pr.Network.from_arrays(plain)
    yield "far away", lines, pr.Box([1e17, -1e17], [1e17 + 64, -1e17 + 64])
    yield "wider than floats", lines, pr.Box.cube(2, 1.7e308)
    yield "tiny", lines, pr.Box([-5e-324, 0.0], [5e-324, 1e-300])
    yield "one ulp wide", lines, pr.Box([1.0, -1.0], [np.nextafter(1.0, 2.0), 1.0])
    yield (
        "huge and tiny weights",
        network_of(
            ([[1e300, 1e-300], [5e-324, 1.0], [1e300, -1e300]], [0, 1e-300, 1]), ([[1] * 3], [0])
        ),
        pr.Box.cube(2, 1.0),
    )
    yield (
        "a tie in every region",
        network_of(
            ([[1, 0], [0, 1], [1, 1], [1, -1]], [0] * 4),
            (np.ones((3, 4)), [0] * 3),
            ([[1] * 3], [0]),
        ),
        pr.Box.cube(2, 1.0),
    )
    yield (
        "corners touched",
        network_of(([[1, 1], [1, -1], [1, 0]], [-2, 2, -1]), ([[1] * 3], [0])),
        pr.Box.cube(2, 1.0),
    )
    ulp = np.nextafter(1.0, 2.0)
    yield (
        "one ulp apart",
        network_of(
            ([[1, 0], [1, 0], [ulp, 0]], [-0.5, -np.nextafter(0.5, 1), -0.5]), ([[1] * 3], [0])
        ),
        pr.Box.cube(2, 1.0),
    )
    leaky = [
        pr.Layer.with_slopes(rng.normal(size=(4, 3)), rng.normal(size=4), -0.3, 1),
        pr.Layer.with_slopes(rng.normal(size=(3, 4)), np.zeros(3), 0.01, 1),
        pr.Layer.affine(np.ones((2, 3)), [0, 0]),
    ]
    yield "leaky", pr.Network(leaky), pr.Box([-1, 0.25, -2], [1, 0.25, 1])
    dead = network_of(
        ([[0, 0], [1, 1], [2, 2], [0, 0]], [1, 0, 0, -1]), (np.eye(4), [0] * 4), ([[1] * 4], [0])
    )
    yield "dead and duplicated", dead, pr.Box.cube(2, 1.0)
    yield "polytope", lines, TRIANGLE
    yield "whole space", lines, None


CASES = {name: (network, domain) for name, network, domain in hostile_cases()}
CASES |= {family: random_case(family, 6) for family in FAMILIES}
CASES |= {
    f"sliver {k}": (network, box)
    for k, (_, network, box) in enumerate(slivers())
    if k % 6 == 0 and network.hidden_units <= 40
}


def found_in(name: str) -> pr.Regions:
    network, domain = CASES[name]
    return pr.enumerate_regions(network, domain)


def facets_in_fractions(region: pr.Region) -> list[tuple[float, ...]]:
    """The rows of ``halfspaces(all_rows=True)`` that carry facets, one each, in no order."""
    network, domain = region.network, region.domain
    size = network.hidden_units
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    answer = exact_facets(exact_rows(exact, region.bits))
    units = [group[0] for group in answer.groups if group[-1] < size]
    every = region.halfspaces(all_rows=True)
    table = np.column_stack([every.normals, every.offsets])
    rows = [tuple(row) for row in table[units].tolist()]
    walls = sum(group[-1] >= size for group in answer.groups) if domain is not None else 0
    return rows, walls, {tuple(row) for row in table[size:].tolist()}


@pytest.mark.parametrize("name", CASES)
def test_facets_of_all_regions(name):
    regions = found_in(name)
    part = regions[: (len(regions) + 1) // 2]
    for result in (regions, part):
        table = result.halfspaces()
        for region in list(result)[:: max(1, len(result) // 12)]:
            own = slice(*table.starts[region.index : region.index + 2].tolist())
            units, walls, sides = facets_in_fractions(region)
            rows = list(
                map(tuple, np.column_stack([table.normals[own], table.offsets[own]]).tolist())
            )
            inside = [bool(switching) for switching in table.units[own]]
            assert inside == sorted(inside, reverse=True)  # walls are last
            assert sorted(rows[: sum(inside)]) == sorted(units)
            assert len(rows) - sum(inside) == walls
            assert set(rows[sum(inside) :]) <= sides
            # what lies beyond
            for switching, beyond in zip(table.units[own], table.beyond[own].tolist(), strict=True):
                other = region.bits.copy()
                other[list(switching)] ^= 1
                number = regions.index(pr.pattern.pack(other)) if switching else None
                assert (number is None) == (not switching)
                known = number is not None and number < len(result)
                assert beyond == (number if known else -1)
            # a region by itself says the same
            alone = region.halfspaces()
            assert (
                list(map(tuple, np.column_stack([alone.normals, alone.offsets]).tolist())) == rows
            )
            assert alone.units == table.units[own]
            assert alone.beyond.tolist() == table.beyond[own].tolist()


def cut_out(regions: pr.Regions) -> list:
    """Each region's polytope, cut out of the cube by the rows of all units."""
    chart = chart_of(regions.domain, regions.network.input_dimension)
    exact = exact_network(regions.network, chart)
    return [chart_polytope(exact, bits) for bits in regions.bits]


@pytest.mark.parametrize("name", CASES)
def test_vertices_and_volumes_of_all_regions(name):
    regions = found_in(name)
    regions = regions[: max(1, len(regions) // 2)] if len(regions) > 40 else regions
    chart = chart_of(regions.domain, regions.network.input_dimension)
    twins = cut_out(regions)
    m = 2 * chart.dimension
    for polytope, twin in zip(chart_polytopes(regions), twins, strict=True):
        assert sorted(polytope.vertices) == sorted(twin.vertices)
        assert polytope.rows[:m] == twin.rows[:m]
        assert len(polytope.facets) == len(twin.facets)
        # what is said to be tight is, and nothing else
        for vertex, tight in zip(polytope.vertices, polytope.tight, strict=True):
            for k, row in enumerate(polytope.rows):
                value = sum(a * x for a, x in zip(row, vertex, strict=True))
                assert (value == 0) == bool(tight >> k & 1)
                assert value >= 0
    sizes = [chart_volume(chart, twin) for twin in twins]
    assert exact_volumes(regions) == sizes
    assert volumes(regions).tolist() == [
        nearest_float(size) if isinstance(size, Fraction) else size for size in sizes
    ]
    if regions.domain is None:
        with pytest.raises(pr.DomainError, match="rays as well"):
            regions.vertices()
        return
    if regions.complete:
        assert sum(sizes) == domain_volume(regions.domain)
    table = regions.vertices()
    for number, twin in enumerate(twins):
        own = slice(*table.starts[number : number + 2].tolist())
        expected = chart_vertices(chart, twin).as_floats()
        np.testing.assert_array_equal(table.points[own], expected)


def test_vertices_that_are_rounded_to_one_float():
    """Their order is the exact one."""
    network = network_of(([[3, 1], [3, -1]], [-1, -1]), ([[1, 1]], [0]))
    box = pr.Box([0.0, -(2.0**-60)], [1.0, 2.0**-60])
    regions = pr.enumerate_regions(network, box)
    table = regions.vertices()
    exact = exact_network(network, chart_of(box, 2))
    for region in regions:
        own = slice(*table.starts[region.index : region.index + 2].tolist())
        points = pattern_vertices(exact, region.pattern).as_floats()
        np.testing.assert_array_equal(table.points[own], points)
    assert len(np.unique(table.points, axis=0)) < len(table.points)


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_of_units_are_those_of_each_region(family, monkeypatch):
    network, domain = random_case(family, 2, units=12)
    regions = pr.enumerate_regions(network, domain)
    exact = exact_network(network, chart_of(domain, network.input_dimension))
    bits = regions.bits
    owners, units = np.divmod(np.arange(bits.size), bits.shape[1])
    chosen = np.random.default_rng(0).permutation(bits.size)[:400]
    owners, units = owners[chosen], units[chosen]
    rows, places = exact_unit_rows(exact, bits, owners, units)
    signed = [exact_rows(exact, one) for one in bits]
    for owner, unit, place in zip(owners.tolist(), units.tolist(), places.tolist(), strict=True):
        sign = 1 if bits[owner, unit] else -1
        assert [sign * entry for entry in rows[place]] == signed[owner][unit]
    # piece by piece, where all of them do not fit
    monkeypatch.setattr("polyregions.network.region_maps._ENTRIES", 50)
    more, others = exact_unit_rows(exact, bits, owners, units)
    assert [more[k] for k in others] == [rows[k] for k in places]
    assert exact_unit_rows(exact, bits, owners[:0], units[:0])[0] == []


@pytest.mark.parametrize("m", [1, 2, 3, 5])
def test_meeting_points_are_zeros_of_their_rows(m, monkeypatch):
    rng = np.random.default_rng(m)
    rows = np.array(rng.integers(-9, 10, size=(12, m + 1)), dtype=object) * 10**20 + 1
    tight = np.array([rng.permutation(12)[:m] for _ in range(40)])
    points = meeting_points(rows, tight)
    for column, meet in zip(points, tight.tolist(), strict=True):
        assert column[-1] > 0
        assert np.gcd.reduce(column) == 1
        assert all(sum(a * x for a, x in zip(rows[k], column, strict=True)) == 0 for k in meet)
    monkeypatch.setattr("polyregions.regions.polytopes._MINORS", 1)
    assert meeting_points(rows, tight) == points


@pytest.mark.parametrize("name", ["leaky", "huge and tiny weights", "generic"])
def test_affine_maps_of_all_regions(name):
    regions = found_in(name)
    maps = regions.affine_maps()
    for index, words in enumerate(regions.patterns):
        exact = np.array(exact_affine_map(regions.network, words))
        found = np.column_stack([maps.matrix[index], maps.shift[index]])
        for value, row, error in zip(found.flat, exact.flat, maps.error[index].flat, strict=True):
            assert abs(Fraction(float(value)) - row) <= Fraction(float(error))
    assert regions[:0].affine_maps().shift.shape == (0, regions.network.output_dimension)


def test_part_by_part(deep, monkeypatch):
    """Regions that do not fit into memory together: the same, and progress on the way."""
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    table, corners, sizes = regions.halfspaces(), regions.vertices(), volumes(regions)
    monkeypatch.setattr("polyregions.regions.cell_rows._ENTRIES", 400)
    seen = []
    again = regions.halfspaces(progress=lambda done, total: seen.append(done))
    assert len(seen) > 3
    for name in ("normals", "offsets", "beyond", "starts"):
        np.testing.assert_array_equal(getattr(again, name), getattr(table, name))
    assert again.units == table.units
    np.testing.assert_array_equal(regions.vertices().points, corners.points)
    np.testing.assert_array_equal(volumes(regions), sizes)


def test_progress_of_all_regions(deep):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    size = len(regions)
    for ask in (regions.halfspaces, regions.vertices, lambda **how: volumes(regions, **how)):
        seen = []
        ask(progress=lambda done, total, seen=seen: seen.append((done, total)))
        assert seen[-1] == (size, size)
    assert repr(regions.vertices()).startswith(f"<VertexTable of {size} regions: ")
    assert regions[:0].halfspaces().starts.tolist() == [0]
    assert regions[:0].vertices().points.shape == (0, 3)
