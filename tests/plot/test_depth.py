"""Of all cells on a line of sight the nearest is seen; surfaces are those of the boundary."""

import numpy as np
import pytest

import polyregions as pr
from polyregions.analysis.corners import solids
from polyregions.analysis.decision import decision_boundary

pytest.importorskip("matplotlib", reason="matplotlib is not installed")

from matplotlib.collections import PolyCollection

from polyregions.plot import plot_solids
from polyregions.plot.depth import back_to_front, drawing_order
from polyregions.plot.values import cell_values


def network(outputs: int = 1) -> pr.Network:
    rng = np.random.default_rng(6)
    shapes = [(6, 3), (4, 6), (outputs, 4)]
    layers = [(rng.normal(size=shape), 0.4 * rng.normal(size=shape[0])) for shape in shapes]
    # as many points on either side
    middle = np.median(pr.Network.from_arrays(layers).forward(rng.uniform(-1, 1, (99, 3))), axis=0)
    layers[-1] = layers[-1][0], layers[-1][1] - middle
    return pr.Network.from_arrays(layers)


@pytest.fixture(scope="module")
def regions():
    return pr.enumerate_regions(network(), pr.Box([-1, -1, -1], [1, 1, 2]))


def hit(body, moved, origin, direction):
    """Where a line enters and leaves a convex body, or None: slabs of its faces."""
    middle = body.points.mean(axis=0)
    near, far = -np.inf, np.inf
    for face in body.faces:
        corners = body.points[face]
        normal = np.linalg.svd(corners - corners.mean(axis=0))[2][-1]
        normal = normal if normal @ (corners[0] - middle) > 0 else -normal
        slope, room = normal @ direction, normal @ (corners[0] + moved - origin)
        if abs(slope) < 1e-12:
            if room < 0:
                return None
        elif slope > 0:
            far = min(far, room / slope)
        else:
            near = max(near, room / slope)
    return (near, far) if near < far - 1e-9 else None


@pytest.mark.slow
@pytest.mark.parametrize("view", [(30, -60), (-20, 10), (75, 200), (5, 91)])
@pytest.mark.parametrize(("apart", "every"), [(0.0, 1), (0.25, 1), (1.5, 1), (0.25, 2)])
def test_the_nearest_cell_is_painted_last(regions, view, apart, every):
    regions = regions[::every]  # also where some are missing
    axes = plot_solids(regions, apart=apart)
    axes.view_init(*view)
    axes.figure.draw_without_rendering()
    (faces,) = [c for c in axes.collections if isinstance(c, PolyCollection)]
    fills = faces.get_facecolor()
    filled = np.flatnonzero(fills[:, 3] == 1)
    paths = faces.get_paths()
    bodies = solids(regions)
    middle = regions.domain.lower / 2 + regions.domain.upper / 2
    moves = [apart * (body.points.mean(axis=0) - middle) for body in bodies]
    # the line that all points of one place of the picture lie on
    matrix = axes.M
    direction = np.cross(matrix[0, :3], matrix[1, :3])
    direction *= np.sign(-(matrix[2, :3] @ direction)) / np.linalg.norm(direction)
    rng = np.random.default_rng(0)
    colors = np.round(cell_values(regions).colors, 3)
    seen = 0
    for _ in range(60):
        inside = rng.integers(len(bodies))
        start = bodies[inside].points.mean(axis=0) + moves[inside]
        start = start + 0.05 * rng.normal(size=3)
        hits = [
            (found[1], k)
            for k, (body, moved) in enumerate(zip(bodies, moves, strict=True))
            if (found := hit(body, moved, start, direction)) is not None
        ]
        if not hits:
            continue
        flat = matrix @ [*start, 1]
        place = flat[:2] / flat[3]
        last = [k for k in filled if paths[k].contains_point(place)][-1]
        _, nearest = max(hits)
        # its colour, but for the light on the face
        bright = fills[last, :3] / colors[nearest]
        assert np.ptp(bright) < 0.01
        assert 0.55 < bright.mean() < 1.05
        seen += 1
    assert seen > 30


def test_every_region_has_a_place(regions):
    """Also where regions are missing, or one is all that there is."""
    for some in (regions, regions[::3], regions[:1]):
        for toward in np.vstack([np.eye(3), -np.eye(3), np.ones(3)]):
            place = back_to_front(*drawing_order(some), toward)
            assert sorted(place.tolist()) == list(range(len(some)))


@pytest.mark.slow
@pytest.mark.parametrize("outputs", [1, 3])
def test_surfaces_are_the_pieces_of_the_boundary(outputs):
    net, box = network(outputs), pr.Box.cube(3, 1.0)
    regions = pr.enumerate_regions(net, box)
    axes = plot_solids(regions, color="class")
    axes.figure.draw_without_rendering()
    (faces,) = [c for c in axes.collections if isinstance(c, PolyCollection)]
    fills = faces.get_facecolor()
    drawn = [path for path, fill in zip(faces.get_paths(), fills, strict=True) if fill[3] == 1]
    pieces = list(decision_boundary(net, box).pieces())
    assert pieces
    # every piece is seen from one of its sides, at the corners that it has exactly
    expected = set()
    for piece in pieces:
        points = np.array([[float(x) for x in corner] for corner in piece.corners])
        flat = np.column_stack([points, np.ones(len(points))]) @ axes.M.T
        expected.add(tuple(sorted(map(tuple, np.round(flat[:, :2] / flat[:, 3:], 6).tolist()))))
    found = {tuple(sorted(set(map(tuple, np.round(path.vertices, 6).tolist())))) for path in drawn}
    assert len(drawn) == len(found) == len(pieces)
    middles = [
        sorted(np.mean(list(one), axis=0).tolist() for one in ones) for ones in (found, expected)
    ]
    np.testing.assert_allclose(*middles, atol=1e-5)


def test_solids_have_a_key_and_labels(regions):
    axes = plot_solids(regions, color="gradient", labels=["$a$", "b", "c"])
    assert [a.get_ylabel() for a in axes.figure.axes[1:]] == ["norm of the gradient"]
    assert axes.get_xlabel() == "$a$"
    axes.figure.draw_without_rendering()
    with pytest.raises(pr.PolyregionsError, match="3 axes have 3 labels"):
        plot_solids(regions, labels=["a"])
    for apart in (-1, float("nan"), float("inf")):
        with pytest.raises(pr.PolyregionsError, match="share of 0 or more"):
            plot_solids(regions, apart=apart)
