"""Lengths, areas and volumes of faces, from exact vertices: roots are taken last."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import factorial, isqrt

import flint

from polyregions.analysis.polytope import DoubleDescription
from polyregions.geometry.witness import nearest_float

__all__ = ["face_measure", "float_root", "square_root"]


def square_root(square: Fraction, *, up: bool) -> Fraction:
    """Return a fraction below (or above) a square root, within 2^-100 of it relatively.

    Examples
    --------
    >>> square_root(Fraction(1, 4), up=True)
    Fraction(1, 2)
    """
    if square == 0:
        return square
    exponent = square.denominator.bit_length() - square.numerator.bit_length() + 210
    exponent += exponent % 2
    scaled = square * Fraction(2) ** exponent
    whole = isqrt(scaled.numerator // scaled.denominator)
    exact = whole * whole == scaled
    return Fraction(whole + (up and not exact)) / Fraction(2) ** (exponent // 2)


def float_root(square: Fraction) -> float:
    """Return a square root as a float, though the square may be none; infinite beyond all.

    Examples
    --------
    >>> float_root(Fraction(1, 10**340)), float_root(Fraction(10**400))
    (1e-170, 1e+200)
    """
    return nearest_float(square_root(square, up=False))


def face_measure(
    polytope: DoubleDescription, face: int, dimension: int, corners: Sequence[Sequence[Fraction]]
) -> Fraction | float:
    """Return the volume of a face of a polytope, of the given dimension.

    Parameters
    ----------
    polytope : Polytope
    face : int
        Its vertices, as the bits of an integer.
    dimension : int
        0 counts the point.
    corners : sequence of points
        The polytope's vertices in the coordinates in which to measure.

    Returns
    -------
    Fraction or float
        A fraction for a point; else a sum of roots, rounded.

    Notes
    -----
    *Algorithm.* A simplex of a triangulation with sides s has the square volume
    det(s s^T) / (d!)^2, computed exactly.

    Examples
    --------
    >>> from polyregions.analysis.polytope import cube_polytope
    >>> square = cube_polytope(2)
    >>> face_measure(square, 0b11, 1, square.points())
    2.0
    """
    if dimension == 0:
        return Fraction(1)
    total = 0.0
    for simplex in polytope.simplices(face, dimension):
        first, *others = (corners[k] for k in simplex)
        sides = [[a - b for a, b in zip(point, first, strict=True)] for point in others]
        gram = [
            [sum((a * b for a, b in zip(s, t, strict=True)), Fraction(0)) for t in sides]
            for s in sides
        ]
        entries = [[flint.fmpq(x.numerator, x.denominator) for x in row] for row in gram]
        square = flint.fmpq_mat(entries).det()
        total += float_root(Fraction(int(square.p), int(square.q)) / factorial(dimension) ** 2)
    return total
