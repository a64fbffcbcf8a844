"""Real networks on lines and planes through real images; every sampled pattern is found."""

import warnings

import numpy as np
import pytest
from io_helpers import data_file

import polyregions as pr
from polyregions.io import load, load_box, read_idx
from polyregions.slices import Line, Plane, Slice

pytest.importorskip("onnx", reason="the extra onnx is not installed")


@pytest.fixture(scope="module")
def digits() -> np.ndarray:
    """The first test image of each of the classes 0, 1 and 2; pixels / 255."""
    images = read_idx(data_file("mnist/t10k-images-idx3-ubyte.gz"))
    labels = read_idx(data_file("mnist/t10k-labels-idx1-ubyte.gz"))
    return np.array([images[np.flatnonzero(labels == c)[0]].reshape(-1) / 255 for c in range(3)])


def check_samples(network: pr.Network, place: Slice, regions: pr.Regions, points: int) -> float:
    """Every sampled pattern must be a region's; return the share of regions that were hit."""
    assert regions.complete
    assert regions.proven
    domain = place.domain
    rng = np.random.default_rng(0)
    u = rng.uniform(domain.lower, domain.upper, size=(points, domain.dimension))
    sampled = {row.tobytes() for row in np.unique(place.restrict(network).pattern(u), axis=0)}
    found = {row.tobytes() for row in regions.patterns}
    assert sampled <= found
    return len(sampled) / len(found)


def test_a_line_through_two_images(digits):
    network = load(data_file("nets/mnist_256x2.onnx"))
    line = Line.through(digits[0], digits[1])
    regions = pr.enumerate_regions(line.restrict(network), line.domain)
    assert len(regions) == len(regions.edges) + 1 == 146
    assert check_samples(network, line, regions, 20_000) > 0.9
    # witnesses mapped back to images have the same patterns
    images = line.to_input(regions.witnesses)
    assert (network.pattern(images) == regions.patterns).mean() > 0.99


def test_a_plane_through_three_images(digits):
    network = load(data_file("nets/mnist_256x2.onnx"))
    plane = Plane.through(*digits, margin=0.5)
    regions = pr.enumerate_regions(plane.restrict(network), plane.domain)
    assert check_samples(network, plane, regions, 20_000) > 0.5


@pytest.mark.parametrize(
    ("name", "half", "box_name"),
    [
        ("tiny", 1.0, None),
        ("vdp", 0.25, None),
        ("cartpole", 0.05, None),
        ("lunarlander", 0.01, None),
        ("acasxu_1_1", 0.05, None),
        ("acasxu_1_1", None, "acasxu_prop_3"),
    ],
)
def test_planes_through_the_other_networks(name, half, box_name):
    network = load(data_file(f"nets/{name}.onnx"))
    n = network.input_dimension
    if box_name is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            box = load_box(data_file(f"boxes/{box_name}.vnnlib")).box
        centre, spread = (box.lower + box.upper) / 2, (box.upper - box.lower) / 2
    else:
        centre, spread = np.zeros(n), np.full(n, half)
    rng = np.random.default_rng(1)
    basis = rng.normal(size=(n, min(n, 2))) * spread[:, None]
    place = Slice(centre, basis, pr.Box.cube(min(n, 2), 1.0))
    regions = pr.enumerate_regions(place.restrict(network), place.domain)
    assert check_samples(network, place, regions, 5_000) > 0.2
