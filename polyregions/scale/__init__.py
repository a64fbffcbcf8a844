"""Walks that outlive the process: checkpoints, memory budgets, results beyond memory."""

from polyregions.scale.saved_runs import Written, enumerate_to_file

__all__ = ["Written", "enumerate_to_file"]
