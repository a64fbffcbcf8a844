"""No row that a prefix region drops is ever missed: by the rational walk and region by region."""

from itertools import pairwise

import numpy as np
import pytest
from exact_walks import same_bytes, same_walk

import polyregions as pr
from polyregions.pattern import n_words, unpack
from polyregions.run.limits import limits_of
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt
from polyregions.walk.prefixes import copy_list, prefix_of
from polyregions.walk.rational_walk import exact_region
from polyregions.walk.steps import drive
from polyregions.walk.walk_state import root_state


def chained(widths, rng, *, density=1.0, bias=0.3, straight=0.0, passing=False):
    """A net of three or more layers; `straight` units pass on, `passing` adds affine layers."""
    layers = []
    for into, out in pairwise(widths):
        weight = rng.normal(size=(out, into)) * np.sqrt(2 / into / density)
        weight *= rng.random((out, into)) < density
        shift = rng.normal(size=out) * bias * (rng.random(out) < density)
        lower = np.where(rng.random(out) < straight, 1.0, 0.0)
        lower[0] = 0.0
        layers.append(pr.Layer.with_slopes(weight, shift, lower, 1.0))
        if passing:
            layers.append(pr.Layer.affine(rng.normal(size=(out, out)), np.zeros(out)))
    return pr.Network((*layers, pr.Layer.affine(np.ones((1, widths[-1])), [0.0])))


def halved(rng, widths):
    """Every second unit is a multiple of the one before: ties that have to be decided."""
    layers = []
    for into, out in pairwise(widths):
        weight, shift = rng.normal(size=(out, into)), rng.normal(size=out) * 0.3
        weight, shift = np.round(weight * 64) / 64, np.round(shift * 64) / 64
        for i in range(1, out, 2):
            factor = rng.choice([1.0, 2.0, -1.0, -0.5])
            weight[i], shift[i] = factor * weight[i - 1], factor * shift[i - 1]
        layers.append((weight, shift))
    return pr.Network.from_arrays([*layers, (np.ones((1, widths[-1])), [0.0])])


def pooled(rng, n):
    """Pairs of units, the larger of two, pairs of these, and the larger again."""

    def larger(width):
        compare = np.zeros((width, width))
        for pair in range(width // 2):
            compare[2 * pair, [2 * pair, 2 * pair + 1]] = [1.0, -1.0]
            compare[2 * pair + 1, 2 * pair + 1] = 1.0
        return pr.Layer.with_slopes(compare, np.zeros(width), [0.0, 1.0] * (width // 2), 1.0)

    first = pr.Layer.relu(rng.normal(size=(6, n)), rng.normal(size=6) * 0.3)
    add = np.kron(np.eye(3), [[1.0, 1.0]])
    second = pr.Layer.relu(rng.normal(size=(4, 3)) @ add, rng.normal(size=4) * 0.3)
    last = pr.Layer.affine(np.ones((1, 4)), [0.0])
    return pr.Network((first, larger(6), second, larger(4), last))


MAKERS = {
    "three layers": lambda rng, n: chained([n, 5, 4, 4], rng),
    "four layers": lambda rng, n: chained([n, 4, 3, 3, 3], rng),
    "sparse": lambda rng, n: chained([n, 4, 4, 4, 4], rng, density=0.4),
    "zero bias": lambda rng, n: chained([n, 5, 4, 4], rng, bias=0.0),
    "pass-through units": lambda rng, n: chained([n, 5, 4, 5], rng, straight=0.4),
    "pass-through layers": lambda rng, n: chained([n, 4, 4, 3], rng, passing=True),
    "multiples": lambda rng, n: halved(rng, [n, 4, 4, 4]),
    "pooled": pooled,
}


def case(kind, n, seed):
    network = MAKERS[kind](np.random.default_rng([n, seed]), n)
    return network, None if seed == 0 else pr.Box.cube(n, 1.0)


# with three inputs, exact arithmetic takes most of a second
UP_TO_THREE = [1, 2, pytest.param(3, marks=pytest.mark.slow)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n", UP_TO_THREE)
@pytest.mark.parametrize("kind", MAKERS)
def test_walk_equals_rational_walk(kind, n, seed):
    same_walk(*case(kind, n, seed))


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("kind", MAKERS)
def test_two_threads_give_the_same_bytes(kind, n):
    same_bytes(*case(kind, n, 0))
    same_bytes(*case(kind, n, 1))


def test_threads_and_chunks_on_a_larger_net():
    """Many prefixes, more than one step: lists are made in several threads."""
    network = chained([2, 24, 24, 16], np.random.default_rng(0))
    same_bytes(network, pr.Box.cube(2, 2.0))
    same_bytes(chained([3, 10, 8, 8], np.random.default_rng(1)), pr.Box.cube(3, 1.0), threads=3)


def walked(network, domain):
    """The problem, and everything that a finished walk holds."""
    problem = problem_of(network, domain)
    found = root_state(problem)
    drive(problem, found, limits=limits_of(), interrupt=Interrupt())
    return problem, found


def listed_rows(problem, found, words):
    """The rows that are looked at in a region, and whether ties were dropped from them."""
    flat = problem.flat
    number = prefix_of(found.prefixes, words, np.zeros(n_words(flat.units) + 1, np.uint64))
    ids = np.zeros(flat.size, dtype=np.int64)
    count = copy_list(flat, found.prefixes, number, ids)
    rows = set(ids[:count].tolist())
    assert len(rows) == count
    return rows, number >= 0 and bool(found.prefixes.ties[number])


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("n", UP_TO_THREE)
@pytest.mark.parametrize("kind", MAKERS)
def test_rows_that_are_not_listed_carry_no_facet(kind, n, seed):
    """Every facet of every region, found in integers, has its rows in the prefix's list."""
    network, domain = case(kind, n, seed)
    problem, found = walked(network, domain)
    reduction, units = problem.reduction, problem.flat.units
    new_number = {int(bit): row for row, bit in enumerate(reduction.kept)}
    for words in found.store.patterns[: found.count]:
        rows, tied = listed_rows(problem, found, words)
        region = exact_region(problem.exact, reduction.grow(unpack(words, units)))
        assert region is not None
        for facet in region.facets:
            leaders = reduction.leader[list(facet.units)]
            carriers = {new_number[int(bit)] for bit in leaders}
            # one of the rows that coincide by the net's shape stands for the others
            assert carriers & rows if tied else carriers <= rows


@pytest.mark.slow
def test_rows_are_dropped():
    """The lists are worth their making: far shorter than all rows, and never empty."""
    for n in (2, 3):
        network = chained([n, 12, 12, 12], np.random.default_rng(n))
        problem, found = walked(network, pr.Box.cube(n, 1.0))
        registered, settled, _ = found.prefixes.totals[0].item()
        assert registered == settled > 10
        lengths = [
            len(listed_rows(problem, found, w)[0]) for w in found.store.patterns[: found.count]
        ]
        assert min(lengths) > 0
        assert np.mean(lengths) < 0.7 * problem.flat.size


def test_without_prefixes_the_walk_is_the_same():
    """The slow twin: no list is ever made, every row is looked at in every region."""
    for n, kind in ((1, "sparse"), (2, "three layers"), (2, "pooled"), (3, "multiples")):
        network, domain = case(kind, n, 1)
        problem = problem_of(network, domain)
        found = root_state(problem)
        nothing = np.zeros(0, dtype=np.int64)
        found.prefixes = found.prefixes._replace(depths=nothing)
        found.prefixes.totals[0] = 0
        drive(problem, found, limits=limits_of(), interrupt=Interrupt())
        usual = walked(network, domain)[1]
        ours = {words.tobytes() for words in found.store.patterns[: found.count]}
        assert ours == {words.tobytes() for words in usual.store.patterns[: usual.count]}
