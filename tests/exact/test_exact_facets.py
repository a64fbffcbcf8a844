"""The exact simplex: interior points, facet points, degenerate polytopes."""

from fractions import Fraction
from itertools import product

import flint
import numpy as np
import pytest
from facet_answerers import exact_rows_of, facets_of_exact_rows

from polyregions.exact.facets import exact_facets, interior_point


def cube(n, radius=1):
    return [[s * (i == k) for i in range(n)] + [radius] for k in range(n) for s in (1, -1)]


def value(row, point):
    return sum((Fraction(int(a)) * x for a, x in zip(row, [*point, 1], strict=True)), Fraction(0))


@pytest.mark.parametrize("seed", range(30))
def test_points_are_where_they_should_be(seed):
    # small integers: many vertices are degenerate
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 6))
    rows = cube(n, 2) + rng.integers(-2, 3, size=(10, n + 1)).tolist()
    rows.append([2 * entry for entry in rows[-1]])
    answer = exact_facets(rows)
    inside = interior_point(rows)
    assert (answer is None) == (inside is None)
    if answer is None:
        return
    lively = [i for i, row in enumerate(rows) if any(row)]
    for point in (inside, answer.interior):
        assert all(value(rows[i], point) > 0 for i in lively)
    for group, point in zip(answer.groups, answer.points, strict=True):
        assert [i for i in lively if value(rows[i], point) == 0] == list(group)
        assert all(value(rows[i], point) >= 0 for i in lively)
    # the facets alone give the same polytope: every other row is implied by them
    carrying = [rows[group[0]] for group in answer.groups]
    for i in lively:
        if not any(i in group for group in answer.groups):
            beyond = [-entry for entry in rows[i]]
            assert interior_point([*carrying, beyond]) is None


def test_emptiness_is_exact():
    tiny = Fraction(1, 2**200)
    above, below = [Fraction(1), -tiny], [Fraction(-1), 2 * tiny]
    inside = interior_point([*cube(1), above, below])
    assert tiny < inside[0] < 2 * tiny
    assert interior_point([*cube(1), above, [Fraction(-1), tiny]]) is None  # one point only
    assert interior_point([*cube(2), [0, 0, -1]]) is None
    assert interior_point([*cube(2), [0, 0, 0], [0, 0, 1]]) is not None


def test_any_rational_numbers_are_rows():
    rows = [[flint.fmpq(1, 3), flint.fmpz(0)], [Fraction(-1, 7), Fraction(1, 2)], [-1, 9]]
    answer = exact_facets(rows)
    assert answer.groups == ((0,), (1,))
    assert answer.points == ((Fraction(0),), (Fraction(7, 2),))


def test_a_hint_is_used_only_if_it_is_inside():
    rows = cube(2)
    good, bad = (Fraction(1, 3), Fraction(1, 5)), (Fraction(1), Fraction(0))
    assert exact_facets(rows, good).interior == good
    assert exact_facets(rows, bad).interior != bad
    assert exact_facets(rows, bad).groups == exact_facets(rows, good).groups


@pytest.mark.parametrize("n", [2, 3, 4])
def test_many_facets_through_one_vertex(n):
    # a cone with 2^(n-1) facets at the origin, and its mirror rows that only touch
    rows = cube(n)
    cone = [[*signs, -1, 0] for signs in product((-1, 1), repeat=n - 1)]
    touching = [
        [*(3 * np.array(signs) // 4).tolist(), -1, 0] for signs in product((0,), repeat=n - 1)
    ]
    answer = exact_facets(rows + cone + touching)
    facets_at_origin = [g for g in answer.groups if 2 * n <= g[0] < 2 * n + len(cone)]
    assert len(facets_at_origin) == len(cone)
    assert all(len(rows) + len(cone) not in group for group in answer.groups)


def test_refuses_what_is_not_a_polytope():
    with pytest.raises(ValueError, match="do not bound"):
        exact_facets([[1, 0, 0], [0, 1, 0]])
    with pytest.raises(ValueError, match="no interior"):
        facets_of_exact_rows(exact_rows_of([[1.0], [-1.0]], [-1.0, 0.0]))
