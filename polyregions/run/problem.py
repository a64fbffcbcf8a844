"""What does not change during a walk."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

import flint
import numpy as np

import polyregions
from polyregions.arrays import Bits, Integers
from polyregions.domain import Domain
from polyregions.domain.chart import Chart, chart_of, cone_chart
from polyregions.files.archives import write_npz
from polyregions.geometry.witness import witness_room
from polyregions.network import Network
from polyregions.network.exact_network import ExactNetwork, exact_network, exact_rows
from polyregions.network.flat import FlatNetwork, flatten
from polyregions.network.integer_network import IntegerNetwork, integer_network
from polyregions.network.residues import ModularNetwork, modular_network
from polyregions.network.stable_units import (
    Reduction,
    no_reduction,
    reduced,
    sharper_signs,
    signs_known,
)
from polyregions.network.storage import is_small
from polyregions.pattern import n_words
from polyregions.regions import Regions
from polyregions.regions.archive import arrays_of
from polyregions.run.given import DomainLike, NetworkLike, domain_given, network_given

__all__ = [
    "Problem",
    "empty_result",
    "enclosed_problem",
    "identity_of",
    "prefix_rows",
    "problem_of",
    "stop_flag",
    "whole_problem",
]

_LARGE_REGION = 5000  # numbers in the rows of a region; a hint


@dataclass(frozen=True, eq=False)
class Problem:
    """A network on a domain, in the arithmetics the walk uses.

    Attributes
    ----------
    flat : FlatNetwork
        Floats with rounding bounds, of the units that vary over the domain.
    reduction : Reduction
        Which units those are.
    modular : ModularNetwork
        Residues modulo primes, for exact zero tests; made when first needed.
    integers : IntegerNetwork or None
        Integers for kernels, in the plane; None where these take too many digits.
    exact : ExactNetwork
        Integers; made when first needed.
    """

    network: Network
    domain: Domain | None
    chart: Chart
    flat: FlatNetwork
    reduction: Reduction

    @property
    def is_large(self) -> bool:
        """Whether a region takes longer uncompiled than a user waits for a sign of life."""
        return self.flat.size * self.flat.dimension > _LARGE_REGION

    @cached_property
    def room(self) -> float:
        """What a witness must keep free for its own rounding."""
        return witness_room(self.chart, self.domain)

    @cached_property
    def modular(self) -> ModularNetwork:
        """The network modulo primes."""
        return modular_network(self.network, self.chart, self.flat, self.reduction.live[0])

    @cached_property
    def integers(self) -> IntegerNetwork | None:
        """The network in integers, for kernels."""
        if self.flat.dimension != 2:
            return None
        return integer_network(self.network, self.chart, self.flat, self.reduction.live[0])

    @cached_property
    def exact(self) -> ExactNetwork:
        """The network in integers."""
        return exact_network(self.network, self.chart)


def problem_of(network: NetworkLike, domain: DomainLike, signs: Integers | None = None) -> Problem:
    """Return the view of a network on a domain that walk and tree have.

    Units that are proven constant over the domain are left out. Every function that takes a
    network and a domain comes here: both may be what :mod:`polyregions.run.given` understands.

    Parameters
    ----------
    network : Network, path or torch module
    domain : Domain, or what stands for one
    signs : numpy.ndarray of int64, shape (hidden units,), optional
        Where units are known to be constant; else `reduced` and `sharper_signs` find some.

    Raises
    ------
    NetworkError
        If there is no network.
    DomainError
        If the domain does not fit the network.
    """
    return _problem(network, domain, partial(_without_constant, signs=signs))


def whole_problem(network: NetworkLike, domain: DomainLike) -> Problem:
    """Return the same with all units, also those that are constant over the domain."""
    return _problem(network, domain, lambda flat, *_: (flat, no_reduction(flat)))


def enclosed_problem(network: NetworkLike, domain: DomainLike) -> Problem:
    """Return the same without units that enclosures prove constant; only these do in 0.1.0."""
    return _problem(network, domain, lambda flat, *_: reduced(flat))


def _problem(
    network: NetworkLike,
    domain: DomainLike,
    reducing: Callable[[FlatNetwork, Network, Domain | None], tuple[FlatNetwork, Reduction]],
) -> Problem:
    network = network_given(network)
    domain = domain_given(domain, network.input_dimension)
    if domain is None and not any(layer.bias.any() for layer in network.layers[:-1]):
        chart = cone_chart(network.input_dimension)
    else:
        chart = chart_of(domain, network.input_dimension)
    flat, reduction = reducing(flatten(network, chart), network, domain)
    return Problem(network, domain, chart, flat, reduction)


def _without_constant(
    flat: FlatNetwork, network: Network, domain: Domain | None, signs: Integers | None
) -> tuple[FlatNetwork, Reduction]:
    found, reduction = reduced(flat, signs)
    if signs is None and domain is not None and not is_small(len(flat.weights)):
        sharper = sharper_signs(network, domain.box, signs_known(reduction))
        if sharper is not None:
            return reduced(flat, sharper)
    return found, reduction


def stop_flag(problem: Problem) -> Integers | None:
    """Return a flag that ends long steps (see `run`), or None where they are short anyway."""
    return np.zeros(1, dtype=np.int64) if problem.is_large else None


def prefix_rows(problem: Problem, bits: Bits) -> tuple[list[list[flint.fmpz]], list[Any]]:
    """Return the exact rows of the units that vary, signed by `bits`, and the domain's."""
    rows = exact_rows(problem.exact, problem.reduction.grow(bits))
    units = problem.exact.hidden_units
    return [rows[i] for i in problem.reduction.kept], rows[units:]


def empty_result(problem: Problem) -> Regions:
    """Return the result of a walk that has found nothing: a network and a domain."""
    network = problem.network
    return Regions(
        network,
        problem.domain,
        patterns=np.empty((0, n_words(network.hidden_units)), dtype=np.uint64),
        witnesses=np.empty((0, network.input_dimension)),
        edges=np.empty((0, 2), dtype=np.int32),
        complete=False,
        proven=True,
    )


def identity_of(problem: Problem) -> dict[str, str]:
    """Return what must agree between a checkpoint and the walk that takes it up.

    ``units`` names the units that vary over the domain, as floats on this machine
    prove it: numbers in a checkpoint refer to them.
    """
    n = problem.network.input_dimension
    # the file format knows how to write every domain; a network must go with it
    stand_in = Network.from_arrays([(np.ones((1, n)), [0.0]), ([[1.0]], [0.0])], name="")
    patterns = np.empty((0, 1), dtype=np.uint64)
    empty = replace(empty_result(problem), network=stand_in, patterns=patterns)
    stream = io.BytesIO()
    write_npz(stream, arrays_of(empty))
    return {
        "package": polyregions.__version__,
        "network": problem.network.fingerprint,
        "domain": hashlib.sha256(stream.getvalue()).hexdigest(),
        "arithmetic": "certified",
        "units": hashlib.sha256(problem.reduction.kept.astype("<i8").tobytes()).hexdigest(),
    }
