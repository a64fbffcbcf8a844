"""Which regions carry exactly the same affine map."""

from __future__ import annotations

from polyregions.network.equal_maps import Labels, equal_map_labels
from polyregions.regions import Regions, check_regions

__all__ = ["Labels", "equal_map_classes"]


def equal_map_classes(regions: Regions) -> Labels:
    """Return a label per region; two labels are equal iff the affine maps are.

    Parameters
    ----------
    regions : Regions

    Returns
    -------
    numpy.ndarray of int64, shape (R,)
        Labels 0, 1, … in the order of first appearance. Maps are compared as
        functions of the domain's free inputs.

    Notes
    -----
    Decided exactly, by residues (:mod:`polyregions.network.equal_maps`).

    Examples
    --------
    σ(x) - σ(-x) is the identity on both of its regions:

    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0], [-1.0]], [0.0, 0.0]), ([[1.0, -1.0]], [0.0])])
    >>> equal_map_classes(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)))
    array([0, 0])
    """
    check_regions(regions)
    return equal_map_labels(regions.network, regions.domain, regions.patterns)
