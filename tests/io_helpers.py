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

PROJECT = Path(__file__).resolve().parent.parent


def data_file(name: str) -> Path:
    """Path of a real network or box beside the project, or skip."""
    folder = Path(os.environ.get("POLYREGIONS_DATA", PROJECT.parent / "shared" / "data"))
    if not (folder / name).is_file():
        pytest.skip(f"no {folder / name}: the real networks are not part of the project")
    return folder / name


def exact_forward(network: Network, x: list[Fraction]) -> list[Fraction]:
    """Evaluate a network in rational arithmetic."""
    for layer in network.layers:
        z = [
            sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), Fraction(b))
            for row, b in zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        ]
        slopes = zip(z, layer.lower.tolist(), layer.upper.tolist(), strict=True)
        x = [Fraction(upper if v > 0 else lower) * v for v, lower, upper in slopes]
    return x


def rationals(array: np.ndarray) -> list[Fraction]:
    return [Fraction(float(entry)) for entry in array.reshape(-1)]


def mutations(content: bytes, count: int, seed: int) -> Iterator[bytes]:
    """Yield damaged versions of a file: truncated, overwritten, cut, doubled."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        damaged = bytearray(content)
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
    read: Callable[[Path], object], content: bytes, file: Path, *, count: int = 100, seed: int = 0
) -> int:
    """Read damaged versions of a file: a refusal or a value, nothing else."""
    messages: list[str] = []
    for damaged in mutations(content, count, seed):
        file.write_bytes(damaged)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                read(file)
        except PolyregionsError as error:
            messages.append(str(error))
    assert all("\n" not in message.strip() for message in messages)
    return len(messages)


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
