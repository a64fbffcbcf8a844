"""A window of a browser, and pages opened in it."""

import pytest
from webdriver import Browser, find_chromium

import polyregions as pr
from polyregions import examples
from polyregions.viewer import write_page


@pytest.fixture(scope="session")
def regions():
    return pr.enumerate_regions(pr.load(examples.path("digits2")), pr.Box.cube(2, 1.0))


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    programs = find_chromium()
    if programs is None:
        pytest.skip("no chromium with chromedriver is installed; the page is not looked at")
    with Browser(programs, tmp_path_factory.mktemp("profile")) as window:
        yield window


@pytest.fixture
def opened(browser, tmp_path):
    def opened(regions, **options):
        path = tmp_path / "page.html"
        write_page(regions, path, **options)
        browser.open(path.as_uri())
        assert browser.console() == []
        return browser

    return opened
