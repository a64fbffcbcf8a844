import sys
from pathlib import Path

import numpy as np
import pytest
from io_helpers import check_fuzz, check_unreadable

from polyregions.errors import FormatError, MissingExtraError, NetworkError, PolyregionsError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import DroppedOperatorWarning, from_torch, load
from polyregions.io.comparison import largest_difference

torch = pytest.importorskip("torch", reason="the extra torch is not installed")
nn = torch.nn

from torch_nets import compare, member, perceptron, plain, reading_member  # noqa: E402


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_sequential(dtype):
    module = perceptron().to(dtype)
    network = from_torch(module, name="mine")
    assert (network.name, network.widths) == ("mine", (8, 5))
    compare(network, module)


def test_training_mode_and_subclasses_do_not_matter():
    class Named(nn.Linear):
        pass

    module = nn.Sequential(nn.Identity(), Named(3, 4), nn.ReLU(), nn.Linear(4, 2)).train()
    compare(from_torch(module), module)


def test_relu_first_twice_and_last():
    module = nn.Sequential(
        nn.ReLU(), nn.Linear(3, 4), nn.ReLU(), nn.ReLU(), nn.Linear(4, 2), nn.ReLU()
    )
    network = from_torch(module)
    assert network.widths == (3, 4, 4, 2)
    compare(network, module)


def test_parameters_are_not_shared_with_the_module():
    module = plain()
    network = from_torch(module)
    before = network.fingerprint
    with torch.no_grad():
        module[0].weight.zero_()
    assert from_torch(module).fingerprint != before == network.fingerprint


def hooked() -> nn.Module:
    module = plain()
    module[0].register_forward_hook(lambda *_: None)
    return module


def overridden() -> nn.Module:
    module = plain()
    module[1].forward = torch.tanh
    return module


def nan() -> nn.Module:
    module = plain()
    module[2].bias.data[0] = float("nan")
    return module


def nested() -> nn.Module:
    module = nn.Sequential(nn.Linear(1, 1))
    for _ in range(60):
        module = nn.Sequential(module)
    return module


def repeated() -> nn.Module:
    module = nn.Sequential(nn.Linear(1, 1), nn.ReLU())
    for _ in range(40):
        module = nn.Sequential(module, module)
    return module


class Custom(nn.Linear):
    def forward(self, x):
        return -x


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.Tanh()), Unsupported, r"Tanh \(at 1\).*ReLU"),
        (
            lambda: nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1))),
            Unsupported,
            r"Conv2d \(at 0\.0\)",
        ),
        (lambda: nn.Sequential(Custom(2, 2)), Unsupported, "Custom"),
        (lambda: nn.TransformerEncoderLayer(2, 1), Unsupported, "TransformerEncoderLayer"),
        (
            lambda: nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(4, 1)),
            NetworkError,
            "layer 2",
        ),
        (lambda: nn.Sequential(nn.Linear(2, 3)), NetworkError, "hidden"),
        (lambda: nn.Sequential(nn.ReLU()), NetworkError, "no Linear"),
        (nn.Sequential, NetworkError, "no Linear"),
        (lambda: nn.Sequential(nn.Linear(2, 3, device="meta"), nn.ReLU()), NetworkError, "dense"),
        (lambda: plain().to(torch.complex64), NetworkError, "real"),
        (hooked, Unsupported, "hooks"),
        (overridden, Unsupported, "ReLU"),
        (nan, NetworkError, "bias of layer 2 .* not a finite"),
        (nested, NetworkError, "nested deeper"),
        (repeated, NetworkError, "more than 10000"),
        (lambda: 3, NetworkError, "not int"),
        (lambda: plain().state_dict(), NetworkError, "not OrderedDict"),
    ],
)
@pytest.mark.filterwarnings("ignore:Complex modules")
def test_refuses_modules(module, error, message):
    with pytest.raises(error, match=message):
        from_torch(module())


@pytest.mark.parametrize("suffix", [".pth", ".pt"])
def test_saved_module(tmp_path, suffix):
    module = perceptron()
    torch.save(module, tmp_path / f"net{suffix}")
    network = load(tmp_path / f"net{suffix}")
    assert network.name == "net"
    assert network.fingerprint == from_torch(module).fingerprint


@pytest.mark.parametrize("prefix", ["", "net.layers."])
def test_saved_state_dict(tmp_path, prefix):
    module = plain()
    state = {prefix + key: value for key, value in module.state_dict().items()}
    torch.save(dict(reversed(state.items())), tmp_path / "net.pth")
    assert load(tmp_path / "net.pth").fingerprint == from_torch(module).fingerprint


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.Tanh()), FormatError, "activation.Tanh"),
        (
            lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).state_dict(),
            FormatError,
            "nothing between",
        ),
        (
            lambda: nn.Sequential(nn.Conv1d(1, 1, 1), nn.ReLU(), nn.Linear(1, 1)).state_dict(),
            Unsupported,
            "0 is not Linear",
        ),
        (lambda: perceptron().state_dict(), FormatError, "one Sequential"),
        (lambda: {"fc.weight": torch.ones(2, 2)}, FormatError, r"'fc\.weight'"),
        (lambda: {"0.weight": 3}, FormatError, r"'0\.weight'"),
        (lambda: {"0.bias": torch.ones(2)}, Unsupported, "0 is not Linear"),
        (lambda: {}, FormatError, "one Sequential"),
        (lambda: torch.ones(2), FormatError, "holds a Tensor"),
        (lambda: [1, 2], FormatError, "holds a list"),
        (lambda: nn.Sequential(nn.Linear(2, 2)).state_dict(), NetworkError, "hidden"),
    ],
)
def test_refuses_saved(tmp_path, content, error, message):
    torch.save(content(), tmp_path / "net.pth")
    with pytest.raises(error, match=message):
        load(tmp_path / "net.pth")


class Evil:
    def __reduce__(self):
        return (Path.touch, (Path("evil_was_here"),))


def test_no_code_of_a_file_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(Evil(), tmp_path / "net.pth")
    with pytest.raises(FormatError, match="running code"):
        load(tmp_path / "net.pth")
    assert not Path("evil_was_here").exists()


def test_torch_file_before_1_6_is_refused(tmp_path):
    torch.save(plain().state_dict(), tmp_path / "net.pth", _use_new_zipfile_serialization=False)
    with pytest.raises(FormatError, match=r"1\.6"):
        load(tmp_path / "net.pth")


def test_missing_package_is_named(tmp_path, monkeypatch):
    torch.save(plain(), tmp_path / "net.pth")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r'pip install "polyregions\[torch\]"'):
        load(tmp_path / "net.pth")


def test_refuses_unreadable_files(tmp_path):
    torch.save(plain(), tmp_path / "net.pth")
    check_unreadable(load, (tmp_path / "net.pth").read_bytes(), tmp_path / "bad.pth")


@pytest.mark.parametrize("kind", ["module", "state"])
def test_survives_damaged_files(tmp_path, kind):
    file = tmp_path / "net.pth"
    torch.save(plain() if kind == "module" else plain().state_dict(), file)
    assert check_fuzz(load, file.read_bytes(), tmp_path / "bad.pth", count=200) > 100


def test_survives_damaged_pickles(tmp_path):
    """Damage inside the archive, with checksums made right again."""
    file = tmp_path / "net.pth"
    torch.save(plain(), file)
    read, content = reading_member(load, file, "data.pkl"), member(file, "data.pkl")
    assert check_fuzz(read, content, tmp_path / "inner", seed=2) > 20


class Block(nn.Module):
    """A residual block; `change` decides what happens in place."""

    def __init__(self, change):
        super().__init__()
        self.linear, self.change = nn.Linear(3, 3), change

    def forward(self, x):
        return self.change(self.linear(x))


@pytest.mark.slow
def test_modules_of_any_kind_are_traced():
    module = Block(lambda z: torch.cat([z + torch.relu(z), torch.relu(z).abs()[:, 1:]], dim=1))
    compare(from_torch(module, input_shape=(3,)), module)


@pytest.mark.parametrize(
    "change",
    [
        lambda z: torch.relu_(z) * 2,
        lambda z: torch.relu_(z) + z,
        lambda z: torch.cat([torch.relu_(z), z], dim=1),
    ],
)
def test_operators_in_place(change):
    module = Block(change)
    network = from_torch(module, input_shape=(3,))
    x = np.random.default_rng(0).normal(size=(5, 3))
    with torch.no_grad():
        rows = [module.double()(torch.from_numpy(p[None])).numpy().ravel() for p in x]
    np.testing.assert_allclose(network.forward(x), rows, atol=1e-12)


@pytest.mark.parametrize(
    "change",
    [
        lambda z: torch.relu_(z.view(-1)).sum() + z,
        lambda z: z.view(3) + torch.relu_(z.view(3)) + z,
    ],
)
def test_a_value_changed_in_place_through_a_view_is_not_read(change):
    with pytest.raises(Unsupported, match="in place"):
        from_torch(Block(change), input_shape=(3,))


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (nn.Sequential(nn.Linear(3, 3), nn.GELU()), "gelu"),
        (nn.Sequential(nn.Linear(3, 3), nn.ConvTranspose1d(1, 1, 1)), "conv_transpose1d"),
        (Block(lambda z: z if z.sum() > 0 else -z), "cannot trace"),
        (Block(lambda z: z * z), "both factors"),
        (Block(lambda z: torch.rand_like(z) + z), "rand_like"),
        (nn.LSTM(3, 3), "exactly one output"),
    ],
)
def test_refuses_what_is_not_piecewise_linear(module, message):
    with pytest.raises(PolyregionsError, match=message):
        from_torch(module, input_shape=(3,))


def test_simple_modules_of_every_kind(tmp_path):
    torch.manual_seed(3)
    module = nn.Sequential(
        nn.Linear(4, 6), nn.BatchNorm1d(6), nn.LeakyReLU(0.125), nn.Linear(6, 5), nn.PReLU(5),
        nn.Hardtanh(-2.0, 1.5), nn.Linear(5, 4), nn.ReLU6(), nn.Linear(4, 2), nn.Softmax(1),
    )  # fmt: skip
    module(torch.randn(20, 4))
    module.eval()
    with pytest.warns(DroppedOperatorWarning, match="Softmax"):
        network = from_torch(module)
    compare(network, module[:-1])
    with pytest.warns(DroppedOperatorWarning, match="softmax"):
        traced = from_torch(module.float(), input_shape=(4,))
    assert traced.widths == network.widths
    torch.save(module, tmp_path / "net.pth")
    with pytest.warns(DroppedOperatorWarning):
        loaded = load(tmp_path / "net.pth")
    assert largest_difference(loaded, tmp_path / "net.pth") < 1e-12
