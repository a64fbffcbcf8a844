"""Kernels: on disk whole or not at all, compiled by another process, plain until then."""

from __future__ import annotations

import importlib
import os
import random
import re
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numba
import numpy as np
import pytest
from plain_kernels import run_plain
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions import compiled
from polyregions.compiled import kernel_files as files
from polyregions.compiled import start
from polyregions.compiled.start import as_text, callees, from_text, plain_twin
from polyregions.network.flat import FlatNetwork
from polyregions.tree.subdivision import count_tree
from polyregions.walk.prefixes import Prefixes
from polyregions.walk.visited import insert
from polyregions.walk.walk_kernel import advance

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled here")


def in_a_process(code, folder, **environment):
    """Run Python with an own folder of kernels; return its output."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(code)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "NUMBA_CACHE_DIR": str(folder),
            "POLYREGIONS_COMPILE_FIRST": "0",
            **environment,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


# on disk


def test_files_are_named_after_all_sources():
    stamp = files._STAMP[0][:16]
    own = insert._cache._cache_file
    assert own._source_stamp == files._STAMP
    # a kernel found under another stamp would be another kernel
    assert own._index_name.startswith(stamp)
    assert own._index_path.endswith(own._index_name)
    assert own._data_name(1).startswith(stamp)


@compiled.exact_order_kernel
def increased(number):
    return number + 1


@compiled.entry
@compiled.exact_order_kernel
def increased_by_both(number):
    return increased(number) * increased(10)


@pytest.mark.slow
def test_a_constant_argument_compiles_no_second_copy(tmp_path):
    code = """
        from polyregions.compiled import entry, exact_order_kernel, only_compiled

        @exact_order_kernel
        def increased(number):
            return number + 1

        @entry
        @exact_order_kernel
        def increased_by_both(number):
            return increased(number) * increased(10)

        with only_compiled():
            print(increased_by_both(2), len(increased.signatures))
    """
    assert in_a_process(code, tmp_path)[0] == "33 1\n"


SMALL = """
    import numpy as np
    from polyregions.compiled import only_compiled
    from polyregions.walk.visited import EMPTY, empty_table, rebuild
    from numba.core import event

    class Seen(event.Listener):
        names = []
        def on_start(self, event): self.names.append(event.data["dispatcher"].py_func.__name__)
        def on_end(self, event): pass
    event.register("numba:compile", Seen())

    def call():
        table = empty_table(8)
        rebuild(table, np.arange(3, dtype=np.uint64).reshape(3, 1), 3)
        return sorted(table[table != EMPTY].tolist())
"""


# a kernel that is compiled here is on disk, as the next process will find it
HEALED = """
    with only_compiled():
        print(call(), len(Seen.names), end=" ")
    again = rebuild._cache.load_overload(rebuild.signatures[0], rebuild.targetctx)
    print(again is not None)
"""


@pytest.fixture(scope="module")
def compiled_once(tmp_path_factory):
    """A folder with the kernels of SMALL."""
    folder = tmp_path_factory.mktemp("kernels")
    assert in_a_process(SMALL + HEALED, folder)[0] == "[0, 1, 2] 2 True\n"
    return folder


@pytest.mark.slow
def test_a_whole_file_is_not_compiled_again(compiled_once):
    assert in_a_process(SMALL + HEALED, compiled_once) == ("[0, 1, 2] 0 True\n", "")


LOADED = """
    import sys
    with only_compiled():
        print(call(), len(Seen.names), {"numba.np.linalg", "scipy.linalg"} & sys.modules.keys())

    from polyregions.compiled import entry, exact_order_kernel
    from polyregions.walk.visited import hash_words

    @entry
    @exact_order_kernel
    def hashed_twice(words):
        return hash_words(words), hash_words(words)

    with only_compiled():
        one, other = hashed_twice(np.ones(1, dtype=np.uint64))
    print(one == other, Seen.names)
"""


@pytest.mark.slow
def test_what_is_only_loaded_imports_nothing_to_compile_with(compiled_once, tmp_path):
    folder = shutil.copytree(compiled_once, tmp_path / "kernels")
    told, _ = in_a_process(SMALL + LOADED, folder)
    assert told == "[0, 1, 2] 0 set()\nTrue ['hashed_twice']\n"


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["cut", "empty", "other bytes"])
@pytest.mark.parametrize("ending", [".nbi", ".nbc"])
def test_a_damaged_file_is_compiled_again(compiled_once, tmp_path, damage, ending):
    folder = shutil.copytree(compiled_once, tmp_path / "kernels")
    [path] = folder.rglob(f"*rebuild*{ending}")
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "cut": content[:middle],
            "empty": b"",
            "other bytes": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
        }[damage]
    )
    again, errors = in_a_process(SMALL + HEALED, folder)
    assert again == "[0, 1, 2] 1 True\n"
    assert "damaged" in errors


@pytest.mark.slow
def test_without_a_folder_kernels_run_all_the_same(tmp_path):
    code = """
        from numba.core import caching
        def nowhere(self, *args): raise RuntimeError("cannot cache function")
        caching.FunctionCache.__init__ = nowhere
        import polyregions as pr
        net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        print(len(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))))
    """
    assert in_a_process(code, tmp_path)[0] == "3\n"


@pytest.mark.slow
def test_a_folder_that_may_not_be_written_is_read_without_a_word(tmp_path):
    """As in an image that root has prepared."""
    code = SMALL + "\n    with only_compiled(): print(call(), len(Seen.names))"
    assert in_a_process(code, tmp_path)[0] == "[0, 1, 2] 2\n"
    before = sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*"))
    # root may write everywhere
    locked = """
    import builtins, os, tempfile
    def locked(function):
        def called(*args, **kwargs):
            folder = os.environ["NUMBA_CACHE_DIR"]
            if any(str(a).startswith(folder) for a in (*args, *kwargs.values())):
                if function.__name__ != "open" or "w" in "".join(map(str, args[1:])):
                    raise PermissionError(13, "Permission denied")
            return function(*args, **kwargs)
        return called
    builtins.open, os.utime = locked(open), locked(os.utime)
    os.replace, os.unlink, tempfile.TemporaryFile = map(
        locked, (os.replace, os.unlink, tempfile.TemporaryFile)
    )
    """
    assert in_a_process(locked + code, tmp_path) == ("[0, 1, 2] 0\n", "")
    assert sorted((path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")) == before


@pytest.mark.slow
def test_kernels_of_other_versions_are_removed_a_month_after_their_last_use(tmp_path):
    code = SMALL + "\n    with only_compiled(): call()"
    in_a_process(code, tmp_path)
    folders = {path.parent for path in tmp_path.rglob("*.nbi")}
    for folder in folders:
        for name, days in {"0" * 16: 31, "1" * 16: 29}.items():
            for file in (f"{name}-one.nbi", f"{name}-one.nbc", f"{name}-notes.txt", "other.nbi"):
                (folder / file).write_bytes(b"")
                past = time.time() - days * 86400
                os.utime(folder / file, (past, past))
    for path in [*tmp_path.rglob(f"{files._PREFIX}*.nb?")]:
        past = time.time() - 40 * 86400
        os.utime(path, (past, past))
    kept = sorted(p for p in tmp_path.rglob("*.*") if not re.match("0{16}-one.nb", p.name))
    in_a_process(code, tmp_path)  # nothing is written: nothing is removed, but use is noted
    own = [*tmp_path.rglob(f"{files._PREFIX}*rebuild*.nb?")]  # it holds what it calls
    assert own
    assert all(time.time() - path.stat().st_atime < 3600 for path in own)
    for path in own:
        if path.suffix == ".nbc":
            path.unlink()  # so that kernels are written once more
    in_a_process(code, tmp_path)
    assert sorted(tmp_path.rglob("*.*")) == kept


@pytest.mark.slow
def test_without_compilation_nothing_is_said_of_overflow(tmp_path):
    code = """
        import polyregions as pr
        from polyregions.tree.subdivision import count_tree
        net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
        print(len(pr.enumerate_regions(net, pr.Box.cube(2, 1.0))), count_tree(net, None).regions)
    """
    assert in_a_process(code, tmp_path, NUMBA_DISABLE_JIT="1") == ("7 7\n", "")


# compiled by another process


WAIT = """
    import time
    from polyregions.compiled import start
    start._PLAIN_SECONDS = -1.0
    expected, loaded = call(), False
    deadline = time.monotonic() + 300
    while not loaded and time.monotonic() < deadline:
        assert call() == expected
        loaded = bool(rebuild.signatures)
        time.sleep(0.05)
"""


@pytest.mark.slow
def test_another_process_compiles_and_this_one_takes_over(tmp_path):
    code = SMALL + WAIT + "\n    print(expected, loaded, Seen.names)"
    assert in_a_process(code, tmp_path)[0] == "[0, 1, 2] True []\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    "trouble",
    [
        "import sys; sys.executable = ''",
        "import sys; sys.executable = sys.executable + '-that-is-not-there'",
        "start._START.runs_plain(rebuild, (empty_table(8),"
        " np.zeros((3, 1), dtype=np.uint64), 3)); start._START.compiler.end()",
    ],
    ids=["no interpreter", "not startable", "killed"],
)
def test_this_process_compiles_if_no_other_does(tmp_path, trouble):
    wait = WAIT.replace("expected, loaded", f"{trouble}\n    expected, loaded")
    code = SMALL + wait + "\n    print(expected, loaded, Seen.names[0])"
    assert in_a_process(code, tmp_path)[0] == "[0, 1, 2] True rebuild\n"


@pytest.mark.slow
def test_the_other_process_ends_with_this_one(tmp_path):
    code = """
        import sys
        import polyregions as pr
        from polyregions import examples
        from polyregions.compiled import start
        start._PLAIN_SECONDS = -1.0
        net = pr.load(examples.path("digits2"))
        print(len(pr.enumerate_regions(net, pr.Box.cube(2, 1.0), max_regions=40)))
        print(start._START.compiler._process.pid, len(start._START.compiler._asked))
    """
    lines = in_a_process(code, tmp_path)[0].split()
    assert int(lines[0]) == 40
    assert int(lines[2]) > 0
    with pytest.raises(ProcessLookupError):
        os.kill(int(lines[1]), 0)


@pytest.mark.slow
def test_a_short_question_starts_no_compiler(tmp_path):
    code = """
        import polyregions as pr
        from polyregions.compiled import start
        net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
        print(len(pr.enumerate_regions(net, pr.Box.cube(1, 1.0))), start._START.compiler)
    """
    assert in_a_process(code, tmp_path)[0] == "3 None\n"
    assert not list(tmp_path.rglob("*.nbi"))


@pytest.mark.slow
@pytest.mark.parametrize("argument", [{}, {"POLYREGIONS_COMPILE_FIRST": "1"}])
def test_compiling_first(tmp_path, argument):
    block = "" if argument else "with only_compiled():"
    code = SMALL + f"\n    {block or 'if True:'} print(call(), Seen.names[0])"
    out, errors = in_a_process(code, tmp_path, **argument)
    assert out == "[0, 1, 2] rebuild\n"
    assert "compiling kernels" in errors


@pytest.mark.slow
def test_no_module_of_the_user_s_folder_is_run(tmp_path, monkeypatch):
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "queue.py").write_text("open('was run', 'w')\n")
    monkeypatch.chdir(tmp_path / "user")
    paths = os.pathsep.join(p for p in sys.path if p)
    wait = "import sys; sys.path.remove('')\n" + textwrap.dedent(SMALL + WAIT) + "\nprint(loaded)"
    assert in_a_process(wait, tmp_path / "kernels", PYTHONPATH=paths)[0] == "True\n"
    assert not (tmp_path / "user" / "was run").exists()


def stamped(path, monkeypatch):
    """Whether another content of a file makes another stamp."""
    before, read = files._stamp(), Path.read_bytes
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", lambda p: read(p) + b"\n" * (p == path))
        return files._stamp() != before


@pytest.mark.slow
def test_the_stamp_covers_what_kernels_use(monkeypatch):
    modules = {kernel.py_func.__module__ for kernel in compiled.kernels()}
    modules |= {cls.__module__ for cls in (FlatNetwork, Prefixes)}
    assert "polyregions.network.flat" in modules
    for module in modules:
        if module.startswith("polyregions."):
            assert stamped(Path(importlib.import_module(module).__file__), monkeypatch), module
    assert not stamped(Path(pr.__file__).parent / "cli" / "report.py", monkeypatch)


@pytest.mark.slow
def test_a_full_disk_does_not_end_a_run(tmp_path):
    code = (
        SMALL
        + """
    from polyregions.compiled.kernel_files import CheckedFiles
    def full(self, *args): raise OSError(28, "No space left on device")
    CheckedFiles._save_data = full
    with only_compiled(): print(call())
    """
    )
    out, errors = in_a_process(code, tmp_path)
    assert out == "[0, 1, 2]\n"
    assert errors.count("cannot be kept on disk (No space left on device)") == 1


@pytest.mark.slow
def test_threads_share_plain_kernels(tmp_path):
    code = """
        import numpy as np
        import polyregions as pr
        from polyregions.compiled import start
        start._PLAIN_SECONDS = 1e9
        rng = np.random.default_rng(5)
        layers = [(rng.normal(size=(12, 2)), rng.normal(size=12)), (np.ones((1, 12)), [0.0])]
        net, box = pr.Network.from_arrays(layers), pr.Box.cube(2, 3.0)
        print(len(pr.enumerate_regions(net, box, threads=2)), pr.count_regions(net, box, threads=2))
    """
    out = in_a_process(code, tmp_path)[0].split()
    assert out[0] == out[1]
    assert int(out[0]) > 20
    assert not list(tmp_path.rglob("*.nbi"))


def test_large_networks_wait_for_compiled_kernels(tmp_path):
    code = """
        import numpy as np
        import polyregions as pr
        from numba.core import event
        from polyregions.run.problem import whole_problem
        rng = np.random.default_rng(5)
        layers = [(rng.normal(size=(40, 70)), rng.normal(size=40)), (np.ones((1, 40)), [0.0])]
        print(whole_problem(pr.Network.from_arrays(layers), pr.Box.cube(70, 3.0)).is_large)
        small = pr.Network.from_arrays([(np.eye(2), [0.0, 0.0]), ([[1, 1]], [0])])
        print(whole_problem(small, pr.Box.cube(2, 3.0)).is_large)
    """
    assert in_a_process(code, tmp_path)[0] == "True\nFalse\n"


def test_types_of_arguments_travel_as_text():
    for inputs in (2, 3):  # a walk of the plane has another type
        pr.enumerate_regions(*random_case("generic", 0, inputs=inputs), compile_first=True)
    assert len(advance.signatures) == 2
    for kinds in advance.signatures:
        assert tuple(from_text(as_text(kind)) for kind in kinds) == kinds
    with pytest.raises(TypeError, match="no kernel takes"):
        as_text(start)


# plain


def same(one: pr.Regions, other: pr.Regions) -> None:
    assert np.array_equal(one.patterns, other.patterns)
    assert np.array_equal(one.edges, other.edges)
    assert one.proven
    assert other.proven


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_plain_mixed_and_compiled_kernels_agree(family):
    coin = random.Random(0)
    for seed in range(17):
        network, domain = random_case(family, seed, units=6)
        regions = pr.enumerate_regions(network, domain, compile_first=True)
        counts = count_tree(network, domain, compile_first=True)
        with run_plain() as called:
            same(regions, pr.enumerate_regions(network, domain))
            assert count_tree(network, domain) == counts
        assert "advance" in called or len(regions) == 1
        with run_plain(lambda: coin.random() < 0.5):
            same(regions, pr.enumerate_regions(network, domain))
            same(regions, pr.enumerate_regions(network, domain, threads=2))


def test_a_walk_changes_over_in_the_middle():
    rng = np.random.default_rng(5)
    network = pr.Network.from_arrays(
        [(rng.normal(size=(12, 2)), rng.normal(size=12)), (np.ones((1, 12)), [0.0])]
    )
    calls = iter(range(1000))
    regions = pr.enumerate_regions(network, pr.Box.cube(2, 3.0), compile_first=True)
    with run_plain(lambda: next(calls) < 2) as called:
        same(regions, pr.enumerate_regions(network, pr.Box.cube(2, 3.0)))
    assert len(called) == 2


def test_a_twin_calls_twins():
    assert callees(increased_by_both) == {increased, increased_by_both}
    assert plain_twin(increased_by_both)(2) == 33
    assert plain_twin(increased_by_both).__globals__["increased"] is plain_twin(increased)


def test_what_goes_into_kernels_is_no_computing(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(start.time, "monotonic", lambda: now[0])
    watch = compiled.Stopwatch()
    now[0] += 2.0
    with start._START.time_of_loading():
        now[0] += 1.0
        with start._START.time_of_loading():  # another thread: the same second is not two
            now[0] += 1.0
            assert watch.times() == (2.0, 2.0)
        now[0] += 1.0
    now[0] += 0.5
    assert watch.times() == compiled.Times(seconds=2.5, start_seconds=3.0)


@pytest.mark.slow
def test_progress_of_compiling(tmp_path):
    code = (
        SMALL
        + """
    from polyregions.compiled import watched
    with watched(lambda *numbers: print(*numbers)), only_compiled(): call()
    """
    )
    assert in_a_process(code, tmp_path)[0] == "1 2\n2 2\n"
