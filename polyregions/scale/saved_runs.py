"""Enumerations and counts that are saved as they go, and go on where they were stopped.

Of an enumeration what was found is appended to a folder. Of a count what was counted and the
prefixes that are left are everything: a small file, replaced each time.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path
from typing import Unpack

import numpy as np

from polyregions.compiled import only_compiled
from polyregions.domain import Domain
from polyregions.errors import CheckpointError, FormatError
from polyregions.files.archives import read_npz, sealed, write_npz
from polyregions.files.atomic import atomic_write, is_stream, target_of
from polyregions.files.reading import regular_file
from polyregions.markup import titled
from polyregions.network import Network
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.limits import (
    Stop,
    Threaded,
    counting_limits,
    limits_of,
    options_given,
    with_options,
)
from polyregions.run.problem import Problem, enclosed_problem, identity_of, problem_of
from polyregions.run.progress import Interrupt, shown_progress
from polyregions.scale.checkpoint import (
    Checkpoint,
    append,
    open_checkpoint,
    remove,
    units_named,
    what_differs,
)
from polyregions.scale.saved_state import added, hand_over, mark, restored, write_partitions
from polyregions.tree.subdivision import Counting, TreeCount, count_tree, counting, run_count
from polyregions.walk.steps import drive
from polyregions.walk.walk_state import WalkState, result_of

__all__ = [
    "CHECKPOINT_SUFFIX",
    "CHUNK_SHARE",
    "SECONDS_BETWEEN_CHUNKS",
    "Written",
    "count_with_checkpoint",
    "enumerate_to_file",
    "format_of",
    "kept_in",
]

CHECKPOINT_SUFFIX = ".checkpoint"
_KIND = "polyregions count, version 1"
SECONDS_BETWEEN_CHUNKS = 2.0
CHUNK_SHARE = 20  # a save may take one part in so many of the time


@dataclass(frozen=True)
class Format:
    """How a result is written.

    Attributes
    ----------
    beyond_memory : bool
        Whether the result is made from the checkpoint, not from arrays in memory.
    write : callable
        From the walk's state to the output; returns the numbers of regions and edges.
        The output appears under its name when it is whole.
    """

    beyond_memory: bool
    write: Callable[[Problem, WalkState, Checkpoint, Path], tuple[int, int]]


def format_of(path: Path) -> Format:
    """Return the format of an output, after a look at what stands in its place.

    Raises
    ------
    FormatError
        If the suffix is unknown, or the name belongs to something of another kind.
    MissingExtraError
        If the format needs a package that is not installed.
    """
    suffix = path.suffix.lower()
    if is_stream(path):
        raise FormatError(
            f"{path} is a pipe or device, and a result grows in files; name a file or folder"
        )
    if suffix not in _FORMATS:
        raise FormatError(
            f"{path.name} has no known format; end the name in {' or '.join(OUTPUT_SUFFIXES)}"
        )
    if suffix == ".parquet":
        from polyregions.io.partitions import check_replaceable

        check_replaceable(path)
    elif path.is_dir():
        raise FormatError(f"{path} is a folder; name a file in it")
    return _FORMATS[suffix]


def _npz(problem: Problem, found: WalkState, checkpoint: Checkpoint, path: Path) -> tuple[int, int]:
    regions = result_of(problem, found)
    # written in the checkpoint's folder: there it is cleared away if the process dies
    whole = checkpoint.folder / "result.npz"
    regions.save(whole)
    os.replace(whole, path)
    return len(regions), len(regions.edges)


_FORMATS = {".npz": Format(False, _npz), ".parquet": Format(True, write_partitions)}

OUTPUT_SUFFIXES = tuple(_FORMATS)


@dataclass(frozen=True)
class Written:
    """A result on disk.

    Attributes
    ----------
    path : Path
        The file, or for Parquet the folder.
    regions, edges, exact_decisions : int
    complete, proven : bool
    stopped : {"finished", "regions", "time", "memory", "interrupt"}
        What ended the walk.
    checkpoint : Path or None
        Where an unfinished walk can be taken up again.
    """

    path: Path
    regions: int
    edges: int
    exact_decisions: int
    complete: bool
    proven: bool
    stopped: Stop
    checkpoint: Path | None

    def _repr_html_(self) -> str:
        return titled("Regions on disk", vars(self))


@contextmanager
def kept_in(folder: Path, target: Path) -> Iterator[None]:
    """Say in a sentence that an output cannot be written, and where what was found is kept."""
    try:
        yield
    except OSError as error:
        raise CheckpointError(
            f"{target.name} cannot be written ({error.strerror or error}); what was found "
            f"is kept in {folder.name}: make room and go on with --resume"
        ) from None


@only_compiled()  # a result has the same bytes in every run
@with_options(Threaded)
def enumerate_to_file(
    network: Network,
    domain: Domain | None,
    path: str | PathLike[str],
    *,
    resume: bool = False,
    max_regions: int | None = None,
    memory: int | None = None,
    interval: float | None = None,
    **how: Unpack[Threaded],
) -> Written:
    """Enumerate regions into a file, so that a process that dies loses seconds.

    While the walk runs, what it finds goes to a folder beside the output, named like it
    with ``.checkpoint`` behind. The folder is deleted when the walk is finished and the
    result is saved. A walk that a limit or Ctrl-C stopped leaves a partial result,
    labelled, and the folder.

    Parameters
    ----------
    network, domain, threads, max_regions, time_limit, memory, progress
        As for :func:`polyregions.enumerate_regions`.
    path : str or path-like
        ``.npz``: one file, as ``Regions.save`` writes it. ``.parquet``: a folder of
        tables (:mod:`polyregions.io.partitions`); then edges and finished
        regions leave memory while the walk runs.
    resume : bool
        Go on from the checkpoint, if there is one. The result is the same, byte for
        byte, as that of a walk that was never stopped.
    interval : float, optional
        Least number of seconds between two checkpoints; by default 2. They are rarer
        where one takes more than a tenth of a second.
    on_interrupt : {"raise", "return"}
        What Ctrl-C does, after the partial result is saved: raise ``KeyboardInterrupt``, or
        return as after a limit.

    Returns
    -------
    Written

    Raises
    ------
    CheckpointError
        If there is a checkpoint and `resume` is not set; if it belongs to another
        network, domain or version, or is damaged; if it cannot be written.
    FormatError
        If the name has another suffix, or stands for something else already.
    KeyboardInterrupt
        After Ctrl-C; see `on_interrupt`.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> path = Path(tempfile.mkdtemp()) / "regions.npz"
    >>> written = enumerate_to_file(net, pr.Box.cube(1, 1.0), path)
    >>> written.regions, written.complete, pr.open_regions(path)
    (3, True, <Regions of network: 3 regions, 2 edges, complete, proven>)
    """
    options = options_given(Threaded, how)
    limits = limits_of(max_regions, options.limits.seconds, memory)
    target = target_of(path)
    output = format_of(target)
    folder = target.with_name(target.name + CHECKPOINT_SUFFIX)
    problem = _problem_saved(network, domain, folder) if resume else problem_of(network, domain)
    with (
        Interrupt(options.on_interrupt) as interrupt,
        shown_progress(options.progress) as report,
        open_checkpoint(folder, identity_of(problem), resume=resume) as checkpoint,
    ):
        found = restored(problem, checkpoint, keep=not output.beyond_memory)
        keep = _paced(_chunks(checkpoint, found, output.beyond_memory), interval)
        stopped = drive(
            problem,
            found,
            threads=options.threads,
            limits=limits.left,
            interrupt=interrupt,
            progress=report,
            after_step=lambda _: keep(False),
        )
        if output.beyond_memory or not found.finished:
            keep(True)
        complete, decisions = found.finished, found.exact_decisions
        with kept_in(folder, target):
            regions, edges = output.write(problem, found, checkpoint, target)
        if complete:
            remove(checkpoint)
    return Written(
        target,
        regions,
        edges,
        decisions,
        complete,
        True,
        stopped,
        None if complete else folder,
    )


def _problem_saved(network: Network, domain: Domain | None, folder: Path) -> Problem:
    """Return the problem that a checkpoint is about."""
    problem = problem_of(network, domain)
    if units_named(folder) in (None, identity_of(problem)["units"]):
        return problem
    # version 0.1.0 left fewer units out: none that only substitution backwards proves constant
    return enclosed_problem(network, domain)


def _chunks(checkpoint: Checkpoint, found: WalkState, beyond_memory: bool) -> Callable[[], bool]:
    """Return a function that appends what was added since it was called last, if anything was."""
    saved = mark(found)
    if not checkpoint.chunks:  # nothing is saved yet, not even the region the walk starts from
        saved = type(saved)()

    def append_added() -> bool:
        nonlocal saved
        now = mark(found)
        if now.totals == saved.totals:
            return False
        append(checkpoint, added(found, saved), now.totals)
        saved = now
        if beyond_memory:
            hand_over(found)
        return True

    return append_added


@with_options(Threaded)
def count_with_checkpoint(
    network: NetworkLike,
    domain: DomainLike,
    path: str | PathLike[str],
    *,
    resume: bool = False,
    max_regions: int | None = None,
    interval: float | None = None,
    seed: int | None = None,
    **how: Unpack[Threaded],
) -> TreeCount:
    """Count regions by the tree, so that a process that dies loses seconds.

    Parameters
    ----------
    network, domain, threads, max_regions, time_limit, seed, progress, on_interrupt
        As for :func:`polyregions.count_tree`. `max_regions` includes what was counted before;
        another `seed` may go on from the same file.
    path : str or path-like
        A file for what was counted and what is left, some kilobytes. It is deleted when the
        count is complete.
    resume : bool
        Go on from that file, if there is one.
    interval : float, optional
        Least number of seconds between two saves; by default 2. They are rarer where one takes
        more than a tenth of a second.

    Returns
    -------
    TreeCount
        The same, but for `exact_decisions`, as of a count that was never stopped.

    Raises
    ------
    CheckpointError
        If there is a file and `resume` is not set; if it belongs to another network, domain or
        version, or is damaged; if it cannot be written.
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If a limit is not positive.
    KeyboardInterrupt
        After Ctrl-C, once what was counted is saved.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([(np.eye(3)[:, :2] + 1.0, [0.1, 0.2, 0.3]), ([[1] * 3], [0])])
    >>> path = Path(tempfile.mkdtemp()) / "unfinished"
    >>> pr.count_with_checkpoint(net, pr.Box.cube(2, 1.0), path).regions
    7
    """
    options = options_given(Threaded, how)
    limits = counting_limits(max_regions, options.limits.seconds)
    file = target_of(path)
    if is_stream(file) or file.is_dir():
        raise CheckpointError(f"{file} is no file that a count can be saved in; name another")
    problem = problem_of(network, domain)
    if problem.flat.units == 0:
        return count_tree(network, domain)
    work = counting(problem, options.threads, seed)
    identity = identity_of(problem)
    if file.exists():
        _restore(work, file, identity)  # refuses what is none of ours
        if not resume:
            raise CheckpointError(
                f"there is a checkpoint of an unfinished count in {file}; go on with --resume, or "
                f"delete the file to begin again"
            )
    # the first step shows whether the file can be written
    keep = _paced(partial(_replace, work, file, identity), interval, at_first=True)
    count = run_count(work, limits.left, options, keep)
    if count.complete:
        file.unlink(missing_ok=True)
    return count


def _replace(work: Counting, file: Path, identity: dict[str, str]) -> bool:
    """Write what was counted and what is left in place of what was saved before."""
    names = {name: np.array(value) for name, value in identity.items()}
    try:
        with atomic_write(file) as stream:
            write_npz(stream, sealed({"kind": np.array(_KIND), **names, **work.saved()}))
    except OSError as error:
        raise CheckpointError(
            f"{file} cannot be written ({error.strerror or error}); make room, or name a "
            f"file in another folder"
        ) from None
    return True


def _restore(work: Counting, file: Path, identity: dict[str, str]) -> None:
    """Let a count go on from a file."""
    try:
        saved = read_npz(regular_file(file))
        if str(saved.pop("kind", "")) != _KIND:
            raise ValueError("it is none of this version")
        what = what_differs({name: str(saved.pop(name, "")) for name in identity}, identity)
        if what is None:
            work.restore(saved)
    except OSError as error:
        raise _unusable(file, str(error.strerror)) from None
    except ValueError as error:
        raise _unusable(file, str(error)) from None
    if what is not None:
        raise CheckpointError(
            f"the checkpoint {file} {what}; name another file, or delete it to begin again"
        )


def _unusable(file: Path, what: str) -> CheckpointError:
    # it may be somebody else's: to delete it is no advice
    return CheckpointError(f"{file} is damaged, or no checkpoint ({what}); name another file")


def _paced(
    save: Callable[[], bool], interval: float | None, *, at_first: bool = False
) -> Callable[[bool], None]:
    """Return a function that saves, if it is time or at once; `save` tells whether it did."""
    least = SECONDS_BETWEEN_CHUNKS if interval is None else interval
    due = time.monotonic() + (0.0 if at_first else least)

    def keep(at_once: bool) -> None:
        nonlocal due
        begin = time.monotonic()
        if (at_once or begin >= due) and save():
            end = time.monotonic()
            due = end + max(least, CHUNK_SHARE * (end - begin))

    return keep
