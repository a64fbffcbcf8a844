"""What `benchmarks/compare.py` says of outcomes, without the programs it compares."""

import importlib.util
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def compare():
    sys.path.insert(0, str(BENCHMARKS))
    try:
        spec = importlib.util.spec_from_file_location("compare", BENCHMARKS / "compare.py")
        module = importlib.util.module_from_spec(spec)
        sys.modules["compare"] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module
    finally:
        sys.path.remove(str(BENCHMARKS))
        sys.modules.pop("compare", None)


def outcome(regions, edges, seconds=1.0, remark=""):
    return {
        "regions": regions,
        "edges": edges,
        "seconds": seconds,
        "megabytes": 2.0,
        "remark": remark,
    }


def test_a_right_count_is_not_marked(compare):
    right = outcome(10, 12)
    assert compare.cell(outcome(10, 12, 2.0), outcome(10, 12), right) == "5/s, 2×, 2 MB"
    assert compare.counted(outcome(10, None), right) == "10"


def test_wrong_counts_are_marked(compare):
    right = outcome(10, 12)
    assert "**11**" in compare.cell(outcome(11, 12), right, right)
    assert "edges **13**" in compare.cell(outcome(10, 13), right, right)
    assert compare.counted(outcome(11, 13), right) == "**11**, **13**"
    assert compare.counted({"failed": "why"}, right) == "why"


@pytest.mark.slow
def test_an_adapter_that_fails_or_hangs_is_told(compare, tmp_path):
    file = tmp_path / "net.npz"
    file.write_bytes(b"no network")
    python = Path(sys.executable)
    failed = compare.outcome(python, "polyregions", file, None, 100.0)
    assert "failed" in failed
    assert compare.outcome(python, "polyregions", file, None, 0.001) == {"failed": "more than 0 s"}


def test_every_adapter_has_a_program(compare):
    adapters = {path.stem.removeprefix("peer_") for path in BENCHMARKS.glob("peers/peer_*.py")}
    assert adapters <= {peer.name for peer in compare.PEERS} | {"polyregions"}


def test_the_package_imports_none_of_them(compare):
    import polyregions

    sources = Path(polyregions.__file__).parent.rglob("*.py")
    text = "".join(path.read_text(encoding="utf-8") for path in sources)
    assert not any(f"import {peer.name}" in text for peer in compare.PEERS)


def test_the_rate_is_of_all_that_is_found(compare):
    result = outcome(10, None, 2.0)
    assert compare.rate(result) == 5.0
    assert compare.rate({**result, "found": 30}) == 15.0
