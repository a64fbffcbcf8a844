"""Counts on a Dask cluster: prefixes are tasks, and what a task leaves becomes new tasks.

A prefix region is convex, and what lies below it is complete in itself: tasks share
nothing. A task has a budget, and returns how many regions it counted and the prefixes
that it did not explore. It is a pure function of the network, its prefixes and the budget:
whatever workers die, and however often a task is run, its result is added once, here.
"""

from __future__ import annotations

import hashlib
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from polyregions.domain import Domain
from polyregions.errors import PolyregionsError
from polyregions.io.files import import_extra
from polyregions.network import Network
from polyregions.scale.identity import identity_of
from polyregions.scale.tasks import Piece, count_piece, sent
from polyregions.traversal.interrupt import Interrupt
from polyregions.traversal.limits import check_threads, limits_of
from polyregions.traversal.problem import problem_of
from polyregions.traversal.progress import Progress
from polyregions.traversal.subdivision import TreeCount, counts_by_layer
from polyregions.traversal.tree import ANY

if TYPE_CHECKING:
    from distributed import Client

__all__ = ["connected", "count_on_cluster"]

_FIRST_NODES = 1 << 16  # of the first tasks, before it is known how fast workers are
_LEAST_NODES, _MOST_NODES = 1 << 12, 1 << 40
_PREFIXES = 16  # most prefixes of one task
_WAITING = 2  # tasks for each thread of a worker, so that none is idle
_ATTEMPTS = 5  # how often one task may fail before the count is given up
_PAUSE = 0.005  # seconds between two looks for results
_SECONDS_BETWEEN_REPORTS = 0.1
_SCHEDULER_SECONDS = 1.0  # between two questions how many workers there are


class _Count:
    """What the driver knows: regions counted, prefixes to explore, tasks under way."""

    def __init__(self, client: Any, source: Callable[[], Any], levels: int, nodes: int) -> None:
        distributed: Any = import_extra("distributed", "scale", "counting on a cluster")
        self.client, self.nodes = client, nodes
        self.counts = np.zeros(levels, dtype=object)  # integers of any size
        self.exact_decisions = 0
        self.prefixes: list[bytes] = [b""]
        self.tasks: dict[str, tuple[Any, tuple[bytes, ...], int]] = {}
        self._done = distributed.as_completed()
        self._sources, self._source = source, source()
        self._failures: dict[tuple[bytes, ...], int] = {}
        self._threads, self._asked = 1, -_SCHEDULER_SECONDS

    @property
    def finished(self) -> bool:
        """Whether everything is counted."""
        return not (self.prefixes or self.tasks)

    def submit(self) -> None:
        """Make tasks, until every thread of every worker has enough."""
        now = time.monotonic()
        if now - self._asked > _SCHEDULER_SECONDS:
            self._threads, self._asked = max(1, sum(self.client.nthreads().values())), now
        slots = _WAITING * self._threads
        # the longest prefixes first: little is below them, and so few wait at a time
        self.prefixes.sort(key=lambda prefix: len(prefix) - prefix.count(ANY))
        while self.prefixes and len(self.tasks) < slots:
            size = min(max(1, len(self.prefixes) // (2 * slots)), _PREFIXES)
            bundle = tuple(self.prefixes[-size:])
            del self.prefixes[-size:]
            # while threads are idle, tasks are to end soon and leave work for all
            scarce = len(self.prefixes) + len(self.tasks) < self._threads
            self._submit(bundle, max(1, self.nodes // 8) if scarce else self.nodes)

    def _submit(self, bundle: tuple[bytes, ...], nodes: int) -> None:
        attempt = self._failures.get(bundle, 0)
        name = hashlib.sha256(repr((self._source.key, bundle, nodes, attempt)).encode())
        key = f"count_piece-{name.hexdigest()}"
        future = self.client.submit(count_piece, self._source, bundle, nodes, key=key, retries=1)
        self.tasks[key] = future, bundle, nodes
        self._done.add(future)

    def collect(self) -> list[tuple[Piece, int]]:
        """Add the results that have arrived; return them with their budgets."""
        pieces = []
        for future in self._done.next_batch(block=False):
            # a key counts once, however often its task was run
            _, bundle, nodes = self.tasks.pop(future.key, (None, (), 0))
            if not bundle:
                continue
            try:
                piece = future.result()
            except PolyregionsError:
                raise
            except Exception as error:
                self._failed(bundle, error)
                continue
            self.counts += np.array(piece.counts, dtype=object)
            self.exact_decisions += piece.exact_decisions
            self.prefixes.extend(piece.unexplored)
            pieces.append((piece, nodes))
        return pieces

    def _failed(self, bundle: tuple[bytes, ...], error: Exception) -> None:
        failures = self._failures[bundle] = self._failures.get(bundle, 0) + 1
        if failures >= _ATTEMPTS:
            raise PolyregionsError(
                f"a task failed {failures} times on the cluster ({error!r}); look at the logs of "
                f"the workers"
            ) from error
        if self._source.status != "finished":
            self._source = self._sources()
        self._submit(bundle, self.nodes)

    def drop(self) -> None:
        """Cancel the tasks under way."""
        if self.tasks and self.client.status == "running":
            self.client.cancel([future for future, _, _ in self.tasks.values()])


def count_on_cluster(
    network: Network,
    domain: Domain | None,
    client: Client,
    *,
    seconds: float = 2.0,
    nodes: int | None = None,
    max_regions: int | None = None,
    time_limit: float | None = None,
    progress: Callable[[Progress], None] | None = None,
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
    max_regions, time_limit, progress
        As for :func:`polyregions.traversal.subdivision.count_tree`. Tasks that run
        when the limit is reached are dropped.

    Returns
    -------
    TreeCount
        That of `count_tree`; `exact_decisions` may differ. Ctrl-C ends the count with the
        regions counted so far and ``complete=False``.

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
    limits_of(max_regions, time_limit)
    if not seconds > 0 or (nodes is not None and nodes < 1):
        raise PolyregionsError("a task needs a positive budget; leave it out for the usual one")
    problem = problem_of(network, domain, drop_constant=True)
    if problem.flat.units == 0:
        return TreeCount(1, (1,) * len(network.widths), True, True, 0)
    identity = identity_of(problem)

    def source() -> Any:
        return client.submit(sent, network, domain, identity, key=f"sent-{_digest(identity)}")

    begin = reported = time.monotonic()
    with Interrupt() as interrupt, _quiet():
        count = _Count(
            client, source, len(problem.flat.widths) + 1, _FIRST_NODES if nodes is None else nodes
        )
        try:
            while not count.finished:
                if client.status == "running":
                    count.submit()
                pieces = count.collect()
                if nodes is None and pieces:
                    count.nodes = _budget(pieces, count.nodes, seconds)
                now = time.monotonic()
                regions = counts_by_layer(problem, count.counts)[-1]
                if progress is not None and (
                    now - reported >= _SECONDS_BETWEEN_REPORTS or count.finished
                ):
                    waiting = len(count.prefixes) + len(count.tasks)
                    progress(Progress(regions, waiting, 0, now - begin))
                    reported = now
                late = time_limit is not None and now - begin > time_limit
                if interrupt.requested or late or regions >= (max_regions or float("inf")):
                    break
                if client.status == "closed":
                    raise PolyregionsError(
                        f"the scheduler is lost; at least {regions:,} regions had been counted"
                    )
                if not pieces:
                    time.sleep(_PAUSE)
        finally:
            count.drop()
    layers = counts_by_layer(problem, count.counts)
    complete = count.finished and layers[-1] <= (max_regions or layers[-1])
    if not complete and max_regions is not None:
        layers = tuple(min(layer, max_regions) for layer in layers)
    return TreeCount(layers[-1], layers, complete, True, count.exact_decisions)


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
    distributed: Any = import_extra("distributed", "scale", "counting on a cluster")
    check_threads(threads)
    if address == "local":
        with (
            _quiet(),
            _local_cluster(
                distributed,
                n_workers=threads,
                threads_per_worker=1,
                processes=True,
                dashboard_address=":0",
                silence_logs="CRITICAL",
            ) as cluster,
            distributed.Client(cluster) as client,
        ):
            yield client
        return
    try:
        client = distributed.Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise PolyregionsError(
            f"no Dask scheduler answers at {address} ({error}); give an address such as "
            f"tcp://host:8786, or local"
        ) from None
    with client:
        yield client


def _budget(pieces: list[tuple[Piece, int]], nodes: int, seconds: float) -> int:
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


def _digest(identity: Mapping[str, str]) -> str:
    return hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()


def _local_cluster(distributed: Any, **options: Any) -> Any:
    """Start a cluster whose processes ignore Ctrl-C, which a terminal sends to all."""
    if threading.current_thread() is not threading.main_thread():
        return distributed.LocalCluster(**options)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # processes inherit this
    try:
        return distributed.LocalCluster(**options)
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep quiet about networks that are large for a task."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        yield
