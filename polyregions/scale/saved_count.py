"""A count by the tree that is saved as it goes, and goes on where it was stopped.

What was counted and the prefixes that are left are everything: a small file, whatever the count.
"""

from __future__ import annotations

import time
from os import PathLike
from pathlib import Path
from typing import Unpack

import numpy as np

from polyregions.errors import CheckpointError
from polyregions.files.archives import read_npz, sealed, write_npz
from polyregions.files.atomic import atomic_write, is_stream, target_of
from polyregions.files.reading import regular_file
from polyregions.run.given import DomainLike, NetworkLike
from polyregions.run.keywords import Threaded, options_given, with_options
from polyregions.run.limits import counting_limits
from polyregions.run.problem import identity_of, problem_of
from polyregions.scale.checkpoint import what_differs
from polyregions.scale.saved_walk import CHUNK_SHARE, SECONDS_BETWEEN_CHUNKS
from polyregions.tree.subdivision import Counting, TreeCount, count_tree, counting, run_count

__all__ = ["count_with_checkpoint"]

_KIND = "polyregions count, version 1"


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
        if not resume:
            raise CheckpointError(
                f"there is a checkpoint of an unfinished count in {file}; go on with --resume, or "
                f"delete the file to begin again"
            )
        _restore(work, file, identity)
    least = SECONDS_BETWEEN_CHUNKS if interval is None else interval
    due = time.monotonic()  # the first step shows whether the file can be written

    def keep(at_once: bool) -> None:
        nonlocal due
        begin = time.monotonic()
        if at_once or begin >= due:
            _keep_state(work, file, identity)
            end = time.monotonic()
            due = end + max(least, CHUNK_SHARE * (end - begin))

    count = run_count(work, limits.left, options, keep)
    if count.complete:
        file.unlink(missing_ok=True)
    return count


def _keep_state(work: Counting, file: Path, identity: dict[str, str]) -> None:
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
