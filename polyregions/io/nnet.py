"""Networks in the .nnet text format of the ACAS Xu project."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from polyregions.domain import Box
from polyregions.errors import DomainError, FormatError, NetworkError
from polyregions.files.reading import ascii_digits, naming, read_bytes
from polyregions.io import lowering, signals
from polyregions.io.blocks import MAX_UNITS
from polyregions.io.exact_floats import Floats
from polyregions.network import Network

__all__ = ["load_nnet", "nnet_input_box"]

_MAX_NNET_LAYERS = 1000
# as text; the weights of the largest network that is read fill less
_MAX_NNET_BYTES = 2**29


def load_nnet(path: str | Path, *, name: str | None = None) -> Network:
    """Read a network from a .nnet file, its normalisation included.

    Inputs are those of the outside world: the network subtracts the means and divides
    by the ranges of the file, and maps its outputs back in the same way. Numbers are
    read as the doubles nearest to the decimals. A range that is no power of two has
    no float as its reciprocal; the nearest double becomes the parameter, with a
    warning (see :func:`polyregions.io.lowering.divide`). Means and ranges that are all
    zero, as some programs write them, say that there is no normalisation. The bounds of
    the inputs in the file are a box (:func:`nnet_input_box`), not part of the function:
    nothing is clipped.

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
    with naming(file):
        lines = _lines_of(file)
        return _network_of_lines(_nnet_header(lines), lines, file.stem if name is None else name)


def nnet_input_box(path: str | Path) -> Box | None:
    """Return the box of a .nnet file: the smallest and largest value of each input.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Box or None
        None if all bounds are zero, which is how some programs leave them out.

    Raises
    ------
    FormatError
        If the file is missing, truncated or malformed.
    DomainError
        If the bounds make no box.
    """
    file = Path(path)
    with naming(file):
        header = _nnet_header(_lines_of(file))
        if not (header.smallest.any() or header.largest.any()):
            return None
        try:
            return Box(header.smallest, header.largest)
        except DomainError as error:
            raise DomainError(
                f"its input ranges make no box ({error}); give a domain, such as --cube 1"
            ) from None


def _lines_of(file: Path) -> Iterator[str]:
    """Return the lines of a file; empty ones and comments are skipped."""
    try:
        text = read_bytes(file, _MAX_NNET_BYTES).decode("utf-8")
    except UnicodeDecodeError:
        raise FormatError("it is no text; it may be damaged: copy it again") from None
    if not text.endswith((",", "\n")):
        # a number cut in two would go unnoticed
        raise FormatError("its last line is not complete; it may be truncated: copy it again")
    return (line for line in text.splitlines() if line.strip() and not line.startswith("//"))


def _numbers(lines: Iterator[str], what: str) -> Floats:
    """Return the numbers of the next line."""
    line = next(lines, None)
    if line is None:
        raise FormatError(f"the file ends before {what}; it may be truncated: copy it again")
    try:
        return np.array(
            [float(field) for field in ascii_digits(line).strip().rstrip(",").split(",")]
        )
    except ValueError:
        raise FormatError(f"{what} are not numbers separated by commas") from None


def _take_numbers(lines: Iterator[str], count: int, what: str, *, or_one: bool = False) -> Floats:
    """Return the numbers of the next line, which must be `count`, or one for them all."""
    numbers = _numbers(lines, what)
    if or_one and len(numbers) == 1:
        numbers = np.repeat(numbers, count)
    if len(numbers) != count:
        raise FormatError(f"{what} are {len(numbers)} numbers instead of {count}")
    return numbers


@dataclass(frozen=True, eq=False)
class _Header:
    """What stands before the weights: sizes of the layers, bounds and normalisation."""

    widths: list[int]
    smallest: Floats
    largest: Floats
    means: Floats
    ranges: Floats


def _nnet_header(lines: Iterator[str]) -> _Header:
    count, inputs, outputs = _whole_sizes(_take_numbers(lines, 4, "the sizes of the network"))[:3]
    if not 1 <= count <= _MAX_NNET_LAYERS:
        raise FormatError(f"the file claims {count} layers")
    sizes = _whole_sizes(_numbers(lines, "the sizes of the layers"))
    # some programs write a size too many; the lines of weights say whether the first are right
    widths = sizes[: count + 1]
    if len(widths) <= count:
        raise FormatError(f"the sizes of the layers are {len(sizes)} numbers for {count} layers")
    if min(widths) < 1 or max(widths) > MAX_UNITS or (inputs, outputs) != (widths[0], widths[-1]):
        raise FormatError(f"the sizes of the layers {widths} are malformed")
    next(lines, None)  # an unused flag
    smallest = _take_numbers(lines, inputs, "the smallest inputs", or_one=True)
    largest = _take_numbers(lines, inputs, "the largest inputs", or_one=True)
    means = _numbers(lines, "the means")
    ranges = _numbers(lines, "the ranges")
    return _Header(widths, smallest, largest, *_normalisation(means, ranges, inputs + 1))


def _normalisation(means: Floats, ranges: Floats, count: int) -> tuple[Floats, Floats]:
    """Return a mean and a range for each input and for the outputs."""
    # none at all: nothing but zeros, or a single 0 and 1
    whole = len(means) == len(ranges) in (1, count)
    if whole and not means.any() and (not ranges.any() or bool((ranges == 1).all())):
        return np.zeros(count), np.ones(count)
    for numbers, what in ((means, "the means"), (ranges, "the ranges")):
        if len(numbers) != count:
            raise FormatError(f"{what} are {len(numbers)} numbers instead of {count}")
    return means, ranges


def _network_of_lines(header: _Header, lines: Iterator[str], name: str) -> Network:
    widths = header.widths
    means, ranges = (_finite_numbers(numbers) for numbers in (header.means, header.ranges))
    signal = signals.source((widths[0],))
    signal = lowering.divide(lowering.add(signal, -means[:-1]), ranges[:-1])
    last = len(widths) - 2
    for layer, (below, width) in enumerate(pairwise(widths)):
        what = f"layer {layer}"
        matrix = [_take_numbers(lines, below, f"weights of {what}") for _ in range(width)]
        bias = [_take_numbers(lines, 1, f"biases of {what}") for _ in range(width)]
        weight, shift = (_finite_numbers(n) for n in (np.array(matrix), np.concatenate(bias)))
        signal = lowering.linear_layer(signal, weight, shift)
        if layer < last:
            signal = lowering.bend(signal, 0.0, 1.0)
    if next(lines, None) is not None:
        raise FormatError("the file goes on after its last layer; its sizes may be wrong")
    signal = lowering.add(lowering.multiply(signal, ranges[-1:]), means[-1:])
    return signals.to_network(signal, name)


def _finite_numbers(numbers: Floats) -> Floats:
    if not np.isfinite(numbers).all():
        raise NetworkError("a number is not finite; remove NaN and infinity from the network")
    return numbers


def _whole_sizes(numbers: Floats) -> list[int]:
    if not (np.isfinite(numbers).all() and (numbers == np.floor(numbers)).all()):
        raise FormatError("a size is not a whole number")
    return [int(number) for number in numbers]
