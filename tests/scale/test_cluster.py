"""Counts on a Dask cluster of two processes against counts in this one."""

import json
import os
import signal
import threading
import time
import urllib.error
import urllib.request

import numpy as np
import pytest
from cluster_runs import fails, killing_workers, reporting_always
from random_nets import FAMILIES, random_case
from zoo import ZOO

import polyregions as pr
from polyregions.cli import main
from polyregions.network.prefix import empty_prefix
from polyregions.run.problem import identity_of, problem_of
from polyregions.scale import cluster, tasks
from polyregions.scale import task_pool as under_way
from polyregions.tree.subdivision import count_tree

pytest.importorskip("distributed", reason="distributed is not installed: pip install distributed")

# processes that start, die and start again
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def medium():
    rng = np.random.default_rng(5)
    shapes = [(13, 5), (13, 13), (1, 13)]
    return pr.Network.from_arrays(
        [(rng.normal(size=s) * (2 / s[1]) ** 0.5, rng.normal(size=s[0]) * 0.3) for s in shapes],
        name="medium",
    )


BOX = pr.Box.cube(5, 1.0)


def same(count, expected):
    assert count.complete
    assert count.proven
    assert count.regions_per_layer == expected.regions_per_layer
    assert count.regions == expected.regions


def test_two_workers_are_two_processes(client):
    assert len({os.getpid(), *client.run(os.getpid).values()}) == 3


def test_local_workers_listen_to_this_machine_alone_and_show_no_dashboard(client):
    import psutil

    processes = [psutil.Process(), *(psutil.Process(pid) for pid in client.run(os.getpid).values())]
    listening = [
        connection.laddr.ip
        for process in processes
        for connection in process.net_connections(kind="inet")
        if connection.status == psutil.CONN_LISTEN
    ]
    assert len(listening) >= 3
    assert set(listening) == {"127.0.0.1"}
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(client.dashboard_link, timeout=10)


@pytest.mark.parametrize("family", FAMILIES)
def test_cluster_equals_tree(client, family):
    network, domain = random_case(family, 3, units=9)
    expected = count_tree(network, domain)
    same(cluster.count_on_cluster(network, domain, client), expected)
    same(cluster.count_on_cluster(network, domain, client, nodes=5), expected)


@pytest.mark.parametrize("known", ZOO[::6], ids=lambda known: known.network.name)
def test_known_counts(client, known):
    count = cluster.count_on_cluster(known.network, known.domain, client, nodes=20)
    assert (count.regions, count.complete) == (known.regions, True)


def test_small_budgets_make_many_tasks(client, medium, monkeypatch):
    keys = []
    submit = client.submit
    monkeypatch.setattr(
        client, "submit", lambda *args, key, **kw: keys.append(key) or submit(*args, key=key, **kw)
    )
    same(cluster.count_on_cluster(medium, BOX, client, nodes=1_000), count_tree(medium, BOX))
    assert len(keys) > 30
    assert len(set(keys)) == len(keys)


def test_progress_grows_to_the_count(client, medium):
    seen = []
    count = cluster.count_on_cluster(medium, BOX, client, nodes=2_000, progress=seen.append)
    numbers = [progress.regions for progress in seen]
    assert numbers == sorted(numbers)
    assert (numbers[-1], seen[-1].frontier) == (count.regions, 0)


def test_workers_that_are_killed_change_nothing(client, medium):
    expected = count_tree(medium, BOX)
    killed = set()
    with reporting_always():
        count = cluster.count_on_cluster(
            medium, BOX, client, nodes=500, progress=killing_workers(client, killed, 5_000)
        )
    assert len(killed) >= 2
    same(count, expected)


def test_no_worker_at_first(medium):
    """Tasks wait for workers that join later."""
    from distributed import Client, LocalCluster

    options = {"processes": False, "dashboard_address": ":0", "silence_logs": "CRITICAL"}
    with LocalCluster(n_workers=0, **options) as empty, Client(empty) as late:
        threading.Timer(0.5, empty.scale, [1]).start()
        network, domain = random_case("generic", 0)
        same(cluster.count_on_cluster(network, domain, late), count_tree(network, domain))


@pytest.mark.parametrize("limit", ["regions", "time", "interrupt"])
def test_limits_leave_a_labelled_part(client, medium, limit):
    expected = count_tree(medium, BOX).regions
    options, stop = (
        {"regions": {"max_regions": 100}, "time": {"time_limit": 1e-9}}.get(limit, {}),
        None,
    )
    if limit == "interrupt":
        stop = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
        stop.start()
        options = {"progress": lambda progress: time.sleep(0.02), "on_interrupt": "return"}
    count = cluster.count_on_cluster(medium, BOX, client, nodes=50, **options)
    if stop is not None:
        stop.join()
    assert not count.complete
    assert count.regions < expected
    if limit == "regions":
        assert count.regions == 100


def test_a_limit_that_is_just_enough(client):
    network, domain = random_case("generic", 1)
    regions = count_tree(network, domain).regions
    same(
        cluster.count_on_cluster(network, domain, client, max_regions=regions),
        count_tree(network, domain),
    )


def test_results_are_counted_once_per_key(client, medium):
    """A result that arrives twice, or that nobody waits for, is not added."""
    problem = problem_of(medium, BOX)
    identity = identity_of(problem)
    running = under_way.UnderWay(
        client,
        tasks.count_piece,
        lambda: client.submit(tasks.sent, medium, BOX, identity, key="twice"),
    )
    count = cluster._Count(running, problem, 2_000, 1.0)
    count.submit()
    ((future, _),) = running.tasks.values()
    future.result()
    while not count.collect():
        time.sleep(0.01)
    regions = list(count.counts)
    running._done.add(future)
    time.sleep(0.2)
    assert not count.collect()
    assert list(count.counts) == regions


def test_a_task_that_alwaysfails_is_reported(client, medium, monkeypatch):
    monkeypatch.setattr(cluster, "count_piece", fails)
    with pytest.raises(pr.PolyregionsError, match=r"failed 5 times.*no luck"):
        cluster.count_on_cluster(medium, BOX, client)


def test_a_worker_that_sees_another_problem_is_refused(medium):
    problem = problem_of(medium, BOX)
    other = identity_of(problem) | {"package": "0.0.0"}
    with pytest.raises(pr.PolyregionsError, match="another version"):
        tasks.count_piece(tasks.Sent(medium, BOX, other), [empty_prefix(1)], 10)


def test_pieces_add_up_here(medium):
    """The task itself, without a cluster: a budget for all prefixes together."""
    problem = problem_of(medium, BOX)
    source = tasks.Sent(medium, BOX, identity_of(problem))
    waiting, regions = [empty_prefix(problem.flat.units)], 0
    while waiting:
        piece = tasks.count_piece(source, waiting[:9], 30_000)
        del waiting[:9]
        regions += piece.counts[-1]
        waiting.extend(piece.unexplored)
    assert regions == count_tree(medium, BOX).regions


def test_budgets_follow_the_clock():
    some = (empty_prefix(1),)

    def piece(seconds, left=some):
        return tasks.TaskResult((1,), left, 0, seconds)

    assert cluster._budget([(piece(0.1), 4096)], 4096, 2.0) == 8192
    assert cluster._budget([(piece(50.0), 8192)], 8192, 2.0) == 4096
    assert cluster._budget([(piece(2.5), 8192)], 8192, 2.0) == 8192
    # a task that came to its end says nothing
    assert cluster._budget([(piece(0.1, ()), 8192)], 8192, 2.0) == 8192


@pytest.mark.parametrize("options", [{"seconds": 0.0}, {"nodes": 0}, {"max_regions": 0}])
def test_bad_budgets(client, medium, options):
    with pytest.raises(pr.PolyregionsError, match=r"positive|at least 1"):
        cluster.count_on_cluster(medium, BOX, client, **options)


def test_command_line(client, tmp_path, capsys):
    rng = np.random.default_rng(1)
    parameters = {"W0": rng.normal(size=(6, 2)), "b0": rng.normal(size=6)}
    np.savez(tmp_path / "net.npz", **parameters, W1=np.ones((1, 6)), b1=np.zeros(1))
    command = ["count", str(tmp_path / "net.npz"), "--method", "tree", "--json"]
    outputs = []
    for more in ([], ["--dask", client.scheduler.address]):
        assert main([*command, *more]) == 0
        outputs.append(json.loads(capsys.readouterr().out))
    for output in outputs:
        del output["seconds"], output["regions_per_second"]
    assert outputs[0] == outputs[1]
    assert outputs[0]["regions"] > 6


def test_command_line_refusals(tmp_path, capsys):
    np.savez(tmp_path / "net.npz", W0=np.eye(2), b0=np.zeros(2), W1=np.ones((1, 2)), b1=[0.0])
    command = ["count", str(tmp_path / "net.npz"), "--dask"]
    assert main([*command, "local"]) == 2
    assert "--method tree" in capsys.readouterr().err
    assert main([*command, "nonsense://", "--method", "tree"]) == 2
    assert "no Dask scheduler answers at nonsense://" in capsys.readouterr().err
