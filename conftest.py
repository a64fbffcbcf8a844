"""How the tests run: what is fast, and how many processes share a run of everything.

Without arguments pytest runs all tests, with kernels compiled beforehand, in as many processes as
there are cores (at most four: more would wait for the longest file). A file's tests stay in one
process, which makes its clusters and large results once. Whoever names files, tests or a keyword
gets one process and no waiting for others; ``-n`` says otherwise. A test is fast unless it is
marked slow.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MOST_PROCESSES = 4
ROOT = Path(__file__).parent

# Processes that tests start elsewhere run the package that the tests import: not another one that
# is installed, whose kernels would be compiled a second time.
if (ROOT / "polyregions").is_dir():
    others = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), *filter(None, others)])


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Share a run of everything among processes, before xdist looks at its options."""
    options = config.option
    everything = config.args_source == config.ArgsSource.TESTPATHS and not options.keyword
    undecided = getattr(options, "numprocesses", 0) is None  # without xdist there is no such option
    worker = hasattr(config, "workerinput")
    if everything and undecided and not worker and not options.collectonly:
        # once, not in each process
        subprocess.run([sys.executable, "-m", "polyregions", "compile"], check=True)
        options.numprocesses = "auto"
        options.maxprocesses = options.maxprocesses or MOST_PROCESSES
        options.dist = "loadfile"
        options.maxworkerrestart = 0  # what hung in one process would hang in the next


@pytest.hookimpl(tryfirst=True)  # before -m selects
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark as fast whatever is not marked as slow."""
    for item in items:
        if item.get_closest_marker("slow") is None:
            item.add_marker(pytest.mark.fast)
