import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import check_fuzz

from polyregions.errors import DomainError, FormatError
from polyregions.io.points import read_point


def saved(folder, array):
    np.save(folder / "x.npy", array)
    return folder / "x.npy"


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i1", "u8"])
def test_a_point_of_any_type_and_shape_is_read(tmp_path, dtype):
    array = np.arange(6).astype(dtype).reshape(1, 2, 3)
    assert read_point(saved(tmp_path, array), 6).tolist() == list(range(6))


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.zeros(3), DomainError, "3 numbers but the network reads 2"),
        (np.zeros((0, 2)), DomainError, "0 numbers"),
        (np.array([1.0, np.nan]), DomainError, "finite"),
        (np.array([2**53 + 1, 0]), DomainError, "no float64"),
        (np.array([1j, 0]), DomainError, "real numbers"),
        (np.array(["1", "2"]), DomainError, "real numbers"),
        (np.array([None, 1]), FormatError, "numpy.save"),
    ],
)
def test_refuses(tmp_path, array, error, message):
    with pytest.raises(error, match=message):
        read_point(saved(tmp_path, array), 2)


@pytest.mark.parametrize(
    ("sizes", "kind"),
    [((2**40,), "<f8"), ((2**62, 2**62), "<f8"), ((-2,), "<f8"), ((2**40,), "V0")],
)
def test_a_claimed_shape_allocates_nothing(tmp_path, sizes, kind):
    header = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {sizes}, }}\n".encode()
    file = tmp_path / "x.npy"
    file.write_bytes(b"\x93NUMPY\x01\0" + len(header).to_bytes(2, "little") + header + bytes(16))
    with pytest.raises(FormatError, match=r"numpy\.save"):
        read_point(file, 2)


def test_another_number_of_bytes_is_not_widened(tmp_path):
    file = saved(tmp_path, np.zeros(2**20, np.int8))
    tracemalloc.start()
    with pytest.raises(DomainError, match="1048576 numbers but"):
        read_point(file, 2)
    assert tracemalloc.get_traced_memory()[1] < 2**22  # the file itself, not eight times that
    tracemalloc.stop()


def test_survives_damaged_files(tmp_path):
    file = saved(tmp_path, np.array([0.1, 3.0]))
    content = file.read_bytes()
    assert check_fuzz(lambda path: read_point(path, 2), content, file, count=200) > 50
    file.write_bytes(content)
    assert [Fraction(x) for x in read_point(file, 2)] == [Fraction(0.1), 3]
