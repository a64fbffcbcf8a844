"""ATen operators that bend: activations, comparisons, maxima, sorting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from polyregions.errors import FormatError, NetworkError, UnsupportedOperatorError
from polyregions.io import lowering, rearranging, switches
from polyregions.io import maxima as extremes
from polyregions.io.exact_floats import Floats
from polyregions.io.lowering import Signal
from polyregions.io.switches import Switch
from polyregions.io.torch_values import (
    Arguments,
    TorchLowering,
    TorchValue,
    is_constant,
    number_of,
    parameter_of,
    part_of,
    signal_of,
)

__all__ = ["TORCH_UNITS", "axes_of", "masked"]


def axes_of(arguments: Arguments, value: Signal | Floats) -> tuple[int, ...]:
    """Return the axes that an operator goes over; all of them if it names none."""
    given = arguments.get("dim")
    axes = range(len(value.shape)) if not given and given != 0 else np.atleast_1d(given).tolist()
    return tuple(sorted({rearranging.axis_in(value.shape, axis) for axis in axes}))


def masked(value: Signal | Floats, switch: Switch) -> TorchValue:
    """Return a value where a switch is on, and zero elsewhere."""
    return switches.where_positive(switch, value, np.array(0.0))


# one number


def _torch_slopes(lower: float, upper: float) -> TorchLowering:
    def bent(arguments: Arguments) -> TorchValue:
        if is_constant(arguments["self"]):
            value = number_of(arguments["self"])
            return np.where(value > 0, upper * value, lower * value)
        return lowering.bend(signal_of(arguments), lower, upper)

    return bent


def _torch_leaky_relu(arguments: Arguments) -> TorchValue:
    slope = float(number_of(arguments.get("negative_slope", 0.01)))
    return lowering.bend(signal_of(arguments), slope, 1.0)


def _rrelu(arguments: Arguments) -> TorchValue:
    if arguments.get("training", False):
        raise UnsupportedOperatorError("it is in training mode; call eval() before the export")
    low, high = (
        float(number_of(arguments.get(name, default)))
        for name, default in (("lower", 1 / 8), ("upper", 1 / 3))
    )
    # torch rounds the mean in the same way
    return lowering.bend(signal_of(arguments), (low + high) / 2, 1.0)


def _torch_prelu(arguments: Arguments) -> TorchValue:
    signal, slope = signal_of(arguments), parameter_of(arguments, "weight")
    if slope.size > 1:
        axis = 1 if len(signal.shape) > 1 else 0
        if slope.shape != (signal.shape[axis],):
            raise NetworkError(f"slopes of shape {slope.shape} do not fit {signal.shape}")
        slope = slope.reshape(-1, *[1] * (len(signal.shape) - axis - 1))
    return lowering.bend(signal, slope, 1.0)


def _torch_clip(low: str, high: str, default: tuple[float | None, float | None]) -> TorchLowering:
    def lower(arguments: Arguments) -> TorchValue:
        bounds = [arguments.get(name, d) for name, d in zip((low, high), default, strict=True)]
        if any(isinstance(bound, Signal) for bound in bounds):
            return _clip_between(arguments["self"], *bounds)
        ends = [None if b is None or np.isinf(b).all() else number_of(b) for b in bounds]
        if is_constant(arguments["self"]):
            return np.clip(number_of(arguments["self"]), ends[0], ends[1])
        return extremes.clip(signal_of(arguments), *ends)

    return lower


def _clip_between(value: Any, low: Any, high: Any) -> TorchValue:
    """Clip by bounds that depend on the input, as torch does: the upper one wins."""
    result = part_of(value)
    if low is not None:
        result = extremes.maximum([result, part_of(low)])
    return result if high is None else extremes.minimum([result, part_of(high)])


def _torch_hard_sigmoid(arguments: Arguments) -> TorchValue:
    moved = lowering.add(signal_of(arguments), np.array(3.0))
    return lowering.divide(extremes.clip(moved, np.array(0.0), np.array(6.0)), np.array(6.0))


def _threshold(arguments: Arguments) -> TorchValue:
    threshold, value = (float(number_of(arguments[name])) for name in ("threshold", "value"))
    if threshold != value:
        raise UnsupportedOperatorError(
            f"it jumps at {threshold!r} from {value!r}, so the network is not continuous; "
            f"only a threshold that is also the value is piecewise linear"
        )
    return extremes.clip(signal_of(arguments), np.array(threshold), None)


def _soft_shrink(arguments: Arguments) -> TorchValue:
    by = float(number_of(arguments.get("lambd", 0.5)))
    if by < 0:
        raise FormatError("its lambda is negative")
    return extremes.shrunk(signal_of(arguments), by)


def _hard_shrink(arguments: Arguments) -> TorchValue:
    if number_of(arguments.get("lambd", 0.5)) != 0:
        raise UnsupportedOperatorError("it jumps, so the network is not continuous; use Softshrink")
    return signal_of(arguments)


# comparisons


def _compared(compare: Callable[[Any, Any], Any], *, swapped: bool) -> TorchLowering:
    def lower(arguments: Arguments) -> TorchValue:
        pair = arguments["self"], arguments["other"]
        if all(map(is_constant, pair)):
            return np.asarray(compare(*map(np.asarray, pair)))
        first, second = map(part_of, pair[::-1] if swapped else pair)
        if isinstance(first, Signal):
            if isinstance(second, Signal):
                return Switch(lowering.add_signals(first, second, -1.0))
            return Switch(lowering.add(first, -second))
        assert isinstance(second, Signal)
        return Switch(lowering.add(extremes.negated(second), first))

    return lower


def _torch_not(arguments: Arguments) -> TorchValue:
    value = arguments["self"]
    if isinstance(value, Switch):
        return switches.opposite(value)
    if not isinstance(value, np.ndarray) or value.dtype.kind != "b":
        raise UnsupportedOperatorError("only truth values are negated")
    return ~value


def _torch_where(arguments: Arguments) -> TorchValue:
    condition = arguments["condition"]
    sides = [part_of(arguments[name]) for name in ("self", "other")]
    if isinstance(condition, Switch):
        return switches.where_positive(condition, *sides)
    if not isinstance(condition, np.ndarray):
        raise UnsupportedOperatorError("its condition is no comparison")
    return switches.where(condition.astype(bool), *sides)


def _filled(arguments: Arguments) -> TorchValue:
    return _torch_where(
        {
            "condition": arguments["mask"],
            "self": arguments["value"],
            "other": arguments["self"],
        }
    )


# several numbers


def _torch_maximum(arguments: Arguments) -> TorchValue:
    first, second = part_of(arguments["self"]), part_of(arguments["other"])
    if isinstance(first, Signal) or isinstance(second, Signal):
        return extremes.maximum([first, second])
    return np.maximum(first, second)


def _torch_minimum(arguments: Arguments) -> TorchValue:
    first, second = part_of(arguments["self"]), part_of(arguments["other"])
    if isinstance(first, Signal) or isinstance(second, Signal):
        return extremes.minimum([first, second])
    return np.minimum(first, second)


def _torch_extreme(*, largest: bool) -> TorchLowering:
    """Largest or smallest over axes; what torch returns beside it, indices, has no value."""

    def lower(arguments: Arguments) -> TorchValue:
        value = part_of(arguments["self"])
        axes, keep = axes_of(arguments, value), bool(arguments.get("keepdim", False))
        if isinstance(value, Signal):
            over = extremes.largest_over if largest else extremes.smallest_over
            return over(value, axes, keep=keep)
        reduce = np.max if largest else np.min
        return np.asarray(reduce(value, axis=axes, keepdims=keep))

    return lower


def _sort(arguments: Arguments) -> TorchValue:
    signal = signal_of(arguments)
    axis = rearranging.axis_in(signal.shape, int(arguments.get("dim", -1)))
    if signal.shape[axis] > extremes.MAX_SORTED:
        raise NetworkError(f"it sorts {signal.shape[axis]} values, more than {extremes.MAX_SORTED}")
    result = extremes.ordered(signal, axis)
    if not arguments.get("descending", False):
        return result
    return rearranging.rearranged(result, lambda array: np.flip(array, axis))


def _norm(arguments: Arguments) -> TorchValue:
    order = float(arguments.get("ord", arguments.get("p", 2)) or 2)
    if order not in (1.0, float("inf")):
        raise UnsupportedOperatorError("only the norms 1 and infinity are piecewise linear")
    signal = lowering.bend(signal_of(arguments), -1.0, 1.0)
    axes, keep = axes_of(arguments, signal), bool(arguments.get("keepdim", False))
    over = lowering.sum_over if order == 1.0 else extremes.largest_over
    return over(signal, axes, keep=keep)


# values that are sorted along one axis
_BOTH = ("Scalar", "Tensor")
_CLAMP = _torch_clip("min", "max", (None, None))

TORCH_UNITS: dict[str, TorchLowering] = {
    "abs.default": _torch_slopes(-1.0, 1.0),
    "amax.default": _torch_extreme(largest=True),
    "amin.default": _torch_extreme(largest=False),
    "bitwise_not.default": _torch_not,
    "clamp.Tensor": _CLAMP,
    "clamp.default": _CLAMP,
    "clamp_max.default": _torch_clip("", "max", (None, None)),
    "clamp_min.default": _torch_clip("min", "", (None, None)),
    "clip.default": _CLAMP,
    **{f"ge.{kind}": _compared(np.greater_equal, swapped=False) for kind in _BOTH},
    **{f"gt.{kind}": _compared(np.greater, swapped=False) for kind in _BOTH},
    "hardshrink.default": _hard_shrink,
    "hardsigmoid.default": _torch_hard_sigmoid,
    "hardtanh.default": _torch_clip("min_val", "max_val", (-1.0, 1.0)),
    **{f"le.{kind}": _compared(np.less_equal, swapped=True) for kind in _BOTH},
    "leaky_relu.default": _torch_leaky_relu,
    "linalg_vector_norm.default": _norm,
    "logical_not.default": _torch_not,
    **{f"lt.{kind}": _compared(np.less, swapped=True) for kind in _BOTH},
    "masked_fill.Scalar": _filled,
    "masked_fill.Tensor": _filled,
    "max.default": _torch_extreme(largest=True),
    "max.dim": _torch_extreme(largest=True),
    "max.other": _torch_maximum,
    "maximum.default": _torch_maximum,
    "min.default": _torch_extreme(largest=False),
    "min.dim": _torch_extreme(largest=False),
    "min.other": _torch_minimum,
    "minimum.default": _torch_minimum,
    "prelu.default": _torch_prelu,
    "relu.default": _torch_slopes(0.0, 1.0),
    "relu6.default": _torch_clip("", "", (0.0, 6.0)),
    "rrelu.default": _rrelu,
    "softshrink.default": _soft_shrink,
    "sort.default": _sort,
    "sort.stable": _sort,
    "threshold.default": _threshold,
    "where.Scalar": _torch_where,
    "where.ScalarOther": _torch_where,
    "where.ScalarSelf": _torch_where,
    "where.self": _torch_where,
}
