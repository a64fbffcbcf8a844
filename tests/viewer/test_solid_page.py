"""Three free inputs: polyhedra that hide each other as they do in space."""

import time

import numpy as np
import pytest
from page_data import array, data_of, page

import polyregions as pr
from polyregions.analysis.decision import decision_in
from polyregions.plot.depth import borders_between, drawing_order, polyhedra


def network(seed: int, outputs: int = 3) -> pr.Network:
    rng = np.random.default_rng(seed)
    shapes = [(5, 3), (3, 5), (outputs, 3)]
    return pr.Network.from_arrays(
        [(rng.normal(size=s) / np.sqrt(s[1]), 0.4 * rng.normal(size=s[0])) for s in shapes],
        name="<b>solid</b>",
    )


@pytest.fixture(scope="module")
def regions():
    return pr.enumerate_regions(network(2), pr.Box([-1, 0, -2.0], [1, 3, 2.0]))


def back_to_front(regions: pr.Regions, out: np.ndarray) -> list[int]:
    normals, children = drawing_order(regions)
    order, stack = [], [0 if len(children) else -1]
    while stack:
        node = stack.pop()
        if node < 0:
            order.append(-1 - node)
            continue
        near = int(normals[node] @ out > 0)
        stack += [children[node, near], children[node, 1 - near]]
    return order


@pytest.mark.parametrize("seed", range(4))
def test_no_cell_is_hidden_by_one_behind_it(seed):
    """Along rays towards the viewer, regions come in the order in which they are drawn."""
    rng = np.random.default_rng(seed)
    regions = pr.enumerate_regions(network(seed), pr.Box.cube(3, 1.0))
    for _ in range(5):
        out = rng.normal(size=3)
        place = np.argsort(back_to_front(regions, out))
        assert sorted(place) == list(range(len(regions)))
        for start in rng.uniform(-1, 1, size=(10, 3)):
            points = start + np.linspace(-2, 2, 400)[:, None] * out
            points = points[(np.abs(points) <= 1).all(axis=1)]
            found = [regions.index(regions.network.pattern(x)) for x in points]
            assert (np.diff(place[found]) >= 0).all()


def test_one_cell_has_an_order():
    flat = pr.Network.from_arrays([([[0.0, 0, 0]], [1.0]), ([[1.0]], [0.0])])
    normals, children = drawing_order(pr.enumerate_regions(flat, pr.Box.cube(3, 1.0)))
    assert len(normals) == len(children) == 0


def test_pieces_of_the_boundary_are_faces(regions):
    cut = decision_in(regions)
    assert len(cut) > 3
    bodies = polyhedra(cut.regions)
    found = borders_between(bodies, cut.regions.edges[cut.edges].astype(np.int64))
    for face, piece in zip(found.tolist(), cut.pieces(), strict=True):
        ring = bodies.ring[bodies.faces[face] : bodies.faces[face + 1]]
        exact = sorted(tuple(map(float, corner)) for corner in piece.corners)
        np.testing.assert_allclose(sorted(map(tuple, bodies.points[ring])), exact, atol=1e-12)


def test_what_the_page_holds(regions):
    data = data_of(page(regions, labels=["a", "b", "c"]))
    assert data["inputs"] == ["a", "b", "c"]
    (frame,) = data["frames"]
    points = array(frame["shapes"]["points"], "<f4").reshape(-1, 3)
    starts = array(frame["shapes"]["starts"], "<u4")
    assert points.min() == 0
    assert points.max() == 1
    assert array(frame["measures"], "<f8").sum() == pytest.approx(2 * 3 * 4)
    first = array(frame["first"], "<f4").reshape(len(regions), 3)
    lows, highs = np.array(data["outputScales"]).T
    inputs = np.array([-1, 0, -2]) + points[starts[:-1]].astype(float) * [2, 3, 4]
    expected = (regions.network.forward(inputs) - lows) / (highs - lows)
    np.testing.assert_allclose(first, expected, atol=1e-5)


PIXELS = """
  const [seen, found] = [polyregions.view(), []], ratio = window.devicePixelRatio;
  const c = document.getElementById("cells");
  const all = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
  for (let py = 5; py < c.height; py += 9) for (let px = 5; px < c.width; px += 9) {
    const k = 4 * (py * c.width + px);
    found.push([(px + 0.5) / ratio, (py + 0.5) / ratio, all[k], all[k + 1], all[k + 2]]);
  }
  return { found, right: seen.right, up: seen.up, out: seen.out, pixels: seen.pixels,
    middle: seen.project([0, 0, 0]) };
"""


def test_the_class_at_a_pixel_is_that_of_the_box_there(opened, regions):
    """A ray from each pixel meets the box, where the network says which class it is."""
    browser = opened(regions, color="class")
    browser.run("polyregions.state.turn = [0.4, 0.5]; window.dispatchEvent(new Event('resize'))")
    seen = browser.run(PIXELS)
    table = np.array(seen["found"])
    # what is shown is the box with its sides in proportion to the longest
    sides, size = np.array([2, 3, 4]) / 4, np.array([2.0, 3.0, 4.0])
    right, up, out = (np.array(seen[name]) for name in ("right", "up", "out"))
    flat = (table[:, :2] - seen["middle"]) / seen["pixels"]
    origin = flat[:, :1] * right - flat[:, 1:] * up
    # how far along the ray towards the reader it stays in the box
    steps = np.linspace(-2, 2, 4001)
    inside = np.ones((len(origin), len(steps)), dtype=bool)
    for j in range(3):
        inside &= np.abs(origin[:, j, None] + steps * out[j]) <= sides[j] / 2
    hit = inside.any(axis=1)
    last = steps[inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)]
    at = (origin + last[:, None] * out) / sides * size + [0, 1.5, 0]
    outputs = regions.network.forward(at)
    ordered = np.sort(outputs, axis=1)
    clear = hit & (ordered[:, -1] - ordered[:, -2] > 0.05)
    assert clear.sum() > 200
    palette = {0: (86, 180, 233), 1: (230, 159, 0), 2: (0, 158, 115)}
    colors = np.array([palette[k] for k in outputs.argmax(axis=1)], dtype=float)
    # a face may be darker than its colour, by its light, and a line crosses a few pixels
    shown = table[:, 2:5]
    bright = (shown * colors).sum(axis=1) / (colors**2).sum(axis=1)
    right_color = np.abs(shown - bright[:, None] * colors).max(axis=1) < 6
    assert (right_color & (bright > 0.7) & (bright < 1.01))[clear].mean() > 0.93


def test_turning_choosing_and_pulling_apart(opened, regions):
    browser = opened(regions, points=[[0.0, 1.5, 0.0]], color="pattern")
    assert browser.text("#title") == "<b>solid</b>"
    browser.run("document.getElementById('cells').focus()")
    before = browser.run("return [...polyregions.state.turn]")
    browser.press("ArrowRight", "ArrowUp", "+")
    after = browser.run("return [...polyregions.state.turn]")
    assert after[0] > before[0]
    assert after[1] > before[1]
    browser.press("0", "Enter")
    assert browser.text("#chosen").startswith("Region ")
    browser.press("n")
    assert browser.text("#chosen").startswith("Region ")
    for x in ([0.1, 1.0, 0.3], [-0.9, 2.9, -1.5]):
        browser.run("document.getElementById('point').value = arguments[0]", ", ".join(map(str, x)))
        browser.click("#search button")
        assert browser.text("#answer") == f"Region {regions.index(regions.network.pattern(x))}"
    browser.run("""
      const slider = document.getElementById("apart");
      slider.value = 0.5;
      slider.dispatchEvent(new Event("input"));
    """)
    assert browser.run("return polyregions.state.apart") == 0.5
    for mode in ("output:1", "class", "gradient", "layer", "distance"):
        browser.run(
            """const field = document.getElementById("mode"); field.value = arguments[0];
            field.dispatchEvent(new Event("change"));""",
            mode,
        )
        assert "<svg" in browser.run("return polyregions.asSvg()")
    assert browser.console() == []


def test_a_long_name_of_the_upright_axis_is_on_the_picture(opened, regions):
    browser = opened(regions, labels=["a", "b", "a name that takes up some room"])
    browser.run(
        "const kind = CanvasRenderingContext2D.prototype, put = kind.fillText;"
        "kind.fillText = function (text, x) {"
        "  if (text.startsWith('a name')) window.at = [x, this.textAlign];"
        "  return put.apply(this, arguments); };"
        "dispatchEvent(new Event('resize'))"
    )
    for _ in range(50):
        if at := browser.run("return window.at"):
            break
        time.sleep(0.1)
    assert at[0] >= 0
    assert at[1] == "left"
