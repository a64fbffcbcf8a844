"""Does a property hold? Answered with proof, or by an exact counterexample."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal, Unpack

from polyregions.exact.simplex import Column
from polyregions.network import Network
from polyregions.network.slices import Slice
from polyregions.questions.box_regions import MetPart
from polyregions.questions.box_search import Subject, one_thread_of_blas
from polyregions.questions.certificates import check_certifiable, journals_of, write_answer
from polyregions.questions.input_rows import beside_inputs, bounded_domain, case_in, on_slice
from polyregions.questions.journal import Journal
from polyregions.questions.output_search import Target, search_for
from polyregions.questions.property import (
    Case,
    Counterexample,
    Property,
    check_property,
    load_property,
)
from polyregions.run.given import DomainLike, NetworkLike, network_given
from polyregions.run.limits import RunOptions, Threaded, options_given, with_options
from polyregions.run.loop import run
from polyregions.run.progress import Interrupt, boxes_text, shown_progress

__all__ = ["Verdict", "verdict_of", "verify"]


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
        Boxes looked at, and the regions of those that were decided region by region.
    """

    answer: Literal["holds", "violated", "unknown"]
    counterexample: Counterexample | None
    settled: float
    boxes: int
    cells: int

    def __repr__(self) -> str:
        share = f", proven on {self.settled:.1%}" if self.answer == "unknown" else ""
        return f"<Verdict: {self.answer}{share}; {self.boxes} boxes, {self.cells} regions>"


@with_options(Threaded)
def verify(
    network: NetworkLike,
    property_: Property | str | os.PathLike[str],
    domain: DomainLike | Slice = None,
    *,
    certificate: str | os.PathLike[str] | None = None,
    **how: Unpack[Threaded],
) -> Verdict:
    """Decide whether a network has a property.

    Parameters
    ----------
    network : Network, path or torch module
    property_ : Property, or path of a VNN-LIB file
        What a counterexample satisfies; see
        :func:`polyregions.questions.property.load_property`.
    domain : Box, Polytope, one (lower, upper) per input, or Line, Plane or Slice, optional
        Only inputs in this closed domain count, or on the slice, in its window; all that the
        property is about by default.
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
        If the file states no property of boxes and linear inequalities.
    DomainError
        If the domain is not one of the network's inputs.
    PolyregionsError
        If the property is not about this network, or a limit is no positive number.

    Notes
    -----
    *Algorithm.* :class:`~polyregions.questions.output_search.OutputSearch`, case after case. The
    answer is about the rational function of the parameters as they are in the file; every
    bound includes its rounding, and a counterexample is evaluated exactly before it is believed.

    Examples
    --------
    >>> import polyregions as pr
    >>> from polyregions.questions.property import read_property
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
    asked = (
        load_property(Path(property_)) if isinstance(property_, str | os.PathLike) else property_
    )
    check_property(asked, network)
    options = options_given(Threaded, how)
    if certificate is not None:
        check_certifiable(asked.cases, domain)
    if isinstance(domain, Slice):
        both, cases = on_slice(network, asked.cases, domain)
        verdict = verdict_of(both, cases, options)
        if verdict.counterexample is None:
            return verdict
        outputs = verdict.counterexample.outputs
        count = network.output_dimension
        found = Counterexample(outputs[count:], outputs[:count])
        return replace(verdict, counterexample=found)
    cases = asked.cases
    if domain is not None:
        within = bounded_domain(domain, network)
        cases = tuple(case for case in (case_in(one, within) for one in cases) if case is not None)
    if certificate is None:
        return verdict_of(network, cases, options)
    journals = journals_of(network, cases)
    verdict = verdict_of(network, cases, options, journals)
    if verdict.answer != "unknown":
        example = verdict.counterexample
        write_answer(
            certificate,
            network,
            verdict.answer,
            cases,
            journals if example is None else (),
            point=None if example is None else example.point,
            progress=options.progress,
        )
    return verdict


def verdict_of(
    network: Network,
    cases: Sequence[Case],
    options: RunOptions,
    journals: Sequence[Journal] | None = None,
) -> Verdict:
    """Decide whether no input of any case is mapped into an unsafe set of that case.

    Parameters
    ----------
    network : Network
    cases : sequence of Case
    options : RunOptions
    journals : sequence of Journal, optional
        Of the search in each case.

    Returns
    -------
    Verdict
    """
    both, unsafe = beside_inputs(network, [rows for case in cases for rows in case.unsafe])
    following = iter(unsafe)
    notes: Sequence[Journal | None] = [None] * len(cases) if journals is None else journals
    boxes = cells = 0
    settled = 0.0
    subject = Subject.of(both, options.threads)
    with (
        one_thread_of_blas(),
        shown_progress(options.progress, boxes_text) as shown,
        Interrupt(options.on_interrupt) as interrupt,
    ):
        for case, journal in zip(cases, notes, strict=True):
            target = _First(tuple(islice(following, len(case.unsafe))))
            sides = case.lower, case.upper
            search = search_for(subject, *sides, target, journal)
            stop = run(search, options.limits.left, interrupt, progress=shown)
            boxes, cells = boxes + search.boxes, cells + search.cells
            settled += search.settled / len(cases)
            if target.found is not None:
                outputs = target.found.outputs[: network.output_dimension]
                found = Counterexample(target.found.point, outputs)
                return Verdict("violated", found, settled, boxes, cells)
            if stop != "finished":
                return Verdict("unknown", None, settled, boxes, cells)
    return Verdict("holds", None, 1.0, boxes, cells)


class _First(Target):
    """One counterexample is enough; the search goes deep first."""

    found: Counterexample | None = None

    @property
    def reached(self) -> bool:
        return self.found is not None

    def take(self, found: Counterexample) -> None:
        self.found = found

    def point_of(self, part: MetPart) -> Column:
        return part.polytope.point
