"""The function as a MATLAB file of cell arrays, for MPT3, YALMIP and GNU Octave."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from polyregions.analysis.affine_maps import free_inputs
from polyregions.domain import Polytope
from polyregions.pwa.json_file import FORMAT_NAME, FORMAT_VERSION
from polyregions.pwa.pieces import pieces
from polyregions.regions import Regions
from polyregions.run.progress import AfterStep, counted

__all__ = ["mat_file"]


def mat_file(regions: Regions, report: AfterStep = None) -> Iterator[bytes]:
    """Yield the file: a header and the cells A, b, F, g and neighbors, shape (R, 1).

    As MATLAB has it, regions and inputs are numbered from 1, and 0 is no region. `report`
    is told how many regions are done, of how many.
    """
    from scipy.io import savemat

    network, domain = regions.network, regions.domain
    all_pieces = list(counted(pieces(regions), len(regions), report))
    n = network.input_dimension
    none = np.empty((0, n))
    variables: dict[str, Any] = {
        "format": FORMAT_NAME,
        "version": float(FORMAT_VERSION),
        "network": network.name.encode("utf-8", "replace").decode(),
        "inputs": float(n),
        "outputs": float(network.output_dimension),
        "free_inputs": free_inputs(regions) + 1.0,
        "complete": regions.complete,
        "lower": none if domain is None else domain.box.lower,
        "upper": none if domain is None else domain.box.upper,
        "domain_A": domain.A if isinstance(domain, Polytope) else none,
        "domain_b": domain.b[:, None] if isinstance(domain, Polytope) else none[:, :1],
        "A": _cell_array([piece.A for piece in all_pieces]),
        "b": _cell_array([piece.b[:, None] for piece in all_pieces]),
        "F": _cell_array([piece.F for piece in all_pieces]),
        "g": _cell_array([piece.g[:, None] for piece in all_pieces]),
        "neighbors": _cell_array([piece.neighbors[:, None] + 1.0 for piece in all_pieces]),
    }
    stream: Any = io.BytesIO()  # its types know only names of files
    savemat(stream, variables, do_compression=True)
    yield stream.getvalue()


def _cell_array(arrays: Sequence[NDArray[Any]]) -> NDArray[np.object_]:
    """Return arrays as a column of cells."""
    cells = np.empty((len(arrays), 1), dtype=object)
    for index, array in enumerate(arrays):
        cells[index, 0] = array
    return cells
