"""What lies on a picture is where the numbers say: planes, points, level lines."""

import numpy as np
import pytest

import polyregions as pr
from polyregions import examples

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.image import imread

from polyregions.plot import plot_cells, plot_contours, plot_line, plot_points, save_figure
from polyregions.plot.curves import level_segments
from polyregions.plot.values import cell_values, class_color


@pytest.fixture(scope="module")
def network():
    return pr.load(examples.path("digits4"))


@pytest.fixture(scope="module")
def plane():
    points = np.random.default_rng(0).uniform(-1, 1, size=(3, 4))
    return pr.Plane.through(*points, names=["one", "two", "three"])


@pytest.fixture(scope="module")
def on_plane(network, plane):
    return pr.enumerate_regions(plane.restrict(network), plane.domain)


def marked(axes, marker):
    return [line for line in axes.lines if line.get_marker() == marker]


def test_a_plane_names_its_axes_and_marks_its_points(on_plane, plane):
    axes = plot_cells(on_plane, plane=plane)
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("one → two", "across, towards three")
    at = np.array([np.ravel(line.get_xydata()) for line in marked(axes, "D")])
    points = np.array([point for _, point in plane.marks])
    np.testing.assert_allclose(plane.to_input(at), points, atol=1e-12)
    assert {"one", "two", "three"} <= {text.get_text() for text in axes.texts}
    assert plot_cells(on_plane, plane=plane, labels=["x", "y"]).get_xlabel() == "x"
    assert plot_cells(on_plane).get_xlabel() == "input 0"


def test_a_line_names_its_axis_and_marks_its_points(network, plane):
    points = [point for _, point in plane.marks[:2]]
    line = pr.Line.through(*points, names=["$a$", "b\x1b"])
    axes = plot_line(pr.enumerate_regions(line.restrict(network), line.domain), plane=line)
    assert axes.get_xlabel().startswith("$a$ → b")
    assert axes.get_xlabel().isprintable()
    drawn = [one.get_xdata()[0] for one in axes.lines if one.get_linestyle() == ":"]
    np.testing.assert_allclose(drawn, line.coordinates(points).ravel())
    axes.figure.draw_without_rendering()  # no name is read as a formula


@pytest.mark.parametrize("outputs", [1, 3])
def test_the_class_changes_on_a_line_where_lines_are_drawn(outputs):
    rng = np.random.default_rng(outputs)
    net = pr.Network.from_arrays(
        [
            (rng.normal(size=(9, 1)), rng.normal(size=9)),
            (rng.normal(size=(outputs, 9)), [0.1] * outputs),
        ]
    )
    axes = plot_line(pr.enumerate_regions(net, pr.Box.cube(1, 3.0)), color="class")
    drawn = sorted(one.get_xdata()[0] for one in axes.lines if one.get_color() == "black")
    x = np.linspace(-3, 3, 200_001)
    values = net.forward(x[:, None])
    labels = values.argmax(axis=1) if outputs > 1 else values[:, 0] > 0
    sampled = x[1:][labels[1:] != labels[:-1]]
    np.testing.assert_allclose(drawn, sampled, atol=4e-5)


def test_points_are_drawn_where_they_project_to(on_plane, plane, network):
    x = np.random.default_rng(3).uniform(-0.5, 0.5, size=(40, 4))
    classes = network.forward(x).argmax(axis=1)
    axes = plot_cells(on_plane, plane=plane)
    assert plot_points(on_plane, x, axes, classes=classes, plane=plane) is axes
    drawn = {
        tuple(point): line.get_markerfacecolor()
        for line in marked(axes, "o")
        for point in line.get_xydata().tolist()
    }
    expected = dict(
        zip(
            map(tuple, plane.coordinates(x).tolist()),
            [class_color(k) for k in classes.tolist()],
            strict=True,
        )
    )
    assert drawn == expected
    assert any("projected" in text.get_text() for text in axes.texts)


def test_points_in_a_box_are_drawn_by_their_free_inputs(network):
    regions = pr.enumerate_regions(network, pr.Box([-1, 0.2, -1, 0], [1, 0.2, 1, 0]))
    x = np.array([[0.1, 0.2, 0.3, 0.0], [0.5, 0.2, -0.5, 0.0], [9, 0.2, 0, 0]])
    axes = plot_points(regions, x, plot_cells(regions))
    (points,) = marked(axes, "o")
    np.testing.assert_array_equal(points.get_xydata(), x[:2, [0, 2]])
    assert [t.get_text() for t in axes.texts] == ["1 of 3 points are outside"]


@pytest.mark.parametrize(
    ("points", "classes", "message"),
    [
        (np.zeros((2, 3)), None, r"points must have shape \(k, 4\), not \(2, 3\)"),
        (np.zeros(4), None, "points must have shape"),
        (np.zeros((0, 4)), None, "points must have shape"),
        ([[0, 0, 0, np.nan]], None, "points must be finite numbers"),
        ([["a"] * 4], None, "points must be real numbers"),
        (np.full((2, 4), 99.0), None, "none of the 2 points is in the picture"),
        (np.zeros((2, 4)), [1], "2 points have 2 classes"),
        (np.zeros((2, 4)), [1, -1], "2 points have 2 classes"),
        (np.zeros((2, 4)), [1, 0.5], "2 points have 2 classes"),
    ],
)
def test_points_that_cannot_be_marked(on_plane, plane, points, classes, message):
    axes = plot_cells(on_plane, plane=plane, facets=False)
    with pytest.raises(pr.PolyregionsError, match=message):
        plot_points(on_plane, points, axes, classes=classes, plane=plane)


def test_another_plane_or_wrong_labels_are_refused(on_plane, plane, network):
    line = pr.Line.through(*[point for _, point in plane.marks[:2]])
    with pytest.raises(pr.DomainError, match="the slice has 1 coordinates but the regions have 2"):
        plot_cells(on_plane, plane=line)
    with pytest.raises(
        pr.PolyregionsError, match="plane is a Plane, a Line or a Slice, not a list"
    ):
        plot_cells(on_plane, plane=[1, 2])
    with pytest.raises(pr.PolyregionsError, match="2 axes have 2 labels"):
        plot_cells(on_plane, labels=["x"])
    with pytest.raises(pr.PolyregionsError, match="there are 10 classes, not 2"):
        cell_values(on_plane, "class", class_names=["a", "b"])
    solid = pr.enumerate_regions(network, pr.Box([0, 0, 0, 0], [0.1, 0.1, 0.1, 0]))
    with pytest.raises(pr.DomainError, match="one or two free inputs, not 3"):
        plot_points(solid, np.zeros((1, 4)), None)


def test_class_names_are_shown(on_plane):
    names = [f"<digit {k}>" for k in range(10)]
    values = cell_values(on_plane, "class", class_names=names)
    plain = cell_values(on_plane, "class")
    expected = [(f"<digit {text.split()[1]}>", color) for text, color in plain.legend]
    assert list(values.legend) == expected


@pytest.mark.parametrize("output", [0, 3])
def test_level_lines_are_where_the_output_has_the_level(on_plane, output):
    levels = np.array([-12.3, 0.0, 4.0])
    axes = plot_contours(
        on_plane,
        plot_cells(on_plane, facets=False, color="output", output=output),
        output=output,
        levels=levels,
    )
    lines = [c for c in axes.collections if isinstance(c, LineCollection)][-1]
    segments = np.array(lines.get_segments())
    share = np.random.default_rng(1).random((len(segments), 1))
    points = segments[:, 0] * share + segments[:, 1] * (1 - share)
    at = on_plane.network.forward(points)[:, output]
    assert np.abs(at[:, None] - levels).min(axis=1).max() < 1e-9
    # and all of it: wherever a sampled output passes a level there is a line
    low, high = on_plane.domain.lower[0], on_plane.domain.upper[0]
    grid = np.linspace(low, high, 120)
    x, y = np.meshgrid(grid, grid)
    values = on_plane.network.forward(np.column_stack([x.ravel(), y.ravel()]))[:, output]
    values = values.reshape(x.shape)
    step = grid[1] - grid[0]
    for level in levels:
        passes = (values[:, 1:] < level) != (values[:, :-1] < level)
        for row, column in np.argwhere(passes)[::7]:
            place = np.array([grid[column] + step / 2, grid[row]])
            assert distance(place, segments) <= step / 2 + 1e-9


def distance(point, segments):
    start, along = segments[:, 0], segments[:, 1] - segments[:, 0]
    length = np.maximum((along**2).sum(axis=1), 1e-300)
    share = np.clip(((point - start) * along).sum(axis=1) / length, 0, 1)
    return np.linalg.norm(start + share[:, None] * along - point, axis=1).min()


def test_level_segments_at_corners_and_along_sides():
    square = np.array([[0.0, 0], [1, 0], [1, 1], [0, 1]])
    triangle = np.array([[0.0, 0], [1, 0], [0, 1]])
    none = np.empty((0, 2))
    # a side at the level; both of two cells above it
    segments, of = level_segments([none, square], [np.empty(0), square[:, 1]], np.array([0.0]))
    assert of.tolist() == [0]
    assert sorted(segments[0].tolist()) == [[0.0, 0.0], [1.0, 0.0]]
    # only a corner at the level from above: nothing, from below: a point
    assert len(level_segments([triangle], [triangle.sum(axis=1)], np.array([0.0]))[0]) == 0
    segments, _ = level_segments([square], [square.sum(axis=1)], np.array([0.5, 1.0, 7.0]))
    assert len(segments) == 2
    np.testing.assert_allclose(segments.sum(axis=2), [[0.5, 0.5], [1.0, 1.0]])
    assert len(level_segments([], [], np.array([1.0]))[0]) == 0


@pytest.mark.parametrize(
    ("levels", "message"),
    [
        (0, "1 to 1,000 levels"),
        (5000, "1 to 1,000 levels"),
        (np.zeros(2000), "up to 1,000 levels"),
        ([np.nan], "levels must be finite"),
        ("many", "levels must be real numbers"),
    ],
)
def test_levels_that_cannot_be_drawn(on_plane, levels, message):
    with pytest.raises(pr.PolyregionsError, match=message):
        plot_contours(on_plane, plot_cells(on_plane, facets=False), levels=levels)


@pytest.mark.parametrize(("width", "height"), [(2.0, 0.5), (0.5, 2.0), (1.0, 1.0), (3.0, 0.1)])
def test_a_box_of_any_shape_fills_the_frame(three_lines, width, height):
    regions = pr.enumerate_regions(three_lines, pr.Box([-width, -height], [width, height]))
    axes = plot_cells(regions)
    axes.figure.draw_without_rendering()
    frame = axes.get_window_extent()
    inches = axes.figure.get_size_inches() * axes.figure.dpi
    assert frame.width * frame.height > 0.33 * inches.prod()


def test_resolution(on_plane, tmp_path):
    sizes = []
    for dpi in (50, 100):
        save_figure(plot_cells(on_plane, facets=False), tmp_path / "a.png", dpi=dpi)
        sizes.append(imread(tmp_path / "a.png").shape[1])
    assert sizes[1] == pytest.approx(2 * sizes[0], abs=1)
    for dpi in (0, -1, 1e9, float("nan")):
        with pytest.raises(pr.PolyregionsError, match="pixels per inch"):
            save_figure(Figure(), tmp_path / "b.png", dpi=dpi)
