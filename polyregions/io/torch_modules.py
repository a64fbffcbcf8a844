"""Torch modules in memory: a Sequential of known layers, or whatever can be traced."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from copy import deepcopy
from io import BytesIO
from operator import index
from typing import Any

from polyregions.errors import NetworkError, UnsupportedOperatorError
from polyregions.files.reading import import_extra
from polyregions.io import signals
from polyregions.io.algebra import parameters_of
from polyregions.io.exact_floats import MAX_ENTRIES, Floats, exact_floats
from polyregions.io.lowering import DroppedOperatorWarning
from polyregions.io.signals import Signal
from polyregions.io.torch_export import read_pt2
from polyregions.io.torch_operators import ATEN, lowered
from polyregions.network import Network

__all__ = ["LEAVES", "floats_of", "from_torch", "supported_modules", "without_dropped"]

_KEEPS_VALUES = ("Flatten", "Identity", "Dropout")
_DROPPED_LAYERS = ("LogSoftmax", "Sigmoid", "Softmax")
# the operators of layers
_OPERATORS = {
    "BatchNorm1d": "batch_norm.default",
    "Hardtanh": "hardtanh.default",
    "LeakyReLU": "leaky_relu.default",
    "Linear": "linear.default",
    "PReLU": "prelu.default",
    "ReLU": "relu.default",
    "ReLU6": "hardtanh.default",
}
LEAVES = (*_OPERATORS, *_KEEPS_VALUES, *_DROPPED_LAYERS)
# the layers whose first one says what an input is, or does not
_WEIGHTED_LAYERS = ("Linear", "Conv1d", "Conv2d", "Conv3d")
# a Sequential that contains itself, or one module many times over, ends here
_MAX_NESTING = 50
_MAX_MODULES = 10_000


def from_torch(
    module: Any,
    *,
    input_shape: Sequence[int] | None = None,
    output: str | int | None = None,
    name: str = "network",
) -> Network:
    """Read a network from a torch module.

    Parameters
    ----------
    module : torch.nn.Module
        A Sequential of the classes of :func:`supported_modules`, or any module that
        ``torch.export`` can trace, of the operators that .pt2 files may hold:
        convolutions, pooling, branches and so on. Dropout and batch normalisation are
        read as in evaluation.
    input_shape : sequence of int, optional
        Shape of one input, without the batch axis: ``(1, 28, 28)``, for instance. By
        default it is what the first Linear reads, if the module takes that and no more; a
        convolution does not say how large a picture is.
    output : str or int, optional
        Which output of a module that returns several, by its key (``"value"``,
        ``"heads.0"``) or its number; by default all that hold real numbers, side by side.
    name : str

    Returns
    -------
    Network
        With the module's parameters, float32 widened without change. Softmax,
        LogSoftmax and Sigmoid are left out at the very end, with a warning.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    UnsupportedOperatorError
        If the module computes something without an exact form here, cannot be traced, or
        needs an `input_shape`.
    NetworkError
        If the modules make no network: shapes, numbers, no hidden unit.

    Warns
    -----
    DroppedOperatorWarning
        If an output is left out, or what a softmax or the like at its end makes.
    JoinedOutputsWarning
        If several outputs stand side by side.

    Examples
    --------
    >>> from torch import nn  # doctest: +SKIP
    >>> module = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 1))  # doctest: +SKIP
    >>> from_torch(module).widths  # doctest: +SKIP
    (8,)
    """
    torch = import_extra("torch", "torch", "reading torch modules")
    if not isinstance(module, torch.nn.Module):
        raise NetworkError(f"from_torch needs a torch module, not {type(module).__name__}")
    module = getattr(module, "_orig_mod", module)  # what torch.compile has wrapped
    if any(torch.nn.parameter.is_lazy(parameter) for parameter in module.parameters()):
        raise NetworkError("the module has parameters without a shape yet; call it once before")
    leaves = list(_leaf_modules(torch, module))
    if len(leaves) > _MAX_MODULES:
        raise NetworkError(f"the module has more than {_MAX_MODULES} layers")
    unknown = next(((place, leaf) for place, kind, leaf in leaves if not kind), None)
    if input_shape is None and output is None and unknown is None:
        return _sequential(torch, leaves, name)
    if input_shape is not None:
        shape = _checked_shape(input_shape)
        return read_pt2(_exported(torch, module, shape), name, name, output)
    first = next((m for m in module.modules() if type(m).__name__ in _WEIGHTED_LAYERS), None)
    width = getattr(first, "in_features", None)
    # a module that takes another length as well does not say its own
    if (
        width is None
        or _accepts(torch, module, (width + 1,))
        or not _accepts(torch, module, (width,))
    ):
        place, leaf = unknown or ("", module)
        reason = "" if first is None else f", which its first {type(first).__name__} does not say"
        raise UnsupportedOperatorError(
            f"module {type(leaf).__name__} (at {place or 'the top'}) is not read without the shape "
            f"of one input{reason}; give input_shape=(1, 28, 28), for instance"
        )
    return read_pt2(_exported(torch, module, (int(width),)), name, name, output)


def _checked_shape(input_shape: Any) -> tuple[int, ...]:
    try:
        shape = tuple(index(extent) for extent in input_shape)
    except TypeError:
        raise NetworkError(
            f"input_shape must be a sequence of integers such as (1, 28, 28), not {input_shape!r}"
        ) from None
    if min(shape, default=0) < 1:
        raise NetworkError(f"input_shape {shape} has no value; give the extents of one input")
    return signals.moderate_shape(shape)


def _accepts(torch: Any, module: Any, input_shape: tuple[int, ...]) -> bool:
    """Whether a module can be called with one input of a shape."""
    copy = deepcopy(module).cpu().eval()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            copy(_example(torch, module, input_shape))
    # a module may raise anything on what it does not expect
    except Exception:
        return False
    return True


def _example(torch: Any, module: Any, input_shape: tuple[int, ...]) -> Any:
    parameter = next((p for p in module.parameters() if p.is_floating_point()), torch.zeros(1))
    return torch.zeros((1, *input_shape), dtype=parameter.dtype)


def _sequential(torch: Any, leaves: list[tuple[str, str, Any]], name: str) -> Network:
    """Read layers that follow each other."""
    width = next((leaf.weight.shape[-1] for _, kind, leaf in leaves if kind == "Linear"), None)
    if width is None:
        raise NetworkError("the module has no Linear layer, so it has no activation regions")
    while leaves[-1][1] in _DROPPED_LAYERS:
        warnings.warn(
            f"the last module {leaves.pop()[1]} is left out: regions are those of the values "
            f"it reads",
            DroppedOperatorWarning,
            stacklevel=3,
        )
    signal = signals.source((1, int(width)))
    for place, kind, leaf in leaves:
        try:
            signal = _layer_result(torch, signal, kind, leaf, place)
        except UnsupportedOperatorError as error:
            raise type(error)(f"module {kind} (at {place or 'the top'}): {error}") from None
        except NetworkError as error:
            raise NetworkError(f"layer {place}: {error}") from None
    return signals.to_network(signal, name)


def _layer_result(torch: Any, signal: Signal, kind: str, leaf: Any, place: str) -> Signal:
    """Return what a layer makes of a signal: its attributes have the names of ATen's arguments."""
    if kind in _DROPPED_LAYERS:
        raise UnsupportedOperatorError("it may only be the very last one")
    if kind not in _OPERATORS:
        return signal
    operator = _OPERATORS[kind]
    arguments: dict[str, Any] = {"self": signal, "input": signal, "training": False}
    for name in parameters_of(ATEN[operator]).keys() - arguments.keys():
        value = getattr(leaf, name, None)
        is_tensor = isinstance(value, torch.Tensor)
        what = f"the {name} of layer {place}"
        arguments[name] = floats_of(torch, value, what) if is_tensor else value
    result = lowered(operator, ATEN[operator], arguments)
    assert isinstance(result, Signal)
    return result


def _exported(torch: Any, module: Any, input_shape: tuple[int, ...]) -> bytes:
    """Return the program that ``torch.export`` makes of a module, as a .pt2 archive."""
    example = _example(torch, module, input_shape)
    kind = type(module).__name__
    buffer = BytesIO()
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            # the copy is put in evaluation mode, not the caller's module
            program = torch.export.export(deepcopy(module).cpu().eval(), (example,))
            torch.export.save(program, buffer)
    # the tracer fails in many ways on what it does not know
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise UnsupportedOperatorError(
            f"torch.export cannot trace the module {kind} for one input of shape {input_shape} "
            f"({reason}); export it to ONNX instead"
        ) from None
    return buffer.getvalue()


def supported_modules() -> tuple[str, ...]:
    """Return the names of the module classes that :func:`from_torch` reads.

    Examples
    --------
    >>> "PReLU" in supported_modules()
    True
    """
    return tuple(sorted((*LEAVES, "Sequential")))


def _leaf_modules(
    torch: Any, module: Any, place: str = "", depth: int = 0
) -> Iterator[tuple[str, str, Any]]:
    """Yield (place, class name, module) of the layers, in order; no name for other classes."""
    if depth > _MAX_NESTING:
        raise NetworkError(f"modules are nested deeper than {_MAX_NESTING}")
    kind = _module_kind(torch, module, place)
    if kind != "Sequential":
        yield place, kind, module
        return
    count = 0
    for key, child in module._modules.items():
        for leaf in _leaf_modules(torch, child, f"{place}.{key}" if place else key, depth + 1):
            yield leaf
            count += 1
            if count > _MAX_MODULES:
                return


def _module_kind(torch: Any, module: Any, place: str) -> str:
    """Return the supported class that a module behaves like, if any."""
    for kind in ("Sequential", *LEAVES):
        known = getattr(torch.nn, kind)
        # a subclass may keep the forward function; an instance may replace it
        same_forward = getattr(type(module), "forward", None) is known.forward
        if isinstance(module, known) and same_forward and "forward" not in vars(module):
            if module._forward_hooks or module._forward_pre_hooks:
                raise UnsupportedOperatorError(
                    f"module {kind} (at {place or 'the top'}) has hooks, which may change its "
                    f"values; remove them (for pruning: torch.nn.utils.prune.remove)"
                )
            return kind
    return ""


def floats_of(torch: Any, tensor: Any, what: str) -> Floats:
    """Return a tensor as float64, or refuse what is no dense tensor of real numbers."""
    real = isinstance(tensor, torch.Tensor) and tensor.is_floating_point()
    if not real or tensor.is_meta or tensor.layout != torch.strided:
        raise NetworkError(f"{what} is not a dense tensor of real floating-point numbers")
    # expanded tensors claim more entries than they store
    if tensor.numel() > MAX_ENTRIES:
        raise NetworkError(f"{what} has more than {MAX_ENTRIES} entries")
    return exact_floats(tensor.detach().to("cpu", torch.float64).numpy(), what)


def without_dropped(torch: Any, module: Any) -> Any:
    """Return a Sequential without a softmax and the like at its end."""
    leaves = [leaf for _, _, leaf in _leaf_modules(torch, module)]
    while type(leaves[-1]).__name__ in _DROPPED_LAYERS:
        leaves.pop()
    return torch.nn.Sequential(*leaves)
