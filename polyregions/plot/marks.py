"""What lies on a picture of cells: data points, and the points that a plane is laid through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from polyregions.analysis.affine_maps import free_inputs
from polyregions.arrays import Floats, Integers, finite_floats
from polyregions.errors import DomainError, PolyregionsError, kind_of, shown
from polyregions.network.slices import Slice
from polyregions.plot.values import class_color
from polyregions.regions import Regions, check_regions

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = [
    "axis_names",
    "check_plane",
    "checked_classes",
    "mark_plane",
    "placed_points",
    "plot_points",
]

_LONGEST_MARK = 30  # characters of an axis or of a marked point
_RIM: dict[str, Any] = {"color": "black", "mec": "black"}
# Of a picture's width. A point in the plane is off it by rounding alone; one farther off than this
# gets a note below the picture. Where points are drawn does not depend on it.
_FAR = 1e-6


def check_plane(regions: Regions, plane: Slice | None) -> None:
    """Refuse a slice that is not the one on which the regions are."""
    if plane is None:
        return
    if not isinstance(plane, Slice):
        raise PolyregionsError(f"plane is a Plane, a Line or a Slice, not {kind_of(plane)}")
    if plane.dimension != regions.network.input_dimension:
        raise DomainError(
            f"the slice has {plane.dimension} coordinates but the regions have "
            f"{regions.network.input_dimension}; enumerate plane.restrict(network)"
        )


def axis_names(
    regions: Regions, labels: Sequence[str] | None, plane: Slice | None = None
) -> list[str]:
    """Return the names of the free inputs: as given, as of the plane, or by number."""
    check_plane(regions, plane)
    free = free_inputs(regions).tolist()
    if labels is not None:
        if isinstance(labels, str) or len(labels) != len(free):
            raise PolyregionsError(f"{len(free)} axes have {len(free)} labels, not {labels!r}")
        names = list(map(str, labels))
    elif plane is not None:
        names = [plane.labels[axis] for axis in free]
    else:
        names = [f"input {axis}" for axis in free]
    return [shown(name, 2 * _LONGEST_MARK) for name in names]


def mark_plane(axes: Axes, plane: Slice | None) -> None:
    """Mark the points that a plane or a line is laid through, with their names."""
    if plane is None or plane.dimension > 2 or not plane.marks:
        return
    at = plane.coordinates(np.array([point for _, point in plane.marks]))
    for (name, _), place in zip(plane.marks, at, strict=True):
        text = shown(name, _LONGEST_MARK)
        box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 1.5}
        style: dict[str, Any] = {"fontsize": 9, "bbox": box, "parse_math": False, "zorder": 6}
        style |= {"textcoords": "offset points", "annotation_clip": True}
        if plane.dimension == 2:
            axes.plot(*place, "D", ms=6, mfc="white", mew=1.4, zorder=5, **_RIM)
            axes.annotate(text, place, xytext=(7, 5), **style)
        else:
            axes.axvline(place[0], color="black", lw=1, ls=":", zorder=2)
            across = axes.get_xaxis_transform()
            style |= {"xycoords": across, "annotation_clip": None, "ha": "center", "va": "top"}
            axes.annotate(text, (place[0], 1), xytext=(0, -3), **style)


def plot_points(
    regions: Regions,
    points: ArrayLike,
    axes: Axes,
    *,
    classes: ArrayLike | None = None,
    plane: Slice | None = None,
) -> Axes:
    """Mark data points on a picture of cells.

    Parameters
    ----------
    regions : Regions
        With one or two free inputs: those of the picture.
    points : array_like, shape (k, n)
        Inputs of the network; with `plane` those of the whole network. They are drawn where
        they project to, at right angles, and the picture says so if they are elsewhere.
    axes : matplotlib.axes.Axes
        What :func:`plot_cells` or :func:`plot_line` has returned.
    classes : array_like of int, shape (k,), optional
        Class of each point, 0 or more: its colour is that of the class.
    plane : Slice, optional
        The plane or line on which the regions are.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DomainError
        If points have another length, are no finite numbers, or none is in the picture;
        or if neither one nor two inputs are free.
    PolyregionsError
        If there is not one class for each point.

    Examples
    --------
    >>> import polyregions as pr
    >>> from polyregions.plot import plot_cells
    >>> net = pr.Network.from_arrays([([[1, 0], [0, 1]], [0, 0]), ([[1, 1]], [-0.5])])
    >>> regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
    >>> axes = plot_cells(regions, color="class")
    >>> plot_points(regions, [[0.5, 0.5], [-0.5, 0.5]], axes, classes=[1, 0]) is axes
    True
    """
    check_regions(regions)
    free = free_inputs(regions)
    if len(free) not in (1, 2):
        raise DomainError(f"points are marked for one or two free inputs, not {len(free)}")
    inputs, at = placed_points(regions, points, plane)
    numbers = checked_classes(classes, len(at))
    low, high = _limits(axes, at.shape[1])
    seen = ((at >= low) & (at <= high)).all(axis=1)
    if not seen.any():
        raise DomainError(f"none of the {len(at)} points is in the picture; take another window")
    size = float(np.clip(60 / np.sqrt(seen.sum()), 2.0, 5.5))
    for number in np.unique(numbers[seen]).tolist():
        here = at[seen & (numbers == number)]
        fill = "white" if number < 0 else class_color(number)
        style: dict[str, Any] = {"ms": size, "mfc": fill, "mew": 0.25 * np.sqrt(size), "zorder": 4}
        if here.shape[1] == 2:
            axes.plot(*here.T, "o", **style, **_RIM)
        else:
            across = axes.get_xaxis_transform()
            axes.plot(here[:, 0], np.full(len(here), 0.07), "o", transform=across, **style, **_RIM)
    notes = [] if seen.all() else [f"{(~seen).sum():,} of {len(at):,} points are outside"]
    if _farthest_projected(regions, inputs, at, plane) > _FAR * float((high - low).max()):
        notes.append("points are projected")
    if notes:
        _note(axes, "; ".join(notes), above=at.shape[1] == 1)
    return axes


def placed_points(
    regions: Regions, points: ArrayLike, plane: Slice | None
) -> tuple[Floats, Floats]:
    """Return the points as inputs (k, n), and where they are in the free inputs (k, d)."""
    check_plane(regions, plane)
    free = free_inputs(regions)
    inputs = finite_floats(points, "points", DomainError)
    n = regions.network.input_dimension if plane is None else len(plane.origin)
    if inputs.ndim != 2 or inputs.shape[1] != n or not len(inputs):
        raise DomainError(f"points must have shape (k, {n}), not {inputs.shape}")
    return inputs, (inputs if plane is None else plane.coordinates(inputs))[:, free]


def checked_classes(classes: ArrayLike | None, count: int) -> Integers:
    """Return the class of each point, -1 where there are none."""
    if classes is None:
        return np.full(count, -1, dtype=np.int64)
    numbers = finite_floats(classes, "classes of points", PolyregionsError)
    whole = numbers.astype(np.int64)
    if numbers.shape != (count,) or (whole != numbers).any() or (whole < 0).any():
        raise PolyregionsError(f"{count} points have {count} classes, whole numbers from 0 up")
    return whole


def _limits(axes: Axes, dimension: int) -> tuple[Floats, Floats]:
    both = np.sort([axes.get_xlim(), axes.get_ylim()][:dimension], axis=1)
    return both[:, 0], both[:, 1]


def _farthest_projected(regions: Regions, inputs: Floats, at: Floats, plane: Slice | None) -> float:
    """Return how far the farthest input is from what the picture shows."""
    witness = regions.witnesses[0] if len(regions) else np.zeros(regions.network.input_dimension)
    there = np.tile(witness, (len(at), 1))
    there[:, free_inputs(regions)] = at
    found = there if plane is None else plane.to_input(there)
    return float(np.linalg.norm(found - inputs, axis=1).max())


def _note(axes: Axes, text: str, *, above: bool) -> None:
    """Write in the lower right corner, or above the frame where cells are at the bottom."""
    corner: Any = (1, 1) if above else (1, 0)
    axes.annotate(
        text,
        corner,
        xytext=(0, 4) if above else (-4, 4),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        bbox={"facecolor": "white", "alpha": 0.85, "edgecolor": "none", "pad": 2},
        zorder=10,
    )
