"""Draws: reproducible one by one, the same for any number of workers, resumable."""

import json

import pytest

import polyregions as pr
from polyregions.errors import CheckpointError, PolyregionsError
from polyregions.theory.draws import Settings, count_draws, draw_network, summary
from polyregions.theory.laws import BiasLaw, WeightLaw

SMALL = Settings((2, 4, 4), biases=BiasLaw("normal", 0.5), seed=11)


def test_a_draw_depends_on_the_seed_and_its_number_only():
    fingerprints = [draw_network(SMALL, index).fingerprint for index in range(4)]
    assert len(set(fingerprints)) == 4
    assert draw_network(SMALL, 2).fingerprint == fingerprints[2]
    other = Settings((2, 4, 4), biases=BiasLaw("normal", 0.5), seed=12)
    assert draw_network(other, 2).fingerprint not in fingerprints


@pytest.mark.slow
def test_counts_are_those_of_the_walk_for_any_number_of_workers():
    [one], [three] = (count_draws([SMALL], 12, workers=workers) for workers in (1, 3))
    assert one == three
    for index, draw in enumerate(one):
        regions = pr.enumerate_regions(draw_network(SMALL, index), SMALL.domain)
        assert (draw.regions, draw.edges) == (len(regions), len(regions.edges))
        assert draw.proven
    assert count_draws([SMALL], 5)[0] == one[:5]


def test_progress_is_told_draw_by_draw():
    told = []
    count_draws([SMALL, SMALL], 3, progress=lambda done, total: told.append((done, total)))
    assert told == [(done, 6) for done in range(1, 7)]


def stopped_after(number):
    def progress(done, total):
        if done == number:
            raise KeyboardInterrupt

    return progress


def test_a_stopped_run_is_resumed(tmp_path, monkeypatch):
    file = tmp_path / "draws.json"
    with pytest.raises(KeyboardInterrupt, match="stopped after 4 of 20 draws, kept in"):
        count_draws([SMALL, SMALL], 10, progress=stopped_after(4), file=file)
    kept = json.loads(file.read_text())["draws"]
    assert sum(map(len, kept)) == 4
    told = []
    resumed = count_draws([SMALL, SMALL], 10, progress=lambda *at: told.append(at), file=file)
    assert len(told) == 16
    assert resumed == count_draws([SMALL, SMALL], 10)

    def nothing(*_):
        raise AssertionError("a draw in the file is not made again")

    monkeypatch.setattr("polyregions.theory.draws.draw_network", nothing)
    assert count_draws([SMALL, SMALL], 10, file=file) == resumed


def test_a_stopped_run_without_a_file_says_so():
    with pytest.raises(KeyboardInterrupt, match="not kept"):
        count_draws([SMALL], 10, progress=stopped_after(1))


def test_a_file_of_other_settings_is_refused(tmp_path):
    file = tmp_path / "draws.json"
    count_draws([SMALL], 3, file=file)
    before = file.read_bytes()
    for other in (
        Settings((2, 4, 4), biases=BiasLaw("normal", 0.5), seed=12),
        Settings((2, 4, 4), biases=BiasLaw("normal", 0.25), seed=11),
        Settings((2, 4, 4), WeightLaw("uniform"), BiasLaw("normal", 0.5), seed=11),
        Settings((2, 4, 4), biases=BiasLaw("normal", 0.5), side=3.0, seed=11),
    ):
        with pytest.raises(CheckpointError, match="other settings"):
            count_draws([other], 3, file=file)
    with pytest.raises(CheckpointError, match="other settings"):
        count_draws([SMALL, SMALL], 3, file=file)
    assert file.read_bytes() == before


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"format": "polyregions draws 1"}', "\xff"])
def test_a_file_of_something_else_is_refused(tmp_path, content):
    file = tmp_path / "draws.json"
    file.write_bytes(content.encode("latin-1"))
    with pytest.raises(CheckpointError, match="not a file of draws"):
        count_draws([SMALL], 3, file=file)
    assert file.read_bytes() == content.encode("latin-1")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Settings((2,)), "at least one hidden layer"),
        (lambda: Settings((2, 0, 8)), "widths must be positive integers, not 2 0 8"),
        (lambda: Settings((-1, 8)), "widths must be positive"),
        (lambda: Settings((2, 2.5)), "widths must be positive integers"),
        (lambda: Settings((2, 3), side=0.0), "side of the cube must be a positive number"),
        (lambda: Settings((2, 3), side=float("nan")), "must be a positive number"),
        (lambda: Settings((2, 3), side=float("inf")), "must be a positive number"),
        (lambda: Settings((2, 3), seed=-1), "seed must be at least 0"),
        (lambda: count_draws([SMALL], 0), "number of draws must be positive"),
        (lambda: count_draws([SMALL], 1, workers=0), "number of workers must be positive"),
        (lambda: count_draws([], 1), "nothing to draw"),
        (lambda: summary([1.0]), "at least two draws"),
    ],
)
def test_refusals_are_one_sentence(make, words):
    with pytest.raises(PolyregionsError, match=words) as refusal:
        make()
    assert "\n" not in str(refusal.value)


def test_summary():
    found = summary(range(101), seed=1)
    assert found.mean == 50
    assert found.interval[0] < 50 < found.interval[1]
    # the bootstrap agrees with the normal interval at this size
    assert found.interval[1] - found.interval[0] == pytest.approx(
        2 * 1.96 * found.standard_error, rel=0.05
    )
    assert found == summary(range(101), seed=1)
    assert found.agrees_with(50 + 2.9 * found.standard_error)
    assert not found.agrees_with(50 + 3.1 * found.standard_error)
