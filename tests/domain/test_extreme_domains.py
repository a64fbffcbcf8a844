"""Boxes at the ends of the range of floats: proven, certified, and checked."""

import numpy as np
import pytest

import polyregions as pr
from polyregions.proof.certificate import certificate_arrays, write_certificate
from polyregions.proof.checker import Refused, check
from polyregions.testing import assert_valid
from polyregions.walk.rational_walk import walk_exactly


def layers(network):
    return [(each.weight, each.bias, each.lower, each.upper) for each in network.layers]


BOXES = {
    "one side of 1e-300": ([-1.0, -0.1, 0.0], [1.0, 0.3, 1e-300]),
    "one denormal side": ([-1.0, -0.1, 0.0], [1.0, 0.3, 5e-324]),
    "one unit in the last place": ([0.1, -1.0, -1.0], [float(np.nextafter(0.1, 1)), 1.0, 1.0]),
    "huge": ([-1.7e308] * 3, [1.7e308] * 3),
    "huge and tiny": ([-1e300, 0.0, -1.0], [1e300, 1e-300, 1.0]),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOXES)
def test_extreme_box(name, tmp_path):
    rng = np.random.default_rng(4)
    network = pr.Network.from_arrays(
        [
            (rng.normal(size=(3, 3)), rng.normal(size=3) * 0.3),
            (rng.normal(size=(2, 3)), rng.normal(size=2) * 0.3),
            ([[1.0, 1.0]], [0.0]),
        ]
    )
    box = pr.Box(*BOXES[name])
    regions, expected = pr.enumerate_regions(network, box), walk_exactly(network, box)
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)
    assert regions.proven
    write_certificate(regions, tmp_path / "proof")
    report = check(layers(network), tmp_path / "proof")
    assert report.regions == len(regions)
    assert_valid(regions)


def forged(path, regions, **changes):
    from polyregions.files.archives import write_npz

    with path.open("wb") as stream:
        write_npz(stream, certificate_arrays(regions) | changes)


def test_counts_that_wrap_around_are_refused(tmp_path):
    network = pr.Network.from_arrays([(np.eye(2), [0, 0.25]), ([[1.0, 1]], [0.0])])
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    units = len(certificate_arrays(regions)["edge_units"])
    for key, counts in (
        ("base_counts", [2**62] * 4),
        ("edge_counts", [2**62, 2**62, 2**62, 2**62 + units]),
    ):
        forged(tmp_path / "forged", regions, **{key: np.array(counts)})
        with pytest.raises(Refused, match="number of"):
            check(layers(network), tmp_path / "forged")


def test_an_edge_of_a_vanishing_unit_is_refused(tmp_path):
    network = pr.Network.from_arrays([([[0.0, 0], [1, 0]], [0, 0]), ([[1.0, 1]], [0])])
    regions = pr.enumerate_regions(network, None)
    forged(
        tmp_path / "forged",
        regions,
        edge_units=np.array([0, 1], np.int8),
        edge_counts=np.array([2], np.int8),
    )
    with pytest.raises(Refused):
        check(layers(network), tmp_path / "forged")
