"""Regions as people use them: found by points, compared, chosen, with their neighbours."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, random_case
from slivers import slivers
from witnesses import exact_pattern

import polyregions as pr
from polyregions.analysis.adjacency import adjacency, require_complete
from polyregions.analysis.shape import vertices
from polyregions.pattern import order, pack, places
from polyregions.testing import assert_valid
from polyregions.walk.subproblem import refine

BOX = pr.Box.cube(2, 1.0)
SLIVERS = list(slivers())
TRIANGLE = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])


@pytest.fixture(scope="module")
def lines(three_lines):
    return pr.enumerate_regions(three_lines, BOX)


def in_closure(domain: pr.Box | pr.Polytope | None, point: tuple[Fraction, ...]) -> bool:
    """Ask inequality by inequality, in fractions, whether a closed domain holds a point."""
    if domain is None:
        return True
    if isinstance(domain, pr.Box):
        return all(
            a <= x <= b
            for a, x, b in zip(domain.lower.tolist(), point, domain.upper.tolist(), strict=True)
        )
    rows = zip(domain.A.tolist(), domain.b.tolist(), strict=True)
    return all(
        sum(Fraction(a) * x for a, x in zip(row, point, strict=True)) <= b for row, b in rows
    )


def found_one_by_one(regions: pr.Regions, x: np.ndarray) -> int:
    """Ask region by region, in fractions, whether it holds a point."""
    point = tuple(Fraction(float(value)) for value in x)
    if not in_closure(regions.domain, point):
        return -1
    bits, _ = exact_pattern(regions.network, point)
    holding = [k for k, region in enumerate(regions) if region.bits.tolist() == bits]
    assert len(holding) <= 1
    return holding[0] if holding else -1


def hard_points(regions: pr.Regions, count: int = 30) -> np.ndarray:
    """Random points, corners of regions as floats, points between them, and beyond the domain."""
    rng = np.random.default_rng(0)
    step = max(1, len(regions) // 6)
    corners = np.concatenate([vertices(region).as_floats() for region in list(regions)[::step]])
    corners = corners[rng.permutation(len(corners))[:count]]
    middles = (corners + corners[::-1]) / 2
    spread = 3 * rng.normal(size=(count, corners.shape[1]))
    points = np.concatenate([regions.witnesses[:count], corners, middles, spread])
    if regions.domain is not None:  # fixed inputs stay, but of a few
        fixed = np.setdiff1d(np.arange(points.shape[1]), regions.domain.free)
        points[:-3, fixed] = regions.domain.box.lower[fixed]
    return points


@pytest.mark.parametrize("family", FAMILIES)
def test_find_meets_its_twin(family):
    network, domain = random_case(family, 7)
    regions = pr.enumerate_regions(network, domain)
    points = hard_points(regions)
    found = regions.find(points)
    assert found.dtype == np.int64
    assert found.tolist() == [found_one_by_one(regions, x) for x in points]
    assert found.tolist() == [regions.find(x) for x in points]
    assert [k >= 0 for k in found.tolist()] == [x in regions for x in points]
    np.testing.assert_array_equal(regions.find(regions.witnesses), np.arange(len(regions)))
    assert (found >= 0).any()
    if domain is not None:
        assert (found < 0).any()
    for region in list(regions)[:5]:
        np.testing.assert_array_equal(region.contains(points), found == region.index)
    counts = regions.counts(points)
    assert counts.tolist() == [int((found == k).sum()) for k in range(len(regions))]


def test_find_at_every_corner_of_a_polytope():
    network = pr.Network.from_arrays(
        [([[1, 0], [0, 1], [1, 1]], [-0.25, -0.5, -0.75]), ([[1, 1, 1]], [0])]
    )
    regions = pr.enumerate_regions(network, TRIANGLE)
    corners = np.concatenate([vertices(region).as_floats() for region in regions])
    found = regions.find(corners)
    assert found.tolist() == [found_one_by_one(regions, x) for x in corners]
    # all three lines meet in one point, where all units are off
    assert regions.find([0.25, 0.5]) == regions.index(pack([0, 0, 0]))


def test_the_rule_on_a_boundary(lines, three_lines):
    on_all = [[0.0, 0.5], [0.0, 0.0], [0.25, 0.25], [0.5, 0.0]]
    bits = [[0, 1, 0], [0, 0, 0], [1, 1, 0], [1, 0, 0]]
    assert lines.find(on_all).tolist() == [lines.index(pack(b)) for b in bits]
    # one step of a float beyond a line is beyond it
    tiny = 2.0**-1074
    assert lines.find([tiny, 0.25]) == lines.index(pack([1, 1, 0]))
    assert lines.find([0.25, np.nextafter(0.25, 1)]) == lines.index(pack([1, 1, 1]))
    # the domain's own walls belong to it
    walls = [[0.0, 1.0], [1.0, 0.5], [-1.0, -1.0], [0.5, 2.0]]
    assert lines.find(walls).tolist() == [
        *(lines.index(pack(bits)) for bits in ([0, 1, 1], [1, 1, 1], [0, 0, 0])), -1
    ]  # fmt: skip


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_found_touches_its_region(family):
    """A point with a region's pattern lies in its closure: so the way to its witness is inside."""
    network, domain = random_case(family, 5)
    regions = pr.enumerate_regions(network, domain)
    points = hard_points(regions)
    for x, index in zip(points.tolist(), regions.find(points).tolist(), strict=True):
        if index >= 0:
            region = regions[index]
            ends = zip(map(Fraction, x), region.exact_witness, strict=True)
            near = tuple(start + (end - start) / 1024 for start, end in ends)
            assert exact_pattern(network, near)[0] == region.bits.tolist()
            assert domain is None or domain.contains(near)


def test_the_box_of_the_data_holds_all_data(three_lines):
    X = np.random.default_rng(2).normal(size=(200, 2))
    regions = pr.enumerate_regions(three_lines, pr.Box(X.min(axis=0), X.max(axis=0)))
    assert regions.counts(X).sum() == len(X)


def test_a_point_may_have_the_pattern_of_no_region():
    """relu(x) and relu(-x): at 0 both are off, which is no region's pattern."""
    network = pr.Network.from_arrays([([[1], [-1]], [0, 0]), ([[1, 1]], [0])])
    regions = pr.enumerate_regions(network, pr.Box.cube(1, 1.0))
    assert regions.find([[-0.5], [0.0], [0.5]]).tolist() == [1, -1, 0]
    assert [0.0] not in regions
    assert regions.counts([[0.0], [0.5], [0.25], [7.0]]).tolist() == [2, 0]


@pytest.mark.parametrize("number", range(0, len(SLIVERS), 3))
def test_find_in_slivers(number):
    _, network, box = SLIVERS[number]
    regions = pr.enumerate_regions(network, box, max_regions=40)
    points = np.concatenate([regions.witnesses, np.nextafter(regions.witnesses, 2.0)])[:60]
    assert regions.find(points).tolist() == [found_one_by_one(regions, x) for x in points]


def test_polytopes_decide_points_on_their_walls_exactly():
    rng = np.random.default_rng(4)
    slanted = np.array([1e3, -1.1e3, 0.3, 0.7])
    rows = np.concatenate([np.eye(4), -np.eye(4), [slanted, [1e200, 0, 0, 0]]])
    cut = pr.Polytope(rows, [*np.ones(8), 0.1, 1e200])
    points = rng.uniform(-0.5, 0.5, size=(400, 4))
    points[:, 1] = (points[:, [0, 2, 3]] @ slanted[[0, 2, 3]] - 0.1) / 1.1e3  # near that wall
    slack = cut.b - points @ cut.A.T
    far = np.concatenate([rng.uniform(-2, 2, size=(99, 4)), [[1e300, -1e300, 0, 0]]])
    points = np.concatenate([points, far])
    inside = cut.closure_contains(points)
    exact = [tuple(map(Fraction, x)) for x in points.tolist()]
    assert inside.tolist() == [in_closure(cut, x) for x in exact]
    wrong = (slack != 0).all(axis=1) & ((slack > 0).all(axis=1) != inside[:400])
    assert wrong.any()  # floats alone err
    box = pr.Box([0, 0.25], [1, 0.25])
    points = rng.choice([-1, 0, 0.25, 0.5, 1, 2], size=(200, 2))
    exact = [tuple(map(Fraction, x)) for x in points.tolist()]
    assert box.closure_contains(points).tolist() == [in_closure(box, x) for x in exact]
    assert BOX.closure_contains(np.empty((0, 2))).shape == (0,)


def test_no_points_are_in_no_region(lines):
    assert lines.find(np.empty((0, 2))).shape == (0,)
    assert lines.counts(np.empty((0, 2))).tolist() == [0] * 7


def test_many_points_are_asked_in_pieces(lines, monkeypatch):
    points = np.random.default_rng(0).uniform(-1, 1, size=(100, 2))
    expected = lines.find(points)
    monkeypatch.setattr("polyregions.network.exact_network._ENTRIES", 21)
    np.testing.assert_array_equal(lines.find(points), expected)


def test_a_pattern_is_no_point(lines):
    for ask in (lines.find, lines.counts, lines[0].contains):
        with pytest.raises(pr.NetworkError, match=r"packed pattern, not a point; regions\.index"):
            ask(np.array([1, 2], dtype=np.uint64))


@pytest.mark.parametrize("words", [1, 2, 3])
def test_places_of_patterns(words):
    rng = np.random.default_rng(words)
    pool = np.unique(rng.integers(0, 4, size=(60, words)).astype(np.uint64), axis=0)
    pool = pool[order(pool)]
    known = pool[::2]
    expected = [next((k for k, row in enumerate(known) if (row == w).all()), -1) for w in pool]
    assert places(known, pool).tolist() == expected
    assert places(known[:0], pool).tolist() == [-1] * len(pool)
    top = np.full((2, words), 2**64 - 1, dtype=np.uint64)
    assert places(known, top).tolist() == [-1, -1]


# ------------------------------------------------------------------- values


def test_equal_regions(lines, three_lines):
    again = pr.enumerate_regions(
        pr.Network(three_lines.layers, name="another"), pr.Box.cube(2, 1.0)
    )
    assert lines == again
    assert hash(lines) == hash(again)
    assert list(lines) == list(again)
    assert {*lines, *again, *pr.traverse(three_lines, BOX)} == set(lines)
    assert len(set(lines)) == 7
    assert lines[0] != lines[1]
    assert lines[0] != "region"
    other = pr.enumerate_regions(three_lines, pr.Box.cube(2, 2.0))
    assert other != lines
    assert other[0] != lines[0]
    assert other[0].pattern == lines[0].pattern
    changed = pr.Network.from_arrays(
        [([[1, 0], [0, 1], [1, 1]], [0, 0, -0.25]), ([[1, 1, 1]], [0])]
    )
    assert pr.enumerate_regions(changed, BOX)[0] != lines[0]
    assert pr.enumerate_regions(three_lines, BOX, max_regions=7) != lines[:6]


def test_bits_are_those_of_the_regions(deep):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    assert regions.bits.shape == (len(regions), 16)
    for region in list(regions)[::20]:
        np.testing.assert_array_equal(regions.bits[region.index], region.bits)


# ------------------------------------------------------------------- neighbours


@pytest.mark.parametrize("family", FAMILIES)
def test_neighbors_are_the_edges(family):
    network, domain = random_case(family, 11)
    regions = pr.enumerate_regions(network, domain)
    matrix = adjacency(regions)
    edges = {tuple(pair): k for k, pair in enumerate(regions.edges.tolist())}
    for region in regions:
        found = region.neighbors()
        assert [other.index for other, _ in found] == matrix.indices[
            matrix.indptr[region.index] : matrix.indptr[region.index + 1]
        ].tolist()
        for other, units in found:
            edge = edges[min(region.index, other.index), max(region.index, other.index)]
            assert units == regions.units_of_edge(edge)
            assert set(units) == set(np.flatnonzero(region.bits != other.bits).tolist())


def test_regions_are_numbered_in_one_way(three_lines):
    regions = pr.enumerate_regions(three_lines, BOX)
    last = len(regions) - 1
    assert regions[-1].index == last
    assert len(regions.edges_of(last)) > 0
    assert regions.edges_of(-1).tolist() == regions.edges_of(last).tolist()
    for ask in (regions.__getitem__, regions.edges_of):
        with pytest.raises(IndexError, match=f"no region {last + 1}"):
            ask(last + 1)


def test_a_region_that_is_from_no_result(three_lines):
    region = next(pr.traverse(three_lines, BOX))
    assert region.index is None
    with pytest.raises(pr.PolyregionsError, match=r"take it as regions\[i\]"):
        region.neighbors()


# ------------------------------------------------------------------- some of them


@pytest.mark.parametrize(
    "key",
    [
        slice(None),
        slice(10),
        slice(3, -2, 4),
        [1, 5, -1],
        [],
        "mask",
        "no region",
        np.array([2, 3], dtype=np.uint8),
    ],
    ids=str,
)
def test_some_regions(deep, key):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    size = len(regions)
    if isinstance(key, str) and key == "mask":
        key = regions.bits[:, 0] == 1
    elif isinstance(key, str):
        key = np.zeros(size, dtype=bool)
    chosen = regions[key]
    numbers = np.arange(size)[key if not isinstance(key, list) else np.array(key, dtype=int)]
    assert isinstance(chosen, pr.Regions)
    assert list(chosen) == [regions[k] for k in numbers.tolist()]
    assert [region.index for region in chosen] == list(range(len(numbers)))
    assert chosen.complete == (len(numbers) == size)
    assert chosen.selection == (len(numbers) < size)
    assert chosen.proven
    kept = {k: place for place, k in enumerate(numbers.tolist())}
    edges = [[kept[i], kept[j]] for i, j in regions.edges.tolist() if i in kept and j in kept]
    assert chosen.edges.tolist() == edges
    assert chosen.edges.dtype == regions.edges.dtype
    whole = regions.find(regions.witnesses)
    assert chosen.find(regions.witnesses).tolist() == [kept.get(k, -1) for k in whole.tolist()]
    if 0 < len(chosen) < 40:
        assert_valid(chosen)


def test_exact_witnesses_follow_their_regions():
    for _, network, box in SLIVERS:
        regions = pr.enumerate_regions(network, box, max_regions=30)
        if regions.exact_witnesses:
            chosen = regions[1::2]
            for region in chosen:
                whole = regions[regions.index(region.pattern)]
                assert region.exact_witness == whole.exact_witness
            return
    raise AssertionError("no sliver has an exact witness")


def test_a_part_of_a_result_is_saved(lines, tmp_path):
    lines[1:4].save(tmp_path / "part.npz")
    assert pr.open_regions(tmp_path / "part.npz") == lines[1:4]
    assert not pr.open_regions(tmp_path / "part.npz").complete
    assert pr.open_regions(tmp_path / "part.npz").selection


def test_what_is_chosen_is_told_from_what_a_stopped_search_left(lines, tmp_path):
    network, domain = lines.network, lines.domain
    assert "a selection, proven" in repr(lines[:3])
    assert "a selection, proven" in repr(lines[:3][:])
    assert refine(lines[:3], network).selection
    with pytest.raises(pr.PartialResultError, match="these are a selection; pass the whole"):
        require_complete(lines[:3], "counts")
    stopped = pr.enumerate_regions(network, domain, max_regions=3)
    assert not stopped.selection
    assert not stopped[:2].selection
    assert ", partial, " in repr(stopped[:2])
    assert replace(stopped, selection=True) != stopped
    with pytest.raises(pr.PartialResultError, match="enumerate without a limit"):
        require_complete(stopped[:2], "counts")
    late = pr.explore(network, lines.witnesses[0], time_limit=1e-9, domain=domain)
    assert (late.stopped, late.regions.selection) == ("time", False)
    near = pr.explore(network, lines.witnesses[0], depth=1, domain=domain)
    assert near.regions.selection
    assert not pr.explore(network, lines.witnesses[0], depth=99, domain=domain).regions.selection
    # files that say it of all regions, or have never heard of it
    for regions, said in ((lines, False), (stopped, False), (lines[:3], True)):
        regions.save(tmp_path / "out.npz")
        with np.load(tmp_path / "out.npz") as arrays:
            assert ("selection" in arrays) == said
        assert pr.open_regions(tmp_path / "out.npz") == regions
    replace(lines, selection=True).save(tmp_path / "out.npz")
    with pytest.raises(pr.FormatError, match="no selection"):
        pr.open_regions(tmp_path / "out.npz")


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ([True, False], "one entry for each of the 7 regions"),
        (np.ones((7, 1), dtype=bool), "one entry for each of the 7 regions"),
        (np.ones(8, dtype=bool), r"shape \(7,\), not \(8,\)"),
        (slice(None, None, -1), "rising numbers"),
        ([3, 1], "rising numbers"),
        ([1, 1], "rising numbers"),
        ([-1, 6], "rising numbers"),
        ([0.5], "a mask or an array"),
        (slice("a", None), "a mask or an array"),
        (slice(None, None, 0), "a mask or an array"),
        ((0, 1, "x"), "a mask or an array"),
        (np.array([1], dtype=np.uint64), r"packed pattern, not numbers of regions"),
        ([[0], [1, 2]], "a mask or an array"),
    ],
    ids=str,
)
def test_what_chooses_no_regions(lines, key, meant):
    with pytest.raises(pr.PolyregionsError, match=meant) as caught:
        lines[key]
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250
