"""The small picture that a notebook shows beside a table of regions."""

from __future__ import annotations

from io import BytesIO

from polyregions.analysis.affine_maps import free_inputs
from polyregions.errors import MissingExtraError
from polyregions.plot.cell_plot import plot_cells
from polyregions.plot.figure import figure_of_panels
from polyregions.regions import Regions

__all__ = ["MOST_SHOWN", "thumbnail"]

MOST_SHOWN = 5_000  # more are a second of waiting, and too small to be seen


def thumbnail(regions: Regions) -> bytes | None:
    """Return a PNG of regions with two free inputs.

    None for others, for more than 5,000, and where matplotlib is not installed.
    """
    if len(free_inputs(regions)) != 2 or not 0 < len(regions) <= MOST_SHOWN:
        return None
    try:
        figure, (axes,) = figure_of_panels(1, columns=1, size=(2.6, 2.4), dpi=100)
    except MissingExtraError:
        return None
    plot_cells(regions, axes)
    axes.set_title("", loc="left")  # the table says it
    legend = axes.get_legend()
    if legend is not None:
        legend.remove()
    axes.tick_params(labelsize=6)
    axes.xaxis.label.set_fontsize(7)
    axes.yaxis.label.set_fontsize(7)
    stream = BytesIO()
    figure.savefig(stream, format="png")
    return stream.getvalue()
