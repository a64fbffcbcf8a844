"""The experiments of the papers, each with exact, proven counts: data in, table and figure out.

A module for experiments that count in the same places, named in
:mod:`polyregions.experiments.runner`; each is one value of
:class:`~polyregions.experiments.runner.Experiment`: its frozen ``Config`` (``Config()`` takes
a few minutes, ``Config.full()`` has the papers' sizes), ``run(config, ...)``, which returns a
table, ``findings(table)`` and ``figure(table)``.
Training needs torch and the default data scikit-learn (extra ``experiments``); neither is
imported before it is used.
"""

from __future__ import annotations

from polyregions.experiments.births import RegionTracker
from polyregions.experiments.runner import NAMES, experiment

__all__ = ["NAMES", "RegionTracker", "experiment"]
