"""One suite over every answerer of "which rows carry a facet?".

A new answerer is one row of ANSWERERS. It may abstain beyond the kind of polytope that it
promises to decide; it may not err.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import reference_facets as reference
from facet_answerers import (
    exact_rows_inside,
    exact_rows_of,
    facets_in_cube,
    facets_in_integers,
    facets_near_ties_of,
    facets_of_exact_rows,
    facets_of_many,
    facets_of_polygon,
    facets_with_corners,
    facets_with_ties,
    network_of_rows,
    region_of_rows,
    scaled_rows_of,
)
from polytopes import POLYTOPES, Kind, cube
from vertex_oracle import groups_by_vertices

from polyregions.cells.near_ties import facets_near_ties
from polyregions.exact.facets import FacetVerdicts, Verdict, exact_facets
from polyregions.run.problem import prefix_rows, whole_problem


class Answerer(NamedTuple):
    prepare: Callable[..., Any]
    facets: Callable[[Any], FacetVerdicts]
    decides: Kind  # polytopes up to this kind must be decided
    plane: bool = False  # whether only polygons can be asked about


ANSWERERS = {
    "many": Answerer(scaled_rows_of, facets_of_many, Kind.GENERIC),
    "corners": Answerer(scaled_rows_of, facets_with_corners, Kind.GENERIC),
    "plane": Answerer(scaled_rows_of, facets_of_polygon, Kind.GENERIC, True),
    "cube": Answerer(region_of_rows, facets_in_cube, Kind.GENERIC),
    "ties": Answerer(region_of_rows, facets_with_ties, Kind.TIED),
    "integers": Answerer(region_of_rows, facets_in_integers, Kind.SLIVER, True),
    "near ties": Answerer(exact_rows_inside, facets_near_ties_of, Kind.SLIVER),
    "rational": Answerer(exact_rows_of, facets_of_exact_rows, Kind.SLIVER),
    "reference": Answerer(reference.prepare, reference.facets, Kind.GENERIC),
    "cvxpy": Answerer(reference.prepare, reference.facets_cvxpy, Kind.GENERIC),
}


def asked(name: str, normals: np.ndarray, offsets: np.ndarray) -> FacetVerdicts:
    answerer = ANSWERERS[name]
    return answerer.facets(answerer.prepare(normals, offsets))


def names_and_shapes() -> list[tuple[str, str]]:
    return [
        (name, shape)
        for name, answerer in ANSWERERS.items()
        for shape, polytope in POLYTOPES.items()
        if not answerer.plane or polytope.normals.shape[1] == 2
    ]


def assert_agrees(answer: FacetVerdicts, groups: list[tuple[int, ...]]) -> None:
    """What is decided is right, and the answer is whole where all of it is decided."""
    expected = np.full(len(answer.verdicts), Verdict.REDUNDANT)
    expected[[row for group in groups for row in group]] = Verdict.FACET
    decided = answer.verdicts != Verdict.UNDECIDED
    np.testing.assert_array_equal(answer.verdicts[decided], expected[decided])
    assert set(answer.groups) <= set(groups)
    if decided.all():
        assert list(answer.groups) == groups


@pytest.mark.parametrize(("name", "shape"), names_and_shapes())
def test_answer(name: str, shape: str) -> None:
    polytope = POLYTOPES[shape]
    answer = asked(name, polytope.normals, polytope.offsets)
    assert_agrees(answer, polytope.groups)
    if polytope.kind <= ANSWERERS[name].decides:
        assert (answer.verdicts != Verdict.UNDECIDED).all()


def test_floats_find_nothing_in_what_is_empty() -> None:
    """What is positive all over nothing may not be left out."""
    rng = np.random.default_rng(0)
    empty = 0
    for _ in range(60):
        n = int(rng.integers(1, 4))
        extra = np.column_stack([rng.normal(size=(6, n)), rng.uniform(-1, 0.5, size=6)])
        extra = np.vstack([extra, extra[0] * (1 + 2.0**-50), -extra[1] * (1 - 2.0**-52)])
        polytope = cube(n, extra.tolist(), [])
        rows = exact_rows_of(polytope.normals, polytope.offsets)
        near, expected = rng.normal(size=n), exact_facets(rows)
        # told to stop, floats leave every row to integers
        for found in (facets_near_ties(rows, near), facets_near_ties(rows, near, np.ones(1, int))):
            assert (found is None) == (expected is None)
            assert found is None or found.groups == expected.groups
        empty += expected is None
    assert empty > 10


@pytest.mark.parametrize("shape", POLYTOPES)
def test_known_groups_are_those_of_the_vertices(shape: str) -> None:
    polytope = POLYTOPES[shape]
    rows = exact_rows_of(polytope.normals, polytope.offsets)
    assert groups_by_vertices(rows) == polytope.groups


@pytest.mark.parametrize(
    ("name", "n"),
    [
        (name, n)
        for name, answerer in ANSWERERS.items()
        for n in range(1, 5)
        if name != "rational" and (not answerer.plane or n == 2)
    ],
)
def test_agrees_with_rational_on_random_polytopes(name: str, n: int) -> None:
    rng = np.random.default_rng(n - 1)
    extra = np.column_stack([rng.normal(size=(12, n)), rng.uniform(0.1, 1.5, size=12)])
    polytope = cube(n, extra.tolist(), [])
    answer = asked(name, polytope.normals, polytope.offsets)
    exact = facets_of_exact_rows(exact_rows_of(polytope.normals, polytope.offsets))
    assert (answer.verdicts != Verdict.UNDECIDED).mean() > 0.9
    assert_agrees(answer, list(exact.groups))


@pytest.mark.parametrize("seed", range(12))
def test_agrees_with_vertices_on_random_ties(seed: int) -> None:
    """Small integers: rows coincide, vanish and touch, in every combination."""
    rng = np.random.default_rng(seed)
    n = 2 + seed % 2
    extra = np.column_stack([rng.integers(-2, 3, size=(7, n)), rng.integers(1, 4, size=7)])
    polytope = cube(n, extra.tolist(), [])
    groups = groups_by_vertices(exact_rows_of(polytope.normals, polytope.offsets))
    for name, answerer in ANSWERERS.items():
        # a solver per row takes longest, and has little to say on ties
        if name == "cvxpy" or (answerer.plane and n != 2):
            continue
        answer = asked(name, polytope.normals, polytope.offsets)
        assert_agrees(answer, groups)
        if answerer.decides >= Kind.TIED:
            assert (answer.verdicts != Verdict.UNDECIDED).all(), name


@pytest.mark.parametrize("seed", range(6))
def test_ties_in_the_whole_space(seed: int) -> None:
    """Regions of a cone: the domain's own rows are walls, and no facets."""
    rng = np.random.default_rng(seed)
    n = 1 + seed % 2
    table = rng.integers(-2, 3, size=(6, n + 1))
    # signed so that a point is inside
    bits = (table @ [*rng.normal(size=n), 1.0] > 0).astype(np.uint8)
    problem = whole_problem(network_of_rows(table[:, :-1], table[:, -1]), None)
    units, walls = prefix_rows(problem, bits)
    carriers = groups_by_vertices([*units, *walls])
    groups = [group for group in carriers if group[-1] < len(units)]
    answer = facets_with_ties((problem, bits))
    assert list(answer.groups) == groups
    assert (answer.verdicts != Verdict.UNDECIDED).all()
