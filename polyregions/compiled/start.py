"""What happens when a kernel is called that is not loaded, and the process that compiles it.

If it is on disk, it is loaded. If not, it runs as plain Python. Once that has taken a second
in all, a second process is asked to compile the kernel, and this goes on until it is on disk;
if no such process can be had, the kernel is compiled here and now, as it is inside
:func:`only_compiled`.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib import import_module
from pathlib import Path
from types import FunctionType
from typing import IO, Any, NamedTuple

import numba
import numpy as np
from numba.core import event, types
from numba.core.dispatcher import Dispatcher

from polyregions.compiled.kernel_files import LOG, kept

__all__ = [
    "Compiler",
    "Stopwatch",
    "Times",
    "as_text",
    "callees",
    "compiled_beside",
    "from_text",
    "only_compiled",
    "plain_twin",
    "run_plain_until_compiled",
    "watched",
]

_TWINS: dict[Any, Callable[..., Any]] = {}

_COMPILE_FIRST = "POLYREGIONS_COMPILE_FIRST"
_PLAIN_SECONDS = 1.0  # how long kernels run plain before a compiler is worth starting


def as_text(kind: Any) -> Any:
    """Return a Numba type as lists, strings and numbers, which JSON can hold.

    Raises
    ------
    TypeError
        If it is none of the types that kernels take: numbers, arrays, records of numbers,
        None, and tuples of them.

    Examples
    --------
    >>> as_text(types.float64[:, ::1])
    ['array', 'float64', 2, 'C', False, True]
    """
    if isinstance(kind, types.Array):
        return [
            "array", as_text(kind.dtype), kind.ndim, kind.layout, not kind.mutable, kind.aligned
        ]  # fmt: skip
    if isinstance(kind, types.Record):
        return ["record", [[name, as_text(field.type)] for name, field in kind.fields.items()]]
    if isinstance(kind, types.BaseTuple):
        items: Any = kind
        cls = getattr(kind, "instance_class", tuple)
        return ["tuple", cls.__module__, cls.__qualname__, [as_text(item) for item in items.types]]
    if isinstance(kind, types.Number | types.Boolean | types.NoneType):
        return str(kind)
    raise TypeError(f"no kernel takes {kind}")


def from_text(text: Any) -> Any:
    """Return the type that `as_text` wrote.

    Examples
    --------
    >>> pair = types.Tuple([types.int64, types.uint64[::1]])
    >>> from_text(as_text(pair)) == pair
    True
    """
    if isinstance(text, str):
        return getattr(types, "boolean" if text == "bool" else text)
    if text[0] == "array":
        _, dtype, ndim, layout, readonly, aligned = text
        return types.Array(from_text(dtype), ndim, layout, readonly=readonly, aligned=aligned)
    if text[0] == "record":
        fields = [(name, str(from_text(kind))) for name, kind in text[1]]
        return numba.from_dtype(np.dtype(fields, align=True))
    _, module, name, items = text
    cls = getattr(import_module(module), name)
    members = [from_text(item) for item in items]
    if cls is tuple:
        return types.Tuple(members)
    return types.BaseTuple.from_types(members, cls)


class Compiler:
    """The process, seen from the one that waits for its kernels.

    Attributes
    ----------
    progress : tuple of int
        How many of how many kernels are compiled, of the one it is at.

    Raises
    ------
    OSError
        If no process can be started.
    """

    def __init__(self) -> None:
        name = Path(sys.executable or "").name.lower()
        if "python" not in name or getattr(sys, "frozen", False):
            raise OSError("this interpreter is part of another program")
        self.progress = (0, 0)
        self._asked: dict[Any, int] = {}
        self._answers = 0
        self._lock = threading.Lock()
        process = subprocess.Popen(
            # -P: no module of the folder that the user is in stands before Python's own
            [sys.executable, "-P", "-W", "ignore", "-m", __package__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # it finds what this process has imported, and Ctrl-C is not for it
            env={**os.environ, "PYTHONPATH": os.pathsep.join(p or os.getcwd() for p in sys.path)},
            start_new_session=True,
            text=True,
        )
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._questions = process, process.stdin
        atexit.register(self.end)
        threading.Thread(target=self._listen, args=[process.stdout], daemon=True).start()

    def ask(self, dispatcher: Any, kinds: tuple[Any, ...]) -> bool:
        """Ask once for a kernel; return False if it will not come.

        Parameters
        ----------
        dispatcher : numba Dispatcher
        kinds : tuple of numba types
            Of the arguments.

        Raises
        ------
        OSError
            If the process is gone.
        TypeError
            If a kernel of such types cannot be named to it.
        """
        with self._lock:
            if (dispatcher, kinds) not in self._asked:
                function = dispatcher.py_func
                line = [function.__module__, function.__name__, [as_text(kind) for kind in kinds]]
                self._questions.write(json.dumps(line) + "\n")
                self._questions.flush()
                self._asked[dispatcher, kinds] = len(self._asked)
            answered = self._asked[dispatcher, kinds] < self._answers
            return not answered and self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to come."""
        return not self.idle and self._process.poll() is None

    @property
    def idle(self) -> bool:
        """Whether all that was asked for has been answered; an idle process ends after a while."""
        return self._answers >= len(self._asked)

    @property
    def ended(self) -> bool:
        """Whether the process is gone."""
        return self._process.poll() is not None

    def end(self) -> None:
        """End the process, in the middle of whatever it does."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.wait()
        with suppress(OSError):  # what was written to nobody
            self._questions.close()

    def _listen(self, answers: IO[str]) -> None:
        with answers:
            for line in answers:
                word, *numbers = line.split() or [""]
                if word in ("done", "failed"):
                    self._answers += 1
                elif word == "compiled":
                    self.progress = int(numbers[0]), int(numbers[1])


def plain_twin(dispatcher: Any) -> Callable[..., Any]:
    """Return a function with the code of a kernel, whose calls go to plain twins, too.

    Arrays and tuples are those of the kernel, so one may go on where the other stopped.
    Arithmetic is that of numpy's numbers: integers wrap and floats overflow as in compiled
    code, and numpy warns of it; see `numpy.errstate`.

    Parameters
    ----------
    dispatcher : numba Dispatcher
        A kernel.

    Returns
    -------
    callable
    """
    with _START.lock:  # nobody gets a twin whose names are not all there yet
        if dispatcher not in _TWINS:
            function = dispatcher.py_func
            names: dict[str, Any] = {"__name__": function.__name__}
            _TWINS[dispatcher] = FunctionType(function.__code__, names, function.__name__)
            names.update(
                (name, plain_twin(value) if isinstance(value, Dispatcher) else value)
                for name, value in _globals_used(function)
            )
        return _TWINS[dispatcher]


def callees(dispatcher: Any) -> set[Any]:
    """Return a kernel and all kernels that it calls, directly or not."""
    found, waiting = set(), [dispatcher]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            used = (value for _, value in _globals_used(one.py_func))
            waiting.extend(value for value in used if isinstance(value, Dispatcher))
    return found


def _globals_used(function: Any) -> list[tuple[str, Any]]:
    around = function.__globals__
    return [(name, around[name]) for name in function.__code__.co_names if name in around]


class _KernelsHere:
    """What this process has done about its kernels."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.only_compiled = 0  # open blocks that allow no plain Python
        self.plain_seconds = 0.0
        self.compiler: Compiler | None = None
        self.loading = 0  # threads that load or compile
        self.loading_since = self.loading_seconds = 0.0

    @contextmanager
    def time_of_loading(self) -> Iterator[None]:
        """Account for the block, once for all threads, as time that is not the network's."""
        with self.lock:
            self.loading += 1
            if self.loading == 1:
                self.loading_since = time.monotonic()
        try:
            yield
        finally:
            with self.lock:
                self.loading -= 1
                if self.loading == 0:
                    self.loading_seconds += time.monotonic() - self.loading_since

    def runs_plain(self, dispatcher: Any, args: tuple[Any, ...]) -> bool:
        """Return whether a kernel that is not loaded shall run as plain Python."""
        if self.only_compiled or os.environ.get(_COMPILE_FIRST, "0") not in ("", "0"):
            return False
        is_long = self.plain_seconds > _PLAIN_SECONDS
        if not kept(dispatcher):
            return not is_long
        kinds = tuple(map(dispatcher.typeof_pyval, args))
        cache = dispatcher._cache
        if cache._cache_file.holds(cache._index_key(kinds, dispatcher.targetctx.codegen())):
            return False
        return not is_long or self.asked(dispatcher, kinds)

    def asked(self, dispatcher: Any, kinds: tuple[Any, ...]) -> bool:
        """Return whether another process is at work on a kernel."""
        with self.lock:
            try:
                if self.compiler is None or (self.compiler.ended and self.compiler.idle):
                    self.compiler = Compiler()
                    LOG.info(
                        "kernels are not compiled yet: a second process compiles them, and "
                        "this one goes on slowly until they are there"
                    )
                return self.compiler.ask(dispatcher, kinds)
            except (OSError, TypeError):
                return False


_START = _KernelsHere()


def _after_fork() -> None:
    """Leave another process its compiler; a lock that it held would never be released here."""
    _START.lock, _START.compiler, _START.loading = threading.RLock(), None, 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def compiled_beside() -> tuple[int, int] | None:
    """Return how many of how many kernels a second process has compiled; None if it is idle."""
    compiler = _START.compiler
    return compiler.progress if compiler is not None and compiler.busy else None


def run_plain_until_compiled(dispatcher: Any, from_python: Callable[[], Any]) -> None:
    """Let a kernel's calls find plain Python where there is no compiled kernel yet.

    Parameters
    ----------
    dispatcher : numba Dispatcher
        It asks for what is to be called when nothing is loaded for the arguments; calls
        that find a loaded kernel never come here.
    from_python : callable
        Returns a kernel that can be called from Python, for one that cannot.
    """
    compile_here = dispatcher._compile_for_args

    def plain(*args: Any) -> Any:
        begin = time.monotonic()
        try:
            with np.errstate(all="ignore"):  # hashes wrap, and bounds overflow, by design
                return plain_twin(dispatcher)(*args)
        finally:
            _START.plain_seconds += time.monotonic() - begin

    def for_args(*args: Any) -> Any:
        if "no_cpython_wrapper" in dispatcher.targetoptions:
            return from_python()
        if _START.runs_plain(dispatcher, args):
            return plain
        with _START.time_of_loading():
            return compile_here(*args)

    dispatcher._compile_for_args = for_args


@contextmanager
def only_compiled(wanted: bool = True) -> Iterator[None]:
    """Let no kernel run as plain Python inside the block, if that is wanted.

    For whatever promises the same bytes in every run: each kernel is compiled before it runs,
    in all threads. The environment variable ``POLYREGIONS_COMPILE_FIRST=1`` does the same for
    a whole process.
    """
    with _START.lock:
        _START.only_compiled += wanted
    try:
        yield
    finally:
        with _START.lock:
            _START.only_compiled -= wanted


class Times(NamedTuple):
    """What a computation took, and apart from it what loading and compiling kernels took."""

    seconds: float
    start_seconds: float


class Stopwatch:
    """Tells the times since it was made."""

    def __init__(self) -> None:
        self._begin, self._loaded = _now()

    def times(self) -> Times:
        """Return the times so far."""
        now, loaded = _now()
        start = loaded - self._loaded
        return Times(max(0.0, now - self._begin - start), start)

    @property
    def seconds(self) -> float:
        """What the computation took so far."""
        return self.times().seconds


def _now() -> tuple[float, float]:
    """Return the time, and how much of it went into loading and compiling kernels."""
    with _START.lock:
        now = time.monotonic()
        return now, _START.loading_seconds + (now - _START.loading_since) * bool(_START.loading)


def _is_ours(event: Any) -> bool:
    """Return whether what is compiled is a kernel; a function may have no module."""
    return (event.data["dispatcher"].py_func.__module__ or "").startswith("polyregions.")


class _Watch(event.Listener):
    """Counts kernels as they are compiled in this process."""

    def __init__(self, told: Callable[[int, int], None], total: int | None) -> None:
        self.told, self.total = told, total
        self.depth = self.done = 0

    def on_start(self, event: Any) -> None:
        if _is_ours(event):
            if self.depth == 0 and self.total is None:
                self.total = self.done + len(callees(event.data["dispatcher"]))
            self.depth += 1

    def on_end(self, event: Any) -> None:
        if _is_ours(event):
            self.depth -= 1
            self.done += 1
            self.told(self.done, max(self.done, self.total or 0))


@contextmanager
def watched(told: Callable[[int, int], None], total: int | None = None) -> Iterator[None]:
    """Call back with (so many, of so many) while kernels are compiled inside the block.

    Parameters
    ----------
    told : callable
    total : int, optional
        By default, the kernels that the first one calls.
    """
    with event.install_listener("numba:compile", _Watch(told, total)):
        yield


class _Announcer(event.Listener):
    """Tells why the first call of a kind takes so long."""

    told = False

    def on_start(self, event: Any) -> None:
        if not self.told and _is_ours(event):
            self.told = True
            LOG.warning(
                "compiling kernels, about a minute: the first run of a kind does this, "
                "later ones are fast"
            )

    def on_end(self, event: Any) -> None:
        """Do nothing: one announcement is enough."""


_ANNOUNCER = _Announcer()
event.register("numba:compile", _ANNOUNCER)
