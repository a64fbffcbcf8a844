"""Networks composed, side by side and subtracted: the same in fractions, and their regions."""

from fractions import Fraction
from itertools import chain, pairwise, product

import numpy as np
import pytest
from io_helpers import exact_forward, rationals
from oracles import brute_force, domain_rows, fraction_rows
from random_nets import FAMILIES, random_case
from scipy.sparse import csr_array

import polyregions as pr
from polyregions.exact.facets import interior_point
from polyregions.io import save_network
from polyregions.network.composition import compose, difference, linear, side_by_side
from polyregions.pattern import pack, unpack
from polyregions.questions.property import read_property

ABSOLUTE = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])], name="abs")
SQUARE = pr.Box.cube(2, 1.0)


def affine(layer, x):
    shift = rationals(layer.bias)
    return [
        sum((Fraction(w) * v for w, v in zip(row, x, strict=True)), b)
        for row, b in zip(layer.weight.tolist(), shift, strict=True)
    ]


def random_affine(rng, out, width, *, short):
    """A map with entries of few bits, whose products are floats, or of 53."""
    matrix, bias = rng.normal(size=(out, width)), rng.normal(size=out)
    if short:
        matrix, bias = np.round(matrix * 4) / 4, np.round(bias * 4) / 4
    return linear(matrix, bias)


def points(rng, dimension):
    entries = rng.integers(-40, 41, size=(4, dimension)).tolist()
    return [[Fraction(entry, 21) for entry in row] for row in entries]


@pytest.mark.parametrize("short", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_maps_before_and_after_are_the_same_in_fractions(family, short):
    net, _ = random_case(family, 1)
    rng = np.random.default_rng(5)
    before = random_affine(rng, net.input_dimension, 2, short=short)
    after = random_affine(rng, 3, net.output_dimension, short=short)
    composed = compose(before, net, after)
    assert composed.hidden_units == net.hidden_units
    for x in points(rng, 2):
        bits, expected = [], []
        below = exact_forward(net, affine(before, x), expected)
        assert exact_forward(composed, x, bits) == affine(after, below)
        assert bits == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_a_network_after_a_network_is_the_same_in_fractions(family):
    first, _ = random_case("generic", 2)
    second, _ = random_case(family, 3)
    rng = np.random.default_rng(6)
    between = random_affine(rng, second.input_dimension, first.output_dimension, short=False)
    composed = first.compose(between).compose(second)
    for x in points(rng, first.input_dimension):
        assert exact_forward(composed, x) == exact_forward(
            second, affine(between, exact_forward(first, x))
        )


@pytest.mark.parametrize("seed", range(4))
def test_networks_side_by_side_are_the_same_in_fractions(seed):
    rng = np.random.default_rng(seed)
    # of one, two and three hidden layers, and an affine map
    nets = [small(rng, depth) for depth in rng.permutation(3) + 1]
    parts = [*nets, random_affine(rng, 2, 2, short=False)]
    together = side_by_side(*parts)
    minus = difference(nets[0], nets[1])
    assert together.hidden_units == sum(net.hidden_units for net in nets)
    for x in points(rng, 2):
        outputs = [exact_forward(net, x) for net in nets] + [affine(parts[-1], x)]
        assert exact_forward(together, x) == list(chain(*outputs))
        expected = [a - b for a, b in zip(*outputs[:2], strict=True)]
        assert exact_forward(minus, x) == expected


def small(rng, depth, outputs=1):
    widths = [2, *[4 // depth] * depth, outputs]
    return pr.Network.from_arrays(
        [(rng.normal(size=(b, a)), rng.normal(size=b) * 0.3) for a, b in pairwise(widths)]
    )


# --- what becomes one layer ---------------------------------------------------


def test_a_product_that_floats_hold_is_one_layer():
    net = compose(linear([[2.0]], [1.0]), ABSOLUTE, linear([[0.5], [-3]], [0, 0.25]))
    assert [layer.weight.tolist() for layer in net.layers] == [
        [[2.0], [-2.0]],
        [[0.5, 0.5], [-3.0, -3.0]],
    ]
    assert [layer.bias.tolist() for layer in net.layers] == [[1.0, -1.0], [0.0, 0.25]]


@pytest.mark.parametrize("number", [0.1, 1e300, 1e-300])
def test_a_product_that_no_float_holds_stays_two_layers(number):
    net = pr.Network.from_arrays([([[number]], [0]), ([[number]], [0])])
    composed = compose(linear([[number]]), net, linear([[number]]))
    assert [layer.weight.tolist() for layer in composed.layers] == [[[number]]] * 4
    assert composed.hidden_units == 1
    assert exact_forward(composed, [Fraction(1)]) == [Fraction(number) ** 4]


def test_slopes_of_a_last_layer_are_part_of_the_product():
    last = pr.Layer.with_slopes([[1.0], [1.0]], [0.5, -0.5], [2.0, 0.0], [2.0, 0.0])
    net = pr.Network((pr.Layer.relu([[1.0]], [0.0]), last))
    composed = net.compose(linear([[3.0, 1.0]], [1.0]))
    assert len(composed.layers) == 2
    # 3 * 2 * (x + 1 / 2) + 0 + 1
    assert composed.forward([0.25]).tolist() == [5.5]


def test_a_narrow_layer_is_not_multiplied_out():
    rng = np.random.default_rng(0)
    column = rng.integers(-3, 4, size=(32, 1))
    wide = pr.Network.from_arrays([(column, np.zeros(32)), (np.ones((1, 32)), [0.0])])
    widths = [layer.matrix.shape for layer in wide.compose(wide).layers]
    assert widths == [(32, 1), (1, 32), (32, 1), (1, 32)]


def test_layers_that_are_mostly_zeros_stay_sparse():
    rng = np.random.default_rng(0)
    sizes = [(200, 2), (200, 200), (1, 200)]
    net = pr.Network.from_arrays([(rng.normal(size=size), np.zeros(size[0])) for size in sizes])
    matrices = [layer.matrix for layer in side_by_side(*[net] * 9).layers]
    assert matrices[1].nnz == 9 * 200**2
    picked = compose(linear(csr_array([[0.0, 1.0], [1.0, 0.0]])), net)
    assert (picked.layers[0].weight == net.layers[0].weight[:, ::-1]).all()


def test_names_and_what_was_assumed_are_those_of_the_parts():
    one = pr.Network(ABSOLUTE.layers, name="u", assumed="relu")
    other = pr.Network(ABSOLUTE.layers, name="v", assumed="tanh is relu")
    assert compose(linear([[1]]), one).name == "u"
    assert compose(one, other, one).name == "u then v then u"
    assert difference(one, other).name == "u minus v"
    assert side_by_side(one, other).assumed == "relu; tanh is relu"
    layers = (pr.Layer.relu([[1]], [0]), linear([[1]]))
    assert compose(*layers).name == "network"


# --- the engine on them -------------------------------------------------------


@pytest.mark.parametrize("scale", [0.75, 0.7])  # a product that floats hold, and none
@pytest.mark.parametrize("family", ["generic", "duplicates", "integer", "dead", "slopes"])
def test_regions_behind_a_map_are_those_of_brute_force(family, scale):
    net, _ = random_case(family, 4, units=5)
    rng = np.random.default_rng(1)
    before = linear(np.round(rng.normal(size=(net.input_dimension, 2)) * 4) * scale)
    composed = compose(before, net, linear(np.ones((1, net.output_dimension))))
    regions = pr.enumerate_regions(composed, SQUARE)
    expected = brute_force(composed, SQUARE)
    assert regions.complete
    assert regions.proven
    assert (regions.patterns == expected.patterns).all()
    assert (regions.edges == expected.edges).all()
    assert pr.count_regions(composed, SQUARE) == len(regions)
    assert patterns_behind(net, before, regions.witnesses) == regions.patterns.tolist()


def patterns_behind(net, before, points):
    """Return the patterns of a network at the images of points under a map, in fractions."""
    patterns = []
    for x in points:
        bits = []
        exact_forward(net, affine(before, rationals(x)), bits)
        patterns.append(bits)
    return pack(np.array(patterns)).tolist()


@pytest.mark.parametrize("kind", ["generic", "integer", "equal"])
@pytest.mark.parametrize("depths", [(1, 1), (1, 2), (3, 1)])
def test_regions_side_by_side_are_the_common_refinement(kind, depths):
    rng = np.random.default_rng([len(kind), *depths])
    nets = [small(rng, depth) for depth in depths]
    if kind == "integer":
        nets = [rounded(net) for net in nets]
    elif kind == "equal":
        nets[1] = compose(linear(np.eye(2) * 2), nets[0], linear([[3.0]]))
    together = side_by_side(*nets)
    regions = pr.enumerate_regions(together, SQUARE)
    box = domain_rows(nets[0], SQUARE)
    found = set()
    for pair in product(*[brute_force(net, SQUARE).patterns for net in nets]):
        bits = [unpack(p, net.hidden_units) for p, net in zip(pair, nets, strict=True)]
        rows = [fraction_rows(net, SQUARE, b) for net, b in zip(nets, bits, strict=True)]
        if interior_point(rows[0] + rows[1] + box) is not None:
            found.add((tuple(bits[0]), tuple(bits[1])))
    pairs = [
        tuple(tuple(unpack(net.pattern(x), net.hidden_units)) for net in nets)
        for x in regions.witnesses
    ]
    assert sorted(pairs) == sorted(found)
    assert pr.count_regions(together, SQUARE) == pr.count_regions(difference(*nets), SQUARE)
    assert pr.count_regions(together, SQUARE) == len(found)
    assert (together.pattern(regions.witnesses) == regions.patterns).all()


def rounded(net):
    return pr.Network.from_arrays(
        [(np.round(layer.weight), np.round(layer.bias * 3)) for layer in net.layers]
    )


def answer(net, condition, low=-1.0, high=1.0):
    inputs = "".join(
        f"(declare-const X_{i} Real)(assert (and (>= X_{i} {low}) (<= X_{i} {high})))"
        for i in range(net.input_dimension)
    )
    return pr.verify(net, read_property(f"{inputs}(declare-const Y_0 Real)(assert {condition})"))


@pytest.mark.parametrize("seed", range(3))
def test_a_network_minus_an_equal_one_is_zero(seed):
    rng = np.random.default_rng(seed)
    net = small(rng, 2)
    equal = pr.simplify(net, pr.Box.cube(2, 1.0)).network
    doubled = compose(net, linear([[2.0]]), linear([[0.5]]))
    again = side_by_side(net, net).compose(linear([[0, 1]]))
    for other in (net, equal, doubled, again):
        minus = difference(net, other)
        tiny = "0." + "0" * 30 + "1"
        assert answer(minus, f"(or (>= Y_0 {tiny}) (<= Y_0 -{tiny}))").answer == "holds"
        assert answer(minus, "(>= Y_0 0)").answer == "violated"
        assert pr.count_regions(minus, SQUARE) == pr.count_regions(net, SQUARE)


def test_a_difference_that_touches_a_bound_is_decided():
    # | |x| - x / 2 | has its largest value 3 / 2 at x = -1 only
    minus = compose(difference(ABSOLUTE, linear([[0.5]])), ABSOLUTE)
    found = answer(minus, "(>= Y_0 1.5)")
    assert found.answer == "violated"
    assert found.counterexample.point == (Fraction(-1),)
    assert answer(minus, "(>= Y_0 1.5000000000000000001)").answer == "holds"


def test_a_simpler_closed_loop_is_the_same():
    rng = np.random.default_rng(3)
    control = small(rng, 2)
    state = side_by_side(linear(np.eye(2)), control)
    step = compose(state, linear([[1.0, 0.1, 0.0], [0.0, 1.0, 0.1]]))
    loop = compose(step, step)
    simpler = pr.simplify(loop, SQUARE).network
    for x in points(rng, 2):
        x = [v / 2 for v in x]
        expected = x
        for _ in range(2):
            (u,) = exact_forward(control, expected)
            tenth = Fraction(0.1)
            expected = [expected[0] + tenth * expected[1], expected[1] + tenth * u]
        assert exact_forward(loop, x) == exact_forward(simpler, x) == expected
    assert len(pr.enumerate_regions(loop, SQUARE)) == pr.count_regions(loop, SQUARE)


def test_a_composed_network_is_saved_and_certified(tmp_path):
    loop = compose(side_by_side(linear([[1.0]]), ABSOLUTE), linear([[0.3, -0.7]]), ABSOLUTE)
    regions = pr.enumerate_regions(loop, pr.Box.cube(1, 1.0))
    pr.certify(regions, tmp_path / "loop.cert")
    assert pr.check(loop, tmp_path / "loop.cert").regions == len(regions)
    save_network(loop, tmp_path / "loop.npz")
    assert pr.load(tmp_path / "loop.npz").fingerprint == loop.fingerprint


# --- bad input ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("matrix", "bias", "message"),
    [
        (3.0, None, r"shape \(out, in\), but got \(\); write one row as"),
        ([1.0, 2.0], None, r"shape \(out, in\), but got \(2,\)"),
        ([[1.0, np.nan]], None, "not a finite number"),
        ([[1.0]], [np.inf], "not a finite number"),
        (csr_array([[1.0, np.inf]]), None, "not a finite number"),
        ([[]], None, "no unit or no input"),
        (np.zeros((0, 2)), None, "no unit or no input"),
        ([[1.0, 2.0]], [1.0, 2.0], "transpose the weight"),
        ([["1"]], None, "real numbers, not text"),
        ([[1.0], [1.0, 2.0]], None, "must be an array of real numbers"),
        ([[2**53 + 1]], None, "round them first"),
    ],
)
def test_bad_maps_are_refused(matrix, bias, message):
    with pytest.raises(pr.NetworkError, match=message):
        linear(matrix, bias)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ABSOLUTE.compose(linear([[1, 2]])), "reads 2 values, but 1 are given to it"),
        (lambda: compose(linear([[1], [2]]), ABSOLUTE), "reads 1 values, but 2 are given to it"),
        (lambda: side_by_side(ABSOLUTE, linear([[1, 2]])), "these read 1, 2 values"),
        (lambda: difference(ABSOLUTE, linear([[1], [2]])), "there are 1 and 2"),
        (lambda: difference(ABSOLUTE, linear([[1, 2]])), "these read 1, 2 values"),
        (lambda: compose("net.onnx"), "not with a str; read a file with polyregions.load"),
        (lambda: compose([ABSOLUTE, ABSOLUTE]), "not with a list"),
        (lambda: ABSOLUTE.compose(np.eye(1)), "make a map of a matrix with polyregions.linear"),
        (lambda: difference(ABSOLUTE, None), "not with None"),
        (lambda: compose(linear([[1]]), linear([[1]])), "no hidden unit that bends"),
        (lambda: compose(ABSOLUTE, pr.Layer.relu([[1]], [0])), "the last layer must be affine"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(pr.NetworkError, match=message):
        call()
