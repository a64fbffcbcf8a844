"""ATen operators that compute, in terms of values, and the table of all operators.

A function of a table has the parameters of its operator, by the names that ATen gives them; what
an operator is given beside these changes no value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import algebra, comparisons, lowering
from polyregions.io.algebra import Operand, Value
from polyregions.io.comparisons import Switch
from polyregions.io.rearranging import axis_in, rearranged
from polyregions.io.torch_shapes import TORCH_COPIES, TORCH_VIEWS
from polyregions.io.torch_windows import TORCH_WINDOWS

__all__ = ["ATEN", "DROPPED_AT_THE_END", "lowered", "lowering_of"]

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

# those that read comparisons of values that depend on the input
_READ_SWITCHES = frozenset(
    {"_to_copy", "bitwise_not", "logical_not", "masked_fill", "mul", "to", "where"}
)

_BOTH = ("Scalar", "Tensor")

# why an operator that is often met has no exact form here
_JUMPS = "it jumps, so the network is not continuous"
_TORCH_REASONS = {
    **dict.fromkeys(
        ("ceil", "floor", "fmod", "heaviside", "remainder", "round", "sign", "trunc"), _JUMPS
    ),
    **dict.fromkeys(("gru", "lstm", "rnn_relu", "rnn_tanh"), "it is recurrent"),
    **dict.fromkeys(("bernoulli", "rand", "rand_like", "randn_like"), "it draws random numbers"),
}


def _aten_number(value: Any) -> float:
    return float(algebra.numbers_of(value, "its number"))


# --- sums and products -------------------------------------------------------


def _aten_sum(self: Operand, other: Operand, alpha: Any = 1, *, sign: float) -> Value:
    pair = self, other
    if all(isinstance(part, np.ndarray) and part.dtype.kind == "b" for part in pair):
        raise UnsupportedOperatorError("it adds truth values; convert them to numbers before")
    return algebra.added(
        algebra.entries_of(self), algebra.multiplied(algebra.entries_of(other), alpha), sign
    )


def _mul(self: Operand, other: Operand) -> Value:
    return algebra.multiplied(self, other)


def _matmul(
    self: Operand,
    other: Operand | None = None,
    mat2: Operand | None = None,
    vec: Operand | None = None,
    tensor: Operand | None = None,
) -> Value:
    (second,) = (factor for factor in (other, mat2, vec, tensor) if factor is not None)
    return algebra.product(self, second)


def _aten_linear(input: Operand, weight: Any = None, bias: Any = None) -> Value:
    matrix = algebra.numbers_of(weight, "its weight")
    if matrix.ndim != 2:
        raise UnsupportedOperatorError("its weight must be a matrix")
    shift = None if bias is None else algebra.numbers_of(bias, "its bias")
    return lowering.linear_layer(algebra.signal_of(input), matrix, shift)


def _addmm(
    self: Operand,
    mat1: Operand | None = None,
    mat2: Operand | None = None,
    batch1: Operand | None = None,
    batch2: Operand | None = None,
    beta: Any = 1,
    alpha: Any = 1,
) -> Value:
    factors = (mat1, mat2) if batch1 is None else (batch1, batch2)
    return algebra.added(
        algebra.multiplied(algebra.product(*factors), alpha), algebra.multiplied(self, beta)
    )


def _aten_einsum(equation: str, tensors: Sequence[Operand]) -> Value:
    return algebra.einsum(equation, [algebra.entries_of(tensor) for tensor in tensors])


def _aten_batch_norm(
    input: Operand,
    weight: Any = None,
    bias: Any = None,
    running_mean: Any = None,
    running_var: Any = None,
    training: bool = True,
    eps: float = 1e-5,
) -> Value:
    if training is not False:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    mean, variance = (algebra.numbers_of(s, "its statistic") for s in (running_mean, running_var))
    scale = np.ones(len(mean)) if weight is None else algebra.numbers_of(weight, "its weight")
    shift = np.zeros(len(mean)) if bias is None else algebra.numbers_of(bias, "its bias")
    return lowering.batch_norm(algebra.signal_of(input), scale, shift, mean, variance, float(eps))


# --- one number --------------------------------------------------------------


def _rrelu(self: Operand, lower: Any = 1 / 8, upper: Any = 1 / 3, training: bool = False) -> Value:
    if training:
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    # torch rounds the mean in the same way
    return algebra.bent(self, (_aten_number(lower) + _aten_number(upper)) / 2, 1.0)


def _aten_prelu(self: Operand, weight: Any) -> Value:
    value, slope = algebra.value_of(self), algebra.numbers_of(weight, "its weight")
    if slope.size > 1:
        axis = 1 if len(value.shape) > 1 else 0
        if slope.shape != (value.shape[axis],):
            raise NetworkError(f"slopes of shape {slope.shape} do not fit {value.shape}")
        slope = slope.reshape(-1, *[1] * (len(value.shape) - axis - 1))
    return algebra.bent(value, slope, 1.0)


def _aten_hard_sigmoid(self: Operand) -> Value:
    return algebra.divided(algebra.clipped(algebra.added(self, 3.0), 0.0, 6.0), 6.0)


def _threshold(self: Operand, threshold: Any, value: Any) -> Value:
    least_value, other = _aten_number(threshold), _aten_number(value)
    if least_value != other:
        raise UnsupportedOperatorError(
            f"it jumps at {least_value!r} from {other!r}, so the network is not continuous; "
            f"only a threshold that is also the value is piecewise linear"
        )
    return algebra.clipped(self, least_value, None)


def _soft_shrink(self: Operand, lambd: Any = 0.5) -> Value:
    by = _aten_number(lambd)
    if by < 0:
        raise FormatError("its lambda is negative")
    return comparisons.shrunk(algebra.signal_of(self), by)


def _hard_shrink(self: Operand, lambd: Any = 0.5) -> Value:
    if _aten_number(lambd) != 0:
        raise UnsupportedOperatorError("it jumps, so the network is not continuous; use Softshrink")
    return algebra.value_of(self)


# --- several numbers ---------------------------------------------------------


def _axes(value: Value, dim: Any) -> tuple[int, ...]:
    """Return the axes that an operator goes over; all of them if it names none."""
    named = dim is not None and np.size(dim) > 0
    axes = np.atleast_1d(dim).tolist() if named else range(len(value.shape))
    return tuple(sorted({axis_in(value.shape, axis) for axis in axes}))


def _aten_reduction(over: Callable[..., Value]) -> Callable[..., Value]:
    def reduced(self: Operand, dim: Any = None, keepdim: bool = False) -> Value:
        value = algebra.entries_of(self)
        return over(value, _axes(value, dim), keep=keepdim)

    return reduced


# what torch returns beside an extreme value, its index, has no value
_LARGEST = _aten_reduction(partial(algebra.extreme_over, largest=True))
_SMALLEST = _aten_reduction(partial(algebra.extreme_over, largest=False))
_SUM, _MEAN = _aten_reduction(algebra.total_over), _aten_reduction(algebra.mean_over)


def _sort(self: Operand, dim: int = -1, descending: bool = False) -> Value:
    signal = algebra.signal_of(self)
    result = comparisons.ordered(signal, axis_in(signal.shape, dim))
    return rearranged(result, lambda array: np.flip(array, dim)) if descending else result


def _norm(self: Operand, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Value:
    order = float(2 if ord is None else ord)
    if order not in (1.0, float("inf")):
        raise UnsupportedOperatorError("only the norms 1 and infinity are piecewise linear")
    return (_SUM if order == 1.0 else _LARGEST)(algebra.bent(self, -1.0, 1.0), dim, keepdim)


def _clamp(self: Operand, min: Any = None, max: Any = None) -> Value:
    return algebra.clipped(self, min, max)


def _comparison(operation: np.ufunc) -> Callable[..., Operand]:
    return lambda self, other: algebra.compared(
        operation, algebra.entries_of(self), algebra.entries_of(other)
    )


def _not(self: Operand) -> Operand:
    return algebra.opposite(self)


def _aten_where(condition: Operand, self: Operand, other: Operand) -> Value:
    return algebra.chosen(condition, algebra.entries_of(self), algebra.entries_of(other))


ATEN: dict[str, Callable[..., Any]] = {
    **TORCH_COPIES,
    **TORCH_VIEWS,
    **TORCH_WINDOWS,
    **{
        f"{name}.{kind}": _comparison(operation)
        for name, operation in (
            ("ge", np.greater_equal),
            ("gt", np.greater),
            ("le", np.less_equal),
            ("lt", np.less),
        )
        for kind in _BOTH
    },
    "abs.default": lambda self: algebra.bent(self, -1.0, 1.0),
    "add.Tensor": partial(_aten_sum, sign=1.0),
    "addmm.default": _addmm,
    "amax.default": _LARGEST,
    "amin.default": _SMALLEST,
    "baddbmm.default": _addmm,
    "batch_norm.default": _aten_batch_norm,
    "bitwise_not.default": _not,
    "bmm.default": _matmul,
    "clamp.Tensor": _clamp,
    "clamp.default": _clamp,
    "clamp_max.default": _clamp,
    "clamp_min.default": _clamp,
    "clip.default": _clamp,
    "div.Tensor": lambda self, other: algebra.divided(algebra.entries_of(self), other),
    "dot.default": _matmul,
    "einsum.default": _aten_einsum,
    "hardshrink.default": _hard_shrink,
    "hardsigmoid.default": _aten_hard_sigmoid,
    "hardtanh.default": lambda self, min_val=-1.0, max_val=1.0: algebra.clipped(
        self, min_val, max_val
    ),
    "leaky_relu.default": lambda self, negative_slope=0.01: algebra.bent(self, negative_slope, 1.0),
    "linalg_vector_norm.default": _norm,
    "linear.default": _aten_linear,
    "logical_not.default": _not,
    **{
        f"masked_fill.{kind}": lambda self, mask, value: _aten_where(mask, value, self)
        for kind in _BOTH
    },
    "matmul.default": _matmul,
    **{f"max.{kind}": _LARGEST for kind in ("default", "dim")},
    "max.other": lambda self, other: algebra.greatest([self, other]),
    "maximum.default": lambda self, other: algebra.greatest([self, other]),
    "mean.default": _MEAN,
    "mean.dim": _MEAN,
    **{f"min.{kind}": _SMALLEST for kind in ("default", "dim")},
    "min.other": lambda self, other: algebra.least([self, other]),
    "minimum.default": lambda self, other: algebra.least([self, other]),
    "mm.default": _matmul,
    "mul.Tensor": _mul,
    "mv.default": _matmul,
    "neg.default": lambda self: algebra.multiplied(self, -1.0),
    "prelu.default": _aten_prelu,
    "relu.default": lambda self: algebra.bent(self, 0.0, 1.0),
    "relu6.default": lambda self: algebra.clipped(self, 0.0, 6.0),
    "rrelu.default": _rrelu,
    **{
        f"rsub.{kind}": lambda self, other, alpha=1: _aten_sum(other, self, alpha, sign=-1.0)
        for kind in _BOTH
    },
    "softshrink.default": _soft_shrink,
    "sort.default": _sort,
    "sort.stable": _sort,
    "square.default": lambda self: algebra.multiplied(self, self),
    "sub.Tensor": partial(_aten_sum, sign=-1.0),
    "sum.default": _SUM,
    "sum.dim_IntList": _SUM,
    "threshold.default": _threshold,
    **{f"where.{kind}": _aten_where for kind in ("Scalar", "ScalarOther", "ScalarSelf", "self")},
}


def lowered(name: str, lower: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return what an operator makes of its arguments, of which it may have more than it reads."""
    if name.partition(".")[0].removesuffix("_") not in _READ_SWITCHES:
        for argument in arguments.values():
            if isinstance(argument, Switch):
                algebra.value_of(argument)  # which refuses
    known = algebra.parameters_of(lower)
    return lower(**{key: value for key, value in arguments.items() if key in known})


def lowering_of(operator: str, node: str) -> Callable[..., Any]:
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
