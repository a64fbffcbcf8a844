"""What is asked of a network: never to map an input of a box into an unsafe set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from polyregions.arrays import Floats, Point
from polyregions.errors import PolyregionsError
from polyregions.geometry.witness import nearest_float
from polyregions.network import Network

__all__ = [
    "Case",
    "Counterexample",
    "OutputInequality",
    "OutputSet",
    "Property",
    "check_outputs",
    "check_property",
]


@dataclass(frozen=True)
class OutputInequality:
    """The sum of coefficient * Y_i over `coefficients` is at most `bound`.

    Attributes
    ----------
    coefficients : tuple of (int, Fraction)
        By increasing output, at least one, none of them zero.
    bound : Fraction
    """

    coefficients: tuple[tuple[int, Fraction], ...]
    bound: Fraction

    def excess(self, outputs: Sequence[Fraction]) -> Fraction:
        """Return by how much outputs break the inequality; at most 0 where they satisfy it.

        Examples
        --------
        >>> OutputInequality(((0, Fraction(1)), (1, Fraction(-1))), Fraction(0)).excess([3, 1])
        Fraction(2, 1)
        """
        terms = (c * outputs[index] for index, c in self.coefficients)
        return sum(terms, Fraction(0)) - self.bound


# the outputs that satisfy all of some inequalities
OutputSet: TypeAlias = tuple[OutputInequality, ...]


@dataclass(frozen=True, eq=False)
class Case:
    """A closed box of inputs, and the unsafe sets that none of them may be mapped into.

    Attributes
    ----------
    lower, upper : numpy.ndarray of float64, shape (n,)
        A side may have no length.
    unsafe : tuple of OutputSet
    """

    lower: Floats
    upper: Floats
    unsafe: tuple[OutputSet, ...]


@dataclass(frozen=True, eq=False)
class Property:
    """A property holds if no input of any case is mapped into an unsafe set of that case.

    Attributes
    ----------
    cases : tuple of Case
        None at all if no input is described: then the property holds.
    inputs : int
    """

    cases: tuple[Case, ...]
    inputs: int


@dataclass(frozen=True)
class Counterexample:
    """An input that a property forbids, and what the network makes of it, exactly.

    Attributes
    ----------
    point : tuple of Fraction, length n
    outputs : tuple of Fraction
    """

    point: Point
    outputs: tuple[Fraction, ...]

    def __repr__(self) -> str:
        # fractions of hundreds of digits are nothing to look at
        point, outputs = (
            [nearest_float(x) for x in values] for values in (self.point, self.outputs)
        )
        return f"<Counterexample: {point}, with outputs {outputs}; exact in .point, .outputs>"


def check_property(property_: Property, network: Network) -> None:
    """Refuse a property that is not about the network.

    Raises
    ------
    PolyregionsError
        If it has another number of inputs, or names an output that there is not.
    """
    if property_.inputs != network.input_dimension:
        raise PolyregionsError(
            f"the property declares {property_.inputs} inputs, the network has "
            f"{network.input_dimension}; give the property of this network"
        )
    check_outputs([rows for case in property_.cases for rows in case.unsafe], network)


def check_outputs(sets: Sequence[OutputSet], network: Network) -> None:
    """Refuse sets of outputs that a network does not have.

    Raises
    ------
    PolyregionsError
    """
    named = {index for rows in sets for row in rows for index, _ in row.coefficients}
    if named and max(named) >= network.output_dimension:
        raise PolyregionsError(
            f"the property names the output Y_{max(named)}, but the network has "
            f"{network.output_dimension} outputs, Y_0 to Y_{network.output_dimension - 1}"
        )
