"""Zero tests modulo primes against integers."""

import flint
import numpy as np
import pytest
from random_nets import random_case

from polyregions.domain.chart import chart_of
from polyregions.geometry.facet_crossing import derivative_vanishes
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.network.residues import (
    NO_RESIDUES,
    coincide,
    combination_zeros,
    modular_rows,
    vanishes,
)
from polyregions.run.problem import whole_problem

FAMILIES = ("zero bias", "integer", "duplicates", "dead", "whole space", "slopes")


def cases():
    """Networks with a pattern, its exact rows, and residues of the same (unsigned) rows."""
    for family in FAMILIES:
        for seed in range(6):
            network, domain = random_case(family, seed, units=8)
            problem = whole_problem(network, domain)
            rng = np.random.default_rng(seed)
            bits = rng.integers(0, 2, network.hidden_units).astype(np.uint8)
            modular = problem.modular
            assert len(modular.primes)
            modular_rows(problem.flat, modular, bits)
            yield problem, bits, exact_rows(problem.exact, bits), modular, rng


@pytest.mark.slow
def test_rows_vanish_exactly_where_integers_do():
    seen = set()
    for problem, _, rows, modular, _ in cases():
        m = problem.flat.dimension
        for i in range(problem.flat.units):
            seen.add(not any(rows[i]))
            assert vanishes(modular, m, i) == (not any(rows[i]))
    assert seen == {True, False}


@pytest.mark.slow
def test_rows_coincide_exactly_where_integers_do():
    seen = set()
    for problem, _, rows, modular, _ in cases():
        m = problem.flat.dimension
        for i in range(len(rows)):
            lead = next((d for d in range(m) if rows[i][d]), None)
            if lead is None:
                continue
            for j in range(len(rows)):
                same = all(
                    rows[i][d] * rows[j][lead] == rows[j][d] * rows[i][lead] for d in range(m + 1)
                )
                seen.add(same)
                assert coincide(modular, m, i, j, lead) == same
    assert seen == {True, False}


@pytest.mark.slow
def test_coefficients_vanish_exactly_where_rationals_do():
    seen = set()
    for problem, _, rows, modular, rng in cases():
        m = problem.flat.dimension
        for _ in range(30):
            basis = rng.choice(len(rows), m, replace=False)
            row = int(rng.integers(len(rows)))
            matrix = flint.fmpq_mat(m, m, [rows[k][d] for d in range(m) for k in basis])
            is_zero = np.zeros(m + 1, dtype=bool)
            if matrix.det() == 0:
                assert not combination_zeros(modular, m, basis, row, is_zero)
                continue
            side = flint.fmpq_mat(m, 1, [rows[row][d] for d in range(m)])
            y = matrix.solve(side)
            rest = rows[row][m] - sum(y[k, 0] * rows[basis[k]][m] for k in range(m))
            expected = [y[k, 0] == 0 for k in range(m)] + [rest == 0]
            assert combination_zeros(modular, m, basis, row, is_zero)
            seen.update(expected)
            assert is_zero.tolist() == expected
    assert seen == {True, False}


@pytest.mark.slow
def test_derivatives_vanish_exactly_where_integers_do():
    seen = set()
    for problem, bits, rows, modular, rng in cases():
        flat = problem.flat
        starts = np.cumsum([0, *flat.widths])
        for _ in range(5):
            direction = rng.integers(-3, 4, flat.dimension).astype(float)
            for layer, width in enumerate(flat.widths):
                for i in range(width):
                    if flat.bit[starts[layer] + i] < 0:
                        continue
                    row = rows[flat.bit[starts[layer] + i]]
                    change = sum(int(row[d]) * int(direction[d]) for d in range(flat.dimension))
                    seen.add(change == 0)
                    assert derivative_vanishes(flat, modular, direction, bits, layer, i) == (
                        change == 0
                    )
    assert seen == {True, False}


def test_without_primes_nothing_is_zero():
    network, domain = random_case("zero bias", 0)
    problem = whole_problem(network, domain)
    modular = NO_RESIDUES
    m = problem.flat.dimension
    assert not vanishes(modular, m, 0)
    assert not coincide(modular, m, 0, 0, 0)
    assert not combination_zeros(modular, m, np.arange(m), 0, np.zeros(m + 1, dtype=bool))


@pytest.mark.parametrize("scale", [1e-250, 1e-150])
def test_networks_that_need_too_many_primes_have_none(scale):
    rng = np.random.default_rng(0)
    from polyregions import Box, Network

    layers = [
        (rng.normal(size=(3, 2)) * scale, rng.normal(size=3)),
        (np.ones((3, 3)) / scale, [0] * 3),
    ]
    network = Network.from_arrays([*layers, ([[1, 1, 1]], [0])])
    assert chart_of(Box.cube(2, 1.0), 2).dimension == 2
    assert exact_network(network, chart_of(Box.cube(2, 1.0), 2)).hidden_units == 6
    assert len(whole_problem(network, Box.cube(2, 1.0)).modular.primes) == 0
