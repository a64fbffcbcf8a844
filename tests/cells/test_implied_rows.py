"""A row that is dropped is positive at every vertex, whatever its error bound allows."""

from fractions import Fraction
from itertools import combinations, product

import flint
import numpy as np
import pytest

from polyregions.cells.dictionary import vertex_from_point, workspace
from polyregions.cells.implied_rows import drop_constant_rows, drop_rows_off_polygon
from polyregions.cells.polygon import nearest_row, walk_polygon
from polyregions.cells.vertices import facet_buffer
from polyregions.geometry.rows import Rows


def vertices(table):
    """All vertices of {u : table @ (u, 1) >= 0}, in exact arithmetic, by trying all bases."""
    size, m = len(table), len(table[0]) - 1
    found = set()
    for basis in combinations(range(size), m):
        square = flint.fmpq_mat(
            m, m, [flint.fmpq(*e.as_integer_ratio()) for i in basis for e in table[i][:m]]
        )
        if square.det() == 0:
            continue
        right = flint.fmpq_mat(
            m, 1, [flint.fmpq(*(-table[i][m]).as_integer_ratio()) for i in basis]
        )
        solution = square.solve(right).entries()
        point = tuple(Fraction(int(entry.p), int(entry.q)) for entry in solution)
        if all(at(row, point) >= 0 for row in table):
            found.add(point)
    return found


def at(row, point):
    return sum((a * x for a, x in zip(row, point, strict=False)), row[-1])


def shifted(rows, errors, sign):
    """The exact rows that the errors allow: all farther out, or all farther in."""
    return [
        [*map(Fraction, column[:-1]), Fraction(column[-1]) + sign * Fraction(error)]
        for column, error in zip(rows.T.tolist(), errors.tolist(), strict=True)
    ]


def problem(m, seed, *, error, near):
    """A polytope in the cube around 0, and rows whose least value on it is about `near`."""
    rng = np.random.default_rng([m, seed])
    walls = [[s * float(i == k) for i in range(m)] + [1.0] for k in range(m) for s in (1, -1)]
    cuts = rng.normal(size=(4, m))
    cuts = np.column_stack([cuts / np.linalg.norm(cuts, axis=1)[:, None], rng.uniform(0.2, 1, 4)])
    table = np.vstack([walls, cuts])
    corners = np.array(sorted(vertices([list(map(Fraction, row)) for row in table.tolist()])))
    asked = rng.normal(size=(6, m))
    asked /= np.linalg.norm(asked, axis=1)[:, None]
    least = (corners.astype(float) @ asked.T).min(axis=0)
    asked = np.column_stack([asked, near * rng.uniform(-3, 3, size=6) - least])
    rows = np.ascontiguousarray(np.vstack([table, asked]).T)
    errors = np.full(rows.shape[1], error)
    errors[: 2 * m] = 0.0
    return rows, errors, len(table)


def dropped(rows, errors, size):
    """Which of the rows from `size` on are dropped, by the kernel for this dimension."""
    m, stop = rows.shape[0] - 1, rows.shape[1]
    work, keep = workspace(m, stop), np.ones(stop, dtype=np.uint8)
    if m == 2:
        out = facet_buffer(m, stop + 1)
        row = nearest_row(rows, size, work.point)
        count = walk_polygon(Rows(rows, errors), size, size, row, work.point, work.slack, out, 0.0)
        assert count >= 3
        drop_rows_off_polygon(
            Rows(rows, errors), count, out, size, stop, work.slack, work.ratio, keep
        )
    else:
        assert vertex_from_point(rows, m, size, work)
        drop_constant_rows(Rows(rows, errors), size, stop, work, keep)
    assert keep[:size].all()
    return np.flatnonzero(keep == 0)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(15))
@pytest.mark.parametrize(("error", "near"), [(1e-15, 1.0), (1e-13, 1e-13), (1e-9, 1e-9)])
@pytest.mark.parametrize("m", [1, 2, 3])
def test_dropped_rows_are_positive_at_every_vertex(m, error, near, seed):
    rows, errors, size = problem(m, seed, error=error, near=near)
    corners = vertices(shifted(rows, errors, 1)[:size])
    least = shifted(rows, errors, -1)
    for row in dropped(rows, errors, size):
        assert min(at(least[row], corner) for corner in corners) > 0


@pytest.mark.slow
@pytest.mark.parametrize("m", [1, 2, 3])
def test_rows_well_away_are_dropped(m):
    count = asked = 0
    for seed in range(10):
        rows, errors, size = problem(m, seed, error=1e-14, near=0.5)
        corners = vertices(shifted(rows, 0 * errors, 1)[:size])
        away = [
            i
            for i in range(size, rows.shape[1])
            if min(at(shifted(rows, errors, 1)[i], corner) for corner in corners) > 1e-6
        ]
        asked += len(away)
        count += len(set(away) & set(dropped(rows, errors, size).tolist()))
    assert count > 0.9 * asked > 0


@pytest.mark.parametrize("m", [2, 3])
def test_rows_through_a_vertex_are_kept(m):
    """Rows that touch the square or the cube in a corner or along a face are not positive."""
    walls = [[s * float(i == k) for i in range(m)] + [1.0] for k in range(m) for s in (1, -1)]
    touching = [[*corner, float(m)] for corner in product((1.0, -1.0), repeat=m)]
    table = np.array([*walls, *touching, *walls])
    table /= np.linalg.norm(table[:, :m], axis=1)[:, None]
    rows = np.ascontiguousarray(table.T)
    errors = np.full(len(table), 1e-15)
    errors[: 2 * m] = 0.0
    assert dropped(rows, errors, 2 * m).tolist() == []
    # moved out by more than the errors they are
    rows[m, 2 * m :] += 1e-12
    assert dropped(rows, errors, 2 * m).tolist() == list(range(2 * m, len(table)))
