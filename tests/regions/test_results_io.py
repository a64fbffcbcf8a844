import os
import zipfile
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import polyregions as pr
from polyregions.regions.archive import save_regions


@pytest.fixture
def regions(deep):
    return pr.enumerate_regions(deep, pr.Box([-1, -1, 0.5], [1, 2, 0.5]))


def assert_same(a: pr.Regions, b: pr.Regions) -> None:
    assert a.network.fingerprint == b.network.fingerprint
    assert a.network.name == b.network.name
    assert a.domain == b.domain
    for field in ("patterns", "witnesses", "edges"):
        left, right = getattr(a, field), getattr(b, field)
        assert left.dtype == right.dtype
        np.testing.assert_array_equal(left, right)
    assert a.summary() == b.summary()
    assert dict(a.exact_witnesses) == dict(b.exact_witnesses)


def test_round_trip(regions, tmp_path):
    regions.save(tmp_path / "out.npz")
    assert_same(pr.open_regions(tmp_path / "out.npz"), regions)


def test_round_trip_of_the_whole_space(three_lines, tmp_path):
    regions = pr.enumerate_regions(three_lines, None)
    regions.save(tmp_path / "out.npz")
    opened = pr.open_regions(tmp_path / "out.npz")
    assert opened.domain is None
    assert_same(opened, regions)


def test_slopes_survive(tmp_path):
    layers = (
        pr.Layer.with_slopes([[1.0], [1.0], [2.0]], [0.0, 0.1, 0.2], [-1, 0.1, 1], [1, 1, 1]),
        pr.Layer.affine([[1.0, 1.0, 1.0]], [0.0]),
    )
    regions = pr.enumerate_regions(pr.Network(layers), pr.Box.cube(1, 1.0))
    regions.save(tmp_path / "out.npz")
    assert_same(pr.open_regions(tmp_path / "out.npz"), regions)


def test_flags_and_exact_witnesses_survive(regions, tmp_path):
    exact = {1: (Fraction(1, 3), Fraction(-(10**5000), 7), Fraction(1, 2))}
    changed = replace(
        regions, complete=False, proven=False, exact_decisions=3, exact_witnesses=exact
    )
    changed.save(tmp_path / "out.npz")
    assert_same(pr.open_regions(tmp_path / "out.npz"), changed)


def test_a_result_without_regions(regions, tmp_path):
    empty = replace(
        regions,
        patterns=regions.patterns[:0],
        witnesses=regions.witnesses[:0],
        edges=regions.edges[:0],
        complete=False,
        exact_witnesses={},
    )
    empty.save(tmp_path / "out.npz")
    assert len(pr.open_regions(tmp_path / "out.npz")) == 0


def test_same_result_same_bytes(regions, tmp_path):
    for name in ("a.npz", "b.npz"):
        regions.save(tmp_path / name)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_the_file_without_pickle(regions, tmp_path):
    regions.save(tmp_path / "out.npz")
    with np.load(tmp_path / "out.npz", allow_pickle=False) as arrays:
        np.testing.assert_array_equal(arrays["patterns"], regions.patterns)


def test_nothing_else_is_left_in_the_folder(regions, tmp_path):
    regions.save(tmp_path / "out.npz")
    regions.save(tmp_path / "out.npz")
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_a_failed_write_keeps_the_old_file(regions, tmp_path, monkeypatch):
    regions.save(tmp_path / "out.npz")
    before = (tmp_path / "out.npz").read_bytes()

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OSError, match="No space"):
        regions.save(tmp_path / "out.npz")
    assert (tmp_path / "out.npz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["out.npz"]


def test_another_suffix_is_refused(regions, tmp_path):
    with pytest.raises(pr.FormatError, match=r"\.npz"):
        save_regions(regions, tmp_path / "out.dat")
    assert not list(tmp_path.iterdir())


def test_every_truncation_is_refused(regions, tmp_path):
    path = tmp_path / "out.npz"
    regions.save(path)
    whole = path.read_bytes()
    for length in range(0, len(whole), max(1, len(whole) // 200)):
        path.write_bytes(whole[:length])
        with pytest.raises(pr.FormatError):
            pr.open_regions(path)


@pytest.mark.slow
def test_no_changed_byte_changes_the_result(regions, tmp_path):
    """A flipped byte is refused, or lies where it changes nothing (times, padding)."""
    path = tmp_path / "out.npz"
    regions.save(path)
    whole = path.read_bytes()
    refused = 0
    for position in np.random.default_rng(0).integers(0, len(whole), size=300).tolist():
        changed = bytearray(whole)
        changed[position] ^= 0x41
        path.write_bytes(bytes(changed))
        try:
            assert_same(pr.open_regions(path), regions)
        except pr.FormatError:
            refused += 1
    assert refused > 150


def rewrite(path: Path, **changes: np.ndarray) -> None:
    with np.load(path) as arrays:
        kept = dict(arrays)
    np.savez(path, **(kept | changes))


@pytest.mark.parametrize(
    ("key", "change"),
    [
        ("version", lambda a: a + 1),
        ("format", lambda a: np.array("something else")),
        ("fingerprint", lambda a: np.array("0" * 64)),
        ("weight_0", lambda a: a[:, :-1]),
        ("weight_0", lambda a: a + 1.0),
        ("weight_0", lambda a: a * np.nan),
        ("domain", lambda a: a[::-1]),
        ("domain", lambda a: a[:1]),
        ("patterns", lambda a: a[::-1]),
        ("patterns", lambda a: a.astype(np.int64)),
        ("patterns", lambda a: a | np.uint64(1 << 63)),
        ("witnesses", lambda a: a[1:]),
        ("edges", lambda a: a[:, ::-1]),
        ("edges", lambda a: a[::-1]),
        ("edges", lambda a: a + 10**6),
        ("complete", lambda a: np.array("yes")),
        ("exact_indices", lambda a: np.array([3])),
        ("layers", lambda a: a + 1),
    ],
)
def test_inconsistent_files_are_refused(regions, tmp_path, key, change):
    path = tmp_path / "out.npz"
    regions.save(path)
    with np.load(path) as arrays:
        changed = change(arrays[key])
    rewrite(path, **{key: changed})
    with pytest.raises(pr.FormatError):
        pr.open_regions(path)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, W0=np.eye(2), b0=np.zeros(2))
    with pytest.raises(pr.FormatError, match="not a saved result"):
        pr.open_regions(path)
    path.write_text("W0 = 1")
    with pytest.raises(pr.FormatError):
        pr.open_regions(path)
    with pytest.raises(pr.FormatError, match="cannot be read"):
        pr.open_regions(tmp_path / "absent.npz")
    with pytest.raises(pr.FormatError, match="cannot be read"):
        pr.open_regions(tmp_path)


def test_pickles_are_refused(regions, tmp_path):
    path = tmp_path / "out.npz"
    regions.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object), allow_pickle=True)
    members["patterns.npy"] = (tmp_path / "object.npy").read_bytes()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(pr.FormatError):
        pr.open_regions(path)


def test_a_pipe_is_no_result(tmp_path):
    """It is refused, not waited for."""
    os.mkfifo(tmp_path / "pipe.npz")
    with pytest.raises(pr.FormatError, match="it is a pipe"):
        pr.open_regions(tmp_path / "pipe.npz")


def test_an_error_names_the_file_that_was_asked_for(regions, tmp_path):
    with pytest.raises(OSError, match=r"nowhere/out\.npz") as error:
        regions.save(tmp_path / "nowhere" / "out.npz")
    assert ".part" not in str(error.value)
