"""How well scores tell or foretell a response, in groups of rows at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers

__all__ = ["grouped_areas", "grouped_mean", "grouped_purity", "squared_errors"]


def grouped_mean(values: Floats, groups: Integers, counts: Integers) -> Floats:
    """Return the mean of each group, shape (G,).

    Parameters
    ----------
    values : numpy.ndarray of float64, shape (k,)
    groups : numpy.ndarray of int64, shape (k,)
        From 0 to G - 1.
    counts : numpy.ndarray of int64, shape (G,)
        The sizes of the groups.
    """
    means: Floats = np.bincount(groups, weights=values, minlength=len(counts)) / counts
    return means


def grouped_purity(labels: Integers, groups: Integers, counts: Integers) -> tuple[Integers, Floats]:
    """Return the most frequent label of each group (of equal ones the smallest), and its share.

    Examples
    --------
    >>> from numpy import array
    >>> grouped_purity(array([0, 1, 1, 2]), array([0, 0, 0, 1]), array([3, 1]))
    (array([1, 2]), array([0.66666667, 1.        ]))
    """
    pairs, sizes = np.unique(np.column_stack([groups, labels]), axis=0, return_counts=True)
    order = np.lexsort((pairs[:, 1], -sizes, pairs[:, 0]))
    first = order[np.searchsorted(pairs[order, 0], np.arange(len(counts)))]
    return pairs[first, 1], sizes[first] / counts


def grouped_areas(
    scores: Floats, positive: NDArray[np.bool_], groups: Integers, counts: Integers
) -> Floats:
    """Return the area under the ROC curve in each group; NaN where a class is missing.

    It is the chance that a positive row has a larger score than another, half of it if equal.

    Examples
    --------
    >>> from numpy import array
    >>> score, group = array([1.0, 2.0, 2.0, 3.0]), array([0, 0, 0, 0])
    >>> grouped_areas(score, array([False, True, False, True]), group, array([4]))
    array([0.875])
    """
    order = np.lexsort((scores, groups))
    sorted_groups, sorted_scores = groups[order], scores[order]
    # ranks within a group from 1; rows with one score share the mean of theirs
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(sorted_groups) != 0) | (np.diff(sorted_scores) != 0)
    tie = np.cumsum(new) - 1
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(order))
    offsets = np.cumsum(counts) - counts
    ranks = (starts + ends + 1) / 2
    hits = positive[order]
    within = ranks[tie] - offsets[sorted_groups]
    size = len(counts)
    total = np.bincount(sorted_groups, weights=within * hits, minlength=size)
    yes = np.bincount(sorted_groups, weights=hits, minlength=size)
    with np.errstate(invalid="ignore", divide="ignore"):
        areas: Floats = (total - yes * (yes + 1) / 2) / (yes * (counts - yes))
    return areas


def squared_errors(points: Floats, response: Floats, maps: Floats) -> Floats:
    """Return the mean squared error of several affine functions on all rows, shape (G,).

    Parameters
    ----------
    points : numpy.ndarray of float64, shape (k, n)
    response : numpy.ndarray of float64, shape (k,)
    maps : numpy.ndarray of float64, shape (G, n + 1)
        Slopes, and the value at zero.

    Notes
    -----
    *Algorithm.* The error is a quadratic form in the map: its matrix, the moments of the data
    about their means, is computed once for all maps.
    """
    centre, level = points.mean(axis=0), response.mean()
    table = np.column_stack([points - centre, response - level])
    moments = table.T @ table / len(points)
    slopes = np.column_stack([maps[:, :-1], np.full(len(maps), -1.0)])
    offset = maps[:, :-1] @ centre + maps[:, -1] - level
    errors: Floats = np.einsum("gi,ij,gj->g", slopes, moments, slopes, optimize=True) + offset**2
    return errors
