"""One suite over every answerer of "which rows carry a facet?".

A new answerer is one row of ANSWERERS. Float answerers may abstain, they may not err;
`exact` ones may not abstain either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
import reference_facets as reference
from facet_answerers import exact_rows_of, facets_of_exact_rows, scaled_rows_of

from polyregions.cells.proven_facets import proven_facets
from polyregions.exact.verdict import FacetVerdicts, Verdict


class Answerer(NamedTuple):
    prepare: Callable[..., Any]
    facets: Callable[[Any], FacetVerdicts]
    exact: bool


ANSWERERS = {
    "certified": Answerer(scaled_rows_of, proven_facets, False),
    "rational": Answerer(exact_rows_of, facets_of_exact_rows, True),
    "reference": Answerer(reference.prepare, reference.facets, False),
    "cvxpy": Answerer(reference.prepare, reference.facets_cvxpy, False),
}


class Polytope(NamedTuple):
    normals: np.ndarray
    offsets: np.ndarray
    groups: list[tuple[int, ...]]


def cube(n: int, extra: list[list[float]], groups: list[tuple[int, ...]]) -> Polytope:
    """[-1, 1]^n, rows u_k + 1 and 1 - u_k in turn, then extra rows."""
    rows = [[s * float(i == k) for i in range(n)] + [1.0] for k in range(n) for s in (1, -1)]
    table = np.array(rows + extra)
    return Polytope(table[:, :-1], table[:, -1], groups)


def singles(*rows: int) -> list[tuple[int, ...]]:
    return [(row,) for row in rows]


def cross_polytope(n: int) -> Polytope:
    signs = np.array(np.meshgrid(*[[-1.0, 1.0]] * n)).reshape(n, -1).T
    box = cube(n, [[*row, 1.0] for row in signs], [])
    # the cube touches the cross-polytope in its vertices only
    return box._replace(groups=singles(*range(2 * n, 2 * n + 2**n)))


POLYTOPES = {
    "interval": cube(1, [], singles(0, 1)),
    "cube 2": cube(2, [], singles(*range(4))),
    "cube 4": cube(4, [], singles(*range(8))),
    "simplex": cube(3, [[-1, -1, -1, -2]], singles(0, 2, 4, 6))._replace(
        offsets=np.array([1.0, 8, 1, 8, 1, 8, -2])
    ),
    "cross-polytope 2": cross_polytope(2),
    "cross-polytope 3": cross_polytope(3),
    "cut off": cube(2, [[1, 1, 0.5], [-1, 0, 0.25]], singles(0, 3, 4, 5)),
    "touches a vertex": cube(2, [[1, 1, 2], [2, 1, 3]], singles(*range(4))),
    "touches an edge": cube(3, [[1, 1, 0, 2]], singles(*range(6))),
    "far away": cube(2, [[1, 1, 5], [0, -1, 3]], singles(*range(4))),
    "duplicates": cube(
        2,
        [[1, 1, 0.5], [1, 1, 0.5], [1, 0, 1], [1, 1, 1], [1, 1, 1.5]],
        [(0, 6), (1,), (2,), (3,), (4, 5)],
    ),
    "duplicates that touch": cube(2, [[1, 1, 0], [1, 1, 0], [1, 0, 1]], [(1,), (3,), (4, 5)]),
    "scaled duplicates": cube(
        2,
        [[3, 1.5, 0], [2, 1, 0], [-8, 0, 8], [-(2.0**-40), 0, 2.0**-40]],
        [(1, 6, 7), (2,), (3,), (4, 5)],
    ),
    "constants and zeros": cube(2, [[0, 0, 1], [0, 0, 0], [1, 2, 0]], singles(0, 1, 3, 6)),
    "parallel": cube(2, [[1, 0, 0.5], [1, 0, 0.25], [1, 0, 0.75]], singles(1, 2, 3, 5)),
    # 2^-30 inside and outside of what is already cut off
    "near-parallel, cuts": cube(2, [[1, 0, 1 - 2.0**-30]], singles(1, 2, 3, 4)),
    "near-parallel, misses": cube(2, [[1, 0, 1 + 2.0**-30]], singles(0, 1, 2, 3)),
    "tilted, cuts": cube(2, [[1, 2.0**-40, 1]], singles(0, 1, 2, 3, 4)),
    "tilted, touches": cube(2, [[1, 2.0**-40, 1 + 2.0**-40]], singles(0, 1, 2, 3)),
    "cuts a corner by 2^-50": cube(2, [[1, 1, 2 - 2.0**-50]], singles(0, 1, 2, 3, 4)),
    "pencil": cube(2, [[1, 0, 0], [0, 1, 0], [1, 1, 0], [2, 1, 0], [1, 2, 0]], singles(1, 3, 4, 5)),
    "pyramid": cube(
        3,
        [[1, 0, -1, 0.5], [-1, 0, -1, 0.5], [0, 1, -1, 0.5], [0, -1, -1, 0.5], [1, 1, -2, 1]],
        singles(0, 1, 2, 3, 4, 6, 7, 8, 9),
    ),
}


@pytest.mark.parametrize("shape", POLYTOPES)
@pytest.mark.parametrize("name", ANSWERERS)
def test_answer(name: str, shape: str) -> None:
    answerer, polytope = ANSWERERS[name], POLYTOPES[shape]
    answer = answerer.facets(answerer.prepare(polytope.normals, polytope.offsets))
    expected = np.zeros(len(polytope.offsets), dtype=int)
    expected[[row for group in polytope.groups for row in group]] = Verdict.FACET
    decided = answer.verdicts != Verdict.UNDECIDED
    if answerer.exact:
        assert decided.all()
    np.testing.assert_array_equal(answer.verdicts[decided], expected[decided])
    assert set(answer.groups) <= set(polytope.groups)
    if decided.all():
        assert list(answer.groups) == polytope.groups


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", [name for name in ANSWERERS if name != "rational"])
def test_agrees_with_rational_on_random_polytopes(name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 1 + seed
    extra = np.column_stack([rng.normal(size=(12, n)), rng.uniform(0.1, 1.5, size=12)])
    polytope = cube(n, extra.tolist(), [])
    exact = facets_of_exact_rows(exact_rows_of(polytope.normals, polytope.offsets))
    answerer = ANSWERERS[name]
    answer = answerer.facets(answerer.prepare(polytope.normals, polytope.offsets))
    decided = answer.verdicts != Verdict.UNDECIDED
    assert decided.mean() > 0.9
    np.testing.assert_array_equal(answer.verdicts[decided], exact.verdicts[decided])
