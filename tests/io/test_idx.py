import gzip

import numpy as np
import pytest
from io_helpers import check_fuzz, data_file

from polyregions.errors import FormatError
from polyregions.io import read_idx

PLAIN = b"\0\0\x08\x02" + np.array([2, 3], ">u4").tobytes() + bytes(range(6))


@pytest.mark.parametrize("data", [PLAIN, gzip.compress(PLAIN, mtime=0)])
def test_reads_arrays(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    assert read_idx(tmp_path / "a").tolist() == [[0, 1, 2], [3, 4, 5]]


def test_reads_big_endian_floats(tmp_path):
    numbers = np.array([1.5, -2.0], ">f4")
    (tmp_path / "a").write_bytes(b"\0\0\x0d\x01\0\0\0\x02" + numbers.tobytes())
    assert read_idx(tmp_path / "a").tolist() == [1.5, -2.0]


@pytest.mark.parametrize(
    "data", [b"", PLAIN[:9], PLAIN[:-1], PLAIN + b"x", b"\0\1" + PLAIN[2:], b"\x1f\x8babc"]
)
def test_refuses(tmp_path, data):
    (tmp_path / "a").write_bytes(data)
    with pytest.raises(FormatError, match="copy it again"):
        read_idx(tmp_path / "a")


@pytest.mark.parametrize("first", [0, 1, 2**32 - 1])
def test_refuses_claimed_shapes(tmp_path, first):
    shape = np.array([first] + [2**32 - 1] * 7, ">u4").tobytes()
    (tmp_path / "a").write_bytes(b"\0\0\x0e\x08" + shape)
    with pytest.raises(FormatError, match="does not hold the numbers of its shape"):
        read_idx(tmp_path / "a")


def test_a_bomb_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("polyregions.files.reading._ALWAYS_ALLOWED", 2**20)
    shape = np.array([2**12, 2**10], ">u4").tobytes()
    (tmp_path / "a").write_bytes(gzip.compress(b"\0\0\x08\x02" + shape + bytes(2**22)))
    assert (tmp_path / "a").stat().st_size < 2**13
    with pytest.raises(FormatError, match=r"unpacks to more than 1048576.*gunzip"):
        read_idx(tmp_path / "a")


def test_survives_damaged_files(tmp_path):
    assert check_fuzz(read_idx, gzip.compress(PLAIN, mtime=0), tmp_path / "bad", count=60) > 30


def test_real_images():
    images = read_idx(data_file("mnist/t10k-images-idx3-ubyte.gz"))
    labels = read_idx(data_file("mnist/t10k-labels-idx1-ubyte.gz"))
    assert images.shape == (10_000, 28, 28)
    assert labels[:5].tolist() == [7, 2, 1, 0, 4]
