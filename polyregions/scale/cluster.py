"""Counts on a Dask cluster: prefixes are tasks, and what a task leaves becomes new tasks.

A prefix region is convex, and what lies below it is complete in itself: tasks share
nothing. A task has a budget, and returns how many regions it counted and the prefixes
that it did not explore. It is a pure function of the network, its prefixes and the budget:
whatever workers die, and however often a task is run, its result is added once, here.
"""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Unpack

import numpy as np

from polyregions.compiled import only_compiled
from polyregions.domain import Domain
from polyregions.errors import PolyregionsError
from polyregions.files.reading import import_extra
from polyregions.network import Network
from polyregions.network.prefix import empty_prefix, n_decided
from polyregions.run.limits import (
    Timed,
    check_threads,
    counting_limits,
    options_given,
    with_options,
)
from polyregions.run.problem import Problem, identity_of, problem_of
from polyregions.run.progress import Interrupt, shown_progress, tree_text
from polyregions.scale.task_pool import Tasks, UnderWay, check_budget, quiet, run_tasks, source_of
from polyregions.scale.tasks import TaskResult, count_piece
from polyregions.tree.subdivision import TreeCount, counts_by_layer

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connected", "count_on_cluster"]

_FIRST_NODES = 1 << 16  # of the first tasks, before it is known how fast workers are
_LEAST_NODES, _MOST_NODES = 1 << 12, 1 << 40
_PREFIXES = 16  # most prefixes of one task


class _Count(Tasks):
    """What the driver knows: regions counted, prefixes to explore, tasks under way."""

    def __init__(
        self, under_way: UnderWay, problem: Problem, nodes: int | None, seconds: float
    ) -> None:
        super().__init__(under_way, [empty_prefix(problem.flat.units)])
        self.problem = problem
        self.nodes = _FIRST_NODES if nodes is None else nodes
        self._seconds = None if nodes is not None else seconds
        self.counts = np.zeros(len(problem.flat.widths) + 1, dtype=object)  # of any size
        self.exact_decisions = 0

    @property
    def layers(self) -> tuple[int, ...]:
        """Regions counted, by layer of the network."""
        return counts_by_layer(self.problem, self.counts)

    @property
    def found(self) -> tuple[int, int]:
        """Regions counted; a tree knows no edges."""
        return self.layers[-1], 0

    def submit(self) -> None:
        """Make tasks; see :class:`Tasks`."""
        slots, threads = self.under_way.slots, self.under_way.threads
        # the longest prefixes first: little is below them, and so few wait at a time
        self.prefixes.sort(key=n_decided)
        while self.prefixes and len(self.under_way) < slots:
            size = min(max(1, len(self.prefixes) // (2 * slots)), _PREFIXES)
            bundle = tuple(self.prefixes[-size:])
            del self.prefixes[-size:]
            # while threads are idle, tasks are to end soon and leave work for all
            scarce = len(self.prefixes) + len(self.under_way) < threads
            self.under_way.submit(bundle, max(1, self.nodes // 8) if scarce else self.nodes)

    def collect(self) -> bool:
        """Add the results that have arrived; return whether there were any."""
        pieces = []
        for (_, nodes), piece in self.under_way.collect():
            self.counts += np.array(piece.counts, dtype=object)
            self.exact_decisions += piece.exact_decisions
            self.prefixes.extend(piece.unexplored)
            pieces.append((piece, nodes))
        if self._seconds is not None and pieces:
            self.nodes = _budget(pieces, self.nodes, self._seconds)
        return bool(pieces)


@only_compiled()  # as its workers do
@with_options(Timed)
def count_on_cluster(
    network: Network,
    domain: Domain | None,
    client: Client,
    *,
    seconds: float = 2.0,
    nodes: int | None = None,
    max_regions: int | None = None,
    **how: Unpack[Timed],
) -> TreeCount:
    """Count the activation regions of a network in a domain on a Dask cluster.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
        Where to count; ``None`` is the whole space.
    client : distributed.Client
        Of a cluster whose workers have this package in the same version.
    seconds : float
        How long a task should take: long against a scheduler's millisecond, short against
        what may be lost with a worker.
    nodes : int, optional
        The budget of every task, in nodes of the tree, instead of `seconds`.
    max_regions, time_limit, progress, on_interrupt
        As for :func:`polyregions.tree.subdivision.count_tree`. Tasks that run
        when the limit is reached are dropped.

    Returns
    -------
    TreeCount
        That of `count_tree`; `exact_decisions` may differ.

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If a limit is not positive; if a task fails again and again; if the scheduler is
        lost; if a worker has another version.
    MissingExtraError
        If `distributed` is not installed.

    Notes
    -----
    *Failure model.* A worker may die at any moment and others may join: the scheduler runs
    lost tasks again. Each task has a key made of the network, the domain, its prefixes
    and its budget; its result is added when the driver takes the key from its list, so
    never twice. If the driver or the scheduler dies, the count is lost.

    Examples
    --------
    >>> import polyregions as pr
    >>> from distributed import Client  # doctest: +SKIP
    >>> with Client("tcp://scheduler:8786") as client:  # doctest: +SKIP
    ...     count_on_cluster(net, pr.Box.cube(2, 1.0), client).regions
    7
    """
    options = options_given(Timed, how)
    limits = counting_limits(max_regions, options.limits.seconds)
    check_budget(seconds if nodes is None else min(seconds, nodes))
    problem = problem_of(network, domain)
    if problem.flat.units == 0:
        return TreeCount(1, (1,) * len(problem.network.widths), True, True, 0, 1)
    with (
        Interrupt(options.on_interrupt) as interrupt,
        quiet(),
        shown_progress(options.progress, tree_text) as report,
    ):
        source = source_of(client, problem.network, problem.domain, identity_of(problem))
        under_way = UnderWay(client, count_piece, source)
        count = _Count(under_way, problem, nodes, seconds)
        run_tasks(count, limits.left, interrupt, report)
    layers = count.layers
    complete = count.finished and layers[-1] <= (max_regions or layers[-1])
    if not complete and max_regions is not None:
        layers = tuple(min(layer, max_regions) for layer in layers)
    at_most = layers[-1] if complete else None
    return TreeCount(layers[-1], layers, complete, True, count.exact_decisions, at_most)


@contextmanager
def connected(address: str, threads: int = 1) -> Iterator[Client]:
    """Connect to a scheduler, or start workers on this machine, while the block runs.

    Parameters
    ----------
    address : str
        Such as ``tcp://host:8786``; ``local`` starts `threads` worker processes here.
    threads : int

    Raises
    ------
    MissingExtraError
        If `distributed` is not installed.
    PolyregionsError
        If nobody answers, or the number of workers is out of range.
    """
    check_threads(threads)
    with ExitStack() as stack:
        # whatever keeps it from starting: its settings, the network, a limit on processes
        try:
            distributed: Any = import_extra("distributed", "scale", "working on a cluster")
            where, options = address, {"timeout": "10s"}
            if address == "local":
                stack.enter_context(quiet())
                options = {}
                where = stack.enter_context(
                    _local_cluster(
                        distributed,
                        n_workers=threads,
                        threads_per_worker=1,
                        processes=True,
                        host="127.0.0.1",  # nobody else may hand these workers pickles
                        dashboard_address="127.0.0.1:0",
                        scheduler_kwargs={"dashboard": False},
                        silence_logs="CRITICAL",
                    )
                )
            client = stack.enter_context(distributed.Client(where, **options))
        except PolyregionsError:
            raise
        except Exception as error:
            reason = str(error).split("\n", maxsplit=1)[0] or type(error).__name__
        else:
            yield client
            return
    # The client that could not connect is closed when it is collected, with a lock of Dask's that
    # the next client holds as it starts: so it is collected here, and nothing refers to it.
    gc.collect()
    if address == "local":
        raise PolyregionsError(
            f"Dask cannot start workers on this machine ({reason}); give the address of "
            f"a scheduler, or leave out --dask"
        )
    raise PolyregionsError(
        f"no Dask scheduler answers at {address} ({reason}); give an address such as "
        f"tcp://host:8786, or local"
    )


def _budget(pieces: list[tuple[TaskResult, int]], nodes: int, seconds: float) -> int:
    """Return the budget of later tasks: a power of two, so that few are told apart."""
    # those that ended early say nothing about the speed
    full = [(piece.seconds, spent) for piece, spent in pieces if piece.unexplored]
    for took, spent in full:
        wanted = spent * seconds / max(took, 1e-6)
        if wanted > 2 * nodes:
            nodes *= 2
        elif wanted < nodes / 2:
            nodes //= 2
    return min(max(nodes, _LEAST_NODES), _MOST_NODES)


def _local_cluster(distributed: Any, **options: Any) -> Any:
    """Start a cluster whose processes ignore Ctrl-C, which a terminal sends to all."""
    if threading.current_thread() is not threading.main_thread():
        return distributed.LocalCluster(**options)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # processes inherit this
    try:
        return distributed.LocalCluster(**options)
    finally:
        signal.signal(signal.SIGINT, before)
