"""The independent checker, with its progress shown."""

from __future__ import annotations

from os import PathLike
from typing import Any

from polyregions.proof import checker
from polyregions.run.display import shown_steps
from polyregions.run.progress import OnSteps

__all__ = ["check"]


def check(layers: Any, path: str | PathLike[str], progress: OnSteps = None) -> checker.Report:
    """Return a report if the certificate proves its claims about the network.

    This is :func:`polyregions.proof.checker.check`, which imports nothing of this package; here
    it is only called.

    Parameters
    ----------
    layers : Network, or sequence of (weight, bias, lower, upper)
        See there.
    path : str or path-like
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions checked and to
        be checked.

    Returns
    -------
    polyregions.proof.checker.Report

    Raises
    ------
    polyregions.proof.checker.Refused
        If the file is damaged or about another network, or a claim fails.
    TypeError
        If `layers` is no network.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = pr.certify(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), f"{folder}/net.cert")
    ...     pr.check(net, f"{folder}/net.cert").regions
    2
    """
    with shown_steps(progress, "regions", "checked") as report:
        return checker.check(layers, path, report)
