"""Pictures: what is drawn where, and what the figure says about the result."""

import re

import numpy as np
import pytest
from page_data import page

import polyregions as pr
from polyregions import examples
from polyregions.cli import main

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from matplotlib.collections import LineCollection, PolyCollection

from polyregions.analysis import corners as cell_corners
from polyregions.analysis.affine_maps import exact_on_domain, facet_hyperplanes
from polyregions.analysis.corners import facet_segments, region_corners
from polyregions.analysis.decision import decision_boundary
from polyregions.analysis.shape import vertices
from polyregions.plot import (
    plot_cells,
    plot_growth,
    plot_line,
    plot_slices,
    plot_solids,
    save_figure,
)
from polyregions.plot.cell_plot import first_layers
from polyregions.plot.values import COLORINGS, cell_values, facet_layers, pattern_colors
from polyregions.theory import constructions as known


@pytest.fixture(scope="module")
def regions():
    return pr.enumerate_regions(pr.load(examples.path("digits2")), pr.Box.cube(2, 1.0))


def texts(axes) -> str:
    parts = [axes.get_title(loc="left"), *(text.get_text() for text in axes.texts)]
    return "\n".join(parts)


def area(path) -> float:
    x, y = path.vertices[:-1].T
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@pytest.mark.slow
@pytest.mark.parametrize("color", COLORINGS)
def test_every_cell_is_drawn(regions, color):
    axes = plot_cells(regions, color=color)
    _, cells = [c for c in axes.collections if isinstance(c, PolyCollection)]
    if color in ("class", "output"):  # in parts
        assert sum(map(area, cells.get_paths())) == pytest.approx(4.0)
    else:
        assert len(cells.get_paths()) == 594
    lines = [c for c in axes.collections if isinstance(c, LineCollection)]
    drawn = sum(len(c.get_segments()) for c in lines)
    borders = 2 * len(decision_boundary(regions.network, regions.domain))  # with a rim
    assert drawn == len(regions.edges) + (borders if color == "class" else 0)
    assert "594 regions" in texts(axes)
    axes.figure.canvas.draw()


@pytest.mark.parametrize(("color", "results"), [("pattern", 1), ("class", 2)])
def test_rows_of_a_result_are_computed_once(three_lines, monkeypatch, color, results):
    seen = []

    def counted(regions):
        seen.append(regions)
        return facet_hyperplanes(regions)

    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    monkeypatch.setattr(cell_corners, "facet_hyperplanes", counted)
    plot_cells(regions, color=color, graph=True)
    assert len(seen) == len({id(one) for one in seen}) == results


def test_the_network_in_integers_is_computed_once(monkeypatch):
    seen = []

    def counted(regions):
        seen.append(regions)
        return exact_on_domain(regions)

    # lines that floats do not tell apart
    network = pr.Network.from_arrays(
        [([[1, 0], [1, 0], [1, 0]], [0.0, 1e-12, 2e-12]), ([[1, 1, 1]], [0])]
    )
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    resolved = list(cell_corners.resolved_corners(regions))
    monkeypatch.setattr(cell_corners, "exact_on_domain", counted)
    found = zip(regions, resolved, region_corners(regions), strict=True)
    thin = [(region, polygon) for region, floats, polygon in found if floats is None]
    assert (len(thin), len(seen)) == (2, 1)
    for region, polygon in thin:
        wanted = vertices(region).as_floats()
        assert sorted(map(tuple, polygon.tolist())) == sorted(map(tuple, wanted.tolist()))


def test_segments_are_where_both_regions_end(regions):
    polygons = list(region_corners(regions))
    segments = facet_segments(regions, polygons)
    witnesses = regions.witnesses
    middles = segments.mean(axis=1)
    for edge in range(0, len(segments), 7):
        here, there = (witnesses[k] for k in regions.edges[edge])
        near = 1e-9 * (here - middles[edge])
        steps = np.array([middles[edge] + near, middles[edge] + 1e-9 * (there - middles[edge])])
        found = regions.network.pattern(steps)
        np.testing.assert_array_equal(found, regions.patterns[regions.edges[edge]])


def test_colors_depend_on_the_pattern_alone(regions):
    colors = pattern_colors(regions.patterns)
    shuffled = np.random.default_rng(0).permutation(len(regions))
    np.testing.assert_array_equal(pattern_colors(regions.patterns[shuffled]), colors[shuffled])
    assert ((colors >= 0) & (colors <= 1)).all()
    # enough different ones, none too dark to show a black line on
    assert len(np.unique(colors.round(2), axis=0)) > 400
    assert (colors @ [0.2126, 0.7152, 0.0722] > 0.35).all()


def test_values(regions):
    network, witnesses = regions.network, regions.witnesses
    outputs = network.forward(witnesses)
    np.testing.assert_allclose(cell_values(regions, "output", 3).numbers, outputs[:, 3], rtol=1e-9)
    grid = np.stack(np.meshgrid(*[np.linspace(-1, 1, 200)] * 2), axis=-1).reshape(-1, 2)
    classes = [int(text.split()[-1]) for text, _ in cell_values(regions, "class").legend]
    assert classes == sorted(set(network.forward(grid).argmax(axis=1).tolist()))
    assert cell_values(regions, "distance").numbers.min() == 0
    assert set(facet_layers(regions).tolist()) == {0, 1}
    with pytest.raises(pr.PolyregionsError, match="cannot be coloured by 'mood'"):
        cell_values(regions, "mood")


def test_partial_and_clipped_results_say_so(regions, three_lines):
    partial = pr.enumerate_regions(regions.network, regions.domain, max_regions=50)
    assert "PARTIAL: not all regions" in texts(plot_cells(partial))
    assert "regions (partial)" in texts(plot_cells(partial))
    # what is chosen from it is no more than that
    assert "PARTIAL: not all regions" in texts(plot_cells(partial[:10]))
    whole = plot_cells(pr.enumerate_regions(three_lines, None), graph=True)
    assert "unbounded" in texts(whole)
    assert "PARTIAL" not in texts(whole)


def test_a_selection_is_not_taken_for_a_stopped_search(regions):
    network, domain = regions.network, regions.domain
    near = pr.explore(network, [0.1, 0.1], depth=2, domain=domain)
    ten = pr.explore(network, [0.1, 0.1], regions=10, domain=domain)
    for some in (regions[:10], regions[regions.bits.sum(axis=1) > 30], near.regions, ten.regions):
        shown = texts(plot_cells(some))
        assert f"{len(some)} regions (a selection)" in shown
        assert "partial" not in shown.lower()
    every = plot_cells(regions[:])
    assert "selection" not in texts(every)


@pytest.mark.parametrize("inputs", [1, 2, 3])
def test_no_region_is_no_picture(inputs):
    network = pr.Network.from_arrays([(np.eye(inputs), [0.0] * inputs), ([[1.0] * inputs], [0])])
    none = pr.enumerate_regions(network, pr.Box.cube(inputs, 1.0))[:0]
    draw = (plot_line, plot_cells, plot_solids)[inputs - 1]
    for color in ("pattern", "output", "class", "distance"):
        with pytest.raises(pr.PolyregionsError, match="there is no region to draw"):
            draw(none, color=color)
        with pytest.raises(pr.PolyregionsError, match="there is no region to draw"):
            page(none, color=color)
    assert "<table>" in none._repr_html_()


def test_a_partial_cell_is_not_drawn_larger_than_it_is(regions):
    partial = pr.enumerate_regions(regions.network, regions.domain, max_regions=50)
    whole = list(region_corners(regions))
    for region, corners in zip(partial, region_corners(partial), strict=True):
        same = whole[regions.index(region.pattern)]
        np.testing.assert_allclose(corners.min(axis=0), same.min(axis=0), atol=1e-12)
        np.testing.assert_allclose(corners.max(axis=0), same.max(axis=0), atol=1e-12)


def test_lines():
    case = known.tent(4)
    regions = pr.enumerate_regions(case.network, case.domain)
    axes = plot_line(regions)
    function, *marks = axes.lines
    x, y = function.get_data()
    np.testing.assert_allclose(case.network.forward(x[:, None])[:, 0], y, atol=1e-12)
    assert sum(len(mark.get_xdata()) for mark in marks) == case.regions - 1
    with pytest.raises(pr.DomainError, match="one free input, not 2"):
        plot_line(pr.enumerate_regions(known.orthants(2).network, None))


def test_the_whole_line_is_clipped():
    case = known.maximal_one_dimensional([3, 4], whole_line=True)
    regions = pr.enumerate_regions(case.network, None)
    axes = plot_line(regions, color="gradient")
    assert "unbounded" in texts(axes)
    low, high = axes.get_xlim()
    assert low < 0
    assert high > 1


def test_solids_and_slices(deep, tmp_path):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 0.5))
    save_figure(plot_solids(regions), tmp_path / "solids.png")
    figure = plot_slices(deep, pr.Box.cube(3, 1.0), 2, [-0.5, 0.5])
    assert len(figure.axes) == 2
    with pytest.raises(pr.DomainError, match="three free inputs"):
        plot_slices(deep, pr.Box([0, 0, 0], [1, 1, 0]), 2, [0.0])
    with pytest.raises(pr.DomainError, match="for two free inputs, not 3"):
        plot_cells(regions)


def test_growth_ends_with_the_whole_network(regions):
    figure = plot_growth(regions.network, regions.domain)
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert titles[-1] == "layers 1-2: 594 regions"
    first = pr.enumerate_regions(first_layers(regions.network, 1), regions.domain)
    prefixes = {tuple(region.bits[:32].tolist()) for region in regions}
    assert len(first) == len(prefixes)
    assert titles[0] == f"layer 1: {len(first)} regions"


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["png", "pdf", "svg"])
def test_files_are_the_same_each_time(regions, tmp_path, suffix):
    first, second = tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"
    save_figure(plot_cells(regions), first)
    save_figure(plot_cells(regions), second)
    assert first.read_bytes() == second.read_bytes()
    assert 10_000 < first.stat().st_size < 1_000_000


def test_vector_files_of_many_cells_stay_small(regions, tmp_path, monkeypatch):
    for module in ("cell_plot", "patches"):
        monkeypatch.setattr(f"polyregions.plot.{module}.RASTER_ABOVE", 100)
    save_figure(plot_cells(regions), tmp_path / "cells.svg")
    text = (tmp_path / "cells.svg").read_text()
    assert text.count("<image") >= 1
    assert len(re.findall("<path", text)) < 200


def test_unknown_formats(regions, tmp_path):
    with pytest.raises(pr.FormatError, match="no known picture format"):
        save_figure(plot_cells(regions), tmp_path / "cells.bmp")


def test_a_missing_matplotlib_names_the_extra(regions, monkeypatch):
    import importlib

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    with pytest.raises(pr.MissingExtraError, match=r"polyregions\[plot\]"):
        plot_cells(regions)


@pytest.mark.slow
def test_the_command_line(tmp_path, capsys):
    network, output = str(examples.path("digits4")), tmp_path / "cells.png"
    assert main(["plot", network, "-o", str(output)]) == 2
    assert "--axes" in capsys.readouterr().err
    assert main(["plot", network, "-o", str(output), "--axes", "0", "2", "--color", "class"]) == 0
    assert output.stat().st_size > 10_000
    assert main(["plot", network, "-o", str(output), "--axes", "1", "3", "--growth"]) == 0
    assert main(["plot", network, "-o", str(output), "--color", "mood"]) == 2
    assert "--color mood" in capsys.readouterr().err
    assert main(["plot", network, "-o", str(output), "--axes", "0", "0"]) == 2
    assert main(["plot", network, "-o", str(tmp_path / "cells.bmp")]) == 2
    few = ["--max-regions", "20", "--axes", "0", "1", "--graph", "--no-facets"]
    assert main(["plot", network, "-o", str(output), *few]) == 3
