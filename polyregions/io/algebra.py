"""What operators make of values: signals, constants and comparisons, by the same functions.

The readers of ONNX and torch translate each operator into these; an operator takes its
operands in order, so they have no names outside. What is computed of constants alone is exact
or refused; integers stay integers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from inspect import Parameter, signature
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Indices
from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import comparisons, lowering
from polyregions.io.blocks import MAX_WEIGHTS
from polyregions.io.comparisons import Switch
from polyregions.io.exact_floats import (
    Floats,
    exact_floats,
    exact_matmul,
    exact_product,
    exact_quotient,
    exact_sum,
    exact_total,
)
from polyregions.io.exact_matrices import sparse
from polyregions.io.rearranging import Value
from polyregions.io.signals import MAX_VALUES, Shape, Signal, moderate_shape, transformed

__all__ = [
    "Constant",
    "Operand",
    "Value",
    "added",
    "bent",
    "chosen",
    "clipped",
    "compared",
    "constant_of",
    "divided",
    "einsum",
    "entries_of",
    "extreme_over",
    "folded",
    "greatest",
    "joined",
    "least",
    "mean_over",
    "multiplied",
    "numbers_of",
    "opposite",
    "parameters_of",
    "product",
    "require_moderate",
    "signal_of",
    "total_over",
    "value_of",
]

Constant = NDArray[Any]
# a comparison is read by a few operators only
Operand = Value | Switch

# products in one product of constant matrices
_MAX_PRODUCTS = 2**27


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


def parameters_of(operator: Callable[..., Any]) -> dict[str, Parameter]:
    """Return the parameters that a function leaves open."""
    bound = getattr(operator, "keywords", {})
    parameters = signature(operator).parameters
    return {name: parameter for name, parameter in parameters.items() if name not in bound}


# --- what is given -----------------------------------------------------------


def value_of(operand: Any) -> Value:
    """Return a signal as it is, and a constant or a number as an array.

    Raises
    ------
    UnsupportedOperatorError
        If it is a comparison.
    """
    if isinstance(operand, Switch):
        raise UnsupportedOperatorError(
            "it computes with a comparison, which may only choose, as in where(x > 0, a, b): a "
            "value of its own is one which jumps"
        )
    return operand if isinstance(operand, Signal) else np.asarray(operand)


def entries_of(operand: Any, what: str = "its constant") -> Signal | Floats:
    """Return a signal as it is, and a constant or a number as floats; true counts as 1."""
    value = value_of(operand)
    if isinstance(value, Signal):
        return value
    return exact_floats(value.astype(np.int8) if value.dtype.kind == "b" else value, what)


def signal_of(operand: Any) -> Signal:
    """Return a value that must depend on the network's input."""
    value = value_of(operand)
    if not isinstance(value, Signal):
        raise UnsupportedOperatorError(
            "its inputs are constants; fold constants before the export (onnxsim, for instance)"
        )
    return value


def constant_of(operand: Any, what: str = "an input") -> Constant:
    """Return a value that must be a constant."""
    if operand is None or isinstance(operand, Signal | Switch):
        why = "is missing" if operand is None else "depends on the network's input"
        raise UnsupportedOperatorError(f"{what} {why}; only a constant is supported there")
    return np.asarray(operand)


def numbers_of(operand: Any, what: str) -> Floats:
    """Return a value that must be a constant, as floats; true counts as 1."""
    numbers = entries_of(constant_of(operand, what), what)
    assert not isinstance(numbers, Signal)
    return numbers


# --- constants alone ---------------------------------------------------------


def require_moderate(size: int, *inputs: Constant) -> None:
    """Refuse a constant that is larger than what it is made of and than a signal may be."""
    held = sum({id(array): array.size for array in inputs}.values())
    if size > max(MAX_VALUES, held):
        raise FormatError(f"it makes a constant of {size} entries, which is too large")


def _exact(result: Floats | None, *inputs: Constant) -> Floats:
    if result is None or not np.isfinite(result).all():
        raise UnsupportedOperatorError(
            f"{'its input is a constant' if len(inputs) == 1 else 'both inputs are constants'} "
            "and the result would be rounded; fold constants before the export "
            "(onnxsim, for instance)"
        )
    return np.asarray(result)


def folded(operation: Callable[..., Floats | None], *inputs: Constant) -> Constant:
    """Return what an operation in floats makes of constants, as integers if all of them are.

    Parameters
    ----------
    operation : callable
        Takes arrays of floats, and returns their exact result or None.

    Raises
    ------
    UnsupportedOperatorError
        If the result would be rounded.
    FormatError
        If it is too large, or no number of the integers' type.
    """
    require_moderate(math.prod(np.broadcast_shapes(*(a.shape for a in inputs))), *inputs)
    return _as_given(_exact(operation(*map(entries_of, inputs)), *inputs), inputs)


def _as_given(result: Floats, inputs: Sequence[Constant]) -> Constant:
    """Return a result as integers if all inputs are."""
    if any(array.dtype.kind not in "iu" for array in inputs):
        return result
    dtype = np.result_type(*inputs)
    bounds = np.iinfo(dtype)
    if not ((result >= bounds.min) & (result < bounds.max + 1)).all():
        raise FormatError(f"its result is no {dtype}; export the model again")
    return result.astype(dtype)


# --- sums and products -------------------------------------------------------


def added(first: Any, second: Any, sign: float = 1.0) -> Value:
    """Return first + sign * second, broadcast; the sign is 1 or -1."""
    first, second = value_of(first), value_of(second)
    if isinstance(first, Signal):
        if isinstance(second, Signal):
            return lowering.add_signals(first, second, sign)
        return lowering.add(first, sign * numbers_of(second, "its constant"))
    if isinstance(second, Signal):
        signal = second if sign > 0 else comparisons.negated(second)
        return lowering.add(signal, numbers_of(first, "its constant"))
    return folded(lambda a, b: exact_sum(a, sign * b), first, second)


def multiplied(first: Any, second: Any, /) -> Value:
    """Return first * second, broadcast; a comparison as a factor is 1 where it holds, else 0."""
    for switch, other in ((first, second), (second, first)):
        if isinstance(switch, Switch):
            return comparisons.where_positive(switch, entries_of(other), np.zeros(()))
    first, second = value_of(first), value_of(second)
    if not isinstance(first, Signal):
        first, second = second, first
    if not isinstance(first, Signal):
        return folded(exact_product, first, second)
    return lowering.multiply(first, _other_factor(second))


def _other_factor(operand: Value) -> Floats:
    if isinstance(operand, Signal):
        raise UnsupportedOperatorError(
            "both inputs depend on the network's input, so both factors vary; "
            "one factor must be a parameter or another constant"
        )
    return numbers_of(operand, "its constant")


def divided(first: Any, second: Any) -> Value:
    """Return first / second, broadcast; of constants alone it is a float."""
    value = value_of(first)
    if isinstance(second, Signal | Switch):
        raise UnsupportedOperatorError("it divides by a value that depends on the input")
    divisor = numbers_of(second, "its constant")
    if isinstance(value, Signal):
        return lowering.divide(value, divisor)
    if not divisor.all():
        raise NetworkError("it divides by a constant that has a zero")
    return folded(exact_quotient, numbers_of(value, "its constant"), divisor)


def product(first: Any, second: Any, /) -> Value:
    """Return first @ second, as numpy.matmul does."""
    first, second = value_of(first), value_of(second)
    if isinstance(first, Signal):
        matrix = _other_factor(second)
        if matrix.ndim > 2:
            equation = "j,...jk->...k" if len(first.shape) == 1 else "...ij,...jk->...ik"
            return einsum(equation, [first, matrix])
        return lowering.matmul_right(first, matrix)
    matrix = numbers_of(first, "its constant")
    if isinstance(second, Signal):
        if matrix.ndim > 2:
            equation = "...ij,j->...i" if len(second.shape) == 1 else "...ij,...jk->...ik"
            return einsum(equation, [matrix, second])
        return lowering.matmul_left(matrix, second)
    columns = second.shape[-1:] if second.ndim > 1 else ()
    stack = np.broadcast_shapes(first.shape[:-2], second.shape[:-2])
    size = math.prod((*stack, *first.shape[-2:-1], *columns))
    require_moderate(size, first, second)
    if size * first.shape[-1] > _MAX_PRODUCTS:
        raise FormatError("it multiplies constants that are too large; fold them before the export")
    result = exact_matmul(matrix, numbers_of(second, "its constant"))
    return _as_given(_exact(result, first, second), (first, second))


def total_over(value: Value, axes: tuple[int, ...], *, keep: bool) -> Value:
    """Return the sum over axes, which stay with extent 1 if `keep`."""
    if isinstance(value, Signal):
        return lowering.sum_over(value, axes, keep=keep)
    return folded(lambda a: exact_total(a, axes, keep=keep), value)


def mean_over(value: Value, axes: tuple[int, ...], *, keep: bool) -> Value:
    """Return the mean over axes."""
    total = total_over(value, axes, keep=keep)
    return divided(total, float(math.prod(value.shape) // math.prod(total.shape)))


# --- what bends --------------------------------------------------------------


def bent(operand: Any, lower: ArrayLike, upper: ArrayLike) -> Value:
    """Return ``upper * z`` for z > 0 and ``lower * z`` otherwise, entry by entry."""
    value = value_of(operand)
    low, high = (numbers_of(slope, "its slope") for slope in (lower, upper))
    if isinstance(value, Signal):
        return lowering.bend(value, low, high)
    return folded(lambda z: exact_product(np.where(z > 0, high, low), z), value) + 0  # no -0.0


def clipped(operand: Any, low: Any, high: Any) -> Value:
    """Return a value moved into [low, high]; None and infinity are no bounds.

    Where a bound depends on the input, the upper one wins.
    """
    if isinstance(low, Signal) or isinstance(high, Signal):
        raised = operand if low is None else greatest([operand, low])
        return value_of(raised) if high is None else least([raised, high])
    ends = [
        None if bound is None or np.isinf(bound).all() else numbers_of(bound, "its bound")
        for bound in (low, high)
    ]
    value = value_of(operand)
    if isinstance(value, Signal):
        return comparisons.clip(value, ends[0], ends[1])
    return folded(lambda z: np.clip(z, ends[0], ends[1]), value)


def greatest(operands: Sequence[Any]) -> Value:
    """Return the entrywise maximum, broadcast."""
    return _extreme(operands, np.maximum, comparisons.greater)


def least(operands: Sequence[Any]) -> Value:
    """Return the entrywise minimum, broadcast."""
    return _extreme(operands, np.minimum, comparisons.lesser)


def _extreme(
    operands: Sequence[Any],
    of_constants: Callable[..., Floats],
    of_signals: Callable[[list[Signal | Floats]], Signal],
) -> Value:
    values = [value_of(operand) for operand in operands]
    if any(isinstance(value, Signal) for value in values):
        return of_signals([entries_of(value) for value in values])
    total, *rest = (value for value in values if not isinstance(value, Signal))
    for value in rest:
        total = folded(of_constants, total, value)
    return total


def extreme_over(value: Value, axes: tuple[int, ...], *, keep: bool, largest: bool) -> Value:
    """Return the maximum or the minimum over axes."""
    if isinstance(value, Signal):
        over = comparisons.largest_over if largest else comparisons.smallest_over
        return over(value, axes, keep=keep)
    return np.asarray((np.max if largest else np.min)(value, axis=axes, keepdims=keep))


# --- choices -----------------------------------------------------------------


def compared(comparison: np.ufunc, first: Any, second: Any, /) -> Operand:
    """Return what numpy's greater, less and so on say of two values."""
    first, second = value_of(first), value_of(second)
    if not isinstance(first, Signal) and not isinstance(second, Signal):
        size = math.prod(np.broadcast_shapes(first.shape, second.shape))
        require_moderate(size, first, second)
        return np.asarray(comparison(first, second))
    if comparison in (np.less, np.less_equal):
        first, second = second, first
    return Switch(signal_of(added(first, second, -1.0)))


def opposite(operand: Any, /) -> Operand:
    """Return the negation of a comparison or of truth values."""
    if isinstance(operand, Switch):
        return comparisons.opposite(operand)
    if not isinstance(operand, np.ndarray) or operand.dtype.kind != "b":
        raise UnsupportedOperatorError("only comparisons and truth values are negated")
    return ~operand


def chosen(condition: Any, on: Any, off: Any, /) -> Value:
    """Return `on` where a condition holds and `off` elsewhere, entry by entry, broadcast."""
    on, off = value_of(on), value_of(off)
    if isinstance(condition, Switch):
        return comparisons.where_positive(condition, entries_of(on), entries_of(off))
    if isinstance(condition, Signal):
        raise UnsupportedOperatorError("its condition is no comparison")
    mask = np.asarray(condition).astype(bool)
    if isinstance(on, Signal) or isinstance(off, Signal):
        return comparisons.switched(mask, entries_of(on), entries_of(off))
    shapes = np.broadcast_shapes(mask.shape, on.shape, off.shape)
    require_moderate(math.prod(shapes), mask, on, off)
    return np.asarray(np.where(mask, on, off))


def joined(operands: Sequence[Any], axis: int) -> Value:
    """Return values joined along an axis."""
    values = [value_of(operand) for operand in operands]
    constants = [value for value in values if not isinstance(value, Signal)]
    size = sum(math.prod(value.shape) for value in values)
    if len(constants) == len(values):
        require_moderate(size, *constants)
        return np.concatenate(constants, axis=axis)
    if size > MAX_VALUES:
        raise FormatError("its result is too large")
    return lowering.concatenate([entries_of(value) for value in values], axis)
