"""Volumes, cells and sweeps against each other and against known numbers."""

from fractions import Fraction

import numpy as np
import pytest
from identities import cells as counted_otherwise
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions import examples
from polyregions.analysis.cells import cells, sweep
from polyregions.analysis.volumes import box_volume, estimated_seconds, exact_volumes, volumes
from polyregions.pattern import unpack
from polyregions.theory import constructions as known


def random_net(seed: int, n: int, widths: list[int]) -> pr.Network:
    rng = np.random.default_rng([seed, n])
    shapes = zip([*widths, 1], [n, *widths], strict=True)
    return pr.Network.from_arrays(
        [(rng.normal(size=s) / np.sqrt(s[1]), 0.4 * rng.normal(size=s[0])) for s in shapes]
    )


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_volumes_add_up_to_the_box_exactly(n):
    for seed in range(13):
        box = pr.Box([-1.0] * n, np.linspace(0.75, 1.5, n))
        regions = pr.enumerate_regions(random_net(seed, n, [4, 3] if n > 2 else [6, 5]), box)
        exact = exact_volumes(regions)
        assert all(isinstance(v, Fraction) and v > 0 for v in exact)
        assert sum(exact) == box_volume(box)
        assert volumes(regions).tolist() == [float(v) for v in exact]


@pytest.mark.parametrize("family", [f for f in FAMILIES if "whole space" not in f])
def test_volumes_of_degenerate_nets(family):
    for seed in range(4):
        network, domain = random_case(family, 900 + seed)
        regions = pr.enumerate_regions(network, domain)
        exact = exact_volumes(regions)
        assert sum(exact) == box_volume(domain)
        assert volumes(regions).tolist() == [float(v) for v in exact]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vdp", "cartpole", "digits4"])
def test_float_volumes_on_real_networks(name, request):
    if name == "digits4":
        network, radius = pr.load(examples.path(name)), 0.25
    else:
        data = request.getfixturevalue("shared_data")
        network, radius = pr.load(data / "nets" / f"{name}.onnx"), 0.5 if name == "vdp" else 0.1
    box = pr.Box.cube(network.input_dimension, radius)
    regions = pr.enumerate_regions(network, box)
    assert 50 < len(regions) <= 500
    assert volumes(regions).sum() == pytest.approx(float(box_volume(box)), rel=1e-9)


def test_a_region_thinner_than_floats_has_its_exact_volume():
    # x = 1/2, and 2^-60 beside it a second line: no float lies between them
    network = pr.Network(
        (
            pr.Layer.affine([[1.0, 0.0]], [-0.5]),
            pr.Layer.relu([[1.0], [1.0]], [0.0, -(2.0**-60)]),
            pr.Layer.affine([[1.0, 1.0]], [0.0]),
        )
    )
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    exact = exact_volumes(regions)
    assert sorted(exact) == [Fraction(2, 2**60), 1 - Fraction(2, 2**60), 3]
    assert volumes(regions).tolist() == [float(v) for v in exact]


def test_unbounded_regions_have_infinite_volume(three_lines):
    regions = pr.enumerate_regions(three_lines, None)
    exact = exact_volumes(regions)
    # the triangle x, y > 0, x + y < 1/2 is the only bounded one
    bounded = regions.index(three_lines.pattern([0.1, 0.1]))
    assert exact[bounded] == Fraction(1, 8)
    assert [v for i, v in enumerate(exact) if i != bounded] == [float("inf")] * 6
    assert np.isinf(volumes(regions)).sum() == 6


def test_hopeless_volumes_warn_before_they_start(monkeypatch):
    import polyregions.analysis.volumes as module

    regions = pr.enumerate_regions(random_net(0, 8, [12]), pr.Box.cube(8, 1.0))
    assert estimated_seconds(regions) > 60
    # the computation proper would be hopeless: it is cut off where it begins
    monkeypatch.setattr(module, "chart_polytopes", lambda regions: iter(()))
    with pytest.warns(UserWarning, match="regions will take up to about"):
        exact_volumes(regions)


@pytest.mark.parametrize("family", FAMILIES)
def test_cells_against_an_independent_count(family):
    for seed in range(3):
        network, domain = random_case(family, 700 + seed, units=6)
        regions = pr.enumerate_regions(network, domain)
        counted = cells(regions)
        bits = unpack(regions.patterns, network.hidden_units)
        other = counted_otherwise(network, domain, bits).by_codimension
        assert counted.inside == other[: len(counted.inside)][::-1]
        assert counted.inside[-1] == len(regions)
        assert counted.inside[-2] == len(regions.edges)
        assert counted.euler == 1


def test_a_missing_region_breaks_euler(three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    kept = regions.edges[(regions.edges < 6).all(axis=1)]
    broken = pr.Regions(
        three_lines, regions.domain, regions.patterns[:6], regions.witnesses[:6], kept, True, True
    )
    with pytest.raises(AssertionError):
        assert cells(broken).euler == 1


DIRECTIONS = np.array([[3, 1, 7], [-2, 5, 1], [1, -8, -3]])


@pytest.mark.slow
@pytest.mark.parametrize("part", range(10))
def test_the_sweep_counts_what_the_walk_finds(part):
    for seed in range(20 * part, 20 * part + 20):
        n = 1 + seed % 3
        widths = [[5, 4], [4, 3], [3, 2]][n - 1]
        regions = pr.enumerate_regions(random_net(seed, n, widths), pr.Box.cube(n, 1.0))
        closed = cells(regions).closed
        for direction in DIRECTIONS[:, :n].tolist():
            swept = sweep(regions, direction)
            assert swept.regions == len(regions)
            assert swept.closed == closed
            assert swept.euler == 1


def test_the_sweep_finds_a_region_that_is_missing():
    regions = pr.enumerate_regions(random_net(5, 2, [4, 3]), pr.Box.cube(2, 1.0))
    inner = next(i for i in range(len(regions)) if np.abs(regions.witnesses[i]).max() < 0.5)
    keep = np.arange(len(regions)) != inner
    rank = np.cumsum(keep) - 1
    edges = rank[regions.edges[keep[regions.edges].all(axis=1)]]
    broken = pr.Regions(
        regions.network,
        regions.domain,
        regions.patterns[keep],
        regions.witnesses[keep],
        edges,
        True,
        True,
    )
    assert len(broken) == len(regions) - 1
    # its neighbours lack one facet each, so their polytopes are too large and
    # have vertices that are none: the sweep refuses them, or counts something else
    with pytest.raises((AssertionError, pr.PolyregionsError)):
        assert sweep(broken, [3, 1]).regions == len(broken)


def test_sweeps_that_cannot_be():
    star = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, 0]), ([[1, 1, 1]], [0])])
    regions = pr.enumerate_regions(star, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.PolyregionsError, match="3 hyperplanes meet"):
        sweep(regions, [1, 3])
    grid = known.axis_grid((2, 2))
    regions = pr.enumerate_regions(grid.network, grid.domain)
    with pytest.raises(pr.PolyregionsError, match="level"):
        sweep(regions, [1, 0])
    assert sweep(regions, [1, 3]).regions == 9
    with pytest.raises(pr.PolyregionsError, match="needs a box"):
        sweep(pr.enumerate_regions(star, None), [1, 3])
