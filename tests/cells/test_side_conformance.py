"""One suite over every answerer of "on which side of a row is a cell, or does the row cut it?".

A new answerer is one row of ANSWERERS. It may abstain beyond the kind of question that it
promises to decide; it may not err. The judge is the oracle that looks at all vertices.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from facet_answerers import network_of_rows
from polytopes import POLYTOPES, Kind, cube
from side_answerers import (
    CUT,
    Question,
    question_of,
    side_by_integers,
    side_by_planar_tree,
    side_by_tree,
    side_in_floats,
    side_with_residues,
)
from vertex_oracle import side_by_vertices

from polyregions.domain import Box, Domain
from polyregions.run.problem import whole_problem
from polyregions.tree.subtree import Subtree


class Answerer(NamedTuple):
    side: Callable[[Question], int | None]
    decides: Kind  # questions up to this kind must be decided
    plane: bool = False  # whether only polygons can be asked about
    after: str = ""  # asked only where that one abstains: its search goes on


ANSWERERS = {
    "floats": Answerer(side_in_floats, Kind.GENERIC),
    "residues": Answerer(side_with_residues, Kind.TIED, after="floats"),
    "rational": Answerer(side_by_integers, Kind.SLIVER),
    "tree": Answerer(side_by_tree, Kind.SLIVER, after="residues"),
    "planar tree": Answerer(side_by_planar_tree, Kind.SLIVER, plane=True),
}


def rows_asked(table: np.ndarray) -> Iterator[tuple[Kind, list[float]]]:
    """Rows that cut a polytope inside the cube [-1, 1]^n, touch it, or miss it."""
    n = table.shape[1] - 1
    normal = np.random.default_rng(n).normal(size=n).tolist()
    ones = [1.0] * n
    # through the middle of the polytope, and far away
    yield Kind.GENERIC, [*normal, 0.1]
    yield Kind.GENERIC, [*normal, 5.0 * n]
    # the polytope's own, from either side; the cube's corner, and a little inside of it
    yield Kind.TIED, (3 * table[0]).tolist()
    yield Kind.TIED, (-table[-1]).tolist()
    yield Kind.TIED, [*(-entry for entry in ones), -float(n)]
    yield Kind.SLIVER, [*ones, n - 2.0**-45]


def assert_all_agree(question: Question, kind: Kind) -> int:
    """Every answerer is right where it answers, and answers what it promises."""
    rows = [row for row in question.rows if any(row)]
    side = side_by_vertices(rows, question.row)
    expected = CUT if side is None else side or -1
    answers: dict[str, int | None] = {}
    for name, answerer in ANSWERERS.items():
        if answerer.plane and question.problem.flat.dimension != 2:
            continue
        if answers.get(answerer.after) is None:
            answer = answers[name] = answerer.side(question)
            assert answer == expected or (answer is None and kind > answerer.decides), name
        else:
            answers[name] = answers[answerer.after]
    return expected


@pytest.mark.parametrize("shape", POLYTOPES)
def test_sides_of_polytopes(shape: str) -> None:
    polytope = POLYTOPES[shape]
    table = np.column_stack([polytope.normals, polytope.offsets])
    box = Box.cube(polytope.normals.shape[1], 2.0)
    # only exact arithmetic can tell that a row vanishes
    lost = Kind.GENERIC if table.any(axis=1).all() else Kind.SLIVER
    seen = set()
    for kind, row in rows_asked(table):
        question = question_of(table, table.any(axis=1), row, box)
        seen.add(assert_all_agree(question, max(kind, polytope.kind, lost)))
    assert seen == {1, -1, CUT}


@pytest.mark.parametrize("seed", range(6))
def test_sides_of_random_polytopes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n = 1 + seed % 3
    extra = np.column_stack([rng.normal(size=(5, n)), rng.uniform(0.1, 1.5, size=5)])
    polytope = cube(n, extra.tolist(), [])
    table = np.column_stack([polytope.normals, polytope.offsets])
    for row in rng.normal(size=(3, n + 1)):
        assert_all_agree(
            question_of(table, np.ones(len(table)), row, Box.cube(n, 2.0)), Kind.GENERIC
        )


@pytest.mark.parametrize("domain", ["cube", "space"])
@pytest.mark.parametrize("seed", range(6))
def test_sides_of_random_ties(seed: int, domain: str) -> None:
    """Small integers, on a box and on the whole space, which is a cone: always tied."""
    rng = np.random.default_rng(seed)
    n = 1 + seed % 3 if domain == "cube" else 1 + seed % 2
    where: Domain | None = Box.cube(n, 2.0) if domain == "cube" else None
    table = rng.integers(-2, 3, size=(5, n + 1)).astype(float)
    table[:, 0] += ~table[:, :-1].any(axis=1)  # constants are another kind
    # signed so that a point is inside
    bits = table @ [*rng.uniform(-1, 1, size=n), 1.0] > 0
    for row in [*rng.integers(-2, 3, size=(2, n + 1)), -2.0 * table[0], np.zeros(n + 1)]:
        kind = Kind.TIED if row.any() else Kind.SLIVER
        assert_all_agree(question_of(table, bits, row, where), kind)


@pytest.mark.parametrize("depth", [2.0**-45, 2.0**-20, 0.0, -(2.0**-45)])
def test_many_rows_at_every_corner(depth: float) -> None:
    """Bounds are computed for many rows at once: they cut off a square's corners, or miss it."""
    corners = np.repeat([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], 5, axis=0)
    offsets = 2.0 - depth * np.tile(np.arange(1, 6), 4)
    problem = whole_problem(network_of_rows(corners, offsets), Box.cube(2, 1.0))
    subtree = Subtree(problem, None)
    while not subtree.finished:
        subtree.advance(1000, 1000)
    # parallel lines, five at each corner
    assert subtree.regions == (21 if depth > 0 else 1)
