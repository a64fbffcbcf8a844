"""Polytopes given as floats, put to the package's answerers of "which rows carry a facet?"."""

import numpy as np
from scipy.optimize import linprog

from polyregions.cells.proven_facets import ScaledRows
from polyregions.exact.dyadic import dyadic_matrix
from polyregions.exact.facets import exact_facets
from polyregions.exact.verdict import FacetVerdicts, verdicts_of_groups


def exact_rows_of(normals, offsets) -> list:
    """The polytope {x : normals @ x + offsets >= 0} as rows of integers."""
    return dyadic_matrix(np.column_stack([normals, offsets]))[0].tolist()


def facets_of_exact_rows(rows) -> FacetVerdicts:
    answer = exact_facets(rows)
    if answer is None:
        raise ValueError("the polytope has no interior")
    return verdicts_of_groups(len(rows), answer.groups)


def scaled_rows_of(normals, offsets) -> ScaledRows:
    """The bounded polytope {x : normals @ x + offsets >= 0}, scaled into the unit cube."""
    a = np.asarray(normals, dtype=np.float64)
    c = np.asarray(offsets, dtype=np.float64)
    m = a.shape[1]
    # a power of two large enough for the polytope to fit into the unit cube: exact
    reach = 1.0
    for d in range(m):
        for sign in (1.0, -1.0):
            cost = np.zeros(m)
            cost[d] = sign
            solution = linprog(cost, A_ub=-a, b_ub=c, bounds=[(None, None)] * m)
            reach = max(reach, abs(float(solution["fun"])))
    scale = 2.0 ** np.ceil(np.log2(2.0 * reach))
    lengths = np.linalg.norm(a, axis=1)
    safe = np.where(lengths > 0, lengths, 1.0)
    rows = np.ascontiguousarray(np.vstack([a.T, c / scale]) / safe)
    errors = (m + 8) * 2.0**-53 * np.abs(rows).sum(axis=0) * 2
    # deepest point, only a place to start from
    cost = np.append(np.zeros(m), -1.0)
    centre = linprog(
        cost,
        A_ub=np.column_stack([-rows[:m].T, np.ones(len(c))]),
        b_ub=rows[m],
        bounds=[(None, None)] * m + [(None, 1.0)],
    )
    return ScaledRows(rows, errors, np.asarray(centre["x"])[:m])
