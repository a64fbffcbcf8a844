"""Regions and edges from a cluster of two processes against the walk in this one."""

import os
import shutil
import signal

import numpy as np
import pytest
from cluster_runs import TRIANGLE, assembled_here, fails, killing_workers, reporting_always
from random_nets import FAMILIES, random_case
from slivers import slivers
from zoo import ZOO

import polyregions as pr
from polyregions.cli import main
from polyregions.network.prefix import contains, unpack_prefix
from polyregions.run.problem import identity_of, problem_of
from polyregions.scale import assembly, cluster_walk, tasks
from polyregions.scale.cluster_walk import enumerate_on_cluster
from polyregions.testing import assert_valid
from polyregions.walk.subproblem import Subproblem, first_start, split_subproblem, walk_below

pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")
pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install pyarrow")

# processes that start, die and start again
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def medium():
    rng = np.random.default_rng(7)
    shapes = [(10, 3), (10, 10), (1, 10)]
    return pr.Network.from_arrays(
        [(rng.normal(size=s) * (2 / s[1]) ** 0.5, rng.normal(size=s[0]) * 0.3) for s in shapes],
        name="medium",
    )


BOX = pr.Box.cube(3, 1.0)


def same(regions, expected):
    """The same regions with the same numbers and edges; witnesses may differ."""
    assert regions.complete
    assert regions.proven
    assert np.array_equal(regions.patterns, expected.patterns)
    assert np.array_equal(regions.edges, expected.edges)


def here(network, domain, folder, budget, change=None):
    found, _, parts = assembled_here(tasks.walk_piece, network, domain, folder, budget, change)
    return found, parts


@pytest.mark.parametrize("family", FAMILIES)
def test_parts_here_equal_the_walk(family, tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "LEAST_PART", 7)  # many ranges
    for seed in range(2):
        network, domain = random_case(family, seed, units=9)
        expected = pr.enumerate_regions(network, domain)
        for budget in (1, 8):
            found, _ = here(network, domain, tmp_path / f"{seed}-{budget}", budget)
            same(found, expected)
        assert_valid(found)


def test_a_polytope_with_several_words(tmp_path, monkeypatch):
    monkeypatch.setattr(assembly, "LEAST_PART", 100)
    rng = np.random.default_rng(3)
    layers = [(rng.normal(size=(40, 2)), rng.normal(size=40) * 0.4), (rng.normal(size=(40, 40)) / 6,
              rng.normal(size=40) * 0.3), (np.ones((1, 40)), [0.0])]  # fmt: skip
    network = pr.Network.from_arrays(layers)
    found, parts = here(network, TRIANGLE, tmp_path / "a", 60)
    same(found, pr.enumerate_regions(network, TRIANGLE))
    assert len(parts) > 20
    assert found.patterns.shape[1] == 2
    assert len(list((tmp_path / "a/net.parquet/regions").iterdir())) > 3


def test_slivers(tmp_path):
    """Starts of regions that hold no float point, and prefixes as thin."""
    for index, (name, network, domain) in enumerate(list(slivers())[::2]):
        found, _ = here(network, domain, tmp_path / str(index), 1 + index % 2)
        expected = pr.enumerate_regions(network, domain)
        assert np.array_equal(found.patterns, expected.patterns), name
        assert np.array_equal(found.edges, expected.edges), name
        if index % 8 == 0:
            assert_valid(found)


@pytest.mark.parametrize("known", ZOO[::6], ids=lambda known: known.network.name)
def test_known_counts(known, tmp_path):
    found, _ = here(known.network, known.domain, tmp_path / "a", 25)
    assert len(found) == known.regions


@pytest.mark.parametrize("family", ["generic", "zero bias", "duplicates", "integer whole space"])
def test_cluster_equals_walk(client, family, tmp_path):
    network, domain = random_case(family, 3, units=9)
    path = tmp_path / "net.parquet"
    written = enumerate_on_cluster(network, domain, path, client, budget=9)
    found = pr.open_regions(path)
    same(found, pr.enumerate_regions(network, domain))
    assert (written.regions, written.edges) == (len(found), len(found.edges))
    assert (written.stopped, written.checkpoint) == ("finished", None)
    assert [file.name for file in tmp_path.iterdir()] == ["net.parquet"]


def bytes_of(folder):
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }


def test_workers_that_are_killed_change_no_byte(client, medium, tmp_path):
    enumerate_on_cluster(medium, BOX, tmp_path / "calm.parquet", client, budget=40)
    same(pr.open_regions(tmp_path / "calm.parquet"), pr.enumerate_regions(medium, BOX))
    killed = set()
    with reporting_always():
        enumerate_on_cluster(
            medium,
            BOX,
            tmp_path / "wild.parquet",
            client,
            budget=40,
            progress=killing_workers(client, killed, 300),
        )
    assert len(killed) >= 2
    assert bytes_of(tmp_path / "wild.parquet") == bytes_of(tmp_path / "calm.parquet")


@pytest.mark.parametrize("limit", ["regions", "time", "interrupt"])
def test_stopped_and_resumed(client, medium, tmp_path, limit):
    path = tmp_path / "net.parquet"
    expected = pr.enumerate_regions(medium, BOX)
    options = {"regions": {"max_regions": 100}, "time": {"time_limit": 1e-9}}.get(limit, {})
    if limit == "interrupt":

        def stop(progress):
            if progress.regions > 50:
                os.kill(os.getpid(), signal.SIGINT)

        options = {"progress": stop, "on_interrupt": "return"}
    with reporting_always():
        part = enumerate_on_cluster(medium, BOX, path, client, budget=40, **options)
    assert (part.complete, part.stopped) == (False, limit)
    found = pr.open_regions(path)
    assert not found.complete
    assert len(found) == part.regions < len(expected)
    assert_partial(found, expected)
    with pytest.raises(pr.CheckpointError, match="--resume"):
        enumerate_on_cluster(medium, BOX, path, client)
    with pytest.raises(pr.CheckpointError, match="another domain"):
        enumerate_on_cluster(medium, pr.Box.cube(3, 2.0), path, client, resume=True)
    whole = enumerate_on_cluster(medium, BOX, path, client, budget=40, resume=True)
    assert whole.complete
    same(pr.open_regions(path), expected)
    enumerate_on_cluster(medium, BOX, tmp_path / "calm.parquet", client, budget=40)
    assert bytes_of(path) == bytes_of(tmp_path / "calm.parquet")


def test_resumed_from_what_a_killed_driver_left(client, medium, tmp_path, monkeypatch):
    """The folder as it was at some moments, as a kill -9 or a power cut would leave it."""
    monkeypatch.setattr(cluster_walk, "SECONDS_BETWEEN_CHUNKS", 0.0)
    monkeypatch.setattr(cluster_walk, "CHUNK_SHARE", 0)
    path = tmp_path / "net.parquet"
    folder = tmp_path / "net.parquet.parts"
    moments = iter([1, 200, 500])
    due, kept = next(moments), []

    def keep(progress):
        nonlocal due
        if due is not None and progress.regions >= due:
            kept.append(folder.with_name(f"kept-{due}"))
            shutil.copytree(folder, kept[-1], ignore=shutil.ignore_patterns(".polyregions-*"))
            due = next(moments, None)

    with reporting_always():
        enumerate_on_cluster(medium, BOX, path, client, budget=40, progress=keep)
    expected = bytes_of(path)
    assert len(kept) == 3
    for left in kept:
        left.rename(folder)
        written = enumerate_on_cluster(medium, BOX, path, client, budget=40, resume=True)
        assert written.complete
        assert bytes_of(path) == expected
        assert not folder.exists()


def assert_partial(found, expected):
    """Some of the regions, and every edge between two of them."""
    numbers = [expected.index(pattern) for pattern in found.patterns]
    kept = np.isin(expected.edges, numbers).all(axis=1)
    edges = {tuple(edge) for edge in expected.edges[kept].tolist()}
    assert {(numbers[a], numbers[b]) for a, b in found.edges.tolist()} == edges


@pytest.fixture
def mutable(tmp_path, monkeypatch):
    """A function that changes one part of a finished run before it is put together."""
    network, domain = random_case("generic", 4, units=9)

    def run(change):
        def drop(files, parts):
            index = max(range(len(parts)), key=lambda i: parts[i].leading_out)
            one = parts[index]
            part = tasks.read_part(files / one.name, one.sizes)
            change(files / one.name, one, part, lambda new: parts.__setitem__(index, new))

        return here(network, domain, tmp_path / "a", 10, drop)

    return run


def rewritten(path, one, part, keep):
    """Write a part with some of its facets that lead out."""
    regions = pr.Regions(
        pr.Network.from_arrays([(np.ones((1, part.witnesses.shape[1])), [0.0]), ([[1.0]], [0.0])]),
        None, part.patterns, part.witnesses, part.edges, complete=True, proven=True,
    )  # fmt: skip
    tasks.write_part_file(path, regions, part.parents[keep], part.children[keep])
    return tasks.Walked(one.name, one.regions, one.edges, len(part.parents[keep]), 0, ())


def test_an_edge_that_one_side_lost_is_noticed(mutable):
    def change(path, one, part, replace):
        replace(rewritten(path, one, part, slice(1, None)))

    with pytest.raises(pr.CheckpointError, match="do not agree about the edges"):
        mutable(change)


def test_an_edge_that_one_side_saw_twice_is_noticed(mutable):
    def change(path, one, part, replace):
        replace(rewritten(path, one, part, [0, *range(len(part.parents))]))

    with pytest.raises(pr.CheckpointError, match="do not agree about the edges"):
        mutable(change)


def test_a_facet_that_leads_nowhere_is_noticed(mutable):
    def change(path, one, part, replace):
        part.children[0] ^= np.uint64(1) << np.uint64(40)
        replace(rewritten(path, one, part, slice(None)))

    with pytest.raises(pr.CheckpointError, match="is in none of them"):
        mutable(change)


def test_a_part_that_is_there_twice_is_noticed(tmp_path):
    network, domain = random_case("generic", 4, units=9)
    with pytest.raises(pr.CheckpointError, match="a region is in two of them"):
        here(network, domain, tmp_path, 10, lambda files, parts: parts.append(parts[0]))


@pytest.mark.parametrize("damage", ["missing", "truncated", "changed", "another"])
def test_damaged_parts_are_refused(mutable, damage):
    def change(path, one, part, replace):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        if damage == "missing":
            path.unlink()
        elif damage == "truncated":
            path.write_bytes(data[: len(data) // 2])
        elif damage == "changed":
            path.write_bytes(data)
        else:
            rewritten(path, one, part, slice(1, None))

    with pytest.raises(pr.CheckpointError, match="cannot be used"):
        mutable(change)


def test_a_worker_that_sees_no_folder_is_refused(medium):
    problem = problem_of(medium, BOX)
    source = tasks.Sent(medium, BOX, identity_of(problem))
    with pytest.raises(pr.PolyregionsError, match="does not see the folder"):
        tasks.walk_piece(source, first_start(problem), 10, "/nowhere/net.parquet.parts")


def test_a_task_that_alwaysfails_is_reported_and_not_forgotten(
    client, medium, tmp_path, monkeypatch
):
    path = tmp_path / "net.parquet"
    monkeypatch.setattr(cluster_walk, "walk_piece", fails)
    with pytest.raises(pr.PolyregionsError, match=r"failed 5 times.*no luck"):
        enumerate_on_cluster(medium, BOX, path, client, budget=500)
    monkeypatch.undo()
    enumerate_on_cluster(medium, BOX, path, client, budget=500, resume=True)
    same(pr.open_regions(path), pr.enumerate_regions(medium, BOX))


@pytest.mark.parametrize("options", [{"budget": 0}, {"max_regions": 0}, {"time_limit": 0.0}])
def test_bad_limits(client, medium, tmp_path, options):
    with pytest.raises(pr.PolyregionsError, match=r"positive|at least 1"):
        enumerate_on_cluster(medium, BOX, tmp_path / "net.parquet", client, **options)


def test_ids_of_32_bits(client, medium, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster_walk, "_MOST_IDS", 200)
    with pytest.raises(pr.PolyregionsError, match="32 bits"):
        enumerate_on_cluster(medium, BOX, tmp_path / "net.parquet", client, budget=40)


def test_a_split_is_a_partition(medium):
    """Prefixes are disjoint, and each start is below its own."""
    problem = problem_of(medium, BOX)
    waiting, patterns = [first_start(problem)], []
    while waiting:
        found = walk_below(problem, start := waiting.pop(), 4)
        if found.finished:
            assert contains(start.prefix, found.store.patterns[: found.count]).all()
            patterns.extend(map(tuple, found.store.patterns[: found.count].tolist()))
            continue
        starts = split_subproblem(problem, start, found)
        assert len(starts) >= 2
        assert all(isinstance(one, Subproblem) for one in starts)
        waiting.extend(starts)
    assert len(set(patterns)) == len(patterns) == len(pr.enumerate_regions(medium, BOX))


def test_saved_starts_also_those_of_0_1_0(medium):
    """What waits is saved as words; version 0.1.0 wrote one byte a unit, 2 where it is free."""
    problem = problem_of(medium, BOX)
    units = problem.flat.units
    starts = split_subproblem(
        problem, first_start(problem), walk_below(problem, first_start(problem), 4)
    )
    arrays = cluster_walk._chunk_arrays(problem, starts, [])
    old = {name: arrays[name] for name in arrays if name not in ("masks", "values")}
    unpacked = [unpack_prefix(start.prefix, units) for start in starts]
    old["marks"] = np.array([np.where(decided, bits, 2) for decided, bits in unpacked], np.uint8)
    for saved in (arrays, old):
        again, parts = cluster_walk._restored_chunk(None, saved)
        assert parts == []
        assert len(again) == len(starts) > 2
        for one, other in zip(again, starts, strict=True):
            words = zip((*one.prefix, *one[1:]), (*other.prefix, *other[1:]), strict=True)
            assert all(np.array_equal(a, b) for a, b in words)


def test_command_line(client, tmp_path, capsys):
    rng = np.random.default_rng(1)
    parameters = {"W0": rng.normal(size=(6, 2)), "b0": rng.normal(size=6)}
    np.savez(tmp_path / "net.npz", **parameters, W1=np.ones((1, 6)), b1=np.zeros(1))
    path = tmp_path / "out.parquet"
    command = ["enumerate", str(tmp_path / "net.npz"), "-o", str(path)]
    remote = ["--dask", client.scheduler.address]
    assert main(command) == 0
    expected = pr.open_regions(path)
    assert main([*command, *remote, "--time-limit", "1e-9"]) == 3
    assert "--resume" in capsys.readouterr().err
    assert main([*command, *remote, "--resume"]) == 0
    assert f"{len(expected)} regions" in capsys.readouterr().out
    same(pr.open_regions(path), expected)
    assert main([*command[:3], str(tmp_path / "out.npz"), *remote]) == 2
    assert ".parquet" in capsys.readouterr().err
    assert main([*command, *remote, "--memory", "1G"]) == 2
    assert "--memory" in capsys.readouterr().err
