"""Where a condition holds, against exact linear programs on all regions."""

import json
from fractions import Fraction
from itertools import product

import flint
import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps
from polyregions.cli import main
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.facets import interior_point
from polyregions.io import save_network
from polyregions.questions import region_search
from polyregions.questions.conditions import where
from polyregions.questions.property import OutputInequality


@pytest.fixture(params=[2, 100])
def searched(request, monkeypatch):
    """A search over boxes, also where there are few regions; into small boxes, or large ones."""
    monkeypatch.setattr(region_search, "_FEW_REGIONS", 1)
    monkeypatch.setattr(region_search, "_CELLS_OF_A_WALK", request.param)
    return request.param


BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]


def row_of(maps, outputs, inequality):
    """The bound minus the sum, times a positive number, on the chart."""
    numbers = [inequality.bound, *(c for _, c in inequality.coefficients)]
    common = int(np.lcm.reduce([x.denominator for x in numbers], dtype=object))
    row = [flint.fmpz(0)] * len(outputs[0])
    row[-1] += int(inequality.bound * common) * maps.scale
    for index, c in inequality.coefficients:
        row = [a - int(c * common) * b for a, b in zip(row, outputs[index], strict=True)]
    return row


def verdicts(regions, sets):
    """(somewhere, everywhere, touching) of every region: rows and their negations, cut open."""
    maps = exact_maps(regions.network, regions.domain)
    found = []
    for pattern in regions.patterns:
        units, outputs, walls = maps.rows(pattern)
        open_cell = [row for row in [*units, *walls] if any(row)]
        rows = [[row_of(maps, outputs, one) for one in members] for members in sets]
        # closed: a row that is not negative is one that is not below any positive distance
        centre = interior_point(open_cell)
        scale = int(np.lcm.reduce([x.denominator for x in centre], dtype=object))
        column = [flint.fmpz(int(x * scale)) for x in centre] + [flint.fmpz(scale)]
        somewhere = False
        for members in rows:
            part = ClosedPolytope.of(open_cell, column)
            for row in members:
                part = None if part is None else part.cut(row)
            somewhere |= part is not None
        fat = any(is_open(open_cell, members, strict=False) for members in rows)
        # all sets are missed on an open part, if at all: one broken row of each
        missed = any(
            is_open(open_cell, [[-x for x in row] for row in chosen], strict=True)
            for chosen in product(*rows)
        )
        found.append((somewhere, not missed, somewhere and not fat))
    return found


def is_open(cell, rows, *, strict):
    """Whether rows are positive (or zero throughout, unless strict) on an open part of a cell."""
    if any(not any(row) for row in rows) and strict:
        return False
    return interior_point([*cell, *(row for row in rows if any(row))]) is not None


def conditions(network, regions, seed):
    """Some conditions: touched, broken by a rounding, equalities, unions."""
    rng = np.random.default_rng(seed)
    values = network.forward(regions.witnesses)[:, 0]
    pick = Fraction(float(values[int(rng.integers(len(values)))]))
    highest = pr.maximum(network, regions.domain).value
    corner = Fraction(float(network.forward(regions.domain.upper)[0]))

    def at_least(bound):
        return OutputInequality(((0, Fraction(-1)),), -Fraction(bound))

    def at_most(bound):
        return OutputInequality(((0, Fraction(1)),), Fraction(bound))

    yield ((at_least(pick),),)
    yield ((at_least(corner), at_most(corner)),)
    yield ((at_most(0),), (at_least(pick), at_most(pick + Fraction(1, 3))))
    if float(highest) == highest:
        yield ((at_least(highest),),)
        yield ((at_least(np.nextafter(float(highest), np.inf)),),)


@pytest.mark.parametrize("family", BOXED)
def test_all_regions_are_found_and_no_other(family, searched):
    for seed in range(1 if searched == 2 else 2):
        network, domain = random_case(family, seed, 8)
        regions = pr.enumerate_regions(network, domain)
        for sets in conditions(network, regions, seed):
            found = where(network, domain, condition=sets)
            expected = verdicts(regions, sets)
            met = [index for index, (somewhere, *_) in enumerate(expected) if somewhere]
            chosen = regions[met]
            assert np.array_equal(found.regions.patterns, chosen.patterns)
            assert np.array_equal(found.regions.edges, chosen.edges)
            assert found.everywhere.tolist() == [expected[index][1] for index in met]
            assert found.touching.tolist() == [expected[index][2] for index in met]
            assert found.finished
            assert found.settled == 1.0


TENT = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0], [1.0, 0.0]], [0, 0])])
LINE = pr.Box.cube(1, 1.0)


@pytest.mark.parametrize(
    ("condition", "bits", "everywhere", "touching"),
    [
        ({"above": 1.0}, [[1, 0], [1, 1]], [False, False], [True, True]),
        ({"above": float(np.nextafter(1.0, 0))}, [[1, 0], [1, 1]], [False] * 2, [False] * 2),
        ({"above": float(np.nextafter(1.0, 2))}, [], [], []),
        # zero on all of [-1, 0], and at the end of [1/2, 1]
        ({"below": 0.0}, [[0, 0], [1, 0], [1, 1]], [True, False, False], [False, True, True]),
        ({"above": 0.0}, [[0, 0], [1, 0], [1, 1]], [True] * 3, [False] * 3),
        ({"above": 5e-324}, [[1, 0], [1, 1]], [False] * 2, [False] * 2),
        ({"below": -5e-324}, [], [], []),
        ({"output": 1, "above": 0.5}, [[1, 0], [1, 1]], [False, True], [True, False]),
        (
            {"output": [1.0, -1.0], "below": 0.0},
            [[0, 0], [1, 0], [1, 1]],
            [True, False, False],
            [False, True, False],
        ),
    ],
)
def test_values_one_rounding_apart(condition, bits, everywhere, touching, searched):
    """A tent over [0, 1], zero on [-1, 0]; the second output is σ(x)."""
    found = where(TENT, LINE, **condition)
    assert found.regions.bits.tolist() == bits
    assert found.everywhere.tolist() == everywhere
    assert found.touching.tolist() == touching
    assert len(found) == len(bits)


def test_bounds_that_no_float_holds():
    """1/3, and a float plus one part in 2^200: as they are."""
    third = OutputInequality(((1, Fraction(-1)),), Fraction(-1, 3))
    assert where(TENT, LINE, condition=[(third,)]).everywhere.tolist() == [False, True]
    for shift, touched in ((0, True), (1, False), (-1, False)):
        bound = 1 + shift * Fraction(1, 2**200)
        at_least = OutputInequality(((0, Fraction(-1)),), -bound)
        found = where(TENT, LINE, condition=[(at_least,)])
        assert found.touching.tolist() == ([] if shift > 0 else [touched] * 2)
    tiny = OutputInequality(((0, Fraction(1)),), Fraction(1, 2**2000))
    with pytest.raises(pr.PolyregionsError, match="more digits than"):
        where(TENT, LINE, condition=[(tiny,)])


def test_what_is_no_condition():
    row = OutputInequality(((2, Fraction(1)),), Fraction(0))
    for wrong, sentence in (
        ({}, "needs a bound of the output"),
        ({"above": np.nan}, "above is one finite number"),
        ({"below": "high"}, "below"),
        ({"above": 0.0, "output": 2}, "there is no output 2"),
        ({"above": 0.0, "condition": [(row,)]}, "not both"),
        ({"condition": []}, "at least one set"),
        ({"condition": [()]}, "a tuple of at least one"),
        ({"condition": "unsafe.vnnlib"}, "a tuple of at least one"),
        ({"condition": 3}, "a tuple of at least one"),
        ({"condition": [(row,)]}, "names the output Y_2"),
        ({"above": 0.0, "threads": 0}, "threads"),
    ):
        with pytest.raises(pr.PolyregionsError, match=sentence):
            where(TENT, LINE, **wrong)
    with pytest.raises(pr.DomainError, match="not in the whole space"):
        where(TENT, None, above=0.0)


def test_a_limit():
    found = where(TENT, LINE, above=0.5, time_limit=1e-9)
    assert not found.finished
    assert (len(found), found.settled, found.visited) == (0, 0.0, 0)
    assert "partial, 0.0% of the box settled" in repr(found)
    assert "2 regions, 0 of them everywhere, all" in repr(where(TENT, LINE, above=0.5))


def test_on_the_command_line(tmp_path, capsys):
    tent, out, file = (str(tmp_path / name) for name in ("tent.npz", "out.npz", "high.vnnlib"))
    save_network(TENT, tent)
    text = "(declare-const X_0 Real) (declare-const Y_0 Real) (declare-const Y_1 Real)"
    text += "(assert (and (>= X_0 -1) (<= X_0 1)))"
    (tmp_path / "high.vnnlib").write_text(text + "(assert (or (>= Y_0 1) (>= Y_1 0.6)))")
    assert main(["where", tent, "--cube", "1", "--above", "0.5", "--below", "2", "-o", out]) == 0
    said = capsys.readouterr().out
    assert "Y_0 >= 0.5 and Y_0 <= 2.0 somewhere: 2 regions\n" in said
    assert "everywhere: 0 of them; only touched: 0\n" in said
    assert pr.open_regions(out) == where(TENT, LINE, above=0.5).regions
    assert main(["where", tent, "--box-file", file, "--condition", file, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["regions"], read["everywhere"], read["touching"]) == (2, 0, 1)
    assert main(["where", tent, "--cube", "1", "--above", "0", "--time-limit", "1e-9"]) == 3
    assert "0.0% of the box is settled" in capsys.readouterr().err
    (tmp_path / "none.vnnlib").write_text(text + "(assert (>= X_0 2)) (assert (>= Y_0 1))")
    none = str(tmp_path / "none.vnnlib")
    for wrong in (
        [],
        ["--condition", none],
        ["--condition", file, "--above", "1"],
        ["--of", "5", "--above", "0"],
    ):
        assert main(["where", tent, "--cube", "1", *wrong]) == 2
        assert capsys.readouterr().err.count("\n") == 1
