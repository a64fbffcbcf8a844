"""The pages of the gallery open in a browser."""

from pathlib import Path

import pytest

GALLERY = Path(__file__).resolve().parents[2] / "docs" / "gallery"


@pytest.mark.parametrize("path", sorted(GALLERY.glob("*.html")), ids=lambda path: path.stem)
def test_a_page_opens_without_complaint(browser, path):
    browser.open(path.as_uri())
    assert browser.console() == []
    assert browser.text("h1")
    assert "regions" in browser.text("body")
