"""Random networks, reproducible draw by draw, and their exact counts on all cores."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import closing
from itertools import islice
from os import PathLike

import numpy as np

from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.theory.draw import Draw, Settings
from polyregions.theory.draws_file import read_draws, write_draws

__all__ = ["Draw", "Settings", "count_draws", "draw_network"]

# Seconds between two writes of the draws file: what is lost at worst.
_SECONDS_BETWEEN_SAVES = 5.0


def draw_network(settings: Settings, index: int) -> Network:
    """Return the network of one draw.

    Examples
    --------
    >>> settings = Settings((2, 3), seed=7)
    >>> draw_network(settings, 5).fingerprint == draw_network(settings, 5).fingerprint
    True
    """
    rng = np.random.default_rng(np.random.SeedSequence(settings.seed, spawn_key=(index,)))
    parameters = [
        (settings.weights.sample(rng, (above, below)), settings.biases.sample(rng, above))
        for below, above in zip(settings.widths, (*settings.hidden, 1), strict=True)
    ]
    return Network.from_arrays(parameters, name=f"draw {index}")


def count_draws(
    settings: Sequence[Settings],
    draws: int,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
    file: str | PathLike[str] | None = None,
) -> list[tuple[Draw, ...]]:
    """Count the regions of several random networks of each law.

    Parameters
    ----------
    settings : sequence of Settings
    draws : int
        Networks of each.
    workers : int, optional
        Threads; by default one per core. The result does not depend on it.
    progress : callable, optional
        Called with (draws done, draws in all) after each.
    file : path, optional
        Where counts are kept: those already there are not made again, and a run that
        is stopped leaves its own there. More draws of the same settings may follow.

    Returns
    -------
    list of tuples of Draw
        One tuple per law, in order of the draws.

    Raises
    ------
    CheckpointError
        If the file belongs to other settings.
    KeyboardInterrupt
        If the run was stopped by Ctrl-C; its message says what is kept.
    """
    if draws < 1:
        raise PolyregionsError(f"the number of draws must be positive, not {draws}")
    if workers is not None and workers < 1:
        raise PolyregionsError(f"the number of workers must be positive, not {workers}")
    if not settings:
        raise PolyregionsError("there is nothing to draw; give at least one architecture")
    known = read_draws(file, settings) if file is not None else [{} for _ in settings]

    def save() -> None:
        if file is not None:
            write_draws(file, settings, known)

    missing = [
        (number, index)
        for number in range(len(settings))
        for index in range(draws)
        if index not in known[number]
    ]
    total = draws * len(settings)
    done = total - len(missing)
    try:
        with closing(_parallel_draws(settings, missing, workers, save)) as counted:
            for number, index, draw in counted:
                known[number][index] = draw
                done += 1
                if progress is not None:
                    progress(done, total)
    except KeyboardInterrupt:
        save()
        kept = f"kept in {file}; run it again to go on" if file is not None else "not kept"
        raise KeyboardInterrupt(f"stopped after {done:,} of {total:,} draws, {kept}") from None
    save()
    return [tuple(found[index] for index in range(draws)) for found in known]


class _StoppedError(Exception):
    """Ends a walk in a worker after Ctrl-C."""


def _parallel_draws(
    settings: Sequence[Settings],
    tasks: Sequence[tuple[int, int]],
    workers: int | None,
    save: Callable[[], None],
) -> Generator[tuple[int, int, Draw], None, None]:
    """Yield counts as they come. Kernels run without the interpreter's lock: threads do."""
    from polyregions.walk.breadth_first import enumerate_regions

    stop = threading.Event()

    def look(_: object) -> None:
        if stop.is_set():
            raise _StoppedError

    def count(task: tuple[int, int]) -> tuple[int, int, Draw]:
        number, index = task
        look(None)
        network, domain = draw_network(settings[number], index), settings[number].domain
        found = enumerate_regions(network, domain, progress=look)
        # a walk that ended early must never enter a mean
        if not found.complete:
            raise _StoppedError
        draw = Draw(len(found), len(found.edges), found.exact_decisions, found.proven)
        return number, index, draw

    workers = workers or os.cpu_count() or 1
    waiting = iter(tasks)
    saved = time.monotonic()
    with ThreadPoolExecutor(workers) as pool:
        try:
            # no more than a few tasks per worker are queued, so that stopping is quick
            running: set[Future[tuple[int, int, Draw]]] = {
                pool.submit(count, task) for task in islice(waiting, 4 * workers)
            }
            while running:
                finished, running = wait(running, return_when=FIRST_COMPLETED)
                for future in finished:
                    yield future.result()
                    running |= {pool.submit(count, task) for task in islice(waiting, 1)}
                if time.monotonic() - saved > _SECONDS_BETWEEN_SAVES:
                    save()
                    saved = time.monotonic()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)
