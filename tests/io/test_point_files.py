import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import check_fuzz

from polyregions.errors import DomainError, FormatError
from polyregions.io.points import read_point, read_points


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


def test_tables_of_points(tmp_path):
    points = np.random.default_rng(0).normal(size=(7, 3))
    classes = np.arange(7) % 3
    both = np.column_stack([points, classes])
    np.save(tmp_path / "p.npy", points)
    np.save(tmp_path / "c.npy", both)
    np.save(tmp_path / "pictures.npy", points.reshape(7, 1, 3).astype(np.float32))
    np.savetxt(tmp_path / "p.csv", points, delimiter=",", fmt="%.17g")
    np.savetxt(tmp_path / "c.csv", both, delimiter=",", fmt="%.17g", header="a,b,c,y", comments="")
    for name in ("p.npy", "c.npy", "p.csv", "c.csv"):
        found = read_points(tmp_path / name, 3)
        np.testing.assert_array_equal(found.points, points)
        if name.startswith("c"):
            np.testing.assert_array_equal(found.classes, classes)
        else:
            assert found.classes is None
    assert read_points(tmp_path / "pictures.npy", 3).points.shape == (7, 3)


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.txt", b"1,2,3\n", FormatError, "save them as .npy or .csv"),
        ("a.csv", b"", FormatError, "no rows"),
        ("a.csv", b"x,y,z\n", FormatError, "no rows"),
        ("a.csv", b"1,2,3\n1,2\n", FormatError, "no table of numbers"),
        ("a.csv", b"1,2,3\n1,two,3\n", FormatError, "no table of numbers"),
        ("a.csv", b"\xff\xfe\x00", FormatError, "no text file|not a text file"),
        ("a.csv", b"1,2\n", DomainError, "2 numbers per row but the network reads 3"),
        ("a.csv", b"1,2,3,0.5\n", DomainError, "is no class"),
        ("a.csv", b"1,2,3,-1\n", DomainError, "is no class"),
        ("a.csv", b"1,2,3,1e300\n", DomainError, "is no class"),
        ("a.csv", b"1,2,nan\n", DomainError, "NaN or infinity"),
        ("a.csv", b"1,2,inf,0\n", DomainError, "NaN or infinity"),
        ("a.npy", b"nothing", FormatError, "not a readable .npy file"),
        ("a.npy", np.zeros(3), DomainError, "one row each"),
        ("a.npy", np.zeros((0, 3)), DomainError, "one row each"),
        ("a.npy", np.array([["a", "b", "c"]]), DomainError, "a.npy"),
        ("a.npy", np.array([[None] * 3]), FormatError, "not a readable .npy file"),
    ],
)
def test_damaged_tables_of_points_are_refused_in_a_sentence(
    tmp_path, name, content, error, message
):
    if isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    else:
        np.save(tmp_path / name, content, allow_pickle=True)
    with pytest.raises(error, match=message) as caught:
        read_points(tmp_path / name, 3)
    assert "\n" not in str(caught.value)
