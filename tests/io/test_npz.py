import errno
import io
import os
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from io_helpers import check_fuzz, check_unreadable

from polyregions import examples
from polyregions.errors import FormatError, NetworkError, PolyregionsError
from polyregions.io import load, npz, save_network
from polyregions.network import Layer, Network


def arrays(**changes: object) -> dict[str, object]:
    rng = np.random.default_rng(0)
    good = {
        "W0": rng.normal(size=(5, 2)),
        "b0": rng.normal(size=5),
        "W1": rng.normal(size=(3, 5)),
        "b1": rng.normal(size=3),
    }
    return {key: value for key, value in {**good, **changes}.items() if value is not None}


def saved(folder: Path, **changes: object) -> Path:
    file = folder / "net.npz"
    np.savez(file, **arrays(**changes))
    return file


def test_reads_what_numpy_saves(tmp_path):
    network = load(saved(tmp_path, further=np.array(["ignored"]), W_mean=np.zeros(3)))
    expected = Network.from_arrays(
        [(arrays()["W0"], arrays()["b0"]), (arrays()["W1"], arrays()["b1"])]
    )
    assert network.fingerprint == expected.fingerprint
    assert network.name == "net"
    assert load(tmp_path / "net.npz", name="other").name == "other"


def test_ignored_keys_may_be_objects_and_are_never_unpickled(tmp_path):
    file = saved(tmp_path, meta=np.array([{"a": 1}], dtype=object))
    assert load(file).widths == (5,)


@pytest.mark.parametrize("dtype", ["<f2", "<f4", ">f4", ">f8", "i1", "u4"])
def test_every_real_type_is_widened_without_change(tmp_path, dtype):
    weight = np.array([[1, 2], [3, 4]], dtype=dtype)
    network = load(saved(tmp_path, W0=weight, b0=np.zeros(2, dtype), W1=np.ones((1, 2)), b1=[0.0]))
    assert network.layers[0].weight.tolist() == [[1, 2], [3, 4]]


def test_compressed_and_fortran_order(tmp_path):
    np.savez_compressed(tmp_path / "net.npz", **arrays(W0=np.asfortranarray(arrays()["W0"])))
    assert (load(tmp_path / "net.npz").layers[0].weight == arrays()["W0"]).all()


def test_save_and_load_keep_every_bit(tmp_path):
    rng = np.random.default_rng(1)
    network = Network(
        (
            Layer.affine(np.diag([0.1, 3.0]), [0.5, 0.0]),
            Layer.with_slopes(rng.normal(size=(3, 2)), rng.normal(size=3), [0, -1, 0.1], 1.0),
            Layer.relu(np.float32(rng.normal(size=(4, 3))), np.zeros(4)),
            Layer.affine(rng.normal(size=(1, 4)), [1e-300]),
        )
    )
    save_network(network, tmp_path / "a.npz")
    save_network(network, tmp_path / "b.npz")
    assert load(tmp_path / "a.npz").fingerprint == network.fingerprint
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    with np.load(tmp_path / "a.npz") as content:
        assert content["W2"].dtype == np.float32
        assert content["W1"].dtype == np.float64
        assert "lower2" not in content


def test_a_scalar_slope_holds_for_the_layer(tmp_path):
    network = load(saved(tmp_path, lower0=0.25, upper0=1.0))
    assert network.layers[0].lower.tolist() == [0.25] * 5


def test_save_refuses_another_suffix_and_a_missing_folder(tmp_path):
    network = load(examples.path("digits2"))
    with pytest.raises(FormatError, match="suffix"):
        save_network(network, tmp_path / "net.npy")
    with pytest.raises(FormatError, match="cannot be written"):
        save_network(network, tmp_path / "missing" / "net.npz")
    assert not list(tmp_path.iterdir())


def test_a_file_that_is_replaced_is_replaced_whole(tmp_path, monkeypatch):
    """Of a disk that is full the old network is left."""
    network = load(examples.path("digits2"))
    file = tmp_path / "net.npz"
    save_network(network, file)
    before = file.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FormatError, match="No space left"):
        save_network(network, file)
    assert file.read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_refuses_an_array_twice(tmp_path):
    content = io.BytesIO()
    np.savez(content, W0=np.ones((5, 2)), b0=np.ones(5), W1=np.ones((1, 5)), b1=[0.0])
    with zipfile.ZipFile(content, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("W0.npy", archive.read("W0.npy"))
    (tmp_path / "net.npz").write_bytes(content.getvalue())
    with pytest.raises(FormatError, match="an array twice"):
        load(tmp_path / "net.npz")


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"W0": None}, FormatError, "no array W0"),
        ({"b0": None}, FormatError, "no array b0"),
        ({"b1": None}, FormatError, "no array b1"),
        ({"W1": None}, FormatError, "no array W1"),
        ({"W3": np.ones((1, 3)), "b3": [0.0]}, FormatError, "no array W2"),
        ({"W900000": np.ones((1, 3))}, FormatError, "no array W2"),
        ({"W0": np.array([[1, None]], dtype=object)}, FormatError, "objects"),
        ({"W0": np.array([["1"]])}, FormatError, "objects"),
        ({"W0": np.ones((5, 2), dtype=complex)}, FormatError, "objects"),
        ({"W0": np.full((5, 2), np.nan)}, NetworkError, "layer 0: W0 .* not a finite"),
        ({"b1": [0.0, np.inf, 0.0]}, NetworkError, "layer 1: b1 .* not a finite"),
        ({"W0": np.full((5, 2), 2**53 + 1)}, NetworkError, "W0 .* no float64"),
        ({"W0": np.ones((2, 5)), "b0": np.ones(2)}, NetworkError, "transpose"),
        ({"b0": np.ones(4)}, NetworkError, "layer 0"),
        ({"W0": np.ones(5)}, NetworkError, "layer 0"),
        ({"W0": np.ones((0, 2)), "b0": np.ones(0)}, NetworkError, "layer 0"),
        ({"W1": None, "b1": None}, NetworkError, "hidden"),
        ({"lower0": np.zeros(5)}, FormatError, "lower0 and upper0"),
        ({"lower0": np.zeros((5, 1)), "upper0": np.ones(5)}, NetworkError, "slopes"),
        ({"lower0": np.full(5, np.nan), "upper0": np.ones(5)}, NetworkError, "lower0"),
        ({"lower1": np.zeros(3), "upper1": np.ones(3)}, NetworkError, "last layer"),
    ],
)
def test_refuses(tmp_path, changes, error, message):
    with pytest.raises(error, match=message):
        load(saved(tmp_path, **changes))


@pytest.mark.parametrize("name", ["net", "net.txt", "net.mat", "net.npy"])
def test_refuses_other_suffixes(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(FormatError, match=r"supported are \.ckpt, \.nnet, \.npz, \.onnx"):
        load(tmp_path / name)


def test_refuses_a_forged_shape_without_allocating(tmp_path):
    header = b"{'descr': '<f8', 'fortran_order': False, 'shape': (100000, 1000000), }\n"
    with zipfile.ZipFile(tmp_path / "net.npz", "w") as archive:
        archive.writestr(
            "W0.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
        )
    with pytest.raises(FormatError, match="claims the shape"):
        load(tmp_path / "net.npz")


def test_refuses_arrays_that_grow_beyond_their_file_before_unpacking(tmp_path, monkeypatch):
    file = tmp_path / "net.npz"
    monkeypatch.setattr("polyregions.files.reading._ALWAYS_ALLOWED", 2**26)
    # one byte each in the file, eight in memory
    ones = {f"W{k}": np.ones((1000, 1000), np.int8) for k in range(9)}
    np.savez_compressed(file, **ones)
    assert file.stat().st_size < 100_000
    tracemalloc.start()
    with pytest.raises(FormatError, match=r"fill 72000000 bytes, more than .* numpy\.savez"):
        load(file)
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()
    # nor more than memory is meant for, whatever the file
    monkeypatch.setattr(npz, "MAX_ENTRIES", 2**20)
    np.savez(file, **ones)
    with pytest.raises(FormatError, match="more than the 8388608"):
        load(file)


def test_compressed_zeros_of_a_small_network_are_read(tmp_path):
    weight = np.zeros((1000, 1000))
    weight[0, 0] = 1.0
    bias = np.zeros(1000)
    np.savez_compressed(tmp_path / "net.npz", W0=weight, b0=bias, W1=weight, b1=bias)
    assert load(tmp_path / "net.npz").widths == (1000,)


def test_refuses_unreadable_files(tmp_path):
    check_unreadable(load, saved(tmp_path).read_bytes(), tmp_path / "bad.npz")


def evaluated(file: Path, x: np.ndarray) -> np.ndarray:
    """What the arrays of the file say, read by numpy."""
    with np.load(file) as content:
        for index in range(2):
            x = x @ content[f"W{index}"].astype(float).T + content[f"b{index}"]
            x = x if index else np.maximum(x, 0)
    return x


@pytest.mark.slow
def test_survives_damaged_files(tmp_path):
    content = saved(tmp_path).read_bytes()
    file = tmp_path / "bad.npz"
    assert check_fuzz(load, content, file, count=400, reread=evaluated) > 200
    # without compression and its checksums, the numbers themselves may be damaged
    assert check_fuzz(inner_members(tmp_path), arrays_bytes(), tmp_path / "inner", count=100) > 20


def arrays_bytes() -> bytes:
    """The file of one array."""
    buffer = io.BytesIO()
    np.save(buffer, arrays()["W0"])
    return buffer.getvalue()


def inner_members(folder: Path):
    """Read a network of which one member is damaged, with checksums made right again."""

    def read(inner: Path) -> object:
        with zipfile.ZipFile(saved(folder)) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        with zipfile.ZipFile(folder / "net.npz", "w") as archive:
            for name, content in members.items():
                archive.writestr(name, inner.read_bytes() if name == "W0.npy" else content)
        return load(folder / "net.npz")

    return read


@pytest.mark.parametrize(
    ("name", "inputs", "outputs"), [("digits2", 2, 10), ("digits4", 4, 10), ("pendulum", 2, 1)]
)
def test_shipped_examples(name, inputs, outputs):
    assert examples.path(name).stat().st_size < 10_000
    network = load(examples.path(name))
    assert (network.input_dimension, network.output_dimension) == (inputs, outputs)
    assert network.name == name


def test_examples_are_listed_and_others_refused():
    assert examples.names() == ("digits2", "digits4", "pendulum")
    with pytest.raises(PolyregionsError, match="digits2, digits4, pendulum"):
        examples.path("../digits2")
