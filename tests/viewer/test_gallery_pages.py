"""The pages that the scripts of the gallery write open in a browser."""

import runpy
from pathlib import Path

import pytest

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"


@pytest.mark.parametrize("page", sorted(GALLERY.glob("*.html")), ids=lambda path: path.stem)
def test_a_page_opens_without_complaint(browser, page, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="the gallery draws")
    pytest.importorskip("sklearn", reason="the scripts train with scikit-learn")
    monkeypatch.chdir(tmp_path)
    with pytest.warns(UserWarning, match="the last activation"):  # of a classifier
        runpy.run_path(str(page.with_suffix(".py")), run_name="__main__")
    browser.open((tmp_path / page.name).as_uri())
    assert browser.console() == []
    assert browser.text("h1")
    assert "regions" in browser.text("body")
