"""Go from one input to another: straight, and with the fewest facets to cross."""

import polyregions as pr
from polyregions import examples

net = pr.load(examples.path("digits2"))
a, b = [-0.7, 0.6], [0.5, -0.5]

# loaded
regions = pr.enumerate_regions(net, pr.Box.cube(2, 1.0))
straight = pr.regions_along(regions, [a, b])
for piece in straight[:3]:
    print(f"{float(piece.begin):.4f} to {float(piece.end):.4f}: {piece.region}")
path = pr.shortest_path(regions, a, b)
print(f"{len(straight)} regions on the segment, {len(path)} on a shortest path")
axes = pr.plot_cells(regions[sorted(region.index for region in path)], color="class")
axes.plot(*zip(a, b, strict=True), "ko--")
pr.save_figure(axes, "path.png", dpi=80)
