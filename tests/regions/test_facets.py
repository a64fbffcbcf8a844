"""Half-spaces without a row too many, and polytopes, against fractions, brute force and scipy."""

from fractions import Fraction
from math import inf

import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from slivers import slivers

import polyregions as pr
from polyregions.analysis.shape import facets, vertices, volume
from polyregions.analysis.volumes import domain_volume
from polyregions.geometry.double_description import cube_polytope
from polyregions.regions.facets import facet_rows

BOX = pr.Box.cube(2, 1.0)
TRIANGLE = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
SLIVERS = list(slivers())


def degenerate_cases():
    yield from (
        (f"{family} {seed}", *random_case(family, seed)) for family in FAMILIES for seed in (3, 4)
    )
    yield (
        "polytope",
        pr.Network.from_arrays(
            [
                ([[1, 0], [1, -1], [0, 0], [1, 1]], [0, 0, 1, -1]),
                (np.eye(4) - 0.5, np.zeros(4)),
                ([[1, 1, 1, 1]], [0]),
            ]
        ),
        TRIANGLE,
    )


CASES = {name: (network, domain) for name, network, domain in degenerate_cases()}


def sampled(regions: pr.Regions, count: int = 8) -> list[pr.Region]:
    return [regions[k] for k in np.unique(np.linspace(0, len(regions) - 1, count).astype(int))]


@pytest.mark.parametrize("name", CASES)
def test_facets_are_the_edges_and_the_walls(name):
    network, domain = CASES[name]
    regions = pr.enumerate_regions(network, domain)
    for region in sampled(regions):
        found = region.halfspaces()
        inside = found.beyond >= 0
        around = region.neighbors()
        assert found.beyond[inside].tolist() == [other.index for other, _ in around]
        assert list(found.units[: len(around)]) == [units for _, units in around]
        assert found.units[len(around) :] == ((),) * int((~inside).sum())
        # their rows are among all rows, and are the facets that fractions know
        every = region.halfspaces(all_rows=True)
        table = np.column_stack([every.normals, every.offsets])
        rows = facet_rows(region)
        assert sorted(map(tuple, np.column_stack([found.normals, found.offsets]).tolist())) == (
            sorted(map(tuple, table[rows].tolist()))
        )
        walls = [row for row in rows if row >= network.hidden_units]
        assert len(facets(region)) + len(walls) == len(rows)
        # the facet is the hyperplane of the lowest unit that switches, this side of it positive
        for place, units in enumerate(found.units[: len(around)]):
            row = table[units[0]]
            mine = np.append(found.normals[place], found.offsets[place])
            size = np.abs(row).max()
            np.testing.assert_allclose(mine / np.abs(mine).max(), row / size, atol=1e-12)


@pytest.mark.parametrize("name", CASES)
def test_what_lies_beyond_needs_no_edge(name):
    """A region by itself, and one of a partial result, know the units that switch, too."""
    network, domain = CASES[name]
    regions = pr.enumerate_regions(network, domain)
    part = regions[: (len(regions) + 1) // 2]
    lonely = {region: region for region in pr.traverse(network, domain)}
    for region in sampled(regions, 6):
        whole = region.halfspaces()
        expected = {units for units in whole.units if units}
        alone = lonely[region].halfspaces()
        assert (alone.beyond == -1).all()
        assert {units for units in alone.units if units} == expected
        if region in part:
            mine = part[part.index(region.pattern)].halfspaces()
            ends = dict(zip(whole.units, whole.beyond.tolist(), strict=True))
            kept = {units: k if k < len(part) else -1 for units, k in ends.items()}
            assert dict(zip(mine.units, mine.beyond.tolist(), strict=True)) == kept


def test_edges_that_a_stopped_walk_has_left_out():
    """The walk knows both regions, but not yet that they touch."""
    network, domain = random_case("generic", 4, units=14)
    whole = pr.enumerate_regions(network, domain)
    part = pr.enumerate_regions(network, domain, max_regions=len(whole) // 2)
    for region in part:
        ends = whole[whole.index(region.pattern)].halfspaces()
        expected = [
            (units, -1 if k < 0 else part.index(whole.patterns[k]))
            for units, k in zip(ends.units, ends.beyond.tolist(), strict=True)
        ]
        mine = region.halfspaces()
        found = zip(mine.units, mine.beyond.tolist(), strict=True)
        assert sorted(found) == sorted((u, -1 if k is None else k) for u, k in expected)


@pytest.mark.parametrize("number", range(0, len(SLIVERS), 4))
def test_facets_of_slivers(number):
    _, network, box = SLIVERS[number]
    if network.hidden_units > 40:
        pytest.skip("its twin, all rows in fractions, takes too long")
    for region in sampled(pr.enumerate_regions(network, box), 3):
        found = region.halfspaces()
        assert len(facets(region)) == sum(bool(units) for units in found.units)
        assert len(region.neighbors()) == (found.beyond >= 0).sum()


def test_no_row_too_many(deep):
    """Without one row the polytope is larger; with the others it is the same (scipy)."""
    from scipy.optimize import linprog

    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    for region in sampled(regions, 5):
        found, every = region.halfspaces(), region.halfspaces(all_rows=True)
        m = len(found.offsets)
        for k in range(m):
            others = np.arange(m) != k
            answer = linprog(
                found.normals[k],
                A_ub=-found.normals[others],
                b_ub=found.offsets[others],
                bounds=[(-9, 9)] * 3,
            )
            assert answer.fun + found.offsets[k] < -1e-9
        for normal, offset in zip(every.normals, every.offsets, strict=True):
            answer = linprog(
                normal, A_ub=-found.normals, b_ub=found.offsets, bounds=[(None, None)] * 3
            )
            assert answer.fun + offset > -1e-9


def test_arrays_for_all_regions(deep):
    regions = pr.enumerate_regions(deep, pr.Box([-1, 0.25, -2], [1, 0.25, 3]))
    table = regions.halfspaces()
    assert table.starts[-1] == len(table.offsets) == len(table.units) == len(table.beyond)
    for region in sampled(regions, 9):
        own = slice(*table.starts[region.index : region.index + 2])
        mine = region.halfspaces()
        np.testing.assert_array_equal(table.normals[own], mine.normals)
        np.testing.assert_array_equal(table.offsets[own], mine.offsets)
        np.testing.assert_array_equal(table.beyond[own], mine.beyond)
        assert table.units[own] == mine.units
    owner = np.repeat(np.arange(len(regions)), np.diff(table.starts))
    inside = table.beyond >= 0
    pairs = np.sort(np.column_stack([owner, table.beyond])[inside], axis=1)
    np.testing.assert_array_equal(np.unique(pairs, axis=0), regions.edges)
    none = regions[:0].halfspaces()
    assert none.normals.shape == (0, 2)
    assert none.starts.tolist() == [0]
    assert repr(table).startswith(f"<FacetTable of {len(regions)} regions: ")


def test_the_whole_space_has_no_walls(three_lines):
    regions = pr.enumerate_regions(three_lines, None)
    triangle = regions[regions.find([0.1, 0.1])]
    found = triangle.halfspaces()
    assert set(found.units) == {(0,), (1,), (2,)}
    assert (found.beyond >= 0).all()
    assert repr(found) == "<Facets: 3 in 2 inputs, 0 of them on walls of the domain>"


# ------------------------------------------------------------------- polytopes


@pytest.mark.parametrize("name", CASES)
def test_polytopes_are_those_of_all_rows(name):
    network, domain = CASES[name]
    regions = pr.enumerate_regions(network, domain)
    for region in sampled(regions, 6):
        found = region.polytope()
        corners = vertices(region)
        assert found.exact.volume == volume(region)
        assert found.bounded == corners.bounded
        if corners.points == found.exact.vertices:
            np.testing.assert_array_equal(found.vertices, corners.as_floats())
        else:  # the region holds a line, and these are some of its points
            assert domain is None
        if not found.bounded:
            assert found.volume == inf
            assert found.centre is None
            continue
        assert region.domain is None or domain.contains(found.exact.centre)
        # the centre is inside, and is that of the corners' own triangulation
        free = np.arange(network.input_dimension) if domain is None else domain.free
        assert (region.halfspaces().slack(found.centre[free]) > 0).all()


def mean_by_qhull(points: np.ndarray) -> tuple[float, np.ndarray]:
    from scipy.spatial import Delaunay

    simplices = points[Delaunay(points).simplices]
    sides = simplices[:, 1:] - simplices[:, :1]
    sizes = np.abs(np.linalg.det(sides))
    centre = (sizes[:, None] * simplices.mean(axis=1)).sum(axis=0) / sizes.sum()
    return sizes.sum() / np.prod(np.arange(1, points.shape[1] + 1)), centre


def test_volume_and_centre_against_scipy(deep):
    for domain in (pr.Box([-1, -2, 0.5], [1, 3, 4]), pr.Box([-1, 0.25, -2], [1, 0.25, 3])):
        regions = pr.enumerate_regions(deep, domain)
        for region in sampled(regions, 10):
            found = region.polytope()
            size, centre = mean_by_qhull(found.vertices[:, domain.free])
            assert found.volume == pytest.approx(size, rel=1e-6)
            np.testing.assert_allclose(found.centre[domain.free], centre, atol=1e-6)


def test_a_triangle_in_fractions(three_lines):
    for domain in (None, BOX):
        regions = pr.enumerate_regions(three_lines, domain)
        found = regions[regions.find([0.1, 0.1])].polytope()
        assert found.exact.vertices == ((0, 0), (0, Fraction(1, 2)), (Fraction(1, 2), 0))
        assert found.exact.volume == Fraction(1, 8)
        assert found.exact.centre == (Fraction(1, 6), Fraction(1, 6))
        assert found.rays.shape == (0, 2)
        assert found.centre.tolist() == [1 / 6, 1 / 6]
        assert repr(found) == "<Polytope of a region: 3 vertices in 2 inputs, volume 0.125>"


def test_centres_balance():
    """Volumes times centres of all regions add up to those of the domain."""
    network = pr.Network.from_arrays(
        [([[3, 1], [1, -2], [1, 1]], [-0.5, 0.25, -0.75]), ([[1, 1, 1]], [0])]
    )
    found = [region.polytope().exact for region in pr.enumerate_regions(network, TRIANGLE)]
    total = sum(part.volume for part in found)
    assert total == domain_volume(TRIANGLE)
    means = [sum(part.volume * part.centre[k] for part in found) / total for k in range(2)]
    assert means == [Fraction(1, 3), Fraction(1, 3)]


def test_too_many_inputs_for_vertices():
    network = pr.Network.from_arrays([(np.ones((1, 30)), [0.5]), ([[1.0]], [0.0])])
    region = pr.enumerate_regions(network, pr.Box.cube(30, 1.0))[0]
    for ask in (region.polytope, lambda: vertices(region), lambda: cube_polytope(21)):
        with pytest.raises(pr.DomainError, match="few inputs, at most 20"):
            ask()
