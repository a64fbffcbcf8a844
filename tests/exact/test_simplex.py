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
