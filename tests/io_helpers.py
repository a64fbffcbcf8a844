"""What the tests of the readers share: real files, damaged files."""

import os
import warnings
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from polyregions.errors import FormatError, PolyregionsError
from polyregions.network import Network
from polyregions.pattern import unpack

PROJECT = Path(__file__).resolve().parent.parent


def data_file(name: str) -> Path:
    """Path of a real network or box beside the project, or skip."""
    folder = Path(os.environ.get("POLYREGIONS_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / name).is_file():
        pytest.skip(f"no {folder / name}: the real networks are not part of the project")
    return folder / name


def exact_forward(
    network: Network, x: list[Fraction], bits: list[int] | None = None
) -> list[Fraction]:
    """Evaluate a network in rational arithmetic; append its pattern to `bits`."""
    for layer in network.layers:
        z = [
            sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(b))
            for row, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        ]
        if bits is not None:
            bits.extend(int(v > 0) for v, bends in zip(z, layer.bends, strict=True) if bends)
        slopes = zip(z, layer.lower.tolist(), layer.upper.tolist(), strict=True)
        x = [Fraction(upper if v > 0 else lower) * v for v, lower, upper in slopes]
    return x


def rationals(array: np.ndarray) -> list[Fraction]:
    return [Fraction(float(entry)) for entry in array.reshape(-1)]


def mutations(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield damaged versions of a file: truncated, overwritten, cut, doubled."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        damaged = bytearray(content)
        if number % 8 == 7:
            yield bytes(damaged[: int(rng.integers(len(damaged)))])
            continue
        for _ in range(int(rng.integers(1, 6))):
            start = int(rng.integers(len(damaged)))
            stop = start + int(rng.integers(1, 9))
            match int(rng.integers(5)):
                case 0:
                    damaged[start:stop] = rng.bytes(len(damaged[start:stop]))
                case 1:
                    damaged[start] = int(rng.choice([0, 1, 0x7F, 0x80, 0xFF]))
                case 2:
                    del damaged[start:stop]
                case 3:
                    damaged[start:start] = damaged[start:stop]
                case _:
                    damaged[start:start] = rng.bytes(stop - start)
        yield bytes(damaged)


def check_fuzz(
    read: Callable[[Path], object],
    content: bytes,
    file: Path,
    *,
    count: int = 100,
    seed: int = 0,
    reread: Callable[[Path, np.ndarray], np.ndarray] | None = None,
) -> int:
    """Read damaged versions of a file: a refusal or a right value, nothing else.

    `reread` evaluates the file at points by other means; what it raises does not count.
    Returns how many versions were refused.
    """
    messages: list[str] = []
    for damaged in mutations(content, count, seed):
        file.write_bytes(damaged)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                value = read(file)
            except PolyregionsError as error:
                messages.append(str(error))
                continue
            if isinstance(value, Network):
                check_evaluation(value, file, reread)
    assert all("\n" not in message.strip() for message in messages)
    return len(messages)


def check_evaluation(
    network: Network, file: Path, reread: Callable[[Path, np.ndarray], np.ndarray] | None
) -> None:
    """A network that was read is evaluated as in exact arithmetic, and as by other means."""
    points = np.random.default_rng(0).normal(size=(2, network.input_dimension))
    given, bits = network.forward(points), unpack(network.pattern(points), network.hidden_units)
    size = abs(points)  # what rounding is relative to
    for layer in network.layers:
        slopes = np.maximum(abs(layer.lower), abs(layer.upper))
        size = (size @ abs(layer.matrix).T + abs(layer.bias)) * slopes
    for x, y, pattern, scale in zip(points, given, bits, size, strict=True):
        exact = exact_forward(network, rationals(x), signs := [])
        assert pattern.tolist() == signs
        for ours, theirs, bound in zip(y.tolist(), exact, scale.tolist(), strict=True):
            # beyond that floats overflow
            assert not bound < 1e290 or abs(Fraction(ours) - theirs) <= 1e-12 * bound + 1e-300
    if reread is None:
        return
    try:
        expected = reread(file, points)
    except Exception:
        return
    fine = np.isfinite(expected) & (size < 1e30)
    assert (abs(given - expected) <= 1e-4 * size + 1e-30)[fine].all()


def check_unreadable(read: Callable[[Path], object], content: bytes, file: Path) -> None:
    """Refuse what is no file, no file of this format, or only the start of one."""
    with pytest.raises(FormatError, match="no file"):
        read(file)
    for length in sorted({0, 1, 10, len(content) // 4, len(content) // 2, len(content) - 1}):
        file.write_bytes(content[:length])
        with pytest.raises(PolyregionsError):
            read(file)
    for seed in range(5):
        file.write_bytes(np.random.default_rng(seed).bytes(200))
        with pytest.raises(FormatError):
            read(file)
    file.unlink()
    file.mkdir()
    with pytest.raises(FormatError, match="not a file"):
        read(file)
