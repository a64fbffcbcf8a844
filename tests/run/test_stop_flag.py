"""Compiled steps that are given up in the middle: nothing of what was found is lost or changed.

The flag is set at arbitrary moments, from another thread, as the loop of a run does it.
"""

import threading
from contextlib import suppress

import numpy as np
import pytest
from random_nets import random_case

import polyregions as pr
from polyregions.compiled import only_compiled
from polyregions.exact.stopping import Stopped
from polyregions.run.limits import limits_of
from polyregions.run.loop import run
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt, Progress
from polyregions.theory.draws import Settings, draw_network
from polyregions.tree.crew import Crew
from polyregions.walk.steps import stepper
from polyregions.walk.walk_state import result_of, root_state

GENERIC = draw_network(Settings((4, 10, 8)), 3), pr.Box.cube(4, 1.0)
# zero biases: regions with ties are decided by the other kernel
TIED = random_case("zero bias", 3, 14)
CASES = pytest.mark.parametrize("case", [GENERIC, TIED], ids=["generic", "tied"])


class Nagging:
    """Sets a flag again and again, after times that are drawn, until the context ends."""

    def __init__(self, flag, seed):
        self.flag, self.draw = flag, np.random.default_rng(seed)
        self.given_up, self._ended = 0, threading.Event()

    def __enter__(self):
        self._thread = threading.Thread(target=self._nag)
        self._thread.start()
        return self

    def _nag(self):
        while not self._ended.wait(self.draw.exponential(0.0003)):
            self.flag[0] = 1

    def __exit__(self, *error):
        self._ended.set()
        self._thread.join()

    def attempt(self, step):
        """Take a step; the flag is reset before, as in a run."""
        self.flag[0] = 0
        with suppress(Stopped):
            step()
        self.given_up += int(self.flag[0])


@CASES
@pytest.mark.parametrize("threads", [1, 2])
def test_a_walk_given_up_again_and_again_finds_the_same(case, threads):
    problem = problem_of(*case)
    expected = pr.enumerate_regions(*case, compile_first=True)  # the last digits of witnesses, too
    stop = np.zeros(1, dtype=np.int64)
    with (
        only_compiled(),
        stepper(problem, threads, stop) as step,
        Nagging(stop, threads) as nagging,
    ):
        while nagging.given_up < 5:
            found = root_state(problem)
            while not found.finished:
                nagging.attempt(lambda state=found: step(state, 16))
            regions = result_of(problem, found)
            for name in ("patterns", "edges", "witnesses"):
                np.testing.assert_array_equal(getattr(regions, name), getattr(expected, name))


@CASES
@pytest.mark.parametrize("threads", [1, 2])
def test_a_tree_given_up_again_and_again_counts_the_same(case, threads, monkeypatch):
    problem, expected = problem_of(*case), len(pr.enumerate_regions(*case))
    stop = np.zeros(1, dtype=np.int64)
    monkeypatch.setattr("polyregions.tree.crew.stop_flag", lambda problem: stop)
    with Nagging(stop, threads) as nagging:
        while nagging.given_up < 5:
            crew = Crew(problem, None, threads)
            while not crew.finished:
                nagging.attempt(lambda crew=crew: crew.step(10**9))
            crew.close()
            assert crew.regions == expected


@pytest.mark.parametrize("kind", ["walk", "tree"])
def test_what_is_flagged_before_it_begins_changes_nothing(kind):
    """A flag that is never taken back: a step ends, and nothing was found by it."""
    problem = problem_of(*GENERIC)
    stop = np.ones(1, dtype=np.int64)
    if kind == "walk":
        with stepper(problem, 1, stop) as step:
            found = root_state(problem)
            step(found, 64)
        assert (found.count, found.expanded, found.n_edges) == (1, 0, 0)
    else:
        crew = Crew(problem, None, 1)
        crew._busy[0].tree.work.stop[0] = 1
        crew.step(10**9)
        assert crew.regions == 0
        assert not crew.finished


class Endless:
    """Work whose only step ends when it is told to."""

    finished, reached, bytes_ahead = False, 0, 0

    def __init__(self, stop):
        self.stop = stop

    def progress(self, seconds):
        return Progress(0, 0, 0, seconds)

    def step(self, regions):
        while not self.stop[0]:
            pass


def test_a_time_limit_ends_a_step_that_only_looks_at_the_flag():
    stop = np.zeros(1, dtype=np.int64)
    with Interrupt() as interrupt:
        assert run(Endless(stop), limits_of(time_limit=0.05), interrupt, stop=stop) == "time"


def test_networks_with_many_inputs_get_a_flag():
    from polyregions.run.problem import stop_flag

    assert stop_flag(problem_of(*GENERIC)) is None
    wide = draw_network(Settings((60, 30)), 0)
    assert stop_flag(problem_of(wide, pr.Box.cube(60, 1.0))).tolist() == [0]
