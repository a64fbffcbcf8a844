import json

import numpy as np
import pytest
from io_helpers import check_fuzz, check_unreadable

import polyregions as pr
from polyregions.errors import FormatError, NetworkError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import blocks, load

RNG = np.random.default_rng(4)
ARRAYS = {
    "conv.weight": RNG.normal(size=(2, 1, 2, 2)).astype(np.float32),
    "conv.bias": RNG.normal(size=2).astype(np.float32),
    "fc.weight": RNG.normal(size=(3, 8)),
    "fc.bias": RNG.normal(size=3).astype(np.float16),
    "norm.num_batches_tracked": np.array(3, dtype=np.int64),
}
LAYERS = [
    {"op": "conv2d", "weight": "conv.weight", "bias": "conv.bias", "padding": "valid"},
    {"op": "relu"},
    {"op": "flatten"},
    {"op": "linear", "weight": "fc.weight", "bias": "fc.bias"},
    {"op": "leaky_relu", "negative_slope": 0.25},
]
NAMES = {"float16": "F16", "float32": "F32", "float64": "F64", "int64": "I64", "uint16": "BF16"}


def content(arrays=ARRAYS, layers=LAYERS, shape=(1, 3, 3), **changes) -> bytes:
    header, body = {}, b""
    for name, array in arrays.items():
        end = len(body) + array.nbytes
        offsets = [len(body), end]
        header[name] = {
            "dtype": NAMES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": offsets,
        }
        body += array.tobytes()
    description = json.dumps({"input_shape": list(shape), "layers": layers})
    header["__metadata__"] = {"format": "pt", "polyregions": description}
    header |= changes
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + body


def only(entry) -> bytes:
    """One array of four bytes, as its header describes it."""
    text = json.dumps({"w": entry}).encode()
    return len(text).to_bytes(8, "little") + text + bytes(4)


def edited(old: str, new: str) -> bytes:
    """The header with other text in it."""
    data = content()
    end = 8 + int.from_bytes(data[:8], "little")
    text = data[8:end].decode().replace(old, new).encode()
    assert text != data[8:end]
    return len(text).to_bytes(8, "little") + text + data[end:]


def saved(folder, data):
    file = folder / "net.safetensors"
    file.write_bytes(data)
    return file


def test_layers_are_applied_in_order(tmp_path):
    network = load(saved(tmp_path, content()))
    assert network.widths == (8, 3)
    x = np.random.default_rng(0).normal(size=9)
    image = x.reshape(3, 3)
    windows = np.lib.stride_tricks.sliding_window_view(image, (2, 2))
    h = np.einsum("fab,ijab->fij", ARRAYS["conv.weight"][:, 0].astype(float), windows)
    h = np.maximum(h + ARRAYS["conv.bias"].astype(float)[:, None, None], 0).ravel()
    z = ARRAYS["fc.weight"] @ h + ARRAYS["fc.bias"].astype(float)
    np.testing.assert_allclose(network.forward(x), np.where(z > 0, z, z / 4), atol=1e-12)


def test_equals_the_same_network_from_arrays(tmp_path):
    arrays = {"a": RNG.normal(size=(4, 2)), "b": RNG.normal(size=4), "c": RNG.normal(size=(1, 4))}
    layers = [
        {"op": "linear", "weight": "a", "bias": "b"},
        {"op": "relu"},
        {"op": "linear", "weight": "c"},
    ]
    network = load(saved(tmp_path, content(arrays, layers, (2,))))
    same = pr.Network.from_arrays([(arrays["a"], arrays["b"]), (arrays["c"], [0.0])])
    assert network.fingerprint == same.fingerprint


def test_bfloat16_is_widened_exactly(tmp_path):
    upper = np.array([0x3FC0, 0xC020], dtype=np.uint16).reshape(2, 1)  # 1.5 and -2.5
    layers = [{"op": "linear", "weight": "w"}, {"op": "relu"}]
    network = load(saved(tmp_path, content({"w": upper}, layers, (1,))))
    assert network.layers[0].weight.tolist() == [[1.5], [-2.5]]


STATE = {
    f"model.{index}.{kind}": RNG.normal(size=shape)
    for index, kind, shape in ((0, "weight", (3, 2)), (0, "bias", (3,)), (2, "weight", (1, 3)))
}


def test_a_state_dict_is_read_with_its_activation_only(tmp_path):
    file = saved(tmp_path, content(STATE, __metadata__={"format": "pt"}))
    with pytest.raises(FormatError, match=r'activation="relu" \(--activation relu'):
        load(file)
    network = load(file, activation="leaky_relu:0.25")
    assert network.assumed.startswith("activation leaky_relu:0.25 (told")
    first, shift, last = STATE.values()
    x = np.random.default_rng(0).normal(size=(9, 2))
    z = x @ first.T + shift
    expected = np.where(z > 0, z, 0.25 * z) @ last.T
    np.testing.assert_allclose(network.forward(x), expected, atol=1e-12)


def test_an_activation_beside_a_list_of_layers_is_refused(tmp_path):
    with pytest.raises(FormatError, match="leave yours out"):
        load(saved(tmp_path, content()), activation="relu")


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (content(__metadata__={"format": "pt"}), FormatError, "no entry 'polyregions'"),
        (content(__metadata__={"polyregions": "{"}), FormatError, "malformed"),
        (content(layers=[{"op": "gelu"}]), Unsupported, "layer 0, gelu, is not supported"),
        (content(layers=[{"op": "linear", "weight": "w"}]), FormatError, "'w', which is not"),
        (content(layers=[{"op": "relu", "self": "x"}]), FormatError, "own input"),
        (content(layers=[{"op": "linear"}]), Unsupported, "layer 0, linear: .*weight"),
        (content(layers=[{}]), FormatError, "malformed"),
        (content(layers=3), FormatError, "no list"),
        (content(layers=[]), NetworkError, "hidden"),
        (content(shape=(1, 2, 3)), NetworkError, "layer 3, linear"),
        (content(shape=(10**9,)), NetworkError, "more than"),
        (
            content(w={"dtype": "F32", "shape": [2**40], "data_offsets": [0, 4]}),
            FormatError,
            "does not hold bytes of its own",
        ),
        (only({"dtype": "F32", "shape": [2**24], "data_offsets": [0, 4]}), FormatError, "'w' does"),
        (
            only({"dtype": "F32", "shape": [2**28], "data_offsets": [0, 4]}),
            FormatError,
            "numbers, m",
        ),
        (only({"dtype": "F32", "shape": [1.0], "data_offsets": [0, 4]}), FormatError, "no whole"),
        (only({"dtype": "F32", "shape": [True], "data_offsets": [0, 4]}), FormatError, "no whole"),
        (only({"dtype": "F32", "shape": ["1"], "data_offsets": [0, 4]}), FormatError, "no whole"),
        (only({"dtype": "F32", "shape": [1], "data_offsets": [0, 4.5]}), FormatError, "no whole"),
        (only({"dtype": "F32", "shape": [1], "data_offsets": [0]}), FormatError, "malformed"),
        (only({"dtype": ["F32"], "shape": [1], "data_offsets": [0, 4]}), FormatError, "malformed"),
        (edited('"shape": [3]', '"shape": [3], "shape": [3]'), FormatError, "something twice"),
        (edited('"shape": [3]', '"shape": [1e999]'), FormatError, "1e999, which no float"),
        (edited('"shape": [3]', '"shape": [NaN]'), FormatError, "NaN, which no float"),
        (edited(": 0.25", ": 1e999"), FormatError, "1e999, which no float"),
        (edited(": 0.25", ": -Infinity"), FormatError, "-Infinity, which no float"),
        (edited(": 0.25", f": 1{'0' * 400}"), NetworkError, "real numbers"),
        (edited(": [1, 3, 3]", ": [1e999]"), FormatError, "1e999, which no float"),
        (edited(": [1, 3, 3]", ": [1.0, 3, 3]"), FormatError, "no whole"),
        (
            content(w={"dtype": "F32", "shape": [1], "data_offsets": [10**6, 10**6 + 4]}),
            FormatError,
            "'w' does not hold",
        ),
        (content({**ARRAYS, "fc.bias": np.full(3, np.nan)}), NetworkError, "not a finite"),
    ],
)
def test_refuses(tmp_path, data, error, message):
    with pytest.raises(error, match=message):
        load(saved(tmp_path, data))


def test_a_long_list_of_wide_layers_is_refused_while_it_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "MAX_WEIGHTS", 2**14)
    layers = [{"op": "relu"}] * 9_000
    with pytest.raises(NetworkError, match=r"layer 64, relu: .*weights and units allowed"):
        load(saved(tmp_path, content({}, layers, (128,))))


def test_refuses_unreadable_files(tmp_path):
    check_unreadable(load, content(), tmp_path / "bad.safetensors")


def evaluated(file, x):
    """What the tensors of the file say, if its layers are those of an undamaged one."""
    data = file.read_bytes()
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    assert header["__metadata__"]["polyregions"] == META
    types = {"F16": "<f2", "F32": "<f4", "F64": "<f8"}

    def tensor(name):
        entry = header[name]
        start, stop = entry["data_offsets"]
        array = np.frombuffer(data[end + start : end + stop], dtype=types[entry["dtype"]])
        return array.astype(float).reshape(entry["shape"])

    outputs = []
    for image in x.reshape(-1, 3, 3):
        views = np.lib.stride_tricks.sliding_window_view(image, (2, 2))
        h = np.einsum("fab,ijab->fij", tensor("conv.weight")[:, 0], views)
        h = np.maximum(h + tensor("conv.bias")[:, None, None], 0).ravel()
        z = tensor("fc.weight") @ h + tensor("fc.bias")
        outputs.append(np.where(z > 0, z, z / 4))
    return np.array(outputs)


META = json.dumps({"input_shape": [1, 3, 3], "layers": LAYERS})


def test_survives_damaged_files(tmp_path):
    file = tmp_path / "bad.safetensors"
    assert check_fuzz(load, content(), file, count=500, reread=evaluated) > 100
