"""Values show themselves in one short line, whatever they hold."""

import numpy as np
import pytest

import polyregions as pr
from polyregions.geometry.region_polytope import Halfspaces

HOSTILE = "net\n\x1b[31m\u202egnp.exe" + 500 * "a"


def wide_network(name):
    rng = np.random.default_rng(0)
    shapes = [(300, 784), *[(300, 300)] * 3, (10, 300)]
    return pr.Network.from_arrays(
        [(rng.normal(size=shape), rng.normal(size=shape[0])) for shape in shapes], name=name
    )


NETWORK = wide_network(HOSTILE)
VALUES = {
    "network": NETWORK,
    "deep network": pr.Network.from_arrays(999 * [([[1.0]], [0.5])]),
    "layer": NETWORK.layers[0],
    "box": pr.Box(np.linspace(-1, 0, 784), np.ones(784)),
    "polytope": pr.Polytope([*np.eye(9), *-np.eye(9)], np.linspace(1, 2, 18)),
    "region": pr.Region(NETWORK, None, np.zeros(19, dtype=np.uint64), np.ones(784), ()),
    "regions": pr.Regions(
        NETWORK,
        None,
        np.zeros((1, 19), dtype=np.uint64),
        np.ones((1, 784)),
        np.zeros((0, 2), dtype=np.int32),
        True,
        True,
    ),
    "halfspaces": Halfspaces(np.ones((99, 4)), np.ones(99)),
    "plane": pr.Plane.through(np.zeros(784), np.arange(784.0), np.ones(784)),
    "slice": pr.Slice(np.zeros(784), np.eye(784), pr.Box(np.linspace(-1, 0, 784), np.ones(784))),
    "free slice": pr.Slice(np.zeros(2), np.eye(2), None),
}


@pytest.mark.parametrize("name", VALUES)
def test_one_short_line(name):
    text = repr(VALUES[name])
    assert text.isprintable()
    assert len(text) <= 300
    assert str(VALUES[name]) == text


def test_what_the_line_says():
    net = pr.Network.from_arrays([(np.ones((3, 2)), np.zeros(3)), (np.ones((1, 3)), [0])], name="v")
    assert repr(net) == "<Network v: 2 inputs, 3 hidden units in layers of 3, 1 outputs>"
    assert repr(net.layers[0]) == "<Layer of 3 units that read 2 values, 3 bend>"
    region = pr.Region(net, None, net.pattern([0.25, 0.5]), np.array([0.25, 0.5]), ())
    assert repr(region) == "<Region of v: 3 of 3 units active, around [0.25, 0.5]>"
    assert repr(pr.Slice(np.zeros(2), np.eye(2), None)) == "<Slice of 2 of 2 dimensions, no window>"
    assert "...," not in repr(net)


@pytest.mark.parametrize("domain", [pr.Box.cube(3, 1.5), pr.Box([0, 1], [2, 1])], ids=repr)
def test_a_short_box_is_the_expression_that_makes_it(domain):
    assert eval(repr(domain), {"Box": pr.Box}) == domain  # noqa: S307 - of this line


@pytest.mark.parametrize("name", ["box", "polytope"])
def test_the_whole_expression_is_there_on_demand(name):
    domain = VALUES[name]
    names = {"Box": pr.Box, "Polytope": pr.Polytope}
    assert eval(domain.expression(), names) == domain  # noqa: S307 - of this line
    assert len(domain.expression()) > 200
