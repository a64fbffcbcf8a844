"""Which rows carry a facet, the slow and obvious way: one float LP per row.

These answers are hints, never proofs: a solver's optimum near zero decides nothing.
They serve as an independent opinion in tests and as the yardstick of benchmarks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from polyregions.arrays import Floats
from polyregions.exact.facets import FacetVerdicts, Verdict

__all__ = ["BAND", "Prepared", "facets", "facets_cvxpy", "prepare"]


#: Optima of unit rows within this distance of zero leave a row undecided. It says how
#: far these solvers are trusted, and no proven answer depends on it.
BAND = 1e-6


@dataclass(frozen=True, eq=False)
class Prepared:
    """A polytope {x : normals @ x + offsets >= 0} with rows of length one.

    Attributes
    ----------
    normals : numpy.ndarray of float64, shape (k, n)
    offsets : numpy.ndarray of float64, shape (k,)
    members : tuple of tuple of int
        The input's rows behind each row: those equal after scaling.
    size : int
        Number of rows of the input; rows with normal zero are in no group.
    """

    normals: Floats
    offsets: Floats
    members: tuple[tuple[int, ...], ...]
    size: int


def prepare(normals: Floats, offsets: Floats) -> Prepared:
    """Return the polytope with unit rows, equal ones merged.

    Parameters
    ----------
    normals : numpy.ndarray of float64, shape (m, n)
    offsets : numpy.ndarray of float64, shape (m,)
    """
    groups: list[list[int]] = []
    unit: list[Floats] = []
    for i, row in enumerate(np.column_stack([normals, offsets])):
        length = np.linalg.norm(row[:-1])
        if length == 0:
            continue
        row = row / length
        for other, group in zip(unit, groups, strict=True):
            if np.abs(other - row).max() <= 1e-14:  # a hint: see the module's docstring
                group.append(i)
                break
        else:
            unit.append(row)
            groups.append([i])
    table = np.array(unit)
    return Prepared(table[:, :-1], table[:, -1], tuple(map(tuple, groups)), len(offsets))


def facets(prepared: Prepared) -> FacetVerdicts:
    """Return one verdict per row from scipy's linprog (HiGHS).

    Notes
    -----
    *Algorithm.* Row i carries a facet iff its minimum over the polytope of the other
    rows is negative.

    Examples
    --------
    >>> normals = np.array([[1.0], [2.0], [-1.0], [-1.0]])
    >>> facets(prepare(normals, np.array([0.0, 0.0, 1.0, 3.0])))
    FacetVerdicts(verdicts=array([1, 1, 1, 0], dtype=int8), groups=((0, 1), (2,)))
    """
    return _one_by_one(prepared, _minimum_linprog)


def facets_cvxpy(prepared: Prepared) -> FacetVerdicts:
    """Return one verdict per row from cvxpy with an interior-point solver (Clarabel)."""
    return _one_by_one(prepared, _minimum_cvxpy)


def _one_by_one(
    prepared: Prepared, minimum: Callable[[Floats, float, Floats, Floats], float]
) -> FacetVerdicts:
    verdicts = np.full(prepared.size, Verdict.REDUNDANT, dtype=np.int8)
    groups = []
    for i, members in enumerate(prepared.members):
        others = np.arange(len(prepared.members)) != i
        value = minimum(
            prepared.normals[i],
            float(prepared.offsets[i]),
            prepared.normals[others],
            prepared.offsets[others],
        )
        if value < -BAND:
            verdict = Verdict.FACET
            groups.append(members)
        else:
            verdict = Verdict.REDUNDANT if value > BAND else Verdict.UNDECIDED
        verdicts[list(members)] = verdict
    return FacetVerdicts(verdicts, tuple(groups))


def _minimum_linprog(normal: Floats, offset: float, normals: Floats, offsets: Floats) -> float:
    """Return the least value of the row, or -1 if that is less than -1."""
    from scipy.optimize import linprog

    # the row itself, one unit further out, keeps the problem bounded
    answer: Any = linprog(
        normal,
        A_ub=-np.vstack([normals, normal]),
        b_ub=np.append(offsets, offset + 1.0),
        bounds=(None, None),
        method="highs",
    )
    return float(answer.fun) + offset if answer.success else 0.0


def _minimum_cvxpy(normal: Floats, offset: float, normals: Floats, offsets: Floats) -> float:
    import cvxpy as cp

    x = cp.Variable(len(normal))
    value = normal @ x + offset
    constraints: Any = [normals @ x + offsets >= 0, value >= -1.0]
    problem: Any = cp.Problem(cp.Minimize(value), constraints)
    problem.solve(solver=cp.CLARABEL)
    return float(problem.value) if problem.status == cp.OPTIMAL else 0.0
