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


@pytest.mark.parametrize("page", ["mathematics", "house", "howto/export", "pictures", "api"])
def test_modules_that_pages_name_exist(page):
    import polyregions

    root = Path(polyregions.__file__).parent
    # "regions" and "cells" are also what pages call their variables
    rooms = {path.parent.name for path in root.glob("*/__init__.py")} - {"regions", "cells"}
    names = re.findall(
        rf"`(?:polyregions[./])?((?:{'|'.join(rooms)})[./][a-z_0-9]+)(?:\.py)?`", text_of(page)
    )
    for name in names:
        path = root / name.replace(".", "/")
        assert path.with_suffix(".py").exists() or path.is_dir(), name
    assert names or page not in {"mathematics", "house"}
