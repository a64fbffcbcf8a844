import warnings
from itertools import pairwise

import numpy as np
import pytest
from io_helpers import check_fuzz, check_unreadable

from polyregions.errors import FormatError, NetworkError
from polyregions.io import RoundedDivisionWarning, load

RNG = np.random.default_rng(2)
SIZES = [3, 4, 5, 2]
WEIGHTS = [RNG.normal(size=(b, a)) for a, b in pairwise(SIZES)]
BIASES = [RNG.normal(size=b) for b in SIZES[1:]]
MEANS, RANGES = [0.5, -1.0, 2.0, 7.5], [2.0, 4.0, 0.5, 373.94992]


def text(weights=WEIGHTS, biases=BIASES, means=MEANS, ranges=RANGES, sizes=SIZES) -> str:
    lines = ["// a network", "//"]
    lines += [f"{len(sizes) - 1},{sizes[0]},{sizes[-1]},{max(sizes)},", row(sizes), "0,"]
    lines += [row([-1e3] * sizes[0]), row([1e3] * sizes[0]), row(means), row(ranges)]
    for weight, bias in zip(weights, biases, strict=True):
        lines += [row(r) for r in weight] + [row([b]) for b in bias]
    return "\n".join(lines) + "\n"


def row(numbers) -> str:
    return ",".join(repr(float(n)) for n in numbers) + ","


def saved(folder, content):
    file = folder / "net.nnet"
    file.write_text(content, encoding="utf-8")
    return file


def test_normalisation_belongs_to_the_network(tmp_path):
    network = load(saved(tmp_path, text()))
    x = np.random.default_rng(0).normal(size=(20, 3))
    y = (x - MEANS[:-1]) / RANGES[:-1]
    for weight, bias in zip(WEIGHTS[:-1], BIASES[:-1], strict=True):
        y = np.maximum(y @ weight.T + bias, 0)
    y = (y @ WEIGHTS[-1].T + BIASES[-1]) * RANGES[-1] + MEANS[-1]
    np.testing.assert_allclose(network.forward(x), y, rtol=1e-12)
    assert network.widths == (4, 5)


def test_powers_of_two_are_exact_and_others_warn(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        network = load(saved(tmp_path, text()))
    np.testing.assert_array_equal(network.layers[0].weight, np.diag([0.5, 0.25, 2.0]))
    with pytest.warns(RoundedDivisionWarning, match="1 reciprocals"):
        load(saved(tmp_path, text(ranges=[2.0, 3.0, 0.5, 1.0])))


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (text(ranges=[0.0, 1.0, 1.0, 1.0]), NetworkError, "zero"),
        (text(means=[np.nan] * 4), NetworkError, "finite"),
        (text(weights=[w * np.inf for w in WEIGHTS]), NetworkError, "finite"),
        (text(sizes=[3, 4, 2]), FormatError, "instead of|goes on"),
        (text() + "1.0,\n", FormatError, "goes on"),
        (text().replace("3.0,4.0,5.0,2.0", "3,4,-5,2"), FormatError, "malformed"),
        (text().replace("3.0,4.0,5.0,2.0", "3,4,5.5,2"), FormatError, "whole"),
        (text().replace("3.0,4.0,5.0,2.0", "3,4,1e30,2"), FormatError, "malformed"),
        (text().replace("3,3,2,5", "99999,3,2,5"), FormatError, "99999 layers"),
        (text().replace("0,\n", "abc,\n", 1), FormatError, "not numbers"),
        ("// nothing\n", FormatError, "ends before"),
    ],
)
def test_refuses(tmp_path, content, error, message):
    with pytest.raises(error, match=message):
        load(saved(tmp_path, content))


def test_refuses_unreadable_files(tmp_path):
    # the last character is a line's end
    check_unreadable(load, text().strip().encode(), tmp_path / "bad.nnet")


def evaluated(file, x):
    """What the lines of the file say, read by the layout of an undamaged one."""
    lines = file.read_text(encoding="utf-8").splitlines()[2:]
    rows = [np.array([float(n) for n in line.split(",") if n.strip()]) for line in lines]
    assert rows[1].tolist() == SIZES
    means, ranges, rest = rows[5], rows[6], rows[7:]
    x = (x - means[:-1]) / ranges[:-1]
    for out in SIZES[1:]:
        x = x @ np.array(rest[:out]).T + np.concatenate(rest[out : 2 * out])
        rest = rest[2 * out :]
        x = np.maximum(x, 0) if rest else x
    assert not rest
    return x * ranges[-1] + means[-1]


def test_survives_damaged_files(tmp_path):
    file = tmp_path / "bad.nnet"
    assert check_fuzz(load, text().encode(), file, count=500, reread=evaluated) > 200
