"""What a worker of a cluster does: a pure function of a network, prefixes and a budget."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from polyregions.compiled import only_compiled
from polyregions.domain import Domain
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.network.prefix import Prefix
from polyregions.run.problem import Problem, problem_of, whole_problem
from polyregions.scale.identity import identity_of
from polyregions.tree.subdivision import count_below

__all__ = ["Piece", "Sent", "count_piece", "problem_sent", "sent", "whole_problem_sent"]

_REMEMBERED = 4  # problems that a worker process keeps ready

_problems: OrderedDict[tuple[Any, ...], Problem] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Sent:
    """A network and a domain on their way to workers, and what identifies them."""

    network: Network
    domain: Domain | None
    identity: Mapping[str, str]


@dataclass(frozen=True)
class Piece:
    """What one task found: regions of the first l layers, and the prefixes it leaves.

    `seconds` is how long it took, for the size of later tasks.
    """

    counts: tuple[int, ...]
    unexplored: tuple[Prefix, ...]
    exact_decisions: int
    seconds: float


def sent(network: Network, domain: Domain | None, identity: Mapping[str, str]) -> Sent:
    """Return what all tasks of a count depend on.

    It is a task itself: a worker that dies with the only copy of its result does no harm,
    which it would with data that was scattered.
    """
    return Sent(network, domain, identity)


@only_compiled()  # a cluster has one speed
def count_piece(source: Sent, prefixes: Sequence[Prefix], nodes: int) -> Piece:
    """Count the regions below some prefixes, with a budget of nodes for all together.

    Raises
    ------
    PolyregionsError
        If this worker sees the problem differently: prefixes would mean something else.
    """
    begin = perf_counter()
    problem = problem_sent(source)
    levels = len(problem.flat.widths) + 1
    each = max(1, nodes // len(prefixes))
    parts = [count_below(problem, prefix, budget=each) for prefix in prefixes]
    return Piece(
        tuple(sum(int(part.counts[level]) for part in parts) for level in range(levels)),
        tuple(left for part in parts for left in part.unexplored),
        sum(part.exact_decisions for part in parts),
        perf_counter() - begin,
    )


def problem_sent(source: Sent) -> Problem:
    """Return the problem that was sent, of the units that vary; it is remembered.

    Raises
    ------
    PolyregionsError
        If this worker sees it differently.
    """
    return _remembered("varying units", source, _checked)


def whole_problem_sent(source: Sent) -> Problem:
    """Return the problem that was sent, of all units; it is remembered."""
    return _remembered("all units", source, lambda sent: whole_problem(sent.network, sent.domain))


def _checked(source: Sent) -> Problem:
    problem = problem_of(source.network, source.domain)
    if identity_of(problem) != dict(source.identity):
        raise PolyregionsError(
            "a worker has another version of polyregions, or another kind of processor, "
            "than the driver; install the same everywhere"
        )
    return problem


def _remembered(kind: str, source: Sent, make: Callable[[Sent], Problem]) -> Problem:
    key = (kind, *sorted(source.identity.items()))
    with _lock:
        problem = _problems.pop(key, None)
        if problem is None:
            problem = make(source)
        _problems[key] = problem
        while len(_problems) > _REMEMBERED:
            _problems.popitem(last=False)
    return problem
