"""Do two networks choose the same classes? Against all regions of their common refinement."""

import json
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from listed import choices_differ_listed

import polyregions as pr
from polyregions.cli import main
from polyregions.io import save_network
from polyregions.questions import box_search, output_sets
from polyregions.questions.equality import chosen_class, equal_classes

TRIANGLE = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0.5, 0.5, 0.5])


def classifier(seed, *, clipped):
    """Three outputs of small integers; clipped at zero, they tie on whole regions."""
    rng = np.random.default_rng(seed)
    n = 1 + seed % 2
    layers = [
        (rng.integers(-2, 3, (4, n)), rng.integers(-1, 2, 4)),
        (rng.integers(-2, 3, (3, 4)), rng.integers(-1, 2, 3)),
    ]
    if clipped:
        layers.append((np.eye(3), np.zeros(3)))
    return pr.Network.from_arrays(layers)


def changed(network, how, seed):
    """Another network, whose classes may be the same."""
    if how == "doubled":
        return network.compose(pr.linear(2 * np.eye(3)))
    if how == "last of two":  # moves a tie to the class behind it
        return network.compose(pr.linear(np.eye(3), [0.0, 0.0, 2.0**-60]))
    if how == "raised":  # may choose another class beyond a bound that is never reached
        return network.compose(pr.linear(np.eye(3) - 2.0**-12 * np.ones((3, 3))))
    layers = [(layer.weight.copy(), layer.bias.copy()) for layer in network.layers]
    layers[0][1][seed % 4] += 0.25
    return pr.Network.from_arrays(layers)


def assert_different(first, second, found):
    outputs = [exact_forward(net, list(found.point)) for net in (first, second)]
    assert [list(found.first), list(found.second)] == outputs
    assert found.classes == tuple(int(np.argmax(of)) for of in outputs)
    assert found.classes[0] != found.classes[1]


@pytest.mark.parametrize("clipped", [False, True])
@pytest.mark.parametrize("how", ["doubled", "last of two", "raised", "bias"])
@pytest.mark.parametrize("seed", range(6))
def test_all_regions(seed, how, clipped):
    first = classifier(seed, clipped=clipped)
    second = changed(first, how, seed)
    domain = TRIANGLE if seed % 4 == 1 else pr.Box.cube(first.input_dimension, 1.0)
    regions = pr.enumerate_regions(pr.side_by_side(first, second), domain)
    found = equal_classes(first, second, domain)
    assert found.equal == (not choices_differ_listed(regions))
    if not found.equal:
        assert_different(first, second, found)
        assert domain.closure_contains(np.array([[float(x) for x in found.point]]))[0]
    else:
        assert (found.point, found.first, found.classes) == (None, (), None)


def test_cells_alone(monkeypatch):
    """No bound or sample helps."""
    monkeypatch.setattr(box_search, "_FEW_CELLS", 1e9)
    monkeypatch.setattr(box_search, "_FEW_CELLS_OF_AN_INPUT", 1e9)
    monkeypatch.setattr(output_sets, "_FIRST_POINTS", 1)
    for how in ("doubled", "last of two", "raised"):
        test_all_regions(0, how, clipped=True)


def test_a_tie_at_one_point():
    """|x| and 0 tie at 0 only: there the first class is chosen if |x| is first, and always so."""
    absolute = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1], [0, 0]], [0, 0])])
    swap = pr.linear([[0, 1], [1, 0]])
    box = pr.Box.cube(1, 1.0)
    never = pr.Network.from_arrays([([[1.0]], [0]), ([[0], [0]], [1, 0])])
    assert equal_classes(absolute, never, box).equal is True
    other = pr.Network.from_arrays([([[1.0]], [0]), ([[0], [0]], [0, 1])])
    apart = equal_classes(absolute.compose(swap), other, box)
    assert (apart.equal, apart.point, apart.classes) == (False, (0,), (0, 1))


@pytest.mark.parametrize("step", [0.0, 2.0**-52, -(2.0**-52), 5e-324])
def test_one_rounding_decides_a_tie(step):
    """Constant outputs that tie, or are apart by the least that floats can be."""
    net = pr.Network.from_arrays([([[1.0]], [0]), ([[0], [0]], [step, 0])])
    tied = pr.Network.from_arrays([([[1.0]], [0]), ([[0], [0]], [0, 0])])
    found = equal_classes(net, tied, pr.Box.cube(1, 1.0))
    assert found.equal == (step >= 0)


@pytest.mark.parametrize("size", [1e300, 1e-300])
def test_outputs_at_the_ends_of_the_floats(size):
    one = pr.Network.from_arrays([([[size]], [0.0]), ([[size], [0.0]], [0.0, size])])
    other = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0], [0.0]], [0.0, 1 / size])])
    box = pr.Box.interval(1, 0.0, 1.0)
    regions = pr.enumerate_regions(pr.side_by_side(one, other), box)
    found = equal_classes(one, other, box)
    assert found.equal == (not choices_differ_listed(regions))


def test_one_class_is_always_the_same():
    one = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    other = pr.Network.from_arrays([([[1.0]], [0.5]), ([[7.0]], [0.0])])
    assert equal_classes(one, other, pr.Box.cube(1, 1.0)).equal is True


def test_stopped_and_refused():
    first = classifier(1, clipped=True)
    second = changed(first, "doubled", 1)
    unknown = equal_classes(first, second, pr.Box.cube(2, 1.0), time_limit=1e-9)
    assert unknown.equal is None
    assert unknown.settled < 1
    assert "unknown" in repr(unknown)
    with pytest.raises(pr.NetworkError, match="compared one by one, but there are 3 and 1"):
        equal_classes(first, first.compose(pr.linear(np.ones((1, 3)))), pr.Box.cube(2, 1.0))
    with pytest.raises(pr.NetworkError, match="reads the same inputs"):
        equal_classes(first, classifier(0, clipped=True), pr.Box.cube(2, 1.0))
    with pytest.raises(pr.DomainError, match="not in the whole space"):
        equal_classes(first, second, None)
    for wrong in ({"time_limit": 0}, {"threads": 0}):
        with pytest.raises(pr.PolyregionsError, match=r"time limit|number of threads"):
            equal_classes(first, second, pr.Box.cube(2, 1.0), **wrong)


def test_first_of_the_largest():
    for outputs in ([0, 0, 0], [1, 2, 2], [3, 1, 3]):
        assert chosen_class(tuple(map(Fraction, outputs))) == int(np.argmax(outputs))


def test_on_the_command_line(tmp_path, capsys):
    first = classifier(1, clipped=True)
    networks = {"first": first, "same": changed(first, "doubled", 1)}
    networks["other"] = first.compose(pr.linear(np.eye(3)[::-1]))
    paths = {name: str(tmp_path / f"{name}.npz") for name in networks}
    for name, network in networks.items():
        save_network(network, paths[name])
    options = ["--classes", "--cube", "1"]
    assert main(["equal", paths["first"], paths["same"], *options]) == 0
    assert "same: chooses the same class everywhere in this domain, proven" in (
        capsys.readouterr().out
    )
    assert main(["equal", paths["first"], paths["other"], *options]) == 1
    assert "other: class 0 instead of class 2" in capsys.readouterr().out
    assert main(["equal", paths["first"], paths["other"], *options, "--json"]) == 1
    read = json.loads(capsys.readouterr().out)
    assert (read["equal_classes"], len(read["classes"])) == (False, 2)
    assert [Fraction(y) for y in read["exact_outputs"]] == exact_forward(
        first, [Fraction(x) for x in read["exact_point"]]
    )
    assert main(["equal", paths["first"], paths["same"], *options, "--time-limit", "1e-9"]) == 3
    assert "unknown whether it chooses the same classes" in capsys.readouterr().out
    assert main(["equal", paths["first"], paths["same"], "--classes", "--whole-space"]) == 2


def test_the_largest_floats_are_compared_without_overflow():
    """Outputs f and -f, and half of them, whose rows differ by more than floats hold."""
    hidden = [[1.0], [-1.0]], [0.0, 0.0]
    rows = 1.5e308 * np.array([[1.0, 1.0], [-1.0, -1.0]])
    first = pr.Network.from_arrays([hidden, (rows, [0.0, 0.0])])
    box = pr.Box.cube(1, 1.0)
    for shift, equal in ((0.0, True), (1.0, False)):
        second = pr.Network.from_arrays([hidden, (0.5 * rows, [0.0, shift])])
        assert equal_classes(first, second, box).equal is equal
