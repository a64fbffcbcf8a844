"""The process that compiles kernels for another one.

    python -m polyregions.compiled

reads a kernel and its argument types a line, and answers with lines of progress ("compiled 34 73":
so many kernels of so many), then with "done" when the kernel is on disk, or "failed". It ends when
its input does, so it never outlives the process that started it, or when it has waited in vain.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from importlib import import_module
from queue import Empty, SimpleQueue

from polyregions.compiled import only_compiled, watched
from polyregions.compiled.start import from_text

__all__ = ["main"]

_IDLE_SECONDS = 60.0  # then the memory of this process is worth more than its start


def main() -> None:
    """Compile what standard input asks for."""
    lines: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            lines.put(line)
        os._exit(0)  # nobody waits any more, not even for the kernel at hand

    threading.Thread(target=read, daemon=True).start()
    with only_compiled():
        while True:
            try:
                line = lines.get(timeout=_IDLE_SECONDS)
            except Empty:
                return
            try:
                module, name, kinds = json.loads(line)
                kernel = getattr(import_module(module), name)
                with watched(lambda done, total: _say(f"compiled {done} {total}")):
                    kernel.compile(tuple(map(from_text, kinds)))
            except Exception:  # the other process will meet the same, and can say it
                _say("failed")
            else:
                _say("done")


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the other process reads it


if __name__ == "__main__":
    main()
