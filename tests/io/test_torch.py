import sys
import warnings
import zipfile
from functools import partial
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

from torch_nets import compare, exported, member, perceptron, plain, reading_member  # noqa: E402


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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (lambda: nn.Sequential(nn.Linear(2, 2), nn.Tanh()), Unsupported, r"tanh.*relu"),
        (
            lambda: nn.Sequential(nn.Sequential(nn.Conv2d(1, 1, 1))),
            Unsupported,
            r"Conv2d \(at 0\.0\)",
        ),
        (lambda: nn.Sequential(Custom(2, 2)), Unsupported, "Custom"),
        (lambda: nn.TransformerEncoderLayer(2, 1), Unsupported, "dot_product_attention"),
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
        (overridden, Unsupported, "tanh"),
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


def saved(folder, content, suffix=".pth"):
    torch.save(content, folder / f"net{suffix}")
    return folder / f"net{suffix}"


@pytest.mark.parametrize("prefix", ["", "net.layers.", "module.", "model.module."])
def test_saved_state_dict(tmp_path, prefix):
    module = plain()
    state = {prefix + key: value for key, value in module.state_dict().items()}
    network = load(saved(tmp_path, dict(reversed(state.items()))), activation="relu")
    assert network.fingerprint == from_torch(module).fingerprint
    assert network.assumed == "activation relu (told, the file does not name it)"


ACTIVATIONS = {
    "relu": nn.ReLU(),
    "leaky_relu:0.1": nn.LeakyReLU(0.1),
    "abs": None,
    "relu6": nn.ReLU6(),
    "hardtanh:-0.5:.25": nn.Hardtanh(-0.5, 0.25),
}


class Unit(nn.Module):
    def forward(self, x):
        return x.abs()


@pytest.mark.parametrize("text", ACTIVATIONS)
def test_state_dict_with_every_activation(tmp_path, text):
    module = nn.Sequential(
        nn.Linear(3, 6), ACTIVATIONS[text] or Unit(), nn.Linear(6, 4), nn.Dropout(), nn.Linear(4, 2)
    )
    file = saved(tmp_path, module.state_dict())
    network = load(file, activation=f"{text},none")
    compare(network, module)
    # one for all places stands in both
    assert load(file, activation=text).hidden_units > network.hidden_units
    assert load(file, activation=f"{text},none").assumed.startswith(f"activation {text},none")


def test_a_state_dict_is_not_guessed(tmp_path):
    """Four networks whose state dicts are alike: none is read as one with ReLU."""
    for unit in (nn.ReLU(), nn.Tanh(), nn.LeakyReLU(0.1), nn.Dropout()):
        file = saved(tmp_path, nn.Sequential(nn.Linear(2, 3), unit, nn.Linear(3, 1)).state_dict())
        with pytest.raises(FormatError, match=r'layers 0, 2: .*activation="relu" \(--activation'):
            load(file)


def test_a_gap_in_the_numbers_is_said(tmp_path):
    layers = nn.Linear(2, 3), nn.ReLU(), nn.Dropout(), nn.Linear(3, 1)
    module = nn.Sequential(*layers)
    network = load(saved(tmp_path, module.state_dict()), activation="relu")
    compare(network, module)
    assert network.assumed.endswith("1 more modules between the layers pass their values on")


class Attributes(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1, self.fc2, self.fc3 = nn.Linear(2, 4), nn.Linear(4, 3), nn.Linear(3, 1)

    def forward(self, x):
        return self.fc3(torch.relu(self.fc2(torch.relu(self.fc1(x)))))


def test_attributes_with_numbers(tmp_path):
    module = Attributes()
    compare(load(saved(tmp_path, module.state_dict()), activation="relu"), module)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tanh", "'tanh' is not known here; known are .*leaky_relu:SLOPE"),
        ("leaky_relu", "does not have the form leaky_relu:SLOPE"),
        ("leaky_relu:x", "does not have the form"),
        ("leaky_relu:1_0", "does not have the form"),
        ("leaky_relu:٣", "does not have the form"),
        ("leaky_relu:1e999", "does not have the form"),
        ("leaky_relu:1:2", "does not have the form"),
        ("relu:1", "does not have the form relu; write the name alone"),
        ("hardtanh:1:0", "clips to"),
        ("relu,relu,relu", "3 activations do not fit 2 layers"),
        ("", "'' is not known"),
    ],
)
def test_refuses_activations(tmp_path, text, message):
    with pytest.raises(PolyregionsError, match=message):
        load(saved(tmp_path, plain().state_dict()), activation=text)


def test_an_activation_of_a_file_that_has_its_own_is_refused(tmp_path):
    with pytest.raises(FormatError, match="leave the activation out"):
        load(saved(tmp_path, plain()), activation="relu")
    with pytest.raises(FormatError, match="leave it out"):
        load(tmp_path / "net.npz", activation="relu")
    with pytest.raises(FormatError, match="leave it out"):
        load(tmp_path / "net.pth", output="value")


STATE = plain().state_dict()


@pytest.mark.parametrize(
    "checkpoint",
    [
        {"epoch": 3, "model_state_dict": STATE, "loss": torch.tensor(1.0)},
        {"state_dict": {f"model.{key}": value for key, value in STATE.items()}, "epoch": 1},
        {"net": {"weights": STATE}, "optimizer": {"state": {0: {"exp_avg": torch.ones(2)}}}},
        {"model": plain(), "args": [1, 2]},
    ],
)
def test_checkpoints(tmp_path, checkpoint):
    told = {} if isinstance(checkpoint.get("model"), nn.Module) else {"activation": "relu"}
    network = load(saved(tmp_path, checkpoint, ".ckpt"), **told)
    assert network.fingerprint == from_torch(plain()).fingerprint


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (lambda: {"model": STATE, "ema": {"shadow": STATE}}, FormatError, "'model', 'ema.shadow'"),
        (lambda: {"epoch": 3, "optimizer": {"lr": 0.1}}, FormatError, "only 'epoch', 'optimizer'"),
        (
            lambda: nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1)).state_dict(),
            NetworkError,
            "0 and 1 have no number between them for relu",
        ),
        (
            lambda: nn.Sequential(nn.Conv1d(1, 1, 1), nn.ReLU(), nn.Linear(1, 1)).state_dict(),
            Unsupported,
            "0 is not Linear",
        ),
        (
            lambda: nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1), nn.ReLU()).state_dict(),
            FormatError,
            "running_mean",
        ),
        (lambda: perceptron().state_dict(), FormatError, "one Sequential"),
        (lambda: {"fc.weight": torch.ones(2, 2)}, FormatError, r"'fc\.weight'"),
        (lambda: {"0.weight": 3}, FormatError, r"'0\.weight'"),
        (lambda: {"0.weight": torch.ones(2, 2).int()}, FormatError, r"'0\.weight'"),
        (lambda: {"0.bias": torch.ones(2)}, Unsupported, "0 is not Linear"),
        (lambda: {}, FormatError, "one Sequential"),
        (lambda: torch.ones(2), FormatError, "holds a Tensor"),
        (lambda: [1, 2], FormatError, "holds a list"),
        (lambda: nn.Sequential(nn.Linear(2, 2)).state_dict(), NetworkError, "hidden"),
        (
            lambda: {"0.weight": torch.ones(1, 1).expand(10**4, 10**4)},
            FormatError,
            "claim 100000000 entries",
        ),
    ],
)
def test_refuses_saved(tmp_path, content, error, message):
    with pytest.raises(error, match=message):
        load(saved(tmp_path, content()), activation="relu")


def test_refuses_a_module_with_another_unit(tmp_path):
    with pytest.raises(FormatError, match=r"activation\.Tanh"):
        load(saved(tmp_path, nn.Sequential(nn.Linear(2, 2), nn.Tanh())))


def test_a_torchscript_archive_is_called_by_its_name(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that TorchScript is deprecated
        torch.jit.trace(plain(), torch.zeros(1, 3)).save(tmp_path / "net.pt")
    with pytest.raises(FormatError, match=r"TorchScript archive.*torch\.export\.save as \.pt2"):
        load(tmp_path / "net.pt")


def test_a_program_of_torch_export_is_called_by_its_name(tmp_path):
    exported(tmp_path, plain(), torch.zeros(1, 3)).rename(tmp_path / "net.pt")
    with pytest.raises(FormatError, match=r"end in \.pt2"):
        load(tmp_path / "net.pt")


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


@pytest.mark.parametrize("suffix", [".pth", ".pt2"])
def test_refuses_a_member_twice(tmp_path, suffix):
    """Which of them is meant, nobody knows."""
    if suffix == ".pt2":
        file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    else:
        file = saved(tmp_path, plain())
    with zipfile.ZipFile(file, "a") as archive:
        name = next(name for name in archive.namelist() if "data" in name)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr(name, archive.read(name))
    with pytest.raises(FormatError, match=r"save it again"):
        load(file)


def test_refuses_unreadable_files(tmp_path):
    torch.save(plain(), tmp_path / "net.pth")
    check_unreadable(load, (tmp_path / "net.pth").read_bytes(), tmp_path / "bad.pth")


@pytest.mark.parametrize("kind", ["module", "state"])
def test_survives_damaged_files(tmp_path, kind):
    file = saved(tmp_path, plain() if kind == "module" else plain().state_dict())
    read = load if kind == "module" else partial(load, activation="relu")
    assert check_fuzz(read, file.read_bytes(), tmp_path / "bad.pth", count=200) > 100


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
        (nn.Sequential(nn.Linear(3, 3), nn.Softplus()), "softplus"),
        (Block(lambda z: z if z.sum() > 0 else -z), "cannot trace"),
        (Block(lambda z: z * z), "both factors"),
        (Block(lambda z: torch.rand_like(z) + z), "rand_like"),
        (nn.LSTM(3, 3), "recurrent"),
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


class Policy(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(2)
        self.body, self.head, self.critic = nn.Linear(2, 4), nn.Linear(4, 3), nn.Linear(4, 1)

    def forward(self, x):
        features = torch.relu(self.body(x))
        logits = self.head(features)
        return {
            "label": logits.argmax(1),
            "probabilities": torch.softmax(logits, 1),
            "value": self.critic(features),
            "extra": [features, (logits.max(1)[1] > 1).flatten()],
        }


class One(nn.Module):
    def __init__(self, module, pick):
        super().__init__()
        self.module, self.pick = module, pick

    def forward(self, x):
        return self.pick(self.module(x))


def logits(module, x):
    return module.head(torch.relu(module.body(x)))


def test_outputs_stand_side_by_side():
    module = Policy()
    with pytest.warns() as caught:
        network = from_torch(module)
    said = [(w.category.__name__, str(w.message)) for w in caught]
    assert [name for name, _ in said] == ["DroppedOperatorWarning"] * 2 + ["JoinedOutputsWarning"]
    assert "'extra.1' holds no real numbers" in said[0][1]
    assert "argmax.default and softmax.int are left out" in said[1][1]  # of the same value
    assert "'label', 'value' and 'extra.0' side by side" in said[2][1]
    assert network.output_dimension == 3 + 1 + 4
    x = np.random.default_rng(0).normal(size=(9, 2))
    points = torch.from_numpy(x)
    with torch.no_grad():
        outputs = module.double()(points)
        parts = [logits(module, points), outputs["value"], outputs["extra"][0]]
    np.testing.assert_allclose(network.forward(x), torch.cat(parts, 1).numpy(), atol=1e-12)


@pytest.mark.parametrize(
    ("output", "pick"),
    [
        ("value", lambda out: out["value"]),
        (2, lambda out: out["value"]),
        ("2", lambda out: out["value"]),
        ("extra.0", lambda out: out["extra"][0]),
    ],
)
def test_one_output(output, pick):
    module = Policy()
    compare(from_torch(module, output=output), One(module, pick))


@pytest.mark.parametrize("output", ["nope", 5, -1, True, "extra", "٣"])
def test_refuses_an_output_that_is_not_there(output):
    with pytest.raises(FormatError, match=r"has no output .*'label', 'probabilities', 'value'"):
        from_torch(Policy(), output=output)


def test_refuses_an_output_without_real_numbers():
    with pytest.raises(FormatError, match=r"'extra.1'\) holds no real numbers"):
        from_torch(Policy(), output="extra.1")


class Front(nn.Module):
    """A module that changes its input before the first Linear."""

    def __init__(self, change):
        super().__init__()
        torch.manual_seed(4)
        self.change, self.linear = change, nn.Linear(3, 4)

    def forward(self, x):
        return torch.relu(self.linear(self.change(x)))


def test_the_first_linear_says_what_an_input_is():
    module = Front(lambda x: (x.flatten(1) - 0.5) / 2)
    network = from_torch(module)
    assert network.input_dimension == 3
    compare(network, module)


@pytest.mark.parametrize(
    "module",
    [
        Front(lambda x: x[:, :3]),
        Front(lambda x: x[:, [0, 2, 1]]),
        Front(lambda x: torch.cat([x, x], 1)),
        nn.Sequential(nn.Conv2d(1, 1, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4, 1)),
        nn.LSTM(3, 3),
    ],
)
def test_an_input_that_no_layer_says_is_not_guessed(module):
    with pytest.raises(Unsupported, match=r"give input_shape=\("):
        from_torch(module)


@pytest.mark.parametrize("shape", [3, "ab", (0,), (-2,), (), (2.5,), (10**10,)])
def test_refuses_shapes(shape):
    with pytest.raises(NetworkError, match=r"input_shape|more than 1048576 values"):
        from_torch(plain(), input_shape=shape)


def test_refuses_a_module_that_was_never_called():
    with pytest.raises(NetworkError, match="call it once"):
        from_torch(nn.Sequential(nn.LazyLinear(3), nn.ReLU()))


class Compiled(nn.Module):
    """What torch.compile returns, as far as it matters here."""

    def __init__(self, module):
        super().__init__()
        self._orig_mod = module


def test_wrapped_modules_are_read():
    module = plain()
    for wrapped in (Compiled(module), nn.DataParallel(module)):
        assert from_torch(wrapped).fingerprint == from_torch(module).fingerprint
