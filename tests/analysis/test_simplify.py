"""The simplified network is equal, as a function, and its bounds hold; both to the last bit."""

import json
import warnings
from fractions import Fraction

import numpy as np
import pytest
from scipy.linalg import block_diag
from scipy.sparse import csr_array

import polyregions as pr
from polyregions.analysis.affine_maps import exact_maps, largest_value
from polyregions.analysis.simplification import simplify
from polyregions.analysis.units import unit_bounds
from polyregions.cli import main
from polyregions.domain.chart import chart_point
from polyregions.io import load_domain, read_idx, save_network
from polyregions.run import progress
from tests.random_nets import FAMILIES, random_case
from tests.zoo import ZOO


def difference(one, other):
    """The network one - other, exactly: side by side, and an affine layer that subtracts."""
    layers = [list(one.layers), list(other.layers)]
    depth = max(map(len, layers))
    for side in layers:
        size = len(side[-1].bias)
        side += [pr.Layer.affine(np.eye(size), np.zeros(size))] * (depth - len(side))
    joined = []
    for place, (a, b) in enumerate(zip(*layers, strict=True)):
        weights = a.weight, b.weight
        weight = np.vstack(weights) if place == 0 else block_diag(*weights)
        rest = [np.concatenate(pair) for pair in ((a.bias, b.bias), (a.lower, b.lower))]
        joined.append(pr.Layer.with_slopes(weight, *rest, np.concatenate([a.upper, b.upper])))
    size = one.output_dimension
    last = pr.Layer.affine(np.hstack([np.eye(size), -np.eye(size)]), np.zeros(size))
    return pr.Network((*joined, last))


def assert_equal_on(one, other, domain):
    """One output minus the other is the zero function on every region of both networks."""
    network = difference(one, other)
    maps = exact_maps(network, domain)
    regions = pr.enumerate_regions(network, domain)
    assert regions.complete
    assert regions.proven
    for words in regions.patterns:
        _, outputs, _ = maps.rows(words)
        assert not any(any(row) for row in outputs)


def exact_ends(regions):
    """The slow twin of bounds: a linear program in integers per unit and region."""
    network, domain = regions.network, regions.domain
    maps = exact_maps(network, domain)
    scale, scales = (
        int(maps.chart.transform[maps.chart.transform.nrows() - 1, maps.chart.weight_column]),
        [],
    )
    for layer in maps.exact.layers:
        scales += [scale * layer.weight_scale] * sum(layer.bends)
        scale *= layer.weight_scale * layer.slope_scale
    ends = [[None, None] for _ in scales]
    for region in regions:
        rows, outputs, walls = maps.rows(region.pattern)
        signs = [1 if bit else -1 for bit in region.bits] + [1] * maps.outputs
        start = chart_point(domain, region.exact_witness)
        for k, (row, sign) in enumerate(zip([*rows, *outputs], signs, strict=True)):
            for side, turn in enumerate((-1, 1)):
                objective = [turn * sign * int(entry) for entry in row]
                value = turn * largest_value(objective, [*rows, *walls], start)[0] / scales[k]
                old = ends[k][side]
                ends[k][side] = value if old is None or turn * value > turn * old else old
    return ends


CASES = [(family, seed) for family in FAMILIES for seed in range(3)]


@pytest.mark.parametrize(("family", "seed"), CASES)
def test_the_simplified_network_is_the_same_function(family, seed):
    network, domain = random_case(family, seed)
    found = simplify(network, domain)
    assert_equal_on(network, found.network, domain)
    assert found.network.hidden_units <= max(1, network.hidden_units)
    for row in found.table:
        parts = row.always_on + row.always_off + row.unread + row.merged + row.left
        assert parts == row.units
        assert min(row.merged, row.left, row.unread) >= 0
    regions = pr.enumerate_regions(network, domain)
    exact = simplify(network, domain, regions=regions)
    assert_equal_on(network, exact.network, domain)
    assert exact.network.hidden_units <= found.network.hidden_units


@pytest.mark.parametrize(
    "known", [case for case in ZOO if case.regions < 70], ids=lambda known: known.network.name
)
def test_the_zoo_stays_the_same(known):
    assert_equal_on(known.network, simplify(known.network, known.domain).network, known.domain)


@pytest.mark.parametrize(("family", "seed"), [c for c in CASES if "whole" not in c[0] and c[1] < 2])
def test_bounds_hold_and_become_exact_with_regions(family, seed):
    network, domain = random_case(family, seed)
    regions = pr.enumerate_regions(network, domain)
    quick, sharp = unit_bounds(network, domain), unit_bounds(network, domain, regions=regions)
    ends = exact_ends(regions)
    for bounds in (quick, sharp):
        parts = (bounds.units, bounds.outputs)
        lower, upper, exact_lower, exact_upper = (
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("lower", "upper", "exact_lower", "exact_upper")
        )
        for k, (least, most) in enumerate(ends):
            assert Fraction(lower[k]) <= least <= most <= Fraction(upper[k])
            if exact_lower[k]:
                assert Fraction(float(np.nextafter(lower[k], np.inf))) > least
            if exact_upper[k]:
                assert Fraction(float(np.nextafter(upper[k], -np.inf))) < most
        tight = [float(most - least) for least, most in ends]
    # with regions only rounding is left, and not even that but for ties
    np.testing.assert_allclose(upper - lower, tight, rtol=1e-9, atol=1e-9)
    assert exact_lower.mean() > 0.5
    # a unit that is one-sided has a constant bit, unless it is zero where it is off
    bits = regions.bits
    assert not bits[:, sharp.always_off].any()
    never = bits.all(axis=0)
    assert sharp.always_on[never].all()


def exact_outputs(network, point):
    """The slow twin of evaluation, in fractions."""
    y = [Fraction(float(x)) for x in point]
    for layer in network.layers:
        rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        z = [
            sum((Fraction(w) * v for w, v in zip(r, y, strict=True) if w), Fraction(b))
            for r, b in rows
        ]
        slopes = zip(layer.lower.tolist(), layer.upper.tolist(), strict=True)
        y = [v * Fraction(up if v > 0 else low) for v, (low, up) in zip(z, slopes, strict=True)]
    return y


def real_case(name, shared_data):
    if name == "mnist":
        network = pr.load(shared_data / "nets" / "mnist_256x2.onnx")
        images = read_idx(shared_data / "mnist" / "t10k-images-idx3-ubyte.gz")
        image = images[0].reshape(-1) / 255
        return network, pr.Box(image - 0.02, image + 0.02)
    net, box = {"acasxu": ("acasxu_1_1", "acasxu_prop_3"), "vdp": ("vdp", "vdp_0")}[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        domain = load_domain(shared_data / "boxes" / f"{box}.vnnlib").domain
    return pr.load(shared_data / "nets" / f"{net}.onnx"), domain


@pytest.mark.parametrize(
    ("name", "bends", "units"), [("acasxu", 108, 159), ("vdp", 63, 63), ("mnist", 192, 193)]
)
def test_real_networks_get_smaller_and_stay_equal(name, bends, units, shared_data, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    network, domain = real_case(name, shared_data)
    found = simplify(network, domain)
    after = found.summary()["after"]
    # bounds in floats may be sharper or less sharp by a unit on another machine
    assert abs(after["bends"] - bends) <= 2
    assert abs(after["units"] - units) <= 2
    found.save(tmp_path / "small.onnx")
    back = pr.load(tmp_path / "small.onnx")
    assert back.fingerprint == found.network.fingerprint
    rng = np.random.default_rng(0)
    points = rng.uniform(domain.lower, domain.upper, size=(3, network.input_dimension))
    for point in points:
        assert exact_outputs(network, point) == exact_outputs(back, point)
    session = onnxruntime.InferenceSession(tmp_path / "small.onnx")
    np.testing.assert_allclose(
        session.run(None, {"input": points})[0], network.forward(points), rtol=1e-9, atol=1e-9
    )


def test_many_linear_units_are_read_through_few():
    """Eight units that are always on read two inputs: these are carried in their stead."""
    rng = np.random.default_rng(1)
    first = rng.normal(size=(9, 2)).astype(np.float32), np.append(np.full(8, 50.0), 0.25)
    second = rng.normal(size=(4, 9)).astype(np.float32), rng.normal(size=4)
    last = rng.normal(size=(2, 4)), [0.0, 0.0]
    network, box = pr.Network.from_arrays([first, second, last]), pr.Box.cube(2, 1.0)
    found = simplify(network, box)
    (row, _) = found.table
    assert (row.always_on, row.left) == (8, 1)
    assert row.linear_left < 8
    assert_equal_on(network, found.network, box)


def test_sums_that_no_float_holds_are_not_made():
    """1 + 2^-60 is no float: two equal units stay, three become two."""
    weights = [1.0, 2.0**-60, 2.0**-61]
    box = pr.Box.cube(1, 1.0)
    for size, left in ((2, 2), (3, 2)):
        network = pr.Network.from_arrays(
            [(np.ones((size, 1)), np.zeros(size)), ([weights[:size]], [0])]
        )
        found = simplify(network, box)
        assert found.network.hidden_units == left
        assert_equal_on(network, found.network, box)


def test_a_polytope_counts_with_its_walls():
    """x + y - 1 is never positive below the diagonal, though it is in the box around it."""
    triangle = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    network = pr.Network.from_arrays([([[1, 1], [1, -1]], [-1, 0]), ([[1, 1]], [0])])
    found = simplify(network, triangle)
    assert found.bounds.always_off.tolist() == [True, False]
    assert found.bounds.units.upper.tolist() == [0.0, 1.0]
    assert found.network.hidden_units == 1
    assert_equal_on(network, found.network, triangle)


def test_the_kept_units_are_those_they_are_said_to_be():
    network, domain = random_case("generic", 1)
    found = simplify(network, domain)
    small, big = (pr.enumerate_regions(net, domain).bits for net in (found.network, network))
    # none was merged here: the regions are the same ones
    assert {row.tobytes() for row in small} == {row.tobytes() for row in big[:, found.units]}
    assert len(small) == len(big)
    table = found.bounds_table()
    assert (table["becomes"][found.units] == np.arange(len(found.units))).all()


@pytest.mark.parametrize("sparse", [False, True])
def test_sparse_layers_are_simplified_alike(sparse):
    rng = np.random.default_rng(3)
    weight = rng.integers(-2, 3, size=(12, 3)) * (rng.random((12, 3)) < 0.6)
    above = rng.integers(-2, 3, size=(6, 12)) * (rng.random((6, 12)) < 0.4)
    kind = csr_array if sparse else np.asarray
    network = pr.Network(
        (
            pr.Layer.with_slopes(
                kind(weight.astype(float)), rng.integers(-3, 7, 12) * 1.0, 0.0, 1.0
            ),
            pr.Layer.with_slopes(kind(above.astype(float)), np.zeros(6), 0.0, 1.0),
            pr.Layer.affine(rng.integers(-2, 3, size=(2, 6)) * 1.0, np.zeros(2)),
        )
    )
    found = simplify(network, pr.Box.cube(3, 1.0))
    assert found.network.hidden_units < network.hidden_units
    assert_equal_on(network, found.network, pr.Box.cube(3, 1.0))


def test_regions_of_something_else_are_refused():
    network, domain = random_case("generic", 0)
    other, elsewhere = random_case("generic", 1)
    with pytest.raises(pr.PolyregionsError, match="another network"):
        simplify(network, domain, regions=pr.enumerate_regions(other, elsewhere))
    regions = pr.enumerate_regions(network, domain)
    with pytest.raises(pr.PolyregionsError, match="another domain"):
        simplify(network, pr.Box.cube(network.input_dimension, 0.5), regions=regions)
    with pytest.raises(pr.PartialResultError):
        simplify(network, domain, regions=regions[:1])


def test_the_command_prints_the_table_and_saves(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    network = pr.Network.from_arrays([([[1], [1], [2]], [0, -3, 0]), ([[1, 1, 1]], [0])])
    save_network(network, "net.npz")
    assert main(["simplify", "net.npz", "--exact", "-o", "small.npz", "--bounds", "b.csv"]) == 0
    out, err = capsys.readouterr()
    assert "1 of 3 units still bend" in out
    assert "2 of 2 regions looked at" in err
    assert pr.load("small.npz").hidden_units == 1
    assert (tmp_path / "b.csv").read_text().splitlines()[2] == "1,0,-4.0,-2.0,True,True,-1"
    assert main(["simplify", "net.npz", "--whole-space", "--json"]) == 0
    out, err = capsys.readouterr()
    assert "looked at" not in err
    found = json.loads(out)
    assert found["bounds"]["lower"] == [None] * 3
    assert found["table"][0]["merged"] == 1
    assert main(["simplify", "net.npz", "-o", "small.txt"]) == 2
    assert main(["simplify", "net.npz", "-o", "b.csv"]) == 2
    assert main(["simplify", "net.npz", "-o", "c.npz", "--bounds", "c.npz"]) == 2


def test_leaky_units_that_are_always_off_keep_their_slope():
    lower = [0.25, 0.5, 0.3, 0.1]
    first = pr.Layer.with_slopes([[1, 2], [2, 1], [1, 1], [1, -1]], [-9, -9, -9, 0], lower, 1.0)
    network = pr.Network((first, pr.Layer.affine([[1, 2, 0.3, 1]], [0.5])))
    found = simplify(network, pr.Box.cube(2, 1.0))
    assert found.network.hidden_units == 1
    assert_equal_on(network, found.network, pr.Box.cube(2, 1.0))


def test_units_that_read_equal_units_are_equal():
    """The two units below stay, for no float holds 1 + 2^-60; those above are one."""
    last = [[1.0, 1.0, 2.0**-60]]
    layers = [
        ([[1.0], [1.0]], [0.0, 0.0]),
        ([[1.0, 2.0**-60], [2.0**-60, 1.0], [1.0, 0.0]], [-0.5, -0.5, -0.25]),
        (last, [0.0]),
    ]
    network = pr.Network.from_arrays(layers)
    found = simplify(network, pr.Box.cube(1, 1.0))
    assert [row.left for row in found.table] == [2, 2]
    assert_equal_on(network, found.network, pr.Box.cube(1, 1.0))
