"""What a picture shows at a pixel is what the network says there."""

import re
import xml.dom.minidom
from itertools import pairwise

import numpy as np
import pytest
from page_data import page
from scipy.ndimage import binary_erosion

import polyregions as pr
from polyregions import examples
from polyregions.analysis.corners import facet_segments, region_corners
from polyregions.cli import main
from polyregions.plot.values import CLASS_COLORS, OF_THE_OUTPUTS

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PolyCollection

from polyregions.plot import plot_cells, plot_growth, plot_line, plot_solids, save_figure
from polyregions.plot.figure import new_axes
from polyregions.plot.patches import Patches, bands, draw_patches, patches

PALETTE = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CLASS_COLORS])


def moons(outputs: int) -> pr.Network:
    """Two half-moons told apart: random units, the last layer by least squares."""
    rng = np.random.default_rng(4)
    angle = np.pi * rng.random(200)
    one = np.column_stack([np.cos(angle) - 0.5, np.sin(angle) - 0.25])
    points = np.concatenate([one, -one]) * 0.6 + 0.05 * rng.normal(size=(400, 2))
    w0, b0 = rng.normal(size=(12, 2)), 0.6 * rng.normal(size=12)
    w1, b1 = rng.normal(size=(6, 12)) / 3, 0.5 * rng.normal(size=6)
    hidden = np.maximum(np.maximum(points @ w0.T + b0, 0) @ w1.T + b1, 0)
    target = np.repeat([-1.0, 1.0], 200)
    last = np.linalg.lstsq(np.column_stack([hidden, np.ones(400)]), target, rcond=None)[0]
    last = last[None] if outputs == 1 else np.stack([-last, last])
    return pr.Network.from_arrays([(w0, b0), (w1, b1), (last[:, :-1], last[:, -1])])


def digits2() -> pr.Regions:
    return pr.enumerate_regions(pr.load(examples.path("digits2")), pr.Box.cube(2, 1.0))


def oblique_plane() -> pr.Regions:
    rng = np.random.default_rng(8)
    network = pr.load(examples.path("digits4"))
    plane = network.on_slice(0.2 * rng.normal(size=4), rng.normal(size=(4, 2)))
    return pr.enumerate_regions(plane, pr.Box.cube(2, 1.0))


def fixed_inputs() -> pr.Regions:
    network = pr.load(examples.path("digits4"))
    return pr.enumerate_regions(network, pr.Box([0.3, -1, -1, 0.1], [0.3, 1, 1, 0.1]))


def whole_plane() -> pr.Regions:
    return pr.enumerate_regions(moons(2), None)


CASES = {
    "digits2": digits2,
    "a plane of four inputs": oblique_plane,
    "two of four inputs fixed": fixed_inputs,
    "moons, two outputs": lambda: pr.enumerate_regions(moons(2), pr.Box.cube(2, 1.0)),
    "moons, the sign of one": lambda: pr.enumerate_regions(moons(1), pr.Box.cube(2, 1.0)),
    "the whole plane": whole_plane,
    "integers with ties": lambda: pr.enumerate_regions(
        pr.Network.from_arrays(
            [([[1, 0], [0, 1], [1, -1]], [0, 0, 0]), ([[1, 0, 0], [0, 1, 0], [1, 0, 0]], [0, 0, 0])]
        ),
        pr.Box.cube(2, 1.0),
    ),
}


@pytest.fixture(scope="module", params=CASES)
def regions(request):
    return CASES[request.param]()


def pixels(axes) -> tuple[np.ndarray, np.ndarray]:
    """Colours (h, w, 3) of the pixels of some axes, and the points (h, w, 2) in their middles."""
    for note in list(axes.texts):
        note.remove()
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[:, :, :3].astype(int)
    box = axes.get_window_extent()
    # without the frame
    x = np.arange(int(box.x0) + 4, int(box.x1) - 4)
    y = np.arange(int(box.y0) + 4, int(box.y1) - 4)
    middles = np.stack(np.meshgrid(x + 0.5, y + 0.5), axis=-1)
    points = axes.transData.inverted().transform(middles.reshape(-1, 2))
    return image[::-1][np.ix_(y, x)], points.reshape(middles.shape)


def forward(regions: pr.Regions, points: np.ndarray) -> np.ndarray:
    """The outputs (h, w, k) at points of the free inputs."""
    flat = points.reshape(-1, 2)
    x = np.tile(regions.witnesses[0], (len(flat), 1))  # fixed inputs
    free = slice(None) if regions.domain is None else regions.domain.free
    x[:, free] = flat
    return regions.network.forward(x).reshape(*points.shape[:2], -1)


def classes(outputs: np.ndarray) -> np.ndarray:
    return (outputs[..., 0] > 0).astype(int) if outputs.shape[-1] == 1 else outputs.argmax(axis=-1)


def near_a_border(labels: np.ndarray) -> np.ndarray:
    """Whether one of the eight pixels around has another class."""
    padded = np.pad(labels, 1, mode="edge")
    height, width = labels.shape
    shifts = [padded[i : i + height, j : j + width] for i in range(3) for j in range(3)]
    return np.any([shifted != labels for shifted in shifts], axis=0)


def drawn(regions: pr.Regions, color: str):
    """A small picture without facets."""
    return plot_cells(regions, new_axes(width=3.4, height=3.0), color=color, facets=False)


def without_lines(axes):
    for collection in list(axes.collections):
        if isinstance(collection, LineCollection):
            collection.remove()
    return axes


@pytest.mark.slow
def test_classes_differ_from_a_sampled_argmax_only_within_a_pixel_of_a_border(regions):
    seen, points = pixels(without_lines(drawn(regions, "class")))
    labels = classes(forward(regions, points))
    assert len(np.unique(labels)) > 1
    shown = ((seen[:, :, None] - PALETTE) ** 2).sum(axis=-1).argmin(axis=-1)
    wrong = shown != labels
    assert not (wrong & ~near_a_border(labels)).any()
    assert wrong.mean() < 0.02


@pytest.mark.slow
def test_a_partial_result_is_cut_by_class_too():
    network = pr.load(examples.path("digits2"))
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0), max_regions=200)
    seen, points = pixels(without_lines(drawn(regions, "class")))
    known = {words.tobytes() for words in regions.patterns}
    patterns = network.pattern(points.reshape(-1, 2))
    inside = np.array([words.tobytes() in known for words in patterns]).reshape(points.shape[:2])
    labels = np.where(inside, classes(forward(regions, points)), -1)
    shown = ((seen[:, :, None] - PALETTE) ** 2).sum(axis=-1).argmin(axis=-1)
    shown[(seen == 255).all(axis=-1)] = -1
    assert 0.1 < inside.mean() < 0.9
    wrong = (shown != labels) & ~near_a_border(labels)
    assert not wrong[inside].any()
    assert wrong.mean() < 0.001  # cells thinner than a pixel leave a trace


@pytest.mark.slow
def test_the_boundary_is_drawn_where_the_argmax_changes(regions):
    axes = drawn(regions, "class")
    seen, points = pixels(axes)
    labels = classes(forward(regions, points))
    black = seen.sum(axis=-1) < 120
    # between two pixels of different classes there is black on either side
    across = labels[:, 1:] != labels[:, :-1]
    assert (black[:, 1:] | black[:, :-1])[across].mean() > 0.99
    # and none elsewhere: a line of 1.3 points is less than three pixels wide
    wide = labels
    for _ in range(3):
        near = near_a_border(wide)
        wide = np.where(near, -1, wide)
    assert not (black & (wide >= 0)).any()


@pytest.mark.slow
@pytest.mark.parametrize("regions", ["digits2", "the whole plane"], indirect=True)
def test_an_output_is_shaded_within_cells(regions):
    axes = without_lines(drawn(regions, "output"))
    (bar,) = [other for other in axes.figure.axes if other is not axes]
    seen, points = pixels(axes)
    values = forward(regions, points)[..., 0]
    low, high = bar.get_ylim()
    assert low - 1e-9 <= values.min() < values.max() <= high + 1e-9
    expected = np.rint(colormaps["viridis"]((values - low) / (high - low))[..., :3] * 255)
    away = np.abs(seen - expected).max(axis=-1)
    # colours next to each other in the map differ by up to 4 steps; a pixel spans a few
    assert np.quantile(away, 0.99) <= 8
    assert away.max() <= 32


def one_linear_function() -> pr.Regions:
    """26 units that cut the square, and y = x + 0.45 v: for each (w, b) also (-w, -b)."""
    rng = np.random.default_rng(5)
    weight, bias = rng.normal(size=(13, 2)), 0.5 * rng.normal(size=13)
    last = rng.normal(size=13)
    last[:2] = np.linalg.solve(weight[:2].T, [1.0, 0.45] - last[2:] @ weight[2:])
    both, shift = np.concatenate([weight, -weight]), np.concatenate([bias, -bias])
    network = pr.Network.from_arrays([(both, shift), (np.concatenate([last, -last])[None], [0])])
    return pr.enumerate_regions(network, pr.Box.cube(2, 1.0))


@pytest.mark.parametrize("background", ["white", "black"])
@pytest.mark.parametrize("dpi", [30, 45, 90, 200])
def test_one_linear_function_has_no_seams(dpi, background):
    regions = one_linear_function()
    assert len(regions) > 50
    axes = drawn(regions, "output")
    axes.figure.set_dpi(dpi)
    axes.figure.set_facecolor(background)
    axes.set_facecolor(background)
    (bar,) = [other for other in axes.figure.axes if other is not axes]
    seen, points = pixels(axes)
    low, high = bar.get_ylim()
    place = (forward(regions, points)[..., 0] - low) / (high - low)
    expected = np.rint(colormaps["viridis"](place)[..., :3] * 255)
    # below 200 dpi a seam is 12 to 25 off; colours next to each other in the map are up to 4
    assert np.abs(seen - expected).max() <= 8


def test_nothing_is_seen_through_the_faces_of_solids():
    line = pr.Network.from_arrays([([[1, 0, 0], [-1, 0, 0]], [0.2, -0.2]), ([[1, -1]], [0])])
    axes = plot_solids(pr.enumerate_regions(line, pr.Box.cube(3, 1.0)), color="output", apart=0.0)
    axes.set_axis_off()
    axes.figure.set_dpi(45)
    axes.figure.canvas.draw()
    axes.figure.set_layout_engine("none")  # which moves the axes a little whenever it draws
    seen = []
    for background in ("white", "black"):
        axes.figure.set_facecolor(background)
        axes.set_facecolor(background)
        canvas = FigureCanvasAgg(axes.figure)
        canvas.draw()
        seen.append(np.asarray(canvas.buffer_rgba())[:, :220, :3].astype(int))  # not the scale
    through = np.abs(seen[0] - seen[1]).max(axis=-1)
    solid = binary_erosion(through < 128, iterations=2)
    assert solid.sum() > 10_000
    assert through[solid].max() <= 8


@pytest.mark.parametrize("width", [0.1, 0.4, 1.0])
def test_a_cell_thinner_than_a_pixel_is_seen_as_much_as_it_covers(width):
    # black on white, and in it a slanting strip of red
    axes = new_axes(width=2, height=2)
    axes.figure.set_dpi(50)
    axes.set_position([0, 0, 1, 1])
    axes.set(xlim=(0, 100), ylim=(0, 100))
    axes.axis("off")
    ends = [0, 30.3, 30.3 + width, 100]
    strips = [
        np.array([[a, 0], [b, 0], [b + 30 * (b < 100), 100], [a + 30 * (a > 0), 100]])
        for a, b in pairwise(ends)
    ]
    colors = np.array([[0.0, 0, 0], [1, 0, 0], [0, 0, 0]])
    draw_patches(axes, Patches(strips, np.arange(3), colors, None))
    canvas = FigureCanvasAgg(axes.figure)
    canvas.draw()
    image = np.asarray(canvas.buffer_rgba())[5:-5, :, :3] / 255
    red = image[..., 0].sum(axis=1)
    assert image[..., 1].max() < 0.05  # hardly any white is seen through
    assert 0.4 * width < red.mean() < 2.0 * width


def test_bands_cover_a_polygon_and_stay_between_their_levels():
    rng = np.random.default_rng(1)
    for _ in range(50):
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 8)))
        polygon = np.column_stack([np.cos(angle), np.sin(angle), np.zeros(len(angle))])
        slope = rng.normal(size=3)
        heights = polygon @ slope
        levels = np.linspace(heights.min(), heights.max(), 9)
        total = 0.0
        for part, band in bands(polygon, heights, levels):
            at = part @ slope
            assert at.min() >= levels[band] - 1e-12
            assert at.max() <= levels[band + 1] + 1e-12
            total += area(part)
        assert total == pytest.approx(area(polygon))
    flat = list(bands(polygon, np.ones(len(polygon)), np.array([1.0, 1.0, 1.0])))
    assert len(flat) == 1


def area(polygon: np.ndarray) -> float:
    x, y = polygon[:, 0], polygon[:, 1]
    return abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_shades_stay_vectors(tmp_path, suffix):
    file = tmp_path / f"moons.{suffix}"
    axes = drawn(CASES["integers with ties"](), "output")
    for other in axes.figure.axes:
        if other is not axes:
            other.set_visible(False)  # the colour bar is an image
    save_figure(axes, file)
    image = b"<image" if suffix == "svg" else b"/Subtype /Image"
    assert image not in file.read_bytes()


def test_the_strip_below_a_line_changes_colour_where_the_class_does():
    regions = pr.enumerate_regions(
        digits2().network.on_slice([0.0, 0.1], [[1.0], [0.4]]), pr.Box.cube(1, 1.0)
    )
    at = np.linspace(-0.999, 0.999, 1001)
    expected = regions.network.forward(at[:, None]).argmax(axis=1)
    below, strip = plot_line(regions, color="class").collections
    assert isinstance(below, PolyCollection)
    assert isinstance(strip, PolyCollection)
    shown = np.full(len(at), -1)
    for path, color in zip(strip.get_paths(), strip.get_facecolors(), strict=True):
        low, high = path.vertices[:, 0].min(), path.vertices[:, 0].max()
        shade = np.abs(PALETTE - color[:3] * 255).sum(axis=1).argmin()
        shown[(low < at) & (at < high)] = shade
    assert len(set(expected)) > 1
    np.testing.assert_array_equal(shown, expected)


@pytest.mark.slow
@pytest.mark.parametrize("color", ["class", "output"])
def test_solids_are_painted_by_what_the_network_says_on_their_faces(deep, color, monkeypatch):
    rng = np.random.default_rng(2)
    last = pr.network.Layer.affine(rng.normal(size=(3, 8)), 0.1 * rng.normal(size=3))
    network = pr.Network((*deep.layers[:-1], last))
    regions = pr.enumerate_regions(network, pr.Box.cube(3, 0.5))
    kept = []

    def keeping(*arguments, **options):
        kept.append(patches(*arguments, **options))
        return kept[0]

    monkeypatch.setattr("polyregions.plot.solids.patches", keeping)
    plot_solids(regions, color=color, output=1, apart=0.0).figure.canvas.draw()
    outputs = network.forward(np.array([face.mean(axis=0) for face in kept[0].polygons]))
    if color == "class":
        first, second = np.sort(outputs, axis=1)[:, ::-1][:, :2].T
        clear = first - second > 1e-9  # not on a cut between classes
        expected = PALETTE[outputs.argmax(axis=1)] / 255
        np.testing.assert_allclose(kept[0].colors[clear], expected[clear])
        assert clear.sum() > 4 * len(regions)
    else:
        low, high = kept[0].scale.get_clim()
        expected = colormaps["viridis"]((outputs[:, 1] - low) / (high - low))[:, :3]
        assert np.abs(kept[0].colors - expected).max() < 0.05  # one of 64 shades


@pytest.mark.parametrize("color", OF_THE_OUTPUTS)
def test_first_layers_have_no_outputs_to_colour_by(color, tmp_path, capsys):
    with pytest.raises(pr.PolyregionsError, match="take pattern, layer, distance"):
        plot_growth(moons(2), pr.Box.cube(2, 1.0), color=color)
    out = str(tmp_path / "growth.png")
    arguments = ["plot", str(examples.path("digits2")), "-o", out, "--growth", "--color", color]
    assert main(arguments) == 2
    assert "have no outputs" in capsys.readouterr().err


@pytest.mark.parametrize("output", [77, 2, -1])
def test_an_output_that_does_not_exist_is_refused(output):
    network = moons(2)
    plane = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    line = pr.enumerate_regions(network, pr.Box([0, -1], [0, 1]))
    sentence = f"there is no output {output}: the network has outputs 0 to 1"
    with pytest.raises(pr.PolyregionsError, match=sentence):
        plot_cells(plane, color="output", output=output)
    with pytest.raises(pr.PolyregionsError, match=sentence):
        plot_line(line, color="output", output=output)
    with pytest.raises(pr.PolyregionsError, match=sentence):
        page(plane, output=output)
    with pytest.raises(pr.PolyregionsError, match="has only output 0"):
        plot_cells(pr.enumerate_regions(moons(1), pr.Box.cube(2, 1.0)), output=1)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["plot", "view"])
def test_a_missing_output_on_the_command_line(command, tmp_path, capsys):
    picture = tmp_path / ("cells.png" if command == "plot" else "cells.html")
    arguments = [command, str(examples.path("digits2")), "-o", str(picture), "--output-index"]
    assert main([*arguments, "77"]) == 2
    error = capsys.readouterr().err
    assert "there is no output 77: the network has outputs 0 to 9" in error
    assert "Traceback" not in error
    assert not picture.exists()
    assert main([*arguments, "9"]) == 0
    assert picture.exists()


NAMES = [
    "a<b> & \"c\" 'd' -- --> ]]>",
    "\x00\x01\x1b[31mred",
    "two\nlines\r\x85\u2028\u2029",
    "$\\frac{ $x$ $",
    "\ufffe\uffff\ud800",
    "right \u202e to left",
    "long " * 1000,
]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
@pytest.mark.filterwarnings("ignore:Glyph .* missing from font")
def test_pictures_of_any_name_are_well_formed(name, tmp_path, three_lines):
    network = pr.Network(three_lines.layers, name=name)
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    axes = plot_cells(regions, labels=["x\x07", "y\n<"])
    for suffix in ("svg", "pdf"):
        save_figure(axes, tmp_path / f"cells.{suffix}")
    svg = xml.dom.minidom.parse(str(tmp_path / "cells.svg"))
    assert svg.documentElement.tagName == "svg"
    title = axes.get_title(loc="left")
    assert title.isprintable()
    assert len(title) < 80
    assert title.endswith(": 7 regions")
    text = page(regions)
    assert re.search("<title>(.*)</title>", text)[1].isprintable()
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", text)


def test_a_facet_outside_the_window_is_not_drawn():
    # x + y = 1/2, and x = 3 and y = -4 far away
    network = pr.Network.from_arrays(
        [([[1, 1], [1, 0], [0, 1]], [-0.5, -3.0, 4.0]), ([[1, 1, 1]], [0])]
    )
    regions = pr.enumerate_regions(network, None)
    window = pr.Box.cube(2, 1.0)
    segments = facet_segments(regions, list(region_corners(regions, window)))
    drawn = segments[np.isfinite(segments).all(axis=(1, 2))]
    assert len(drawn) == 1
    np.testing.assert_allclose(drawn[0].sum(axis=1), 0.5)
