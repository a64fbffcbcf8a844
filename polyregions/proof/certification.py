"""Certificates of results: written by either of two methods, and checked."""

from __future__ import annotations

from os import PathLike
from typing import Any, Literal

from polyregions.errors import PolyregionsError
from polyregions.proof import checker, tree_checker
from polyregions.proof.certificate import write_certificate
from polyregions.proof.certificate_file import is_said
from polyregions.proof.region_tree import count_arrays, write_tree
from polyregions.regions import Regions
from polyregions.run.progress import OnSteps, shown_steps

__all__ = ["certify", "check"]


def certify(
    regions: Regions,
    path: str | PathLike[str],
    *,
    method: Literal["bfs", "tree"] = "bfs",
    progress: OnSteps = None,
) -> None:
    """Write a proof of a complete result, whole or not at all.

    Parameters
    ----------
    regions : Regions
        Complete and proven.
    path : str or path-like
    method : {"bfs", "tree"}
        What is proven, and how: the regions and their edges, facet by facet; or the number of
        regions, by the tree of the units that split cells: a smaller file.
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions done and to be
        done.

    Raises
    ------
    PartialResultError
        If regions are missing or a decision was not proven.
    PolyregionsError
        If the method is another one.

    Notes
    -----
    *Algorithm.* :func:`~polyregions.proof.certificate.write_certificate`, or
    :func:`~polyregions.proof.region_tree.RegionTree`. docs/certificate.md says what is in
    the files.

    Examples
    --------
    >>> import tempfile
    >>> import polyregions as pr
    >>> net = pr.Network.from_arrays([([[1.0]], [0.0]), ([[1.0]], [0.0])])
    >>> path = tempfile.mkdtemp() + "/net.cert"
    >>> pr.certify(pr.enumerate_regions(net, pr.Box.cube(1, 1.0)), path, method="tree")
    >>> report = pr.check(net, path)
    >>> report.claim, report.regions
    ('count', 2)
    """
    if method == "bfs":
        write_certificate(regions, path, progress=progress)
    elif method == "tree":
        with shown_steps(progress, "regions", "written") as report:
            arrays = count_arrays(regions, progress=report)
        write_tree(regions.network, arrays, path)
    else:
        raise PolyregionsError(f"a certificate is made by bfs or tree, not by {method}")


def check(
    layers: Any, path: str | PathLike[str], progress: OnSteps = None
) -> checker.Report | tree_checker.TreeReport:
    """Return a report if a certificate proves its claims about the network.

    This is :func:`polyregions.proof.checker.check`, or for the certificate of a tree
    :func:`polyregions.proof.tree_checker.check`. They import nothing of this package but how a
    file is read; here one is only called.

    Parameters
    ----------
    layers : Network, or sequence of (weight, bias, lower, upper)
        See there.
    path : str or path-like
    progress : bool or callable, optional
        True shows it on stderr; a callable is called with the numbers of regions, or of a
        tree's nodes, checked and to be checked.

    Returns
    -------
    polyregions.proof.checker.Report or polyregions.proof.tree_checker.TreeReport

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
    tree = is_said(path, tree_checker.TREE_ARRAYS)
    replay = tree_checker.check if tree else checker.check
    with shown_steps(progress, "nodes" if tree else "regions", "checked") as report:
        return replay(layers, path, report)
