"""What neighbours tell of a region's rows is true, in exact arithmetic."""

import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.pattern import unpack
from polyregions.run.limits import limits_of
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt
from polyregions.walk.rational_walk import exact_region
from polyregions.walk.steps import drive
from polyregions.walk.walk_state import root_state


def told(network, domain, regions):
    """Pending regions of a walk that ends early: patterns, known facets, rows known as none."""
    problem = problem_of(network, domain)
    found = root_state(problem)
    drive(problem, found, limits=limits_of(max_regions=regions), interrupt=Interrupt())
    store, flat = found.store, problem.flat
    if flat.dimension == 2:  # polygons have nothing to tell
        return
    for number in range(found.expanded, found.count):
        facets, others = store.known[number].reshape(2, -1)
        bits = problem.reduction.grow(unpack(store.patterns[number], flat.units))
        kept = problem.reduction.kept
        yield (
            problem.exact,
            bits,
            {int(kept[i]) for i in np.flatnonzero(unpack(facets, flat.units))},
            {int(kept[i]) for i in np.flatnonzero(unpack(others, flat.units))},
        )


def check(network, domain, regions):
    n_facets = n_others = 0
    for exact, bits, facets, others in told(network, domain, regions):
        region = exact_region(exact, bits)
        assert region is not None
        carried = {unit for facet in region.facets for unit in facet.units}
        assert facets <= carried
        assert not others & carried
        n_facets, n_others = n_facets + len(facets), n_others + len(others)
    return n_facets, n_others


def generic(shape, seed):
    rng = np.random.default_rng([*shape, seed])
    sizes = list(zip([*shape[1:], 1], shape, strict=False))
    return pr.Network.from_arrays(
        [(rng.normal(size=s) * (2 / s[1]) ** 0.5, rng.normal(size=s[0]) * 0.3) for s in sizes]
    )


@pytest.mark.parametrize("shape", [(3, 9), (3, 5, 6), (4, 5, 5), (3, 4, 4, 5), (5, 4, 5)])
def test_generic_networks(shape):
    n_facets, n_others = check(generic(shape, 0), pr.Box.cube(shape[0], 1.0), 12)
    # a facet at least is known of each, and a row that is none of some
    assert n_facets > 5
    assert n_others > 5


@pytest.mark.parametrize("family", FAMILIES)
def test_random_and_degenerate_networks(family):
    for seed in range(6):
        check(*random_case(family, seed, units=9), 8)
