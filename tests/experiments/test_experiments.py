"""The experiments: exact rows, runs that resume, figures that show the table."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import polyregions as pr
from polyregions.analysis.distances import boundary_distances
from polyregions.cli import main
from polyregions.errors import (
    CheckpointError,
    FormatError,
    MissingExtraError,
    PartialResultError,
    PolyregionsError,
)
from polyregions.experiments import NAMES, RegionTracker, experiment
from polyregions.experiments.births import common
from polyregions.experiments.data import (
    Images,
    all_regions,
    counts,
    line_from_origin,
    line_through,
    load_images,
    random_rows,
    shuffled_labels,
    split_images,
    through,
)
from polyregions.experiments.evolution import BIAS_DEVIATION, initial_parameters, rng_of, trained
from polyregions.experiments.memorisation import points_job
from polyregions.experiments.runner import Configuration, Job, Unit, overridden, run_jobs
from polyregions.io.tables import write_table

# the smallest configuration of each: seconds for all of them together
TINY = {
    "regions-in-a-plane": ["widths=[4,3]", "runs=3"],
    "training": ["architectures=[[4,4],[5]]", "epochs=[0,0.5,1]", "runs=1", "planes=2"],
    "label-corruption": ["widths=[5]", "shares=[0,1]", "epochs=[0,1]", "runs=1", "lines=2"],
    "memorisation": ["widths=[4,3]", "samples=[5,9]", "epochs=[0,2]", "runs=1"],
    "learning-rate": ["widths=[4,3]", "samples=9", "rates=[0.001,0.01]", "epochs=[0,2]", "runs=1"],
    "scale": ["widths=[4,3]", "powers=2", "runs=2"],
    "lines": ["architectures=[[4,3]]", "epochs=[0,1]", "runs=1", "lines=2"],
    "distance": ["architectures=[[4,3]]", "epochs=[0,1]", "runs=1", "points=5"],
    "sawtooth": ["depths=[1,3]", "noises=[0,0.5]", "runs=3"],
    "dimensions": [
        "dimensions=[3,4]", "architectures=[[4,3],[5]]", "epochs=[0,1]", "runs=1", "subspaces=1",
    ],
    "depth": [
        "dimensions=[2,3]", "units=[6,5]", "depths=[1,2]", "epochs=[0,1]", "runs=1", "subspaces=1",
    ],
    "births": ["architectures=[[4,3]]", "epochs=[0,0.5,1]", "runs=1", "planes=2"],
}  # fmt: skip
WITHOUT_TORCH = ("regions-in-a-plane", "scale", "sawtooth")


def tiny(name):
    config = experiment(name).Config()
    for assignment in TINY[name]:
        config = overridden(config, assignment)
    return config


def needs_torch(name=""):
    if name not in WITHOUT_TORCH:
        pytest.importorskip("torch", reason="training needs torch: pip install polyregions[torch]")


@pytest.fixture(scope="module")
def images():
    """Images of twelve pixels, of which some are always black, and their labels."""
    rng = np.random.default_rng(5)
    pixels = np.round(rng.uniform(size=(300, 12)) * 255) / 255
    pixels[:, 3] = 0
    return Images("random", pixels, np.arange(300) % 10)


def run(name, images, **options):
    needs_torch(name)
    return experiment(name).run(tiny(name), data=images, **options)


def rows_of(table):
    return [
        dict(zip(table, row, strict=True))
        for row in zip(*(column.tolist() for column in table.values()), strict=True)
    ]


# --- every experiment ------------------------------------------------------------------


def test_every_experiment_has_a_tiny_configuration():
    assert list(TINY) == list(NAMES)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_table_findings_and_figure(name, images, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    module = experiment(name)
    table = run(name, images)
    rows = rows_of(table)
    assert len(rows) > 1
    for row in rows:
        assert row["seed"] == 0
        assert len(row["network"]) == 16
        if name != "distance":
            assert row["proven"] is True
            assert row.get("complete", True) is True
            assert row["exact_decisions"] >= 0
    findings = module.findings(table)
    assert findings
    assert all(isinstance(line, str) and "nan" not in line for line in findings)
    drawing = module.figure(table)
    drawing.draw_without_rendering()
    assert drawing.axes
    # what tells the curves apart hides none of them, and is all there
    assert all(axes.get_legend() is None for axes in drawing.axes)
    boxes = [legend.get_window_extent() for legend in drawing.legends]
    assert not any(box.overlaps(axes.get_tightbbox()) for box in boxes for axes in drawing.axes)
    assert all(box.x0 >= 0 and box.x1 <= drawing.bbox.x1 for box in boxes)
    write_table(table, tmp_path / "table.csv")
    assert len((tmp_path / "table.csv").read_text().splitlines()) == len(rows) + 1
    assert module.Config.full(seed=3).seed == 3


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_a_stopped_run_is_resumed_to_the_same_table(name, images, tmp_path):
    whole = rows_of(run(name, images))
    file = tmp_path / "rows.jsonl"
    seen = []

    def stop(done, total, key):
        seen.append(key)
        if done == len(whole) - 1 or done == 1:
            raise KeyboardInterrupt

    for kept in (1, len(whole) - 1):
        with pytest.raises(KeyboardInterrupt, match=f"stopped after {kept} of {len(whole)} rows"):
            run(name, images, file=file, progress=stop)
    assert rows_of(run(name, images, file=file, progress=lambda *at: seen.append(at[2]))) == whole
    # nothing was made twice
    assert set(Counter(seen).values()) == {1}
    assert len(seen) == len(whole)
    # a finished run needs no work at all
    before = file.read_bytes()
    assert rows_of(run(name, images, file=file, progress=seen.append)) == whole
    assert file.read_bytes() == before


@pytest.mark.slow
def test_the_seed_decides_everything(images):
    needs_torch()
    config = tiny("training")
    module = experiment("training")
    one, same = (rows_of(module.run(config, data=images)) for _ in range(2))
    other = rows_of(module.run(replace(config, seed=1), data=images))
    assert one == same
    assert {row["network"] for row in one}.isdisjoint(row["network"] for row in other)
    # a row does not depend on what else is run
    alone = rows_of(module.run(overridden(config, "architectures=[[5]]"), data=images))
    assert alone == [row for row in one if row["widths"] == "5"]


def test_no_experiment_imports_torch_before_it_trains():
    code = (
        "import sys; from polyregions.experiments import NAMES, experiment\n"
        "for name in NAMES: experiment(name).Config()\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert not loaded & {"torch", "sklearn", "matplotlib", "pyarrow", "numba", "typer"}


# --- what the columns say --------------------------------------------------------------


@pytest.mark.slow
def test_training_counts_the_plane_through_the_images_of_the_row(images):
    torch = pytest.importorskip("torch", reason="training needs torch")
    threads = torch.get_num_threads()
    rows = rows_of(run("training", images))
    assert torch.get_num_threads() == threads  # one thread for the training alone
    assert [row["epoch"] for row in rows[:6]] == [0.0, 0.0, 0.5, 0.5, 1.0, 1.0]
    assert [row["step"] for row in rows[:6:2]] == [0, 1, 2]  # two batches of 128 in 300
    row = rows[1]
    assert (row["widths"], row["units"], row["run"], row["subspace"]) == ("4-4", 8, 0, 1)
    # the start of the training, by hand
    parameters = initial_parameters((12, 4, 4, 10), rng_of(0, 1, 0, 4, 4))
    net = pr.Network.from_arrays(parameters)
    assert net.fingerprint[:16] == row["network"]
    first, second = images.pixels[[int(word) for word in row["images"].split()]]
    length = 1.25 * max(np.linalg.norm(first), np.linalg.norm(second))
    plane = through(np.array([first, second]))
    assert np.allclose(plane.basis.T @ plane.basis, length**2 * np.eye(2))
    # both images lie on it
    for image in (first, second):
        there, residual, *_ = np.linalg.lstsq(plane.basis, image)
        assert residual == pytest.approx(0.0, abs=1e-20)
        assert np.abs(there).max() <= 20
    on_plane = net.on_slice(plane.origin, plane.basis)
    assert row["window"] == len(pr.enumerate_regions(on_plane, pr.Box.cube(2, 20.0)))
    assert row["whole"] == len(pr.enumerate_regions(on_plane, None))
    assert row["whole_ratio"] == row["whole"] / (8**2 / 2)


def test_the_window_is_not_the_whole_plane(images, monkeypatch):
    needs_torch()
    monkeypatch.setattr("polyregions.experiments.data.HALF_SIDE", 1e-3)
    rows = [row for row in rows_of(run("training", images)) if row["epoch"] == 1.0]
    assert all(row["window"] <= row["whole"] for row in rows)
    assert any(row["window"] < row["whole"] for row in rows)


def test_dimensions_and_depth_say_what_they_counted(images):
    needs_torch()
    rows = rows_of(run("dimensions", images))
    assert {(row["n"], row["widths"], len(row["images"].split())) for row in rows} == {
        (3, "4-3", 3),
        (4, "5", 4),
    }
    for row in rows:
        scale = row["units"] ** row["n"] / {3: 6, 4: 24}[row["n"]]
        assert row["window_ratio"] == pytest.approx(row["window"] / scale)
        assert row["window"] <= row["whole"]
    depths = rows_of(run("depth", images))
    assert {(row["depth"], row["widths"]) for row in depths if row["n"] == 2} == {
        (1, "6"),
        (2, "3-3"),
    }
    # one layer through general points, N = 6 lines: at most the cells of an arrangement
    assert all(row["whole"] <= 22 for row in depths if row["n"] == 2 and row["depth"] == 1)


def test_the_scale_of_biases_moves_regions_but_makes_none(images):
    rows = rows_of(run("scale", images))
    for number in range(2):
        mine = [row for row in rows if row["run"] == number]
        biases = {row["scale"]: row for row in mine if row["scaled"] == "biases"}
        # Lemma 6, exactly: powers of two scale floats without rounding
        assert len({row["whole"] for scale, row in biases.items() if scale}) == 1
        assert biases[0.0]["whole"] <= biases[1.0]["whole"]
        assert biases[0.0]["whole"] == biases[0.0]["window"]
        near = [biases[scale]["window"] for scale in sorted(biases) if scale]
        assert near == sorted(near, reverse=True)


def test_the_sawtooth_without_noise_is_the_tent(images):
    rows = rows_of(run("sawtooth", images))
    exact = {row["depth"]: row["window"] for row in rows if row["noise"] == 0}
    assert exact == {1: 2, 3: 8}
    assert {row["share"] for row in rows if row["noise"] == 0} == {1.0}
    assert len({row["network"] for row in rows if row["noise"]}) == 6


def test_distances_are_means_over_points(images):
    needs_torch()
    rows = rows_of(run("distance", images))
    assert [row["points"] for row in rows[:3]] == ["train", "test", "random"]
    shown, away = split_images(images, 0.2, 0)
    rng = rng_of(0, 3, 0)
    random_rows(len(shown.pixels), 5, rng)
    test = away.pixels[random_rows(len(away.pixels), 5, rng)]
    net = pr.Network.from_arrays(initial_parameters((12, 4, 3, 10), rng_of(0, 1, 0, 4, 3)))
    assert rows[1]["mean"] == boundary_distances(net, test).mean()
    assert rows[1]["times_units"] == 7 * rows[1]["mean"]


def test_a_figure_shows_the_rows(images):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    table = run("training", images)
    whole, window = experiment("training").figure(table).axes
    rows = rows_of(table)
    for axis, column in ((whole, "whole"), (window, "window")):
        line = axis.containers[1].lines[0]  # of 5
        mine = [row for row in rows if row["widths"] == "5"]
        expected = [
            np.mean([row[column] for row in mine if row["epoch"] == epoch]) / 25
            for epoch in (0.0, 0.5, 1.0)
        ]
        assert line.get_ydata() == pytest.approx(expected)


# --- data, places, training ------------------------------------------------------------


@pytest.mark.slow
def test_the_digits():
    pytest.importorskip("sklearn", reason="the digits need scikit-learn")
    digits = load_images()
    assert digits.pixels.shape == (1797, 64)
    assert (digits.pixels.min(), digits.pixels.max()) == (0.0, 1.0)
    assert digits.fingerprint == load_images().fingerprint


def idx(array):
    kind = b"\0\0\x08" + bytes([array.ndim])
    return kind + np.array(array.shape, ">u4").tobytes() + array.astype("u1").tobytes()


@pytest.fixture
def mnist(tmp_path):
    folder = tmp_path / "mnist"
    folder.mkdir()
    pixels = np.arange(24).reshape(6, 2, 2) * 10
    (folder / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(pixels)))
    (folder / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(6)))
    return folder


def test_mnist_from_a_folder(mnist):
    found = load_images(mnist)
    assert found.name == "MNIST t10k"
    assert found.pixels.shape == (6, 4)
    assert found.pixels[1].tolist() == [value / 255 for value in (40, 50, 60, 70)]
    # the training images, where there are any
    (mnist / "train-images-idx3-ubyte").write_bytes(idx(np.zeros((3, 2, 2))))
    (mnist / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(3)))
    assert load_images(mnist).name == "MNIST train"


def test_bad_mnist_folders_are_refused(mnist, tmp_path):
    with pytest.raises(FormatError, match="there is no folder"):
        load_images(tmp_path / "nothing")
    with pytest.raises(FormatError, match="holds neither train-images"):
        load_images(tmp_path)
    (mnist / "t10k-labels-idx1-ubyte").write_bytes(idx(np.arange(5)))
    with pytest.raises(FormatError, match="do not fit"):
        load_images(mnist)
    (mnist / "t10k-labels-idx1-ubyte").write_bytes(idx(np.full(6, 11)))
    with pytest.raises(FormatError, match="other than 0 to 9"):
        load_images(mnist)
    (mnist / "t10k-labels-idx1-ubyte").write_bytes(b"no IDX file")
    with pytest.raises(FormatError, match="copy it again"):
        load_images(mnist)


def test_labels_and_parts(images):
    rng = np.random.default_rng(0)
    changed = shuffled_labels(np.full(1000, 7), 0.4, rng)
    assert (changed != 7).sum() == pytest.approx(360, abs=30)
    shown, away = split_images(images, 0.2, 0)
    assert (len(shown.pixels), len(away.pixels)) == (240, 60)
    both = sorted(map(bytes, (*shown.pixels, *away.pixels)))
    assert both == sorted(map(bytes, images.pixels))
    with pytest.raises(PolyregionsError, match="leaves none"):
        split_images(images, 0.0, 0)


def test_lines():
    first, second = np.array([1.0, 2.0, 0.0]), np.array([3.0, 2.0, 4.0])
    assert line_from_origin(first).to_input([[0.0], [1.0]]).tolist() == [[0, 0, 0], [1, 2, 0]]
    line = line_through(first, second)
    assert line.to_input([[0.0], [1.0]]).tolist() == [first.tolist(), second.tolist()]
    with pytest.raises(PolyregionsError, match="fewer than the 3"):
        random_rows(2, 3, np.random.default_rng(0))


def test_initial_laws():
    (weight, bias), (last, _) = initial_parameters((50, 400, 300), np.random.default_rng(0))
    assert weight.std() == pytest.approx(np.sqrt(2 / 50), rel=0.02)
    assert last.std() == pytest.approx(np.sqrt(2 / 400), rel=0.02)
    assert bias.std() == pytest.approx(BIAS_DEVIATION, rel=0.1)


def test_training_is_adam_on_cross_entropy(images):
    """The same steps, written out."""
    torch = pytest.importorskip("torch", reason="training needs torch")
    parameters = initial_parameters((12, 5, 10), np.random.default_rng(1))
    x, y = images.pixels, images.labels
    *_, last = trained(parameters, x, y, [1.5], np.random.default_rng(2), rate=0.01)
    assert last.step == 3
    tensors = [torch.tensor(a, requires_grad=True) for pair in parameters for a in pair]
    means = [torch.zeros_like(t) for t in tensors]
    squares = [torch.zeros_like(t) for t in tensors]
    rng = np.random.default_rng(2)
    order = rng.permutation(300)
    batches = [order[:128], order[128:256], rng.permutation(300)[:128]]

    def scores(chosen):
        w0, b0, w1, b1 = tensors
        inputs = torch.tensor(x[chosen], dtype=torch.float32)
        return torch.relu(inputs @ w0.T + b0) @ w1.T + b1

    for step, chosen in enumerate(batches, 1):
        logits = scores(chosen)
        loss = (logits.logsumexp(1) - logits[range(128), y[chosen]]).mean()
        for t, gradient, m, v in zip(
            tensors, torch.autograd.grad(loss, tensors), means, squares, strict=True
        ):
            m.mul_(0.9).add_(gradient, alpha=0.1)
            v.mul_(0.999).addcmul_(gradient, gradient, value=0.001)
            with torch.no_grad():
                t -= 0.01 * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    found = [array for layer in last.network.layers for array in (layer.weight, layer.bias)]
    for array, t in zip(found, tensors, strict=True):
        assert array == pytest.approx(t.detach().numpy(), abs=1e-4)
    right = (scores(np.arange(300)).argmax(1).numpy() == y).mean()
    assert last.accuracy == pytest.approx(right, abs=0.01)


def test_fractions_of_epochs_are_rounded_up_to_batches(images):
    needs_torch()
    parameters = initial_parameters((12, 3, 10), np.random.default_rng(0))
    rng = np.random.default_rng(0)
    epochs = [0.6, 0.0, 0.1, 1.0, 0.5]  # of two batches
    found = trained(parameters, images.pixels, images.labels, epochs, rng)
    assert [(at.epoch, at.step) for at in found] == [
        (0.0, 0), (0.1, 1), (0.5, 1), (0.6, 2), (1.0, 2),
    ]  # fmt: skip


def test_fewer_points_than_a_batch_are_trained_on_together():
    needs_torch()
    job = points_job((3,), 5, 0.01, (0.0, 7.0), seed=0, run=0)
    assert [unit.measure()["step"] for unit in job.units()] == [0, 7]


def test_a_stopped_walk_makes_no_row(monkeypatch):
    net = pr.Network.from_arrays([(np.eye(3), np.zeros(3)), (np.ones((1, 3)), [0.0])])

    part = replace(pr.enumerate_regions(net, None), complete=False)
    monkeypatch.setattr(
        "polyregions.walk.breadth_first.enumerate_regions", lambda network, domain: part
    )
    with pytest.raises(PartialResultError):
        counts(net, whole=None)


# --- the runner ------------------------------------------------------------------------


@dataclass(frozen=True)
class Small(Configuration):
    size: int = 3


def small_jobs(network="abc"):
    def units(index):
        for step in range(2):
            yield Unit({"index": index, "step": step}, network, lambda: {"value": 10 * index})

    return [
        Job(tuple({"index": i, "step": s} for s in range(2)), lambda i=i: units(i))
        for i in range(3)
    ]


def small_run(file, jobs=None, config=None, data="d", **options):
    config = (config or Small()).as_dict()
    return run_jobs("small", config, jobs or small_jobs(), data=data, file=file, **options)


def test_rows_are_kept_one_by_one(tmp_path):
    file = tmp_path / "rows.jsonl"

    def stop(done, total, key):
        assert len(file.read_text().splitlines()) == done + 1
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt, match=r"stopped after 3 of 6 rows, kept in"):
        small_run(file, progress=stop)
    assert small_run(file)["value"].tolist() == [0, 0, 10, 10, 20, 20]
    with pytest.raises(KeyboardInterrupt, match="not kept"):
        small_run(None, progress=lambda done, *_: stop_at_once())


def stop_at_once():
    raise KeyboardInterrupt


@pytest.mark.parametrize("cut", range(1, 120, 7))
def test_a_line_that_a_killed_process_left_is_cut_off(tmp_path, cut):
    file = tmp_path / "rows.jsonl"
    whole = small_run(file)
    content = file.read_bytes()
    file.write_bytes(content[:-cut])
    again = small_run(file)
    assert file.read_bytes() == content
    assert rows_of(again) == rows_of(whole)


def test_a_last_line_without_an_end_is_cut_off_however_long(tmp_path):
    file = tmp_path / "rows.jsonl"
    small_run(file)
    content = file.read_bytes()
    file.write_bytes(content + b"x" * 50)
    small_run(file)
    assert file.read_bytes() == content


def test_a_header_that_is_not_whole_is_an_empty_file(tmp_path):
    file = tmp_path / "rows.jsonl"
    small_run(file)
    content = file.read_bytes()
    for size in (0, 5, 40):
        file.write_bytes(content[:size])
        small_run(file)
        assert file.read_bytes() == content


@pytest.mark.parametrize(
    "content", [b"{}\n", b"[1]\n", b"\xff\n", b"no file of mine", b'{"format": "other"}\n', b"\n"]
)
def test_another_file_is_refused_and_untouched(tmp_path, content):
    file = tmp_path / "rows.jsonl"
    file.write_bytes(content)
    with pytest.raises(CheckpointError, match="not a file of an experiment"):
        small_run(file)
    assert file.read_bytes() == content


def test_a_broken_line_in_the_middle_is_refused(tmp_path):
    file = tmp_path / "rows.jsonl"
    small_run(file)
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(b"".join([*lines[:2], b'{"index": 0, "st\n', *lines[3:]]))
    with pytest.raises(CheckpointError, match="not a file of an experiment"):
        small_run(file)
    file.write_bytes(b"".join([*lines[:2], b'{"index": 0}\n', *lines[3:]]))
    with pytest.raises(CheckpointError, match="row without 'step'"):
        small_run(file)


def test_a_run_of_something_else_is_refused(tmp_path):
    file = tmp_path / "rows.jsonl"
    small_run(file)
    before = file.read_bytes()
    for other in ({"config": Small(seed=1)}, {"config": Small(size=4)}, {"data": "e"}):
        with pytest.raises(CheckpointError, match="other settings or data"):
            small_run(file, **other)
    assert file.read_bytes() == before


def test_another_network_is_not_taken_for_the_one_before(tmp_path):
    file = tmp_path / "rows.jsonl"
    with pytest.raises(KeyboardInterrupt):
        small_run(file, progress=lambda *_: stop_at_once())
    with pytest.raises(CheckpointError, match="did not give the network"):
        small_run(file, jobs=small_jobs(network="another"))


# --- settings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("assignment", "words"),
    [
        ("nothing=1", "no setting 'nothing'; take one of seed, architectures"),
        ("runs", "runs must hold numbers"),
        ("runs=0", "integers of at least 1, not 0"),
        ("runs=2.5", "integers of at least 1"),
        ("runs=true", "must hold numbers"),
        ("runs=[2]", "must hold numbers"),
        ("epochs=3", "must be a list like"),
        ("epochs=[]", "must be a list like"),
        ("epochs=[-1]", "numbers of at least 0"),
        ("epochs=[NaN]", "must hold numbers"),
        ("architectures=[4,4]", "must be a list like"),
        ("architectures=[[0]]", "integers of at least 1"),
        ("seed=-1", "seed must be an integer >= 0"),
        ("seed=x", "seed must be an integer >= 0"),
    ],
)
def test_bad_settings_are_one_sentence(assignment, words):
    with pytest.raises(PolyregionsError, match=words.replace("[", r"\[")) as refusal:
        overridden(experiment("training").Config(), assignment)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", ["dimensions", "depth"])
def test_lists_that_belong_together_have_one_length(name, images):
    config = overridden(experiment(name).Config(), "dimensions=[2]")
    with pytest.raises(PolyregionsError, match="give one for each"):
        experiment(name).run(config, data=images)


# --- births and deaths -----------------------------------------------------------------


def random_net(rng, widths=(3, 6, 5)):
    sizes = (*widths, 1)
    return pr.Network.from_arrays(
        [
            (rng.normal(size=(above, below)), rng.normal(size=above))
            for below, above in pairwise(sizes)
        ]
    )


@pytest.mark.parametrize("place", ["box", "slice", "whole slice", "whole space"])
def test_the_tracker_is_set_arithmetic_on_patterns(place):
    rng = np.random.default_rng(11)
    start, end = (random_net(rng) for _ in range(2))
    nets = [
        pr.Network.from_arrays(
            [
                ((1 - t) * a.weight + t * b.weight, (1 - t) * a.bias + t * b.bias)
                for a, b in zip(start.layers, end.layers, strict=True)
            ]
        )
        for t in (0.0, 0.01, 0.3, 0.3, 1.0)
    ]
    where, domain = None, None
    if place == "box":
        domain = pr.Box.cube(3, 1.0)
    elif place != "whole space":
        window = pr.Box.cube(2, 2.0) if place == "slice" else None
        where = pr.Slice(np.full(3, 0.1), rng.normal(size=(3, 2)), window)
        domain = window
    queue = iter(nets)
    tracker = RegionTracker(lambda: next(queue), where, None if where else domain)
    sets = []
    for epoch, net in enumerate(nets):
        seen = net if where is None else where.restrict(net)
        sets.append({bytes(row) for row in pr.enumerate_regions(seen, domain).patterns})
        record = tracker.record(epoch)
        before = sets[-2] if epoch else set()
        assert record.epoch == epoch
        assert record.regions == len(sets[-1])
        assert record.births == len(sets[-1] - before)
        assert record.deaths == len(before - sets[-1])
        assert record.survivors == len(sets[-1] & before)
        assert record.founders == len(sets[-1] & sets[0])
        assert record.proven
    assert tracker.records[3].births == tracker.records[3].deaths == 0
    assert tracker.table()["regions"].tolist() == [len(found) for found in sets]


def test_common_patterns_of_many_words():
    rng = np.random.default_rng(3)
    rows = rng.integers(0, 3, (400, 3)).astype(np.uint64)
    first, second = (np.unique(part, axis=0) for part in (rows[:30], rows[20:60]))
    expected = {bytes(row) for row in first} & {bytes(row) for row in second}
    assert common(first, second) == len(expected) > 0
    assert common(first[:0], second) == 0


def test_the_tracker_in_a_torch_loop(images):
    torch = pytest.importorskip("torch", reason="the loop needs torch")
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Linear(12, 6), torch.nn.ReLU(), torch.nn.Linear(6, 10))
    optimiser = torch.optim.SGD(module.parameters(), lr=0.5)
    plane = through(images.pixels[:2])
    tracker = RegionTracker(module, plane)
    for epoch in range(3):
        record = tracker.record(epoch)
        net = plane.restrict(pr.from_torch(module))
        assert record.regions == len(pr.enumerate_regions(net, plane.domain))
        loss = module(torch.tensor(images.pixels, dtype=torch.float32)).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert len(tracker.figure().axes) == 1


def test_bad_trackers_are_refused():
    with pytest.raises(PolyregionsError, match="needs a torch module or a function"):
        RegionTracker(3)
    with pytest.raises(PolyregionsError, match="must return a Network, not int"):
        RegionTracker(lambda: 3).record(0)
    rng = np.random.default_rng(0)
    queue = iter([random_net(rng), random_net(rng, (3, 70))])
    tracker = RegionTracker(lambda: next(queue), domain=pr.Box.cube(3, 0.1))
    tracker.record(0)
    with pytest.raises(PolyregionsError, match="another number of units"):
        tracker.record(1)
    assert len(tracker.records) == 1


def test_births_of_the_experiment_are_those_of_the_tracker(images):
    rows = rows_of(run("births", images))
    for before, after in pairwise(rows):
        if before["plane"] == after["plane"]:
            assert after["survivors"] + after["deaths"] == before["regions"]
        assert after["survivors"] + after["births"] == after["regions"]


# --- the page --------------------------------------------------------------------------

PAGE = Path(__file__).resolve().parents[2] / "docs" / "experiments.md"


@pytest.mark.parametrize("name", NAMES)
def test_the_page_has_a_small_figure_of_every_experiment(name):
    text = PAGE.read_text(encoding="utf-8")
    assert f"polyregions experiment {name}`" in text
    assert f"(experiments/{name}.png)" in text
    assert (PAGE.parent / "experiments" / f"{name}.png").stat().st_size <= 100_000


@pytest.mark.slow
def test_the_page_has_the_numbers_of_the_defaults():
    module = experiment("sawtooth")
    [line] = module.findings(module.run(overridden(module.Config(), "depths=[2]")))
    assert line in PAGE.read_text(encoding="utf-8").splitlines()


# --- the command -----------------------------------------------------------------------


@pytest.fixture
def command(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(*args):
        code = main(["experiment", *map(str, args)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


SAWTOOTH = ("sawtooth", *(word for setting in TINY["sawtooth"] for word in ("--set", setting)))


def test_the_list(command):
    assert command() == command("list")
    code, out, _ = command()
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == list(NAMES)
    assert json.loads(command("--json")[1]) == NAMES


@pytest.mark.slow
def test_files_of_a_run(command, tmp_path):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    code, out, err = command(*SAWTOOTH, "-o", "out", "--seed", 4)
    assert code == 0
    assert "3 layers" in out
    assert "8 rows, all counts proven" in out
    assert "saved: " in err
    folder = tmp_path / "out"
    assert sorted(file.name for file in folder.iterdir()) == [
        "sawtooth.csv",
        "sawtooth.jsonl",
        "sawtooth.png",
    ]
    first = (folder / "sawtooth.csv").read_text()
    # nothing is written over, and a finished run is repeated from its rows
    code, out, err = command(*SAWTOOTH, "-o", "out", "--seed", 4)
    assert (code, out) == (2, "")
    assert "add --resume" in err
    assert command(*SAWTOOTH, "-o", "out", "--seed", 4, "--resume")[0] == 0
    assert (folder / "sawtooth.csv").read_text() == first
    code, _, err = command(*SAWTOOTH, "-o", "out", "--seed", 5, "--resume")
    assert code == 2
    assert "other settings" in err
    code, out, _ = command(*SAWTOOTH, "-o", "two", "--seed", 4, "--json")
    assert json.loads(out)["rows"] == len(first.splitlines()) - 1
    assert json.loads(out)["config"]["seed"] == 4


def test_ctrl_c_keeps_rows_and_resume_finishes(command, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    command(*SAWTOOTH, "-o", "whole")
    calls = []

    def third(network, domain):
        calls.append(domain)
        if len(calls) == 6:
            raise KeyboardInterrupt
        return all_regions(network, domain)

    with monkeypatch.context() as patch:
        patch.setattr("polyregions.experiments.data.all_regions", third)
        code, out, err = command(*SAWTOOTH, "-o", "out")
    assert (code, out) == (3, "")
    assert "stopped after 2 of 8 rows" in err
    assert "add --resume to go on" in err
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["sawtooth.jsonl"]
    assert command(*SAWTOOTH, "-o", "out", "--resume")[0] == 0
    for suffix in ("csv", "jsonl", "png"):
        one, two = (tmp_path / f / f"sawtooth.{suffix}" for f in ("whole", "out"))
        assert one.read_bytes() == two.read_bytes()


def test_mnist_on_the_command_line(command, mnist):
    needs_torch()
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    words = [word for setting in TINY["lines"] for word in ("--set", setting)]
    code, out, _ = command("lines", *words, "--mnist", mnist, "--json")
    assert code == 0
    assert json.loads(out)["data"].startswith("MNIST t10k ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("nothing",), "there is no experiment 'nothing'; take one of regions-in-a-plane"),
        (("training", "--mnist", "nowhere"), "there is no folder nowhere"),
        (("sawtooth", "--mnist", "nowhere"), "uses no images"),
        (("sawtooth", "--resume"), "to go on with; leave out --resume"),
        (("sawtooth", "--set", "depths=0"), "depths must be a list"),
        (("sawtooth", "--seed", -1), "seed must be an integer >= 0"),
        (("sawtooth", "--table", "xls"), "csv or parquet, not xls"),
        (("sawtooth", "-o", "a_file"), "a_file is a file; name a folder"),
    ],
    ids=str,
)
def test_refusals_are_one_sentence(command, tmp_path, args, words):
    pytest.importorskip("matplotlib", reason="figures need matplotlib")
    (tmp_path / "a_file").write_text("")
    code, out, err = command(*args)
    assert (code, out) == (2, "")
    assert words in err
    assert err.startswith("polyregions: ")
    assert err.count("\n") == 1
    assert [file.name for file in tmp_path.iterdir()] == ["a_file"]


@pytest.mark.parametrize(
    ("module", "name", "extra"),
    [("torch", "memorisation", "experiments"), ("sklearn.datasets", "training", "experiments"),
     ("matplotlib", "sawtooth", "plot")],
)  # fmt: skip
def test_a_missing_extra_is_named(command, monkeypatch, module, name, extra):
    if module != "matplotlib":
        pytest.importorskip("matplotlib", reason="figures need matplotlib")
    monkeypatch.setitem(sys.modules, module, None)
    code, out, err = command(name)
    assert (code, out) == (2, "")
    assert f"polyregions[{extra}]" in err
    in_python = {
        "torch": lambda: experiment(name).run(tiny(name)),
        "sklearn.datasets": load_images,
        "matplotlib": lambda: experiment(name).figure({}),
    }[module]
    with pytest.raises(MissingExtraError):
        in_python()
