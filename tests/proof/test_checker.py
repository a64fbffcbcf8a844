"""Change a valid certificate in one place: the checker must refuse and say what fails."""

import ast
import hashlib
import sys
from fractions import Fraction
from functools import cache
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from oracles import layers_of
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.files.archives import write_npz
from polyregions.proof import certificate_file, checker, tree_bounds, tree_checker
from polyregions.proof.certificate import certificate_arrays
from polyregions.proof.checker import Refused, check

FAMILIES_HERE = [family for family in FAMILIES if not family.startswith("scaled")]


@cache
def certified(family):
    """A network of the family with some dozens of regions, and the arrays of its certificate."""
    for seed in count():
        network, domain = random_case(family, seed)
        if network.input_dimension > 1:
            regions = pr.enumerate_regions(network, domain)
            if 10 < len(regions) < 80:
                return network, certificate_arrays(regions)
    raise AssertionError(family)


@pytest.fixture(params=FAMILIES_HERE)
def case(request):
    network, arrays = certified(request.param)
    return network, {key: array.copy() for key, array in arrays.items()}


@pytest.fixture
def rng():
    return np.random.default_rng(11)


@pytest.fixture
def replay(tmp_path):
    """Write arrays and check them."""

    def replay(network, arrays):
        with (tmp_path / "net.cert").open("wb") as stream:
            write_npz(stream, arrays)
        return check(layers_of(network), tmp_path / "net.cert")

    return replay


@pytest.fixture
def verdict(replay):
    """Why arrays are refused, or None."""

    def verdict(network, arrays):
        try:
            replay(network, arrays)
        except Refused as refusal:
            return str(refusal)
        return None

    return verdict


def signed(network, arrays):
    """Sign a certificate for another network or domain, as a forger would."""
    arrays["network"] = np.array(network.fingerprint)
    text = bytes.fromhex(network.fingerprint) + arrays["domain"].tobytes()
    arrays["claim"] = np.array(hashlib.sha256(text).hexdigest())
    return arrays


def assert_true(network, arrays):
    """Compare with a walk of its own what a certificate claims."""
    domain = pr.Box(*arrays["domain"]) if len(arrays["domain"]) else None
    truth = pr.enumerate_regions(network, domain)
    np.testing.assert_array_equal(truth.patterns, arrays["patterns"])
    np.testing.assert_array_equal(truth.edges, arrays["edges"])


def without_edges(arrays, keep):
    """Keep some edges only, with all that belongs to them."""
    starts = np.cumsum(arrays["edge_counts"]) - arrays["edge_counts"]
    units = [arrays["edge_units"][starts[e] : starts[e] + arrays["edge_counts"][e]] for e in keep]
    rank = {f"{e:x}": k for k, e in enumerate(keep)}
    exact = [[f"{rank[e]:x}", *texts] for e, *texts in arrays["exact_points"].tolist() if e in rank]
    columns = arrays["exact_points"].shape[1]
    return arrays | {
        "edges": arrays["edges"][keep],
        "edge_points": arrays["edge_points"][keep],
        "edge_counts": arrays["edge_counts"][keep],
        "edge_units": np.concatenate([arrays["edge_units"][:0], *units]),
        "exact_points": np.array(exact, dtype=str).reshape(len(exact), columns),
    }


def without_region(arrays, region):
    """Forget a region, its edges and its proofs, and number the others again."""
    edges = arrays["edges"]
    arrays = without_edges(arrays, np.flatnonzero((edges != region).all(axis=1)).tolist())
    starts = np.cumsum(arrays["base_counts"].astype(int)) - arrays["base_counts"]
    bases = np.ones(len(arrays["bases"]), dtype=bool)
    bases[starts[region] : starts[region] + arrays["base_counts"][region]] = False
    arrays["edges"] = arrays["edges"] - (arrays["edges"] > region)
    arrays["bases"] = arrays["bases"][bases]
    for key in ("patterns", "witnesses", "proofs", "base_counts"):
        arrays[key] = np.delete(arrays[key], region, axis=0)
    exact = [
        [f"{int(r, 16) - (int(r, 16) > region):x}", *texts]
        for r, *texts in arrays["exact_witnesses"].tolist()
        if int(r, 16) != region
    ]
    columns = arrays["exact_witnesses"].shape[1]
    arrays["exact_witnesses"] = np.array(exact, dtype=str).reshape(len(exact), columns)
    return arrays


def test_the_untouched_certificates_are_valid(case, replay):
    network, arrays = case
    report = replay(network, arrays)
    assert report.regions == len(arrays["patterns"])


def test_a_dropped_region(case, replay):
    network, arrays = case
    for region in range(0, len(arrays["patterns"]), 3):
        with pytest.raises(Refused, match="neither a proof nor an edge"):
            replay(network, without_region(arrays, region))


@pytest.mark.slow
def test_a_dropped_edge(case, replay):
    network, arrays = case
    edges = range(len(arrays["edges"]))
    for dropped in edges[::3]:
        with pytest.raises(Refused, match="neither a proof nor an edge"):
            replay(network, without_edges(arrays, [e for e in edges if e != dropped]))


@pytest.mark.slow
def test_a_dropped_proof(case, replay, rng):
    network, arrays = case
    rows = rng.permutation(np.argwhere(arrays["proofs"] != -1))[:15]
    for r, i in rows:
        proofs = arrays["proofs"].copy()
        proofs[r, i] = -1
        what = "has neither a proof nor an edge|is not positive at the witness"
        with pytest.raises(Refused, match=f"region {r}: row {i} ({what})"):
            replay(network, arrays | {"proofs": proofs})


@pytest.mark.slow
def test_a_facet_with_a_proof_that_it_is_none(case, replay, rng):
    network, arrays = case
    dimension = arrays["bases"].shape[1]
    for r, i in rng.permutation(np.argwhere(arrays["proofs"] == -1))[:6]:
        for forged in (*range(arrays["base_counts"][r]), -2, *range(-3, -3 - 2 * dimension, -1)):
            proofs = arrays["proofs"].copy()
            proofs[r, i] = forged
            with pytest.raises(Refused, match=rf"region {r}: row {i} |row {i} of region {r} "):
                replay(network, arrays | {"proofs": proofs})


def test_a_dropped_region_hidden_by_forged_proofs(case, replay, rng):
    # its neighbours claim with every basis they have that nothing is there
    network, arrays = case
    region = int(rng.integers(len(arrays["patterns"])))
    left = without_region(arrays, region)
    covered = {tuple(edge) for edge in arrays["edges"].tolist()}
    neighbors = [a + b - region for a, b in covered if region in (a, b)]
    for basis in range(4):
        proofs = left["proofs"].copy()
        for r in neighbors:
            r -= r > region
            if basis < left["base_counts"][r]:
                proofs[r, proofs[r] == -1] = basis
        with pytest.raises(Refused, match="region"):
            replay(network, left | {"proofs": proofs})


def test_a_flipped_bit(case, replay, rng):
    network, arrays = case
    for _ in range(12):
        patterns = arrays["patterns"].copy()
        place = int(rng.integers(len(patterns)))
        patterns[place, 0] ^= np.uint64(1) << np.uint64(rng.integers(network.hidden_units))
        with pytest.raises(Refused, match="region"):
            replay(network, arrays | {"patterns": patterns})
    patterns = arrays["patterns"].copy()
    patterns[-1, -1] |= np.uint64(1) << np.uint64(63)
    with pytest.raises(Refused, match="too many bits"):
        replay(network, arrays | {"patterns": patterns})


def test_a_moved_witness(case, replay, rng):
    network, arrays = case
    arrays["exact_witnesses"] = arrays["exact_witnesses"][:0]
    for _ in range(12):
        first, second = rng.choice(len(arrays["patterns"]), 2, replace=False)
        witnesses = arrays["witnesses"].copy()
        witnesses[first] = witnesses[second]
        with pytest.raises(Refused, match="is not positive at the witness"):
            replay(network, arrays | {"witnesses": witnesses})
    witnesses = arrays["witnesses"].copy()
    witnesses[0] = np.inf
    with pytest.raises(Refused, match="not finite"):
        replay(network, arrays | {"witnesses": witnesses})


def test_a_duplicated_region(case, replay):
    network, arrays = case
    for region in range(0, len(arrays["patterns"]), 5):
        again = arrays.copy()
        for key in ("patterns", "witnesses", "proofs", "base_counts"):
            again[key] = np.insert(arrays[key], region, arrays[key][region], axis=0)
        starts = np.cumsum(arrays["base_counts"].astype(int)) - arrays["base_counts"]
        stop = starts[region] + arrays["base_counts"][region]
        again["bases"] = np.insert(
            arrays["bases"], stop, arrays["bases"][starts[region] : stop], axis=0
        )
        again["edges"] = arrays["edges"] + (arrays["edges"] >= region)
        with pytest.raises(Refused, match=f"region {region} is not above the next one|the number"):
            replay(network, again)


def test_a_changed_box(case, replay, verdict):
    network, arrays = case
    if not len(arrays["domain"]):
        arrays["domain"] = np.array([[-9.0], [9.0]]).repeat(network.input_dimension, axis=1)
        wrong = [arrays["domain"]]
    else:
        low, high = arrays["domain"]
        wrong = [np.stack(b) for b in ((low, np.nextafter(high, 9)), (low, high * 2), (low, low))]
        wrong.append(np.zeros((0, network.input_dimension)))
    for domain in wrong:
        with pytest.raises(Refused, match="the domain is not the certified one"):
            replay(network, arrays | {"domain": domain})
    # signed by a forger, it is valid only if it happens to be true
    for domain in wrong:
        if verdict(network, signed(network, arrays | {"domain": domain})) is None:
            assert_true(network, arrays | {"domain": domain})


def test_another_network(case, replay):
    network, arrays = case
    changed = nudged(network, np.random.default_rng(0), relative=2.0**-52)
    with pytest.raises(Refused, match="another network"):
        replay(changed, arrays)


def nudged(network, rng, relative):
    """Change one non-zero weight of a hidden layer."""
    layers = list(network.layers)
    place = int(rng.integers(len(layers) - 1))
    weight = layers[place].weight.copy()
    nonzero = np.argwhere(weight)
    if len(nonzero):
        weight[tuple(nonzero[rng.integers(len(nonzero))])] *= 1.0 + relative
    else:
        weight[0, 0] = 1.0
    old = layers[place]
    layers[place] = pr.Layer.with_slopes(weight, old.bias, old.lower, old.upper)
    return pr.Network(tuple(layers), name=network.name)


def test_a_forged_signature_proves_nothing_false(case, verdict):
    # a certificate signed for a changed network is valid only if it is true there
    network, arrays = case
    refused = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        changed = nudged(network, rng, relative=float(rng.choice([2.0**-52, 1e-6, 0.1, -2.0])))
        if verdict(changed, signed(changed, arrays.copy())) is not None:
            refused += 1
            continue
        assert_true(changed, arrays)
    assert refused


def test_swapped_neighbors(case, replay, rng):
    network, arrays = case
    edges = arrays["edges"]
    known = {tuple(edge) for edge in edges.tolist()}
    tried = 0
    for _ in range(200):
        e, f = rng.choice(len(edges), 2, replace=False)
        swapped = edges.copy()
        swapped[[e, f], 1] = edges[[f, e], 1]
        pairs = [tuple(edge) for edge in swapped.tolist()]
        if known == set(pairs) or any(a >= b for a, b in pairs) or len(set(pairs)) < len(pairs):
            continue
        order = sorted(range(len(pairs)), key=pairs.__getitem__)
        moved = without_edges(arrays | {"edges": swapped}, order)
        with pytest.raises(Refused, match=r"^edge"):
            replay(network, moved)
        tried += 1
        if tried == 12:
            break


def test_a_phantom_edge(case, replay, rng):
    # two regions that share no facet, joined with all the evidence there is
    network, arrays = case
    count = len(arrays["patterns"])
    known = {tuple(edge) for edge in arrays["edges"].tolist()}
    for _ in range(12):
        a, b = sorted(rng.choice(count, 2, replace=False).tolist())
        differ = arrays["patterns"][a, 0] ^ arrays["patterns"][b, 0]
        units = [i for i in range(network.hidden_units) if int(differ) >> i & 1]
        if (a, b) in known:
            continue
        point = (arrays["witnesses"][a] + arrays["witnesses"][b]) / 2
        forged = arrays | {
            "edges": np.vstack([arrays["edges"], [[a, b]]]),
            "edge_points": np.vstack([arrays["edge_points"], [point]]),
            "edge_counts": np.append(arrays["edge_counts"], len(units)),
            "edge_units": np.append(arrays["edge_units"], units).astype(np.int64),
        }
        pairs = [tuple(edge) for edge in forged["edges"].tolist()]
        order = sorted(range(len(pairs)), key=pairs.__getitem__)
        with pytest.raises(Refused, match="edge"):
            replay(network, without_edges(forged, order))


def test_an_edge_with_other_units(case, verdict, rng):
    network, arrays = case
    for _ in range(12):
        units = arrays["edge_units"].copy()
        place = int(rng.integers(len(units)))
        units[place] = (units[place] + rng.integers(1, network.hidden_units)) % network.hidden_units
        if len(set(units)) == len(units) == 1:
            continue
        refusal = verdict(network, arrays | {"edge_units": units})
        if refusal is not None:
            assert refusal.startswith(("edge", "region"))
        else:
            # the same set of units in another order
            ends = np.cumsum(arrays["edge_counts"])
            edge = int(np.searchsorted(ends, place, side="right"))
            mine = slice(ends[edge] - arrays["edge_counts"][edge], ends[edge])
            assert set(units[mine]) == set(arrays["edge_units"][mine])


def test_an_edge_whose_point_is_elsewhere(case, replay, rng):
    network, arrays = case
    arrays["exact_points"] = arrays["exact_points"][:0]
    for _ in range(10):
        points = arrays["edge_points"].copy()
        e, r = int(rng.integers(len(points))), int(rng.integers(len(arrays["patterns"])))
        points[e] = arrays["witnesses"][r]
        if r in arrays["edges"][e]:
            continue  # it may be near enough
        with pytest.raises(Refused, match=f"edge {e}: row"):
            replay(network, arrays | {"edge_points": points})


RANDOM_KEYS = [
    "patterns",
    "witnesses",
    "proofs",
    "bases",
    "base_counts",
    "edges",
    "edge_points",
    "edge_units",
    "edge_counts",
]


@pytest.mark.slow
def test_hundreds_of_random_changes(case, verdict):
    # whatever is accepted still lists exactly the true regions and edges
    network, arrays = case
    rng = np.random.default_rng(99)
    refused = 0
    for _ in range(60):
        changed = {key: array.copy() for key, array in arrays.items()}
        key = RANDOM_KEYS[rng.integers(len(RANDOM_KEYS))]
        flat = changed[key].reshape(-1)
        place = int(rng.integers(len(flat)))
        if flat.dtype.kind == "f":
            flat[place] *= rng.choice([1.0 + 1e-3, -1.0, 0.0, 1e3, np.nan])
            flat[place] += rng.choice([0.0, 1e-9, 1.0])
        elif flat.dtype.kind == "u":
            flat[place] ^= np.uint64(1) << np.uint64(rng.integers(64))
        else:
            flat[place] = rng.choice(
                [flat[place] + 1, flat[place] - 1, flat[rng.integers(len(flat))]]
            )
        refusal = verdict(network, changed)
        if refusal is not None:
            refused += 1
            assert "\n" not in refusal
        else:
            for same in ("patterns", "edges", "domain"):
                np.testing.assert_array_equal(changed[same], arrays[same])
    assert refused > 10


@pytest.mark.slow
def test_damaged_files(tmp_path):
    network, arrays = certified("duplicates")
    path = tmp_path / "net.cert"
    with path.open("wb") as stream:
        write_npz(stream, arrays)
    whole = path.read_bytes()
    report = check(layers_of(network), path)
    rng = np.random.default_rng(4)
    for size in rng.integers(len(whole), size=60):
        path.write_bytes(whole[:size])
        with pytest.raises(Refused, match="damaged"):
            check(layers_of(network), path)
    for place, bit in zip(
        rng.integers(len(whole), size=400), rng.integers(8, size=400), strict=True
    ):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << bit
        path.write_bytes(damaged)
        try:
            found = check(layers_of(network), path)
        except Refused:
            continue
        # a byte that nobody reads, such as the time of day
        assert (found.regions, found.edges) == (report.regions, report.edges)
        read = certificate_file.read_members(path, checker.ARRAYS, checker.FORMAT, checker.VERSION)
        assert read.keys() == arrays.keys()
        for key, array in read.items():
            np.testing.assert_array_equal(array, arrays[key])


def test_objects_are_never_unpickled(tmp_path):
    network, arrays = certified("generic")
    path = tmp_path / "net.cert"
    with path.open("wb") as stream:
        write_npz(stream, arrays)
    np.savez(tmp_path / "evil.npz", **(arrays | {"proofs": np.array([{}], dtype=object)}))
    with pytest.raises(
        Refused, match="proofs is no array of numbers or text: nothing is unpickled"
    ):
        check(layers_of(network), tmp_path / "evil.npz")


def test_missing_and_foreign_files(tmp_path):
    network, arrays = certified("generic")
    with pytest.raises(FileNotFoundError):
        check(layers_of(network), tmp_path / "none.cert")
    np.savez(tmp_path / "a.npz", W0=np.eye(2))
    with pytest.raises(Refused, match="not a certificate"):
        check(layers_of(network), tmp_path / "a.npz")
    for key in ("proofs", "witnesses", "edges", "bases", "exact_points"):
        for array in (arrays[key][:-1], arrays[key].astype(complex), arrays[key].ravel()):
            if len(array) == len(arrays[key]) and array.dtype == arrays[key].dtype:
                continue
            with (tmp_path / "net.cert").open("wb") as stream:
                write_npz(stream, arrays | {key: array})
            with pytest.raises(Refused):
                check(layers_of(network), tmp_path / "net.cert")


@pytest.mark.parametrize("module", [checker, tree_checker, tree_bounds, certificate_file])
def test_the_checkers_stand_alone(module):
    source = Path(module.__file__).read_text(encoding="utf-8")
    apart = {certificate_file.__name__, tree_bounds.__name__}
    allowed = {"numpy", "flint", *sys.stdlib_module_names}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            assert {alias.name.partition(".")[0] for alias in node.names} <= allowed
        elif isinstance(node, ast.ImportFrom) and node.module not in apart:
            assert node.level == 0
            assert (node.module or "").partition(".")[0] in allowed
    assert not any(word in source for word in ("importlib", "__import__", "allow_pickle=True"))


def test_edges_that_join_no_two_regions(case, replay):
    network, arrays = case
    count = len(arrays["patterns"])
    for wrong in ([0, 0], [1, 0], [-1, 1], [0, count], [count, count + 1]):
        edges = arrays["edges"].copy()
        edges[-1] = wrong
        with pytest.raises(Refused, match=r"edge \d+ (does not join two regions|is not above)"):
            replay(network, arrays | {"edges": edges})
    edges = arrays["edges"].copy()
    edges[0] = edges[0, ::-1]
    with pytest.raises(Refused, match="edge 0 does not join two regions"):
        replay(network, arrays | {"edges": edges})


def test_a_point_of_an_edge_must_be_near_it_in_the_whole_space(replay):
    # the hyperplane is x = -1e9: from 1e9 the straight way to it leaves the cone t > 0
    network = pr.Network.from_arrays([([[1e-9]], [1.0]), ([[1.0]], [0.0])])
    arrays = certificate_arrays(pr.enumerate_regions(network, None))
    assert replay(network, arrays).edges == 1
    with pytest.raises(Refused, match="is not positive at the point"):
        replay(network, arrays | {"edge_points": np.array([[1e9]])})


def test_the_bounds_on_rows_hold_and_are_not_trivial():
    # the first bending layer cancels most of the front, so that errors from below outweigh
    # those of the layers' own sums; its slopes are no powers of two
    rng = np.random.default_rng(6)
    near = rng.normal(size=(1, 3)) + rng.normal(size=(6, 3)) * 1e-9
    mixed = rng.normal(size=(6, 6))
    mixed -= mixed.mean(axis=1, keepdims=True)
    network = pr.Network(
        (
            pr.Layer.affine(near, rng.normal(size=1) + rng.normal(size=6) * 1e-9),
            pr.Layer.with_slopes(mixed, rng.normal(size=6) * 1e-10, 0.3, 1.1),
            pr.Layer.relu(rng.normal(size=(6, 6)), rng.normal(size=6) * 1e-10),
            pr.Layer.affine(np.ones((1, 6)), [0.0]),
        )
    )
    arrays = certificate_arrays(pr.enumerate_regions(network, pr.Box.cube(3, 1.0)))
    layers = layers_of(network)
    run = checker._Check(arrays, layers)
    batch = run._batch(0, len(arrays["patterns"]))
    assert batch.good.all()
    # integer rows are the exact ones times the layers' factors
    weights = [certificate_file.common_exponent(w, b) for w, b, _, _ in layers]
    slopes = [certificate_file.common_exponent(low, up) for _, _, low, up in layers]
    ratios: list[list[float]] = [[], []]
    for r in range(len(arrays["patterns"])):
        for i, row in enumerate(run.exact_rows(r)[: run.units]):
            depth = 1 + i // 6
            scale = 1 << (sum(weights[: depth + 1]) + sum(slopes[:depth]))
            for k, entry in enumerate(row):
                exact = Fraction(int(entry), scale)
                error = abs(Fraction(float(batch.rows[r, i, k])) - exact)
                bound = Fraction(float(batch.errors[r, i, k]))
                assert error <= bound
                ratios[depth - 1].append(float(error / bound))
    assert min(map(max, ratios)) > 0.005


def test_it_evaluates_pass_through_layers_and_ignores_what_follows_the_last_bend(replay):
    rng = np.random.default_rng(1)
    front = pr.Layer.affine(rng.normal(size=(3, 2)), rng.normal(size=3))
    middle = pr.Layer.with_slopes(
        rng.normal(size=(4, 3)), rng.normal(size=4), -0.25, [1, 1, 2, -0.25]
    )
    after = pr.Layer.affine(rng.normal(size=(3, 4)), rng.normal(size=3))
    bend = pr.Layer.with_slopes(rng.normal(size=(4, 3)), rng.normal(size=4), -1.0, 1.0)
    last = [pr.Layer.affine(np.ones((2, 4)), [1.0, 2.0]), pr.Layer.affine(np.ones((1, 2)), [1.0])]
    network = pr.Network((front, middle, after, bend, *last))
    for domain in (pr.Box.cube(2, 2.0), None):
        regions = pr.enumerate_regions(network, domain)
        report = replay(network, certificate_arrays(regions))
        assert (report.regions, report.exact) == (len(regions), 0)
        assert len(regions) > 5
