"""The dictionary after each step against one that is made afresh from the rows, by an inverse."""

import flint
import numpy as np
import pytest

from polyregions.exact.simplex import Simplex, evaluate, vertex_near


def fresh(rows, basis):
    """Table and vertex of a basis: rationals, by an inverse and a product."""
    n = len(basis)
    inverse = flint.fmpq_mat(flint.fmpz_mat([list(rows[i][:n]) for i in basis])).inv()
    offsets = flint.fmpq_mat(flint.fmpz_mat([[rows[i][n]] for i in basis]))
    vertex = (inverse * offsets * flint.fmpq(-1)).entries()
    table = {}
    for i, row in rows.items():
        normal = flint.fmpq_mat(flint.fmpz_mat([list(row[:n])]))
        value = row[n] + sum((a * b for a, b in zip(row, vertex, strict=False)), flint.fmpq(0))
        table[i] = [*(normal * inverse).entries(), value]
    return table, vertex


def box_and_more(n, more, size, seed):
    """A box and other rows round the origin, some of them parallel, some multiples."""
    rng = np.random.default_rng([n, more, size, seed])
    rows = [[s * int(i == k) for i in range(n)] + [size] for k in range(n) for s in (1, -1)]
    for _ in range(more):
        normal = rng.integers(-size, size + 1, size=n).tolist()
        rows.append([*normal, int(rng.integers(1, size + 1))])
        if rng.random() < 0.2:
            rows.append([3 * entry for entry in rows[-1]])
    return {i: [flint.fmpz(entry) for entry in row] for i, row in enumerate(rows)}


def assert_fresh(simplex, rows, scale):
    """The dictionary is that of its basis, times positive numbers that are the same in a line."""
    table, vertex = fresh(rows, simplex.basis)
    determinant = simplex._determinant
    assert determinant > 0
    for i in simplex.at:
        # slacks are those of the rows in other coordinates: `scale` times as large
        expected = [*table[i][:-1], table[i][-1] * scale]
        assert simplex.row(i) == [entry * determinant for entry in expected], i
    n = len(simplex.basis)
    assert simplex.coordinate(n) == [0] * n + [determinant * scale]
    assert [simplex.coordinate(k)[-1] for k in range(n)] == [
        v * determinant * scale for v in vertex
    ]


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("size", [1, 3, 10**6])
def test_every_step_leads_to_the_dictionary_of_its_basis(n, size):
    steps = 0
    for seed in range(8):
        rows = box_and_more(n, 3 * n, size, seed)
        start = [flint.fmpz(0)] * n + [flint.fmpz(1 + seed % 3)]
        simplex = vertex_near(rows, start)
        assert_fresh(simplex, rows, start[-1])
        for target in rows:
            for _ in simplex.lower(target):
                assert_fresh(simplex, rows, start[-1])
                assert all(
                    evaluate(row, simplex.vertex) >= 0 for i, row in rows.items() if i != target
                )
                steps += 1
        # rows that say nothing may leave, and it goes on with the others
        simplex.keep([i for i in simplex.at if i in simplex.basis or i < 2 * n])
        for target in range(2 * n):
            for _ in simplex.lower(target):
                assert_fresh(simplex, rows, start[-1])
    assert steps > 20


def test_a_start_that_is_no_integer_point():
    rows = box_and_more(2, 4, 5, 0)
    start = [flint.fmpz(1), flint.fmpz(-1), flint.fmpz(7)]
    simplex = Simplex(rows, start)
    assert simplex.vertex == start
    assert {i: simplex.row(i)[-1] for i in rows} == {
        i: evaluate(row, start) for i, row in rows.items()
    }
    assert_fresh(vertex_near(rows, start), rows, start[-1])


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [2, 10**6])
def test_from_a_point_inside_as_from_a_vertex(n, size):
    """A row is violated alone, or least where the basis says so, from wherever the way begins."""
    least = violated = 0
    for seed in range(8):
        rows = box_and_more(n, 3 * n, size, seed)
        start = [flint.fmpz(0)] * n + [flint.fmpz(1)]
        for target in rows:
            simplex = Simplex(rows, start)
            over = simplex.violation(target)
            other = vertex_near(rows, start).violation(target)
            assert (over is None) == (other is None)
            for column in (over, other):
                if column is not None:
                    assert [i for i, row in rows.items() if evaluate(row, column) < 0] == [target]
                    violated += 1
            if over is None:
                value, scale = simplex.row(target)[-1], simplex.coordinate(n)[-1]
                simplex.settle(target)
                assert min(simplex.basis) >= 0
                assert simplex.never_falls(target)
                # as low as where it was least before true rows took all places
                assert simplex.row(target)[-1] * scale == value * simplex.coordinate(n)[-1]
                least += 1
    assert violated > 10
    assert n == 1 or least > 5


def test_the_end_of_an_edge_shows_who_ends_it_alone():
    seen = 0
    for seed in range(20):
        rows = box_and_more(3, 9, 3, seed)
        simplex = vertex_near(rows, [flint.fmpz(0)] * 3 + [flint.fmpz(1)])
        for slot in range(3):
            block = simplex.blocking(slot, 1, -1)
            over = simplex.behind(slot, block)
            if over is not None:
                assert [i for i, row in rows.items() if evaluate(row, over) < 0] == [block[0]]
                seen += 1
            else:  # another row ends the edge as well
                end = simplex.column_at(slot, 1, block[1], block[2])
                tight = [i for i, row in rows.items() if evaluate(row, end) == 0]
                assert len(set(tight) - set(simplex.basis)) > 1
    assert seen > 20
