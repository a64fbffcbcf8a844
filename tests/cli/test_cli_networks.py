"""The options that say how a network file is read: --activation and --output."""

import json

import pytest

from polyregions.cli import main

torch = pytest.importorskip("torch", reason="the extra torch is not installed")

from torch_nets import exported, plain  # noqa: E402

nn = torch.nn
TOLD = "activation relu (told, the file does not name it)"


@pytest.fixture
def state(tmp_path):
    torch.save(plain().state_dict(), tmp_path / "net.pth")
    return str(tmp_path / "net.pth")


@pytest.fixture
def heads(tmp_path):
    class Heads(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.value = nn.Linear(2, 3), nn.Linear(3, 1)

        def forward(self, x):
            features = torch.relu(self.body(x))
            return {"features": features, "value": self.value(features)}

    return str(exported(tmp_path, Heads(), torch.zeros(1, 2)))


def printed(capsys, *args):
    assert main(list(args)) == 0
    return capsys.readouterr()


def test_a_state_dict_is_refused_by_every_command(state, tmp_path, capsys):
    for command in (["count"], ["info"], ["linear"], ["graph", "-o", str(tmp_path / "g.json")]):
        assert main([command[0], state, *command[1:]]) == 2
        assert "--activation relu" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["count", "info", "linear"])
def test_what_was_told_is_repeated(state, capsys, command):
    result = printed(capsys, command, state, "--activation", "relu", "--json")
    assert json.loads(result.out)["assumed"] == TOLD
    assert f"net.pth: {TOLD}" in result.err
    assert f"assumed: {TOLD}" in printed(capsys, command, state, "--activation", "relu").out


@pytest.mark.slow
def test_nothing_is_repeated_where_nothing_was_told(heads, capsys):
    result = printed(capsys, "info", heads, "--output", "value", "--json")
    assert "assumed" not in json.loads(result.out)


def test_what_was_told_is_kept_with_the_result(state, tmp_path, capsys):
    out = tmp_path / "regions.npz"
    printed(capsys, "enumerate", state, "--activation", "relu", "--fix", "0=0.5", "-o", str(out))
    from polyregions import open_regions

    assert open_regions(out).network.assumed == TOLD


def test_what_was_told_is_said_of_a_slice(state, capsys):
    options = ("--activation", "relu", "--fix", "0=0.5", "--whole-space", "--json")
    result = json.loads(printed(capsys, "count", state, *options).out)
    assert (result["assumed"], result["free_inputs"]) == (TOLD, 2)


def test_one_output_is_read(heads, capsys):
    result = printed(capsys, "info", heads, "--output", "value", "--json")
    assert json.loads(result.out)["output_dimension"] == 1
    result = printed(capsys, "info", heads, "--output", "0", "--json")
    assert json.loads(result.out)["output_dimension"] == 3


def test_several_outputs_are_said(heads, capsys):
    result = printed(capsys, "info", heads, "--json")
    assert json.loads(result.out)["output_dimension"] == 4
    assert "'features' and 'value' side by side" in result.err


def test_an_output_that_is_not_there_is_bad_input(heads, capsys):
    assert main(["count", heads, "--output", "labels"]) == 2
    assert "choose 'features' or 'value'" in capsys.readouterr().err


def test_check_reads_the_same_network(state, tmp_path, capsys):
    certificate = str(tmp_path / "net.cert")
    printed(capsys, "certify", state, "--activation", "relu", "--cube", "0.5", "-o", certificate)
    assert "proven" in printed(capsys, "check", state, certificate, "--activation", "relu").out
