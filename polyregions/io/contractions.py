"""Sums of products over named indices: a signal with a constant, as numpy.einsum does."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from polyregions.arrays import Indices
from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io.blocks import MAX_WEIGHTS
from polyregions.io.exact_floats import Floats
from polyregions.io.exact_matrices import sparse
from polyregions.io.signals import Shape, Signal, moderate_shape, transformed

__all__ = ["einsum"]


def einsum(equation: str, operands: Sequence[Signal | Floats]) -> Signal:
    """Return the sum of products that an equation of numpy.einsum names.

    Parameters
    ----------
    equation : str
        Such as ``"bij,jk->bik"``; ``...`` stands for any leading axes.
    operands : sequence
        A signal, alone or with one constant.

    Raises
    ------
    UnsupportedOperatorError
        If not exactly one operand is a signal, or there is more than one constant.
    FormatError
        If the equation is malformed.
    NetworkError
        If the shapes do not fit it.

    Examples
    --------
    >>> from polyregions.io.signals import source
    >>> einsum("i,ij->j", [source((2,)), np.array([[1.0], [3.0]])]).layers[0].weight
    array([[1., 3.]])
    """
    signals = [index for index, part in enumerate(operands) if isinstance(part, Signal)]
    if len(signals) != 1 or len(operands) > 2:
        raise UnsupportedOperatorError(
            f"{len(signals)} of its {len(operands)} inputs depend on the network's input; only one "
            f"of them with at most one constant is supported"
        )
    given, result = _labels(equation, [part.shape for part in operands])
    parts = list(zip(operands, given, strict=True))
    ((signal, of_signal),) = [(p, labels) for p, labels in parts if isinstance(p, Signal)]
    constants = [(p, labels) for p, labels in parts if not isinstance(p, Signal)]
    constant, of_constant = constants[0] if constants else (np.ones(()), "")
    return _contracted(signal, of_signal, constant, of_constant, result)


def _labels(equation: str, shapes: Sequence[Shape]) -> tuple[list[str], str]:
    """Return one letter for each axis of each operand and of the result.

    What ``...`` stands for gets digits, counted from the last axis.
    """
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise FormatError(f"the equation {equation[:100]!r} is not one of {len(shapes)} operands")
    ranks = [
        len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)
    ]
    names = "9876543210"
    filled = [
        term.replace("...", names[len(names) - rank :]) if "..." in term else term
        for term, rank in zip(terms, ranks, strict=True)
    ]
    letters = "".join(term.replace("...", "") for term in (*terms, right))
    if (
        (letters and not (letters.isascii() and letters.isalpha()))
        or min(ranks) < 0
        or max(ranks) > len(names)
        or any("..." not in term and rank for term, rank in zip(terms, ranks, strict=True))
        or any(term.count("...") > 1 for term in (*terms, right))
    ):
        raise FormatError(
            f"the equation {equation[:100]!r} does not fit operands of shape "
            f"{' and '.join(map(str, shapes))}"
        )
    dots = names[len(names) - max(ranks) :]
    if arrow:
        result = right.replace("...", dots)
    else:
        once = (letter for letter in sorted(set(letters)) if letters.count(letter) == 1)
        result = dots + "".join(once)
    if len(set(result)) < len(result) or set(result) - set("".join(filled)):
        raise FormatError(f"the result of the equation {equation[:100]!r} is malformed")
    return filled, result


def _contracted(
    signal: Signal, of_signal: str, constant: Floats, of_constant: str, result: str
) -> Signal:
    """Return the sum over the labels that the result does not have; extents 1 broadcast.

    Notes
    -----
    *Algorithm*: the matrix of the map has one entry for each value of all labels together.
    """
    sizes: dict[str, int] = {}
    for label, extent in zip(of_signal + of_constant, signal.shape + constant.shape, strict=True):
        known = sizes.get(label, 1)
        if extent != known and 1 not in (extent, known):
            raise NetworkError(f"shapes {signal.shape} and {constant.shape} do not fit together")
        sizes[label] = max(extent, known)
    read = {label for label, extent in zip(of_signal, signal.shape, strict=True) if extent > 1}
    if any(size > 1 for label, size in sizes.items() if label not in read | set(result)):
        raise UnsupportedOperatorError("it adds up entries of the constant; do so in the file")
    order = result + "".join(label for label in sizes if label not in result)
    shape = moderate_shape(tuple(sizes[label] for label in result))
    if math.prod(sizes.values()) > MAX_WEIGHTS // 8:
        raise NetworkError(f"it makes {math.prod(sizes.values())} products, which are too many")

    def flat(labels: str, extents: Shape) -> Indices:
        places = np.zeros([1] * len(order), dtype=np.intp)
        for axis, (label, extent) in enumerate(zip(labels, extents, strict=True)):
            stride = math.prod(extents[axis + 1 :])
            along = [-1 if label == other else 1 for other in order]
            places = places + (np.arange(extent) * stride).reshape(along)
        return np.broadcast_to(places, [sizes[label] for label in order]).reshape(-1)

    values = constant.reshape(-1)[flat(of_constant, constant.shape)]
    matrix = sparse(
        flat(result, shape), flat(of_signal, signal.shape), values, (math.prod(shape), signal.size)
    )
    return transformed(signal, matrix, shape)
