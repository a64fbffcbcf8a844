"""A second process that compiles kernels into the folder on disk, for this one to load."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import IO, Any

import numba
import numpy as np
from numba.core import types

__all__ = ["Compiler", "as_text", "from_text"]


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
