"""Real networks on lines and planes through real images; every sampled pattern is found."""

import warnings
from functools import cache

import numpy as np
import pytest
from io_helpers import data_file

import polyregions as pr
from polyregions.io import load, load_box, read_idx
from polyregions.network.slices import Line, Plane, Slice
from polyregions.pattern import unpack
from polyregions.walk.rational_walk import walk_exactly

pytest.importorskip("onnx", reason="the extra onnx is not installed")

# networks of tens of thousands of units
pytestmark = pytest.mark.slow


@cache
def network_of(name: str) -> pr.Network:
    """A real network, read once."""
    return load(data_file(f"nets/{name}.onnx"))


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
    network = network_of("mnist_256x2")
    line = Line.through(digits[0], digits[1])
    regions = pr.enumerate_regions(line.restrict(network), line.domain)
    assert len(regions) == len(regions.edges) + 1 == 146
    assert check_samples(network, line, regions, 20_000) > 0.9
    # witnesses mapped back to images have the same patterns
    images = line.to_input(regions.witnesses)
    assert (network.pattern(images) == regions.patterns).mean() > 0.99


def test_a_plane_through_three_images(digits):
    network = network_of("mnist_256x2")
    plane = Plane.through(*digits, margin=0.5)
    regions = pr.enumerate_regions(plane.restrict(network), plane.domain)
    assert check_samples(network, plane, regions, 20_000) > 0.5


def test_a_plane_with_its_full_window(digits):
    network = network_of("mnist_256x2")
    plane = Plane.through(*digits)
    regions = pr.enumerate_regions(plane.restrict(network), plane.domain)
    assert len(regions) > 10_000
    assert check_samples(network, plane, regions, 10_000) > 0.2


def bisected(network: pr.Network, low: float, high: float) -> set[bytes]:
    """All patterns between two points of a line that are wider than 2^-30, by halving.

    A region is convex, so where two ends have the same pattern all between has it, too.
    """
    ends = np.array([[low], [high]])
    patterns = network.pattern(ends)
    found = {row.tobytes() for row in patterns}
    spans = [(low, high, *(row.tobytes() for row in patterns))]
    while spans := [s for s in spans if s[2] != s[3] and s[1] - s[0] > 2.0**-30]:
        middles = [(a + b) / 2 for a, b, _, _ in spans]
        keys = [row.tobytes() for row in network.pattern(np.array(middles)[:, None])]
        found |= set(keys)
        spans = [
            half
            for (a, b, first, last), middle, key in zip(spans, middles, keys, strict=True)
            for half in ((a, middle, first, key), (middle, b, key, last))
        ]
    return found


def test_bisection_finds_the_same_regions_of_a_line(digits):
    network = network_of("mnist_256x2")
    line = Line.through(digits[0], digits[1], margin=1.0)
    restricted, (reach,) = line.restrict(network), line.domain.upper
    regions = pr.enumerate_regions(restricted, line.domain)
    inside = np.nextafter(reach, 0)
    found = bisected(restricted, -inside, inside)
    assert {row.tobytes() for row in regions.patterns} == found


def test_the_rational_walk_finds_the_same_regions_of_a_small_window(digits):
    network = network_of("mnist_256x2")
    restricted = Plane.through(*digits).restrict(network)
    window = pr.Box.interval(2, -0.4, 0.4)
    regions, expected = pr.enumerate_regions(restricted, window), walk_exactly(restricted, window)
    np.testing.assert_array_equal(regions.patterns, expected.patterns)
    np.testing.assert_array_equal(regions.edges, expected.edges)
    assert len(regions) > 10


def signs(network: pr.Network, points: np.ndarray) -> np.ndarray:
    """Signs of all bent units at some points: 1, -1, or 0 where rounding leaves it open."""
    value, error, found = points, np.zeros(points.shape), []
    for layer in network.layers:
        size = abs(layer.matrix).T
        gamma = (layer.matrix.shape[1] + 4) * 2.0**-53
        error = (error @ size + gamma * (abs(value) @ size + abs(layer.bias))) * 1.001
        value = value @ layer.matrix.T + layer.bias
        found.append(((value > error) * 1 - (value < -error))[:, layer.bends])
        steepest = np.maximum(abs(layer.lower), abs(layer.upper))
        off = (value < -error) & (layer.lower == 0)
        value = value * np.where(value > 0, layer.upper, layer.lower)
        error = np.where(off, 0.0, error * steepest + abs(value) * 2.0**-52)
    return np.hstack(found)


def check_open_samples(network: pr.Network, place: Slice, window: pr.Box, points: int) -> int:
    """Every sampled point must be of one region, by the signs that floats can tell."""
    restricted = place.restrict(network)
    regions = pr.enumerate_regions(restricted, window)
    assert regions.complete
    assert regions.proven
    assert regions.exact_decisions < len(regions)
    bits = unpack(regions.patterns, network.hidden_units).astype(np.float32)
    rng = np.random.default_rng(0)
    sampled = rng.uniform(window.lower, window.upper, size=(points, window.dimension))
    seen = signs(restricted, sampled)
    # how many signs of a point contradict the bits of a region
    wrong = bits @ (seen < 0).T.astype(np.float32) + (1 - bits) @ (seen > 0).T.astype(np.float32)
    assert (wrong.min(axis=0) == 0).all()
    assert ((wrong == 0).sum(axis=0) == 1).mean() > 0.99
    # and an exact pattern, which takes long because flat parts of the picture tie
    assert restricted.pattern(sampled[:1])[0].tobytes() in {r.tobytes() for r in regions.patterns}
    assert len(np.unique((wrong == 0).argmax(axis=0))) > 0.5 * len(regions)
    return len(regions)


def test_max_pooling_on_a_segment_between_two_images(digits):
    network = network_of("mnist_conv_maxpool")
    line = Line.through(digits[0], digits[1])
    assert check_open_samples(network, line, pr.Box.interval(1, -0.5, 0.5), 400) > 50


def test_max_pooling_on_a_window_of_a_plane(digits):
    network = network_of("mnist_conv_maxpool")
    plane = Plane.through(*digits)
    assert check_open_samples(network, plane, pr.Box.interval(2, -0.1, 0.1), 400) > 30


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
    network = network_of(name)
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
