"""The pages of docs/ show code that runs and claims that hold."""

import doctest
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from pages import exists, named, source_of

DOCS = Path(__file__).resolve().parents[2] / "docs"
SESSIONS = ["quickstart", "what-is-a-region"]
PAGES = sorted(path.stem for path in (DOCS / "howto").glob("*.md"))
PAGES_WITH_FORMULAS = [DOCS / "mathematics.md", DOCS / "theorem5.md", DOCS / "glossary.md"]
EXTRAS = {"torch": "torch", "onnx": "onnx", "sklearn": "sklearn"}


def text_of(page):
    return (DOCS / f"{page}.md").read_text(encoding="utf-8")


def blocks(text):
    return re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", SESSIONS)
def test_sessions(page):
    result = doctest.testfile(
        str(DOCS / f"{page}.md"), module_relative=False, optionflags=doctest.NORMALIZE_WHITESPACE
    )
    assert result.attempted > 3
    assert result.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_how_to_pages(page, tmp_path, monkeypatch):
    if page in EXTRAS:
        pytest.importorskip(EXTRAS[page])
    monkeypatch.chdir(tmp_path)
    text = text_of(f"howto/{page}")
    scope: dict = {}
    found = blocks(text)
    assert found
    assert "assert" in text
    for block in found:
        exec(compile(block, page, "exec"), scope)  # noqa: S102 - our own page


def test_every_how_to_page_is_in_the_contents():
    assert {f"howto/{page}" for page in PAGES} <= set(text_of("index").split())


def titles():
    """Return the title of every page of the site, notebooks included, by its file."""
    texts = {
        path.name: path.read_text(encoding="utf-8")
        for path in [*DOCS.glob("*.md"), *DOCS.glob("howto/*.md")]
    }
    for path in (DOCS.parent / "notebooks").glob("*.ipynb"):
        cell = json.loads(path.read_text(encoding="utf-8"))["cells"][0]
        texts[path.name] = "".join(cell["source"])
    found = {name: re.search("^# (.+)", text, re.MULTILINE) for name, text in texts.items()}
    # the changelog's title is in the file that its page includes
    return {name: title[1] for name, title in found.items() if title or name != "changelog.md"}


def test_no_two_pages_have_the_same_title():
    counted = Counter(titles().values())
    assert [title for title, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("path", PAGES_WITH_FORMULAS, ids=lambda path: path.stem)
def test_formulas_are_drawn_without_a_network(path):
    mathml = pytest.importorskip("docutils.utils.math.latex2mathml", reason="translates formulas")
    text = re.sub("^```.*?^```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL | re.M)
    formulas = re.findall(r"(\$\$?)(.+?)\1", re.sub("`[^`]*`", "", text), re.DOTALL)
    assert formulas
    for _, formula in formulas:
        assert mathml.tex2mathml(formula).startswith("<math")


def test_the_reference_names_what_is_public():
    import polyregions as pr

    assert set(pr.__all__) <= set(text_of("api").split())


DESCRIBING = sorted(
    {*DOCS.glob("*.md"), *DOCS.glob("howto/*.md"), *DOCS.parent.glob("[A-Z]*.md")}
    - {DOCS / "changelog.md", DOCS.parent / "CHANGELOG.md"}
)


@pytest.mark.parametrize("path", DESCRIBING, ids=lambda path: path.stem)
def test_names_of_the_code_on_a_page_exist(path):
    names = named(path.read_text(encoding="utf-8"))
    assert [name for name in names if not exists(name)] == []
    assert names or path.stem not in {"mathematics", "house", "glossary", "CONTRIBUTING"}


def test_the_way_to_the_first_region_is_that_of_the_code():
    title = "## From the command line to the first region\n"
    way = named(text_of("house").partition(title)[2].partition("\n## ")[0])
    assert len(way) > 30
    above = ""
    for name in way:
        function = name.rpartition(".")[2]
        assert not above or re.search(rf"\b{function}\b", above), f"{name} is not called above"
        above += source_of(name)


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("`walk/steps.py`", True),
        ("`walk.steps.drive`", True),
        ("`polyregions.walk.steps.drive(problem, found)`", True),
        ("`WalkState.prefixes`", True),
        ("`walk.walk_state.WalkState.prefixes`", True),
        ("`regions.edges`", True),
        ("`pattern.pack`", True),
        ("`walk/drives.py`", False),
        ("`walk.steps.drives`", False),
        ("`WalkState.edge`", False),
        ("`regions.edge`", False),
        ("`walk.walk_state.WalkState.edge`", False),
    ],
)
def test_names_that_are_missing_are_seen(text, there):
    assert [exists(name) for name in named(text)] == [there]
