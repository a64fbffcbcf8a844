import json

import numpy as np
import pytest

from polyregions.cli import main
from polyregions.theory import constructions as known


@pytest.fixture
def chain_file(tmp_path):
    """max(-y, min(0, -x)), whose six counts of regions are 7, 5, 4, 3, 3, 3."""
    arrays = {}
    for index, layer in enumerate(known.maximum_example().network.layers):
        arrays |= {f"W{index}": layer.weight, f"b{index}": layer.bias}
    path = tmp_path / "chain.npz"
    np.savez(path, **arrays)
    return path


@pytest.mark.slow
def test_the_chain_as_json(chain_file, capsys):
    assert main(["linear", str(chain_file), "--whole-space", "--all-patterns", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    counts = [result[f"R{k}"] for k in range(1, 7)]
    assert counts == [7, 5, None, 3, 3, 3]
    assert result["chain_holds"]
    assert "not computed" in result["R3_note"]


def test_the_chain_as_text(chain_file, capsys):
    assert main(["linear", str(chain_file), "--whole-space"]) == 0
    printed = capsys.readouterr().out
    assert "R2  activation regions: 5" in printed
    assert "R3  convex affine pieces: not computed" in printed
    assert "R1" not in printed
    assert "R6 <= R5 <= R4 <= R2 holds" in printed


def test_a_partial_walk_has_no_linear_regions(chain_file, capsys):
    assert main(["linear", str(chain_file), "--whole-space", "--max-regions", "2"]) == 3
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "stopped early" in printed.err
