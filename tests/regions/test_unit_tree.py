"""The tree of units against a trie made one bit at a time."""

import numpy as np
import pytest
from random_nets import FAMILIES, random_case

import polyregions as pr
from polyregions.regions.unit_tree import unit_tree


def trie(numbered, unit, size):
    """Return nested (unit, low, high), where both bits occur, or the number of a pattern."""
    if len(numbered) == 1:
        return numbered[0][0]
    low, high = ([one for one in numbered if one[1][unit] == bit] for bit in (0, 1))
    if not low or not high:
        return trie(low or high, unit + 1, size)
    return unit, trie(low, unit + 1, size), trie(high, unit + 1, size)


def nested(tree, place):
    if place < 0:
        return -1 - place
    low, high = tree.children[place].tolist()
    assert all(child < 0 or child > place for child in (low, high))
    return int(tree.units[place]), nested(tree, low), nested(tree, high)


def depth(node):
    return 0 if isinstance(node, int) else 1 + max(depth(node[1]), depth(node[2]))


def leaves(node):
    return {node} if isinstance(node, int) else leaves(node[1]) | leaves(node[2])


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_the_trie_of_the_patterns(family):
    network, domain = random_case(family, 1)
    regions = pr.enumerate_regions(network, domain)
    expected = trie(list(enumerate(regions.bits.tolist())), 0, regions.bits.shape[1])
    tree = unit_tree(regions.bits)
    assert nested(tree, tree.root) == expected
    assert tree.depth == depth(expected)
    for place, sample in enumerate(tree.samples.tolist()):
        assert sample in leaves(nested(tree, int(tree.children[place, 1])))


def test_many_units():
    bits = np.unique(
        np.random.default_rng(0).integers(0, 2, size=(300, 130), dtype=np.uint8), axis=0
    )
    shuffled = bits[np.random.default_rng(1).permutation(len(bits))]
    tree = unit_tree(shuffled)
    assert nested(tree, tree.root) == trie(list(enumerate(shuffled.tolist())), 0, 130)
