"""Collection never fails: whatever needs an optional package skips where that is missing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]
OPTIONAL = "torch onnx onnxruntime matplotlib pyarrow dask distributed meshio sklearn pandas duckdb"
# a plugin that hides packages, as if they were not installed
ABSENT = f"""
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {OPTIONAL.split()!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
"""


@pytest.mark.slow
def test_without_any_optional_package(tmp_path):
    (tmp_path / "absent.py").write_text(ABSENT)
    paths = [str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])]
    # the package may be installed elsewhere
    places = [place for place in ("tests", "polyregions") if (CHECKOUT / place).is_dir()]
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "absent", "--collect-only", "-q", *places],
        cwd=CHECKOUT,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-2000:]
    assert "error" not in run.stdout.splitlines()[-1]
    assert "the extra torch is not installed" in run.stdout
    assert ("polyregions/network.py::" in run.stdout) == ("polyregions" in places)
