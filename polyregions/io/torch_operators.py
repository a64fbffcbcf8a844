"""ATen operators as exact lowering, one function each, and the table of them.

An argument is a :class:`~polyregions.io.lowering.Signal`, a parameter as an array, or
a plain number or list; arguments left out have torch's defaults.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from polyregions.errors import UnsupportedOperatorError
from polyregions.io import contractions, lowering
from polyregions.io import maxima as extremes
from polyregions.io.exact_floats import (
    exact_matmul,
    exact_product,
    exact_quotient,
    exact_sum,
    exact_total,
)
from polyregions.io.lowering import Signal
from polyregions.io.switches import Switch
from polyregions.io.torch_shapes import COPIES, TORCH_SHAPES
from polyregions.io.torch_units import TORCH_UNITS, axes_of, masked
from polyregions.io.torch_values import (
    TORCH_CONSTANTS,
    Arguments,
    TorchLowering,
    TorchValue,
    folded,
    is_constant,
    number_of,
    optional_of,
    parameter_of,
    part_of,
    signal_of,
)
from polyregions.io.torch_windows import PICKS, TORCH_WINDOWS

__all__ = ["ATEN", "DROPPED_AT_THE_END", "lowering_of"]

DROPPED_AT_THE_END = frozenset(
    {
        "_log_softmax.default",
        "_softmax.default",
        "argmax.default",
        "argmin.default",
        "log_softmax.int",
        "sigmoid.default",
        "softmax.int",
    }
)


# sums and products


def _torch_add(arguments: Arguments) -> TorchValue:
    return _torch_combination(arguments, 1.0)


def _sub(arguments: Arguments) -> TorchValue:
    return _torch_combination(arguments, -1.0)


def _torch_combination(arguments: Arguments, sign: float) -> TorchValue:
    if all(map(_is_truth, (arguments["self"], arguments["other"]))):
        raise UnsupportedOperatorError("it adds truth values; convert them to numbers before")
    first, second = part_of(arguments["self"]), part_of(arguments["other"])
    alpha = arguments.get("alpha", 1)
    if alpha != 1:
        second = part_of(_torch_multiply({"self": second, "other": alpha}))
    if isinstance(first, Signal) and isinstance(second, Signal):
        return lowering.add_signals(first, second, sign)
    if isinstance(first, Signal):
        return lowering.add(first, sign * number_of(second))
    if isinstance(second, Signal):
        return lowering.add(second if sign > 0 else extremes.negated(second), first)
    return folded(exact_sum(first, sign * second))


def _is_truth(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "b"


def _rsub(arguments: Arguments) -> TorchValue:
    return _sub({**arguments, "self": arguments["other"], "other": arguments["self"]})


def _torch_multiply(arguments: Arguments) -> TorchValue:
    first, second = arguments["self"], arguments["other"]
    if not is_constant(first) and not is_constant(second):
        for value, other in ((first, second), (second, first)):
            # x * (x > 0)
            if isinstance(value, Switch) and isinstance(other, Signal):
                return masked(other, value)
        raise UnsupportedOperatorError("both factors depend on the network's input")
    if is_constant(first):
        first, second = second, first
    if is_constant(first):
        return folded(exact_product(number_of(first), number_of(second)))
    if isinstance(first, Switch):
        return masked(number_of(second), first)
    return lowering.multiply(signal_of({"self": first}), number_of(second))


def _square(arguments: Arguments) -> TorchValue:
    return _torch_multiply({"self": arguments["self"], "other": arguments["self"]})


def _torch_divide(arguments: Arguments) -> TorchValue:
    if not is_constant(arguments["other"]):
        raise UnsupportedOperatorError("it divides by a value that depends on the input")
    divisor = number_of(arguments["other"])
    if is_constant(arguments["self"]):
        zero = not divisor.all()
        return folded(None if zero else exact_quotient(number_of(arguments["self"]), divisor))
    return lowering.divide(signal_of(arguments), divisor)


def _torch_negative(arguments: Arguments) -> TorchValue:
    value = part_of(arguments["self"])
    return extremes.negated(value) if isinstance(value, Signal) else -value


def _torch_linear(arguments: Arguments) -> TorchValue:
    weight, bias = parameter_of(arguments, "weight"), optional_of(arguments, "bias")
    if weight.ndim != 2:
        raise UnsupportedOperatorError("its weight must be a matrix")
    result = lowering.matmul_right(signal_of(arguments, "input"), weight.T)
    return result if bias is None else lowering.add(result, bias)


def _torch_matmul(arguments: Arguments) -> TorchValue:
    names = ("other", "mat2", "vec", "tensor")
    first, second = arguments["self"], next(arguments[n] for n in names if n in arguments)
    if isinstance(first, Signal) and isinstance(second, np.ndarray):
        if second.ndim > 2:
            return contractions.matmul_stack(first, second, signal_first=True)
        return lowering.matmul_right(first, second)
    if isinstance(second, Signal) and isinstance(first, np.ndarray):
        if first.ndim > 2:
            return contractions.matmul_stack(second, first, signal_first=False)
        return lowering.matmul_left(first, second)
    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return folded(exact_matmul(first, second))
    raise UnsupportedOperatorError("one factor must be a parameter")


def _addmm(arguments: Arguments) -> TorchValue:
    factors = [arguments.get("mat1", arguments.get("batch1"))]
    factors.append(arguments.get("mat2", arguments.get("batch2")))
    product = _torch_matmul({"self": factors[0], "other": factors[1]})
    product = _torch_multiply({"self": product, "other": arguments.get("alpha", 1)})
    shift = {"self": product, "other": arguments["self"], "alpha": arguments.get("beta", 1)}
    return _torch_add(shift)


def _torch_einsum(arguments: Arguments) -> TorchValue:
    operands = [part_of(operand) for operand in arguments["tensors"]]
    return contractions.einsum(str(arguments["equation"]), operands)


def _torch_sum(arguments: Arguments) -> TorchValue:
    value, keep = part_of(arguments["self"]), bool(arguments.get("keepdim", False))
    axes = axes_of(arguments, value)
    if isinstance(value, Signal):
        return lowering.sum_over(value, axes, keep=keep)
    return folded(exact_total(value, axes, keep=keep))


def _torch_mean(arguments: Arguments) -> TorchValue:
    total = part_of(_torch_sum(arguments))
    count = float(math.prod(arguments["self"].shape) // math.prod(total.shape))
    return _torch_divide({"self": total, "other": count})


def _torch_batch_norm(arguments: Arguments) -> TorchValue:
    if arguments["training"] is not False:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    mean, variance = (parameter_of(arguments, name) for name in ("running_mean", "running_var"))
    scale, shift = (optional_of(arguments, name) for name in ("weight", "bias"))
    return lowering.batch_norm(
        signal_of(arguments, "input"),
        np.ones(len(mean)) if scale is None else scale,
        np.zeros(len(mean)) if shift is None else shift,
        mean,
        variance,
        float(arguments["eps"]),
    )


ATEN: dict[str, TorchLowering] = {
    **TORCH_CONSTANTS,
    **COPIES,
    **PICKS,
    **TORCH_SHAPES,
    **TORCH_UNITS,
    **TORCH_WINDOWS,
    "add.Tensor": _torch_add,
    "addmm.default": _addmm,
    "baddbmm.default": _addmm,
    "batch_norm.default": _torch_batch_norm,
    "bmm.default": _torch_matmul,
    "div.Tensor": _torch_divide,
    "dot.default": _torch_matmul,
    "einsum.default": _torch_einsum,
    "linear.default": _torch_linear,
    "matmul.default": _torch_matmul,
    "mean.default": _torch_mean,
    "mean.dim": _torch_mean,
    "mm.default": _torch_matmul,
    "mul.Tensor": _torch_multiply,
    "mv.default": _torch_matmul,
    "neg.default": _torch_negative,
    "rsub.Scalar": _rsub,
    "rsub.Tensor": _rsub,
    "square.default": _square,
    "sub.Tensor": _sub,
    "sum.default": _torch_sum,
    "sum.dim_IntList": _torch_sum,
}

# why an operator that is often met has no exact form here
_JUMPS = "it jumps, so the network is not continuous"
_TORCH_REASONS = {
    **dict.fromkeys(
        ("ceil", "floor", "fmod", "heaviside", "remainder", "round", "sign", "trunc"), _JUMPS
    ),
    **dict.fromkeys(("gru", "lstm", "rnn_relu", "rnn_tanh"), "it is recurrent"),
    **dict.fromkeys(("bernoulli", "rand", "rand_like", "randn_like"), "it draws random numbers"),
}


def lowering_of(operator: str, node: str) -> TorchLowering:
    """Return the function that lowers an operator, in place or not.

    Raises
    ------
    UnsupportedOperatorError
        If the operator is not known.
    """
    lower = ATEN.get(operator) or ATEN.get(operator.replace("_.", ".", 1))
    if lower is not None:
        return lower
    reason = _TORCH_REASONS.get(operator.partition(".")[0], "")
    if operator in DROPPED_AT_THE_END:
        reason = "it is not piecewise linear and may only be the very last operator"
    reason = f" ({reason})" if reason else ""
    known = sorted({name.partition(".")[0] for name in ATEN} - {"_operator"})
    raise UnsupportedOperatorError(
        f"operator {operator[:80]} (node {node[:80]}) is not supported{reason}; "
        f"supported are {', '.join(known)}"
    )
