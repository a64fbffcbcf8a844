"""Estimates: right on average, honest about their error, and their bound is a bound."""

import json
from itertools import islice

import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.cli import main
from polyregions.cli import report as progress_module
from polyregions.cli.report import mentioning_estimate
from polyregions.compiled import Times
from polyregions.io import save_network
from polyregions.run.progress import Progress
from polyregions.scale.forecast import cost_per_region
from polyregions.tree import estimation as module
from polyregions.tree.estimation import estimate_regions, probes_of
from polyregions.tree.subdivision import TreeCount, count_tree


@pytest.fixture
def rough(monkeypatch):
    """Probes so coarse that they are random on small networks."""
    monkeypatch.setattr(module, "_NODES_OF_A_PROBE", 2)
    monkeypatch.setattr(module, "_KEPT", 2)


def he_normal(n, width, seed=0):
    rng = np.random.default_rng(seed)
    shapes = [(width, n), (width, width), (1, width)]
    return pr.Network.from_arrays(
        [(rng.normal(size=s) * (2 / s[1]) ** 0.5, rng.normal(size=s[0]) * 0.3) for s in shapes]
    )


def values(network, domain, count, seed=0):
    return np.array(
        [probe.regions for probe in islice(probes_of(network, domain, seed=seed), count)]
    )


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_probes_are_unbiased(rough, family):
    for seed in (61, 62):
        network, domain = random_case(family, seed, units=9)
        regions = count_tree(network, domain).regions
        made = values(network, domain, 120)
        error = made.std(ddof=1) / len(made) ** 0.5
        assert abs(made.mean() - regions) <= 4 * error + 1e-9 * regions


@pytest.mark.slow
@pytest.mark.parametrize(("nodes", "kept"), [(1, 1), (1, 3), (20, 1), (7, 2)])
def test_unbiased_for_any_size_of_probe(monkeypatch, nodes, kept):
    monkeypatch.setattr(module, "_NODES_OF_A_PROBE", nodes)
    monkeypatch.setattr(module, "_KEPT", kept)
    network, box = he_normal(3, 6), pr.Box.cube(3, 1.0)
    regions = count_tree(network, box).regions
    made = values(network, box, 300)
    assert made.std() > 0
    assert abs(made.mean() - regions) < 4 * made.std(ddof=1) / len(made) ** 0.5


def test_draws_keep_expected_weights():
    rng = np.random.default_rng(0)
    weights = np.concatenate([rng.exponential(size=30), [40.0, 12.0]])
    items = [(float(weight), (index,)) for index, weight in enumerate(weights)]
    total = np.zeros(len(items))
    draws = 4_000
    for _ in range(draws):
        drawn = module._drawn(items, rng)
        assert len(drawn) == module._KEPT
        np.testing.assert_allclose(sum(weight for weight, _ in drawn), weights.sum())
        for weight, (index,) in drawn:
            total[index] += weight
    step = weights.sum() / module._KEPT
    np.testing.assert_allclose(total / draws, weights, atol=5 * step / draws**0.5)
    # the heavy ones are always there, with their own weight
    np.testing.assert_allclose(total[-2:] / draws, weights[-2:])


@pytest.mark.slow
def test_intervals_cover(rough):
    network, box = he_normal(3, 7), pr.Box.cube(3, 1.0)
    regions = count_tree(network, box).regions
    inside, runs = 0, 60
    for seed in range(runs):
        estimate = estimate_regions(network, box, probes=12, seed=seed)
        low, high = estimate.interval
        inside += low <= regions <= high
        assert estimate.lower_bound <= regions
        assert low >= estimate.lower_bound
        assert (estimate.exact, estimate.probes, estimate.complete) == (False, 12, True)
    assert 0.8 * runs <= inside


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_lower_bound_is_a_bound(rough, family):
    for seed in range(70, 76):
        network, domain = random_case(family, seed, units=9)
        regions = count_tree(network, domain).regions
        for probe in islice(probes_of(network, domain, seed=seed), 5):
            assert 1 <= probe.counted <= regions
            if probe.exact:
                assert probe.counted == probe.regions == regions


@pytest.mark.parametrize("family", FAMILIES)
def test_small_networks_are_counted(family):
    network, domain = random_case(family, 3, units=9)
    estimate = estimate_regions(network, domain)
    regions = count_tree(network, domain).regions
    assert estimate.exact
    assert estimate.complete
    assert (estimate.regions, estimate.lower_bound, estimate.standard_error) == (
        regions,
        regions,
        0,
    )
    assert estimate.interval == (regions, regions)


def test_equal_seeds_give_equal_estimates(rough):
    network, box = he_normal(2, 6), pr.Box.cube(2, 1.0)
    first, again, other = (estimate_regions(network, box, seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_larger_networks_need_few_probes():
    network, box = he_normal(4, 12), pr.Box.cube(4, 1.0)
    regions = count_tree(network, box).regions
    estimate = estimate_regions(network, box, probes=4)
    assert abs(estimate.regions - regions) < 0.5 * regions
    assert estimate.lower_bound > 16


@pytest.mark.parametrize(
    "wrong", [{"probes": 1}, {"confidence": 0.0}, {"confidence": 1.0}, {"seed": -1}]
)
def test_bad_options(wrong):
    with pytest.raises(pr.PolyregionsError):
        estimate_regions(he_normal(2, 3), pr.Box.cube(2, 1.0), **wrong)


def test_costs_are_positive_and_found_regions_are_few_enough():
    network, box = he_normal(3, 8), pr.Box.cube(3, 1.0)
    cost = cost_per_region(network, box, seconds=0.05)
    assert min(cost.tree_seconds, cost.walk_seconds, cost.memory_bytes, cost.disk_bytes) > 0
    assert cost.lower_bound <= count_tree(network, box).regions


def test_command_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(module, "_NODES_OF_A_PROBE", 10)
    monkeypatch.setattr(module, "_KEPT", 2)
    # as if there were time for less than the whole tree
    stopped = TreeCount(5, (5,), False, True, 0), Times(1e9, 0.0)
    monkeypatch.setattr("polyregions.cli.count.count_by_tree", lambda task, effort, **how: stopped)
    layers = he_normal(3, 7).layers
    arrays = {f"W{i}": layer.weight for i, layer in enumerate(layers)}
    np.savez(
        tmp_path / "net.npz", **arrays, **{f"b{i}": layer.bias for i, layer in enumerate(layers)}
    )
    command = ["estimate", str(tmp_path / "net.npz"), "--probes", "6", "--seed", "4"]
    assert main([*command, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    regions = count_tree(he_normal(3, 7), pr.Box.cube(3, 1.0)).regions
    assert read["lower_bound"] <= regions
    assert read["probes"] == 6
    assert set(read["predicted"]) == {
        "tree_seconds", "walk_seconds", "walk_memory_bytes", "walk_disk_bytes",
    }  # fmt: skip
    assert main(command) == 0
    text = capsys.readouterr().out
    assert "interval" in text
    assert "(proven)" in text
    assert "on disk in Parquet" in text
    assert main([*command[:2], "--probes", "1"]) == 2
    assert "at least 2 probes" in capsys.readouterr().err


def test_the_command_counts_what_the_tree_settles(tmp_path, capsys, monkeypatch):
    def probe(*args, **options):
        raise AssertionError("nothing is left to estimate")

    monkeypatch.setattr(module, "estimate_regions", probe)
    path = tmp_path / "net.npz"
    network, box = he_normal(4, 12), pr.Box.cube(4, 1.0)
    save_network(network, path)
    regions = count_tree(network, box).regions
    assert not next(probes_of(network, box)).exact  # a probe alone does not count it
    assert main(["estimate", str(path), "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert (read["regions"], read["lower_bound"], read["exact"]) == (regions, regions, True)
    assert (read["interval"], read["standard_error"]) == ([regions, regions], 0)
    assert main(["estimate", str(path)]) == 0
    text = capsys.readouterr().out
    assert f"{regions:,} regions (proven)" in text
    assert "interval" not in text


def test_ctrl_c_while_the_tree_counts_ends_the_command(tmp_path, capsys, monkeypatch):
    save_network(he_normal(3, 12), tmp_path / "net.npz")

    def interrupted(task, effort, *, on_interrupt):
        assert on_interrupt == "raise"
        raise KeyboardInterrupt

    monkeypatch.setattr("polyregions.cli.count.count_by_tree", interrupted)
    assert main(["estimate", str(tmp_path / "net.npz")]) == 3
    assert "Ctrl-C" in capsys.readouterr().err


def test_long_runs_mention_estimate_once(capsys):
    seen = []
    for limits in ((None, None), (None, 3.0)):
        call = mentioning_estimate(seen.append, *limits)
        for seconds in (1.0, progress_module._LONG_RUN + 1, progress_module._LONG_RUN + 2):
            call(Progress(1, 1, 1, seconds))
    compiling = mentioning_estimate(seen.append, None, compiled=lambda: True)
    compiling(Progress(1, 1, 1, progress_module._LONG_RUN + 1))
    assert len(seen) == 7
    assert capsys.readouterr().err.count("polyregions estimate") == 1
