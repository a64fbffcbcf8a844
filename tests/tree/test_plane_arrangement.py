"""Planes counted one by one, against the tree that lists their parts, and known counts."""

from math import comb, factorial

import numpy as np
import pytest

import polyregions as pr
from polyregions.network import Network
from polyregions.run.problem import problem_of
from polyregions.tree import plane_arrangement
from polyregions.tree.plane_arrangement import is_plane_arrangement


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch):
    monkeypatch.setattr(plane_arrangement, "_FEWEST_PLANES", 1)


def network_of(rows):
    """One unit for each row, three inputs."""
    rows = np.asarray(rows, dtype=float)
    return Network.from_arrays([(rows[:, :3], rows[:, 3]), (np.ones((1, len(rows))), [0.0])])


def planes_of(kind, rng):
    """Planes that cross a cube, of a kind that is easily miscounted."""
    k = int(rng.integers(3, 12))
    generic = np.column_stack([rng.normal(size=(k, 3)), 0.5 * rng.normal(size=k)])
    if kind == "generic":
        return generic
    if kind == "integer":
        return rng.integers(-2, 3, size=(k + 4, 4))
    if kind == "twice":
        rows = np.round(generic * 64) / 64
        return np.concatenate([rows, -3.0 * rows, rows[:2]])
    if kind == "through points":
        normals = rng.integers(-2, 3, size=(k, 3))
        points = rng.choice([-1.0, -0.5, 0.5, 1.0], size=(k, 3))
        return np.column_stack([normals, -(normals * points).sum(axis=1)])
    if kind == "along faces":
        normals = np.eye(3)[rng.integers(0, 3, size=k)] * rng.choice([-1.0, 2.0], size=(k, 1))
        return np.column_stack([normals, rng.choice([-2.0, -1.0, 0.0, 0.5, 1.0], size=k)])
    assert kind == "one rounding apart"
    return np.concatenate([generic[:4], np.nextafter(generic[:4], 9.0)])


KINDS = ["generic", "integer", "twice", "through points", "along faces", "one rounding apart"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_plane_by_plane_equals_listed(kind, seed):
    rng = np.random.default_rng([KINDS.index(kind), seed])
    network = network_of(planes_of(kind, rng))
    domain = pr.Box([-1.0, -1.0, -0.5], [1.0, 1.0, 1.0]) if seed else pr.Box.cube(3, 1.0)
    if seed == 2:
        sides = [*np.eye(3), *-np.eye(3), [1, 1, 1], [1, 1, 1]]
        domain = pr.Polytope(np.array(sides, dtype=float), np.array([1.0] * 6 + [1.5, 3.0]))
    count = pr.count_tree(network, domain)
    assert count.regions == pr.count_tree(network, domain, seed=0).regions
    assert count.regions == count.at_most == len(pr.enumerate_regions(network, domain))
    assert is_plane_arrangement(problem_of(network, domain)) or count.regions == 1


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(35))
def test_two_hundred_networks(kind, seed):
    rng = np.random.default_rng([KINDS.index(kind), seed + 100])
    network = network_of(planes_of(kind, rng))
    box = pr.Box(-rng.choice([0.25, 1.0, 2.0], size=3), rng.choice([0.5, 1.0], size=3))
    count = pr.count_tree(network, box)
    assert count.regions == pr.count_tree(network, box, seed=0).regions
    assert count.regions == len(pr.enumerate_regions(network, box))


@pytest.mark.parametrize("planes", [3, 10, 40])
def test_general_position(planes):
    """A cube that holds all their points has as many parts as space."""
    rng = np.random.default_rng(planes)
    normals = rng.normal(size=(planes, 3))
    rows = np.column_stack([normals, 1e-6 * rng.normal(size=planes)])
    count = pr.count_regions(network_of(rows), pr.Box.cube(3, 1.0))
    assert count == sum(comb(planes, j) for j in range(4))


def test_braid_arrangement():
    """x_i = x_j for four numbers whose sum is 0."""
    basis = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, -1, -1]])
    rows = [basis[i] - basis[j] for i in range(4) for j in range(i)]
    rows = np.column_stack([rows, np.zeros(6)])
    assert pr.count_regions(network_of(rows), pr.Box.cube(3, 1.0)) == factorial(4)


def test_limits():
    rng = np.random.default_rng(0)
    network = network_of(np.column_stack([rng.normal(size=(30, 3)), 0.2 * rng.normal(size=30)]))
    count = pr.count_tree(network, pr.Box.cube(3, 1.0), max_regions=100)
    assert (count.regions, count.complete, count.at_most) == (100, False, None)
    seen = []
    pr.count_tree(network, pr.Box.cube(3, 1.0), progress=seen.append)
    assert seen[-1].frontier == 0
