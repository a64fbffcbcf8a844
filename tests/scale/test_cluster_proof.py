"""Certificates made of parts, for the checker, which knows nothing of parts."""

import numpy as np
import pytest
from cluster_runs import TRIANGLE, assembled_here
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.cli import main
from polyregions.files.archives import write_npz
from polyregions.proof.certificate import certificate_arrays, certificate_of_pieces
from polyregions.proof.checker import Refused, check
from polyregions.regions.archive import read_result_arrays
from polyregions.scale import cluster_proof, tasks
from polyregions.scale.cluster_proof import certify_on_cluster
from polyregions.scale.cluster_walk import PartsWritten

pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install pyarrow")

# processes that start, die and start again
pytestmark = pytest.mark.slow


def layers_of(network):
    return [(layer.weight, layer.bias, layer.lower, layer.upper) for layer in network.layers]


def here(network, domain, folder, budget, change=None):
    """Do all tasks in this process and return the certificate's file and the regions."""
    regions, files, parts = assembled_here(
        tasks.prove_piece, network, domain, folder, budget, change
    )
    arrays = certificate_of_pieces(
        regions, cluster_proof._numbered_pieces(PartsWritten(files, parts, "finished"), regions)
    )
    with (folder / "net.cert").open("wb") as stream:
        write_npz(stream, arrays)
    return folder / "net.cert", regions


@pytest.mark.parametrize("family", FAMILIES)
def test_the_checker_accepts(family, tmp_path):
    for seed in range(2):
        network, domain = random_case(family, seed, units=9)
        expected = pr.enumerate_regions(network, domain)
        path, regions = here(network, domain, tmp_path / str(seed), 8)
        report = check(layers_of(network), path)
        assert (report.regions, report.edges) == (len(expected), len(expected.edges))
        # the facets, and the units on them, are those of a certificate made at once
        whole, mine = certificate_arrays(expected), read_result_arrays(path)
        for key in ("patterns", "edges", "edge_units", "edge_counts", "claim"):
            assert np.array_equal(whole[key], mine[key])
        assert len(regions) == len(expected)


def changed_piece(key, change):
    """Return a change of one array of one piece."""

    def apply(files, parts):
        # of a part with more than one region some row is redundant
        one = max(parts, key=lambda part: part.edges)
        path = files / tasks.proof_name(one.name)
        arrays = {name: array.copy() for name, array in tasks.read_proof(path).items()}
        del arrays["format"]
        arrays[key] = change(arrays[key])
        tasks.write_proof(path, arrays)

    return apply


def moved(points):
    return points + 0.37


def all_facets(proofs):
    return np.full_like(proofs, -1)


def wrong_bases(bases):
    return bases[:, ::-1] * 0


@pytest.mark.parametrize(
    ("key", "change"), [("points", moved), ("proofs", all_facets), ("bases", wrong_bases)]
)
def test_a_piece_that_was_changed_is_refused(tmp_path, key, change):
    network, domain = random_case("generic", 4, units=9)
    path, _ = here(network, domain, tmp_path, 20, changed_piece(key, change))
    with pytest.raises(Refused):
        check(layers_of(network), path)


def test_a_piece_that_lost_an_edge_is_refused(tmp_path):
    network, domain = random_case("generic", 4, units=9)

    def lose(files, parts):
        path = files / tasks.proof_name(parts[0].name)
        arrays = dict(tasks.read_proof(path))
        del arrays["format"]
        units = arrays["unit_counts"]
        arrays |= {
            "edges": arrays["edges"][1:],
            "points": arrays["points"][1:],
            "unit_counts": units[1:],
            "units": arrays["units"][units[0] :],
        }
        tasks.write_proof(path, arrays)

    with pytest.raises(pr.PartialResultError, match="an edge is missing"):
        here(network, domain, tmp_path, 20, lose)


@pytest.mark.parametrize("damage", ["missing", "shorter"])
def test_damaged_pieces_are_refused(tmp_path, damage):
    network, domain = random_case("generic", 4, units=9)

    def change(files, parts):
        path = files / tasks.proof_name(parts[0].name)
        arrays = dict(tasks.read_proof(path))
        del arrays["format"]
        if damage == "missing":
            path.unlink()
        else:
            tasks.write_proof(path, arrays | {"proofs": arrays["proofs"][:-1]})

    with pytest.raises((pr.CheckpointError, pr.FormatError), match=r"cannot be used|no proof"):
        here(network, domain, tmp_path, 20, change)


def test_certified_on_a_cluster(client, tmp_path):
    rng = np.random.default_rng(3)
    layers = [(rng.normal(size=(12, 2)), rng.normal(size=12) * 0.4),
              (rng.normal(size=(12, 12)) / 3, rng.normal(size=12) * 0.3),
              (np.ones((1, 12)), [0.0])]  # fmt: skip
    network = pr.Network.from_arrays(layers)
    path = tmp_path / "net.cert"
    written = certify_on_cluster(network, TRIANGLE, path, client, budget=30)
    expected = pr.enumerate_regions(network, TRIANGLE)
    report = check(layers_of(network), path)
    assert (report.regions, report.edges) == (len(expected), len(expected.edges))
    assert (written.regions, written.edges) == (len(expected), len(expected.edges))
    assert [file.name for file in tmp_path.iterdir()] == ["net.cert"]


def test_command_line(client, tmp_path, capsys):
    rng = np.random.default_rng(1)
    net = str(tmp_path / "net.npz")
    np.savez(net, W0=rng.normal(size=(6, 2)), b0=rng.normal(size=6), W1=np.ones((1, 6)), b1=[0.0])
    command = ["certify", net, "-o", str(tmp_path / "net.cert")]
    assert main([*command, "--resume"]) == 2
    assert "add --dask" in capsys.readouterr().err
    assert main([*command, "--dask", client.scheduler.address]) == 0
    assert "saved to" in capsys.readouterr().out
    assert main(["check", net, str(tmp_path / "net.cert")]) == 0
