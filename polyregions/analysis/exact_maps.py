"""Exact affine maps and exact linear programs over single regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import flint
import numpy as np

from polyregions.domain import Domain
from polyregions.domain.chart import Chart, chart_of
from polyregions.exact.simplex import Column, Row, vertex_near
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.pattern import Words, check_pattern, unpack

__all__ = ["ExactMaps", "exact_affine_map", "exact_maps", "largest_value"]


@dataclass(frozen=True, eq=False)
class ExactMaps:
    """A network on a chart as integers, with its outputs.

    Attributes
    ----------
    exact : ExactNetwork
        The outputs stand behind the hidden units, as if they were units themselves.
    hidden_units : int
    outputs : int
    scale : int
        In a box, output k at chart point u is ``row_k @ (u, 1) / scale``.
    """

    exact: ExactNetwork
    hidden_units: int
    outputs: int
    scale: int

    @property
    def chart(self) -> Chart:
        """The chart of the domain."""
        return self.exact.chart

    def rows(self, words: Words) -> tuple[list[Row], list[Row], list[Row]]:
        """Return the rows of a region's units, of the outputs, and of the domain."""
        words = check_pattern(words, self.hidden_units)
        bits = np.append(unpack(words, self.hidden_units), np.ones(self.outputs, dtype=np.uint8))
        rows: list[Row] = list(exact_rows(self.exact, bits))
        first, second = self.hidden_units, self.hidden_units + self.outputs
        return rows[:first], rows[first:second], rows[second:]


def exact_maps(network: Network, domain: Domain | None) -> ExactMaps:
    """Return a network on the chart of a domain, outputs included."""
    chart = chart_of(domain, network.input_dimension)
    exact = exact_network(network, chart, depth=len(network.layers))
    *below, last = exact.layers
    outputs = len(last.bias)
    scale = int(chart.transform[chart.transform.nrows() - 1, chart.weight_column])
    for layer in below:
        scale *= layer.weight_scale * layer.slope_scale
    seen = replace(last, bends=(True,) * outputs)
    exact = ExactNetwork((*below, seen), chart, network.hidden_units + outputs)
    return ExactMaps(exact, network.hidden_units, outputs, scale * last.weight_scale)


def exact_affine_map(network: Network, words: Words) -> list[tuple[Fraction, ...]]:
    """Return the exact affine map of a pattern: one row (gradient..., shift) per output.

    Examples
    --------
    >>> net = Network.from_arrays([([[1.0]], [0.5]), ([[0.25]], [1.0])])
    >>> [tuple(map(str, row)) for row in exact_affine_map(net, net.pattern([1.0]))]
    [('1/4', '9/8')]
    """
    maps = exact_maps(network, None)
    _, rows, _ = maps.rows(words)
    return [tuple(Fraction(int(entry), maps.scale) for entry in row[:-1]) for row in rows]


def largest_value(
    objective: Row, rows: Sequence[Row], start: Sequence[Fraction]
) -> tuple[Fraction, tuple[Fraction, ...]]:
    """Maximise an affine function over a polytope inside [-1, 1]^m, exactly.

    Parameters
    ----------
    objective : row of m + 1 integers
    rows : sequence of rows of m + 1 integers
        They bound the polytope.
    start : sequence of m Fractions
        A point of the polytope.

    Returns
    -------
    value : Fraction
    point : tuple of Fraction
        A vertex that attains it.

    Examples
    --------
    >>> square = [[1, 0, 1], [-1, 0, 1], [0, 1, 1], [0, -1, 1]]
    >>> value, point = largest_value([2, 3, 1], square, [Fraction(0), Fraction(0)])
    >>> value == 6 and point == (1, 1)
    True
    """
    scale = int(np.lcm.reduce([value.denominator for value in start], dtype=object))
    column: Column = [flint.fmpz(int(value * scale)) for value in start] + [flint.fmpz(scale)]
    kept: dict[int, Row] = {
        i: [flint.fmpz(entry) for entry in row] for i, row in enumerate(rows) if any(row[:-1])
    }
    simplex = vertex_near(kept, column)
    if any(objective[:-1]):
        target = len(rows)
        # never negative, so that the descent ends at its minimum, not below zero
        ceiling = sum(abs(int(entry)) for entry in objective) + 1
        lowered = [-flint.fmpz(entry) for entry in objective]
        lowered[-1] += ceiling
        basis_point = [row[-1] for row in simplex.frame]
        simplex = vertex_near({**kept, target: lowered}, basis_point, free=target)
        over = simplex.violation(target)
        assert over is None
        column = [row[-1] for row in simplex.frame]
    bottom = int(column[-1])
    point = tuple(Fraction(int(entry), bottom) for entry in column[:-1])
    terms = zip(objective, (*point, Fraction(1)), strict=True)
    return sum((int(a) * x for a, x in terms), Fraction(0)), point
