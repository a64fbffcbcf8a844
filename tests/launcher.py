"""A process that has loaded the program and runs command lines in children: no start-up for each.

Its standard input takes one command line as JSON on each line; the first runs in this very
process, which loads the kernels. The answers are the number of each process and, once it has
ended, its exit code.
"""

import json
import os
import sys

__all__ = ["serve"]


def serve() -> None:
    from polyregions.cli import main

    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    answers.write(f"{os.getpid()}\n{main(json.loads(input()))}\n")
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            os._exit(main(json.loads(line)))
        answers.write(f"{process}\n")
        answers.write(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n")


if __name__ == "__main__":
    serve()
