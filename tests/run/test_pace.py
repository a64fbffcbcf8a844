"""Steps are short and few: they grow while they are fast, and shrink when they are slow."""

import pytest

from polyregions.run import limits
from polyregions.run.limits import Pace


@pytest.fixture
def clock(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(limits.time, "monotonic", lambda: now[0])
    return now


def sizes(steps, clock, seconds):
    """The sizes of steps that take so long for each item."""
    seen = []
    for _ in range(8):
        with steps.step() as size:
            clock[0] += size * seconds
        seen.append(size)
    return seen


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, [8, 16, 32, 64, 100, 100, 100, 100]),
        (0.001, [8, 16, 32, 32, 32, 32, 32, 32]),
        (0.02, [8, 4, 4, 4, 4, 4, 4, 4]),
        (60.0, [8, 4, 2, 1, 1, 1, 1, 1]),
    ],
)
def test_steps_follow_the_clock(clock, seconds, expected):
    assert sizes(Pace(8, 100), clock, seconds) == expected


def test_steps_recover(clock):
    steps = Pace(64, 4096)
    assert sizes(steps, clock, 1.0)[-1] == 1  # plain Python
    assert sizes(steps, clock, 1e-6)[-1] == 128  # compiled meanwhile


def test_a_step_that_fails_teaches_nothing(clock):
    def interrupted(steps):
        with steps.step():
            clock[0] += 100.0
            raise KeyboardInterrupt

    steps = Pace(8, 100)
    with pytest.raises(KeyboardInterrupt):
        interrupted(steps)
    assert steps.size == 8
