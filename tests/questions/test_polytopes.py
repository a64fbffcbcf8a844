"""Questions about polytopes, against all regions in them."""

from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from listed import largest_listed
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.cli import main
from polyregions.geometry.witness import float_below
from polyregions.io import save_network
from polyregions.questions import box_search, output_sets
from polyregions.questions.input_rows import inequalities_of_inputs
from polyregions.questions.property import Case, OutputInequality, Property, read_property

BOXED = [
    family
    for family in FAMILIES
    if random_case(family, 0)[1] is not None and family != "fixed coordinate"
]


def polytope(n, seed):
    """Some halfspaces that cut a cube, one of them through a corner of what the others leave."""
    rng = np.random.default_rng([n, seed])
    normals = np.round(rng.normal(size=(3, n)) * 8) / 8
    normals[~normals.any(axis=1)] = 1.0
    inside = rng.uniform(-0.5, 0.5, n)
    bounds = np.round((normals @ inside + 0.3) * 64) / 64
    cube = np.concatenate([np.eye(n), -np.eye(n)])
    touching = np.ones((1, n)), [float(n)]
    return pr.Polytope(
        np.concatenate([normals, cube, touching[0]]), [*bounds, *np.ones(2 * n), *touching[1]]
    )


def lies_in(domain, point):
    rows = zip(domain.A.tolist(), domain.b.tolist(), strict=True)
    return all(
        sum(Fraction(a) * x for a, x in zip(row, point, strict=True)) <= b for row, b in rows
    )


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("family", BOXED)
def test_all_questions(family, seed):
    network, _ = random_case(family, seed, units=6)
    domain = polytope(network.input_dimension, seed)
    regions = pr.enumerate_regions(network, domain)
    most, least = (largest_listed(regions, [1], sign) for sign in (1, -1))
    for find, truth in ((pr.maximum, most), (pr.minimum, least)):
        best = find(network, domain)
        assert best.proven
        assert best.value == truth == exact_forward(network, list(best.point))[0]
        assert best.outputs == (truth,)
        assert lies_in(domain, best.point)
    box = domain.box
    for bound, answer in ((most, "violated"), (most + Fraction(1, 2**80), "holds")):
        unsafe = ((OutputInequality(((0, Fraction(-1)),), -bound),),)
        asked = Property((Case(box.lower - 1, box.upper + 1, unsafe),), box.dimension)
        verdict = pr.verify(network, asked, domain)
        assert verdict.answer == answer
        if answer == "violated":
            assert lies_in(domain, verdict.counterexample.point)
            assert verdict.counterexample.outputs == (most,)
    other = pr.Network((*network.layers[:-1], pr.Layer.affine(2 * network.layers[-1].weight, [0])))
    apart = pr.equal(network, other, domain)
    assert apart.proven
    assert apart.value == max(abs(most), abs(least))
    assert lies_in(domain, apart.point)


@pytest.mark.parametrize("seed", range(4))
def test_the_bound_of_a_search_that_was_stopped(seed, monkeypatch):
    """What inequalities of inputs take off a ceiling is proven: it never is below the truth."""
    monkeypatch.setattr(box_search, "_FEW_CELLS", 0)
    monkeypatch.setattr(output_sets, "_FIRST_POINTS", 1)
    network, _ = random_case("generic", seed)
    domain = polytope(network.input_dimension, seed)
    truth = largest_listed(pr.enumerate_regions(network, domain), [1])
    bounds = []

    class StopError(Exception):
        pass

    def step(search, regions, real=box_search.BoxSearch.step):
        real(search, regions)
        bounds.append(search.ceiling)
        if len(bounds) > 25:
            raise StopError

    monkeypatch.setattr(box_search.BoxSearch, "step", step)
    try:
        assert pr.maximum(network, domain).value == truth
    except StopError:
        assert np.isfinite(bounds[0])
    assert min(bounds) >= float_below(truth)


def test_beyond_the_corner_of_a_triangle():
    """The largest |x - y| is at two corners; one part in 2^70 beyond them nothing is."""
    net = pr.Network.from_arrays([([[1.0, -1.0], [-1.0, 1.0]], [0, 0]), ([[1, 1]], [0])])
    triangle = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])
    assert inequalities_of_inputs(triangle)[0].bound == 1
    best = pr.maximum(net, triangle)
    assert (best.value, sorted(best.point)) == (1, [0, 1])
    text = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    text += "(assert (and (>= X_0 0) (<= X_0 1) (>= X_1 0) (<= X_1 1)))"
    assert (
        pr.verify(net, read_property(text + "(assert (>= Y_0 1))"), triangle).answer == "violated"
    )
    inner = text + "(assert (>= Y_0 1))(assert (< (+ X_0 X_1) 1))"
    assert pr.verify(net, read_property(inner), pr.Box.cube(2, 2.0)).answer == "holds"


@pytest.mark.parametrize("size", [1e300, 2.0**-1000, 1.0])
def test_polytopes_at_the_ends_of_the_floats(size):
    net = pr.Network.from_arrays([([[1.0, 2.0]], [0.0]), ([[1.0]], [0.0])])
    triangle = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, size])
    best = pr.maximum(net, triangle)
    assert (best.value, best.point) == (2 * Fraction(size), (0, Fraction(size)))


def test_a_domain_beside_the_property():
    """No input is left: it holds; and what lies outside of the domain is no counterexample."""
    net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    text = "(declare-const X_0 Real)(declare-const Y_0 Real)(assert (>= X_0 0))(assert (<= X_0 1))"
    asked = read_property(text + "(assert (>= Y_0 0.75))")
    assert pr.verify(net, asked).answer == "violated"
    assert pr.verify(net, asked, [(-1, 0.75)]).counterexample.point == (Fraction(3, 4),)
    assert pr.verify(net, asked, [(-1, 0.5)]).answer == "holds"
    assert pr.verify(net, asked, [(2, 3)]).answer == "holds"
    with pytest.raises(pr.DomainError, match="2 coordinates but the network reads 1"):
        pr.verify(net, asked, pr.Box.cube(2, 1.0))
    with pytest.raises(pr.DomainError, match="the polytope has 2 coordinates"):
        pr.maximum(net, pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1]))
    wrong = Property(
        (
            Case(
                np.zeros(1),
                np.ones(1),
                (
                    (
                        OutputInequality(
                            ((0, Fraction(1)),), Fraction(0), inputs=((1, Fraction(1)),)
                        ),
                    ),
                ),
            ),
        ),
        1,
    )
    with pytest.raises(pr.PolyregionsError, match="names the input X_1, but the network reads 1"):
        pr.verify(net, wrong)


def test_on_the_command_line(tmp_path, capsys):
    net = pr.Network.from_arrays([([[1.0, -1.0], [-1.0, 1.0]], [0, 0]), ([[1, 1]], [0])])
    save_network(net, tmp_path / "net.npz")
    np.savez(tmp_path / "triangle.npz", A=[[-1.0, 0], [0, -1], [1, 1]], b=[0.0, 0, 1])
    text = "(declare-const X_0 Real)(declare-const X_1 Real)(declare-const Y_0 Real)"
    text += "(assert (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1)))(assert (> Y_0 1))"
    (tmp_path / "large.vnnlib").write_text(text)
    path, asked = str(tmp_path / "net.npz"), str(tmp_path / "large.vnnlib")
    triangle = ["--polytope", str(tmp_path / "triangle.npz")]
    assert main(["maximum", path, *triangle]) == 0
    assert "largest Y_0: 1.0, proven" in capsys.readouterr().out
    assert main(["verify", path, asked]) == 1
    assert main(["verify", path, asked, *triangle]) == 0
    assert main(["verify", path, asked, "--cube", "0.5"]) == 0
    assert main(["verify", path, asked, "--cube", "1", "--fix", "0=0"]) == 0
    assert main(["verify", path, asked, "--cube", "1", "--fix", "0=0.25"]) == 1
    assert main(["equal", path, path, *triangle]) == 0
    capsys.readouterr()
    for i, point in enumerate(([0.0, 0.0], [1.0, -1.0])):
        np.save(tmp_path / f"{i}.npy", point)
    line = ["--line-through", str(tmp_path / "0.npy"), str(tmp_path / "1.npy")]
    assert main(["verify", path, asked, *line, "--box", "-0.5", "0"]) == 0
    assert main(["verify", path, asked, *line]) == 1
    assert "X_1 = " in capsys.readouterr().out
    assert main(["verify", path, asked, *line, "--whole-space"]) == 2
    assert "not in the whole space" in capsys.readouterr().err
    assert main(["minimum", path, *line]) == 0
    assert "smallest Y_0: 0.0, proven" in capsys.readouterr().out


@pytest.mark.parametrize("seed", range(8))
def test_slices_are_equalities(seed):
    """A property on a line or plane is the property with linear equations of inputs."""
    rng = np.random.default_rng(seed)
    net = pr.Network.from_arrays(
        [
            (rng.integers(-3, 4, (5, 3)), rng.integers(-2, 3, 5)),
            (rng.integers(-3, 4, (2, 5)), rng.integers(-2, 3, 2)),
        ]
    )
    basis, origin = rng.integers(-2, 3, (3, 2)), rng.integers(-1, 2, 3) / 2
    normal = np.cross(basis[:, 0], basis[:, 1])
    if not normal.any():
        basis, normal = np.eye(3, 2), np.array([0, 0, 1])
    plane = pr.Slice(origin, basis, pr.Box.cube(2, 64.0))
    terms = tuple((i, Fraction(int(c))) for i, c in enumerate(normal) if c)
    level = sum(c * Fraction(float(origin[i])) for i, c in terms)
    equation = tuple(
        OutputInequality((), sign * level, inputs=tuple((i, sign * c) for i, c in terms))
        for sign in (1, -1)
    )
    typical = np.sort(net.forward(plane.to_input(rng.uniform(-0.5, 0.5, (50, 2))))[:, 0])
    box = np.full(3, -1.0), np.full(3, 1.0)
    answers = set()
    for bound in (typical[0] - 5, typical[25], typical[49] + 0.125, typical[49] + 20):
        above = OutputInequality(
            ((0, Fraction(-1)),), -Fraction(round(bound)), inputs=((0, Fraction(1, 4)),)
        )
        asked = Property((Case(*box, ((above,),)),), 3)
        verdict = pr.verify(net, asked, plane)
        truth = pr.verify(net, Property((Case(*box, ((above, *equation),)),), 3)).answer
        assert verdict.answer == truth
        answers.add(truth)
        if truth == "violated":
            found = verdict.counterexample
            assert exact_forward(net, list(found.point)) == list(found.outputs)
            assert above.holds(found.outputs, found.point)
            assert sum(c * found.point[i] for i, c in terms) == level
    assert len(answers) == 2
