"""Regions and edges on a Dask cluster: workers write parts, the driver puts them together.

A task walks below one prefix. If it finds all regions there, it writes them to a folder
that all machines share; if they are more than its budget, it returns shorter pieces of the
prefix instead. Which prefixes are split depends on the network, the domain and the budget
alone, and so does every byte of the result.
"""

from __future__ import annotations

import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

import numpy as np

from polyregions.arrays import Arrays
from polyregions.compiled import only_compiled
from polyregions.domain import Domain
from polyregions.errors import CheckpointError, FormatError, PolyregionsError
from polyregions.files.atomic import target_of
from polyregions.network import Network
from polyregions.network.prefix import Prefix
from polyregions.pattern import n_words, pack
from polyregions.run.limits import (
    Limits,
    RunOptions,
    Stop,
    Timed,
    counting_limits,
    options_given,
    with_options,
)
from polyregions.run.problem import Problem, identity_of, problem_of
from polyregions.run.progress import (
    AfterStep,
    Interrupt,
    OnSteps,
    parts_text,
    shown_progress,
    shown_steps,
)
from polyregions.scale.assembly import assemble
from polyregions.scale.checkpoint import (
    Checkpoint,
    Totals,
    append,
    open_checkpoint,
    read_chunks,
    remove,
)
from polyregions.scale.saved_runs import (
    CHUNK_SHARE,
    SECONDS_BETWEEN_CHUNKS,
    Written,
    format_of,
    kept_in,
)
from polyregions.scale.task_pool import Tasks, UnderWay, check_budget, quiet, run_tasks, source_of
from polyregions.scale.tasks import Walked, walk_piece
from polyregions.walk.subproblem import Subproblem, first_start

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["BUDGET", "PARTS_SUFFIX", "PartsWritten", "enumerate_on_cluster", "parts_on_cluster"]

PARTS_SUFFIX = ".parts"
_PART_NAME = re.compile(r"[0-9a-f]{24}\.npz")

BUDGET = 1 << 17  # regions of a part: some seconds of work, some ten megabytes
_FIRST_SHARE = 16  # the first task has one part in so many of the budget: others are to begin soon
_MOST_IDS = np.iinfo(np.int32).max  # ids in the tables


class _ClusterWalk(Tasks):
    """What the driver knows: parts that are written, prefixes to walk below, tasks under way."""

    def __init__(
        self, under_way: UnderWay, checkpoint: Checkpoint, problem: Problem, budget: int
    ) -> None:
        super().__init__(under_way, [first_start(problem)])
        self.checkpoint, self.problem = checkpoint, problem
        self.folder, self.budget = _files_of(checkpoint), budget
        self.parts: list[Walked] = []
        for _, arrays in read_chunks(checkpoint):
            self.prefixes, parts = _restored_chunk(checkpoint, arrays)
            self.parts.extend(parts)
        self._saved = len(self.parts)
        self._due = time.monotonic() + SECONDS_BETWEEN_CHUNKS
        self.regions = sum(part.regions for part in self.parts)
        self.seen = sum(2 * part.edges + part.leading_out for part in self.parts)

    @property
    def found(self) -> tuple[int, int]:
        """Regions and edges in parts; an edge between two parts is half known to either."""
        return self.regions, self.seen // 2

    def submit(self) -> None:
        """Make tasks; see :class:`Tasks`."""
        while self.prefixes and len(self.under_way) < self.under_way.slots:
            # the latest first: little is below them, and so few wait at a time
            start = self.prefixes.pop()
            whole = not start.prefix.mask.any()
            budget = max(1, self.budget // _FIRST_SHARE) if whole else self.budget
            self.under_way.submit(start, budget, str(self.folder))

    def collect(self) -> bool:
        """Note what was written; return whether there was anything."""
        news = False
        for _, walked in self.under_way.collect():
            news = True
            self.prefixes.extend(walked.starts)
            if walked.name:
                self.parts.append(walked)
                self.regions += walked.regions
                self.seen += 2 * walked.edges + walked.leading_out
        if self.regions > _MOST_IDS:
            raise PolyregionsError(
                "there are 2^31 regions or more, which ids of 32 bits cannot tell apart; take a "
                "smaller domain, or count them only: count --method tree --dask"
            )
        begin = time.monotonic()
        if news and begin > self._due:
            self.save()
            end = time.monotonic()
            self._due = end + max(SECONDS_BETWEEN_CHUNKS, CHUNK_SHARE * (end - begin))
        return news

    def save(self) -> None:
        """Add to the checkpoint which parts are written and which prefixes are not done."""
        running = [arguments[0] for _, arguments in self.under_way.tasks.values()]
        prefixes = [*self.prefixes, *running]
        totals = Totals(*self.found)
        arrays = _chunk_arrays(self.problem, prefixes, self.parts[self._saved :])
        append(self.checkpoint, arrays, totals)
        self._saved = len(self.parts)


@only_compiled()  # a result has the same bytes in every run
@with_options(Timed)
def enumerate_on_cluster(
    network: Network,
    domain: Domain | None,
    path: str | PathLike[str],
    client: Client,
    *,
    budget: int = BUDGET,
    resume: bool = False,
    max_regions: int | None = None,
    assembling: OnSteps = None,
    **how: Unpack[Timed],
) -> Written:
    """Enumerate regions and their edges on a Dask cluster, into a folder of Parquet tables.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Where to enumerate; ``None`` is the whole space.
    path : str or path-like
        A folder ``.parquet`` (:mod:`polyregions.io.partitions`), in a folder that all workers
        and this process see under the same name. Parts are kept beside it, in a folder
        with ``.parts`` behind the name, until the result is whole.
    client : distributed.Client
        Of a cluster whose workers have this package in the same version.
    budget : int
        Most regions that a task writes. The result depends on it in its witnesses only.
    resume : bool
        Go on with the parts that an earlier run left, if there are any.
    max_regions, time_limit
        End when so many regions are in finished parts, or after so many seconds. Tasks
        that run then are dropped; the result holds the parts that are finished, and the
        run can be taken up again.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called now and then while tasks run; `frontier` is
        how many prefixes wait.
    assembling : bool or callable, optional
        The same afterwards; a callable is called with the numbers of files done and to be done.
    on_interrupt : {"raise", "return"}
        What Ctrl-C does, after the parts that are finished are saved as a partial result:
        raise ``KeyboardInterrupt``, or return as after a limit.

    Returns
    -------
    Written
        The same regions and edges, with the same numbers, as those of one machine; other
        witnesses.

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    CheckpointError
        If there are parts and `resume` is not set; if they belong to another network,
        domain or version, are damaged, cannot be written, or do not fit together.
    FormatError
        If the name does not end in ``.parquet``, or stands for something else already.
    PolyregionsError
        If a limit is not positive; if a task fails again and again; if the scheduler is
        lost; if a worker has another version or does not see the folder; if there are
        2^31 regions or more, which ids of 32 bits cannot tell apart.
    MissingExtraError
        If `distributed` or pyarrow is not installed.

    Notes
    -----
    *Algorithm.* The regions below a prefix (the bits of whole layers and of some units of
    the next) fill a convex set, so a walk inside finds them all; facets that lead out are
    written with the pattern beyond. The driver sorts regions by pattern and joins these
    facets on whole patterns; each must have been seen from both sides.

    Examples
    --------
    >>> import polyregions as pr
    >>> from distributed import Client  # doctest: +SKIP
    >>> with Client("tcp://scheduler:8786") as client:  # doctest: +SKIP
    ...     enumerate_on_cluster(net, pr.Box.cube(2, 1.0), "/shared/net.parquet", client).regions
    7
    """
    options = options_given(Timed, how)
    limits = counting_limits(max_regions, options.limits.seconds)
    check_budget(budget)
    target = target_of(path).resolve()
    if not format_of(target).beyond_memory:
        raise FormatError(
            f"a cluster writes a folder of tables, not {target.name}; end the name in .parquet"
        )
    problem = problem_of(network, domain)
    folder = target.with_name(target.name + PARTS_SUFFIX)
    with (
        shown_steps(assembling, "files", "sorted") as sorting,
        parts_on_cluster(
            problem, folder, client, walk_piece, limits, options, budget=budget, resume=resume
        ) as found,
    ):
        complete = found.stopped == "finished"
        with kept_in(folder, target):
            regions, edges = found.assembled(problem, target, folder, sorting)
    return Written(
        target,
        regions,
        edges,
        found.exact_decisions,
        complete,
        True,
        found.stopped,
        None if complete else folder,
    )


@dataclass(frozen=True)
class PartsWritten:
    """What workers wrote.

    Attributes
    ----------
    files : Path
        Of the parts.
    parts : list of Walked
    stopped : {"finished", "regions", "time", "interrupt"}
        What ended the walk.
    """

    files: Path
    parts: list[Walked]
    stopped: Stop

    @property
    def exact_decisions(self) -> int:
        """How many decisions exact arithmetic took."""
        return sum(part.exact_decisions for part in self.parts)

    def assembled(
        self, problem: Problem, target: Path, scratch: Path, progress: AfterStep
    ) -> tuple[int, int]:
        """Put them together; return the numbers of regions and edges."""
        complete = self.stopped == "finished"
        return assemble(
            problem, self.files, self.parts, target, scratch, complete=complete, progress=progress
        )


@contextmanager
def parts_on_cluster(
    problem: Problem,
    folder: Path,
    client: Client,
    task: Callable[..., Walked],
    limits: Limits,
    options: RunOptions,
    *,
    budget: int,
    resume: bool,
) -> Iterator[PartsWritten]:
    """Let workers write parts into a folder; after the block it goes, if that are all.

    Parameters
    ----------
    problem : Problem
    folder : Path
        What it holds already is not done again.
    client : distributed.Client
    task : callable
        `walk_piece`, or one that writes more.
    limits : Limits
        Of regions and seconds.
    options : RunOptions
        Ctrl-C raises, if it is to, after the block.
    budget, resume
        As for :func:`enumerate_on_cluster`.
    """
    with (
        Interrupt(options.on_interrupt) as interrupt,
        shown_progress(options.progress, parts_text) as report,
        open_checkpoint(folder, identity_of(problem), resume=resume) as checkpoint,
    ):
        files = _files_of(checkpoint)
        if not checkpoint.chunks:
            shutil.rmtree(files, ignore_errors=True)
        files.mkdir(exist_ok=True)
        with quiet():
            source = source_of(client, problem.network, problem.domain, checkpoint.identity)
            walk = _ClusterWalk(UnderWay(client, task, source), checkpoint, problem, budget)
            try:
                stopped = run_tasks(walk, limits.left, interrupt, report)
            except PolyregionsError as error:
                if type(error) is not PolyregionsError:
                    raise
                raise PolyregionsError(
                    f"{error}; what was found is kept in {folder.name}: go on with --resume"
                ) from error
            finally:
                walk.save()
        yield PartsWritten(files, walk.parts, stopped)
        if stopped == "finished":
            shutil.rmtree(files, ignore_errors=True)
            remove(checkpoint)


def _files_of(checkpoint: Checkpoint) -> Path:
    """Return the folder of the parts."""
    return checkpoint.folder / "files"


def _chunk_arrays(
    problem: Problem, starts: Sequence[Subproblem], parts: Sequence[Walked]
) -> Arrays:
    """Return the arrays of a chunk: all prefixes that wait, and the latest parts."""
    flat = problem.flat
    count, words = len(starts), n_words(flat.units)
    packed = [(*start.prefix, start.pattern) for start in starts]
    masks, values, patterns = np.array(packed, np.uint64).reshape(count, 3, words).swapaxes(0, 1)
    sizes = [(p.regions, p.edges, p.leading_out, p.exact_decisions) for p in parts]
    return {
        "masks": masks,
        "values": values,
        "patterns": patterns,
        "points": np.array([start.point for start in starts]).reshape(count, flat.dimension),
        "names": np.array([part.name for part in parts], dtype=np.str_),
        "sizes": np.array(sizes, dtype=np.int64).reshape(len(parts), 4),
    }


def _restored_chunk(
    checkpoint: Checkpoint, arrays: Arrays
) -> tuple[list[Subproblem], list[Walked]]:
    """Return the prefixes and the parts of one chunk."""
    try:
        if "marks" in arrays:  # of version 0.1.0: one byte a unit, 2 where it is free
            masks, values = pack(arrays["marks"] != 2), pack(arrays["marks"] == 1)
        else:
            masks, values = arrays["masks"], arrays["values"]
        sizes = {(words.shape, words.dtype) for words in (masks, values, arrays["patterns"])}
        if len(sizes) != 1 or masks.dtype != np.uint64:
            raise ValueError("a prefix has another shape or type than its pattern")
        starts = [
            Subproblem(Prefix(mask, value), pattern, point)
            for mask, value, pattern, point in zip(
                masks, values, arrays["patterns"], arrays["points"], strict=True
            )
        ]
        parts = [
            Walked(str(name), int(sizes[0]), int(sizes[1]), int(sizes[2]), int(sizes[3]), ())
            for name, sizes in zip(arrays["names"].tolist(), arrays["sizes"].tolist(), strict=True)
        ]
        if not all(_PART_NAME.fullmatch(part.name) for part in parts):
            raise ValueError("a part has another name")
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise CheckpointError(
            f"the parts in {checkpoint.folder} are damaged ({error}); delete the folder to begin "
            f"again"
        ) from None
    return starts, parts
