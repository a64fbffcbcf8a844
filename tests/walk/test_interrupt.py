"""Ctrl-C: the library raises and leaves its state clean; what was found is for who asks."""

import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

import polyregions as pr
from polyregions.errors import PolyregionsError
from polyregions.run.progress import Interrupt
from polyregions.scale.forecast import cost_per_region
from polyregions.scale.saved_runs import enumerate_to_file
from polyregions.theory.draws import Settings, draw_network
from polyregions.tree.estimation import estimate_regions
from polyregions.tree.subdivision import count_tree

LARGE = draw_network(Settings((6, 24, 24)), 0), pr.Box.cube(6, 1.0)
SMALL = draw_network(Settings((2, 4)), 0), pr.Box.cube(2, 1.0)


def press(*_):
    signal.raise_signal(signal.SIGINT)


def walk(network, box, path, **options):
    return pr.enumerate_regions(network, box, progress=press, **options)


def count(network, box, path, **options):
    return count_tree(network, box, progress=press, **options)


def estimate(network, box, path, **options):
    return estimate_regions(network, box, progress=press, probes=100, **options)


def save(network, box, path, **options):
    return enumerate_to_file(network, box, path / "out.npz", progress=press, **options)


@pytest.fixture(params=[walk, count, estimate, save], ids=lambda function: function.__name__)
def entry(request):
    yield request.param
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("case", [LARGE, SMALL], ids=["in the middle", "in the last step"])
def test_a_callers_loop_does_not_go_on(entry, case, tmp_path):
    """Not even where the walk is so short that its only step finishes it."""
    rounds = []

    def loop():
        for number in range(3):
            rounds.append(number)
            entry(*case, tmp_path)

    with pytest.raises(KeyboardInterrupt):
        loop()
    assert rounds == [0]


@pytest.mark.parametrize("entry", [walk, count, save], ids=lambda function: function.__name__)
def test_what_was_found_is_returned_on_request(entry, tmp_path):
    assert not entry(*LARGE, tmp_path, on_interrupt="return").complete
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_finished_walk_is_whole_whatever_was_pressed(tmp_path):
    assert walk(*SMALL, tmp_path, on_interrupt="return").complete


@pytest.mark.slow
def test_an_estimate_of_two_probes():
    pressed = []

    def press_late(made, probes):
        pressed.append(made)
        if made == 3:
            press()

    made = estimate_regions(*LARGE, progress=press_late, probes=100, on_interrupt="return")
    assert (made.probes, made.complete) == (3, False)
    # one probe says nothing about its error
    with pytest.raises(KeyboardInterrupt):
        estimate_regions(*LARGE, progress=press, probes=100, on_interrupt="return")


def test_counting_and_measuring_raise(monkeypatch):
    """They take no callback: Ctrl-C comes as the context begins."""
    enter = Interrupt.__enter__

    def pressed(self):
        interrupt = enter(self)
        press()
        return interrupt

    monkeypatch.setattr(Interrupt, "__enter__", pressed)
    for function in (pr.count_regions, cost_per_region):
        with pytest.raises(KeyboardInterrupt):
            function(*SMALL)


def test_a_second_ctrl_c_raises_at_once():
    with Interrupt("return") as interrupt:
        press()
        assert interrupt.requested
        with pytest.raises(KeyboardInterrupt):
            press()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_an_error_is_not_hidden_by_ctrl_c():
    def failing():
        with Interrupt():
            press()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        failing()


def test_a_programs_own_handler_is_the_one_called(tmp_path):
    seen = []

    def own(number, frame):
        seen.append(number)

    before = signal.signal(signal.SIGINT, own)
    try:
        assert walk(*SMALL, tmp_path).complete
        assert signal.getsignal(signal.SIGINT) is own
    finally:
        signal.signal(signal.SIGINT, before)
    assert seen == [signal.SIGINT]


def test_ignored_stays_ignored(tmp_path):
    """As in processes that a cluster started: the terminal's Ctrl-C is not meant for them."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert walk(*SMALL, tmp_path).complete
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_threads_cannot_catch_signals_and_do_not_try(tmp_path):
    with ThreadPoolExecutor(1) as pool:
        regions = pool.submit(pr.enumerate_regions, *SMALL).result()
        counted = pool.submit(count_tree, *SMALL).result()
        written = pool.submit(enumerate_to_file, *SMALL, tmp_path / "out.npz").result()
    assert len(regions) == counted.regions == written.regions


@pytest.mark.parametrize("word", ["keep", True, None])
def test_another_word_is_refused(entry, word, tmp_path):
    with pytest.raises(PolyregionsError, match="'raise' or to 'return'"):
        entry(*SMALL, tmp_path, on_interrupt=word)
