"""Colours that have to be told apart differ, to every eye."""

from itertools import combinations

import numpy as np
import pytest

from polyregions.plot.values import CLASS_COLORS, LAYER_COLORS, class_color, layer_color

# Machado, Oliveira & Fernandes 2009, severity 1: linear sRGB as it looks to others
EYES = {
    "usual": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


def perceived(color: str, eye: str) -> np.ndarray:
    """Lightness and two chromatic axes in OKLab (Ottosson 2020), by the matrices from sRGB."""
    parts = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    linear = np.clip(EYES[eye] @ linear, 0.0, 1.0)
    cones = np.cbrt(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
        @ linear
    )
    return (
        np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        )
        @ cones
    )


@pytest.mark.parametrize("eye", EYES)
def test_classes_and_layers_can_be_told_apart(eye):
    at = {color: perceived(color, eye) for color in (*CLASS_COLORS, *LAYER_COLORS)}
    assert len(CLASS_COLORS) >= 10
    assert len(at) == len(CLASS_COLORS) + len(LAYER_COLORS)
    close = [
        (one, other)
        for one, other in combinations(at, 2)
        if np.linalg.norm(at[one] - at[other]) < 0.05
    ]
    assert close == []


def test_a_layer_is_darker_than_a_class_and_no_grey():
    classes = np.array([perceived(color, "usual") for color in CLASS_COLORS])
    layers = np.array([perceived(color, "usual") for color in LAYER_COLORS])
    assert layers[:, 0].max() < classes[:, 0].min()
    assert np.hypot(*layers[:, 1:].T).min() > 0.05


def test_colours_return():
    assert class_color(3) == class_color(3 + len(CLASS_COLORS)) == CLASS_COLORS[3]
    assert layer_color(1) == layer_color(1 + len(LAYER_COLORS)) == LAYER_COLORS[1]
