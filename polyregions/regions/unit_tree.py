"""The tree of units: which units' signs lead from the domain to a region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from polyregions.arrays import Bits, Integers

__all__ = ["UnitTree", "unit_tree"]


@dataclass(frozen=True, eq=False)
class UnitTree:
    """A binary tree with a region at each leaf, its nodes numbered from the root, parents first.

    Attributes
    ----------
    units : numpy.ndarray of int64, shape (R - 1,)
        The unit whose sign a node asks for.
    children : numpy.ndarray of int64, shape (R - 1, 2)
        Where to go if the unit is not positive, and if it is: to a node, or to region r,
        written as -1 - r.
    samples : numpy.ndarray of int64, shape (R - 1,)
        A region below each node, on its positive side: there the unit is the affine function that
        the node asks for. Another region for each node.
    depth : int
        The most nodes on a way.
    """

    units: Integers
    children: Integers
    samples: Integers
    depth: int

    @property
    def root(self) -> int:
        """Where to begin: node 0, or the only region."""
        return 0 if len(self.units) else -1


def unit_tree(bits: Bits) -> UnitTree:
    """Return the tree of the patterns of all regions.

    Parameters
    ----------
    bits : numpy.ndarray of uint8, shape (R, N)
        Distinct.

    Notes
    -----
    *Algorithm.* The patterns as words of a dictionary: their trie, in which nodes with one child
    are left out, so that R leaves have R - 1 nodes. In the order of the words it is the Cartesian
    tree over the places where neighbours differ first.

    A node is a prefix, and stands for a cell: the points of the domain with these first bits.
    There the unit of the node is one affine function, and both of its signs occur. So a
    point in the *closed* cell on either side of the unit's hyperplane, or on it, is in the closed
    cell of that child; where only one sign occurs, the child's closed cell is the same. Hence
    each way down ends in a region whose closure holds the point, where the network is the
    region's map, because it is continuous.

    Examples
    --------
    >>> tree = unit_tree(np.array([[0, 0], [1, 0], [1, 1]], dtype=np.uint8))
    >>> tree.units.tolist(), tree.children.tolist(), tree.depth
    ([0, 1], [[-1, 1], [-2, -3]], 2)
    """
    words = np.packbits(bits, axis=1)
    order = np.lexsort(words.T[::-1])
    sorted_bits = bits[order]
    places = (sorted_bits[1:] != sorted_bits[:-1]).argmax(axis=1)
    leaves = -1 - order
    children = np.stack([leaves[:-1], leaves[1:]], axis=1)
    path: list[int] = []  # from the root to the last node, along positive sides
    for node, place in enumerate(places.tolist()):
        below = None
        while path and places[path[-1]] > place:
            below = path.pop()
        if below is not None:
            children[node, 0] = below
        if path:
            children[path[-1], 1] = node
        path.append(node)
    return _from_the_root(places, children, order[1:], path[0] if path else -1)


def _from_the_root(places: Integers, children: Integers, samples: Integers, root: int) -> UnitTree:
    """Return the tree with its nodes numbered from the root."""
    visited, depth = [], 0
    waiting = [(root, 1)] if root >= 0 else []
    while waiting:
        node, level = waiting.pop()
        visited.append(node)
        depth = max(depth, level)
        waiting += [(child, level + 1) for child in children[node, ::-1].tolist() if child >= 0]
    number = np.empty(len(places), dtype=np.int64)
    number[visited] = np.arange(len(visited))
    chosen = children[visited].reshape(-1, 2)
    renamed = np.where(chosen >= 0, number[np.maximum(chosen, 0)] if len(number) else -1, chosen)
    return UnitTree(places[visited], renamed, samples[visited], depth)
