"""What callers pass where a network and a domain are expected: taken, or told what was meant.

Where the meaning is plain the value is made: a network file is read, a torch module
converted, one pair of bounds per input is a box. Anything else is refused with the call
that was probably meant; nothing with two meanings is guessed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from polyregions.domain import Box, Domain, Polytope
from polyregions.errors import DomainError, NetworkError, kind_of
from polyregions.network import Layer, Network
from polyregions.network.slices import Slice
from polyregions.regions import Region, Regions

if TYPE_CHECKING:
    import torch

__all__ = ["DomainLike", "NetworkLike", "domain_given", "network_given"]

NetworkLike: TypeAlias = "Network | str | os.PathLike[str] | torch.nn.Module"
DomainLike: TypeAlias = "Domain | Sequence[Sequence[float]] | NDArray[Any] | None"


def network_given(value: object) -> Network:
    """Return the network that a caller means.

    Parameters
    ----------
    value : Network, str, path or torch.nn.Module

    Raises
    ------
    NetworkError
        If it is none of these; the message names the call that makes a network of it.
    PolyregionsError
        What :func:`polyregions.load` and :func:`polyregions.from_torch` raise.

    Examples
    --------
    >>> from polyregions import examples
    >>> network_given(examples.path("digits2"))
    <Network digits2: 2 inputs, 64 hidden units in layers of 32, 32, 10 outputs>
    >>> network_given(lambda x: max(x, 0))
    Traceback (most recent call last):
        ...
    polyregions.errors.NetworkError: a network is expected, not a function: what is computed \
cannot be seen from outside, so give its weights to pr.Network.from_arrays([(W0, b0), ...])
    """
    if isinstance(value, Network):
        return value
    if isinstance(value, str | os.PathLike):
        from polyregions.io.networks import load

        return load(os.fspath(value))
    torch = sys.modules.get("torch")  # who has a module of torch has imported it
    if torch is not None and isinstance(value, torch.nn.Module):
        from polyregions.io.torch_modules import from_torch

        return from_torch(value)
    raise NetworkError(f"a network is expected, not {kind_of(value)}: {_network_meant(value)}")


def _network_meant(value: object) -> str:
    if isinstance(value, Regions | Region):
        return "pass its network, regions.network"
    if isinstance(value, Box | Polytope) or value is None:
        return "the network comes first, then the domain"
    if isinstance(value, Slice):
        return "pass plane.restrict(network), and plane.domain as the domain"
    if isinstance(value, Layer):
        return "make a network of all its layers with pr.Network((layer, ...))"
    if isinstance(value, type):
        return "pass an instance, with its weights"
    if hasattr(value, "coefs_") and hasattr(value, "intercepts_"):
        pairs = "[(W.T, b) for W, b in zip(mlp.coefs_, mlp.intercepts_)]"
        return f"give its weights to pr.Network.from_arrays({pairs})"
    if isinstance(value, list | tuple | dict | np.ndarray):
        return "make one with pr.Network.from_arrays([(W0, b0), (W1, b1), ...])"
    if callable(value):
        return (
            "what is computed cannot be seen from outside, so give its weights to "
            "pr.Network.from_arrays([(W0, b0), ...])"
        )
    return "make one with pr.load, pr.from_torch or pr.Network.from_arrays"


def domain_given(value: object, dimension: int) -> Domain | None:
    """Return the domain that a caller means.

    Parameters
    ----------
    value : Box, Polytope, None, or one pair (low, high) per input
    dimension : int
        Number of inputs of the network.

    Raises
    ------
    DomainError
        If it is none of these, or could be read in two ways.

    Examples
    --------
    >>> domain_given([(0, 1), (-2, 2)], 2)
    Box([0.0, -2.0], [1.0, 2.0])
    >>> domain_given([(0, 1), (2, 3)], 2)
    Traceback (most recent call last):
        ...
    polyregions.errors.DomainError: two pairs of numbers may be a (low, high) per input or all \
lower bounds and all upper bounds: say which with pr.Box(lower, upper)
    """
    if value is None or isinstance(value, Box | Polytope):
        return value
    if isinstance(value, list | tuple | np.ndarray):
        pairs = _pairs(value)
        if pairs is not None and len(pairs) == dimension:
            if dimension == 2 and _makes_a_box(*pairs):
                raise DomainError(
                    "two pairs of numbers may be a (low, high) per input or all lower bounds and "
                    "all upper bounds: say which with pr.Box(lower, upper)"
                )
            return Box(pairs[:, 0], pairs[:, 1])
    raise DomainError(
        f"a domain is expected, not {kind_of(value)}: {_domain_meant(value, dimension)}"
    )


def _pairs(value: Any) -> NDArray[Any] | None:
    try:
        array = np.asarray(value)
    except ValueError:  # of different lengths
        return None
    return array if array.ndim == 2 and array.shape[1] == 2 and array.dtype.kind in "iuf" else None


def _makes_a_box(lower: Any, upper: Any) -> bool:
    try:
        Box(lower, upper)
    except DomainError:
        return False
    return True


def _domain_meant(value: Any, dimension: int) -> str:
    if isinstance(value, Network):
        return "the network comes first, then the domain"
    if isinstance(value, Regions | Region):
        return "pass its domain, regions.domain"
    if isinstance(value, Slice):
        return "pass plane.restrict(network) as the network, and plane.domain"
    if isinstance(value, str | os.PathLike):
        return "read a VNN-LIB file with polyregions.io.load_box(path).box"
    for part in ("domain", "box"):  # what a reader of VNN-LIB returns
        if isinstance(getattr(value, part, None), Box | Polytope):
            return f"pass its {part}, file.{part}, and look at file.notes"
    if isinstance(value, bool):
        return "the whole space is None, a cube pr.Box.cube(n, 1.0)"
    if isinstance(value, int | float | np.number):
        return f"pass the cube [-r, r]^n as pr.Box.cube({dimension}, {value})"
    return (
        f"pass pr.Box(lower, upper), pr.Box.cube({dimension}, r), pr.Polytope(A, b), None for "
        f"the whole space, or {dimension} pairs (low, high), one per input"
    )
