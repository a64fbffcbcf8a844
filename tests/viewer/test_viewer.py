"""The page: what it holds, and how it behaves in a browser."""

import base64
import re

import numpy as np
import pytest
from page_data import data_of, page

import polyregions as pr
from polyregions import examples
from polyregions.analysis.affine_maps import affine_maps
from polyregions.analysis.corners import region_corners
from polyregions.cli import main
from polyregions.plot.values import CLASS_COLORS
from polyregions.viewer import write_page


def test_the_page_is_one_file_that_fetches_nothing(regions):
    text = page(regions)
    # the name of the language of a saved picture, which nobody opens
    assert set(re.findall(r"https?://[^\"]*", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"\b(src|href)=", text)
    assert "default-src 'none'" in text
    data = data_of(text)
    assert data["frames"][0]["count"] == 594
    assert data["widths"] == [32, 32]


def test_a_name_cannot_break_out_of_the_page(three_lines):
    name = "</script><script>alert(1)</script><!-- %DATA% & \u2028"
    network = pr.Network(three_lines.layers, name=name)
    text = page(pr.enumerate_regions(network, pr.Box.cube(2, 1.0)))
    assert text.count("<script") == 2
    assert data_of(text)["name"] == name.replace("\u2028", "\\u2028")
    assert "&lt;/script&gt;" in text


def test_what_the_page_cannot_show(three_lines, deep, monkeypatch, tmp_path):
    four = pr.enumerate_regions(pr.load(examples.path("digits4")), pr.Box.cube(4, 0.01))
    with pytest.raises(pr.DomainError, match="one to three free inputs, not 4"):
        page(four)
    with pytest.raises(pr.DomainError, match="three free inputs in a box"):
        page(pr.enumerate_regions(deep, None, max_regions=3))
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.FormatError, match=r"end in \.html"):
        write_page(regions, tmp_path / "page.txt")
    monkeypatch.setattr("polyregions.viewer.page.MOST_CELLS", 5)
    with pytest.raises(pr.FormatError, match="up to 5 cells, not 7"):
        page(regions)


def place(browser, x: float, y: float) -> list[float]:
    """Where a point of [-1, 1]^2 is in the window."""
    script = """
      const box = document.getElementById("cells").getBoundingClientRect();
      const [px, py] = window.polyregions.toScreen((arguments[0] + 1) / 2, (arguments[1] + 1) / 2);
      return [box.left + px, box.top + py];
    """
    return browser.run(script, x, y)


def test_loading(opened, regions):
    browser = opened(regions)
    assert browser.text("#title") == "digits2"
    assert browser.text("#status") == "594 regions, 1,140 edges, proven"
    # the canvas is not blank: many colours
    colors = browser.run("""
      const c = document.getElementById("cells"), seen = new Set();
      const pixels = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
      for (let k = 0; k < pixels.length; k += 4 * 97) seen.add(pixels.slice(k, k + 3).join());
      return seen.size;
    """)
    assert colors > 200


def test_hovering(opened, regions):
    browser = opened(regions)
    browser.move(*place(browser, 0.1, 0.2))
    tip = browser.text("#tip")
    index = regions.index(regions.network.pattern([0.1, 0.2]))
    assert tip.startswith(f"region {index} at (0.")
    bits = "".join(map(str, regions[index].bits))
    assert tip.splitlines()[1].replace(" | ", "") == bits
    degree = int((regions.edges == index).sum())
    assert f"{degree} neighbours" in tip
    assert browser.console() == []


def test_clicking(opened, regions):
    browser = opened(regions)
    browser.move(*place(browser, 0.1, 0.2), click=True)
    index = regions.index(regions.network.pattern([0.1, 0.2]))
    assert browser.text("#chosen") == f"Region {index}"
    facets = browser.run(
        "return [...document.querySelectorAll('#facets li')].map(e => e.textContent)"
    )
    expected = set()
    for edge, (i, j) in enumerate(regions.edges.tolist()):
        if index in (i, j):
            units = ", ".join(
                f"unit {unit} (layer {1 + unit // 32})" for unit in regions.units_of_edge(edge)
            )
            expected.add(f"region {i + j - index}: {units}")
    assert set(facets) == expected
    # the affine map that is shown is the network's
    shown = browser.run(
        "return [...document.querySelectorAll('#details dd')].map(e => e.textContent)"
    )
    matrix, shift = regions[index].affine_map()
    numbers = re.findall(r"[−]? ?[\d.]+(?:e[+-]?\d+)?", shown[3])
    values = [float(text.replace("−", "-").replace(" ", "")) for text in numbers]
    np.testing.assert_allclose(values, [*matrix[0], shift[0]], rtol=1e-3)
    # on to a neighbour by its button, then back to nothing
    browser.click("#facets button")
    assert browser.text("#chosen") != f"Region {index}"
    assert browser.console() == []


def test_searching(opened, regions):
    browser = opened(regions)
    for x in ([0.1, 0.2], [-0.73, 0.41], [0.9, -0.95]):
        browser.run("document.getElementById('point').value = arguments[0]", f"{x[0]}, {x[1]}")
        browser.click("#search button")
        index = regions.index(regions.network.pattern(x))
        assert browser.text("#answer") == f"Region {index}"
        assert browser.text("#chosen") == f"Region {index}"
    browser.run("document.getElementById('point').value = '3, 3'")
    browser.click("#search button")
    assert "No region" in browser.text("#answer")
    browser.run("document.getElementById('point').value = 'somewhere'")
    browser.click("#search button")
    assert "two numbers" in browser.text("#answer")
    assert browser.console() == []


def test_toggles(opened, regions):
    browser = opened(regions)
    pixels = "return document.getElementById('cells').toDataURL()"
    frame = "return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"

    def picture():
        browser.run(frame)
        return browser.run(pixels)

    seen = [picture()]
    for selector in ("#layer-0", "#layer-1", "#dual"):
        browser.click(selector)
        seen.append(picture())
    browser.run("""
      const mode = document.getElementById("mode");
      mode.value = "gradient";
      mode.dispatchEvent(new Event("change"));
    """)
    seen.append(picture())
    assert len(set(seen)) == 5
    assert len(browser.text("#legend")) > 10
    assert browser.console() == []


PIXELS = """
  const mode = document.getElementById("mode");
  mode.value = arguments[0];
  mode.dispatchEvent(new Event("change"));
  for (const box of document.querySelectorAll("#layers input")) if (box.checked) box.click();
  return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => {
    const c = document.getElementById("cells"), ratio = window.devicePixelRatio;
    const all = c.getContext("2d").getImageData(0, 0, c.width, c.height).data, found = [];
    for (let py = 0; py < c.height; py += 3) for (let px = 0; px < c.width; px += 3) {
      const u = window.polyregions.toUnit((px + 0.5) / ratio, (py + 0.5) / ratio);
      const k = 4 * (py * c.width + px);
      found.push([...u, all[k], all[k + 1], all[k + 2]]);
    }
    done(found);
  })));
"""


def painted(browser, mode: str) -> tuple[np.ndarray, np.ndarray]:
    """Points of [-1, 1]^2, away from its frame, and the colours of their pixels."""
    table = np.array(browser.run(PIXELS, mode))
    points = 2 * table[:, :2] - 1
    inside = (np.abs(points) < 0.97).all(axis=1)  # and away from the names of the inputs
    inside &= ~((points[:, 0] > 0.6) & (points[:, 1] < -0.9))
    inside &= ~((points[:, 0] < -0.6) & (points[:, 1] > 0.9))
    return points[inside], table[inside, 2:]


@pytest.mark.slow
def test_classes_are_painted_as_they_are(opened, regions):
    points, seen = painted(opened(regions), "class")
    palette = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CLASS_COLORS])
    outputs = regions.network.forward(points)
    first, second = np.sort(outputs, axis=1)[:, ::-1][:, :2].T
    steepest = np.linalg.norm(affine_maps(regions).matrix, axis=2).max()
    clear = first - second > 2 * steepest * 0.02  # five pixels from the border, whose line is 4
    assert clear.mean() > 0.5
    # rounding where parts of cells meet takes a step or two
    np.testing.assert_allclose(seen[clear], palette[outputs.argmax(axis=1)][clear], atol=3)
    dark = seen[~clear].sum(axis=1) < 60
    assert 0.02 < dark.mean() < 0.5


@pytest.mark.slow
def test_an_output_is_painted_as_a_gradient(opened, regions):
    points, seen = painted(opened(regions), "output:3")
    data = data_of(page(regions))
    values = regions.network.forward(points)[:, 3]
    corners = np.concatenate(list(region_corners(regions)))
    extremes = regions.network.forward(corners)[:, 3]
    low, high = extremes.min(), extremes.max()
    stops = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in data["stops"]])
    place = (values - low) / (high - low) * (len(stops) - 1)
    expected = np.stack(
        [np.interp(place, np.arange(len(stops)), stops[:, k]) for k in range(3)], axis=1
    )
    away = np.abs(seen - expected).max(axis=1)
    assert np.quantile(away, 0.98) <= 3
    assert away.max() <= 12


def test_the_page_knows_the_parts_of_each_class(regions):
    """Without a browser: the parts fill the square, each class as much as in a sample."""
    mode = data_of(page(regions))["frames"][0]["modes"]["class"]
    ends = np.frombuffer(base64.b64decode(mode["parts"]["ends"]), "<u4")
    corners = np.frombuffer(base64.b64decode(mode["parts"]["corners"]), "<f4").reshape(-1, 2)
    colors = np.frombuffer(base64.b64decode(mode["colors"]), "<u1").reshape(-1, 3)
    grid = np.stack(np.meshgrid(*[np.linspace(-0.995, 0.995, 200)] * 2), axis=-1).reshape(-1, 2)
    sampled = np.bincount(regions.network.forward(grid).argmax(axis=1), minlength=10) / len(grid)
    areas = np.zeros(10)
    for start, end, color in zip(ends, ends[1:], colors, strict=False):
        x, y = corners[start:end].astype(float).T
        label = CLASS_COLORS.index("#" + bytes(color).hex())
        areas[label] += abs(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2
    np.testing.assert_allclose(areas, sampled, atol=0.002)
    assert areas.sum() == pytest.approx(1.0, abs=1e-5)


def test_the_keyboard(opened, regions):
    browser = opened(regions)
    browser.run("document.getElementById('cells').focus()")
    browser.press("Enter")
    centre = regions.index(regions.network.pattern([0.0, 0.0]))
    assert browser.text("#chosen") == f"Region {centre}"
    browser.press("n")
    neighbor = int(browser.text("#chosen").removeprefix("Region "))
    assert [min(centre, neighbor), max(centre, neighbor)] in regions.edges.tolist()
    before = browser.run("return [polyregions.state.scale, polyregions.state.x]")
    browser.press("+", "ArrowRight")
    after = browser.run("return [polyregions.state.scale, polyregions.state.x]")
    assert after[0] > before[0]
    assert after[1] > before[1]
    browser.press("0", "Escape")
    assert browser.run("return polyregions.state.scale") == 1
    assert browser.text("#chosen") == "No region selected"


def test_what_a_screen_reader_finds(opened, regions):
    browser = opened(regions)
    # every control has a name, and the selected region is announced
    names = browser.run("""
      return [...document.querySelectorAll("input, select, button, canvas")].map(e =>
        e.getAttribute("aria-label") || e.textContent.trim() && e.tagName === "BUTTON" ||
        (e.labels && e.labels.length > 0));
    """)
    assert all(names)
    assert browser.run("return document.documentElement.lang") == "en"
    assert browser.run("return !!document.querySelector('[aria-live] #chosen')")


def test_one_input_and_partial_and_whole_space(opened, three_lines):
    tent = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[2.0, -4.0]], [0.0])])
    browser = opened(pr.enumerate_regions(tent, pr.Box.cube(1, 1.0)))
    browser.run("document.getElementById('point').value = '0.25'")
    browser.click("#search button")
    assert browser.text("#answer") == "Region 1"
    browser = opened(pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0), max_regions=3))
    assert "PARTIAL" in browser.text("#status")
    browser = opened(pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))[:3])
    assert "a selection: other regions are left out" in browser.text("#status")
    assert "PARTIAL" not in browser.text("#status")
    browser = opened(pr.enumerate_regions(three_lines, None))
    assert "clipped" in browser.text("#status")
    assert browser.console() == []


def test_a_plane_with_the_graph_of_all_regions(opened, deep):
    plane = pr.enumerate_regions(deep, pr.Box([-1, -1, 0.0], [1, 1, 0.0]))
    whole = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    browser = opened(plane, whole=whole)
    assert f"{len(whole)} regions" in browser.text("#whole-text")
    matched = browser.run(
        "return JSON.parse(document.getElementById('data').textContent).whole.count"
    )
    assert matched == len(whole)
    assert browser.console() == []


@pytest.mark.slow
def test_twenty_thousand_cells_are_painted_in_three_seconds(opened):
    rng = np.random.default_rng(1)
    shapes = [(300, 2), (1, 300)]
    network = pr.Network.from_arrays(
        [(rng.normal(size=s) / np.sqrt(s[1]), 0.3 * rng.normal(size=s[0])) for s in shapes]
    )
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0), max_regions=20_000)
    assert len(regions) == 20_000
    browser = opened(regions)
    assert browser.run("return polyregions.firstPaint") < 3000
    assert browser.console() == []


def test_a_page_of_too_many_cells_is_partial(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("polyregions.viewer.page.MOST_CELLS", 100)
    output = tmp_path / "digits.html"
    assert main(["view", str(examples.path("digits2")), "-o", str(output)]) == 3
    assert "stopped early" in capsys.readouterr().err
    (frame,) = data_of(output.read_text())["frames"]
    assert frame["count"] == 100
    assert not frame["complete"]


@pytest.mark.slow
def test_the_command_line(tmp_path, capsys, shared_data):
    output = tmp_path / "vdp.html"
    arguments = ["view", str(shared_data / "nets" / "vdp.onnx"), "--cube", "0.2", "-o", str(output)]
    assert main(arguments) == 0
    printed = capsys.readouterr()
    assert "showing inputs" not in printed.err
    assert data_of(output.read_text())["inputs"] == ["input 0", "input 1", "input 2"]
    assert main([*arguments, "--axes", "0", "2"]) == 0
    assert data_of(output.read_text())["inputs"] == ["input 0", "input 2"]
    assert main([*arguments, "--axes", "0", "3"]) == 2
    assert "numbered 0 to 2" in capsys.readouterr().err
