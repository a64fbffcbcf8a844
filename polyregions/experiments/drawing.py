"""What the figures of all experiments share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats
from polyregions.experiments.runner import Table
from polyregions.files.atomic import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = [
    "COLOURS",
    "curve",
    "draw",
    "epoch_curves",
    "epoch_panels",
    "groups",
    "key",
    "mean_and_error",
    "panels",
    "save",
    "training_axis",
]

# Okabe & Ito (2008), told apart with the common colour-vision deficiencies
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#1b1b1b", "#8c6d1f")
_DPI = 100
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")


def panels(
    count: int, *, columns: int = 2, width: float = 4.4, height: float = 3.4
) -> tuple[Figure, list[Axes]]:
    """Return a figure that no window shows, and its axes in a row or in rows."""
    from polyregions.plot.figure import figure_of_panels

    figure, axes = figure_of_panels(count, columns=columns, size=(width, height), dpi=_DPI)
    for used in axes:
        used.grid(True, linewidth=0.4, alpha=0.5)
    return figure, axes


def key(figure: Figure) -> None:
    """Say below all panels what the curves of the first are, where it hides none of them."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    points = 40 + 5 * max(map(len, labels), default=0)  # the width of an entry, about
    figure.legend(
        handles,
        labels,
        loc="outside lower center",
        ncols=max(1, min(len(labels), int(72 * figure.get_figwidth() / points))),
        fontsize=8,
        frameon=False,
    )


def save(figure: Figure, path: str | PathLike[str]) -> None:
    """Write a figure to a small PNG file, whole or not at all; equal figures, equal bytes."""
    with atomic_write(path) as stream:
        figure.savefig(stream, format="png", dpi=_DPI, pil_kwargs={"optimize": True})


def groups(table: Table, *names: str) -> Iterator[tuple[tuple[Any, ...], Table]]:
    """Yield the parts of a table with equal values in some columns, in order of appearance.

    Examples
    --------
    >>> table = {"epoch": np.array([0, 1, 0]), "count": np.array([3, 4, 5])}
    >>> [(key, part["count"].tolist()) for key, part in groups(table, "epoch")]
    [((0,), [3, 5]), ((1,), [4])]
    """
    keys = list(zip(*(table[name].tolist() for name in names), strict=True))
    for key in dict.fromkeys(keys):
        chosen = np.array([other == key for other in keys])
        yield key, {name: column[chosen] for name, column in table.items()}


def mean_and_error(values: Any) -> tuple[float, float]:
    """Return the mean of some values and its standard error (0 for one value)."""
    array = np.asarray(values, dtype=np.float64)
    error = array.std(ddof=1) / np.sqrt(array.size) if array.size > 1 else 0.0
    return float(array.mean()), float(error)


def curve(table: Table, x: str, y: str) -> tuple[Floats, Floats, Floats]:
    """Return x, and the mean of y over all rows with that x with its standard error.

    Examples
    --------
    >>> table = {"epoch": np.array([0, 0, 1]), "count": np.array([2, 4, 7])}
    >>> [part.tolist() for part in curve(table, "epoch", "count")]
    [[0.0, 1.0], [3.0, 7.0], [1.0, 0.0]]
    """
    found = [(key[0], *mean_and_error(part[y])) for key, part in groups(table, x)]
    columns = np.array(sorted(found), dtype=np.float64).T
    return columns[0], columns[1], columns[2]


def draw(axes: Axes, table: Table, x: str, y: str, index: int, label: str, **style: Any) -> None:
    """Draw one curve with its standard errors."""
    at, mean, error = curve(table, x, y)
    options: dict[str, Any] = {
        "color": COLOURS[index % len(COLOURS)],
        "marker": MARKERS[index % len(MARKERS)],
        "markersize": 4,
        "linewidth": 1.2,
        "capsize": 2,
        "label": label,
    }
    axes.errorbar(at, mean, yerr=error, **(options | style))


def epoch_curves(
    axes: Axes,
    table: Table,
    column: str,
    by: str,
    label: Callable[[Any], str] = str,
    *,
    level: float | None = None,
    level_name: str | None = None,
) -> None:
    """Draw a column against the epoch from 0 up, a curve per value of another, and a level."""
    for index, ((value,), part) in enumerate(groups(table, by)):
        draw(axes, part, "epoch", column, index, label(value))
    if level is not None:
        axes.axhline(level, color="black", linewidth=0.8, linestyle=":", label=level_name)
    training_axis(axes, table["epoch"])
    axes.set_ylim(bottom=0)


def epoch_panels(
    table: Table,
    titles: Mapping[str, str],
    by: str,
    ylabel: str,
    *,
    level: float | None = None,
) -> Figure:
    """Draw columns against the epoch, a panel each, with their titles."""
    drawing, axes = panels(len(titles))
    for axis, (column, title) in zip(axes, titles.items(), strict=True):
        epoch_curves(axis, table, column, by, level=level)
        axis.set_title(title, loc="left", fontsize=10)
        axis.set_ylabel(ylabel)
    key(drawing)
    return drawing


def training_axis(axes: Axes, epochs: Sequence[float] | NDArray[Any]) -> None:
    """Make the epoch axis logarithmic beyond the first epoch after 0, with 0 on it.

    It says so, and has ticks at epochs, so far apart that they do not overlap.
    """
    values = np.unique(np.asarray(epochs, dtype=np.float64))
    positive = values[values > 0]
    axes.set_xlabel("epoch")
    if len(positive):
        first = float(positive[0])
        axes.set_xscale("symlog", linthresh=first, linscale=0.5)
        axes.set_xlabel(f"epoch (symlog, linear up to {first:g})")
        ticks = [0.0, *_apart(positive)]
        axes.set_xticks(ticks, [f"{tick:.2g}" if tick < 1 else f"{tick:g}" for tick in ticks])
        axes.set_xticks([], minor=True)
        axes.set_xlim(-0.1 * first, 1.3 * float(positive[-1]))


def _apart(positive: NDArray[np.float64]) -> list[float]:
    """Return some of rising numbers, the last among them, apart on a logarithmic axis."""
    least = (0.5 + np.log10(positive[-1] / positive[0])) / 6
    chosen = [float(positive[0])]
    for value in positive[1:].tolist():
        if np.log10(value / chosen[-1]) >= least:
            chosen.append(value)
    last = float(positive[-1])
    if chosen[-1] != last:
        # the last takes the place of what is too near to it
        chosen = [value for value in chosen if np.log10(last / value) >= least] + [last]
    return chosen
