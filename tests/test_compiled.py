"""Kernels on disk carry the stamp of all kernel sources."""

from polyregions import compiled
from polyregions.traversal.visited import insert


def test_files_of_the_cache_are_named_after_all_sources():
    stamp = compiled._STAMP[0][:16]
    files = insert._cache._cache_file
    assert files._source_stamp == compiled._STAMP
    # a kernel found under another stamp would be another kernel
    assert files._index_name.startswith(stamp)
    assert files._index_path.endswith(files._index_name)
    assert files._data_name(1).startswith(stamp)
