import json
import subprocess
import sys
import tracemalloc

import pytest
from io_helpers import check_fuzz, check_unreadable

from polyregions.errors import FormatError, NetworkError, PolyregionsError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import from_torch, load

torch = pytest.importorskip("torch", reason="the extra torch is not installed")
nn = torch.nn

from torch_nets import (  # noqa: E402
    compare,
    exported,
    member,
    perceptron,
    plain,
    reading_member,
    rewritten,
)


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


def test_extents_of_a_dynamic_batch_are_computed(tmp_path):
    class Halves(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(4, 8)

        def forward(self, x):
            y = torch.relu(self.linear(x)).view(x.shape[0] * 2, 4)
            return y.reshape(y.shape[0] // 2, 8) + x.new_zeros(x.shape[0] + 1, 8)[:1]

    dynamic = {"dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    module = Halves()
    network = load(exported(tmp_path, module, torch.randn(3, 4), **dynamic))
    compare(network, module)


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
ONE = {"sizes": [{"as_int": 1}], "strides": [{"as_int": 1}]}


@pytest.mark.parametrize(
    ("member", "change", "message"),
    [
        ("weights_config.json", config(use_pickle=True), "pickle"),
        ("weights_config.json", config(path_name="nowhere"), "not a readable"),
        ("weights_config.json", config(tensor_meta={**META, **ONE, "dtype": 9}), "float16"),
        (
            "weights_config.json",
            config(
                tensor_meta={
                    **META,
                    "sizes": [{"as_int": 10**9}] * 2,
                    "strides": [{"as_int": 0}] * 2,
                }
            ),
            "parameters claim 1000000000000000060 entries",
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


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
def test_weights_of_other_types(tmp_path, dtype):
    module = plain().to(dtype)
    file = exported(tmp_path, module, torch.zeros(1, 3, dtype=dtype))
    assert load(file).fingerprint == from_torch(module).fingerprint


@pytest.mark.parametrize("extents", [(2**13, 2**13), (2**20, 3), (10**400, 1)])
def test_a_stride_of_zero_allocates_nothing(tmp_path, extents):
    """2 kB that claim gigabytes are refused before anything is allocated."""
    file = exported(tmp_path, perceptron(), torch.randn(1, 2, 2))
    sizes = [{"as_int": extent} for extent in extents]
    meta = {**META, "sizes": sizes, "strides": [{"as_int": 0}] * 2}
    rewritten(file, "weights_config.json", config(tensor_meta=meta))
    tracemalloc.start()
    with pytest.raises(FormatError, match=r"far more than its .* bytes store"):
        load(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**23


class Repeating(nn.Module):
    def __init__(self, bomb):
        super().__init__()
        self.linear, self.bomb = nn.Linear(2, 2), bomb

    def forward(self, x):
        return torch.relu(self.linear(x)) + self.bomb(x)


@pytest.mark.parametrize(
    ("bomb", "message"),
    [
        (lambda x: sum((torch.ones(1000, 1000) * k)[0, :2] for k in range(9)), "than its file can"),
        (lambda x: torch.ones(2000, 2000).sum(), "too large"),
        (lambda x: x.repeat(1, 2**21).sum(), "too large"),
        (lambda x: x.expand(2**22, 2).sum(), "more than 1048576 values"),
        (lambda x: torch.arange(2**22)[0] + x, "too large"),
        (lambda x: torch.eye(3000)[0, :2], "too large"),
    ],
)
def test_a_small_program_computes_no_large_constants(bomb, message):
    with pytest.raises(PolyregionsError, match=message):
        from_torch(Repeating(bomb), input_shape=(2,))


def test_only_what_the_output_needs_is_evaluated(tmp_path):
    class Unused(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second = nn.Linear(3, 4), nn.Linear(4, 2)

        def forward(self, x):
            hidden = torch.relu(self.first(x))
            return {"y": self.second(hidden), "distance": torch.tanh(hidden)}

    file = exported(tmp_path, Unused(), torch.zeros(1, 3))
    with pytest.raises(Unsupported, match=r"tanh.*choose one output with output="):
        load(file)
    assert load(file, output="y").widths == load(file, output=0).widths == (4,)


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
