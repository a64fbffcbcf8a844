"""What both trees do below the prefix that they explore: units get bits, cells are counted."""

from __future__ import annotations

from polyregions.compiled import entry, inlined_exact_order_kernel
from polyregions.network.prefix import allows

__all__ = ["count_cells", "settle_unit"]


@entry
@inlined_exact_order_kernel
def settle_unit(tree, unit, bit):
    """Set the bit of a unit that is proven to have one sign on the cell.

    Parameters
    ----------
    tree : Tree or Polygons, out
    unit : int
    bit : int

    Returns
    -------
    bool
        False if the fixed prefix says otherwise: no region of the cell is below it.
    """
    tree.bits[unit] = bit
    return allows(tree.fixed, unit, bit)


@inlined_exact_order_kernel
def count_cells(tree, level, cells):
    """Count cells of a level, unless the fixed prefix goes beyond it.

    Parameters
    ----------
    tree : Tree or Polygons, out
    level : int
        All units up to it are decided: a cell is a region of the layers so far.
    cells : int

    Notes
    -----
    *Invariant.* ``counts[l]`` are different regions of the layers up to l. Of a longer prefix
    they are counted where the tree is explored below a shorter one, so that parts add up.
    """
    if tree.starts[level + 1] >= tree.counters[0]["fixed"]:
        tree.counts[level] += cells
