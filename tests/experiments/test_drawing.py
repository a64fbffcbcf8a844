"""The axis of training: its ticks do not overlap, and it says what it is."""

from itertools import pairwise

import numpy as np
import pytest

from polyregions.experiments.drawing import panels, training_axis

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


@pytest.mark.parametrize(
    "epochs",
    [
        np.arange(0, 101, 10),
        np.arange(0, 21),
        [0, 0.01, 0.05, 0.1, 0.5, 1, 2, 5, 10, 20],
        np.arange(0, 10_001, 7),
        [0, 9999, 10_000],
        [0, 3],
        [1, 2],
        [5],
    ],
)
def test_ticks_are_apart(epochs):
    figure, (axes,) = panels(1)
    axes.plot(epochs, np.ones(len(epochs)))
    training_axis(axes, epochs)
    figure.draw_without_rendering()
    assert "symlog" in axes.get_xlabel()
    ticks = axes.get_xticks().tolist()
    assert ticks[0] == 0
    assert ticks[-1] == max(epochs)
    assert set(ticks[1:]) <= {float(epoch) for epoch in epochs}
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in pairwise(boxes))


def test_nothing_but_the_start_is_a_plain_axis():
    _, (axes,) = panels(1)
    training_axis(axes, [0])
    assert axes.get_xlabel() == "epoch"
