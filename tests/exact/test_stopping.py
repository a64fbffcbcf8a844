"""Exact arithmetic stops between two pivots, and goes on as if it had not."""

from contextlib import suppress

import numpy as np
import pytest

import polyregions as pr
from polyregions.compiled import only_compiled
from polyregions.exact.simplex import Simplex
from polyregions.exact.stopping import Stopped, look, stopped_when
from polyregions.run.limits import limits_of
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt
from polyregions.tree.crew import Crew
from polyregions.tree.estimation import estimate_regions
from polyregions.tree.subdivision import count_tree
from polyregions.walk import steps
from polyregions.walk.rational_walk import exact_region, start_bits
from polyregions.walk.steps import drive
from polyregions.walk.walk_state import result_of, root_state


def thin(widths, gap, seed=1):
    """A network with walls so close that floats cannot tell what is between them."""
    rng = np.random.default_rng(seed)
    n, first, *others = widths
    weight, bias = rng.normal(size=(first, n)), rng.normal(size=first) / 4
    layers = [
        (np.vstack([weight, weight[:2]]), np.append(bias, bias[:2] + np.array([gap, gap / 1000])))
    ]
    for out in others:
        layers.append((rng.normal(size=(out, len(layers[-1][1]))), rng.normal(size=out) / 10))
    return pr.Network.from_arrays([*layers, (np.ones((1, len(layers[-1][1]))), [0.0])])


THIN = thin((3, 3, 3), 1e-13), pr.Box.cube(3, 1.0)


@pytest.fixture(autouse=True)
def _same_bytes():
    """Witnesses of plain kernels may have other last digits, and nothing may change over."""
    with only_compiled():
        yield


class Due:
    """An interrupt that comes after so many looks."""

    def __init__(self, looks):
        self.looks = looks

    @property
    def requested(self):
        self.looks -= 1
        return self.looks < 0


@pytest.fixture
def pivots(monkeypatch):
    made = [0]
    replace = Simplex.replace

    def counted(self, slot, row):
        replace(self, slot, row)
        made[0] += 1

    monkeypatch.setattr(Simplex, "replace", counted)
    return made


def same(one, other):
    for name in ("patterns", "witnesses", "edges"):
        assert getattr(one, name).tobytes() == getattr(other, name).tobytes(), name
    assert one.exact_decisions == other.exact_decisions
    assert dict(one.exact_witnesses) == dict(other.exact_witnesses)


@pytest.mark.slow
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("looks", [1, 7, 40])
def test_a_walk_goes_on_as_if_it_had_not_stopped(looks, threads, pivots):
    whole = pr.enumerate_regions(*THIN)
    assert whole.exact_decisions
    assert pivots[0] > 100
    problem = problem_of(*THIN)
    found, stops, given, done = root_state(problem), 0, looks, 0
    while (
        drive(problem, found, threads=threads, limits=limits_of(), interrupt=Due(given))
        != "finished"
    ):
        stops += 1
        given = looks if found.done > done else 2 * given  # long enough for a region
        done = found.done
    assert stops > 2
    same(result_of(problem, found), whole)


def test_regions_found_before_a_stop_are_regions():
    whole = pr.enumerate_regions(*THIN)
    problem = problem_of(*THIN)
    for looks in range(0, 400, 23):
        found = root_state(problem)
        stop = drive(problem, found, limits=limits_of(), interrupt=Due(looks))
        partial = result_of(problem, found)
        assert stop in ("interrupt", "finished")
        assert {p.tobytes() for p in partial.patterns} <= {p.tobytes() for p in whole.patterns}


@pytest.mark.parametrize("looks", [1, 6, 20])
def test_a_tree_goes_on_as_if_it_had_not_stopped(looks, pivots):
    whole = count_tree(*THIN)
    assert whole.exact_decisions
    due = Due(looks)
    crew = Crew(problem_of(*THIN), None, 1)
    rounds, given = 0, looks
    while not crew.finished:
        before = crew.regions, crew.exact_decisions
        with suppress(Stopped), stopped_when(lambda: due.requested):
            crew.step(10**9)
        if due.looks < 0:
            rounds += 1
            went_on = (crew.regions, crew.exact_decisions) != before
            given = looks if went_on else 2 * given
            due.looks = given
        assert crew.regions <= whole.regions
    assert rounds > 2
    assert (crew.regions, crew.exact_decisions) == (whole.regions, whole.exact_decisions)


def test_a_long_exact_program_obeys(pivots):
    """In 50 dimensions one region takes hundreds of pivots, and no limit waits for them."""
    rng = np.random.default_rng(0)
    weights = rng.integers(-(2**20), 2**20, size=(55, 50))
    net = pr.Network.from_arrays([(weights, rng.integers(-9, 9, 55)), (np.ones((1, 55)), [0.0])])
    exact = problem_of(net, pr.Box.cube(50, 1.0)).exact
    bits = start_bits(exact)
    due = Due(5)
    pivots[0] = 0
    with pytest.raises(Stopped), stopped_when(lambda: due.requested):
        exact_region(exact, bits)
    assert pivots[0] <= 5


@pytest.mark.parametrize("threads", [1, 2])
def test_a_time_limit_stops_the_walk_between_pivots(threads, pivots, monkeypatch):
    """The clock runs by pivots alone: a limit of twelve of them is over after thirteen."""
    monkeypatch.setattr(
        "polyregions.compiled.start._now", lambda: (float(pivots[0]), 0.0), raising=True
    )
    partial = pr.enumerate_regions(*THIN, threads=threads, time_limit=12.0)
    assert not partial.complete
    assert 0 < pivots[0] <= 13
    pivots[0] = 0
    counted = count_tree(*THIN, threads=threads, time_limit=12.0)
    assert not counted.complete
    assert 0 < pivots[0] <= 13 + threads


def test_settling_stops_between_prefixes():
    """In several threads, or after a checkpoint, many prefixes are settled in one step."""
    network = thin((3, 6, 6, 6), 0.1)
    problem = problem_of(network, pr.Box.cube(3, 1.0))
    whole = pr.enumerate_regions(network, pr.Box.cube(3, 1.0))
    found, stops = root_state(problem), 0
    while drive(problem, found, threads=2, limits=limits_of(), interrupt=Due(2)) != "finished":
        totals = found.prefixes.totals[0]
        stops += int(totals["settled"] < totals["registered"])
        if stops > 50:
            drive(problem, found, threads=2, limits=limits_of(), interrupt=Interrupt())
    assert stops > 2
    same(result_of(problem, found), whole)


def test_an_estimate_stops_in_its_probe():
    with pytest.raises(KeyboardInterrupt):
        pressed_at_once(lambda: estimate_regions(*THIN, on_interrupt="return"))


def pressed_at_once(call):
    enter = Interrupt.__enter__

    def pressed(self):
        enter(self)
        self.requested = True
        return self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Interrupt, "__enter__", pressed)
        return call()


def test_contexts_do_not_meet():
    with stopped_when(lambda: True):
        with stopped_when(lambda: False):
            look()
        with pytest.raises(Stopped):
            look()
    look()


def test_nothing_is_changed_by_a_region_that_was_not_decided(monkeypatch):
    """What a step changes it changes at its end."""
    problem = problem_of(*THIN)
    found = root_state(problem)
    drive(problem, found, limits=limits_of(), interrupt=Due(30))
    number = found.open[0]
    before = found.store.points[number].copy(), found.exact_decisions, found.count, list(found.open)
    with pytest.raises(Stopped), stopped_when(lambda: True):
        steps._decide_exactly(problem, found, number, np.zeros(1, dtype=np.int64))
    np.testing.assert_array_equal(found.store.points[number], before[0])
    assert (found.exact_decisions, found.count, list(found.open)) == before[1:]
    assert number not in found.exact_points
