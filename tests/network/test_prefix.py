"""Prefixes as packed words beside the obvious: one mark a unit, None where it is free."""

import numpy as np
import pytest

from polyregions.network.prefix import (
    allows,
    as_prefix,
    bit_of,
    contains,
    decided_units,
    decides,
    empty_prefix,
    extended,
    first_units,
    n_decided,
    unpack_prefix,
    with_bit,
)
from polyregions.pattern import pack


def prefix_of(marks):
    return as_prefix([m is not None for m in marks], [m == 1 for m in marks])


def same(one, other):
    return all(np.array_equal(a, b) and a.dtype == np.uint64 for a, b in zip(one, other, strict=1))


@pytest.mark.parametrize("units", [1, 7, 64, 65, 130])
def test_as_marks(units):
    rng = np.random.default_rng(units)
    marks = [(None, 0, 1)[k] for k in rng.integers(0, 3, size=units)]
    prefix = prefix_of(marks)
    decided, bits = unpack_prefix(prefix, units)
    assert [int(b) if d else None for d, b in zip(decided, bits, strict=True)] == marks
    assert decided_units(prefix, units).tolist() == [
        i for i, m in enumerate(marks) if m is not None
    ]
    assert n_decided(prefix) == units - marks.count(None)
    patterns = rng.integers(0, 2, size=(20, units))
    patterns[0] = bits
    expected = [
        all(m in (None, b) for m, b in zip(marks, p, strict=True)) for p in patterns.tolist()
    ]
    assert contains(prefix, pack(patterns)).tolist() == expected
    assert expected[0]
    for unit in range(0, units, 5):
        for bit in (0, 1):
            longer = [*marks[:unit], bit, *marks[unit + 1 :]]
            assert same(with_bit(prefix, unit, bit), prefix_of(longer))
            assert bool(allows(prefix, unit, bit)) == (marks[unit] in (None, bit))
        assert bool(decides(prefix, unit)) == (marks[unit] is not None)
        assert bit_of(prefix, unit) == (marks[unit] or 0)
    assert same(prefix, prefix_of(marks))  # nothing was changed in place


def test_longer_prefixes():
    fixed = prefix_of([1, None, None, 0, None, 1])
    bits = np.array([1, 1, 0, 0, 1, 0], dtype=np.uint8)
    longer = extended(fixed, bits, np.arange(4), np.array([2, 3]))
    assert same(longer, prefix_of([1, 1, None, 0, None, 1]))
    assert same(first_units(3, bits), prefix_of([1, 1, 0, None, None, None]))
    assert same(empty_prefix(6), prefix_of([None] * 6))
