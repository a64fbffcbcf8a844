"""The C file against the network in rational arithmetic, bit for bit."""

import re
from fractions import Fraction

import numpy as np
import pytest
from c_programs import Program, exported
from io_helpers import exact_forward
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.domain.chart import chart_of, chart_point
from polyregions.geometry.witness import nearest_float
from polyregions.network.exact_network import exact_network, exact_rows
from polyregions.pwa.files import c_tables, worst_case
from polyregions.regions.unit_tree import unit_tree

BOUNDED = [family for family in FAMILIES if "whole space" not in family]


def exact_values(network, points):
    """The network layer by layer in fractions, each output rounded once."""
    return np.array(
        [
            [nearest_float(y) for y in exact_forward(network, list(map(Fraction, x)))]
            for x in points.tolist()
        ]
    )


def assert_same_bits(found, expected):
    np.testing.assert_array_equal(found.view(np.uint64), expected.view(np.uint64))


def hard_points(regions, rng, count=60):
    """Points in the closed domain: random ones, corners, vertices, zeros and what is near."""
    domain = regions.domain
    low, high = domain.box.lower, domain.box.upper
    vertices = np.vstack([region.polytope().vertices for region in regions])
    vertices = vertices[rng.permutation(len(vertices))[:count]]
    points = [
        low + (high - low) * rng.random((count, len(low))),
        vertices,
        (vertices + vertices[::-1]) / 2,  # many are on facets
        np.nextafter(vertices, 0.0),
        regions.witnesses[:count],
        np.where(rng.random((8, len(low))) < 0.5, low, high),
        rng.choice([0.0, -0.0, 5e-324, -1e-310, 2.0**-900, 1e-17], size=(16, len(low))),
    ]
    return np.clip(np.vstack(points), low, high)


def closed_regions(regions, x):
    """The numbers of the regions whose closure holds a point, by their exact rows."""
    chart = chart_of(regions.domain, regions.network.input_dimension)
    exact = exact_network(regions.network, chart)
    u = [*chart_point(regions.domain, [Fraction(v) for v in x.tolist()]), Fraction(1)]
    return {
        index
        for index, bits in enumerate(regions.bits)
        if all(
            sum(int(a) * v for a, v in zip(row, u, strict=True)) >= 0
            for row in exact_rows(exact, bits)
        )
    }


@pytest.mark.parametrize("family", BOUNDED)
def test_values_are_exact(family, tmp_path):
    rng = np.random.default_rng(BOUNDED.index(family))
    network, domain = random_case(family, 3, units=7)
    regions = pr.enumerate_regions(network, domain)
    program = exported(regions, tmp_path / "net.c")
    points = hard_points(regions, rng)
    numbers, values = program.values(points)
    assert_same_bits(values, exact_values(network, points))
    found = regions.find(points)
    np.testing.assert_array_equal(numbers[found >= 0], found[found >= 0])
    for x, number in zip(points[::9], numbers[::9], strict=True):
        assert number in closed_regions(regions, x)


def test_several_outputs_slopes_and_fixed_inputs(tmp_path):
    rng = np.random.default_rng(2)
    layers = [
        pr.Layer.with_slopes(rng.normal(size=(5, 3)), rng.normal(size=5), -0.1, [1, 2, 1, 0, 1]),
        pr.Layer.affine(rng.normal(size=(4, 5)), rng.normal(size=4)),
        pr.Layer.relu(rng.normal(size=(4, 4)), rng.normal(size=4)),
        pr.Layer.affine(rng.normal(size=(3, 4)), rng.normal(size=3)),
    ]
    network = pr.Network(layers)
    regions = pr.enumerate_regions(network, pr.Box([-1.0, 0.1, -2.0], [1.0, 0.1, 1.0]))
    program = exported(regions, tmp_path / "net.c")
    points = hard_points(regions, rng)
    numbers, values = program.values(points)
    assert (numbers >= 0).all()
    assert_same_bits(values, exact_values(network, points))
    assert program.call([0.0, 0.2, 0.0]) == (-1, [12345.0] * 3)


def test_a_polytope_is_closed_and_exact(tmp_path, three_lines):
    # no float is on the wall x + 0.1 y = 0.7 but by chance, so its sides are close
    domain = pr.Polytope([[-1, 0], [0, -1], [1, 0.1], [2, 0.2], [0, 1]], [1, 1, 0.7, 1.4, 1])
    regions = pr.enumerate_regions(three_lines, domain)
    program = exported(regions, tmp_path / "net.c")
    rng = np.random.default_rng(5)
    y = rng.uniform(-1, 1, size=50)
    x = 0.7 - 0.1 * y
    near = np.vstack([np.column_stack([x, y]), [[-1.0, -1.0], [-1.0, 0.3], [0.2, 1.0]]])
    points = np.vstack(
        [near, np.nextafter(near, 2.0), np.nextafter(near, -2.0), rng.uniform(-2, 2, size=(50, 2))]
    )
    numbers, values = program.values(points)
    inside = [
        all(
            sum(Fraction(a) * Fraction(v) for a, v in zip(row, x, strict=True)) <= Fraction(bound)
            for row, bound in zip(domain.A.tolist(), domain.b.tolist(), strict=True)
        )
        for x in points.tolist()
    ]
    assert 20 < sum(inside) < 180
    np.testing.assert_array_equal(numbers >= 0, inside)
    assert_same_bits(values[inside], exact_values(three_lines, points[inside]))


EXTREME = {
    "negative and too small for a float": ([([[1.0]], [0.0]), ([[-(2.0**-1074)]], [0.0])], 8.0),
    # weights, and a radius of the domain
    "ties among the least floats": ([([[1.0]], [0.0]), ([[2.0**-1074]], [0.0])], 8.0),
    "products far below the least float": (
        [([[1e-200]], [1e-250]), ([[1e-200]], [0.0]), ([[1e-200], [1e200]], [0.0, 0.0])],
        1e300,
    ),
    "beyond the largest float": ([([[1e300], [-1e300]], [0.0, 1.0]), ([[1e300, 1]], [0])], 4.0),
    "as large as floats are": ([([[1.0], [1e-300]], [0.0, -1.0]), ([[1.0, -1.0]], [0.0])], 1.7e308),
    "numbers of all sizes": (
        [([[1e-300], [1e300], [3.0]], [1e-290, -1e290, -1.0]), ([[1e150, 1e-150, 7.0]], [1e-90])],
        1e10,
    ),
}


@pytest.mark.parametrize("name", EXTREME)
def test_the_whole_range_of_floats(name, tmp_path):
    parameters, radius = EXTREME[name]
    network = pr.Network.from_arrays(parameters)
    regions = pr.enumerate_regions(network, pr.Box.cube(1, radius))
    program = exported(regions, tmp_path / "net.c")
    sizes = [*np.arange(0, 8, 0.25), 5e-324, 1e-310, 1e-20, 1.0 / 3, 1e5, 1e200, radius]
    points = np.array([[sign * x] for x in sizes for sign in (1, -1) if x <= radius])
    numbers, values = program.values(points)
    assert (numbers >= 0).all()
    assert_same_bits(values, exact_values(network, points))


def test_products_below_the_least_float(tmp_path):
    """Signs that sums of floats have wrong, though no product looks small beside the others."""
    network = pr.Network.from_arrays([([[5.0, -6.0, 7.0]], [0.0]), ([[1.0]], [0.0])])
    program = exported(pr.enumerate_regions(network, pr.Box.cube(3, 1.0)), tmp_path / "net.c")
    points = np.random.default_rng(0).integers(-9, 10, size=(400, 3)) * 2.0**-1074
    assert_same_bits(program.values(points)[1], exact_values(network, points))


def test_weights_below_the_least_float_beside_others(tmp_path):
    network = pr.Network.from_arrays([([[1.0, 3 * 2.0**-1074]], [0.0]), ([[1.0]], [0.0])])
    box = pr.Box([-1.0, 0.0], [1.0, 1.7e308])
    program = exported(pr.enumerate_regions(network, box), tmp_path / "net.c")
    points = np.array([[x, 1e308] for x in np.linspace(-3e-15, 1e-15, 40)])
    numbers, values = program.values(points)
    assert set(numbers) == {0, 1}
    assert_same_bits(values, exact_values(network, points))


def test_one_region(tmp_path):
    network = pr.Network.from_arrays([([[1.0, 1.0]], [9.0]), ([[0.1]], [0.3])])
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    assert len(regions) == 1
    points = np.random.default_rng(0).uniform(-1, 1, size=(50, 2))
    numbers, values = exported(regions, tmp_path / "net.c").values(points)
    assert not numbers.any()
    assert_same_bits(values, exact_values(network, points))


def test_what_is_not_in_the_domain(tmp_path, three_lines):
    program = exported(pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0)), tmp_path / "net.c")
    for x in ([1.0000001, 0], [0, -2], [np.nan, 0], [0, np.inf], [0, -np.inf]):
        assert program.call(x) == (-1, [12345.0])
    assert program.call([1.0, -1.0])[0] >= 0


@pytest.mark.parametrize("flags", [["-O0"], ["-O3", "-march=native", "-ffp-contract=fast"]])
def test_the_compiler_does_not_matter(flags, tmp_path, deep):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    points = hard_points(regions, np.random.default_rng(1))
    _, values = exported(regions, tmp_path / "net.c", *flags).values(points)
    assert_same_bits(values, exact_values(deep, points))


def test_fast_math_is_refused_by_the_file(tmp_path, three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    with pytest.raises(AssertionError, match="-ffast-math"):
        exported(regions, tmp_path / "net.c", "-ffast-math")


COUNTERS = "int signs_asked, products;"


def counting(source, everything_exact):
    """Return a file that counts what it does, as it would say at most."""
    multiply = "carry += at[i + j] + (uint64_t)digits[j] * digit;"
    asked = "error = SLACK * size + TINY;"
    assert source.count(multiply) == source.count(asked) == 1
    source = source.replace(multiply, f"products++; {multiply}")
    source = source.replace(asked, f"signs_asked++; {asked}")
    if everything_exact:
        source = source.replace(asked, f"{asked} error = HUGE_VAL;")
    return source.replace("enum {\n", f"{COUNTERS}\nenum {{\n", 1)


@pytest.mark.parametrize("everything_exact", [True, False])
def test_the_worst_case_is_what_the_comment_says(everything_exact, tmp_path, deep):
    domain = pr.Polytope([[-1, 0, 0], [0, -1, 0], [0, 0, -1], [1, 1, 1]], [1, 1, 1, 1])
    regions = pr.enumerate_regions(deep, domain)
    path = tmp_path / "net.c"
    pr.export(regions, path)
    said = {
        what: int(re.search(rf"(\d+) {what}", path.read_text())[1])
        for what in ("signs", "multiplications of 32-bit", "multiplications and", "bytes for")
    }
    tree = unit_tree(regions.bits)
    worst = worst_case(tree, c_tables(regions, tree))
    assert said["signs"] == worst["SIGNS"]
    assert said["multiplications of 32-bit"] == worst["DIGIT_PRODUCTS"]
    assert said["multiplications and"] == 4 * worst["SIGNS"]  # three terms and the bound
    path.write_text(counting(path.read_text(), everything_exact))
    program = Program(path, (3, 1))
    from ctypes import c_int

    signs, products = (c_int.in_dll(program.library, name) for name in COUNTERS[4:-1].split(", "))
    most_signs = most_products = 0
    for x, expected in zip(regions.witnesses, exact_values(deep, regions.witnesses), strict=True):
        signs.value = products.value = 0
        _, y = program.call(x)
        assert y == expected.tolist()
        # the call asks for the value and for the region, which has the same signs again
        outputs = worst["OUTPUT_PRODUCTS"]
        assert signs.value % 2 == (products.value - outputs) % 2 == 0
        most_signs = max(most_signs, signs.value // 2)
        most_products = max(most_products, (products.value - outputs) // 2 + outputs)
    assert most_signs == worst["SIGNS"]
    if everything_exact:
        assert most_products == worst["DIGIT_PRODUCTS"]
    else:
        assert most_products <= worst["DIGIT_PRODUCTS"] / 2


@pytest.mark.parametrize(
    ("file", "function"),
    [
        ("controller.c", "controller"),
        ("double.c", "double"),
        ("2nd try (final).c", "pwa_2nd_try__final_"),
        ("_Bool.c", "pwa__Bool"),
        ("Größe.C", "Gr__e"),
        ("x" * 90 + ".c", "x" * 40),
    ],
)
def test_names_of_functions(file, function, tmp_path, three_lines):
    regions = pr.enumerate_regions(three_lines, pr.Box.cube(2, 1.0))
    pr.export(regions, tmp_path / file)
    assert f"int {function}_value(const double x[2]" in (tmp_path / file).read_text("ascii")


def test_a_name_does_not_leave_the_comment(tmp_path):
    layers = [([[1.0]], [0.0]), ([[1.0]], [0.0])]
    network = pr.Network.from_arrays(
        layers, name='*/ int x; /* ??/\n#error "\x1b[31m ümlaut @NAME@'
    )
    regions = pr.enumerate_regions(network, pr.Box.cube(1, 1.0))
    assert exported(regions, tmp_path / "net.c").call([0.5]) == (1, [0.5])


@pytest.mark.parametrize("name", ["vdp", "cartpole"])
def test_real_controllers(name, tmp_path, shared_data):
    pytest.importorskip("onnx", reason="onnx is not installed")
    network = pr.load(shared_data / "nets" / f"{name}.onnx")
    domain = pr.Box.cube(network.input_dimension, 0.1)
    regions = pr.enumerate_regions(network, domain)
    program = exported(regions, tmp_path / f"{name}.c")
    points = np.random.default_rng(0).uniform(-0.1, 0.1, size=(10, network.input_dimension))
    points = np.vstack([points, regions.witnesses[::30]])
    numbers, values = program.values(points)
    np.testing.assert_array_equal(numbers, regions.find(points))
    assert_same_bits(values, exact_values(network, points))
