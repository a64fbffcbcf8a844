"""Certificates of trees: true ones are accepted, forged ones only where they are true."""

from contextlib import suppress

import numpy as np
import pytest
from forging import CERTIFIED, outcomes
from oracles import brute_force, layers_of
from random_nets import FAMILIES, random_case
from zoo import ZOO

import polyregions as pr
from polyregions.files.archives import write_npz
from polyregions.proof import region_tree
from polyregions.proof.certificate_file import Refused
from polyregions.proof.region_tree import count_arrays
from polyregions.proof.tree_checker import LEAF, POSITIVE, TREE_ARRAYS, check, replay


def counted(network, domain):
    """The number of regions that a certificate proves."""
    regions = pr.enumerate_regions(network, domain)
    report = replay(layers_of(network), count_arrays(regions))
    assert report.claim == "count"
    assert report.regions == len(regions)
    return report.regions


@pytest.mark.parametrize("family", FAMILIES)
def test_counts_of_random_networks(family):
    for seed in range(4):
        network, domain = random_case(family, seed)
        count = counted(network, domain)
        if seed == 0:
            assert count == len(brute_force(network, domain).patterns)


@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.network.name)
def test_counts_of_known_networks(known):
    counted(known.network, known.domain)


def test_a_polytope():
    rng = np.random.default_rng(4)
    network = pr.Network.from_arrays(
        [(rng.normal(size=(8, 2)), rng.normal(size=8) * 0.3), (np.ones((1, 8)), [0.0])]
    )
    triangle = pr.Polytope([[-1.0, 0.0], [0.0, -1.0], [1.0, 1.0]], [1.0, 1.0, 0.5])
    assert counted(network, triangle) > 5


def test_exact_bases_where_floats_find_none(monkeypatch):
    """Units that touch the box, and bases that are all proposed in vain."""
    monkeypatch.setattr("polyregions.proof.region_tree._PIVOTS", 0)
    for seed in range(3):
        counted(*random_case("touching", seed))


@pytest.mark.parametrize("name", CERTIFIED)
def test_forged_certificates_prove_nothing_false(name):
    found = [outcome for _, outcome in outcomes(*CERTIFIED[name](), 40, seed=len(name))]
    assert "false" not in found
    assert "refused" in found


def test_a_claim_that_needs_a_forged_proof():
    """One region only: every unit that splits is said to be one-sided, by every basis there is."""
    network, domain = random_case("generic", 1)
    regions = pr.enumerate_regions(network, domain)
    arrays = count_arrays(regions)
    units = network.hidden_units
    for proof in range(len(arrays["bases"])):
        lazy = {
            **arrays,
            "kinds": np.array([POSITIVE] * units + [LEAF]),
            "numbers": np.array([*range(units), -1]),
            "proofs": np.full(units + 1, proof),
            "witnesses": arrays["witnesses"][:1],
        }
        with pytest.raises(Refused, match="node"):
            replay(network, lazy)


# the file


@pytest.fixture
def certificate(deep, tmp_path):
    path = tmp_path / "net.cert"
    pr.certify(pr.enumerate_regions(deep, pr.Box.cube(3, 1.0)), path, method="tree")
    return path


def test_the_kind_of_a_file_is_known(deep, certificate, tmp_path):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    pr.certify(regions, tmp_path / "walk.cert")
    assert pr.check(deep, tmp_path / "walk.cert").edges == len(regions.edges)
    report = pr.check(deep, certificate)
    assert (report.claim, report.regions) == ("count", len(regions))
    with np.load(certificate, allow_pickle=False) as file:
        assert file.files == list(TREE_ARRAYS)
        assert str(file["network"]) == deep.fingerprint


def test_the_same_result_gives_the_same_bytes(deep, certificate, tmp_path):
    again = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    pr.certify(again, tmp_path / "again.cert", method="tree")
    assert certificate.read_bytes() == (tmp_path / "again.cert").read_bytes()


def test_changed_bytes(deep, certificate, tmp_path):
    whole = certificate.read_bytes()
    truth = check(deep, certificate).regions
    rng = np.random.default_rng(3)
    for place in rng.integers(len(whole), size=150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        (tmp_path / "damaged").write_bytes(damaged)
        with suppress(Refused):
            assert check(deep, tmp_path / "damaged").regions == truth  # the time of day
    for length in range(0, len(whole), len(whole) // 20):
        (tmp_path / "damaged").write_bytes(whole[:length])
        with pytest.raises(Refused):
            pr.check(deep, tmp_path / "damaged")


@pytest.mark.parametrize("key", ["kinds", "bases", "boxes", "weights", "point", "witnesses"])
def test_an_oversize_header_allocates_nothing(deep, certificate, tmp_path, key):
    with np.load(certificate) as file:
        arrays = dict(file)
    with (tmp_path / "large").open("wb") as stream:
        write_npz(stream, arrays)
    data = (tmp_path / "large").read_bytes()
    place = data.index(b"NUMPY", data.index(f"{key}.npy".encode()))
    before, after = data[:place], data[place:]
    shape = str(arrays[key].shape).encode()
    claimed = b"(" + b"9" * 12 + shape[2:] if len(shape) > 4 else b"(99999999999,)"
    padded = after.replace(shape, claimed, 1).replace(b" " * (len(claimed) - len(shape)), b"", 1)
    (tmp_path / "large").write_bytes(before + padded)
    with pytest.raises(Refused):
        check(deep, tmp_path / "large")


def test_what_would_not_be_accepted_is_not_written(deep, tmp_path, monkeypatch):
    regions = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0))
    arrays = count_arrays(regions)
    wrong = {**arrays, "witnesses": arrays["witnesses"][::-1]}
    with pytest.raises(pr.PolyregionsError, match="would not be accepted"):
        region_tree.write_tree(deep, wrong, tmp_path / "net.cert")
    assert not (tmp_path / "net.cert").exists()
    with pytest.raises(pr.PolyregionsError, match="by bfs or tree, not by dance"):
        pr.certify(regions, tmp_path / "net.cert", method="dance")


def test_incomplete_regions_are_refused(deep):
    some = pr.enumerate_regions(deep, pr.Box.cube(3, 1.0), max_regions=3)
    with pytest.raises(pr.PartialResultError):
        count_arrays(some)
