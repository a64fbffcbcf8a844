"""The words of docs/glossary.md are those of the code."""

import inspect
import re

import pytest
from pages import ROOT, exists, named, source_of

import polyregions as pr

PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")


def entries(page):
    """Return (word, meaning, symbol, places) of each row of the table."""
    rows = re.findall(r"^\| ([^|]+?) \| ([^|]+?) \| ([^|]*?) ?\| ([^|]+?) \|$", page, re.MULTILINE)
    return [(word, meaning, symbol, named(where)) for word, meaning, symbol, where in rows[1:]]


ENTRIES = entries(PAGE)


def test_every_line_of_the_table_is_an_entry():
    assert len(ENTRIES) == PAGE.count("\n| ") - 1
    assert 30 <= len(ENTRIES) <= 50


def test_a_word_has_one_entry_in_its_place():
    words = [word.lower() for word, *_ in ENTRIES]
    assert words == sorted(set(words))


@pytest.mark.parametrize(("word", "places"), [(entry[0], entry[3]) for entry in ENTRIES])
def test_the_word_lives_where_the_page_says(word, places):
    assert places
    assert [place for place in places if not exists(place)] == []
    text = " ".join([word for place in places for word in (place, source_of(place))]).lower()
    for part in word.split():
        stem = re.sub(r"(acy|ion|ing|us|s)$", "", part.lower())
        assert stem in text, f"none of {places} speaks of {part}"


def test_a_symbol_is_that_of_the_mathematics():
    mathematics = (ROOT / "docs" / "mathematics.md").read_text(encoding="utf-8")
    inside = " ".join(re.findall(r"\$\$?([^$]+)\$\$?", mathematics))
    symbols = [one for entry in ENTRIES for one in re.findall(r"\$([^$]+)\$", entry[2])]
    assert len(symbols) > 10
    assert [one for one in symbols if one not in inside] == []


def test_every_value_of_the_package_is_explained():
    values = {
        name
        for name in pr.__all__
        if inspect.isclass(getattr(pr, name)) and not issubclass(getattr(pr, name), Exception)
    }
    assert values <= set(re.findall(r"\w+", " ".join(re.findall(r"`[^`]+`", PAGE))))


def test_words_that_others_replaced_are_on_no_page():
    pages = [*(ROOT / "docs").glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
    texts = {page.name: page.read_text(encoding="utf-8") for page in pages}
    gone = ["bent unit", "fence", "corner_sides", "equal_units", "constant_rows", "answerer"]
    found = [
        (name, word)
        for name, text in texts.items()
        for word in gone
        if re.search(rf"\b{word}\b", text)
    ]
    assert found == []
