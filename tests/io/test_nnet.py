import json
import warnings
from itertools import pairwise

import numpy as np
import pytest
from io_helpers import check_fuzz, check_unreadable
from oracles import brute_force

import polyregions as pr
from polyregions.cli import main
from polyregions.domain import Box
from polyregions.errors import DomainError, FormatError, NetworkError
from polyregions.io import RoundedDivisionWarning, input_box, load
from polyregions.network import Network

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


@pytest.mark.slow
def test_survives_damaged_files(tmp_path):
    file = tmp_path / "bad.nnet"
    assert check_fuzz(load, text().encode(), file, count=500, reread=evaluated) > 200


def written_by_others(flag="0", bounds=("0", "0"), means="0", ranges="0", extra="") -> str:
    """As several programs write: a size too many, empty lines, one number for all."""
    lines = ["// converted", ", ".join(map(str, (len(SIZES) - 1, SIZES[0], SIZES[-1], max(SIZES))))]
    lines += [", ".join(map(str, SIZES)) + extra, flag, *bounds, means, ranges]
    for weight, bias in zip(WEIGHTS, BIASES, strict=True):
        lines += [row(r) for r in weight] + [row([b]) for b in bias]
    return "\r\n\r\n".join(lines) + "\r\n"


@pytest.mark.parametrize(
    "content",
    [
        written_by_others(),
        written_by_others(flag="This line extraneous", bounds=("-1e10", "1e10"), ranges="1"),
        written_by_others(extra=", 2,"),
        text(means=[0.0] * 4, ranges=[0.0] * 4),
        text(means=[0.0] * 4, ranges=[1.0] * 4),
    ],
)
def test_files_of_other_programs_without_normalisation_are_read(tmp_path, content):
    network = load(saved(tmp_path, content))
    plain = Network.from_arrays(list(zip(WEIGHTS, BIASES, strict=True)))
    assert network.fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (written_by_others(means="1"), "means are 1 numbers instead of 4"),
        (written_by_others(ranges="2"), "means are 1 numbers instead of 4"),
        (text(means=[0.0] * 4, ranges=[1.0, 1.0, 0.0, 1.0]), "zero"),
        (text(means=[1.0] + [0.0] * 3, ranges=[0.0] * 4), "zero"),
        (text().replace("5.0", "5_0"), "not numbers"),
        (text().replace("0,\n-1000", "0,\n-1_000"), "smallest inputs are not numbers"),
        (text().replace("0,\n-1000", "0,\n-١000"), "smallest inputs are not numbers"),
        (text().replace("0,\n-1000", "0,\n-１000"), "smallest inputs are not numbers"),
        (written_by_others(extra=",").replace("3, 4, 5, 2", "9, 3, 4, 5, 2"), "malformed"),
    ],
)
def test_refuses_what_would_have_to_be_guessed(tmp_path, content, message):
    with pytest.raises((FormatError, NetworkError), match=message):
        load(saved(tmp_path, content))


def with_ranges(smallest, largest) -> str:
    return text().replace(row([-1e3] * 3), row(smallest)).replace(row([1e3] * 3), row(largest))


def test_the_input_ranges_are_a_box(tmp_path):
    low, high = [0.0, -3.141593, 100.0], [60760.0, 3.141593, 1200.0]
    assert input_box(saved(tmp_path, with_ranges(low, high))) == Box(low, high)
    # only the header is needed, and one number may stand for all
    file = saved(tmp_path, written_by_others(bounds=("-2", "3")))
    assert input_box(file) == Box.interval(3, -2.0, 3.0)
    assert input_box(saved(tmp_path, written_by_others())) is None
    assert input_box(saved(tmp_path, with_ranges([0.0] * 3, [0.0] * 3))) is None
    for low, high in (([0, 0, 2], [1, 1, 1]), ([np.nan] * 3, [1] * 3), ([1, 2, 3], [1, 2, 3])):
        with pytest.raises(DomainError, match=r"make no box .*--cube 1"):
            input_box(saved(tmp_path, with_ranges(low, high)))


def test_the_input_ranges_are_the_default_domain(tmp_path, capsys):
    # a unit that bends at 20: outside the cube, inside the ranges
    weights, biases = [np.eye(3), np.ones((1, 3))], [np.full(3, -20.0), np.zeros(1)]
    file = saved(tmp_path, text(weights, biases, [0.0] * 4, [1.0] * 4, [3, 3, 1]))
    assert main(["count", str(file), "--json"]) == 0
    out, err = capsys.readouterr()
    assert "input ranges" in err
    assert json.loads(out)["regions"] == 8
    assert json.loads(out)["domain"]["upper"] == [1000.0] * 3
    assert main(["count", str(file), "--json", "--cube", "1"]) == 0
    out, err = capsys.readouterr()
    assert "input ranges" not in err
    assert json.loads(out)["regions"] == 1
    found = pr.enumerate_regions(load(file), input_box(file))
    expected = brute_force(load(file), input_box(file))
    assert found.patterns.tobytes() == expected.patterns.tobytes()
    assert found.edges.tolist() == expected.edges.tolist()


def test_info_prints_the_input_ranges(tmp_path, capsys):
    file = saved(tmp_path, text())
    assert main(["info", str(file)]) == 0
    assert "input ranges of the file: [-1000, 1000], [-1000, 1000], [-1" in capsys.readouterr().out
    assert main(["info", str(file), "--cube", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["input_ranges"] == {"lower": [-1e3] * 3, "upper": [1e3] * 3}
    assert found["domain"]["upper"] == [1.0] * 3
    # ranges that make no box are no trouble where another domain is given
    bad = file.with_name("bad.nnet")
    bad.write_text(with_ranges([0, 0, 2], [1, 1, 1]))
    assert main(["info", str(bad)]) == 2
    assert "--cube 1" in capsys.readouterr().err
    assert main(["info", str(bad), "--cube", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["input_ranges"] is None
    # a slice has a window of its own
    assert main(["info", str(file), "--fix", "0=5", "--whole-space", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["domain"] is None
    assert main(["info", str(file), "--fix", "0=5", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["domain"]["lower"] == [5.0, -1e3, -1e3]


@pytest.mark.parametrize("value", ["0=1_0", "0=١", "1_0=1", "٠=1", "0=１"])
def test_fixed_values_are_plain_numbers(tmp_path, capsys, value):
    file = saved(tmp_path, text())
    assert main(["info", str(file), "--fix", value]) == 2
    assert "not of the form INPUT=VALUE" in capsys.readouterr().err
