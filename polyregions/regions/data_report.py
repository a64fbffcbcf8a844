"""What data say about regions, and regions about data: ``regions.report(X, y)``."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Arrays, Floats, Integers, finite_floats
from polyregions.domain import Box
from polyregions.errors import PolyregionsError, kind_of, shown
from polyregions.geometry.nearest_boundary import distances_at
from polyregions.network import Network
from polyregions.network.region_maps import equal_map_labels
from polyregions.regions.cell_rows import map_rows
from polyregions.regions.polytopes import region_volumes

if TYPE_CHECKING:
    from polyregions.regions.regions import Regions

__all__ = ["DataReport", "data_report"]


_MOST_COEFFICIENTS = 64  # of a region's affine map, that are columns of a table
_ATTRIBUTES = ("volume", "global_auc")


@dataclass(frozen=True, eq=False)
class DataReport:
    """Data by region; what :meth:`polyregions.Regions.report` returns.

    Attributes
    ----------
    regions : pandas.DataFrame, or numpy.ndarray with named fields
        One row for each region that holds data, those with most of it first.
    rows : pandas.DataFrame, or numpy.ndarray with named fields
        One row for each row of the data: ``region``, -1 for none, and ``distance``, Euclidean
        in the free inputs, to the boundary of its region, walls of the domain included.
    empty : numpy.ndarray of int64
        The numbers of the regions that hold no data.
    outside : numpy.ndarray of int64
        The numbers of the rows of the data that are in no region.

    Notes
    -----
    Columns of the table of regions: ``region``; ``count``; ``facets``, those inside the
    domain; ``same_map``, the neighbours with exactly the same affine map;
    ``distance_min`` and ``distance_mean`` of its rows to its boundary; the affine map where
    it has at most 64 numbers, ``dy0_dx0``, ..., and ``y0``, ... at zero, with the names of
    a data frame's columns in place of ``x0``.

    With a response: ``response_mean`` and ``response_std``; of a network with one output
    ``local_mse``, the mean squared error on its rows, and ``global_mse``, that of its
    affine map on all rows.

    With labels: ``label``, the most frequent one, ``purity``, its share, and
    ``accuracy``, the share of rows whose class the network tells, where labels stand for
    outputs. With two: ``response_mean`` and ``response_std`` of the larger one against the
    other, and where the network has one output or two ``local_auc``, the area under the
    ROC curve of its rows, NaN where they are all alike, and ``global_auc``.

    In which region a row is, is exact (:meth:`polyregions.Regions.find`), and so are counts and
    ``same_map``. Distances are proven floats, but for walls that are not parallel to the axes.
    What a response or a score adds is statistics, in floats.
    """

    regions: Any
    rows: Any
    empty: Integers
    outside: Integers

    def __repr__(self) -> str:
        return (
            f"<Report on {len(self.rows)} rows: {len(self.regions)} regions hold data, "
            f"{len(self.empty)} hold none, {len(self.outside)} rows are in no region>"
        )


def data_report(
    regions: Regions, X: Any, y: Any = None, attributes: str | Iterable[str] = ()
) -> DataReport:
    """Return what data say about regions; see :meth:`polyregions.Regions.report`.

    In y, real numbers of a floating type are a response; whole numbers, truth values and texts
    are class labels.
    """
    asked = _asked(attributes)
    points, names = _data_points(regions.network, X)
    found = np.atleast_1d(regions.find(points))
    inside = np.flatnonzero(found >= 0)
    if not len(inside):
        raise PolyregionsError(
            f"none of the {len(points)} rows of X is in a region of this result; are they scaled "
            f"as the network's inputs are, and in the domain?"
        )
    numbers, groups, counts = np.unique(found[inside], return_inverse=True, return_counts=True)
    order = np.argsort(-counts, kind="stable")  # those with most data first
    numbers, counts = numbers[order], counts[order]
    groups = np.argsort(order)[groups.reshape(-1)]
    points = points[inside]
    distances = _distances(regions, points, numbers[groups])
    classes = equal_map_labels(regions.network, regions.domain, regions.patterns)
    same = regions.edges[classes[regions.edges[:, 0]] == classes[regions.edges[:, 1]]]
    size = len(regions)
    least = np.full(len(numbers), np.inf)
    np.minimum.at(least, groups, distances)
    table: Arrays = {
        "region": numbers.astype(np.int64),
        "count": counts.astype(np.int64),
        "facets": np.bincount(regions.edges.ravel(), minlength=size)[numbers],
        "same_map": np.bincount(same.ravel(), minlength=size)[numbers],
        "distance_min": least,
        "distance_mean": grouped_mean(distances, groups, counts),
    }
    maps, _ = map_rows(regions.network, regions.patterns[numbers])
    if y is not None:
        response = _response(X, y, len(found))[inside]
        more = _response_columns if response.dtype.kind == "f" else _label_columns
        table |= more(regions.network, points, response, groups, counts, maps, asked)
    elif "global_auc" in asked:
        raise PolyregionsError("global_auc is about labels; give them as y")
    if "volume" in asked:
        table["volume"] = region_volumes(regions, numbers)
    if maps[0].size <= _MOST_COEFFICIENTS:
        for k, rows in enumerate(maps.transpose(1, 2, 0)):
            table |= {f"dy{k}_d{name}": slope for name, slope in zip(names, rows[:-1], strict=True)}
            table[f"y{k}"] = rows[-1]
    whole = np.full(len(found), np.nan)
    whole[inside] = distances
    return DataReport(
        _table_of(table),
        _table_of({"region": found, "distance": whole}),
        np.setdiff1d(np.arange(size), numbers),
        np.flatnonzero(found < 0),
    )


def _asked(attributes: Any) -> list[str]:
    is_list = isinstance(attributes, Iterable) and not isinstance(attributes, str)
    asked = [*attributes] if is_list else [attributes]
    for name in asked:
        if name not in _ATTRIBUTES:
            given = name if isinstance(name, str) else kind_of(name)
            raise PolyregionsError(
                f"attributes of a report are some of {', '.join(_ATTRIBUTES)}, not "
                f"{shown(given, 80)}"
            )
    return asked


def _data_points(network: Network, X: Any) -> tuple[Floats, list[str]]:
    """Return the rows of X, and the names of its columns."""
    n = network.input_dimension
    names = [f"x{i}" for i in range(n)]
    if hasattr(X, "columns") and hasattr(X, "to_numpy"):
        columns = [str(name) for name in X.columns]
        if len(columns) != n:
            raise PolyregionsError(
                f"the data frame has {len(columns)} columns ({shown(', '.join(columns), 80)}), "
                f"but the network reads {n} inputs; choose its columns in that order, "
                f"X[[...]]"
            )
        for name, column in X.items():
            finite_floats(column.to_numpy(), f"the entries of column {shown(str(name), 80)}")
        X = X.to_numpy()
        names = columns if len(set(columns)) == n else names
    points = finite_floats(X, "the entries of X")
    if points.ndim != 2 or points.shape[1] != n:
        raise PolyregionsError(
            f"X has one row for each data point, shape (k, {n}), not {points.shape}"
        )
    return points, names


def _response(X: Any, y: Any, rows: int) -> NDArray[Any]:
    """Return a response in floats, or labels of another type."""
    for one in (X, y):
        if not hasattr(getattr(one, "index", None), "equals"):
            break
    else:
        if not X.index.equals(y.index):
            raise PolyregionsError("X and y have different indexes; align them, y.loc[X.index]")
    values = np.asarray(y.to_numpy() if hasattr(y, "to_numpy") else y)
    if values.shape != (rows,):
        raise PolyregionsError(
            f"y has one entry for each of the {rows} rows of X, shape ({rows},), not {values.shape}"
        )
    if values.dtype.kind == "f":
        return finite_floats(values, "the entries of y")
    if values.dtype.kind == "O":
        values = values.astype(np.str_)
    if values.dtype.kind not in "biuU":
        raise PolyregionsError(
            f"y holds real numbers, whole numbers or texts, not {values.dtype.name}"
        )
    return values


def _distances(regions: Regions, points: Floats, numbers: Integers) -> Floats:
    """Return how far points are from the boundary of their regions."""
    domain = regions.domain
    free = None if domain is None else domain.free.tolist()
    near = distances_at(regions.network, points, regions.patterns[numbers], free)
    if isinstance(domain, Box):
        walls = np.minimum(points - domain.lower, domain.upper - points)[:, domain.free]
        near = np.minimum(near, walls.min(axis=1))
    elif domain is not None:
        slack = (domain.b - points @ domain.A.T) / np.linalg.norm(domain.A, axis=1)
        near = np.minimum(near, np.maximum(slack, 0.0).min(axis=1))
    return near


def _moments(values: NDArray[Any], groups: Integers, counts: Integers) -> Arrays:
    mean = grouped_mean(values, groups, counts)
    square = grouped_mean((values - mean[groups]) ** 2, groups, counts)
    return {"response_mean": mean, "response_std": np.sqrt(square)}


def _response_columns(
    network: Network,
    points: Floats,
    response: NDArray[Any],
    groups: Integers,
    counts: Integers,
    maps: Floats,
    asked: list[str],
) -> Arrays:
    """Return the columns that a response adds."""
    if "global_auc" in asked:
        raise PolyregionsError("global_auc is about labels, but y holds a response")
    columns = _moments(response, groups, counts)
    if network.output_dimension == 1:
        error = network.forward(points)[:, 0] - response
        columns["local_mse"] = grouped_mean(error**2, groups, counts)
        columns["global_mse"] = squared_errors(points, response, maps[:, 0])
    return columns


def _label_columns(
    network: Network,
    points: Floats,
    labels: NDArray[Any],
    groups: Integers,
    counts: Integers,
    maps: Floats,
    asked: list[str],
) -> Arrays:
    """Return the columns that labels add."""
    kinds, codes = np.unique(labels, return_inverse=True)
    codes = codes.reshape(-1)
    most, purity = grouped_purity(codes, groups, counts)
    columns: Arrays = {"label": kinds[most], "purity": purity}
    outputs = network.forward(points)
    told = outputs[:, 0] > 0 if outputs.shape[1] == 1 else outputs.argmax(axis=1)
    classes = max(2, outputs.shape[1])
    is_number = labels.dtype.kind in "biu"
    if is_number and kinds[0] >= 0 and kinds[-1] < classes:
        columns["accuracy"] = grouped_mean((told == labels) * 1.0, groups, counts)
    elif len(kinds) == classes:  # in their order
        columns["accuracy"] = grouped_mean((told == codes) * 1.0, groups, counts)
    two = len(kinds) == 2
    if two:
        columns |= _moments(codes * 1.0, groups, counts)
    if two and outputs.shape[1] <= 2:
        score = outputs[:, -1] - (outputs[:, 0] if outputs.shape[1] == 2 else 0.0)
        columns["local_auc"] = grouped_areas(score, codes == 1, groups, counts)
        if "global_auc" in asked:
            score_maps = maps[:, -1] - (maps[:, 0] if outputs.shape[1] == 2 else 0.0)
            together, all_rows = np.zeros(len(points), dtype=np.int64), np.array([len(points)])
            columns["global_auc"] = np.array(
                [
                    grouped_areas(points @ row[:-1] + row[-1], codes == 1, together, all_rows)[0]
                    for row in score_maps
                ]
            )
    elif "global_auc" in asked:
        raise PolyregionsError("global_auc needs two classes, and a network of one output or two")
    return columns


def _table_of(columns: Arrays) -> Any:
    """Return columns as a data frame where pandas is installed, else as one array."""
    try:
        pandas: Any = import_module("pandas")
    except ImportError:
        table = np.empty(
            len(next(iter(columns.values()))),
            dtype=[(name, values.dtype) for name, values in columns.items()],
        )
        for name, values in columns.items():
            table[name] = values
        return table
    return pandas.DataFrame(columns)


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
