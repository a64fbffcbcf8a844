"""Networks of one shape counted in one call: the same as one by one, or left undecided."""

import numpy as np
import pytest

import polyregions as pr
from polyregions.errors import DomainError, NetworkError
from polyregions.exact.stopping import Stopped
from polyregions.walk.alike import LEFT_OPEN, AlikeParameters, count_alike, network_alike

DOMAINS = {
    "cube": lambda n: pr.Box.cube(n, 1.0),
    "cube of another size": lambda n: pr.Box.cube(n, 0.7),
    "box": lambda n: pr.Box([-0.3] * n, [1.1] * n),
    "fixed coordinate": lambda n: pr.Box(
        [-1.0] * n, [0.5] * (n - 1) + ([-1.0] if n > 1 else [0.5])
    ),
    "polytope": lambda n: pr.Polytope(
        np.vstack([np.eye(n), -np.eye(n), np.ones((1, n))]), [1.0] * 2 * n + [0.5]
    ),
}


def drawn(seed, widths, count):
    """Networks of one shape: generic ones, and some with ties, dead units or no biases."""
    rng = np.random.default_rng(seed)
    shapes = list(zip((*widths[1:], 1), widths, strict=True))
    weights = [rng.normal(size=(count, *shape)) * np.sqrt(2 / shape[1]) for shape in shapes]
    biases = [rng.normal(size=(count, shape[0])) * 0.3 for shape in shapes]
    for number in range(count):
        w, b = [x[number] for x in weights], [x[number] for x in biases]
        kind = number % 6
        if kind == 1:  # the same unit twice
            w[0][-1], b[0][-1] = w[0][0], b[0][0]
        elif kind == 2:
            for x in b:
                x[:] = 0.0
        elif kind == 3:  # small integers
            for x in (*w, *b):
                x[:] = rng.integers(-1, 2, size=x.shape)
        elif kind == 4:  # never on, so that the layer above is constant in part
            b[0][: len(b[0]) // 2 + 1] = -50.0
    return AlikeParameters(tuple(weights), tuple(biases))


@pytest.mark.parametrize("domain", DOMAINS)
@pytest.mark.parametrize(
    "widths", [(1, 5, 4), (2, 6, 5), (2, 3, 3, 3), (3, 5, 4), (4, 6), (2, 1, 3)]
)
def test_counts_are_those_of_the_walks_one_by_one(widths, domain):
    nets = drawn([7, *widths], widths, 18)
    box = DOMAINS[domain](widths[0])
    counts = count_alike(nets, box)
    assert counts.shape == (18, 2)
    for number, (regions, edges) in enumerate(counts.tolist()):
        if regions != LEFT_OPEN:
            found = pr.enumerate_regions(network_alike(nets, number), box)
            assert (regions, edges) == (len(found), len(found.edges)), (number, domain)
            assert found.exact_decisions == 0
            assert found.proven
    # what is generic is decided, unless the float points of its start are too near to a wall
    assert (counts[::6, 0] != LEFT_OPEN).sum() >= 2


def test_ties_are_undecided():
    nets = drawn(3, (2, 6, 5), 36)
    counts = count_alike(nets, pr.Box.cube(2, 1.0))
    assert (counts[1::6, 0] == LEFT_OPEN).all()  # units that are the same
    assert (counts[2::6, 0] == LEFT_OPEN).any()  # all lines through one point


def test_a_network_does_not_depend_on_those_beside_it():
    nets, box = drawn(5, (3, 6, 6), 30), pr.Box.cube(3, 1.0)
    together = count_alike(nets, box).tolist()
    for number in range(30):
        alone = AlikeParameters(*(tuple(x[number : number + 1] for x in part) for part in nets))
        assert count_alike(alone, box).tolist() == together[number : number + 1]


def test_stores_that_are_too_small_grow_in_the_middle(monkeypatch):
    rng = np.random.default_rng(1)
    shapes = [(40, 2), (24, 40), (1, 24)]
    nets = AlikeParameters(
        tuple(rng.normal(size=(3, *shape)) for shape in shapes),
        tuple(rng.normal(size=(3, shape[0])) for shape in shapes),
    )
    box = pr.Box.cube(2, 3.0)
    expected = [
        (len(found), len(found.edges))
        for found in (pr.enumerate_regions(network_alike(nets, number), box) for number in range(3))
    ]
    assert max(expected)[0] > 1024  # more than there is room for at first
    assert list(map(tuple, count_alike(nets, box).tolist())) == expected
    # calls that end in the middle of a network
    monkeypatch.setattr("polyregions.walk.alike.first_size", lambda rows: 7)
    monkeypatch.setattr("polyregions.walk.alike._MOST_DRAWS", 7)
    assert list(map(tuple, count_alike(nets, box).tolist())) == expected


def test_it_stops_when_another_thread_wants_it():
    with pytest.raises(Stopped):
        count_alike(drawn(0, (2, 6, 5), 6), pr.Box.cube(2, 1.0), np.ones(1, dtype=np.int64))


@pytest.mark.parametrize("extreme", [1e300, 1e-300, 5e-324])
def test_extreme_numbers_are_counted_right_or_left_undecided(extreme):
    nets = drawn(11, (2, 4, 4), 6)
    for part in nets:
        part[0][:3] *= extreme
        part[1][3:] *= extreme
    with np.errstate(all="ignore"):
        counts = count_alike(nets, pr.Box.cube(2, 1.0))
    for number, (regions, edges) in enumerate(counts.tolist()):
        if regions != LEFT_OPEN:
            found = pr.enumerate_regions(network_alike(nets, number), pr.Box.cube(2, 1.0))
            assert (regions, edges) == (len(found), len(found.edges))


def test_what_is_no_network_is_refused():
    nets = drawn(0, (2, 6, 5), 6)
    nets.weights[1][4, 2, 3] = np.inf
    with pytest.raises(NetworkError, match="not a finite number"):
        count_alike(nets, pr.Box.cube(2, 1.0))
    with pytest.raises(DomainError, match="reads 2 inputs"):
        count_alike(drawn(0, (2, 6, 5), 6), pr.Box.cube(3, 1.0))
