"""What is asked of a network: never to map an input of a box into an unsafe set.

An unsafe set is a polyhedron of outputs, or of outputs and inputs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import gcd, lcm
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
    "Terms",
    "check_outputs",
    "check_property",
    "whole_factor",
]


# variables by their numbers, and what they are multiplied with
Terms: TypeAlias = tuple[tuple[int, Fraction], ...]


@dataclass(frozen=True)
class OutputInequality:
    """A sum of outputs, and perhaps of inputs, is at most `bound`, or below it if `strict`.

    Attributes
    ----------
    coefficients : tuple of (int, Fraction)
        Outputs and what they are multiplied with: by increasing output, none of them zero.
    bound : Fraction
    strict : bool
    inputs : tuple of (int, Fraction)
        Likewise of inputs. At least one coefficient stands here or there.
    """

    coefficients: Terms
    bound: Fraction
    strict: bool = False
    inputs: Terms = ()

    def excess(self, outputs: Sequence[Fraction], point: Sequence[Fraction] = ()) -> Fraction:
        """Return by how much the sum is more than the bound.

        Examples
        --------
        >>> OutputInequality(((0, Fraction(1)), (1, Fraction(-1))), Fraction(0)).excess([3, 1])
        Fraction(2, 1)
        """
        total = sum((c * outputs[index] for index, c in self.coefficients), Fraction(0))
        return sum((c * point[index] for index, c in self.inputs), total) - self.bound

    def holds(self, outputs: Sequence[Fraction], point: Sequence[Fraction] = ()) -> bool:
        """Return whether outputs, and the input that has them, satisfy the inequality.

        Examples
        --------
        >>> below = OutputInequality(((0, Fraction(1)),), Fraction(2), strict=True)
        >>> below.holds([1]), below.holds([2])
        (True, False)
        """
        excess = self.excess(outputs, point)
        return excess < 0 or (excess == 0 and not self.strict)


def whole_factor(numbers: Iterable[Fraction]) -> Fraction:
    """Return what makes numbers, not all of them zero, whole numbers without a common factor."""
    numbers = list(numbers)
    common = lcm(*(c.denominator for c in numbers))
    return Fraction(common, gcd(*(int(c * common) for c in numbers)))


# the outputs that satisfy all of some inequalities, with their inputs where these are named
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
        If it has another number of inputs, names an input or output that there is not, or has a
        case without sets or a set without inequalities.
    """
    if property_.inputs != network.input_dimension:
        raise PolyregionsError(
            f"the property declares {property_.inputs} inputs, the network has "
            f"{network.input_dimension}; give the property of this network"
        )
    sets = [unsafe for case in property_.cases for unsafe in case.unsafe]
    if not all(sets) or not all(case.unsafe for case in property_.cases):
        raise PolyregionsError(
            "a case of the property forbids no outputs, or all; give it at least one set of at "
            "least one inequality"
        )
    inputs = {index for rows in sets for row in rows for index, _ in row.inputs}
    if inputs and max(inputs) >= network.input_dimension:
        raise PolyregionsError(
            f"the property names the input X_{max(inputs)}, but the network reads "
            f"{network.input_dimension}, X_0 to X_{network.input_dimension - 1}"
        )
    check_outputs(sets, network)


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
