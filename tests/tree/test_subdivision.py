"""The tree against the walk, the rational walk, known counts and itself."""

import json
import os
import signal
import threading
from fractions import Fraction

import numpy as np
import pytest
from random_nets import FAMILIES, he_normal, random_case
from slivers import slivers
from zoo import ZOO

import polyregions as pr
from polyregions.cli import main
from polyregions.exact.simplex import column_of, evaluate
from polyregions.network import Layer, Network
from polyregions.network.prefix import Prefix, as_prefix, empty_prefix
from polyregions.run.problem import problem_of, whole_problem
from polyregions.tree import subtree
from polyregions.tree.exact_tree import ExactTree
from polyregions.tree.subdivision import count_below, count_tree, unit_order
from polyregions.walk.rational_walk import walk_exactly

SEEDS = 12


def truncated(network, depth):
    """The network up to its bending layer number `depth`."""
    bending = [i for i, layer in enumerate(network.layers) if layer.bends.any()]
    layers = network.layers[: bending[depth - 1] + 1]
    width = len(layers[-1].bias)
    return Network((*layers, Layer.affine(np.ones((1, width)), [0.0])))


def checked(count, regions, complete=True):
    assert (count.regions, count.complete, count.proven) == (regions, complete, True)
    assert count.regions_per_layer[-1] == count.regions
    return count


def counted_exactly(problem, order):
    """The slow twin: the whole tree in exact arithmetic."""
    starts = np.concatenate([[0, 0], problem.flat.row_ends])
    tree = ExactTree(problem, order, starts, np.zeros(len(starts) - 1, dtype=np.int64))
    tree.push(empty_prefix(len(order)))
    while tree.stack:
        tree.step()
    return tree.counts


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_tree_equals_walk(family):
    for seed in range(SEEDS):
        network, domain = random_case(family, seed, units=9)
        checked(count_tree(network, domain), len(pr.enumerate_regions(network, domain)))


@pytest.mark.parametrize("family", FAMILIES)
def test_tree_equals_rational_walk_and_exact_tree(family):
    for seed in range(50, 54):
        network, domain = random_case(family, seed, units=6)
        regions = len(walk_exactly(network, domain).patterns)
        checked(count_tree(network, domain), regions)
        problem = whole_problem(network, domain)
        assert counted_exactly(problem, unit_order(problem, seed))[-1] == regions


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_layers_count_truncated_networks(family):
    for seed in range(20, 26):
        network, domain = random_case(family, seed, units=9)
        layers = count_tree(network, domain).regions_per_layer
        assert len(layers) == len(network.widths)
        for depth, regions in enumerate(layers, start=1):
            assert len(pr.enumerate_regions(truncated(network, depth), domain)) == regions


@pytest.mark.parametrize("known", ZOO, ids=lambda known: known.network.name)
def test_zoo(known):
    checked(count_tree(known.network, known.domain), known.regions)


@pytest.mark.slow
@pytest.mark.parametrize("case", list(slivers()), ids=lambda case: case[0])
def test_slivers(case):
    _, network, box = case
    checked(count_tree(network, box), len(walk_exactly(network, box).patterns))


@pytest.mark.parametrize("domain", ["cube", "whole space", "fixed", "slice"])
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_domains(domain, bias):
    network = he_normal((4, 8, 7), bias=bias)
    where = {
        "cube": pr.Box.cube(4, 1.0),
        "whole space": None,
        "fixed": pr.Box([-1, 0.25, -2, -1], [1, 0.25, 0.5, 3]),
        "slice": pr.Box.cube(2, 3.0),
    }[domain]
    if domain == "slice":
        network = network.on_slice(np.ones(4) / 8, np.eye(4)[:, :2] + 0.25)
    checked(count_tree(network, where), len(pr.enumerate_regions(network, where)))


def test_medium_nets():
    for shape in ((2, 24, 24), (3, 10, 10, 10), (5, 9, 9), (7, 8, 6)):
        network, box = he_normal(shape), pr.Box.cube(shape[0], 1.0)
        count = checked(count_tree(network, box), len(pr.enumerate_regions(network, box)))
        assert count.exact_decisions == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_every_order_gives_the_same_counts(family):
    for seed in range(30, 34):
        network, domain = random_case(family, seed, units=9)
        layers = count_tree(network, domain).regions_per_layer
        for order in (0, 1, 2):
            assert count_tree(network, domain, seed=order).regions_per_layer == layers


def test_orders_differ_and_stay_within_layers():
    problem = whole_problem(he_normal((3, 6, 5)), pr.Box.cube(3, 1.0))
    orders = [unit_order(problem, seed).tolist() for seed in (None, 0, 1)]
    assert orders[0] == list(range(11))
    assert len({tuple(order) for order in orders}) == 3
    for order in orders:
        assert sorted(order[:6]) == list(range(6))


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_threads_change_nothing(threads, bias):
    network, box = he_normal((4, 14, 14), bias=bias), pr.Box.cube(4, 1.0)
    alone, together = count_tree(network, box), count_tree(network, box, threads=threads)
    assert alone.regions_per_layer == together.regions_per_layer
    assert together.complete


def prefix_of(marks, units):
    """The prefix of bits, 2 for a unit that is free; so are all behind."""
    marks = np.array([*marks, *[2] * (units - len(marks))])
    return as_prefix(marks != 2, marks == 1)


def below_in_parts(problem, budget, order=None):
    """Count by prefixes: every prefix that is left is counted with the same budget."""
    waiting, total, calls = [None], 0, 0
    while waiting:
        below = count_below(problem, waiting.pop(), budget=budget, order=order)
        total, calls = total + below.counts, calls + 1
        waiting.extend(below.unexplored)
    return total[1:], calls


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("shuffled", [False, True])
def test_prefixes_add_up(family, shuffled):
    for seed in range(40, 43):
        network, domain = random_case(family, seed, units=9)
        problem = problem_of(network, domain)
        if problem.flat.units == 0:
            continue
        order = unit_order(problem, seed) if shuffled else None
        whole = count_below(problem, order=order)
        assert whole.unexplored == ()
        for budget in (1, 5, 2_000):
            parts, _ = below_in_parts(problem, budget, order)
            nonempty = np.diff([0, *problem.flat.row_ends]) > 0
            np.testing.assert_array_equal(parts[nonempty], whole.counts[1:][nonempty])


@pytest.mark.slow
def test_prefixes_of_slivers_add_up():
    for _, network, box in slivers():
        problem = problem_of(network, box)
        parts, _ = below_in_parts(problem, 1)
        assert parts[-1] == len(walk_exactly(network, box).patterns)


def test_prefixes_of_a_medium_net_add_up():
    problem = problem_of(he_normal((4, 12, 12)), pr.Box.cube(4, 1.0))
    whole = count_below(problem)
    for budget in (40, 1_000):
        parts, calls = below_in_parts(problem, budget)
        assert calls > 3
        np.testing.assert_array_equal(parts, whole.counts[1:])


def test_every_plain_prefix():
    network, box = he_normal((2, 3, 3)), pr.Box.cube(2, 1.0)
    bits = [region.bits.tolist() for region in pr.enumerate_regions(network, box)]
    problem = whole_problem(network, box)
    for length in range(7):
        for number in range(2**length):
            prefix = [number >> i & 1 for i in range(length)]
            expected = sum(region[:length] == prefix for region in bits)
            assert count_below(problem, prefix_of(prefix, 6)).counts[-1] == expected


def test_a_unit_that_vanishes_has_bit_0():
    network = Network.from_arrays([([[1.0], [0.0]], [0.0, 0.0]), ([[1.0, 1.0]], [0.0])])
    problem = whole_problem(network, pr.Box.cube(1, 1.0))
    for marks, regions in (([1, 0], 1), ([1, 1], 0), ([2, 0], 2), ([2, 1], 0)):
        prefix = prefix_of(marks, 2)
        assert count_below(problem, prefix).counts[-1] == regions
        tree = ExactTree(problem, np.arange(2), np.array([0, 0, 2]), np.zeros(2, dtype=np.int64))
        tree.push(prefix)
        while tree.stack:
            tree.step()
        assert tree.counts[-1] == regions


@pytest.mark.parametrize(
    ("mask", "value"),
    [
        ([0b1111111], [0]),  # seven units of six
        ([0b1110], [0b1100]),  # a unit of the first layer is free
        ([0b1], [0b10]),  # a bit of a unit that is free
        ([0b1, 0], [0, 0]),
    ],
)
def test_bad_prefix(mask, value):
    problem = whole_problem(he_normal((2, 3, 3)), pr.Box.cube(2, 1.0))
    prefix = Prefix(np.array(mask, dtype=np.uint64), np.array(value, dtype=np.uint64))
    with pytest.raises(pr.PolyregionsError, match="prefix"):
        count_below(problem, prefix)


def test_no_unit_varies():
    network = Network.from_arrays([([[1.0], [1.0]], [5.0, -5.0]), ([[1.0, 1.0]], [0.0])])
    checked(count_tree(network, pr.Box.cube(1, 1.0)), 1)
    problem = problem_of(network, pr.Box.cube(1, 1.0))
    assert count_below(problem).counts[-1] == 1


def test_units_that_vary_in_the_first_layer_only():
    network = Network.from_arrays(
        [([[1.0], [1.0]], [0.0, -0.5]), ([[1.0, 1.0]], [5.0]), ([[1.0]], [-50.0]), ([[1.0]], [0.0])]
    )
    count = checked(count_tree(network, pr.Box.cube(1, 1.0)), 3)
    assert count.regions_per_layer == (3, 3, 3)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("limit", [1, 7, 100])
def test_region_limit(limit, threads):
    network, box = he_normal((3, 8, 8)), pr.Box.cube(3, 1.0)
    checked(count_tree(network, box, max_regions=limit, threads=threads), limit, complete=False)


def test_a_limit_that_is_not_reached_leaves_the_count_complete():
    network, box = he_normal((2, 4, 4)), pr.Box.cube(2, 1.0)
    regions = count_tree(network, box).regions
    checked(count_tree(network, box, max_regions=regions), regions)
    checked(count_tree(network, box, max_regions=regions - 1), regions - 1, complete=False)


@pytest.mark.parametrize("threads", [1, 2])
def test_time_limit(threads):
    network, box = he_normal((6, 24, 24)), pr.Box.cube(6, 1.0)
    count = count_tree(network, box, time_limit=0.05, threads=threads)
    assert not count.complete
    assert count.regions > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_interrupt(threads):
    network, box = he_normal((6, 24, 24)), pr.Box.cube(6, 1.0)
    started = threading.Event()

    def interrupt():
        started.wait()
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    count = count_tree(
        network,
        box,
        progress=lambda _: started.set(),
        time_limit=60,
        threads=threads,
        on_interrupt="return",
    )
    thread.join()
    assert not count.complete
    assert count.regions > 0
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_progress_counts_up():
    seen = []
    network, box = he_normal((4, 14, 14)), pr.Box.cube(4, 1.0)
    count = count_tree(network, box, progress=seen.append)
    assert seen[-1].regions == count.regions
    assert seen[-1].frontier == 0
    assert [p.regions for p in seen] == sorted(p.regions for p in seen)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_regions": 0}, "limit on regions"),
        ({"time_limit": 0.0}, "time limit"),
        ({"time_limit": float("nan")}, "time limit"),
        ({"threads": 0}, "number of threads"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(pr.PolyregionsError, match=message):
        count_tree(he_normal((2, 3)), pr.Box.cube(2, 1.0), **options)


def test_count_regions_is_an_integer():
    network, box = he_normal((2, 6, 6)), pr.Box.cube(2, 1.0)
    count = pr.count_regions(network, box, threads=2)
    assert count == len(pr.enumerate_regions(network, box))
    assert isinstance(count, int)


# the command line


def run(capsys, *args):
    code = main([str(arg) for arg in args])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


@pytest.fixture(scope="module")
def deep_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("nets") / "deep.npz"
    arrays = {}
    for index, layer in enumerate(he_normal((3, 8, 8)).layers):
        arrays |= {f"W{index}": layer.weight, f"b{index}": layer.bias}
    np.savez(path, **arrays)
    return path


def test_count_json(capsys, deep_file):
    results = {}
    for method in ("bfs", "tree"):
        code, out, _ = run(capsys, "count", deep_file, "--method", method, "--json")
        assert code == 0
        results[method] = json.loads(out)
    tree, bfs = results["tree"], results["bfs"]
    assert tree["method"] == "tree"
    assert tree["edges"] is None
    assert tree["regions"] == bfs["regions"] == tree["regions_per_layer"][-1]
    assert tree["complete"]
    assert tree["proven"]
    assert set(tree) - set(bfs) == {"regions_per_layer", "at_most"}
    assert tree["at_most"] == tree["regions"]


def test_count_text(capsys, deep_file):
    code, out, _ = run(capsys, "count", deep_file, "--method", "tree")
    layers = count_tree(he_normal((3, 8, 8)), pr.Box.cube(3, 1.0)).regions_per_layer
    assert code == 0
    assert f"{layers[-1]:,} regions (proven)" in out
    assert f"of the first layers: {layers[0]:,}, {layers[1]:,}" in out


def test_a_budget_of_memory_is_for_walks(capsys, deep_file):
    code, out, err = run(capsys, "count", deep_file, "--method", "tree", "--memory", "1G")
    assert (code, out) == (2, "")
    assert "--memory" in err
    assert "leave it out" in err


def test_count_stopped_by_a_limit(capsys, deep_file):
    code, out, err = run(capsys, "count", deep_file, "--method", "tree", "--max-regions", 10)
    assert code == 3
    assert "at least 10 regions (proven, partial)" in out
    assert "not all" in err


@pytest.mark.parametrize(
    ("net", "box", "regions"), [("vdp", "vdp_0", 21019), ("lunarlander", "lunarlander_1", 941)]
)
def test_real_networks(shared_data, net, box, regions):
    pytest.importorskip("onnx", reason="reading ONNX needs the extra 'onnx'")
    from polyregions.io.vnnlib import load_box

    network = pr.load(shared_data / "nets" / f"{net}.onnx")
    domain = load_box(shared_data / "boxes" / f"{box}.vnnlib").box
    checked(count_tree(network, domain), regions)


def bundles(seed: int) -> tuple[pr.Network, pr.Box]:
    """Hyperplanes that nearly coincide, near one point: dictionaries drift with every pivot."""
    rng = np.random.default_rng(seed)
    m, k = int(rng.integers(3, 5)), int(rng.integers(4, 9))
    two = rng.normal(size=(2, m))
    normals = two[rng.integers(0, 2, size=k)] * rng.choice([1, -1, 2.0, 0.3], size=(k, 1))
    apart = rng.choice([0, 1e-4, 1e-7, 1e-8, 3e-9, 2e-9, 1e-9, 5e-10], size=(k, 1))
    normals = normals + apart * rng.normal(size=(k, m))
    offsets = -(normals @ rng.uniform(-0.5, 0.5, size=m))
    offsets += rng.choice([0, 1e-15, 1e-13, 1e-12, 1e-11, 1e-10], size=k) * rng.normal(size=k)
    second = rng.integers(-1, 2, size=(4, k)).astype(float), rng.integers(-1, 2, size=4) * 1.0
    layers = [(normals, offsets), second, (np.ones((1, 4)), [0.0])]
    return pr.Network.from_arrays(layers), pr.Box.cube(m, 1.0)


@pytest.mark.parametrize("seed", [969, 1000, 1159])
def test_a_witness_is_on_the_side_that_is_claimed(seed, monkeypatch):
    """Of splits decided in integers: the vertex at hand goes to where a proof puts it."""
    claimed = []
    split = subtree.split_near

    def watched(tree, depth, level, position, near, gap):
        unit = int(tree.ids[level, tree.row_at[depth, position]])
        point = [Fraction(float(value)) for value in tree.witnesses[depth]]
        claimed.append((near, unit, level, tree.bits.copy(), point))
        split(tree, depth, level, position, near, gap)

    monkeypatch.setattr(subtree, "split_near", watched)
    network, box = bundles(seed)
    count = pr.count_tree(network, box, max_regions=200)
    assert count.regions > 50
    assert len(claimed) > 5
    problem = problem_of(network, box)
    starts = np.concatenate([[0, 0], problem.flat.row_ends])
    order = np.arange(problem.flat.units)
    exact = ExactTree(problem, order, starts, np.zeros(len(starts) - 1, dtype=np.int64))
    for near, unit, level, bits, point in claimed:
        units, _ = exact.rows(bits, level)
        assert (evaluate(units[unit], column_of(point)) > 0) == (near == 1)
