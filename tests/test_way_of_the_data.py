"""From the command line to the first region: what is loaded, and through how many hands it goes."""

import json
import subprocess
import sys

import pytest

import polyregions as pr
from polyregions.io import save_network

# the deepest call of the package before the kernel of the walk; how kernels are kept is apart
PROGRAM = """
import json, sys
from polyregions.cli import main
from polyregions.walk import steps

def callers():
    frame, names = sys._getframe(2), []
    while frame is not None:
        module = frame.f_globals["__name__"]
        if module.startswith("polyregions.") and not module.startswith("polyregions.compiled"):
            names.append(f"{module}.{frame.f_code.co_name}")
        frame = frame.f_back
    return names[::-1]

advance, seen = steps.advance, []

def noted(*arguments):
    seen.append(callers())
    return advance(*arguments)

steps.advance = noted
main(["count", sys.argv[1], "--box", "-1", "1"])
readers = sorted(name for name in sys.modules if name.startswith("polyregions.io."))
print(json.dumps([seen[0], readers]), file=sys.stderr)
"""


@pytest.fixture(scope="module")
def way(tmp_path_factory):
    file = tmp_path_factory.mktemp("way") / "net.npz"
    save_network(pr.Network.from_arrays([([[1.0, 2.0]], [0.5]), ([[1.0]], [0.0])]), file)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(file)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stderr.splitlines()[-1])


def test_a_region_is_twelve_calls_away(way):
    calls, _ = way
    assert calls[0] == "polyregions.cli.main"
    assert len(calls) <= 11, "\n".join(calls)  # and the kernel


def test_no_reader_of_another_format_is_loaded(way):
    _, readers = way
    assert "polyregions.io.npz" in readers
    other = ("nnet", "onnx", "torch", "safetensors", "state_dicts", "sklearn", "vnnlib", "lowering")
    assert [name for name in readers if name.split(".")[2].startswith(other)] == []
