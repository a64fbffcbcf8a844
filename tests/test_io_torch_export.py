import json
import subprocess
import sys

import pytest
from io_helpers import check_fuzz, check_unreadable

from polyregions.errors import NetworkError, PolyregionsError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import from_torch, load

torch = pytest.importorskip("torch", reason="the extra torch is not installed")
nn = torch.nn

from torch_nets import compare, exported, member, perceptron, reading_member, rewritten  # noqa: E402


@pytest.mark.slow
def test_exported_program(tmp_path):
    module = perceptron()
    file = exported(tmp_path, module, torch.randn(1, 2, 2))
    assert load(file).fingerprint == from_torch(module).fingerprint


def test_exported_program_with_a_dynamic_batch_and_views(tmp_path):
    class Views(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 2)

        def forward(self, x):
            x = x.view(x.size(0), -1)
            return self.second(torch.relu(self.first(x))).reshape(-1, 2)

    module = Views()
    dynamic = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    network = load(exported(tmp_path, module, torch.randn(3, 2, 2), **dynamic))
    assert network.input_dimension == 4
    compare(network, module, shape=(2, 2))


def test_exported_program_is_read_without_torch(tmp_path):
    file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    code = (
        "import sys; from polyregions.io import load; "
        f"print(load({str(file)!r}).widths, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "(8, 5) False"


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (
            lambda: nn.Sequential(nn.Linear(4, 2), nn.Tanh()),
            Unsupported,
            r"tanh\.default \(node tanh\)",
        ),
        (lambda: nn.Sequential(nn.Linear(4, 2)), NetworkError, "hidden"),
        (
            lambda: nn.Sequential(nn.Linear(4, 2), nn.Dropout(), nn.ReLU()).train(),
            Unsupported,
            "training",
        ),
    ],
)
def test_refuses_programs(tmp_path, module, error, message):
    file = exported(tmp_path, module(), torch.randn(1, 4))
    with pytest.raises(error, match=message):
        load(file)


def config(**changes):
    def change(content):
        document = json.loads(content)
        document["config"]["1.weight"].update(changes)
        return json.dumps(document).encode()

    return change


META = {"dtype": 7, "storage_offset": {"as_int": 0}, "layout": 7}


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        ("weights_config.json", config(use_pickle=True), "pickle"),
        ("weights_config.json", config(path_name="nowhere"), "not a readable"),
        ("weights_config.json", config(tensor_meta={**META, "dtype": 4}), "float16"),
        (
            "weights_config.json",
            config(
                tensor_meta={
                    **META,
                    "sizes": [{"as_int": 10**9}] * 2,
                    "strides": [{"as_int": 0}] * 2,
                }
            ),
            "too large",
        ),
        (
            "weights_config.json",
            config(
                tensor_meta={
                    **META,
                    "sizes": [{"as_int": 8}, {"as_int": 4}],
                    "strides": [{"as_int": 99}] * 2,
                }
            ),
            "end before",
        ),
        (
            "weights_config.json",
            config(
                tensor_meta={
                    **META,
                    "sizes": [{"as_int": 8}, {"as_int": 4}],
                    "strides": [{"as_int": -1}] * 2,
                }
            ),
            "malformed",
        ),
        ("weights_config.json", lambda _: b"{" * 10, "not a readable"),
        ("weights_config.json", lambda _: b"[" * 10**6, "not a readable"),
        ("weights_config.json", lambda _: b'{"config": {}}', "'1.weight' is not in"),
        ("model.json", lambda _: b"{}", "not a readable"),
        ("archive_format", lambda _: b"zip", "no torch.export archive"),
        ("byteorder", lambda _: b"big", "big-endian"),
    ],
)
def test_refuses_rewritten_programs(tmp_path, member, change, message):
    file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    rewritten(file, member, change)
    with pytest.raises(PolyregionsError, match=message):
        load(file)


def test_strided_parameters(tmp_path):
    file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    before = load(file).layers[0].weight
    meta = {
        **META,
        "sizes": [{"as_int": 8}, {"as_int": 4}],
        "strides": [{"as_int": 1}, {"as_int": 8}],
    }
    rewritten(file, "weights_config.json", config(tensor_meta=meta))
    assert (load(file).layers[0].weight == before.reshape(4, 8).T).all()


def test_refuses_unreadable_files(tmp_path):
    file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    check_unreadable(load, file.read_bytes(), tmp_path / "bad.pt2")


def test_survives_damaged_files(tmp_path):
    file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    assert check_fuzz(load, file.read_bytes(), tmp_path / "bad.pt2", count=200) > 100


@pytest.mark.slow
@pytest.mark.parametrize(("ending", "count"), [("models/model.json", 200), ("config.json", 100)])
def test_survives_damaged_members(tmp_path, ending, count):
    """Damage inside the archive, with checksums made right again."""
    file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    read, content = reading_member(load, file, ending), member(file, ending)
    assert check_fuzz(read, content, tmp_path / "inner", count=count, seed=2) > 20
