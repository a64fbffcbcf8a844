"""A second process that compiles kernels into the folder on disk, for this one to load."""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from polyregions.compiled.signatures import as_text

__all__ = ["Compiler"]


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
        if "python" not in Path(sys.executable or "").name.lower():
            raise OSError("this interpreter is part of another program")
        self.progress = (0, 0)
        self._asked: dict[Any, int] = {}
        self._answers = 0
        self._lock = threading.Lock()
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __package__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # it finds what this process has imported, and Ctrl-C is not for it
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
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
        return self._answers < len(self._asked) and self._process.poll() is None

    def end(self) -> None:
        """End the process, in the middle of whatever it does."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.wait()

    def _listen(self, answers: IO[str]) -> None:
        with answers:
            for line in answers:
                if line[0].isdigit():
                    done, total = map(int, line.split())
                    self.progress = done, total
                else:
                    self._answers += 1
