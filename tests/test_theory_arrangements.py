"""Counts of arrangements by deletion and restriction, and of convolutional layers."""

from fractions import Fraction

import numpy as np
import pytest

import polyregions as pr
from polyregions.errors import PolyregionsError
from polyregions.theory import constructions as known
from polyregions.theory.arrangements import arrangement_regions, convolution_regions
from polyregions.theory.bounds import central_regions, zaslavsky

CASES = [
    known.braid(4),
    known.type_b(3),
    known.type_d(3),
    known.shi(4),
    known.catalan(3),
    known.axis_grid((3, 4)),
    known.resonance(4),
    known.five_lines(),
    known.general_position(8, 2),
    known.general_position(6, 4),
    known.central_general_position(6, 3),
    known.convolution((1, 4), (1, 2), 2),
    known.orthants(4),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.network.name)
def test_known_arrangements(case):
    layer = case.network.layers[0]
    assert arrangement_regions(layer.weight.tolist(), layer.bias.tolist()) == case.regions


def test_degenerate_rows():
    assert arrangement_regions([], []) == 1
    assert arrangement_regions([[0, 0]], [1]) == 1
    assert arrangement_regions([[1, 0], [-2, 0], [Fraction(1, 3), 0]], [1, -2, 1]) == 3
    with pytest.raises(PolyregionsError, match="one offset per hyperplane"):
        arrangement_regions([[1, 0]], [])


def test_rank_takes_the_place_of_the_dimension():
    # seven normals in a plane of R^4
    rng = np.random.default_rng(0)
    normals = np.array([[1, t] for t in range(7)]) @ rng.integers(-9, 10, (2, 4))
    offsets = rng.integers(-999, 1000, 7)
    assert arrangement_regions(normals.tolist(), offsets.tolist()) == zaslavsky(7, 2)
    assert arrangement_regions(normals.tolist(), [0] * 7) == central_regions(7, 2)


@pytest.mark.parametrize(
    ("shape", "window", "filters"),
    [((2, 3), (2, 2), 2), ((1, 5), (1, 3), 2), ((2, 3), (1, 2), 2), ((1, 5), (1, 2), 2)],
)
def test_convolutions_beyond_the_table(shape, window, filters):
    case = known.convolution(shape, window, filters)
    assert len(pr.enumerate_regions(case.network, None)) == case.regions


def test_convolutions_with_stride_and_channels():
    # two windows apart are two layers of their own
    assert convolution_regions((1, 4), (1, 2), 3, stride=2) == 7**2
    # a window over everything is a dense layer
    assert convolution_regions((2, 2), (2, 2), 6, channels=1) == 57
    assert convolution_regions((1, 2), (1, 2), 6, channels=2) == 57
    with pytest.raises(PolyregionsError, match="must fit"):
        convolution_regions((1, 2), (1, 3), 1)
    with pytest.raises(PolyregionsError, match="positive"):
        convolution_regions((1, 2), (1, 2), 0)
