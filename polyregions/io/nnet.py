"""Networks in the .nnet text format of the ACAS Xu project."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from polyregions.errors import FormatError, NetworkError
from polyregions.io import lowering
from polyregions.io.blocks import MAX_UNITS
from polyregions.io.exact_floats import Floats
from polyregions.io.files import read_bytes
from polyregions.network import Network

__all__ = ["load_nnet"]

_MAX_LAYERS = 1000


def load_nnet(path: str | Path, *, name: str | None = None) -> Network:
    """Read a network from a .nnet file, its normalisation included.

    Inputs are those of the outside world: the network subtracts the means and divides
    by the ranges of the file, and maps its outputs back in the same way. Numbers are
    read as the doubles nearest to the decimals. A range that is no power of two has
    no float as its reciprocal; the nearest double becomes the parameter, with a
    warning (see :func:`polyregions.io.lowering.divide`). The bounds of the inputs in
    the file are a suggestion for a box, not part of the function: nothing is clipped.

    Parameters
    ----------
    path : str or Path
    name : str, optional
        Name of the network; by default that of the file.

    Raises
    ------
    FormatError
        If the file is missing, truncated or malformed.
    NetworkError
        If the numbers make no network.

    Warns
    -----
    RoundedDivisionWarning
        If a range is no power of two.
    """
    file = Path(path)
    try:
        text = read_bytes(file).decode("utf-8")
        if not text.endswith((",", "\n")):
            # a number cut in two would go unnoticed
            raise FormatError("its last line is not complete; it may be truncated: copy it again")
        lines = [line for line in text.splitlines() if not line.startswith("//")]
        return _network(_Lines(lines), file.stem if name is None else name)
    except UnicodeDecodeError:
        raise FormatError(f"{file} is no text; it may be damaged: copy it again") from None
    except (FormatError, NetworkError) as error:
        if str(error).startswith(str(file)):
            raise
        raise type(error)(f"{file}: {error}") from None


class _Lines:
    """Lines of numbers, taken one after the other."""

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._next = 0

    def take(self, count: int, what: str) -> Floats:
        """Return the numbers of the next line, which must be `count`."""
        if self._next >= len(self._lines):
            raise FormatError(f"the file ends before {what}; it may be truncated: copy it again")
        fields = self._lines[self._next].strip().rstrip(",").split(",")
        self._next += 1
        try:
            numbers = np.array([float(field) for field in fields])
        except ValueError:
            raise FormatError(f"{what} are not numbers separated by commas") from None
        if len(numbers) != count:
            raise FormatError(f"{what} are {len(numbers)} numbers instead of {count}")
        return numbers

    def finished(self) -> bool:
        """Whether only empty lines are left."""
        return not any(line.strip() for line in self._lines[self._next :])


def _network(lines: _Lines, name: str) -> Network:
    count, inputs, outputs = _whole(lines.take(4, "the sizes of the network"))[:3]
    if not 1 <= count <= _MAX_LAYERS:
        raise FormatError(f"the file claims {count} layers")
    widths = _whole(lines.take(count + 1, "the sizes of the layers"))
    if min(widths) < 1 or max(widths) > MAX_UNITS or (inputs, outputs) != (widths[0], widths[-1]):
        raise FormatError(f"the sizes of the layers {widths} are malformed")
    lines.take(1, "the unused flag")
    lines.take(inputs, "the smallest inputs")
    lines.take(inputs, "the largest inputs")
    means = lines.take(inputs + 1, "the means")
    ranges = lines.take(inputs + 1, "the ranges")
    signal = lowering.source((inputs,))
    signal = lowering.divide(lowering.add(signal, -_finite(means[:-1])), _finite(ranges[:-1]))
    for layer in range(count):
        below, width = widths[layer], widths[layer + 1]
        what = f"layer {layer}"
        matrix = [lines.take(below, f"weights of {what}") for _ in range(width)]
        bias = [lines.take(1, f"biases of {what}") for _ in range(width)]
        signal = lowering.matmul_right(signal, _finite(np.array(matrix)).T)
        signal = lowering.add(signal, _finite(np.concatenate(bias)))
        if layer < count - 1:
            signal = lowering.bend(signal, 0.0, 1.0)
    if not lines.finished():
        raise FormatError("the file goes on after its last layer; its sizes may be wrong")
    signal = lowering.add(lowering.multiply(signal, _finite(ranges[-1:])), means[-1:])
    return lowering.to_network(signal, name)


def _finite(numbers: Floats) -> Floats:
    if not np.isfinite(numbers).all():
        raise NetworkError("a number is not finite; remove NaN and infinity from the network")
    return numbers


def _whole(numbers: Floats) -> list[int]:
    if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
        raise FormatError("a size is not a whole number")
    return [int(number) for number in numbers]
