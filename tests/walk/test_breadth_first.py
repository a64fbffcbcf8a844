"""The certified walk against the rational walk, brute force and known counts."""

import os
import signal
import threading

import numpy as np
import pytest
from identities import check_identities
from oracles import brute_force
from random_nets import FAMILIES, he_normal, random_case
from witnesses import check_witnesses
from zoo import ZOO

import polyregions as pr
from polyregions.pattern import pack, unpack
from polyregions.run.problem import problem_of
from polyregions.walk.first_region import start_region
from polyregions.walk.prefixes import Prefixes
from polyregions.walk.rational_walk import walk_exactly
from polyregions.walk.region_kernel import NO_BASIS
from polyregions.walk.walk_state import root_at, root_state

SEEDS = 25


def same(regions, expected):
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)
    assert regions.complete
    assert regions.proven


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_walk_equals_rational_walk(family):
    for seed in range(SEEDS):
        network, domain = random_case(family, seed, units=9)
        regions = pr.enumerate_regions(network, domain)
        same(regions, walk_exactly(network, domain))
        check_witnesses(regions, most=5)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_walk_equals_brute_force(family):
    for seed in range(50, 53):
        network, domain = random_case(family, seed, units=6)
        same(pr.enumerate_regions(network, domain), brute_force(network, domain))


@pytest.mark.parametrize("family", FAMILIES)
def test_identities(family):
    for seed in range(70, 73):
        network, domain = random_case(family, seed, units=7)
        regions = pr.enumerate_regions(network, domain)
        bits = unpack(regions.patterns, network.hidden_units)
        check_identities(network, domain, bits, regions.edges, generic=family == "generic")


@pytest.mark.slow
@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.network.name)
def test_zoo(known):
    regions = pr.enumerate_regions(known.network, known.domain)
    assert len(regions) == known.regions
    assert regions.complete
    assert regions.proven
    check_witnesses(regions, most=50)


@pytest.mark.slow
@pytest.mark.parametrize("bias", [0.0, 0.3], ids=["zero bias", "generic"])
def test_medium_nets_equal_the_rational_walk(bias):
    for shape in ((2, 8, 8), (3, 7, 6), (4, 5, 5)):
        network = he_normal(shape, seed=3, bias=bias)
        domain = pr.Box.cube(shape[0], 1.0)
        same(pr.enumerate_regions(network, domain), walk_exactly(network, domain))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_first_region_is_entered_as_any_that_is_given(family):
    for seed in range(5):
        problem = problem_of(*random_case(family, seed))
        found, (bits, point) = root_state(problem), start_region(problem)
        again = root_at(problem, pack(bits), point)
        assert found.count == again.count == 1
        assert not found.expanded
        for state in (found, again):  # what lies beyond the first region is void
            state.store = state.store._replace(
                **{name: getattr(state.store, name)[:1] for name in ("patterns", "points", "known")}
            )
        assert found.store.bases[0, 0] == again.store.bases[0, 0] == NO_BASIS
        for name in ("patterns", "points", "known", "table", "counters"):
            assert np.array_equal(getattr(found.store, name), getattr(again.store, name)), name
        for name in set(Prefixes._fields) - {"key", "rows"}:  # work, and lists that are not yet
            assert np.array_equal(getattr(found.prefixes, name), getattr(again.prefixes, name)), (
                name
            )


def test_generic_nets_need_no_exact_arithmetic():
    for shape in ((2, 16, 16), (3, 8, 8, 8), (5, 8, 8)):
        regions = pr.enumerate_regions(he_normal(shape), pr.Box.cube(shape[0], 1.0))
        assert regions.proven
        assert regions.exact_decisions == 0


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("bias", [0.0, 0.3], ids=["zero bias", "generic"])
def test_threads_give_the_same_bytes(threads, bias):
    network, box = he_normal((3, 10, 10), bias=bias), pr.Box.cube(3, 1.0)
    alone = pr.enumerate_regions(network, box, compile_first=True)
    together = pr.enumerate_regions(network, box, threads=threads, compile_first=True)
    for name in ("patterns", "witnesses", "edges"):
        assert getattr(alone, name).tobytes() == getattr(together, name).tobytes(), name
    assert alone.exact_decisions == together.exact_decisions


def test_rational_arithmetic_gives_the_same_regions():
    network, box = he_normal((2, 5, 4)), pr.Box.cube(2, 1.0)
    same(
        pr.enumerate_regions(network, box, arithmetic="rational"),
        pr.enumerate_regions(network, box),
    )


def test_traverse_finds_all_regions():
    for domain in (pr.Box.cube(2, 1.0), None):
        network = he_normal((2, 6, 6), bias=0.3)
        regions = pr.enumerate_regions(network, domain)
        found = list(pr.traverse(network, domain))
        assert len(found) == len(regions)
        assert {region.pattern.tobytes() for region in found} == {
            pattern.tobytes() for pattern in regions.patterns
        }
        for region in found[:50]:
            np.testing.assert_array_equal(network.pattern(region.witness), region.pattern)


def test_traverse_of_slivers_gives_exact_witnesses():
    rng = np.random.default_rng(1)
    weight, bias = rng.normal(size=(3, 2)), rng.normal(size=3) * 0.3
    weight[1], bias[1] = 1.7 * weight[0], 1.7 * bias[0]
    network = pr.Network.from_arrays([(weight, bias), ([[1, 1, 1]], [0])])
    for region in pr.traverse(network, pr.Box.cube(2, 1.0)):
        assert network.hidden_units == 3
        assert len(region.exact_witness) == 2


@pytest.mark.parametrize("limit", [1, 7, 100])
def test_region_limit_gives_a_labelled_part(limit):
    network, box = he_normal((3, 8, 8)), pr.Box.cube(3, 1.0)
    whole, part = pr.enumerate_regions(network, box), None
    for threads in (1, 2):
        part = pr.enumerate_regions(network, box, max_regions=limit, threads=threads)
        assert len(part) == limit
        assert not part.complete
        known = {pattern.tobytes() for pattern in whole.patterns}
        assert all(pattern.tobytes() in known for pattern in part.patterns)
        pairs = {
            (whole.index(part.patterns[i]), whole.index(part.patterns[j])) for i, j in part.edges
        }
        assert pairs <= {tuple(edge) for edge in whole.edges.tolist()}
        check_witnesses(part, most=20)


def test_a_limit_that_is_not_reached_leaves_the_result_complete():
    network, box = he_normal((2, 4, 4)), pr.Box.cube(2, 1.0)
    whole = pr.enumerate_regions(network, box)
    assert pr.enumerate_regions(network, box, max_regions=len(whole)).complete
    assert not pr.enumerate_regions(network, box, max_regions=len(whole) - 1).complete


def test_time_limit_gives_a_labelled_part():
    network, box = he_normal((6, 24, 24)), pr.Box.cube(6, 1.0)
    part = pr.enumerate_regions(network, box, time_limit=0.05)
    assert not part.complete
    assert len(part) > 0
    check_witnesses(part, most=20)


def test_interrupt_gives_a_labelled_part():
    network, box = he_normal((6, 24, 24)), pr.Box.cube(6, 1.0)
    started = threading.Event()

    def interrupt():
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    part = pr.enumerate_regions(
        network, box, progress=lambda _: started.set(), time_limit=60, on_interrupt="return"
    )
    thread.join()
    assert not part.complete
    assert len(part) > 0
    # and Ctrl-C works as usual again
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_progress_counts_up():
    seen = []
    network, box = he_normal((3, 12, 12)), pr.Box.cube(3, 1.0)
    regions = pr.enumerate_regions(network, box, progress=seen.append)
    assert seen[-1].regions == len(regions)
    assert seen[-1].frontier == 0
    assert seen[-1].edges == len(regions.edges)
    assert [p.regions for p in seen] == sorted(p.regions for p in seen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_regions": 0}, "limit on regions"),
        ({"time_limit": 0.0}, "time limit"),
        ({"time_limit": float("nan")}, "time limit"),
        ({"threads": 0}, "number of threads"),
        ({"arithmetic": "double"}, "arithmetic"),
        ({"arithmetic": "float"}, "arithmetic must be 'certified' or 'rational'"),
        ({"arithmetic": "rational", "max_regions": 5}, "knows no limits"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pr.PolyregionsError, match=message):
        pr.enumerate_regions(he_normal((2, 3)), pr.Box.cube(2, 1.0), **options)


def test_box_of_another_dimension():
    with pytest.raises(pr.DomainError, match="3 coordinates"):
        pr.enumerate_regions(he_normal((2, 3)), pr.Box.cube(3, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("net", "box", "regions", "edges"),
    [("vdp", "vdp_0", 21019, 61078), ("lunarlander", "lunarlander_1", 941, 3553)],
)
def test_real_networks(shared_data, net, box, regions, edges):
    pytest.importorskip("onnx", reason="reading ONNX needs the extra 'onnx'")
    from polyregions.io.vnnlib import load_box

    network = pr.load(shared_data / "nets" / f"{net}.onnx")
    found = pr.enumerate_regions(network, load_box(shared_data / "boxes" / f"{box}.vnnlib").box)
    assert (len(found), len(found.edges)) == (regions, edges)
    assert found.complete
    assert found.proven
    check_witnesses(found, most=20)
