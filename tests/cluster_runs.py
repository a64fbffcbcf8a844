"""What the tests of cluster runs share: all tasks in this process, and workers that die."""

import contextlib
import os
import signal

import polyregions as pr
from polyregions.run import loop
from polyregions.run.problem import identity_of, problem_of
from polyregions.scale import assembly, tasks
from polyregions.walk.subproblem import first_start

TRIANGLE = pr.Polytope([[-1.0, 0.2], [0.3, -1.0], [1.0, 1.0]], [0.9, 0.8, 0.7])


def assembled_here(piece, network, domain, folder, budget, change=None):
    """Do all tasks `piece` in this process and put the parts together: no cluster.

    `change` gets the folder of parts and their list before that. Returns the regions, the
    folder of parts and the list.
    """
    problem = problem_of(network, domain)
    source = tasks.Sent(network, domain, identity_of(problem))
    files = folder / "files"
    files.mkdir(parents=True)
    waiting, parts = [first_start(problem)], []
    while waiting:
        walked = piece(source, waiting.pop(), budget, str(files))
        waiting.extend(walked.starts)
        parts.extend([walked] if walked.name else [])
    if change is not None:
        change(files, parts)
    assembly.assemble(problem, files, parts, folder / "net.parquet", folder, complete=True)
    return pr.open_regions(folder / "net.parquet"), files, parts


def killing_workers(client, killed, every):
    """Return a `progress` that kills a worker each time so many regions more are found.

    Workers are started again, and the next one dies: so every task may run twice.
    """

    def kill(progress):
        if len(killed) < 3 and progress.regions > every * (1 + len(killed)):
            killed.add(pid := min(set(client.run(os.getpid).values()) - killed))
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    return kill


@contextlib.contextmanager
def reporting_always():
    """Let every look of the driver call `progress`."""
    before, loop._SECONDS_BETWEEN_REPORTS = loop._SECONDS_BETWEEN_REPORTS, 0.0
    try:
        yield
    finally:
        loop._SECONDS_BETWEEN_REPORTS = before


def fails(*task):
    """Be a task that always fails."""
    raise RuntimeError("no luck")
