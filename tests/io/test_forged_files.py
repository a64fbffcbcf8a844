"""Files made to mislead: the checker and the readers refuse before anything is allocated."""

import hashlib
import importlib.util
import io
import json
import tracemalloc
import zipfile
from contextlib import nullcontext
from functools import cache

import numpy as np
import pytest
from oracles import layers_of
from random_nets import random_case

import polyregions as pr
from polyregions.files.archives import read_npz, write_npz
from polyregions.files.archives import signed as signed_manifest
from polyregions.proof.certificate import certificate_arrays
from polyregions.proof.checker import Refused, check
from polyregions.run.problem import problem_of
from polyregions.scale import enumerate_to_file
from polyregions.scale.checkpoint import open_checkpoint
from polyregions.scale.saved_state import restored

MOST = 32 * 2**20  # bytes; what a few kilobytes may not claim


@cache
def certified(family="duplicates"):
    network, domain = random_case(family, 1)
    arrays = certificate_arrays(pr.enumerate_regions(network, domain))
    return layers_of(network), arrays


def archive_of(arrays, **changes):
    """The members of a file as bytes by name; a change takes the place of one."""
    stream = io.BytesIO()
    write_npz(stream, arrays)
    with zipfile.ZipFile(stream) as archive:
        return {name: archive.read(name) for name in archive.namelist()} | {
            f"{key}.npy": data for key, data in changes.items()
        }


def npy(shape, descr, data=b"", *, order="False", extra=""):
    """An array file whose header says anything."""
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, {extra}}}"
    text += " " * (-(len(text) + 11) % 64) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


def zipped(members, method=zipfile.ZIP_STORED):
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, method)
    return stream.getvalue()


@pytest.fixture
def refusal(tmp_path):
    """What the checker says about bytes, within a bound on memory."""

    def refusal(content, layers=None):
        path = tmp_path / "net.cert"
        path.write_bytes(content)
        tracemalloc.start()
        try:
            with pytest.raises(Refused) as refused:
                check(layers or certified()[0], path)
            assert tracemalloc.get_traced_memory()[1] < MOST + 64 * len(content)
        finally:
            tracemalloc.stop()
        assert "\n" not in str(refused.value)
        return str(refused.value)

    return refusal


def signed(layers, arrays):
    """Sign a certificate for layers, which need not be those of a network."""
    digest = hashlib.sha256()
    for layer in layers:
        digest.update(np.array(layer[0].shape, dtype="<i8").tobytes())
        for array in layer:
            digest.update((np.asarray(array) + 0.0).astype("<f8").tobytes())
    claim = hashlib.sha256(digest.digest())
    for key in ("domain", "inequalities"):
        claim.update(arrays[key].tobytes())
    return arrays | {
        "network": np.array(digest.hexdigest()),
        "claim": np.array(claim.hexdigest()),
    }


def written(path, arrays):
    with path.open("wb") as stream:
        write_npz(stream, arrays)
    return path


def test_a_last_layer_that_bends_and_has_a_bias(tmp_path):
    # relu(x - 2) has two regions on the line; inside (-1, 1) there is one
    layers = [tuple(np.array(a, dtype=float) for a in ([[1.0]], [-2.0], [0.0], [1.0]))]
    none = np.zeros((0, 2), dtype="<U1")
    forged = {
        "format": np.array("polyregions certificate"),
        "version": np.array(2),
        "network": np.array(""),
        "domain": np.zeros((0, 1)),
        "inequalities": np.zeros((0, 2)),
        "claim": np.array(""),
        "patterns": np.zeros((1, 1), dtype=np.uint64),
        "witnesses": np.zeros((1, 1)),
        "exact_witnesses": none,
        "proofs": np.zeros((1, 1), dtype=np.int8),
        "bases": np.array([[2]], dtype=np.int8),
        "base_counts": np.ones(1, dtype=np.int8),
        "edges": np.zeros((0, 2), dtype=np.int32),
        "edge_points": np.zeros((0, 1)),
        "exact_points": none,
        "edge_units": np.zeros(0, dtype=np.int8),
        "edge_counts": np.zeros(0, dtype=np.int8),
    }
    with pytest.raises(Refused, match="bases has the wrong shape"):
        check(layers, written(tmp_path / "forged.cert", signed(layers, forged)))


@pytest.mark.parametrize("family", ["whole space", "integer whole space", "generic", "zero bias"])
def test_layers_after_the_last_that_bends_change_nothing(tmp_path, family):
    network, domain = random_case(family, 2)
    arrays = certificate_arrays(pr.enumerate_regions(network, domain))
    front = layers_of(network)[:-1]
    assert (front[-1][2] != front[-1][3]).any()
    report = check(front, written(tmp_path / "front.cert", signed(front, arrays)))
    assert report.regions == len(arrays["patterns"])
    # a bias that no row reads neither makes the domain a cone nor is it missed
    for last in (np.zeros(1), np.ones(1)):
        one = np.ones(1)
        longer = [*front, (np.ones((1, len(front[-1][1]))), last, one, one)]
        report = check(longer, written(tmp_path / "longer.cert", signed(longer, arrays)))
        assert report.regions == len(arrays["patterns"])


def test_layers_without_a_bend_are_refused(tmp_path):
    one = np.ones(1)
    layers = [(np.ones((1, 1)), one, one, one)]
    arrays = certified("whole space")[1] | {
        "domain": np.zeros((0, 1)),
        "inequalities": np.zeros((0, 2)),
    }
    with pytest.raises(Refused, match="no unit that bends"):
        check(layers, written(tmp_path / "flat.cert", signed(layers, arrays)))


@pytest.mark.slow
@pytest.mark.parametrize("key", ["patterns", "witnesses", "exact_witnesses", "edge_units", "claim"])
@pytest.mark.parametrize(
    "data",
    [
        npy("(10000000000,)", "'<U0'"),
        npy("(600000000, 2)", "'<U0'"),
        npy("(1000000000000, 2)", "'<f8'"),
        npy("(1000000000, 1000000000, 1000000000)", "'<u8'"),
        npy("(0, 1000000000000)", "'<u8'"),
        npy("(-1,)", "'<i8'"),
        npy("(2.5,)", "'<i8'"),
        npy("(1,)", "'<U1000000000'"),
        npy("(1,)", "('<f8', (1000000, 1000000))"),
        npy("(1,)", "[('a', '<f8', (1000000000,))]"),
        npy("(1,)", "'|O'", bytes(8)),
        npy("(1,)", "'|V8'", bytes(8)),
        npy("(1,)", "'<M8[s]'", bytes(8)),
        npy("(1,)", "'<c16'", bytes(16)),
        npy("(1,)", "'<f8'", bytes(8), extra="'x': 1"),
        npy("(1,)", "'<f8'", bytes(8), order="None"),
        npy("(1,)", "'<f8'", bytes(9)),
        npy("(1,)", "'<f8'", bytes(7)),
        npy("(1L,)", "'<f8'", bytes(8)),
        npy("(" * 3000 + ")" * 3000, "'<f8'"),
        b"",
        b"\x93NUMPY\x01\x00\xff\xff{",
        b"\x93NUMPY\x03\x00\xff\xff\xff\xff{}",
    ],
    ids=lambda data: repr(data[10:60].decode("latin-1")),
)
def test_headers_that_claim_anything(refusal, key, data):
    refusal(zipped(archive_of(certified()[1], **{key: data})))


def test_text_that_is_none(refusal):
    data = npy("(1, 1)", "'<U2'", b"\xff" * 8)
    assert "other characters" in refusal(zipped(archive_of(certified()[1], exact_points=data)))


def with_exact_points(key, rows):
    """A certificate with points as text, which must fit it."""
    layers, arrays = certified()
    columns = arrays[key].shape[1]
    table = [[number, *points] for number, *points in rows]
    return layers, arrays | {key: np.array(table, dtype=str).reshape(-1, columns)}


@pytest.mark.parametrize("key", ["exact_witnesses", "exact_points"])
@pytest.mark.parametrize(
    "numbers",
    [["0", "0"], ["1", "0"], ["-1"], ["fffffff"], ["f" * 5000], ["0x1"], ["1_0"], [" 1"], [""]],
    ids=lambda numbers: repr(numbers)[:20],
)
def test_numbers_of_exact_points(refusal, key, numbers):
    columns = certified()[1][key].shape[1] - 1
    _, forged = with_exact_points(key, [[number, *["1/2"] * columns] for number in numbers])
    assert key in refusal(zipped(archive_of(forged)))


@pytest.mark.parametrize(
    "text",
    ["1/0", "1", "1/2/3", "1/-2", "0x1/2", "1_0/2", " 1/2", "nan", "/", "1/", "1.5/2", "G/2"],
)
def test_texts_of_exact_points(refusal, text):
    columns = certified()[1]["exact_points"].shape[1] - 1
    _, forged = with_exact_points("exact_points", [["0", *[text] * columns]])
    assert "exact_points: a " in refusal(zipped(archive_of(forged)))


def duplicated(members):
    content = zipped(members | {"edgez.npy": members["edges.npy"]})
    return content.replace(b"edgez.npy", b"edges.npy")


def overlapping(members):
    """Several names of the directory for the bytes of one."""
    content = bytearray(zipped(members))
    places = [k for k in range(len(content)) if content.startswith(b"PK\1\2", k)]
    content[places[-1] + 42 : places[-1] + 46] = content[places[-2] + 42 : places[-2] + 46]
    return bytes(content)


def with_a_long_directory(members):
    """A hundred thousand names that hold nothing."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data)
        last = archive.filelist[-1]
        for k in range(20_000):
            entry = zipfile.ZipInfo(f"{k}")
            entry.header_offset, entry.CRC, entry.file_size = last.header_offset, 0, 0
            archive.filelist.append(entry)
    return stream.getvalue()


def flagged(members, place, value):
    """A changed byte in the last member's entry of the directory."""
    content = bytearray(zipped(members))
    content[content.rfind(b"PK\1\2") + place] ^= value
    return bytes(content)


ARCHIVES = {
    "deflated": lambda members: zipped(members, zipfile.ZIP_DEFLATED),
    "bzip2": lambda members: zipped(members, zipfile.ZIP_BZIP2),
    "lzma": lambda members: zipped(members, zipfile.ZIP_LZMA),
    "duplicates": duplicated,
    "overlapping": overlapping,
    "a long directory": with_a_long_directory,
    "encrypted": lambda members: flagged(members, 8, 1),
    "another method": lambda members: flagged(members, 10, 8),
    "another size": lambda members: flagged(members, 24, 1),
    "another checksum": lambda members: flagged(members, 16, 1),
    "another place": lambda members: flagged(members, 42, 1),
    "one more": lambda members: zipped(members | {"more.npy": npy("()", "'<f8'", bytes(8))}),
    "one less": lambda members: zipped(dict(list(members.items())[:-1])),
    "another order": lambda members: zipped(dict(list(members.items())[::-1])),
    "a folder": lambda members: zipped({f"x/{name}": data for name, data in members.items()}),
    "something in front": lambda members: b"#!/bin/sh\n" + zipped(members),
    "something behind": lambda members: zipped(members) + b"\0",
    "another archive behind": lambda members: zipped(members) + zipped({}),
    "nothing": lambda members: zipped({}),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_with_anything_else(refusal, kind):
    assert "damaged or not a certificate" in refusal(ARCHIVES[kind](archive_of(certified()[1])))


def test_a_bomb_of_many_bytes(refusal):
    _, arrays = certified()
    bomb = npy("(8000000, 2)", "'<i4'", bytes(64_000_000))
    content = zipped(archive_of(arrays, edges=bomb), zipfile.ZIP_DEFLATED)
    assert len(content) < 200_000
    refusal(content)


def test_batches_are_cut_by_all_that_they_multiply(refusal):
    # a thousand inequalities for each of a thousand regions: the rows of all at once are 24 MB
    # times their errors and bounds
    rng = np.random.default_rng(0)
    layers = [(rng.normal(size=(10, 2)), np.zeros(10), np.zeros(10), np.ones(10))]
    count, cuts = 1024, np.tile([[1.0, 1.0, 9.0]], (4000, 1))
    none = np.zeros((0, 3), dtype="<U1")
    forged = {
        "format": np.array("polyregions certificate"),
        "version": np.array(2),
        "network": np.array(""),
        "domain": np.array([[-1.0, -1.0], [1.0, 1.0]]),
        "inequalities": cuts,
        "claim": np.array(""),
        "patterns": np.arange(count, dtype=np.uint64)[:, None],
        "witnesses": np.zeros((count, 2)),
        "exact_witnesses": none,
        "proofs": np.full((count, 10), -1, dtype=np.int8),
        "bases": np.zeros((0, 2), dtype=np.int8),
        "base_counts": np.zeros(count, dtype=np.int8),
        "edges": np.zeros((0, 2), dtype=np.int32),
        "edge_points": np.zeros((0, 2)),
        "exact_points": none,
        "edge_units": np.zeros(0, dtype=np.int8),
        "edge_counts": np.zeros(0, dtype=np.int8),
    }
    stream = io.BytesIO()
    write_npz(stream, signed(layers, forged))
    assert "is not positive at the witness" in refusal(stream.getvalue(), layers)


def test_a_directory_of_more_than_four_gigabytes_is_read(tmp_path, monkeypatch):
    layers, arrays = certified()
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 100)
    path = written(tmp_path / "net.cert", arrays)
    assert b"PK\6\6" in path.read_bytes()
    assert check(layers, path).regions == len(arrays["patterns"])


def test_arrays_by_columns_and_of_other_widths_are_read(tmp_path):
    layers, arrays = certified()
    other = {
        key: array.astype(">i8") if array.dtype.kind == "i" else np.array(array, order="F")
        for key, array in arrays.items()
    }
    stream = io.BytesIO()
    np.savez(stream, **other)
    (tmp_path / "net.cert").write_bytes(stream.getvalue())
    assert check(layers, tmp_path / "net.cert").regions == len(arrays["patterns"])


# results and checkpoints


def assert_refused(path, match):
    size = path.stat().st_size
    tracemalloc.start()
    try:
        with pytest.raises(pr.FormatError, match=match) as error:
            pr.open_regions(path)
        assert tracemalloc.get_traced_memory()[1] < MOST + 8 * size
    finally:
        tracemalloc.stop()
    assert "\n" not in str(error.value)


@pytest.fixture
def saved(tmp_path, deep):
    """A saved result: its path, and its members as bytes by name."""
    path = tmp_path / "out.npz"
    pr.enumerate_regions(deep, pr.Box.cube(3, 1.0)).save(path)
    with zipfile.ZipFile(path) as archive:
        return path, {name: archive.read(name) for name in archive.namelist()}


def test_a_result_of_compressed_arrays(saved):
    path, members = saved
    bomb = npy("(8000000, 2)", "'<i4'", bytes(64_000_000))
    path.write_bytes(zipped(members | {"edges.npy": bomb}, zipfile.ZIP_DEFLATED))
    assert_refused(path, "compressed arrays")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["patterns", "exact_numerators", "name", "weight_0"])
@pytest.mark.parametrize(
    "data",
    [
        npy("(10000000000,)", "'<U0'"),
        npy("(1000000000000, 2)", "'<f8'"),
        npy("(1,)", "'<f8'", bytes(9)),
        npy("(1,)", "('<f8', (1000000, 1000000))"),
        npy("(" * 3000 + ")" * 3000, "'<f8'"),
        npy("(1,)", "'|O'", bytes(8)),
        npy("(0, 1000000000000)", "'<u8'"),
        b"",
    ],
    ids=lambda data: repr(data[10:60].decode("latin-1")),
)
def test_headers_of_a_result(saved, key, data):
    path, members = saved
    del members["checksum.npy"]
    path.write_bytes(zipped(members | {f"{key}.npy": data}))
    assert_refused(path, "truncated, damaged or not a saved result")


@pytest.mark.parametrize("kind", ["duplicates", "overlapping", "encrypted", "another method"])
def test_archives_that_hold_no_result(saved, kind):
    path, members = saved
    path.write_bytes(ARCHIVES[kind](members))
    assert_refused(path, "truncated, damaged or not a saved result")


@pytest.mark.parametrize("key", ["witnesses", "name", "complete", "weight_1", "domain"])
def test_a_changed_array_has_another_checksum(saved, key):
    path, members = saved
    data = bytearray(members[f"{key}.npy"])
    data[-1] ^= 1
    path.write_bytes(zipped(members | {f"{key}.npy": bytes(data)}))
    assert_refused(path, "its checksum is that of something else")
    path.write_bytes(zipped({name: data for name, data in members.items() if name != "edges.npy"}))
    assert_refused(path, "its checksum is that of something else")


@pytest.mark.slow
def test_equal_rows_are_refused_before_all_are_read(tmp_path, deep):
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    path = tmp_path / "out.parquet"
    enumerate_to_file(deep, pr.Box.cube(3, 1.0), path)
    part = path / "edges" / "part-00000.parquet"
    row = parquet.read_table(part).slice(0, 1)
    many = row.take(pyarrow.array(np.zeros(8_000_000, dtype=np.int32)))
    parquet.write_table(many, part, compression="zstd")
    del many
    manifest = json.loads((path / "manifest.json").read_bytes())
    del manifest["check"]
    manifest["parts"]["edges"][0] = {"file": f"edges/{part.name}", "rows": 8_000_000}
    (path / "manifest.json").write_text(json.dumps(manifest))
    assert part.stat().st_size < 200_000
    assert_refused(path, "rows are not sorted")


MANIFESTS = {
    "nested": lambda manifest: b"[" * 200_000,
    "nested objects": lambda manifest: b'{"a":' * 200_000,
    "an infinite number": lambda manifest: changed(manifest, 0, float("inf")),
    "a huge number": lambda manifest: changed(manifest, 0, 10**30),
    "a number of too many digits": lambda manifest: b'{"format": ' + b"9" * 5000 + b"}",
    "a negative number": lambda manifest: changed(manifest, 0, -1),
    "a fraction": lambda manifest: changed(manifest, 0, 1.5),
    "a truth value": lambda manifest: changed(manifest, 0, True),
    "text": lambda manifest: changed(manifest, 0, "many"),
    "nothing": lambda manifest: changed(manifest, 0, None),
    "a list": lambda manifest: changed(manifest, 0, []),
    "an object": lambda manifest: changed(manifest, 0, {}),
    "not UTF-8": lambda manifest: b"\xff\xfe\x00",
    "a list of lists": lambda manifest: b"[[]]",
}


def changed(manifest, place, value):
    """Change one number that a manifest says of a chunk or part."""
    manifest = json.loads(json.dumps(manifest))
    manifest.pop("check", None)
    if "chunks" in manifest:
        manifest["chunks"][place]["totals"]["regions"] = value
    else:
        manifest["parts"]["edges"][place]["rows"] = value
    return signed_manifest(manifest)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MANIFESTS)
def test_malformed_manifests(tmp_path, deep, kind):
    box = pr.Box.cube(3, 1.0)
    enumerate_to_file(deep, box, tmp_path / "out.npz", max_regions=20, interval=0)
    file = tmp_path / "out.npz.checkpoint" / "manifest.json"
    file.write_bytes(MANIFESTS[kind](json.loads(file.read_bytes())))
    with pytest.raises(pr.CheckpointError, match="is damaged") as error:
        enumerate_to_file(deep, box, tmp_path / "out.npz", resume=True)
    assert "\n" not in str(error.value)
    if pyarrow_is_there():
        enumerate_to_file(deep, box, tmp_path / "out.parquet")
        file = tmp_path / "out.parquet" / "manifest.json"
        file.write_bytes(MANIFESTS[kind](json.loads(file.read_bytes())))
        assert_refused(tmp_path / "out.parquet", "damaged")


def pyarrow_is_there():
    return importlib.util.find_spec("pyarrow") is not None


def leaves(value, path=()):
    """The places of everything in a manifest."""
    yield path
    if isinstance(value, list):
        value = dict(enumerate(value))
    for key, part in value.items() if isinstance(value, dict) else ():
        yield from leaves(part, (*path, key))


@pytest.mark.slow
@pytest.mark.parametrize("value", [None, -1, 10**19, 1.5, "x", [], {}, True, float("inf")])
def test_every_place_of_a_manifest(tmp_path, deep, value):
    # whatever is changed: it opens as what it was, or there is one sentence
    box = pr.Box.cube(3, 1.0)
    enumerate_to_file(deep, box, tmp_path / "out.npz", max_regions=20, interval=0)
    folder = tmp_path / "out.npz.checkpoint"
    whole = json.loads((folder / "manifest.json").read_bytes())
    del whole["check"]
    for path in leaves(whole):
        manifest = json.loads(json.dumps(whole))
        place = manifest
        for key in path[:-1]:
            place = place[key]
        if path:
            place[path[-1]] = value
        else:
            manifest = {"format": value}
        (folder / "manifest.json").write_bytes(signed_manifest(manifest))
        if path == ("chunks",) and value == []:
            continue  # a run that has saved nothing yet
        # the totals of all chunks are for people who look, and one field is a truth value
        fits = path[:1] == ("totals",) or (path[-1:] == ("resolving",) and value is True)
        expected = nullcontext() if fits else pytest.raises(pr.CheckpointError)
        with expected, open_checkpoint(folder, whole["identity"], resume=True) as checkpoint:
            restored(problem_of(deep, box), checkpoint, keep=True)


def test_a_chunk_that_claims_more_than_it_holds(tmp_path, deep):
    box = pr.Box.cube(3, 1.0)
    enumerate_to_file(deep, box, tmp_path / "out.npz", max_regions=20, interval=0)
    file = tmp_path / "out.npz.checkpoint" / "manifest.json"
    manifest = json.loads(file.read_bytes())
    del manifest["check"]
    manifest["chunks"][-1]["totals"]["regions"] = 10**12
    for size, said in ((None, "claims more than it holds"), (10**15, "its size has changed")):
        manifest["chunks"][-1]["size"] = size or manifest["chunks"][-1]["size"]
        file.write_bytes(signed_manifest(manifest))
        with pytest.raises(pr.CheckpointError, match=said):
            enumerate_to_file(deep, box, tmp_path / "out.npz", resume=True)


def test_an_array_inside_another(tmp_path):
    # the bytes of one are entries of the other: many in each other would be a bomb
    inner = zipped({"inner.npy": npy("(10000,)", "'|u1'", bytes(10_000))})
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        outer = npy(f"({len(inner)},)", "'|u1'", inner)
        archive.writestr(zipfile.ZipInfo("outer.npy"), outer)
        with zipfile.ZipFile(io.BytesIO(inner)) as other:
            [entry] = other.infolist()
        entry.header_offset = stream.getvalue().index(inner)
        archive.filelist.append(entry)
    path = tmp_path / "nested.npz"
    path.write_bytes(stream.getvalue())
    with pytest.raises(ValueError, match="claims more than it holds"):
        read_npz(path)
