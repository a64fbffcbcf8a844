"""Does a property hold? Answered with proof, or by an exact counterexample."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import exact_maps
from polyregions.arrays import Floats
from polyregions.exact.closed import ClosedPolytope
from polyregions.exact.simplex import Column, Row
from polyregions.network import Network
from polyregions.questions.box_search import BoxSearch, Pending, one_thread_of_blas
from polyregions.questions.certificates import journals_of, write_answer
from polyregions.questions.journal import Journal
from polyregions.questions.property import Counterexample, OutputSet, Property, check_property
from polyregions.questions.property_files import load_property
from polyregions.run.display import boxes_text, shown_progress
from polyregions.run.given import NetworkLike, network_given
from polyregions.run.limits import Limits, check_threads, counting_limits
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, OnInterrupt, OnProgress, Progress

__all__ = ["Verdict", "verify"]


@dataclass(frozen=True)
class Verdict:
    """The answer to whether a network has a property.

    Attributes
    ----------
    answer : {"holds", "violated", "unknown"}
        Holds: proven for every input. Violated: there is a counterexample. Unknown: a limit
        was reached before either.
    counterexample : Counterexample or None
    settled : float
        The share of all boxes, by volume, on which the property is proven: 1 if it holds.
        Rounded; nothing rests on it.
    boxes, cells : int
        Boxes looked at, and those that were decided exactly.
    """

    answer: Literal["holds", "violated", "unknown"]
    counterexample: Counterexample | None
    settled: float
    boxes: int
    cells: int

    def __repr__(self) -> str:
        share = f", proven on {self.settled:.1%}" if self.answer == "unknown" else ""
        return f"<Verdict: {self.answer}{share}; {self.boxes} boxes, {self.cells} exactly>"


def verify(
    network: NetworkLike,
    property_: Property | str | os.PathLike[str],
    *,
    threads: int = 1,
    time_limit: float | None = None,
    progress: OnProgress = None,
    on_interrupt: OnInterrupt = "raise",
    certificate: str | os.PathLike[str] | None = None,
) -> Verdict:
    """Decide whether a network has a property.

    Parameters
    ----------
    network : Network, path or torch module
    property_ : Property, or path of a VNN-LIB file
        What a counterexample satisfies; see
        :func:`polyregions.questions.property_files.load_property`.
    threads : int
        The answer is the same for any number, the counterexample may be another one.
    time_limit : float, optional
        Seconds; then the answer is "unknown".
    progress : bool or callable, optional
        True shows it; a function is called now and then with a
        :class:`~polyregions.run.progress.Progress`: boxes looked at (as its regions), and
        boxes pending.
    on_interrupt : {"raise", "return"}
        Whether Ctrl-C raises or returns "unknown".
    certificate : str or path-like, optional
        Where to write a proof of the answer, which :func:`polyregions.check` replays. Nothing
        is written if the answer is "unknown".

    Returns
    -------
    Verdict

    Raises
    ------
    NetworkError
        If there is no network.
    FormatError
        If the file states no property of closed boxes and linear inequalities of outputs.
    PolyregionsError
        If the property is not about this network, or a limit is no positive number.

    Notes
    -----
    *Algorithm.* :class:`~polyregions.questions.box_search.BoxSearch`, case after case. The
    answer is about the rational function of the parameters as they are in the file; every
    bound includes its rounding, and a counterexample is evaluated exactly before it is believed.

    Examples
    --------
    >>> import polyregions as pr
    >>> from polyregions.questions.property_files import read_property
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0, 0]), ([[1, 1]], [0])])  # |x|
    >>> declared = "(declare-const X_0 Real) (declare-const Y_0 Real)"
    >>> box = "(assert (and (>= X_0 -1) (<= X_0 2)))"
    >>> verify(net, read_property(declared + box + "(assert (<= Y_0 -0.001))")).answer
    'holds'
    >>> found = verify(net, read_property(declared + box + "(assert (>= Y_0 2))"))
    >>> found.answer, [str(x) for x in found.counterexample.point]
    ('violated', ['2'])
    """
    network = network_given(network)
    check_threads(threads)
    asked = (
        load_property(Path(property_)) if isinstance(property_, str | os.PathLike) else property_
    )
    check_property(asked, network)
    limits = counting_limits(None, time_limit)
    journals: Sequence[Journal | None] = [None] * len(asked.cases)
    if certificate is not None:
        journals = journals_of(network, asked.cases)
    with (
        one_thread_of_blas(),
        shown_progress(progress, boxes_text) as shown,
        Interrupt(on_interrupt) as interrupt,
    ):
        verdict = _decided(network, asked, journals, threads, limits, interrupt, shown)
    if certificate is not None and verdict.answer != "unknown":
        found = verdict.counterexample
        write_answer(
            certificate,
            network,
            verdict.answer,
            asked.cases,
            [] if found else [journal for journal in journals if journal is not None],
            point=found.point if found else None,
            progress=progress,
        )
    return verdict


def _decided(
    network: Network,
    asked: Property,
    journals: Sequence[Journal | None],
    threads: int,
    limits: Limits,
    interrupt: Interrupt,
    shown: Callable[[Progress], None] | None,
) -> Verdict:
    """Search case after case."""
    boxes = cells = 0
    settled = 0.0
    maps = exact_maps(network, None)
    for case, journal in zip(asked.cases, journals, strict=True):
        target = _First(case.unsafe)
        sides = case.lower, case.upper
        search = BoxSearch(network, maps, *sides, target, threads, journal)
        stop = run(search, limits.left, interrupt, progress=shown)
        boxes, cells = boxes + search.boxes, cells + search.cells
        settled += search.settled / len(asked.cases)
        if target.found is not None:
            return Verdict("violated", target.found, settled, boxes, cells)
        if stop != "finished":
            return Verdict("unknown", None, settled, boxes, cells)
    return Verdict("holds", None, 1.0, boxes, cells)


class _First:
    """One counterexample is enough; the search goes deep first."""

    level = 0.0

    def __init__(self, sets: tuple[OutputSet, ...]) -> None:
        self.sets = sets
        self.found: Counterexample | None = None

    @property
    def reached(self) -> bool:
        return self.found is not None

    def take(self, found: Counterexample) -> None:
        self.found = found

    def point_of(self, part: ClosedPolytope, outputs: Sequence[Row], number: int) -> Column:
        return part.point

    def ordered(self, pending: list[Pending]) -> list[Pending]:
        return pending

    def needed(self, ceilings: Floats) -> NDArray[np.bool_]:
        return np.ones(len(ceilings), dtype=bool)
