"""Kernels on disk carry the stamp of all kernel sources."""

import numba
import pytest

from polyregions import compiled
from polyregions.traversal.visited import insert

pytestmark = pytest.mark.skipif(bool(numba.config.DISABLE_JIT), reason="nothing is compiled here")


def test_files_of_the_cache_are_named_after_all_sources():
    stamp = compiled._STAMP[0][:16]
    files = insert._cache._cache_file
    assert files._source_stamp == compiled._STAMP
    # a kernel found under another stamp would be another kernel
    assert files._index_name.startswith(stamp)
    assert files._index_path.endswith(files._index_name)
    assert files._data_name(1).startswith(stamp)


@compiled.exact_order_kernel
def increased(number):
    return number + 1


@compiled.exact_order_kernel
def increased_by_both(number):
    return increased(number) * increased(10)


def test_a_constant_argument_compiles_no_second_copy():
    assert increased_by_both(2) == 33
    assert len(increased.signatures) == 1
