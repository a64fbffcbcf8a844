"""The pages of docs/ show code that runs and claims that hold."""

import doctest
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[1] / "docs"
SESSIONS = ["quickstart", "what-is-a-region"]
PAGES = sorted(path.stem for path in (DOCS / "howto").glob("*.md"))
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


def test_the_reference_names_what_is_public():
    import polyregions as pr

    assert set(pr.__all__) <= set(text_of("api").split())


def is_of_a_result(name):
    """Whether a name such as regions.edges is that of a result, not of a module of the room."""
    import polyregions as pr

    room, _, rest = name.partition(".")
    return room == "regions" and rest in {*dir(pr.Regions), *pr.Regions.__dataclass_fields__}


@pytest.mark.parametrize("page", ["mathematics", "house", "howto/export", "pictures", "api"])
def test_modules_that_pages_name_exist(page):
    import polyregions

    root = Path(polyregions.__file__).parent
    rooms = "|".join(path.parent.name for path in root.glob("*/__init__.py"))
    names = re.findall(
        rf"`(?:polyregions[./])?((?:{rooms})[./][a-z_0-9]+)(?:\.py)?`", text_of(page)
    )
    names = [name for name in names if not is_of_a_result(name)]
    for name in names:
        path = root / name.replace(".", "/")
        assert path.with_suffix(".py").exists() or path.is_dir(), name
    assert names or page not in {"mathematics", "house"}
