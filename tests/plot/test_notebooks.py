"""A notebook shows a picture of what draws, and a table of what was found; nothing is a trap."""

import html.parser
import json
import subprocess
import sys
from base64 import b64decode
from pathlib import Path

import pytest

import polyregions as pr
from polyregions import examples
from polyregions.markup import html_table, titled
from polyregions.proof.checker import Report
from polyregions.scale.saved_runs import Written
from polyregions.theory.draws import Settings
from polyregions.theory.laws import BiasLaw
from polyregions.theory.lemmas import LemmaReport
from polyregions.theory.theorem5 import GridReport

PNG = b"\x89PNG\r\n"
EVIL = "<script>alert(1)</script>\"' & \x00\x1b[31m"

SHOWN = """
import json, sys
import polyregions as pr
from polyregions import examples
from polyregions.plot import plot_contours, plot_points, plot_slices
from polyregions.plot.theorem5_figure import theorem5_figure
from polyregions.experiments.drawing import panels

def kinds(value):
    if {ipython}:
        from IPython.core.formatters import DisplayFormatter
        return sorted(DisplayFormatter().format(value)[0])
    return ["image/png"] if value._repr_png_()[:4] == bytes([137]) + b"PNG" else []

net = pr.load(examples.path("digits2"))
plane = pr.enumerate_regions(net, pr.Box.cube(2, 0.1))
line = pr.enumerate_regions(net, pr.Box([-1, 0], [1, 0]))
cube = pr.Network.from_arrays([([[1, 0, 0]], [0]), ([[1]], [0])])
axes = pr.plot_cells(plane)
found = [
    axes,
    axes.figure,
    plot_contours(plane, axes),
    plot_points(plane, [[0, 0]], axes),
    pr.plot_line(line),
    pr.plot_solids(pr.enumerate_regions(cube, pr.Box.cube(3, 1.0))),
    pr.plot_growth(net, pr.Box.cube(2, 0.1)),
    plot_slices(cube, pr.Box.cube(3, 1.0), 0, [0.5]),
    panels(1)[0],
    theorem5_figure([pr.verify_theorem5([2, 2], draws=2, workers=1)]),
]
print(json.dumps([[kinds(value) for value in found], "matplotlib.pyplot" in sys.modules]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("ipython", [False, True])
def test_everything_that_draws_shows_a_picture_without_pyplot(ipython):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    if ipython:
        pytest.importorskip("IPython", reason="IPython is not installed")
    run = subprocess.run(
        [sys.executable, "-c", SHOWN.format(ipython=ipython)],
        check=True,
        capture_output=True,
        text=True,
    )
    found, pyplot = json.loads(run.stdout)
    assert all("image/png" in kinds for kinds in found)
    assert not pyplot


def small(name: str = "net") -> pr.Regions:
    layers = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])]).layers
    return pr.enumerate_regions(pr.Network(layers, name=name), pr.Box.cube(2, 1.0))


class Tags(html.parser.HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data + "\n"


RESULTS = {
    "regions": small,
    "a region": lambda: small()[0],
    "many inputs": lambda: pr.enumerate_regions(
        pr.Network.from_arrays([([[1.0] * 12], [0]), ([[1]], [0])]), None
    )[0],
    "the line": lambda: pr.enumerate_regions(small().network, pr.Box([-1, 0], [1, 0])),
    "the tree": lambda: pr.count_tree(small().network, pr.Box.cube(2, 1.0)),
    "an estimate": lambda: pr.estimate_regions(small().network, pr.Box.cube(2, 1.0)),
    "linear regions": lambda: pr.linear_regions(small()),
    "on disk": lambda: Written(Path(EVIL), 1, 0, 0, True, True, "finished", None),
    "a certificate": lambda: Report(4, 4, 0, None, None),
    "theorem 5": lambda: pr.verify_theorem5([2, 2], draws=2, workers=1),
    "no density": lambda: pr.verify_theorem5((2, 2), biases=BiasLaw("zero"), draws=2, workers=1),
    "a grid": lambda: GridReport((pr.verify_theorem5([2, 2], draws=2, workers=1),)),
    "boundaries": lambda: pr.verify_boundaries(Settings((2, 2)), draws=2),
    "a lemma": lambda: LemmaReport("Lemma 3", EVIL, 2, (EVIL,)),
}


@pytest.mark.parametrize("result", RESULTS)
def test_results_are_tables_in_which_nothing_is_markup(result):
    page = Tags(RESULTS[result]()._repr_html_())
    allowed = {"table", "tr", "td", "th", "b", "div", "img"}
    assert {tag for tag, _ in page.tags} <= allowed
    assert all(set(attributes) <= {"style", "src", "alt"} for _, attributes in page.tags)
    assert len(page.text.split()) >= 3
    assert all(line.isprintable() for line in page.text.splitlines())


def test_names_from_files_are_text():
    regions = small(EVIL)
    for value in (regions, regions[0], pr.linear_regions(regions)):
        page = Tags(value._repr_html_())
        assert "script" not in {tag for tag, _ in page.tags}
        assert "<script>alert(1)</script>" in page.text
    assert "<i>" not in html_table([("<i>", ["<i>"])], ["<i>"]) + titled("<i>", {"<i>": "<i>"})


def test_regions_in_the_plane_have_a_small_picture():
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    sources = [a["src"] for tag, a in Tags(small()._repr_html_()).tags if tag == "img"]
    (picture,) = [b64decode(source.partition("base64,")[2]) for source in sources]
    assert picture.startswith(PNG)
    assert len(picture) < 50_000
    assert "img" not in {tag for tag, _ in Tags(RESULTS["the line"]()._repr_html_()).tags}


def test_without_matplotlib_there_is_the_table_alone(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    page = Tags(small()._repr_html_())
    assert "img" not in {tag for tag, _ in page.tags}
    assert "regions\n4\n" in page.text


def test_too_many_regions_have_no_picture(monkeypatch):
    monkeypatch.setattr("polyregions.plot.cell_plot.MOST_SHOWN", 3)
    assert "img" not in {tag for tag, _ in Tags(small()._repr_html_()).tags}


def test_every_number_of_a_summary_is_in_the_table():
    regions = pr.enumerate_regions(pr.load(examples.path("digits2")), pr.Box.cube(2, 0.4))
    text = Tags(regions._repr_html_()).text
    for entry in (f"{len(regions):,}", f"{len(regions.edges):,}", "32, 32", "yes"):
        assert f"\n{entry}\n" in text
