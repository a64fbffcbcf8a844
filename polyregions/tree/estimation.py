"""About how many regions there are, before they are counted: random probes of the tree."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from math import exp
from typing import Any, NamedTuple

import numpy as np

from polyregions.domain import Domain
from polyregions.errors import PolyregionsError
from polyregions.exact.stopping import look
from polyregions.markup import titled
from polyregions.network import Network
from polyregions.network.prefix import Prefix, empty_prefix, n_decided
from polyregions.run.limits import NO_LIMIT, counting_limits
from polyregions.run.loop import run
from polyregions.run.problem import problem_of
from polyregions.run.progress import Interrupt, OnInterrupt, OnSteps, Progress, shown_steps
from polyregions.tree.crew import Explorer, explorer_of

__all__ = ["Estimate", "Probe", "check_probes", "estimate_regions", "probes_of"]

# Neither changes what a probe is worth on average, only how much probes differ.
_NODES_OF_A_PROBE = 100  # nodes of the tree explored below a prefix
_KEPT = 16  # prefixes kept of those with equally many decided units


class Probe(NamedTuple):
    """One look at the tree.

    Attributes
    ----------
    regions : float
        An unbiased estimate of their number.
    counted : int
        Regions counted on the way, all different: there are at least so many.
    exact : bool
        Nothing was left out: `regions` is the number.
    """

    regions: float
    counted: int
    exact: bool


@dataclass(frozen=True)
class Estimate:
    """About how many regions there are.

    Attributes
    ----------
    regions : float
        The mean of the probes, each of which is an unbiased estimate.
    standard_error : float
    interval : tuple of float
        Where the number is with the given confidence. It never begins below `lower_bound`.
    confidence : float
    lower_bound : int
        Proven: so many different regions were counted by one probe.
    exact : bool
        The tree was so small that it was counted: `regions` is the number, proven.
    probes : int
    complete : bool
        False if Ctrl-C came before the last probe.
    """

    regions: float
    standard_error: float
    interval: tuple[float, float]
    confidence: float
    lower_bound: int
    exact: bool
    probes: int
    complete: bool

    def _repr_html_(self) -> str:
        return titled("Estimate of the number of regions", self.summary())

    def summary(self) -> dict[str, Any]:
        """Return the numbers that describe the result.

        Returns
        -------
        dict

        Examples
        --------
        >>> import polyregions as pr
        >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
        >>> pr.estimate_regions(net, pr.Box.cube(1, 1.0), probes=4).summary()["lower_bound"]
        2
        """
        return {
            "regions": self.regions,
            "standard_error": self.standard_error,
            "interval": list(self.interval),
            "confidence": self.confidence,
            "lower_bound": self.lower_bound,
            "exact": self.exact,
            "probes": self.probes,
            "complete": self.complete,
        }


def probes_of(network: Network, domain: Domain | None, *, seed: int = 0) -> Iterator[Probe]:
    """Yield independent probes of the tree of a network, without end.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
    seed : int

    Yields
    ------
    Probe

    Raises
    ------
    DomainError
        If the domain does not fit the network.

    Notes
    -----
    *Algorithm.* Heterogeneous sampling (Chen 1992), which extends Knuth's estimator of
    1975: prefixes of the tree are taken up by the number of units that they decide. Each
    is explored for a few nodes; regions found count with the prefix's weight, and what
    is left goes, with the same weight, to prefixes that decide more units. Where
    more than a few decide equally many, a few are drawn at random, the weighty ones for
    certain, and their weights grow so that each keeps its expectation.

    References
    ----------
    D. E. Knuth, *Estimating the efficiency of backtrack programs*, Math. Comp. 29 (1975).
    P. C. Chen, *Heterogeneous sampling: a method for predicting the performance of tree
    searching programs*, SIAM J. Comput. 21 (1992).

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [1.0]], [0.0, -0.5]), ([[1, 1]], [0])])
    >>> next(probes_of(net, pr.Box.cube(1, 1.0)))
    Probe(regions=3.0, counted=3, exact=True)
    """
    problem = problem_of(network, domain)
    rng = np.random.default_rng(seed)
    if problem.flat.units == 0:
        while True:
            yield Probe(1.0, 1, True)
    subtree, everything = explorer_of(problem, None), empty_prefix(problem.flat.units)
    while True:
        yield _probe(subtree, everything, rng)


def estimate_regions(
    network: Network,
    domain: Domain | None,
    *,
    probes: int = 16,
    seed: int = 0,
    confidence: float = 0.95,
    progress: OnSteps = None,
    on_interrupt: OnInterrupt = "raise",
) -> Estimate:
    """Estimate the number of regions of a network in a domain.

    Parameters
    ----------
    network : Network
    domain : Box, Polytope or None
    probes : int
        At least 2. The standard error falls with the square root.
    seed : int
    confidence : float
        Of the interval, between 0 and 1.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the number of probes made and their
        total.
    on_interrupt : {"raise", "return"}
        What Ctrl-C does: raise ``KeyboardInterrupt``, or end the estimate with the probes
        made so far, if there are two.

    Returns
    -------
    Estimate

    Raises
    ------
    DomainError
        If the domain does not fit the network.
    PolyregionsError
        If the number of probes, the seed or the confidence is out of range.
    KeyboardInterrupt
        After Ctrl-C; see `on_interrupt`.

    Notes
    -----
    See `probes_of`. The interval is symmetric on a logarithmic scale (Student's t for
    the mean, and the delta method): probes are positive, and a few are large. It
    is an approximation, as for any mean of unknown law; the lower bound is proven.

    Examples
    --------
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1], [1, 1]], [0, 0, -0.5]), ([[1, 1, 1]], [0])])
    >>> estimate = estimate_regions(net, pr.Box.cube(2, 1.0))
    >>> estimate.regions, estimate.interval, estimate.exact
    (7.0, (7.0, 7.0), True)
    """
    check_probes(probes, seed)
    if not 0 < confidence < 1:
        raise PolyregionsError(f"the confidence must be between 0 and 1, not {confidence}")
    work = _Probes(probes_of(network, domain, seed=seed), probes)
    made = work.made

    with (
        Interrupt(on_interrupt) as interrupt,
        shown_steps(progress, "probes", "made") as report,
    ):
        told = None if report is None else lambda: report(len(made), probes)
        run(work, counting_limits(), interrupt, after_step=told)
    exact = bool(made) and made[-1].exact
    if len(made) < 2 and not exact:
        raise KeyboardInterrupt
    lower = max(probe.counted for probe in made)
    # a probe is random from its first draw on: if one is exact, all are
    values = np.array([made[-1].regions] if exact else [probe.regions for probe in made])
    mean = float(values.mean())
    error = 0.0 if exact else float(values.std(ddof=1)) / len(values) ** 0.5
    low, high = _confidence_interval(mean, error, len(values), confidence)
    return Estimate(
        mean,
        error,
        (max(low, lower), max(high, lower)),
        confidence,
        lower,
        exact,
        len(made),
        exact or len(made) == probes,
    )


class _Probes:
    """Probes, made one after another until one is exact or they are enough."""

    bytes_ahead = 0

    def __init__(self, source: Iterator[Probe], wanted: int) -> None:
        self._source, self._wanted = source, wanted
        self.made: list[Probe] = []

    @property
    def finished(self) -> bool:
        return bool(self.made) and (self.made[-1].exact or len(self.made) == self._wanted)

    @property
    def reached(self) -> int:
        return 0  # an estimate has no limit of regions

    def progress(self, seconds: float) -> Progress:
        return Progress(max(probe.counted for probe in self.made), 0, 0, seconds)

    def step(self, regions: int) -> None:
        self.made.append(next(self._source))


def check_probes(probes: int, seed: int) -> None:
    """Refuse a number of probes, or a seed, that makes no estimate.

    Raises
    ------
    PolyregionsError
    """
    if probes < 2:
        raise PolyregionsError(f"an estimate needs at least 2 probes, not {probes}")
    if seed < 0:
        raise PolyregionsError(f"the seed must not be negative, as {seed} is")


def _confidence_interval(
    mean: float, error: float, probes: int, confidence: float
) -> tuple[float, float]:
    if error == 0.0:
        return mean, mean
    from scipy.special import stdtrit

    reach = float(stdtrit(probes - 1, (1 + confidence) / 2)) * error / mean
    # a float holds no more; beyond that nothing is known
    return mean * exp(-min(reach, 700.0)), mean * exp(min(reach, 600.0))


def _probe(subtree: Explorer, everything: Prefix, rng: np.random.Generator) -> Probe:
    waiting: dict[int, list[tuple[float, Prefix]]] = {0: [(1.0, everything)]}
    due = [0]
    regions, counted, exact = 0.0, 0, True
    # the shortest first: all prefixes of one length are there before some of them are drawn
    while due:
        drawn = waiting.pop(heapq.heappop(due))
        # as long as all are kept nothing is random: the count is exact
        if len(drawn) > _KEPT:
            exact = False
            drawn = _drawn(drawn, rng)
        for weight, prefix in drawn:
            found, left = _explored(subtree, prefix)
            regions += weight * found
            counted += found
            # they keep the weight: each stands for as many of the tree
            for longer in left:
                decided = n_decided(longer)
                if decided not in waiting:
                    waiting[decided] = []
                    heapq.heappush(due, decided)
                waiting[decided].append((weight, longer))
    return Probe(regions, counted, exact)


def _explored(subtree: Explorer, prefix: Prefix) -> tuple[int, list[Prefix]]:
    """Explore a few nodes; return the regions found and the prefixes that are left."""
    subtree.start(prefix)
    while not subtree.finished and subtree.work < _NODES_OF_A_PROBE:
        look()  # a probe may be long
        subtree.advance(_NODES_OF_A_PROBE - subtree.work, NO_LIMIT)
    regions = subtree.regions
    return regions, subtree.unexplored()[0]


def _drawn(
    items: list[tuple[float, Prefix]], rng: np.random.Generator
) -> list[tuple[float, Prefix]]:
    """Draw a few items; each keeps its expected weight.

    Items heavier than the average of those still to be drawn stay as they are; of the
    others a systematic sample is drawn, each in proportion to its weight.
    """
    weights = np.array([weight for weight, _ in items])
    order = np.argsort(-weights, kind="stable")
    total, kept = float(weights.sum()), 0
    # whoever weighs more than a fair share is certain to be kept, which only lowers the variance
    while kept < _KEPT and weights[order[kept]] * (_KEPT - kept) >= total:
        total -= float(weights[order[kept]])
        kept += 1
    chosen = [items[index] for index in order[:kept]]
    rest = rng.permutation(order[kept:])
    places = np.cumsum(weights[rest])
    step = float(places[-1]) / (_KEPT - kept) if kept < _KEPT else 0.0
    marks = step * (rng.random() + np.arange(_KEPT - kept))
    drawn = np.searchsorted(places, marks, side="right").clip(max=len(rest) - 1)
    return chosen + [(step, items[index][1]) for index in rest[drawn].tolist()]
