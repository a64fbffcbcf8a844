"""Tasks under way on a Dask cluster: run again when they fail, their results taken once."""

from __future__ import annotations

import hashlib
import time
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from polyregions.domain import Domain
from polyregions.errors import PolyregionsError
from polyregions.files.reading import import_extra
from polyregions.network import Network
from polyregions.run.limits import Limits, Stop
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, Progress
from polyregions.scale.tasks import sent

__all__ = ["Tasks", "UnderWay", "check_budget", "quiet", "run_tasks", "source_of"]

_ATTEMPTS = 5  # how often one task may fail before the run is given up
_WAITING_TASKS = 2  # tasks for each thread of a worker, so that none is idle
_SCHEDULER_SECONDS = 1.0  # between two questions how many workers there are
_PAUSE = 0.005  # seconds between two looks for results

TaskArguments = tuple[Any, ...]


class UnderWay:
    """Tasks of one function of what was sent and of small arguments.

    Parameters
    ----------
    client : distributed.Client
    function : callable
        Pure, so that a task whose worker died can be run again.
    source : callable
        Submits what all tasks depend on, their first argument; called again if it is lost.
    """

    def __init__(
        self, client: Any, function: Callable[..., Any], source: Callable[[], Any]
    ) -> None:
        distributed: Any = import_extra("distributed", "scale", "working on a cluster")
        self.client, self.function = client, function
        dask: Any = import_extra("dask.base", "scale", "working on a cluster")
        self._name: Callable[..., str] = dask.tokenize
        self.tasks: dict[str, tuple[Any, TaskArguments]] = {}
        self._done = distributed.as_completed()
        self._sources, self._source = source, source()
        self._failures: dict[str, int] = {}
        self._threads, self._asked = 1, -_SCHEDULER_SECONDS

    def __len__(self) -> int:
        return len(self.tasks)

    @property
    def threads(self) -> int:
        """How many threads all workers have, as of a second ago."""
        now = time.monotonic()
        if now - self._asked > _SCHEDULER_SECONDS:
            self._threads, self._asked = max(1, sum(self.client.nthreads().values())), now
        return self._threads

    @property
    def slots(self) -> int:
        """How many tasks keep every thread busy."""
        return _WAITING_TASKS * self.threads

    def submit(self, *arguments: Any) -> None:
        """Make a task."""
        attempt = self._failures.get(self._name(arguments), 0)
        name = self._name(self._source.key, arguments, attempt)
        key = f"{self.function.__name__}-{name}"
        future = self.client.submit(self.function, self._source, *arguments, key=key, retries=1)
        self.tasks[key] = future, arguments
        self._done.add(future)

    def collect(self) -> Iterator[tuple[Any, Any]]:
        """Yield the arguments and results of the tasks that have ended, each once.

        Raises
        ------
        PolyregionsError
            If a task raised one, or failed again and again; the task is not forgotten.
        """
        for future in self._done.next_batch(block=False):
            # a key counts once, however often its task was run
            if future.key not in self.tasks:
                continue
            _, arguments = self.tasks[future.key]
            try:
                result = future.result()
            except PolyregionsError:
                raise
            except Exception as error:
                self._failed(future.key, arguments, error)
                continue
            del self.tasks[future.key]
            yield arguments, result

    def _failed(self, key: str, arguments: TaskArguments, error: Exception) -> None:
        name = self._name(arguments)
        failures = self._failures[name] = self._failures.get(name, 0) + 1
        if failures >= _ATTEMPTS:
            raise PolyregionsError(
                f"a task failed {failures} times on the cluster ({error!r}); look at the logs of "
                f"the workers"
            ) from error
        if self._source.status != "finished":
            self._source = self._sources()
        del self.tasks[key]
        self.submit(*arguments)

    def drop(self) -> None:
        """Cancel the tasks under way."""
        if self.tasks and self.client.status == "running":
            self.client.cancel([future for future, _ in self.tasks.values()])


class Tasks(ABC):
    """What is done with tasks: which to make, and what their results mean.

    Parameters
    ----------
    under_way : UnderWay
    waiting : list
        Prefixes, or what begins with them, that no task has yet.
    """

    bytes_ahead = 0  # what workers need is theirs

    def __init__(self, under_way: UnderWay, waiting: list[Any]) -> None:
        self.under_way, self.prefixes = under_way, waiting

    @property
    def finished(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.prefixes or self.under_way)

    @property
    def waiting(self) -> int:
        """How many prefixes or tasks are not done."""
        return len(self.prefixes) + len(self.under_way)

    @property
    @abstractmethod
    def found(self) -> tuple[int, int]:
        """How many regions and edges are found so far."""

    @property
    def reached(self) -> int:
        """Regions that count towards the limit."""
        return self.found[0]

    def progress(self, seconds: float) -> Progress:
        """Return how far it is, after so many seconds."""
        regions, edges = self.found
        return Progress(regions, self.waiting, edges, seconds)

    def step(self, regions: int) -> None:
        """Make tasks and take results, or wait a moment for some."""
        client = self.under_way.client
        if client.status == "running":
            self.submit()
        if self.collect() or self.finished:
            return
        if client.status == "closed":
            raise PolyregionsError(
                f"the scheduler is lost; at least {self.reached:,} regions had been found"
            )
        time.sleep(_PAUSE)

    @abstractmethod
    def submit(self) -> None:
        """Make tasks, until every thread of every worker has enough."""

    @abstractmethod
    def collect(self) -> bool:
        """Take the results that have arrived; return whether there were any."""


def run_tasks(
    tasks: Tasks,
    limits: Limits,
    interrupt: Interrupt,
    progress: Callable[[Progress], None] | None,
) -> Stop:
    """Make tasks and take results until all is done or a limit is reached.

    Raises
    ------
    PolyregionsError
        If the scheduler is lost, or a task cannot be done.
    """
    try:
        return run(tasks, limits, interrupt, progress=progress)
    finally:
        tasks.under_way.drop()


def check_budget(budget: float) -> None:
    """Refuse a budget of tasks that lets none do anything.

    Raises
    ------
    PolyregionsError
        If it is not positive.
    """
    if not budget > 0:
        raise PolyregionsError("a task needs a positive budget; leave it out for the usual one")


def source_of(
    client: Any, network: Network, domain: Domain | None, identity: Mapping[str, str]
) -> Callable[[], Any]:
    """Return a function that sends a network and a domain, under one key."""
    digest = hashlib.sha256(repr(sorted(identity.items())).encode()).hexdigest()
    return lambda: client.submit(sent, network, domain, identity, key=f"sent-{digest}")


@contextmanager
def quiet() -> Iterator[None]:
    """Keep quiet about networks that are large for a task."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        yield
