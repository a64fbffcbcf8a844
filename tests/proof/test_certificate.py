"""Certificates of every kind of network, written and replayed."""

import hashlib
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from oracles import layers_of
from random_nets import FAMILIES, random_case
from slivers import slivers
from zoo import ZOO

import polyregions as pr
from polyregions.cli import main
from polyregions.io.vnnlib import load_box
from polyregions.proof.certificate import certificate_arrays, write_certificate
from polyregions.proof.checker import ARRAYS, Refused, check

SLIVERS = {name: (network, box) for name, network, box in slivers()}


def assert_certified(network, domain, folder):
    regions = pr.enumerate_regions(network, domain)
    write_certificate(regions, folder / "net.cert")
    report = check(layers_of(network), folder / "net.cert")
    assert (report.regions, report.edges) == (len(regions), len(regions.edges))
    return report


@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.network.name)
def test_zoo(known, tmp_path):
    assert_certified(known.network, known.domain, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_random_families(family, tmp_path):
    for seed in range(12):
        assert_certified(*random_case(family, seed), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", SLIVERS)
def test_slivers(name, tmp_path):
    assert_certified(*SLIVERS[name], tmp_path)


def random_network(widths, rng, bias=0.3):
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    hidden = [
        (rng.normal(size=s) * np.sqrt(2 / s[1]), rng.normal(size=s[0]) * bias) for s in shapes
    ]
    return pr.Network.from_arrays([*hidden, (np.ones((1, widths[-1])), [0.0])])


def test_generic_regions_need_no_integers(tmp_path):
    rng = np.random.default_rng(5)
    for n in (2, 3, 4):
        report = assert_certified(random_network([n, 10, 10], rng), pr.Box.cube(n, 1.0), tmp_path)
        assert report.exact == 0


def test_cones_of_a_network_without_biases(tmp_path):
    network = random_network([3, 12, 12], np.random.default_rng(2), bias=0.0)
    for domain in (None, pr.Box.cube(3, 1.0)):
        assert assert_certified(network, domain, tmp_path).regions > 100


def test_proportional_units_that_rounding_makes_slivers(tmp_path):
    rng = np.random.default_rng(3)
    weight, bias = rng.normal(size=(4, 2)), rng.normal(size=4) * 0.3
    scaled = [(weight * f, bias * f) for f in (1.0, 1.7, 3.0, 1 / 3)]
    network = pr.Network.from_arrays(
        [
            (np.vstack([w for w, _ in scaled]), np.concatenate([b for _, b in scaled])),
            (np.ones((1, 16)), [0]),
        ]
    )
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 1.0))
    assert regions.exact_witnesses  # some regions hold no float point
    report = assert_certified(network, pr.Box.cube(2, 1.0), tmp_path)
    assert report.exact > 0


def test_van_der_pol(shared_data, tmp_path):
    network = pr.load(shared_data / "nets" / "vdp.onnx")
    box = load_box(shared_data / "boxes" / "vdp_0.vnnlib").box
    # a part of the box: the whole has 21,019 regions
    centre, half = (box.lower + box.upper) / 2, (box.upper - box.lower) / 2
    part = pr.Box(centre - half / 3, centre + half / 3)
    assert assert_certified(network, part, tmp_path).regions > 500


# the file


@pytest.fixture
def regions(deep):
    return pr.enumerate_regions(deep, pr.Box.cube(3, 1.0), compile_first=True)


def test_the_same_result_gives_the_same_bytes(regions, tmp_path):
    for name in ("a", "b"):
        write_certificate(regions, tmp_path / name)
    again = pr.enumerate_regions(regions.network, regions.domain, threads=2, compile_first=True)
    write_certificate(again, tmp_path / "c")
    assert len({(tmp_path / name).read_bytes() for name in "abc"}) == 1


def test_numpy_alone_reads_it(regions, tmp_path):
    write_certificate(regions, tmp_path / "net.cert")
    with np.load(tmp_path / "net.cert", allow_pickle=False) as file:
        assert file.files == list(ARRAYS)
        assert str(file["network"]) == regions.network.fingerprint
        np.testing.assert_array_equal(file["patterns"], regions.patterns)
        np.testing.assert_array_equal(file["edges"], regions.edges)
        # proofs: each row of each region is a facet or has a basis
        assert ((file["proofs"] >= -1).all(axis=1)).all()
        facets = (file["proofs"] == -1).sum()
        assert facets == 2 * len(regions.edges)


def test_it_is_compact(regions, tmp_path):
    write_certificate(regions, tmp_path / "net.cert")
    assert (tmp_path / "net.cert").stat().st_size < 250 * len(regions) + 6000


def test_exact_points_are_written_where_floats_are_too_coarse():
    network, box = SLIVERS[next(name for name in SLIVERS if "third" in name or "3" in name)]
    regions = pr.enumerate_regions(network, box)
    arrays = certificate_arrays(regions)
    assert len(arrays["exact_witnesses"]) == len(regions.exact_witnesses)


def test_partial_and_unproven_results_have_no_certificate(deep, tmp_path):
    box = pr.Box.cube(3, 1.0)
    for result in (
        pr.enumerate_regions(deep, box, max_regions=5),
        replace(pr.enumerate_regions(deep, box), proven=False),
    ):
        with pytest.raises(pr.PartialResultError, match="complete and proven"):
            write_certificate(result, tmp_path / "net.cert")
    assert not list(tmp_path.iterdir())


def test_a_result_that_lies_has_no_certificate(regions, tmp_path):
    for lie in (
        replace(regions, edges=regions.edges[1:]),
        replace(
            regions,
            patterns=regions.patterns[:-1],
            witnesses=regions.witnesses[:-1],
            edges=regions.edges[(regions.edges < len(regions) - 1).all(axis=1)],
        ),
    ):
        with pytest.raises(pr.PartialResultError, match="enumerate again"):
            write_certificate(lie, tmp_path / "net.cert")


def test_progress_is_reported(regions, tmp_path):
    seen: list[tuple[int, int]] = []
    write_certificate(regions, tmp_path / "c", progress=lambda *step: seen.append(step))
    check(layers_of(regions.network), tmp_path / "c", lambda *step: seen.append(step))
    assert seen.count((len(regions), len(regions))) == 2


# the command line


def run(capsys, *args):
    code = main([str(arg) for arg in args])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture
def network_file(tmp_path):
    path = tmp_path / "lines.npz"
    arrays = {
        "W0": np.array([[1.0, 0], [0, 1], [1, 1]]),
        "b0": np.array([0, 0, -0.5]),
        "W1": np.ones((1, 3)),
        "b1": np.zeros(1),
    }
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("domain", [["--cube", "2"], ["--whole-space"], ["--box", "-1", "0.25"]])
def test_certify_and_check(capsys, network_file, tmp_path, domain):
    cert = tmp_path / "lines.cert"
    code, out, _ = run(capsys, "certify", network_file, *domain, "-o", cert)
    assert code == 0
    assert "proven" in out
    code, out, err = run(capsys, "check", network_file, cert)
    assert (code, err) == (0, "")
    assert "proven" in out
    assert run(capsys, "check", network_file, cert, *domain)[0] == 0


def test_check_says_which_domain_is_meant(capsys, network_file, tmp_path):
    cert = tmp_path / "lines.cert"
    run(capsys, "certify", network_file, "--cube", "2", "-o", cert)
    code, out, err = run(capsys, "check", network_file, cert, "--whole-space")
    assert (code, out) == (1, "")
    assert "[-2, 2]^2, not the whole space" in err


def test_check_refuses_with_code_one(capsys, network_file, tmp_path):
    cert = tmp_path / "lines.cert"
    run(capsys, "certify", network_file, "-o", cert)
    other = tmp_path / "other.npz"
    with np.load(network_file) as file:
        arrays = dict(file)
    arrays["b0"][2] = np.nextafter(-0.5, 0)
    np.savez(other, **arrays)
    code, out, err = run(capsys, "check", other, cert)
    assert (code, out) == (1, "")
    assert "another network" in err
    assert err.count("\n") == 1
    cert.write_bytes(cert.read_bytes()[:-100])
    code, out, err = run(capsys, "check", network_file, cert)
    assert (code, out) == (1, "")
    assert "damaged" in err


def test_check_with_bad_usage_has_code_two(capsys, network_file, tmp_path):
    assert run(capsys, "check", network_file)[0] == 2
    code, _, err = run(capsys, "check", network_file, tmp_path / "none.cert")
    assert code == 2
    assert "none.cert" in err
    assert run(capsys, "certify", network_file)[0] == 2


def test_a_certificate_of_the_next_version_is_refused(regions, tmp_path):
    path = tmp_path / "net.cert"
    arrays = certificate_arrays(regions) | {"version": np.array(3)}
    with zipfile.ZipFile(path, "w") as archive:
        for key, array in arrays.items():
            with archive.open(f"{key}.npy", "w") as member:
                np.lib.format.write_array(member, array)
    with pytest.raises(Refused, match="version 3, not 2"):
        check(layers_of(regions.network), path)


def test_the_claim_binds_the_domain_to_the_network(regions):
    arrays = certificate_arrays(regions)
    bound = bytes.fromhex(regions.network.fingerprint) + arrays["domain"].tobytes()
    assert str(arrays["claim"]) == hashlib.sha256(bound).hexdigest()
