"""Laws of packed patterns and of prefixes, for whatever hypothesis draws."""

import numpy as np
import pytest
from strategies import bits, few

pytest.importorskip("hypothesis", reason="hypothesis is not installed")
from hypothesis import given
from hypothesis import strategies as st

from polyregions.network.prefix import (
    as_prefix,
    contains,
    decided_units,
    empty_prefix,
    first_units,
    n_decided,
    unpack_prefix,
    with_bit,
)
from polyregions.pattern import order, pack, to_text, unpack

tables = st.integers(1, 130).flatmap(
    lambda units: st.lists(bits(units, units), min_size=1, max_size=8)
)


@few
@given(tables)
def test_packing_loses_nothing(table):
    words = pack(table)
    assert unpack(words, len(table[0])).tolist() == table
    assert words.tolist() == [
        [sum(b << k for k, b in enumerate(row[i : i + 64])) for i in range(0, len(row), 64)]
        for row in table
    ]
    texts = {to_text(one) for one in words}
    assert len(texts) == len({tuple(row) for row in table})


@few
@given(tables)
def test_order_is_that_of_words(table):
    words = pack(table)
    assert words[order(words)].tolist() == sorted(words.tolist())


@few
@given(tables, st.data())
def test_a_prefix_holds_the_patterns_with_its_bits(table, data):
    units = len(table[0])
    decided = data.draw(st.sets(st.integers(0, units - 1)))
    mask = [unit in decided for unit in range(units)]
    prefix = as_prefix(mask, table[0])
    assert decided_units(prefix, units).tolist() == sorted(decided)
    assert n_decided(prefix) == len(decided)
    expected = [all(row[unit] == table[0][unit] for unit in decided) for row in table]
    assert contains(prefix, pack(table)).tolist() == expected
    again = as_prefix(*unpack_prefix(prefix, units))
    grown = empty_prefix(units)
    for unit in data.draw(st.permutations(sorted(decided))):
        grown = with_bit(grown, unit, table[0][unit])
    for other in (again, grown):
        assert np.array_equal(np.stack(other), np.stack(prefix))


@few
@given(bits(), st.data())
def test_longer_prefixes_hold_fewer_patterns(row, data):
    shorter, longer = sorted(data.draw(st.tuples(*[st.integers(0, len(row))] * 2)))
    other = data.draw(bits(len(row), len(row)))
    words, bits_of = pack(other), np.array(row, dtype=np.uint8)
    assert not contains(first_units(longer, bits_of), words) or contains(
        first_units(shorter, bits_of), words
    )
    assert contains(first_units(len(row), bits_of), words) == (row == other)
