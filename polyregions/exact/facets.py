"""Which rows carry a facet, and on which side of a row a polytope is, in exact integers.

Never wrong, never undecided. `side_of` is the twin of `tree.cell_splitting`.

Rows are lists of m + 1 integers or rationals (normal..., offset), as
:func:`polyregions.network.exact_network.exact_rows` returns them. Their normals must
span R^m positively, which rows of a box among them guarantee. What floats leave open comes
here: docs/mathematics.md, part 7.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Point
from polyregions.exact.simplex import (
    Column,
    Row,
    Simplex,
    column_of,
    evaluate,
    lowest_terms,
    shortened_column,
    vertex_near,
)

__all__ = [
    "ExactFacets",
    "FacetVerdicts",
    "Verdict",
    "exact_facets",
    "interior_point",
    "side_of",
    "sign_or_beyond",
    "strict_point",
    "verdicts_of_groups",
]


class Verdict(enum.IntEnum):
    """What is known of one row of a polytope.

    ``FACET``: the row's hyperplane meets the polytope in dimension n - 1; rows with
    the same hyperplane all carry the facet. ``REDUNDANT``: it does not; rows of zeros,
    constant rows and rows that merely touch are redundant. ``UNDECIDED``: the
    answerer's arithmetic cannot tell.
    """

    REDUNDANT = 0
    FACET = 1
    UNDECIDED = 2


@dataclass(frozen=True, eq=False)
class FacetVerdicts:
    """One verdict per row, and the rows of every facet.

    Attributes
    ----------
    verdicts : numpy.ndarray of int8, shape (m,)
        Members of :class:`Verdict`.
    groups : tuple of tuple of int
        One sorted tuple per facet, singletons included: the rows whose hyperplane
        carries it. Sorted by first row.
    """

    verdicts: NDArray[np.int8]
    groups: tuple[tuple[int, ...], ...]


def verdicts_of_groups(n_rows: int, groups: Iterable[Iterable[int]]) -> FacetVerdicts:
    """Return the decided answer whose facets are carried by `groups`.

    Examples
    --------
    >>> verdicts_of_groups(4, [(3,), (0, 2)])
    FacetVerdicts(verdicts=array([1, 0, 1, 1], dtype=int8), groups=((0, 2), (3,)))
    """
    ordered = tuple(sorted(tuple(sorted(group)) for group in groups))
    verdicts = np.full(n_rows, Verdict.REDUNDANT, dtype=np.int8)
    for group in ordered:
        verdicts[list(group)] = Verdict.FACET
    return FacetVerdicts(verdicts, ordered)


def side_of(rows: Sequence[Row], row: Row, inside: Column) -> int | Column:
    """Tell on which side of an open polytope a row is.

    Parameters
    ----------
    rows : sequence of Row
        The polytope's rows; rows of zeros are ignored.
    row : Row
    inside : Column
        A point where every row of the polytope is positive.

    Returns
    -------
    int or Column
        1 or -1, the row's sign everywhere inside; 0 if the row is zero; a point of the
        open polytope on the other side of `inside` if the row cuts it. If the row
        vanishes at `inside`, that is a point where it is negative.

    Examples
    --------
    >>> interval = [[1, 0], [-1, 4]]
    >>> side_of(interval, [1, 0], [1, 1]), side_of(interval, [-1, -1], [1, 1])
    (1, -1)
    >>> x, scale = side_of(interval, [1, -2], [1, 1])
    >>> bool(2 * scale < x < 4 * scale)
    True
    """
    answer = sign_or_beyond(rows, row, inside)
    if isinstance(answer, int):
        return answer
    target = [-entry for entry in row] if evaluate(row, inside) < 0 else row
    return _point_between([row for row in rows if any(row[:-1])], target, inside, answer)


def sign_or_beyond(rows: Sequence[Row], row: Row, inside: Column) -> int | Column:
    """Tell the same; of a row that cuts, a point beyond it that may be on the boundary.

    Examples
    --------
    >>> sign_or_beyond([[1, 0], [-1, 4]], [1, -2], [1, 1])
    [4, 1]
    """
    if not any(row):
        return 0
    sign = -1 if evaluate(row, inside) < 0 else 1
    if not any(row[:-1]):
        return sign
    # turned so that it is not negative at `inside`: does anything violate it?
    number, target = len(rows), [sign * entry for entry in row]
    polytope = {i: row for i, row in enumerate(rows) if any(row[:-1])}
    over = Simplex({**polytope, number: target}, inside).violation(number)
    # never negative on the closed polytope, so positive inside: it is not constant
    return sign if over is None else over


def _point_between(rows: Sequence[Row], target: Row, inside: Column, outside: Column) -> Column:
    """Return a point between two columns, inside all rows, where the target is negative."""
    above, below = abs(evaluate(target, inside)), abs(evaluate(target, outside))
    # `inside` is at 1, the crossing at below * s_in / (...): half-way from `outside` to it
    near, far = above * outside[-1], below * inside[-1]
    share = Fraction(int(far), int(2 * (near + far)))
    # `outside` may be on the boundary, so a share of `inside` is needed; one of few bits if it will
    for bits in (8, 24, 64):
        top = int(share * 2**bits)
        if top > 0:
            point = _mixed(inside, outside, Fraction(top, 2**bits))
            if evaluate(target, point) < 0:
                return shortened_column([*rows, [-entry for entry in target]], point)
    return _mixed(inside, outside, share)


def _mixed(inside: Column, outside: Column, share: Fraction) -> Column:
    """Return ``share * inside + (1 - share) * outside`` as points."""
    a = share.numerator * outside[-1]
    b = (share.denominator - share.numerator) * inside[-1]
    return [a * x + b * y for x, y in zip(inside, outside, strict=True)]


@dataclass(frozen=True)
class ExactFacets:
    """The facets of a polytope of full dimension.

    Attributes
    ----------
    interior : tuple of Fraction
        A point where every row that is not zero is positive.
    groups : tuple of tuple of int
        One sorted tuple per facet: the rows whose hyperplane carries it.
    points : tuple of tuple of Fraction
        One point per facet, in its relative interior: every non-zero row outside the
        group is positive there.
    supports : mapping of int to tuple of int
        For every row with a hyperplane that carries no facet, the rows of a basis of which
        it is a non-negative combination plus a non-negative constant.
    """

    interior: Point
    groups: tuple[tuple[int, ...], ...]
    points: tuple[Point, ...]
    supports: Mapping[int, tuple[int, ...]]


def interior_point(rows: Sequence[Sequence[Any]]) -> Point | None:
    """Return a point where every non-zero row is positive, or None if there is none.

    Parameters
    ----------
    rows : sequence of sequences of fmpz, fmpq, Fraction or int
        Rows of zeros are ignored.

    Returns
    -------
    tuple of Fraction or None
        The origin if it will do, else dyadic with few bits when the set is thick enough.
        None is a proof that the open polytope is empty.

    Raises
    ------
    ValueError
        If neither the origin will do nor any row is tilted.

    Notes
    -----
    *Algorithm.* In the space of (x, t), the row t <= 0 is tested for redundancy among
    ``row(x) >= weight * t``: the open polytope is not empty iff it can be violated.

    Examples
    --------
    >>> interior_point([[1, 0], [-1, 1]])
    (Fraction(1, 2),)
    >>> interior_point([[1, 0], [-1, 0], [1, 5], [-1, 5]]) is None
    True
    """
    if all(row[-1] > 0 or not any(row) for row in rows):
        return (Fraction(0),) * (len(rows[0]) - 1)
    primitive = _grouped(rows)
    column = None if primitive is None else _interior(primitive)
    return None if column is None else _point_of_column(column)


def exact_facets(
    rows: Sequence[Sequence[Any]], hint: Sequence[Fraction] | None = None
) -> ExactFacets | None:
    """Return the facets of a polytope, or None if its interior is empty.

    Parameters
    ----------
    rows : sequence of sequences of fmpz, fmpq, Fraction or int
    hint : sequence of Fraction, optional
        Used as interior point if it is one, which saves the search for it.

    Raises
    ------
    ValueError
        If the rows do not bound a polytope.

    Notes
    -----
    *Algorithm.* Rows with one hyperplane are represented by one row. From vertex to
    vertex: a row whose dictionary has no negative entry is a non-negative combination
    of others and is dropped; a row that can be violated while all others hold carries
    a facet, and the segment from the interior point to that violation meets it in its
    relative interior. Then a step towards the next undecided row.

    Examples
    --------
    >>> exact_facets([[1, 0, 0], [0, 1, 0], [-1, -1, 1], [2, 0, 0], [1, 1, 0]]).groups
    ((0, 3), (1,), (2,))
    """
    primitive = _grouped(rows)
    if primitive is None:
        return None
    groups = {group[0]: group for group in primitive.values()}
    distinct: dict[int, Row] = {group[0]: row for row, group in primitive.items()}
    inside = _hinted(distinct, hint) if hint is not None else None
    if inside is None:
        inside = _interior(primitive)
    if inside is None:
        return None
    found, supports = _violations(distinct, inside)
    points = {i: _crossing_point(distinct[i], inside, column) for i, column in found.items()}
    order = sorted(points)
    return ExactFacets(
        _point_of_column(inside),
        tuple(groups[i] for i in order),
        tuple(_point_of_column(points[i]) for i in order),
        {i: basis for lead, basis in supports.items() for i in groups[lead]},
    )


def _violations(
    rows: Mapping[int, Row], inside: Column
) -> tuple[dict[int, Column], dict[int, tuple[int, ...]]]:
    """Return a point beyond each row that carries a facet, and a basis for every other.

    Notes
    -----
    **Invariant.** Before each step every row is unknown, or found: some point violates it
    alone; or has a support, and is implied by the rows that are left. Rows with a support have
    left the polytope, which stays the same without them.
    """
    simplex = vertex_near(rows, inside)
    found: dict[int, Column] = {}
    supports: dict[int, tuple[int, ...]] = {}
    unknown = set(rows)
    _classify(simplex, unknown, found, supports)
    while unknown:
        target = min(unknown)
        for over in simplex.lower(target):
            if over is not None:
                found[target] = over
                unknown.discard(target)
            # every vertex on the way tells about other rows
            _classify(simplex, unknown, found, supports)
            if target not in unknown:
                break
        else:
            # it is least here, and not negative: implied by the basis
            supports[target] = tuple(simplex.basis)
            unknown.discard(target)
            simplex.keep([i for i in simplex.at if i != target])
            _classify(simplex, unknown, found, supports)
    return found, supports


def _classify(
    simplex: Simplex,
    unknown: set[int],
    found: dict[int, Column],
    supports: dict[int, tuple[int, ...]],
) -> None:
    """Decide what the present dictionary shows without a further step."""
    basis = set(simplex.basis)
    # a row that no slack lets fall is least at this vertex, where it is not negative
    redundant = {i for i in unknown - basis if simplex.never_falls(i)}
    for slot, row in enumerate(simplex.basis):
        if row in unknown:
            over = simplex.beyond(slot)
            if over is not None:
                found[row] = over
                unknown.discard(row)
        block = simplex.blocking(slot, 1, -1) if unknown - redundant else None
        if block is not None and block[0] in unknown:
            over = simplex.behind(slot, block)
            if over is not None:
                found[block[0]] = over
                unknown.discard(block[0])
    if redundant:
        supports.update(dict.fromkeys(redundant, tuple(simplex.basis)))
        unknown -= redundant
        simplex.keep([i for i in simplex.at if i not in redundant])


def _grouped(rows: Sequence[Sequence[Any]]) -> dict[tuple[flint.fmpz, ...], tuple[int, ...]] | None:
    """Return primitive rows with the rows they stand for; None if one is never positive.

    Rows that are zero or a positive constant are left out.
    """
    groups: dict[tuple[flint.fmpz, ...], list[int]] = {}
    for index, row in enumerate(rows):
        integers = _primitive(row)
        if any(integers[:-1]):
            groups.setdefault(integers, []).append(index)
        # a constant: a negative one makes the polytope empty, others say nothing
        elif integers[-1] < 0:
            return None
    return {row: tuple(group) for row, group in groups.items()}


def _primitive(row: Sequence[Any]) -> tuple[flint.fmpz, ...]:
    if not all(isinstance(entry, flint.fmpz) for entry in row):
        fractions = [(int(entry.numerator), int(entry.denominator)) for entry in row]
        common = lcm(*(bottom for _, bottom in fractions))
        row = [flint.fmpz(top * (common // bottom)) for top, bottom in fractions]
    return tuple(lowest_terms(row))


def _interior(primitive: Mapping[tuple[flint.fmpz, ...], tuple[int, ...]]) -> Column | None:
    """Return a column where every row is positive, short if it can be."""
    rows = dict(enumerate(primitive))
    column = strict_point(rows)
    return None if isinstance(column, bool) else shortened_column(rows.values(), column)


def strict_point(rows: Mapping[int, Row]) -> Column | bool:
    """Return a column where every row is positive, else whether a point satisfies all rows.

    Parameters
    ----------
    rows : mapping of int to Row
        None is constant; numbered from 0 without a gap.

    Raises
    ------
    ValueError
        If the rows do not bound a polytope; it is not raised whenever they do not.

    Examples
    --------
    >>> integers = [list(map(flint.fmpz, row)) for row in ([1, 0], [-1, 0], [-1, -1])]
    >>> strict_point(dict(enumerate(integers[:2]))), strict_point(dict(enumerate(integers)))
    (True, False)
    """
    lifted: dict[int, Row] = {}
    height: flint.fmpz | None = None
    for i, row in rows.items():
        # row(x) - weight t >= 0: a positive t is about a distance from all hyperplanes
        weight = max(map(abs, row[:-1]))
        lifted[i] = (*row[:-1], -weight, row[-1])
        # at x = 0 all these hold for t low enough: a point to start from
        level = row[-1] // weight
        height = level if height is None or level < height else height
    if height is None:
        raise ValueError("the rows do not bound a polytope; add the rows of a box")
    dimension = len(rows[0]) - 1
    zeros = [flint.fmpz(0)] * dimension
    # -t >= 0 is what is to be violated
    target = len(rows)
    lifted[target] = (*zeros, flint.fmpz(-1), flint.fmpz(0))
    simplex = Simplex(lifted, [*zeros, height, flint.fmpz(1)])
    over = simplex.violation(target)
    if over is None:
        # the row is at its least value: zero if all rows are satisfied somewhere
        return bool(simplex.row(target)[-1] == 0)
    *x, _, scale = over
    return [*x, scale]


def _hinted(rows: Mapping[int, Row], hint: Sequence[Fraction]) -> Column | None:
    column = column_of(hint)
    return column if all(evaluate(row, column) > 0 for row in rows.values()) else None


def _crossing_point(row: Row, inside: Column, outside: Column) -> Column:
    """Return the point of the segment from `inside` to `outside` where `row` vanishes."""
    # above > 0 > below, so both weights are positive, and so is the sum's scale
    above, below = evaluate(row, inside), evaluate(row, outside)
    return [above * far - below * near for near, far in zip(inside, outside, strict=True)]


def _point_of_column(column: Column) -> Point:
    scale = int(column[-1])
    return tuple(Fraction(int(entry), scale) for entry in column[:-1])
