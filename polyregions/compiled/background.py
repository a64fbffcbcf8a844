"""A second process that compiles kernels into the folder on disk, for this one to load.

    python -m polyregions.compiled.background

reads a kernel and its argument types a line, and answers each line with one: of a progress
("34 73": so many kernels of so many), or "done" when the kernel is on disk, or "failed". It ends
when its input does, so it never outlives the process that started it.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import threading
from importlib import import_module
from pathlib import Path
from typing import Any

from polyregions.compiled.signatures import as_text, from_text

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
        self._asked: list[Any] = []
        self._answers: list[str] = []
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            # it finds what this process has imported, and Ctrl-C is not for it
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,
            text=True,
        )
        atexit.register(self.end)
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, dispatcher: Any, kinds: tuple[Any, ...]) -> bool:
        """Ask once for a kernel; return False if it will not come.

        Parameters
        ----------
        dispatcher : numba Dispatcher
        kinds : tuple of numba types
            Of the arguments.
        """
        with self._lock:
            if (dispatcher, kinds) not in self._asked:
                function = dispatcher.py_func
                line = [function.__module__, function.__name__, [as_text(kind) for kind in kinds]]
                self._asked.append((dispatcher, kinds))
                self._process.stdin.write(json.dumps(line) + "\n")  # type: ignore[union-attr]
                self._process.stdin.flush()  # type: ignore[union-attr]
            at = self._asked.index((dispatcher, kinds))
            return at >= len(self._answers) and self._process.poll() is None

    @property
    def busy(self) -> bool:
        """Whether something that was asked for is still to come."""
        return len(self._answers) < len(self._asked) and self._process.poll() is None

    def end(self) -> None:
        """End the process, in the middle of whatever it does."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()  # type: ignore[union-attr]
        self._process.stdout.close()  # type: ignore[union-attr]

    def _listen(self) -> None:
        for line in self._process.stdout:  # type: ignore[union-attr]
            if line[0].isdigit():
                done, total = map(int, line.split())
                self.progress = done, total
            else:
                self._answers.append(line)


def main() -> None:
    """Compile what standard input asks for."""
    from polyregions.compiled.start import only_compiled, watched

    lines: list[str | None] = []
    more = threading.Semaphore(0)

    def read() -> None:
        for line in sys.stdin:
            lines.append(line)
            more.release()
        os._exit(0)  # nobody waits any more

    def tell(text: str) -> None:
        print(text, flush=True)  # noqa: T201 (the pipe to the other process)

    threading.Thread(target=read, daemon=True).start()
    with only_compiled():
        for at in range(sys.maxsize):
            more.acquire()
            module, name, kinds = json.loads(lines[at] or "")
            dispatcher = getattr(import_module(module), name)
            try:
                with watched(lambda done, total: tell(f"{done} {total}")):
                    dispatcher.compile(tuple(map(from_text, kinds)))
            except Exception:  # the other process will meet the same, and can say it
                tell("failed")
            else:
                tell("done")


if __name__ == "__main__":
    main()
