"""Torch modules that test modules read, and their files; importing this skips without torch."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="the extra torch is not installed")

from torch import nn  # noqa: E402

__all__ = ["compare", "exported", "member", "perceptron", "plain", "reading_member", "rewritten"]


def perceptron() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(4, 8),
        nn.ReLU(),
        nn.Dropout(),
        nn.Sequential(nn.Linear(8, 5, bias=False), nn.Identity(), nn.ReLU()),
        nn.Linear(5, 2),
    ).eval()


def plain() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))


def compare(network, module, shape=None) -> None:
    """Compare with torch in double precision on random points."""
    x = np.random.default_rng(0).normal(size=(50, network.input_dimension))
    double = module.double().eval()
    with torch.no_grad():
        expected = double(torch.from_numpy(x).reshape(len(x), *(shape or x.shape[1:]))).numpy()
    np.testing.assert_allclose(network.forward(x), expected, rtol=0, atol=1e-12)


def exported(folder: Path, module: nn.Module, example, **options) -> Path:
    file = folder / "net.pt2"
    torch.export.save(torch.export.export(module, (example,), **options), file)
    return file


def rewritten(file: Path, member: str, change) -> None:
    """Change one member of an archive."""
    with zipfile.ZipFile(file) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, change(content) if name.endswith(member) else content)


def member(file: Path, ending: str) -> bytes:
    """The member of an archive whose name ends so."""
    with zipfile.ZipFile(file) as archive:
        return archive.read(next(name for name in archive.namelist() if name.endswith(ending)))


def reading_member(read, source: Path, ending: str):
    """Return a function that reads `source` with one member replaced by a file's content."""
    file = source.with_name(f"bad{source.suffix}")

    def read_with(inner: Path) -> object:
        file.write_bytes(source.read_bytes())
        rewritten(file, ending, lambda _: inner.read_bytes())
        return read(file)

    return read_with
