"""Certificates of answers: that no input is mapped into some sets, or which one is."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from os import PathLike
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays, Integers, Point
from polyregions.errors import PolyregionsError
from polyregions.network import Network
from polyregions.proof.certificate import narrow
from polyregions.proof.region_tree import UnitNodes, tree_arrays, write_tree
from polyregions.proof.tree_checker import CLIPPED, HANDED, ProvenCase
from polyregions.questions.box_search import one_thread_of_blas
from polyregions.questions.journal import Journal
from polyregions.questions.output_sets import OutputSets
from polyregions.questions.property import Case, Property
from polyregions.run.progress import OnProgress, shown_steps

__all__ = ["check_certifiable", "is_about", "journals_of", "write_answer"]


def check_certifiable(cases: Sequence[Case], domain: object) -> None:
    """Refuse what no certificate can be about.

    Raises
    ------
    PolyregionsError
    """
    if domain is not None:
        raise PolyregionsError(
            "a certificate is about the boxes of a property file; leave out the domain, or the "
            "certificate"
        )
    rows = [row for case in cases for unsafe in case.unsafe for row in unsafe]
    if any(row.strict or row.inputs for row in rows):
        raise PolyregionsError(
            "a certificate is about inequalities of outputs that are not strict; this property "
            "has others: ask without a certificate"
        )


def journals_of(network: Network, cases: Sequence[Case]) -> list[Journal]:
    """Return a journal for the search in each case."""
    bases: dict[tuple[int, ...], int] = {}
    found, function, member = [], 0, 0
    for case in cases:
        sizes = network.hidden_units, network.input_dimension
        found.append(Journal(*sizes, function, member, bases))
        sets = OutputSets(network.output_dimension, case.unsafe)
        function, member = function + len(sets.bounds), member + sum(map(len, sets.members))
    return found


def write_answer(
    path: str | PathLike[str],
    network: Network,
    claim: Literal["holds", "violated", "extreme"],
    cases: Sequence[Case],
    journals: Sequence[Journal] = (),
    *,
    point: Point | None = None,
    level: float | None = None,
    progress: OnProgress = None,
) -> None:
    """Write the certificate of an answer, once the checker has accepted it.

    Parameters
    ----------
    path : str or path-like
    network : Network
    claim : {"holds", "violated", "extreme"}
        As :mod:`polyregions.proof.tree_checker` says.
    cases : sequence of Case
    journals : sequence of Journal
        Of the searches in these cases, which ended with nothing left.
    point : tuple of Fraction, optional
        That is mapped into one of the sets.
    level : float, optional
        At most the value that is claimed to be extreme: boxes with less are settled.
    progress : bool or callable, optional
        True shows how much is checked.

    Raises
    ------
    PolyregionsError
        If the checker does not accept it.
    """
    trees = _arrays_of_trees(network, journals, level) if journals else {}
    arrays = tree_arrays(network, claim, {**_claim_of(network, cases, point), **trees})
    with (
        one_thread_of_blas(),
        shown_steps(progress if isinstance(progress, bool) else None, "nodes", "checked") as report,
    ):
        write_tree(network, arrays, path, report)


def is_about(proven: Sequence[ProvenCase], property_: Property) -> bool:
    """Return whether what a checker proved is about a property."""
    if len(proven) != len(property_.cases):
        return False
    wholes = [x.unsafe for x in property_.cases]
    named = [k for sets in wholes for of in sets for row in of for k, _ in row.coefficients]
    there = [len(c) - 1 for found in proven for of in found.sets for c, _ in of]
    outputs = 1 + max(named + there, default=0)
    for found, case in zip(proven, property_.cases, strict=True):
        sets = OutputSets(outputs, case.unsafe)
        functions = list(zip(map(tuple, sets.matrix.tolist()), sets.bounds, strict=True))
        wanted = tuple(tuple(functions[j] for j in of) for of in sets.members)
        sides = (found.lower, case.lower), (found.upper, case.upper)
        if wanted != found.sets or not all(np.array_equal(*pair) for pair in sides):
            return False
    return True


def _claim_of(network: Network, cases: Sequence[Case], point: Point | None) -> Arrays:
    """Return the arrays that say what is claimed of a network, and of a point."""
    n, outputs = network.input_dimension, network.output_dimension
    sets = [OutputSets(outputs, case.unsafe) for case in cases]
    firsts = np.cumsum([0, *(len(one.bounds) for one in sets)])
    members = [
        first + np.asarray(of)
        for one, first in zip(sets, firsts, strict=False)
        for of in one.members
    ]
    owners = np.repeat(np.arange(len(cases)), [len(one.members) for one in sets])
    bounds = [bound for one in sets for bound in one.bounds]
    return {
        "domain": np.array([[case.lower, case.upper] for case in cases]).reshape(-1, n),
        "functions": np.concatenate([np.zeros((0, outputs)), *(one.matrix for one in sets)]),
        "bounds": _texts(bounds),
        "set_cases": narrow(owners),
        "set_sizes": narrow(np.array([len(of) for of in members], dtype=np.int64)),
        "members": narrow(np.concatenate([np.zeros(0, dtype=np.int64), *members])),
        "point": _texts(() if point is None else point),
    }


def _texts(values: Sequence[Fraction]) -> NDArray[np.str_]:
    return np.array([f"{v.numerator:x}/{v.denominator:x}" for v in values], dtype=np.str_)


def _arrays_of_trees(network: Network, journals: Sequence[Journal], level: float | None) -> Arrays:
    """Return the arrays of the trees of all searches, those of an extreme with its level.

    Notes
    -----
    *Algorithm.* Breadth first, so that the parts of a box come in the order of the boxes, and
    their number says where: nothing points anywhere.
    """
    parts = [journal.nodes(level) for journal in journals]
    starts = np.cumsum([0, *(len(part.parents) for part in parts)])
    parents = np.concatenate(
        [np.zeros(0, dtype=np.int64)]
        + [np.where(p.parents < 0, -1, p.parents + s) for p, s in zip(parts, starts, strict=False)]
    )
    codes = np.concatenate([np.zeros(0, dtype=np.int64), *(part.codes for part in parts)])
    order = _breadth_first(parents, codes)
    trees = {
        int(start) + node: tree
        for part, start in zip(parts, starts, strict=False)
        for node, tree in part.trees.items()
    }
    handed = [trees[node] for node in order[codes[order] == HANDED].tolist()]
    whole = UnitNodes(bases=journals[0].bases)
    for tree in handed:
        whole.kinds += tree.kinds
        whole.numbers += tree.numbers
        whole.proofs += tree.proofs
    columns = np.cumsum([0, *(part.weights.shape[1] for part in parts)])
    weights = np.zeros((len(codes), int(columns[-1])), dtype=np.float32)
    for k, part in enumerate(parts):
        weights[starts[k] : starts[k + 1], columns[k] : columns[k + 1]] = part.weights
    levels = np.concatenate([np.zeros(0), *(part.levels for part in parts)])
    return {
        **whole.arrays(network.input_dimension),
        "boxes": narrow(codes[order]),
        "weights": weights[order],
        "levels": np.zeros(0) if level is None else levels[order],
        "trees": narrow(np.array([len(tree) for tree in handed], dtype=np.int64)),
    }


def _breadth_first(parents: Integers, codes: Integers) -> Integers:
    """Return nodes by their distance from a root, parts of one box side by side."""
    roots = np.flatnonzero(parents < 0)
    by_parent = np.argsort(parents, kind="stable")
    first = np.searchsorted(parents[by_parent], np.arange(len(parents)))
    count = np.where(codes >= 0, 2, np.where(codes == CLIPPED, 1, 0))
    order, level = [np.zeros(0, dtype=np.int64)], roots
    while len(level):
        order.append(level)
        each = count[level]
        starts = np.repeat(first[level] - (np.cumsum(each) - each), each)
        level = by_parent[starts + np.arange(int(each.sum()))]
    return np.concatenate(order)
