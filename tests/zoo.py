"""Networks with known counts, small enough to be counted in every test run."""

from __future__ import annotations

from polyregions.theory import constructions as known

__all__ = ["ZOO"]

ZOO = [
    *(known.braid(n) for n in (2, 3, 4)),
    *(known.type_b(n) for n in (2, 3)),
    *(known.type_d(n) for n in (2, 3)),
    *(known.shi(n) for n in (2, 3, 4)),
    *(known.catalan(n) for n in (2, 3)),
    *(known.axis_grid(counts) for counts in ((5,), (3, 4), (1, 2, 3))),
    *(known.resonance(n) for n in (1, 2, 3, 4)),
    known.five_lines(),
    *(known.general_position(m, n) for n, m in ((1, 5), (2, 3), (2, 8), (3, 6), (4, 6))),
    *(known.central_general_position(m, n) for n, m in ((2, 4), (3, 6), (4, 6))),
    known.convolution((1, 3), (1, 2), 2),
    known.convolution((1, 3), (1, 2), 3),
    known.convolution((1, 4), (1, 2), 2),
    known.convolution((1, 4), (1, 2), 3),
    known.convolution((2, 2), (1, 2), 2),
    *(known.tent(depth) for depth in (1, 2, 5)),
    *(known.maximal_one_dimensional(w) for w in ([3], [3, 3], [3] * 3, [5, 3], [3, 4, 5])),
    known.maximal_one_dimensional([4, 4, 4]),
    known.maximal_one_dimensional([3, 4], whole_line=True),
    known.folding(2, 1),
    known.folding(3, 1),
    known.folding(2, 2),
    known.folding(3, 2),
    known.folding(2, 1, lines=4),
    known.folding(2, 2, lines=4),
    known.absolute_value(1),
    known.absolute_value(2),
    known.absolute_value(1, units="absolute"),
    known.absolute_value(2, units="absolute"),
    *(known.orthants(n) for n in (1, 2, 3, 4)),
    known.all_active(3, [4, 3]),
    known.all_dead(3, [4, 3]),
    known.maximum_example(),
    known.minimum_example(),
    known.phantom_adjacency(),
]
