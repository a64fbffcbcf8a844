import numpy as np
import pytest

import polyregions as pr
from polyregions.geometry.region_polytope import region_halfspaces


def free_part(regions: pr.Regions, points: np.ndarray) -> np.ndarray:
    return points if regions.domain is None else points[..., regions.domain.free]


@pytest.mark.parametrize(
    "domain",
    [pr.Box.cube(3, 1.0), pr.Box([-1, 0.25, -2], [1, 0.25, 3]), None],
    ids=["cube", "fixed coordinate", "whole space"],
)
def test_a_witness_lies_in_its_own_region_and_in_no_other(deep, domain):
    regions = pr.enumerate_regions(deep, domain)
    points = free_part(regions, regions.witnesses)
    for index in range(0, len(regions), max(1, len(regions) // 20)):
        slack = regions[index].halfspaces(all_rows=True).slack(points)
        inside = (slack >= 0).all(axis=1)
        assert inside[index]
        assert inside.sum() == 1


def test_rows_are_the_pre_activations(deep):
    box = pr.Box.cube(3, 1.0)
    regions = pr.enumerate_regions(deep, box)
    region = regions[len(regions) // 2]
    slack = region.halfspaces(all_rows=True).slack(region.witness)
    first, second, _ = deep.layers
    below = first.weight @ region.witness + first.bias
    above = second.weight @ np.maximum(below, 0) + second.bias
    np.testing.assert_allclose(slack[:16], np.abs([*below, *above]), rtol=1e-9)
    sides = [
        (x - low, high - x)
        for x, low, high in zip(region.witness, box.lower, box.upper, strict=True)
    ]
    np.testing.assert_allclose(slack[16:], np.ravel(sides))


def test_shapes_with_a_fixed_coordinate(deep):
    box = pr.Box([-1, 0.25, -2], [1, 0.25, 3])
    polytope = pr.enumerate_regions(deep, box)[0].halfspaces(all_rows=True)
    assert polytope.normals.shape == (16 + 4, 2)
    assert polytope.offsets.shape == (20,)


def test_a_unit_that_vanishes_identically_has_a_row_of_zeros():
    # 1 + 2^-60 - 1 - 2^-60, where a sum of floats forgets the small term
    small = 2.0**-60
    network = pr.Network.from_arrays(
        [
            ([[1.0], [small], [1.0], [small]], [2.0, 2 * small, 2.0, 2 * small]),
            ([[1.0, 1.0, -1.0, -1.0]], [0.0]),
            ([[1.0]], [0.0]),
        ]
    )
    polytope = region_halfspaces(network, pr.Box.cube(1, 1.0), network.pattern([0.5]))
    assert (polytope.normals[4, 0], polytope.offsets[4]) == (0.0, 0.0)
    dead = pr.Network.from_arrays([([[0.0], [1.0]], [0.0, 0.5]), ([[1.0, 1.0]], [0.0])])
    row = region_halfspaces(dead, pr.Box.cube(1, 1.0), dead.pattern([0.75]))
    assert (row.normals[0, 0], row.offsets[0]) == (0.0, 0.0)


def test_rows_out_of_the_float_range_keep_their_half_space():
    for scale in 10.0 ** np.arange(-300, 301, 3):
        network = pr.Network.from_arrays(
            [([[scale]], [-scale / 4]), ([[scale]], [0.0]), ([[1.0]], [0.0])]
        )
        polytope = region_halfspaces(network, None, network.pattern([1.0]))
        assert np.isfinite(polytope.normals).all(), scale
        assert (polytope.normals[:, 0] != 0).all(), scale
        assert polytope.offsets[0] / polytope.normals[0, 0] == pytest.approx(-0.25), scale


def test_a_domain_that_does_not_fit_is_refused(deep):
    with pytest.raises(pr.DomainError, match="3 inputs"):
        region_halfspaces(deep, pr.Box.cube(2, 1.0), deep.pattern([0.0, 0.0, 0.0]))
