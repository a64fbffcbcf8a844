"""Certificates of answers: what the second checker says of them is the answer."""

from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward
from oracles import layers_of
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.cli import main
from polyregions.proof.tree_checker import check
from polyregions.questions.certificates import is_about
from polyregions.questions.property import Case, OutputInequality, Property, read_property

BOXED = [family for family in FAMILIES if random_case(family, 0)[1] is not None]
ABS = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])])
LINE = "(declare-const X_0 Real) (declare-const Y_0 Real)(assert (and (>= X_0 -1) (<= X_0 2)))"


def at_least(output, value):
    return (OutputInequality(((output, Fraction(-1)),), -value),)


def asked(box, *unsafe):
    return Property((Case(box.lower, box.upper, unsafe),), box.dimension)


@pytest.fixture
def certified(tmp_path):
    """Verify, and check the certificate with a network of plain arrays."""

    def certified(network, property_, **how):
        verdict = pr.verify(network, property_, certificate=tmp_path / "net.cert", **how)
        report = check(layers_of(network), tmp_path / "net.cert")
        assert report.claim == verdict.answer
        assert is_about(report.cases, property_)
        if verdict.answer == "violated":
            assert report.point == verdict.counterexample.point
            assert report.outputs == tuple(exact_forward(network, list(report.point)))
        return report

    return certified


@pytest.mark.parametrize("family", BOXED)
def test_extremes_and_what_is_just_beyond(family, certified, tmp_path):
    network, domain = random_case(family, 2)
    box = domain.box
    for extreme, sign in ((pr.maximum, 1), (pr.minimum, -1)):
        best = extreme(network, domain, certificate=tmp_path / "extreme.cert")
        report = check(layers_of(network), tmp_path / "extreme.cert")
        ((((c, bound),),),) = (case.sets for case in report.cases)
        assert (report.claim, c[0], bound) == ("extreme", -sign, -sign * best.value)
        assert (report.point, report.outputs) == (best.point, best.outputs)
    value = pr.maximum(network, domain).value
    assert certified(network, asked(box, at_least(0, value))).claim == "violated"
    for far in (2.0**-80, 2.0**-8):
        beyond = at_least(0, value + Fraction(max(abs(value), 1)) * Fraction(far))
        assert certified(network, asked(box, beyond)).claim == "holds"


@pytest.mark.parametrize("seed", range(10))
def test_sets_of_several_inequalities(seed, certified):
    rng = np.random.default_rng(seed)
    n = 1 + seed % 3
    network = pr.Network.from_arrays(
        [
            (rng.integers(-3, 4, (5, n)), rng.integers(-2, 3, 5)),
            (rng.integers(-3, 4, (4, 5)), rng.integers(-2, 3, 4)),
            (rng.integers(-2, 3, (3, 4)), rng.integers(-2, 3, 3)),
        ]
    )
    typical = network.forward(rng.uniform(-1, 1, (200, n)))
    cases = []
    for _ in range(2):
        sets = []
        for _ in range(2):
            rows = []
            for _ in range(2):
                c = rng.integers(-2, 3, 3) / Fraction(10)  # no floats
                c[0] += Fraction(not c.any(), 7)
                level = Fraction(int(np.quantile(typical @ c.astype(float), 0.02) * 8), 8)
                named = tuple((k, v) for k, v in enumerate(c) if v)
                rows.append(OutputInequality(named, level - seed % 2))
            sets.append(tuple(rows))
        cases.append(Case(np.full(n, -1.0), rng.integers(0, 2, n) * 1.0, tuple(sets)))
    property_ = Property(tuple(cases), n)
    report = certified(network, property_)
    other = Property((*cases[:1], cases[0]), n)
    assert is_about(report.cases, property_)
    assert not is_about(report.cases, other)


@pytest.mark.parametrize(
    ("lower", "upper"),
    [
        ([1.0, 1.0], [1.0, 1.0]),
        ([0.0, -1.0], [0.0, 1.0]),
        ([-5e-324, 0.0], [5e-324, 5e-324]),
        ([-1e308, -1e308], [1e308, 1e308]),
        ([1.0, -1.0], [np.nextafter(1.0, 2.0), 1.0]),
    ],
)
def test_hostile_boxes(lower, upper, certified):
    """Sides of no length, smallest and largest floats; units that are zero all over them."""
    network = pr.Network.from_arrays(
        [
            ([[1.0, -1.0], [1.0, 1.0], [2.0, 2.0], [1.0, 0.0]], [0.0, -2.0, -4.0, -1.0]),
            ([[1.0, 1.0, -0.5, 1.0]], [0.0]),
        ]
    )
    lower, upper = np.array(lower), np.array(upper)
    corners = [[(lower, upper)[k][0], (lower, upper)[j][1]] for k in (0, 1) for j in (0, 1)]
    best = max(exact_forward(network, list(map(Fraction, corner)))[0] for corner in corners)
    box = Case(lower, upper, (at_least(0, best),))
    assert certified(network, Property((box,), 2)).claim == "violated"  # it is convex there
    for far in (Fraction(1, 2**1074), best + 1):
        beyond = Case(lower, upper, (at_least(0, best + far),))
        assert certified(network, Property((beyond,), 2)).claim == "holds"


@pytest.mark.parametrize("scale", [1e300, 1e-300])
def test_hostile_weights(scale, certified):
    network = pr.Network.from_arrays([([[scale], [-scale]], [0, 0]), ([[1.0, 1.0]], [0])])
    box = pr.Box.cube(1, 1.0)
    assert certified(network, asked(box, at_least(0, Fraction(scale)))).claim == "violated"
    beyond = Fraction(np.nextafter(scale, np.inf))
    assert certified(network, asked(box, at_least(0, beyond))).claim == "holds"


def test_no_input_at_all(certified):
    assert certified(ABS, Property((), 1)).cases == ()


def test_nothing_is_written_of_what_is_unknown(tmp_path):
    rng = np.random.default_rng(0)
    shapes = [(40, 8), (40, 40), (40, 40), (1, 40)]
    network = pr.Network.from_arrays(
        [(rng.normal(size=s) / np.sqrt(s[1] / 2), np.zeros(s[0])) for s in shapes]
    )
    box = pr.Box.cube(8, 1.0)
    found = pr.maximum(network, box, certificate=tmp_path / "no.cert", time_limit=0.05)
    assert not found.proven
    property_ = asked(box, at_least(0, 2 * abs(found.value)))
    how = {"certificate": tmp_path / "no.cert", "time_limit": 0.05}
    assert pr.verify(network, property_, **how).answer == "unknown"
    assert not list(tmp_path.iterdir())


def test_threads_write_a_certificate_as_well(certified):
    network, domain = random_case("generic", 2)
    value = pr.maximum(network, domain).value
    beyond = at_least(0, value + Fraction(1, 2**20))
    assert certified(network, asked(domain.box, beyond), threads=2).claim == "holds"


# the command line


def test_commands(tmp_path, capsys):
    pr.io.save_network(ABS, tmp_path / "abs.npz")
    net, cert = str(tmp_path / "abs.npz"), str(tmp_path / "abs.cert")
    for name, text in (("holds", "(<= Y_0 -0.001)"), ("violated", "(>= Y_0 2)")):
        (tmp_path / f"{name}.vnnlib").write_text(f"{LINE}(assert {text})")
    for name, code in (("holds", 0), ("violated", 1)):
        asked_for = str(tmp_path / f"{name}.vnnlib")
        assert main(["verify", net, asked_for, "--certificate", cert]) == code
        capsys.readouterr()
        assert main(["check", net, cert, asked_for]) == 0
        first = capsys.readouterr().out.splitlines()[0]
        assert first.endswith(f"{name}.vnnlib {'is ' * code}{name}: proven")
        other = str(tmp_path / f"{'violated' if code == 0 else 'holds'}.vnnlib")
        assert main(["check", net, cert, other]) == 1
        assert "is not about the property of" in capsys.readouterr().err
    assert main(["minimum", net, "--box", "-1", "2", "--certificate", cert]) == 0
    capsys.readouterr()
    assert main(["check", net, cert, "--box", "-1", "2"]) == 0
    assert "smallest Y_0: 0.0: proven\nX_0 = 0.0\nY_0 = 0.0\n" in capsys.readouterr().out
    assert main(["check", net, cert, "--cube", "1"]) == 1
    assert "the certificate is about [-1, 2]^1, not [-1, 1]^1" in capsys.readouterr().err
    assert main(["certify", net, "--cube", "1", "--method", "tree", "-o", cert]) == 0
    capsys.readouterr()
    assert main(["check", net, cert, "--cube", "1", "--json"]) == 0
    assert '"regions": 2' in capsys.readouterr().out
    assert main(["check", net, cert, str(tmp_path / "holds.vnnlib")]) == 1
    capsys.readouterr()
    assert main(["maximum", net, "--cube", "1", "--certificate", net]) == 2


def test_a_property_of_other_bounds_is_another_one(certified):
    report = certified(ABS, read_property(f"{LINE}(assert (<= Y_0 -0.5))"))
    for other in ("(<= Y_0 -0.25)", "(<= Y_0 -0.5))(assert (>= Y_0 -9)", "(>= Y_0 -0.5)"):
        assert not is_about(report.cases, read_property(f"{LINE}(assert {other})"))


@pytest.mark.parametrize("sign", [1, -1])
def test_bounds_beyond_the_range_of_floats(sign, certified):
    """The output is never so large, and always larger than as much below zero."""
    far = asked(pr.Box([-1.0], [2.0]), at_least(0, sign * Fraction(10) ** 400))
    assert certified(ABS, far).claim == ("holds" if sign > 0 else "violated")
