"""Solid cells in three dimensions as meshes: VTK XML (.vtu) or PLY.

``.vtu`` keeps every cell as one polyhedron, with columns of data; ParaView and meshio
read it. ``.ply`` keeps the cells' faces as triangles, each with its cell's number and a
colour; most viewers and Blender read it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from os import PathLike
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
from numpy.typing import ArrayLike, NDArray

from polyregions.arrays import Floats
from polyregions.errors import FormatError
from polyregions.files.atomic import atomic_write
from polyregions.files.reading import known_suffix

__all__ = ["MESH_SUFFIXES", "Solid", "write_mesh"]

MESH_SUFFIXES = (".vtu", ".ply")


class Solid(NamedTuple):
    """A convex polyhedron.

    Attributes
    ----------
    points : numpy.ndarray of float64, shape (k, 3)
    faces : sequence of sequence of int
        Each face's points in order around it, seen from outside counter-clockwise.
    """

    points: Floats
    faces: Sequence[Sequence[int]]


def write_mesh(
    solids: Sequence[Solid],
    path: str | PathLike[str],
    *,
    colors: ArrayLike | None = None,
    **columns: ArrayLike,
) -> None:
    """Write solids to a mesh file, whole or not at all.

    Parameters
    ----------
    solids : sequence of Solid
    path : str or path-like
        ``.vtu`` or ``.ply``.
    colors : array_like of int in 0..255, shape (k, 3), optional
        For ``.ply``: the colour of each solid's faces.
    **columns : array_like, shape (k,)
        For ``.vtu``: numbers for each solid.

    Raises
    ------
    FormatError
        If the name has another suffix, or a column has another length.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> corners = np.array([[0.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    >>> solid = Solid(corners, [[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_mesh([solid], f"{folder}/solid.ply")
    ...     Path(f"{folder}/solid.ply").read_text().splitlines()[3]
    'element vertex 4'
    """
    suffix = known_suffix(path, MESH_SUFFIXES, "mesh")
    arrays = {name: np.asarray(values) for name, values in columns.items()}
    for name, values in arrays.items():
        if values.shape != (len(solids),):
            raise FormatError(
                f"the column {name!r} has shape {values.shape}, not one entry for each of the "
                f"{len(solids)} cells"
            )
    shades = np.full((len(solids), 3), 200) if colors is None else np.asarray(colors)
    pieces = _vtu(solids, arrays) if suffix == ".vtu" else _ply(solids, shades)
    with atomic_write(path) as stream:
        for piece in pieces:
            stream.write(piece.encode("utf-8"))


def _starts(solids: Sequence[Solid]) -> list[int]:
    return list(accumulate((len(solid.points) for solid in solids), initial=0))


def _vtu(solids: Sequence[Solid], columns: Mapping[str, NDArray[Any]]) -> Iterator[str]:
    starts = _starts(solids)
    # a polyhedron's faces: how many, then for each how many points, and which
    streams = [
        [len(solid.faces)]
        + [n for face in solid.faces for n in (len(face), *(start + k for k in face))]
        for solid, start in zip(solids, starts, strict=False)
    ]
    yield (
        '<?xml version="1.0"?>\n<VTKFile type="UnstructuredGrid" version="1.0" '
        'byte_order="LittleEndian" header_type="UInt64">\n<UnstructuredGrid>\n'
        f'<Piece NumberOfPoints="{starts[-1]}" NumberOfCells="{len(solids)}">\n<Points>\n'
    )
    points = np.concatenate([solid.points for solid in solids]) if solids else np.zeros((0, 3))
    yield _data_array("Points", "Float64", points.ravel().tolist(), components=3)
    yield "</Points>\n<Cells>\n"
    yield _data_array("connectivity", "Int64", list(range(starts[-1])))
    yield _data_array("offsets", "Int64", starts[1:])
    yield _data_array("types", "UInt8", [42] * len(solids))
    yield _data_array("faces", "Int64", [n for stream in streams for n in stream])
    yield _data_array("faceoffsets", "Int64", np.cumsum([len(s) for s in streams]).tolist())
    yield "</Cells>\n<CellData>\n"
    for name, values in columns.items():
        kind = "Int64" if values.dtype.kind in "iub" else "Float64"
        yield _data_array(name, kind, values.astype(kind.lower()).tolist())
    yield "</CellData>\n</Piece>\n</UnstructuredGrid>\n</VTKFile>\n"


def _data_array(name: str, kind: str, values: Sequence[float], components: int = 1) -> str:
    parts = f' NumberOfComponents="{components}"' if components > 1 else ""
    return (
        f'<DataArray type="{kind}" Name={quoteattr(name)}{parts} format="ascii">\n'
        f"{' '.join(map(repr, values))}\n</DataArray>\n"
    )


def _ply(solids: Sequence[Solid], colors: NDArray[Any]) -> Iterator[str]:
    starts = _starts(solids)
    n_faces = sum(len(face) - 2 for solid in solids for face in solid.faces)
    yield (
        "ply\nformat ascii 1.0\ncomment cells of a network\n"
        f"element vertex {starts[-1]}\n"
        "property double x\nproperty double y\nproperty double z\n"
        f"element face {n_faces}\nproperty list uchar int vertex_indices\n"
        "property uchar red\nproperty uchar green\nproperty uchar blue\n"
        "property int region\nend_header\n"
    )
    for solid in solids:
        for x, y, z in solid.points.tolist():
            yield f"{x!r} {y!r} {z!r}\n"
    for number, (solid, start) in enumerate(zip(solids, starts, strict=False)):
        shade = " ".join(str(int(part)) for part in colors[number])
        for first, *rest in solid.faces:
            for second, third in pairwise(rest):
                corners = f"{start + first} {start + second} {start + third}"
                yield f"3 {corners} {shade} {number}\n"
