"""The function as a file, for all formats by one verb; one of them is C99, exact.

The numbers of rows and maps are rational, and no double holds them: the C file has them as
integers. A sum of integers times doubles is exact in an integer that is long enough, so a sign is
that of the exact sum, and an output is the exact value rounded once. ``template.c`` says more.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import frexp, gcd
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions import __version__
from polyregions.analysis.adjacency import require_complete
from polyregions.arrays import Floats, Integers
from polyregions.domain import Domain, Polytope
from polyregions.errors import DomainError, FormatError, PolyregionsError
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import known_suffix
from polyregions.geometry.region_polytope import domain_halfspaces
from polyregions.pattern import unpack
from polyregions.pwa.pieces import json_file, maps_on_inputs, mat_file
from polyregions.regions import Regions, check_regions
from polyregions.regions.unit_tree import UnitTree, unit_tree
from polyregions.run.progress import AfterStep, OnSteps, counted, shown_steps

__all__ = [
    "EXPORT_SUFFIXES",
    "c_tables",
    "check_bounded",
    "export",
    "worst_case",
]

_MOST_TABLE_BYTES = 2**26

_TEMPLATE = Path(__file__).resolve().parent / "template.c"
_LONGEST_C_NAME = 40
EXPORT_SUFFIXES = (".json", ".mat", ".c")

# every float is an integer below 2^53 times 2^e with e >= LOWEST
LOWEST = -1126


def _c_file(regions: Regions, name: str, max_bytes: int, report: AfterStep) -> Iterator[bytes]:
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


@dataclass(frozen=True, eq=False)
class CTables:
    """What a C file looks up. An integer is its words of 32 bits, lowest first, highest bit a sign.

    Attributes
    ----------
    walls : int
        How many rows bound a polytope: the first ones, not negative in it.
    rows : numpy.ndarray of uint32, shape (k, d + 1, words)
        Affine functions (normal, offset) of the free inputs as integers: their signs count.
    rounded : numpy.ndarray of float64, shape (k, d + 1)
        The same, each row times a power of two, rounded: no entry is larger than 1.
    nodes : numpy.ndarray of int64, shape (R - 1, 3)
        For each node of the tree its row and its children.
    maps : numpy.ndarray of uint32, shape (R, outputs, d + 1, words)
        Each region's map (matrix, shift), times 2^-exponent.
    exponent : int
    reach : int
        No coordinate of the domain, and not the number 1, is as large as 2^reach.
    """

    walls: int
    rows: NDArray[np.uint32]
    rounded: Floats
    nodes: Integers
    maps: NDArray[np.uint32]
    exponent: int
    reach: int

    @property
    def bytes(self) -> int:
        """How many bytes they take in a program, where nodes are integers of 32 bits."""
        parts = (self.rows, self.rounded, self.maps)
        return 4 * self.nodes.size + sum(part.nbytes for part in parts)

    @property
    def sum_words(self) -> int:
        """How many words hold every sum of products with the rows and maps, and room to shift."""
        words = int(max(self.rows.shape[-1], self.maps.shape[-1]))
        # 3 for the shifted mantissa of an input and for carries, 3 that rounding may look at
        return (self.reach - 53 - LOWEST) // 32 + words + 6


def c_tables(regions: Regions, tree: UnitTree, report: AfterStep = None) -> CTables:
    """Return the tables of a complete result in a bounded domain, and of its tree of units.

    `report` is told how many regions are done, of how many.

    Examples
    --------
    >>> import polyregions as pr
    >>> from polyregions.regions.unit_tree import unit_tree
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(1, 1.0))
    >>> tables = c_tables(regions, unit_tree(regions.bits))
    >>> tables.rounded.tolist(), tables.nodes.tolist()
    ([[0.5, 0.0], [0.5, -0.25]], [[0, -1, 1], [1, -2, -3]])
    >>> tables.maps[2].ravel().tolist(), tables.exponent
    ([4, 2147483649], -1)
    """
    domain = regions.domain
    assert domain is not None
    maps = maps_on_inputs(regions)
    numbers: dict[tuple[int, ...], int] = {}
    for row in _walls(domain):
        numbers.setdefault(row, len(numbers))
    walls = len(numbers)
    node_of = dict(zip(tree.samples.tolist(), range(len(tree.samples)), strict=True))
    node_rows = np.empty(len(tree.units), dtype=np.int64)
    entries: list[int] = []
    for region, words in enumerate(counted(regions.patterns, len(regions), report)):
        rows, outputs, _ = maps.rows(words)
        entries += [int(entry) for row in outputs for entry in row]
        if region in node_of:
            node = node_of[region]
            # the unit is on in its sample, so the row has the unit's own sign
            row = _without_common_factor([int(entry) for entry in rows[tree.units[node]]])
            node_rows[node] = numbers.setdefault(row, len(numbers))
    common = gcd(*entries, maps.scale)  # a power of two, as the scale is
    terms = len(domain.free) + 1
    bounds = np.abs([domain.box.lower, domain.box.upper])
    return CTables(
        walls,
        _as_words([entry for row in numbers for entry in row], (len(numbers), terms)),
        np.array([_nearest_floats(row) for row in numbers]).reshape(-1, terms),
        np.column_stack([node_rows, tree.children]),
        _as_words([entry // common for entry in entries], (len(regions), maps.outputs, terms)),
        1 - (maps.scale // common).bit_length(),
        max(1, frexp(bounds.max())[1]),
    )


def _walls(domain: Domain) -> list[tuple[int, ...]]:
    """Return the rows that bound a polytope, which its box does not say."""
    if not isinstance(domain, Polytope):
        return []
    integers, _ = dyadic_matrix(domain_halfspaces(domain, domain.dimension))
    return [_without_common_factor([int(entry) for entry in row]) for row in integers.tolist()]


def _without_common_factor(row: Sequence[int]) -> tuple[int, ...]:
    """Divide a row by the largest integer that divides it."""
    divisor = gcd(*row)
    return tuple(entry // divisor for entry in row)


def _nearest_floats(row: Sequence[int]) -> list[float]:
    size = 1 << max(abs(entry) for entry in row).bit_length()
    return [entry / size for entry in row]


def _as_words(integers: Sequence[int], shape: tuple[int, ...]) -> NDArray[np.uint32]:
    """Return integers as words, shape (..., words)."""
    # a bit more than the largest needs, for the sign
    words = max((abs(entry).bit_length() for entry in integers), default=0) // 32 + 1
    sign = 1 << (32 * words - 1)
    data = b"".join(
        (abs(entry) | (sign if entry < 0 else 0)).to_bytes(4 * words, "little")
        for entry in integers
    )
    return np.frombuffer(data, dtype="<u4").reshape(*shape, words)


def export(
    regions: Regions,
    path: str | PathLike[str],
    *,
    max_bytes: int | None = None,
    progress: OnSteps = None,
) -> None:
    """Write the network as a piecewise-affine function, whole or not at all.

    Parameters
    ----------
    regions : Regions
    path : str or path-like
        ``.json``: every region as inequalities ``A x <= b``, the map ``F x + g`` on it, its
        vertices and neighbors. ``.mat``: the same as cell arrays, for MATLAB, MPT3 and GNU
        Octave. ``.c``: one file of C99 that evaluates the network, exactly.
    max_bytes : int, optional
        How large the tables of a C file may be in a program; by default 64 MiB.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions done and to be
        done.

    Raises
    ------
    FormatError
        If the name has another suffix, or a C file would be larger than `max_bytes`.
    DomainError
        If a C file is asked for on the whole space.
    PartialResultError
        If a C file is asked for of a result that does not hold all regions.
    NetworkError
        If a number of a map, or of a vertex, is too large for a float.
    PolyregionsError
        If `max_bytes` is no positive whole number, or `progress` neither bool nor callable.

    Notes
    -----
    Numbers in ``.json`` and ``.mat`` are those of the exact regions and maps, each rounded once.
    The C file rounds nothing but its answers: every output is the exact value of the network,
    rounded to the nearest float. All are in the free inputs;
    only the functions of the C file read the fixed ones, too.

    Examples
    --------
    >>> import json, tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> path = Path(tempfile.mkdtemp()) / "controller.json"
    >>> export(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), path)
    >>> region = json.loads(path.read_text())["regions"][2]
    >>> region["A"], region["b"], region["F"], region["g"], region["neighbors"]
    ([[-1.0], [1.0]], [-0.5, 1.0], [[2.0]], [-0.5], [1, -1])
    """
    check_regions(regions)
    suffix = known_suffix(path, EXPORT_SUFFIXES, "export")
    check_bounded(regions.domain, path)
    given: object = max_bytes  # of any type at run time
    if given is not None and not (isinstance(given, int | np.integer) and given >= 1):
        raise PolyregionsError(
            f"max_bytes must be a positive whole number of bytes, not {max_bytes!r}"
        )
    with shown_steps(progress, "regions", "written") as report, atomic_write(path) as stream:
        if suffix == ".c":
            most = _MOST_TABLE_BYTES if max_bytes is None else max_bytes
            parts = _c_file(regions, Path(path).stem, most, report)
        else:
            parts = (json_file if suffix == ".json" else mat_file)(regions, report)
        for part in parts:
            stream.write(part)


def check_bounded(domain: Domain | None, path: str | PathLike[str]) -> None:
    """Refuse a C file on the whole space.

    Raises
    ------
    DomainError
    """
    if domain is None and Path(path).suffix.lower() == ".c":
        raise DomainError(
            "a C file is for bounded domains, because it checks that its input lies in the "
            "domain; find the regions in a box or a polytope, or export the whole space as .json"
        )
