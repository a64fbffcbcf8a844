"""The function as one file of C99, exact: the tree of units, and a map for each region.

The numbers of rows and maps are rational, and no double holds them: the file has them as integers.
A sum of integers times doubles is exact in an integer that is long enough, so a sign is that of
the exact sum, and an output is the exact value rounded once. ``template.c`` says more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions import __version__
from polyregions.analysis.adjacency import require_complete
from polyregions.domain import Domain
from polyregions.errors import FormatError
from polyregions.pattern import unpack
from polyregions.pwa.c_tables import LOWEST, CTables, c_tables
from polyregions.regions import Regions
from polyregions.regions.unit_tree import UnitTree, unit_tree
from polyregions.run.progress import AfterStep

__all__ = ["MOST_TABLE_BYTES", "c_file", "worst_case"]

MOST_TABLE_BYTES = 2**26

_TEMPLATE = Path(__file__).resolve().parent / "template.c"
_LONGEST_C_NAME = 40


def c_file(
    regions: Regions, name: str, max_bytes: int = MOST_TABLE_BYTES, report: AfterStep = None
) -> Iterator[bytes]:
    """Yield the file, piece by piece.

    Parameters
    ----------
    regions : Regions
        Complete, in a bounded domain.
    name : str
        What the names of its functions begin with, as far as C allows it.
    max_bytes : int
        How large its tables may be.
    report : callable, optional
        Told how many regions are done, of how many.

    Raises
    ------
    PartialResultError
        If the result is partial.
    FormatError
        If the tables are larger than `max_bytes`.
    """
    require_complete(regions, "C files")
    domain, network = regions.domain, regions.network
    assert domain is not None
    # before the work: a number of a map takes at least one word
    numbers = len(regions) * network.output_dimension * (len(domain.free) + 1)
    _check_size(regions, 4 * numbers, max_bytes)
    tree = unit_tree(unpack(regions.patterns, network.hidden_units))
    tables = c_tables(regions, tree, report)
    _check_size(regions, tables.bytes, max_bytes)
    words = _template_words(regions, domain, tree, tables) | {"NAME": _identifier(name)}
    head, _, tail = _TEMPLATE.read_text(encoding="ascii").partition("@TABLES@\n")
    yield _filled(head, words)
    for line in _c_table_lines(domain, tables):
        yield line.encode("ascii")
    yield _filled(tail, words)


def _check_size(regions: Regions, size: int, most: int) -> None:
    if size > most:
        raise FormatError(
            f"the tables of {len(regions):,} regions take {size:,} bytes or more in C, above the "
            f"limit of {most:,}; take a smaller domain, or allow more with max_bytes (--max-bytes)"
        )


def _identifier(name: str) -> str:
    """Return a word that names in C may begin with."""
    word = re.sub(r"\W", "_", name, flags=re.ASCII)[:_LONGEST_C_NAME]
    return word if word[:1].isalpha() else f"pwa_{word}"


def worst_case(tree: UnitTree, tables: CTables) -> dict[str, int]:
    """Return the most operations of one call, by their names in the template.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    >>> tree = unit_tree(regions.bits)
    >>> worst = worst_case(tree, c_tables(regions, tree))
    >>> worst["SIGNS"], worst["MULTIPLICATIONS"], worst["DIGIT_PRODUCTS"]
    (2, 4, 18)
    """
    _, outputs, terms, map_words = tables.maps.shape
    signs = tables.walls + tree.depth
    # an input's mantissa, shifted, has three words
    sign_products = signs * terms * 3 * tables.rows.shape[-1]
    output_products = outputs * terms * 3 * map_words
    # three passes for each product; for each sum to clear two integers and to compare them; for
    # an output to subtract them, to find the highest bit, and to look at those rounded away
    passes = (signs + outputs) * (3 * terms + 3) + outputs * 3
    return {
        "SIGNS": signs,
        "DEPTH": tree.depth,
        "MULTIPLICATIONS": signs * terms,
        "ADDITIONS": signs * (2 * terms - 1),
        "DIGIT_PRODUCTS": sign_products + output_products,
        "SIGN_PRODUCTS": sign_products,
        "OUTPUT_PRODUCTS": output_products,
        "LIBRARY_CALLS": (signs + outputs) * terms,
        "WORD_STEPS": passes * tables.sum_words,
        "STACK": 8 * tables.sum_words,
    }


def _template_words(
    regions: Regions, domain: Domain, tree: UnitTree, tables: CTables
) -> dict[str, object]:
    """Return what stands in the template for its words, but for the name."""
    d = len(domain.free)
    walls = f" and {tables.walls} walls of the domain" if tables.walls else ""
    # Relative: each of the d + 1 terms has at most d + 3 roundings of 2^-53, in it and in its
    # size. Absolute: what is below the least normal number in a rounded row, times an input, and
    # in each operation.
    slack = (2 * d + 16) * 2.0**-53
    tiny = (4 * d + 16) * 2.0 ** (tables.reach - 1022)
    return {
        **worst_case(tree, tables),
        "REGIONS": len(regions),
        "LAST": len(regions) - 1,
        "NETWORK": re.sub(r"[^\w .,+-]", "_", regions.network.name, flags=re.ASCII)[:80],
        "VERSION": __version__,
        "INPUTS": domain.dimension,
        "FREE": d,
        "OUTPUTS": regions.network.output_dimension,
        "DOMAIN": "LOWER <= x <= UPPER" + (" and the rows of its walls" if tables.walls else ""),
        "WALLS": tables.walls,
        "WALL_TEXT": walls,
        "BYTES": tables.bytes,
        "ROOT": tree.root,
        "ROW_WORDS": tables.rows.shape[-1],
        "MAP_WORDS": tables.maps.shape[-1],
        "WORDS": tables.sum_words,
        "LOWEST": LOWEST,
        "EXPONENT": tables.exponent,
        "SLACK": slack.hex(),
        "TINY": tiny.hex(),
    }


def _filled(text: str, words: Mapping[str, object]) -> bytes:
    return re.sub(r"@(\w+)@", lambda mark: str(words[mark[1]]), text).encode("ascii")


def _c_table_lines(domain: Domain, tables: CTables) -> Iterator[str]:
    """Yield the tables in C."""
    yield from _c_array("double LOWER[INPUTS]", domain.box.lower, float.hex)
    yield from _c_array("double UPPER[INPUTS]", domain.box.upper, float.hex)
    yield from _c_array("int FREE_INPUT[FREE]", domain.free, str)
    yield "/* Rows, normal and offset, of walls and units: each times a power of two, rounded. */\n"
    yield from _c_array("double ROUNDED[][FREE + 1]", tables.rounded, float.hex)
    yield "/* The same as integers. */\n"
    yield from _c_array("uint32_t ROW[][FREE + 1][ROW_WORDS]", tables.rows, _word)
    yield "/* Nodes: a row, and where to go where it is not positive, and where it is: to a node,\n"
    yield " * or to region r, written as -1 - r. */\n"
    yield from _c_array("int32_t NODE[][3]", tables.nodes, str)
    yield "/* Maps: for each region and output the matrix's row and the shift. */\n"
    yield from _c_array("uint32_t MAP[][OUTPUTS][FREE + 1][MAP_WORDS]", tables.maps, _word)


def _word(value: int) -> str:
    return f"{value:#x}u"


def _c_array(name: str, values: NDArray[Any], literal: Callable[[Any], str]) -> Iterator[str]:
    yield f"static const {name} = {{\n"
    if not len(values):  # C has no empty array
        values = np.zeros((1, *values.shape[1:]), dtype=values.dtype)
    for index, value in enumerate(values.tolist()):
        text = _braced(value, literal) if isinstance(value, list) else literal(value)
        yield f"/* {index} */ {text},\n"
    yield "};\n"


def _braced(values: list[Any], literal: Callable[[Any], str]) -> str:
    if not isinstance(values[0], list):
        return f"{{{', '.join(map(literal, values))}}}"
    parts = [_braced(value, literal) for value in values]
    deep = isinstance(values[0][0], list)
    return f"{{{(',' + chr(10) if deep else ', ').join(parts)}}}"
