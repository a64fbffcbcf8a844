"""The table of ONNX operators: what is read, what is dropped, what is refused and why.

To support an operator, write a function from its inputs to its output in one of the
modules that this table is put together from, and add a row there. An input is a
constant or a :class:`~polyregions.io.lowering.Signal`. What it makes of constants alone,
if it can, is a row of :data:`~polyregions.io.onnx_constants.FOLDS`.
"""

from __future__ import annotations

from dataclasses import replace

from polyregions.errors import UnsupportedOperatorError
from polyregions.io.onnx_arithmetic import ARITHMETIC
from polyregions.io.onnx_bends import ONNX_BENDS
from polyregions.io.onnx_constants import FOLDS, ONNX_CONSTANTS
from polyregions.io.onnx_outputs import DROPPED_NODES
from polyregions.io.onnx_resizing import RESIZING
from polyregions.io.onnx_shapes import ONNX_SHAPES
from polyregions.io.onnx_values import Node, Operator
from polyregions.io.onnx_windows import ONNX_WINDOWS

__all__ = ["OPERATORS", "require_supported", "supported_operators"]

OPERATORS: dict[str, Operator] = {
    name: replace(operator, fold=FOLDS.get(name))
    for table in (ARITHMETIC, ONNX_BENDS, ONNX_CONSTANTS, RESIZING, ONNX_SHAPES, ONNX_WINDOWS)
    for name, operator in table.items()
}

_ONNX_REASONS = {
    **dict.fromkeys(("RNN", "LSTM", "GRU", "Scan"), "it is recurrent"),
    **dict.fromkeys(("Loop", "If"), "it steers by values"),
    **dict.fromkeys(("DynamicQuantizeLinear", "QuantizeLinear"), "it rounds values"),
    **dict.fromkeys(
        (
            "Bernoulli",
            "Multinomial",
            "RandomNormal",
            "RandomNormalLike",
            "RandomUniform",
            "RandomUniformLike",
        ),
        "it draws random numbers",
    ),
    **dict.fromkeys(
        DROPPED_NODES, "it is not piecewise linear and may only be the very last operator"
    ),
}


def supported_operators() -> tuple[str, ...]:
    """Return the names of the operators that :func:`~polyregions.io.onnx_graph.load_onnx` reads.

    Examples
    --------
    >>> "Gemm" in supported_operators()
    True
    """
    return tuple(sorted(OPERATORS))


def require_supported(node: Node) -> None:
    """Refuse a node whose operator or one of whose attributes is not known.

    Raises
    ------
    UnsupportedOperatorError
    """
    operator = OPERATORS.get(node.operator)
    if operator is None:
        reason = f" ({reason})" if (reason := _ONNX_REASONS.get(node.operator)) else ""
        raise UnsupportedOperatorError(
            f"operator {node.label} is not supported{reason}; supported are "
            f"{', '.join(supported_operators())}"
        )
    unknown = sorted(set(node.attributes) - operator.attributes)
    if unknown:
        raise UnsupportedOperatorError(
            f"attribute {unknown[0]!r} of operator {node.label} is not supported; "
            f"supported are {', '.join(sorted(operator.attributes)) or 'none'}"
        )
