"""Margins of classes, against fractions at points and against all regions."""

import json
from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from listed import largest_listed, largest_margin_listed
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.cli import main
from polyregions.io import save_network
from polyregions.questions.property import read_property

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]


def with_outputs(network, outputs, seed, *, ties=False):
    """Another last layer: so many outputs; with ties, of units that are zero on whole regions."""
    *hidden, last = network.layers
    rng = np.random.default_rng([outputs, seed])
    weight = np.round(rng.normal(size=(outputs, last.weight.shape[1])) * 4) / 4
    bias = np.zeros(outputs) if ties else np.round(rng.normal(size=outputs) * 4) / 4
    return pr.Network((*hidden, pr.Layer.affine(weight, bias)))


def margin_of(outputs, chosen):
    return outputs[chosen] - max(y for k, y in enumerate(outputs) if k != chosen)


@pytest.mark.parametrize("outputs", [2, 3, 5, 8])
@pytest.mark.parametrize("family", BOXED)
def test_in_fractions_at_points(family, outputs):
    network = with_outputs(random_case(family, 2)[0], outputs, 0, ties=True)
    rng = np.random.default_rng(0)
    for chosen in range(outputs):
        lead = pr.margin(network, chosen)
        assert lead.output_dimension == 1
        assert lead.hidden_units == network.hidden_units + outputs - 2
        for _ in range(3):
            x = [Fraction(int(k), 7) for k in rng.integers(-9, 10, network.input_dimension)]
            assert exact_forward(lead, x) == [margin_of(exact_forward(network, x), chosen)]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("family", BOXED)
def test_the_extremes_of_all_regions(family, seed):
    network, box = random_case(family, seed, units=6)
    network = with_outputs(network, 3, seed, ties=seed == 2)
    regions = pr.enumerate_regions(network, box)
    for chosen in (0, 2):
        lead = pr.margin(network, chosen)
        assert pr.maximum(lead, box).value == largest_margin_listed(regions, chosen)
        behind = [
            largest_listed(regions, [(k == chosen) - (k == other) for k in range(3)], -1)
            for other in {0, 1, 2} - {chosen}
        ]
        assert pr.minimum(lead, box).value == min(behind)


def test_an_output_that_is_never_beaten_and_touches():
    """Outputs |x| and x: the margin of the first is zero for x >= 0, and never less."""
    net = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1], [1, -1]], [0, 0])])
    box = pr.Box.cube(1, 1.0)
    least = pr.minimum(pr.margin(net, 0), box)
    assert (least.value, least.proven) == (0, True)
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 -1))"
    text += "(assert (<= X_0 1))(assert (<= Y_0 -1e-30))"
    assert pr.verify(pr.margin(net, 0), read_property(text)).answer == "holds"


def test_equal_outputs_have_no_margin():
    net = pr.Network.from_arrays([([[1.0]], [0.25]), ([[2.0]] * 3, [0.5] * 3)])
    lead = pr.margin(net, 1)
    assert pr.maximum(lead, pr.Box.cube(1, 1.0)).value == 0
    assert pr.minimum(lead, pr.Box.cube(1, 1.0)).value == 0


@pytest.mark.parametrize("size", [1e300, 5e-324, 1.7e308])
def test_outputs_at_the_ends_of_the_floats(size):
    net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[size], [-size], [0.0]], [0.0, size, 0.0])])
    best = pr.maximum(pr.margin(net, 0), pr.Box.cube(1, 1.0))
    assert (best.value, best.point) == (Fraction(size), (1,))


@pytest.mark.parametrize(
    ("chosen", "sentence"),
    [
        (3, "there is no output 3; the network has 3"),
        (-4, "there is no output -4"),
        (True, "an output is an index, counted from 0, not a bool"),
        ([1.0, 0.0, 0.0], "an output is an index, counted from 0, not a list"),
    ],
)
def test_no_such_class(chosen, sentence):
    net = with_outputs(random_case("generic", 0)[0], 3, 0)
    with pytest.raises(pr.PolyregionsError, match=sentence):
        pr.margin(net, chosen)
    with pytest.raises(pr.NetworkError, match="has one only"):
        pr.margin(random_case("generic", 0)[0], 0)


def test_on_the_command_line(tmp_path, capsys):
    net = with_outputs(random_case("generic", 1)[0], 4, 1)
    save_network(net, tmp_path / "net.npz")
    path, box = str(tmp_path / "net.npz"), pr.Box.cube(net.input_dimension, 1.0)
    best = pr.maximum(pr.margin(net, -1), box)
    assert main(["maximum", path, "--cube", "1", "--margin", "-1", "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert Fraction(read["exact_value"]) == best.value
    outputs = [Fraction(y) for y in read["exact_outputs"]]
    assert margin_of(outputs, 3) == best.value
    assert (read["margin"], read["of"]) == (3, None)
    assert main(["minimum", path, "--cube", "1", "--margin", "3"]) == 0
    assert "smallest margin of Y_3: " in capsys.readouterr().out
    assert main(["minimum", path, "--cube", "1", "--margin", "3", "--of", "0"]) == 2
    assert "--of and --margin name different values" in capsys.readouterr().err
