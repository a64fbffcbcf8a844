"""Polytopes from cvxpy: the inequalities of a list of affine constraints as arrays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from polyregions.arrays import Floats
from polyregions.errors import DomainError

__all__ = ["inequalities"]


# what a variable may declare about itself: cvxpy turns it into inequalities
_BOUNDS = frozenset(("bounds", "neg", "nonneg", "nonpos", "pos"))


def inequalities(constraints: Sequence[Any], variable: Any) -> tuple[Floats, Floats]:
    """Return A and b such that the constraints say A @ variable <= b.

    Parameters
    ----------
    constraints : sequence of cvxpy.Constraint
        Affine inequalities; see :meth:`polyregions.Polytope.from_cvxpy`.
    variable : cvxpy.Variable, shape (n,)

    Returns
    -------
    A : numpy.ndarray of float64, shape (q, n)
    b : numpy.ndarray of float64, shape (q,)

    Raises
    ------
    DomainError
        If a constraint is not an affine inequality in this variable alone, or a
        parameter has no value.

    Notes
    -----
    *Algorithm.* cvxpy's own canonical form of the list, s = b - A @ x >= 0, as it is
    handed to a conic solver: the coefficients of the expressions, nothing evaluated at
    points and nothing scaled.

    Examples
    --------
    >>> import cvxpy as cp
    >>> x = cp.Variable(2)
    >>> A, b = inequalities([x[0] - 2 * x[1] >= 3, x <= 0.5], x)
    >>> A.tolist(), b.tolist()
    ([[-1.0, 2.0], [1.0, 0.0], [0.0, 1.0]], [-3.0, 0.5, 0.5])
    """
    import cvxpy

    cp: Any = cvxpy
    if not isinstance(variable, cp.Variable) or variable.ndim != 1:
        raise DomainError("the variable of a polytope must be a cvxpy.Variable of shape (n,)")
    for name, value in variable.attributes.items():
        if name not in _BOUNDS and value is not None and value is not False:
            raise DomainError(
                f"the variable {variable.name()} is declared {name}; "
                f"declare it without and write affine inequalities"
            )
    listed = list(constraints) if isinstance(constraints, Iterable) else [constraints]
    for number, constraint in enumerate(listed):
        _check_constraint(cp, number, constraint, variable)
    # the objective only makes sure that the variable is there
    problem = cp.Problem(cp.Minimize(cp.sum(variable)), listed)
    try:
        data, _, _ = problem.get_problem_data(cp.CLARABEL)
    except (cp.error.DCPError, cp.error.SolverError, ValueError) as error:
        reason = str(error).split("\n", maxsplit=1)[0]
        raise DomainError(f"cvxpy refuses the constraints ({reason}); correct them") from None
    if not len(data["b"]):
        raise DomainError("the list has no constraint, so the polytope is unbounded; add bounds")
    return data["A"].toarray() + 0.0, np.asarray(data["b"]) + 0.0


def _check_constraint(cp: Any, number: int, constraint: Any, variable: Any) -> None:
    """Refuse a constraint that is no affine inequality in the variable alone."""
    what = f"constraint {number} ({_shortened_text(constraint)})"
    kinds = cp.constraints
    if isinstance(constraint, (kinds.Equality, kinds.Zero)):
        raise DomainError(
            f"{what} is an equality, and its polytope has no interior; use a slice of the "
            f"network, or fix coordinates"
        )
    if isinstance(constraint, kinds.Inequality):
        expression = constraint.expr
    elif isinstance(constraint, (kinds.NonNeg, kinds.NonPos)):
        expression = constraint.args[0]
    else:
        raise DomainError(f"{what} is no affine inequality; write it as A @ x <= b")
    if not expression.is_affine() or expression.is_complex():
        raise DomainError(f"{what} is not affine; write it as inequalities of the form A @ x <= b")
    for other in constraint.variables():
        if other.id != variable.id:
            raise DomainError(
                f"{what} has another variable, {other.name()}; "
                f"a polytope takes constraints in one variable, {variable.name()}"
            )
    for parameter in constraint.parameters():
        if parameter.value is None:
            raise DomainError(
                f"{what} has the parameter {parameter.name()} without a value; set one"
            )


def _shortened_text(constraint: Any) -> str:
    text = " ".join(str(constraint).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
