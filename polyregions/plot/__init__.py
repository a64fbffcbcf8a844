"""Pictures of results with matplotlib (extra ``plot``)."""

from __future__ import annotations

from polyregions.plot.cell_plot import plot_cells, plot_growth
from polyregions.plot.curves import plot_contours, plot_line
from polyregions.plot.figure import plot_points, save_figure
from polyregions.plot.solids import plot_slices, plot_solids

__all__ = [
    "plot_cells",
    "plot_contours",
    "plot_growth",
    "plot_line",
    "plot_points",
    "plot_slices",
    "plot_solids",
    "save_figure",
]
