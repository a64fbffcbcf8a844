"""Exported C files, compiled by the system's compiler and called."""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

import polyregions as pr

FLAGS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-O2"]


class Program:
    """A compiled file: its two functions."""

    def __init__(self, source: Path, sizes: tuple[int, int], *flags: str) -> None:
        compiler = shutil.which("cc") or shutil.which("gcc")
        if compiler is None:
            pytest.skip("no C compiler is installed")
        library = source.with_suffix(".so")
        made = subprocess.run(
            [compiler, *FLAGS, *flags, "-shared", "-fPIC", source, "-o", library, "-lm"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert made.returncode == 0, made.stderr
        self.inputs, self.outputs = sizes
        self.library = ctypes.CDLL(str(library))
        self.name = re.search(r"int (\w+)_value\(", source.read_text("ascii"))[1]

    def call(self, x):
        """Return what the function of the value says at one point, and the values."""
        point = (ctypes.c_double * self.inputs)(*x)
        y = (ctypes.c_double * self.outputs)(*[12345.0] * self.outputs)
        number = getattr(self.library, f"{self.name}_value")(point, y)
        assert getattr(self.library, f"{self.name}_region")(point) == number
        return number, list(y)

    def values(self, points):
        found = [self.call(x) for x in np.atleast_2d(points).tolist()]
        return np.array([number for number, _ in found]), np.array([y for _, y in found])


def exported(regions: pr.Regions, path: Path, *flags: str, **options: int) -> Program:
    """Export to C, compile and load."""
    pr.export(regions, path, **options)
    return Program(
        path, (regions.network.input_dimension, regions.network.output_dimension), *flags
    )
