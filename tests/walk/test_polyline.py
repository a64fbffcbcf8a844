"""Regions along polylines, against exact roots on the segment and against every region's rows."""

from fractions import Fraction
from itertools import pairwise

import flint
import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.domain.chart import chart_of
from polyregions.network.exact_network import exact_network, exact_signs
from polyregions.pattern import pack


def at(points, position):
    """Return the exact input at a position of a polyline."""
    number = min(int(position), len(points) - 2)
    share = position - number
    ends = points[number].tolist(), points[number + 1].tolist()
    return [(1 - share) * Fraction(p) + share * Fraction(q) for p, q in zip(*ends, strict=True)]


def signs_at(network, x):
    """Return the exact sign of every unit at an input of fractions."""
    exact = exact_network(network, chart_of(None, len(x)))
    common = np.lcm.reduce([value.denominator for value in x], dtype=object)
    column = [[int(value * common)] for value in [*x, Fraction(1)]]
    return exact_signs(exact, flint.fmpz_mat(column))


def check(network, domain, whole, points):
    pieces = pr.regions_along(network, points, domain=domain)
    numbered = pr.regions_along(whole, points)
    assert [p.begin for p in pieces] == [Fraction(0), *(p.end for p in pieces[:-1])]
    assert pieces[-1].end == len(points) - 1
    assert [(p.begin, p.end) for p in numbered] == [(p.begin, p.end) for p in pieces]
    for piece, number in zip(pieces, numbered, strict=True):
        assert piece.begin < piece.end
        assert (piece.pattern == number.pattern).all()
        # one pattern at many places of it, corners of the polyline excepted
        for share in (Fraction(1, 1000), Fraction(1, 3), Fraction(999, 1000)):
            position = (1 - share) * piece.begin + share * piece.end
            if position.denominator > 1:
                signs = signs_at(network, at(points, position))
                assert (
                    pack(np.array([s > 0 for s in signs], dtype=np.uint8)) == piece.pattern
                ).all()
        index = whole.index(piece.pattern)
        assert (piece.region is None) == (index is None)
        assert (number.region.index if number.region else None) == index
        if piece.region is not None:
            check_inside(whole[index], piece.region)
    for left, right in pairwise(pieces):
        assert (left.pattern != right.pattern).any()
        # where they meet a unit that switches is zero, unless it is a corner
        if left.end.denominator > 1:
            signs = signs_at(network, at(points, left.end))
            bits = [
                np.unpackbits(w.pattern.view(np.uint8), bitorder="little") for w in (left, right)
            ]
            switching = np.flatnonzero(bits[0] != bits[1])
            assert all(signs[unit] == 0 for unit in switching)
    return pieces


def check_inside(region, given):
    signs = signs_at(region.network, given.exact_witness)
    bits = [s > 0 for s in signs]
    assert (pack(np.array(bits, dtype=np.uint8)) == region.pattern).all()
    assert np.allclose(given.witness, [float(v) for v in given.exact_witness])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_pieces(family):
    for seed in range(4):
        network, domain = random_case(family, seed, units=8)
        whole = pr.enumerate_regions(network, domain)
        rng = np.random.default_rng(seed)
        n = network.input_dimension
        box = pr.Box.cube(n, 1.0) if domain is None else domain.box
        corners = rng.uniform(box.lower, box.upper, size=(3, n))
        corners = np.vstack([corners, box.lower, box.upper, (box.lower + box.upper) / 2])
        if len(np.unique(corners, axis=0)) == len(corners):
            check(network, domain, whole, corners)


def test_a_segment_inside_a_facet_and_through_a_corner(three_lines):
    """Along the line x = 0, where that unit is off, through the corner at 0."""
    pieces = pr.regions_along(three_lines, [[0.0, -1.0], [0.0, 1.0]])
    assert [(piece.begin, piece.end) for piece in pieces] == [
        (0, Fraction(1, 2)),
        (Fraction(1, 2), Fraction(3, 4)),
        (Fraction(3, 4), 1),
    ]
    # the regions on the side where x < 0
    assert [piece.region.bits.tolist() for piece in pieces] == [[0, 0, 0], [0, 1, 0], [0, 1, 1]]
    # of |x| no side of x = 0 has both units off: the piece is between regions
    absolute = pr.Network.from_arrays(
        [([[1.0, 0], [-1.0, 0], [0, 1]], [0.0, 0, 0]), ([[1.0, 1, 1]], [0.0])]
    )
    for network in (absolute, pr.enumerate_regions(absolute, pr.Box.cube(2, 1.0))):
        pieces = pr.regions_along(network, [[0.0, -1.0], [0.0, 1.0], [1.0, 1.0]])
        assert [piece.region is None for piece in pieces] == [True, True, False]
        assert "between regions" in repr(pieces[0])
        assert pieces[2].begin == 1
    # through the corner where all four quadrants meet two units switch at once
    left, right = pr.regions_along(absolute, [[-1.0, -1.0], [1.0, 1.0]])
    assert left.end == right.begin == Fraction(1, 2)
    assert np.bitwise_count(left.pattern ^ right.pattern).sum() == 3


def test_a_corner_of_the_polyline_inside_a_region_ends_no_piece(three_lines):
    points = [[1.0, 1.0], [1.0, 2.0], [2.0, 2.0]]
    (piece,) = pr.regions_along(three_lines, points)
    assert (piece.begin, piece.end) == (0, 2)


def test_points_that_no_difference_of_floats_joins():
    """The difference of these floats is none: the segment still ends where it should."""
    net = pr.Network.from_arrays([([[1.0]], [-1.0]), ([[1.0]], [0.0])])
    tiny = 2.0**-60
    pieces = pr.regions_along(net, [[tiny], [1 + 2.0**-52]])
    assert pieces[0].end == Fraction(1 - Fraction(tiny)) / (1 + Fraction(2) ** -52 - Fraction(tiny))


def test_a_partial_result_has_no_numbers_for_what_it_does_not_hold(three_lines):
    whole = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    pieces = pr.regions_along(whole[:1], [[-1.0, -1.0], [1.0, 1.0]])
    assert [piece.region.index for piece in pieces] == [0, None, None]


WRONG = [
    ([0.1, 0.1], pr.NetworkError, "at least two points"),
    ([[0.1, 0.1]], pr.NetworkError, "at least two points"),
    ([[0.1], [0.2]], pr.NetworkError, r"shape \(2,\)"),
    ([[0.1, 0.1], [float("nan"), 0.0]], pr.NetworkError, "finite"),
    ([[0.1, 0.1], [3.0, 0.0]], pr.DomainError, "number 1: the point is outside the domain"),
    ([[0.1, 0.1], [0, 0], [0, 0]], pr.DomainError, "points 1 and 2 of the polyline are equal"),
]


@pytest.mark.parametrize(("points", "error", "message"), WRONG)
def test_wrong_points_get_a_sentence(three_lines, points, error, message):
    with pytest.raises(error, match=message) as caught:
        pr.regions_along(three_lines, points, domain=pr.Box.cube(2, 1.0))
    assert "\n" not in str(caught.value)


def test_a_result_has_its_own_domain(three_lines):
    whole = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.PolyregionsError, match="domain of its own"):
        pr.regions_along(whole, [[0, 0], [1, 1]], domain=whole.domain)
