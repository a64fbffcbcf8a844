"""What the reader sets on a page: colours, points, contours, theme, address, saved files."""

import itertools
import re
import xml.dom.minidom

import numpy as np
import pytest
from page_data import page

import polyregions as pr
from polyregions.network.slices import Line, Plane

EVIL = "</script><img src=x onerror=alert(1)><!-- %DATA% & \u2028"


@pytest.fixture(scope="module")
def small():
    rng = np.random.default_rng(5)
    layers = [
        (rng.normal(size=(7, 2)), 0.4 * rng.normal(size=7)),
        (rng.normal(size=(3, 7)), [0, 0, 0]),
    ]
    return pr.enumerate_regions(
        pr.Network.from_arrays(layers, name="small"), pr.Box([-1, 0], [3, 2])
    )


def choose(browser, field: str, value: str) -> None:
    browser.run(
        """const field = document.getElementById(arguments[0]); field.value = arguments[1];
        field.dispatchEvent(new Event("change"));""",
        field,
        value,
    )


def test_nothing_that_was_given_becomes_markup(opened, small):
    browser = opened(
        small,
        title=EVIL,
        labels=[EVIL, EVIL],
        class_names=[EVIL] * 3,
        points=[[0.0, 1.0]],
        classes=[0],
        names=[EVIL],
        color="class",
    )
    text = page(small, title=EVIL, labels=[EVIL, "y"], class_names=[EVIL] * 3)
    assert text.count("<script") == 2
    assert "<img" not in text
    assert browser.run("return document.querySelectorAll('img').length") == 0
    assert browser.text("#title").startswith("</script><img")
    xml.dom.minidom.parseString(browser.run("return polyregions.asSvg()").encode())
    assert browser.console() == []


def test_every_output_can_be_chosen(opened, small):
    browser = opened(small, color="output", output=2)
    assert browser.run("return document.getElementById('mode').value") == "output:2"
    at = np.random.default_rng(0).uniform([-1, 0], [3, 2], size=(20, 2))
    for output in range(3):
        choose(browser, "mode", f"output:{output}")
        assert browser.text("#legend b") == f"output {output}"
        for x in at:
            u = ((x - [-1, 0]) / [4, 2]).tolist()
            value = browser.run(
                """const [o, u] = arguments;
                return polyregions.valueAt(polyregions.cellAt(...u), o, ...u);""",
                output,
                u,
            )
            assert value == pytest.approx(small.network.forward(x)[output], abs=1e-4)
        # a key of round numbers: multiples of 1, 2 or 5 times a power of ten
        keys = browser.run(
            "return [...document.querySelectorAll('#legend span')].map(e => e.textContent)"
        )
        steps = np.diff([float(key) for key in keys])
        assert len(keys) > 2
        assert f"{steps[0]:.0e}"[0] in "125"
        np.testing.assert_allclose(steps, steps[0])


def test_contours_are_level_lines(opened, small):
    browser = opened(small)
    choose(browser, "contours", "1")
    found = browser.run("""
      const levels = polyregions.contourLevels(), all = [];
      for (let c = 0; c < polyregions.now.count; c++)
        for (const { level, ends } of polyregions.contoursOf(c, levels)) all.push([level, ...ends]);
      return all;
    """)
    found = np.array(found)
    assert len(set(found[:, 0])) > 3
    for ends in (found[:, 1:3], found[:, 3:5]):
        values = small.network.forward(ends * [4, 2] + [-1, 0])[:, 1]
        np.testing.assert_allclose(values, found[:, 0], atol=1e-4)


def test_the_address_keeps_what_is_seen(opened, small, browser):
    opened(small)
    address = browser.run("return location.href.split('#')[0]")
    region = small.index(small.network.pattern([1.0, 0.5]))
    browser.open(f"{address}#x=1.5&y=0.5&zoom=3&region={region}&color=output:1&contours=2")
    browser.run("location.reload()")
    assert browser.text("#chosen") == f"Region {region}"
    assert browser.run("return polyregions.state.scale") == 3
    assert browser.run("return document.getElementById('mode').value") == "output:1"
    x, y = browser.run("return [polyregions.state.x, polyregions.state.y]")
    assert x == pytest.approx((1.5 + 1) / 4 - 0.5)
    assert y == pytest.approx(0.5 / 2 - 0.5)
    kept = browser.run("return polyregions.where()")
    assert kept == f"#zoom=3&color=output:1&x=1.5&y=0.5&region={region}&contours=2"
    # an address of another page, or of nobody
    for wrong in ("#x=nan&zoom=-1&region=99999&color=none&frame=7", "#%", "#region=1.5&color=<b>"):
        browser.run("location.hash = arguments[0]", wrong)
        assert browser.text("#chosen") == "No region selected"
    assert browser.console() == []


def test_points_have_the_colours_of_their_classes(opened, small):
    points = np.array([[0.0, 1.0], [1.0, 0.5], [2.0, 1.5]])
    browser = opened(small, points=points, classes=[0, 1, 2], class_names=["a", "b", "c"])
    palette = [[86, 180, 233], [230, 159, 0], [0, 158, 115]]
    at = ((points - [-1, 0]) / [4, 2]).tolist()
    seen = browser.run(
        """const c = document.getElementById("cells"), r = window.devicePixelRatio;
        const all = c.getContext("2d").getImageData(0, 0, c.width, c.height).data;
        return arguments[0].map((at) => {
          const [x, y] = polyregions.toScreen(...at).map((v) => Math.round(v * r));
          return [...all.slice(4 * (y * c.width + x), 4 * (y * c.width + x) + 3)];
        });""",
        at,
    )
    assert seen == palette
    assert browser.run(
        "return [...document.querySelectorAll('#legend span')].map(e => e.textContent)"
    ) == ["a", "b", "c"]


def test_points_and_names_that_do_not_fit(small):
    for points in ([[0.0, 1.0, 2.0]], [0.0, 1.0], [[np.nan, 0.0]], [["a", "b"]]):
        with pytest.raises(pr.PolyregionsError, match="points"):
            page(small, points=points)
    with pytest.raises(pr.DomainError, match="none of the 1 points is in the picture"):
        page(small, points=[[9.0, 9.0]])
    with pytest.raises(pr.PolyregionsError, match="2 points have 2 classes"):
        page(small, points=[[0, 1], [1, 1]], classes=[0])
    with pytest.raises(pr.PolyregionsError, match="give points"):
        page(small, classes=[0])
    with pytest.raises(pr.PolyregionsError, match="3 classes, not 2"):
        page(small, class_names=["a", "b"])
    with pytest.raises(pr.PolyregionsError, match="no output 7"):
        page(small, color="output", output=7)
    with pytest.raises(pr.PolyregionsError, match="cannot be coloured by 'blue'"):
        page(small, color="blue")


def test_a_plane_has_named_axes_and_marks(opened, deep):
    corners = [[0.0, 0, 1], [2, 0, 1], [0, 2, 1]]
    plane = Plane.through(*corners, names=["cat", "dog", "cow"])
    regions = pr.enumerate_regions(plane.restrict(deep), plane.domain)
    browser = opened(regions, plane=plane, points=corners)
    assert browser.run("return polyregions.data.inputs[0]") == "cat → dog"
    marks = browser.run("return polyregions.data.marks")
    low, high = plane.domain.lower, plane.domain.upper
    for (name, *at), x, expected in zip(marks, corners, ("cat", "dog", "cow"), strict=True):
        assert name == expected
        np.testing.assert_allclose(plane.to_input(low + np.array(at) * (high - low)), x, atol=1e-9)
    line = Line.through(*corners[:2])
    browser = opened(pr.enumerate_regions(line.restrict(deep), line.domain), plane=line)
    assert browser.run("return polyregions.data.inputs") == ["a → b"]
    assert [name for name, *_ in browser.run("return polyregions.data.marks")] == ["a", "b"]
    with pytest.raises(pr.PolyregionsError, match="coordinates"):
        page(regions, plane=line)


def test_dark_and_light(opened, small):
    browser = opened(small)
    ground = "return getComputedStyle(document.body).backgroundColor"
    assert browser.run(ground) == "rgb(255, 255, 255)"
    media = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.command("Emulation.setEmulatedMedia", media)
    assert browser.run(ground) == "rgb(22, 24, 29)"
    assert browser.comes_true("return document.getElementById('dark').checked")
    browser.click("#dark")  # the switch is stronger than the system
    assert browser.run(ground) == "rgb(255, 255, 255)"
    browser.command("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("width", [420, 800, 1200])
def test_axes_can_be_read_on_a_screen_of_any_width(opened, width):
    network = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [0])])
    browser = opened(pr.enumerate_regions(network, pr.Box([-1.5, -1.0], [2.5, 1.5])))
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    browser.command("Emulation.setDeviceMetricsOverride", screen)
    assert browser.comes_true(f"return innerWidth === {width}")
    document = xml.dom.minidom.parseString(browser.run("return polyregions.asSvg()").encode())
    browser.command("Emulation.clearDeviceMetricsOverride", {})
    texts = document.getElementsByTagName("text")
    ticks = [node for node in texts if re.fullmatch(r"-?[\d.]+", node.firstChild.data)]
    up = {
        float(node.getAttribute("y")) for node in ticks if node.getAttribute("text-anchor") == "end"
    }
    middle = [node for node in ticks if node.getAttribute("text-anchor") == "middle"]
    # a set: each is written over its own rim
    across = sorted({(float(node.getAttribute("x")), node.firstChild.data) for node in middle})
    assert len(up) >= 3
    assert len(across) >= 3
    assert min(np.diff(sorted(up))) > 14
    # seven pixels for each letter
    for (x, text), (beside, other) in itertools.pairwise(across):
        assert beside - x > 3.5 * (len(text) + len(other)) + 4


def test_a_saved_picture_is_the_picture(opened, small):
    browser = opened(small, color="class", title="a & b")
    text = browser.run("return polyregions.asSvg()")
    document = xml.dom.minidom.parseString(text.encode())
    words = [node.firstChild.data for node in document.getElementsByTagName("text")]
    assert "a & b" in words
    assert "class 0" in words
    assert "input 0" in words
    # as many parts as there are shapes, each filled and outlined, in colours of classes
    fills = {node.getAttribute("fill") for node in document.getElementsByTagName("path")}
    assert {"rgb(86,180,233)", "rgb(0,158,115)"} & fills
    browser.run("""
      window.kept = [];
      URL.createObjectURL = (blob) => { window.kept.push(blob); return "data:,"; };
      HTMLAnchorElement.prototype.click = function () { window.kept.push(this.download); };
    """)
    browser.click("#save-svg")
    assert browser.run("return window.kept[0].text()") == text
    assert browser.run("return window.kept[1]") == "a-b.svg"
    browser.click("#save-png")
    start = browser.run("""return (async () => {
      while (window.kept.length < 4) await new Promise(done => setTimeout(done, 20));
      return [...new Uint8Array(await window.kept[2].arrayBuffer())].slice(0, 8);
    })()""")
    assert bytes(start) == b"\x89PNG\r\n\x1a\n"
    assert browser.console() == []
