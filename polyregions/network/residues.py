"""Exact zero tests without big numbers: the network modulo primes.

Floats are dyadic rationals, and 2 is invertible modulo an odd prime, so the network
has an image in the field of integers modulo p. A quantity that is zero has residue
zero modulo every prime. Conversely, a quantity whose numerator is known to be below
the product of the primes used, and whose residues all vanish, *is* zero. So a handful
of 31-bit primes decides ties exactly, in compiled code.

A residue that does not vanish proves that the quantity is not zero; its sign is then
a matter for rational arithmetic.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import exact_order_kernel
from polyregions.domain.chart import Chart
from polyregions.exact.dyadic import dyadic_exponent
from polyregions.network.exact_network import exact_network
from polyregions.network.flat import FlatNetwork, first_map, quotient
from polyregions.network.network import Network
from polyregions.network.storage import stored

__all__ = [
    "NO_RESIDUES",
    "ModularNetwork",
    "coincide",
    "combination_zeros",
    "lacks_residues",
    "modular_layer",
    "modular_network",
    "modular_rows",
    "power",
    "vanishes",
    "with_own_scratch",
]

Residues = NDArray[np.uint64]

# Hint: more primes cost more than rational arithmetic; the zero tests are then left to it.
_MOST_PRIMES = 96
# Bounds are kept above this, so that none underflows: a later weight may be huge.
_FLOOR = 2.0**-1000


class ModularNetwork(NamedTuple):
    """Residues of a flat network, one leading axis per prime; no primes: no zero tests.

    ``slopes`` holds the lower and the upper slopes; ``domain`` the domain's rows.
    """

    primes: Residues
    first: Residues
    weights: Residues
    biases: Residues
    lower: Residues
    upper: Residues
    domain: Residues
    unit_rows: Residues
    maps: Residues
    next_maps: Residues
    solve: Residues
    result: Residues


def _no_residues() -> ModularNetwork:
    vector, table, tables = (np.zeros((0,) * ndim, dtype=np.uint64) for ndim in (1, 2, 3))
    return ModularNetwork(
        primes=vector,
        first=tables,
        weights=table,
        biases=table,
        lower=table,
        upper=table,
        domain=tables,
        unit_rows=tables,
        maps=table,
        next_maps=table,
        solve=table,
        result=vector,
    )


# the image of any network modulo no primes at all: every zero test stays undecided
NO_RESIDUES = _no_residues()


def modular_network(
    network: Network, chart: Chart, flat: FlatNetwork, live: NDArray[np.intp]
) -> ModularNetwork:
    """Return the network modulo enough primes for every zero test on its regions.

    `live` are the units of the first bending layer that `flat` has.

    Notes
    -----
    *Algorithm.* Rows scaled to integers have entries below 2^b, b from the layers'
    magnitudes and denominators. The largest quantities tested are a determinant of
    m + 1 rows, by Hadamard's inequality below ``((m + 1) 4^b)^((m + 1) / 2)``, and a
    row's product with an integer direction.
    """
    exact = exact_network(network, chart, depth=_first_bend(network) + 1)
    table, scale = first_map(exact, _first_bend(network))
    bits = _largest_bits(network, chart, [[int(e) for e in row] for row in table], scale)
    m = flat.dimension
    determinant = (m + 1) * (bits + 0.5 * np.log2(m + 1.0) + 1.0) + 2.0
    derivative = bits + np.log2(m + 1.0) + 12.0  # along integers of at most 10 bits
    needed = max(determinant, derivative)
    if not needed < 30.9 * _MOST_PRIMES:
        return NO_RESIDUES
    primes = np.array(_primes(int(needed / 30.9) + 1), dtype=np.uint64)
    table = [table[i] for i in live.tolist()]
    return _with_primes(flat, primes, table, chart.rows.tolist(), scale)


def with_own_scratch(modular: ModularNetwork) -> ModularNetwork:
    """Return the same residues with work arrays of their own, for another thread."""
    work = ("unit_rows", "maps", "next_maps", "solve", "result")
    return modular._replace(**{name: getattr(modular, name).copy() for name in work})


def lacks_residues(current: ModularNetwork, available: ModularNetwork) -> bool:
    """Return whether a search does without residues that it could have."""
    return len(current.primes) == 0 and len(available.primes) > 0


def _first_bend(network: Network) -> int:
    return next(i for i, layer in enumerate(network.layers) if layer.bends.any())


@cache
def _primes(count: int) -> tuple[int, ...]:
    """Return the `count` largest primes below 2^31."""
    found: list[int] = []
    candidate = 2**31 - 1
    while len(found) < count:
        if flint.fmpz(candidate).is_prime():
            found.append(candidate)
        candidate -= 2
    return tuple(found)


def _largest_bits(network: Network, chart: Chart, table: list[list[int]], scale: int) -> float:
    """Bound the bits of any entry of any row, scaled to integers."""
    start = _first_bend(network)
    last = max(i for i, layer in enumerate(network.layers) if layer.bends.any())
    peak = max(abs(entry) for row in table for entry in row)
    largest = max(1, int(peak).bit_length())
    bits = float(largest)
    # real magnitude of the rows of the layer and log2 of the factor that makes them integers:
    # their sum bounds the bits, and the largest over all layers those of any row
    magnitude = [quotient(max(abs(entry) for entry in row), scale) for row in table]
    size = np.maximum(magnitude, _FLOOR)
    exponent = float(scale.bit_length())
    with np.errstate(over="ignore", invalid="ignore"):
        for below, layer in zip(
            network.layers[start:last], network.layers[start + 1 :], strict=False
        ):
            slope_exponent = dyadic_exponent(np.stack([below.lower, below.upper]))
            matrix = stored(layer.matrix)
            entries = matrix.ravel() if isinstance(matrix, np.ndarray) else matrix.data
            weight_exponent = dyadic_exponent(np.concatenate([entries, layer.bias]))
            steepest = np.maximum(np.abs(below.lower), np.abs(below.upper))
            reach = np.maximum(steepest * size, _FLOOR)
            size = np.maximum((abs(matrix) @ reach + np.abs(layer.bias)) * 1.01, _FLOOR)
            exponent += slope_exponent + weight_exponent
            peak_bits = float(np.log2(size.max())) + exponent + 1.0
            bits = max(bits, peak_bits) if np.isfinite(peak_bits) else np.inf
    return max(bits, float(max(abs(int(e)) for e in chart.rows.entries()).bit_length()))


def _residues(values: NDArray[np.float64], primes: Residues) -> Residues:
    """Return values modulo each prime, shape (P, len(values))."""
    mantissas, exponents = np.frexp(values)
    moduli = primes.astype(np.int64)[:, None]
    out: NDArray[np.int64] = (mantissas * 2.0**53).astype(np.int64) % moduli
    # 2^shift = (2^32)^high * 2^low: few numbers have different high parts
    high, low = np.divmod(exponents.astype(np.int64) - 53, 32)
    distinct, where = np.unique(high, return_inverse=True)
    powers = [[pow(2, 32 * part, prime) for part in distinct.tolist()] for prime in primes.tolist()]
    table = np.array(powers, dtype=np.int64).reshape(len(primes), len(distinct))
    for factors in (np.int64(1) << low, table[:, where]):
        out *= factors % moduli
        out %= moduli
    return out.view(np.uint64)


def _quotients(table: list[list[flint.fmpz]], scale: int, primes: Residues) -> Residues:
    """Return integer rows over `scale` modulo each prime, as columns: shape (P, m + 1, rows)."""
    integers = np.array([[int(entry) for entry in row] for row in table], dtype=object).T
    columns = [integers * pow(scale, -1, prime) % prime for prime in primes.tolist()]
    return np.array(columns, dtype=np.uint64)


def _with_primes(
    flat: FlatNetwork,
    primes: Residues,
    table: list[list[flint.fmpz]],
    domain: list[list[flint.fmpz]],
    scale: int,
) -> ModularNetwork:
    m, p = flat.dimension, len(primes)
    walls = flat.size - flat.units
    parts = [flat.weights, flat.biases, flat.lower, flat.upper]
    ends = np.cumsum([len(part) for part in parts[:-1]])
    residues = np.split(_residues(np.concatenate(parts), primes), ends, axis=1)
    weights, biases, lower, upper = map(np.ascontiguousarray, residues)
    return ModularNetwork(
        primes=primes,
        first=_quotients(table, scale, primes).reshape(p, m + 1, int(flat.widths[0])),
        weights=weights,
        biases=biases,
        lower=lower,
        upper=upper,
        domain=_quotients(domain, 1, primes).reshape(p, m + 1, walls),
        **_work_arrays(flat, p),
    )


def _work_arrays(flat: FlatNetwork, primes: int) -> dict[str, Residues]:
    m, width = flat.dimension, int(flat.widths.max())
    shapes = {
        "unit_rows": (primes, m + 1, flat.size),
        "maps": (m + 1, width),
        "next_maps": (m + 1, width),
        "solve": (m, m + 1),
        "result": (m + 1,),
    }
    return {name: np.zeros(shape, dtype=np.uint64) for name, shape in shapes.items()}


@exact_order_kernel
def power(base, exponent, prime):
    """Return base ** exponent modulo a prime below 2^31."""
    result = np.uint64(1)
    while exponent > np.uint64(0):
        if exponent & np.uint64(1):
            result = result * base % prime
        base = base * base % prime
        exponent >>= np.uint64(1)
    return result


@exact_order_kernel
def modular_layer(flat, modular, index, layer, base, bits, maps, next_maps):
    """Push columns of residues through one layer; units below are signed by bits.

    Parameters
    ----------
    flat, modular
    index : int
        Of the prime.
    layer, base : int
        The layer, not the first, and the number of its first unit.
    bits : uint8 array, shape (N,)
        Read for the units of the layer below only.
    maps : uint64 array, shape (columns, at least width)
        The pre-activations of the layer below.
    next_maps : uint64 array, shape (at least columns, at least width), out
        This layer's, without biases.

    Notes
    -----
    **Invariant.** Before each addition a sum is below `most`, a multiple of the prime below
    2^63, and congruent to the exact one; a product of residues is below 2^62, so no sum leaves
    64 bits unnoticed.
    """
    columns = len(maps)
    prime = modular.primes[index]
    most = prime << np.uint64(32)  # below 2^63, and products are below 2^62
    width = flat.widths[layer]
    below = flat.widths[layer - 1]
    under = base - below
    skipped = flat.skipped[layer]
    for d in range(columns):
        for i in range(width):
            next_maps[d, i] = np.uint64(0)
    for k in range(below):
        row = flat.bit[under + k]
        slope = modular.upper[index, under + k]
        if row >= 0 and bits[row] == 0:
            slope = modular.lower[index, under + k]
        # zero modulo this prime: nothing flows, in this image of the network
        if slope == np.uint64(0):
            continue
        first = flat.outgoing[under + k]
        for d in range(columns):
            value = maps[d, k] * slope % prime
            if value != np.uint64(0):
                for t in range(first, flat.outgoing[under + k + 1]):
                    i = t - first if skipped < 0 else flat.targets[t - skipped]
                    total = next_maps[d, i] + modular.weights[index, t] * value
                    # below `most` again: where it was already, the difference wraps around
                    next_maps[d, i] = min(total, total - most)
    for d in range(columns):
        for i in range(width):
            next_maps[d, i] %= prime


@exact_order_kernel
def modular_rows(flat, modular, bits):
    """Fill ``unit_rows`` with the rows of a region modulo every prime (units, then domain).

    Parameters
    ----------
    flat : FlatNetwork
    modular : ModularNetwork, in and out
    bits : uint8 array, shape (N,)
        Not signed: a row is the unit's map, whatever its own bit.
    """
    m = flat.dimension
    for index in range(len(modular.primes)):
        prime = modular.primes[index]
        maps, next_maps = modular.maps, modular.next_maps
        for d in range(m + 1):
            for i in range(flat.widths[0]):
                maps[d, i] = modular.first[index, d, i]
        base = 0
        for layer in range(len(flat.widths)):
            width = flat.widths[layer]
            if layer > 0:
                modular_layer(flat, modular, index, layer, base, bits, maps, next_maps)
                for i in range(width):
                    next_maps[flat.bias_column, i] = (
                        next_maps[flat.bias_column, i] + modular.biases[index, base + i]
                    ) % prime
                maps, next_maps = next_maps, maps
            for i in range(width):
                row = flat.bit[base + i]
                if row >= 0:
                    for d in range(m + 1):
                        modular.unit_rows[index, d, row] = maps[d, i]
            base += width
        for i in range(flat.size - flat.units):
            for d in range(m + 1):
                modular.unit_rows[index, d, flat.units + i] = modular.domain[index, d, i]


@exact_order_kernel
def vanishes(modular, m, row):
    """Return whether a row is exactly zero (needs at least one prime).

    **Invariant.** Before each pass all its entries vanish modulo the primes so far, so they are
    divisible by their product. One that is divisible by all of them is zero, being smaller
    than their product (docs/mathematics.md, part 7, second claim).
    """
    for index in range(len(modular.primes)):
        for d in range(m + 1):
            if modular.unit_rows[index, d, row] != np.uint64(0):
                return False
    return len(modular.primes) > 0


@exact_order_kernel
def coincide(modular, m, first, second, lead):
    """Return whether two rows lie on one hyperplane; entry `lead` of the first is not zero.

    **Invariant.** Before each pass every 2 × 2 minor with column `lead` vanishes modulo the
    primes so far; see `vanishes`. With entry `lead` not zero that makes them multiples.
    """
    for index in range(len(modular.primes)):
        prime = modular.primes[index]
        rows = modular.unit_rows[index]
        a, b = rows[lead, first], rows[lead, second]
        for d in range(m + 1):
            if rows[d, first] * b % prime != rows[d, second] * a % prime:
                return False
    return len(modular.primes) > 0


@exact_order_kernel
def combination_zeros(modular, m, basis, row, is_zero):
    """Find which coefficients vanish when a row is written in a basis of normals.

    With ``a_row = sum_k y_k a_k`` and ``b = c_row - sum_k y_k c_k``, sets
    ``is_zero[k]`` for each y_k and ``is_zero[m]`` for b. Returns False if some prime
    cannot tell (the basis is singular modulo it).

    Parameters
    ----------
    modular : ModularNetwork
        With the region's rows.
    m : int
    basis : int64 array, shape (m,)
        Rows by their numbers in the network.
    row : int
    is_zero : bool array, shape (m + 1,), out

    Notes
    -----
    **Invariant.** Before each pass ``is_zero[k]`` says whether the residues of y_k are zero
    modulo all primes so far. By Cramer's rule y_k and b are quotients of determinants of at
    most m + 1 rows, below the product of the primes: zero modulo all of them means zero. Within
    a prime, Gauss-Jordan keeps the solutions of ``work[:, :m] @ y = work[:, m]``.
    """
    for k in range(m + 1):
        is_zero[k] = True
    work, result = modular.solve, modular.result
    for index in range(len(modular.primes)):
        prime = modular.primes[index]
        rows = modular.unit_rows[index]
        for d in range(m):
            for k in range(m):
                work[d, k] = rows[d, basis[k]]
            work[d, m] = rows[d, row]
        for c in range(m):
            # any pivot that is not zero is as good as another: nothing is rounded
            best = c
            while best < m and work[best, c] == np.uint64(0):
                best += 1
            if best == m:
                return False
            if best != c:
                for k in range(m + 1):
                    swap = work[c, k]
                    work[c, k] = work[best, k]
                    work[best, k] = swap
            # Fermat: the inverse modulo a prime
            inverse = power(work[c, c], prime - np.uint64(2), prime)
            for k in range(c, m + 1):
                work[c, k] = work[c, k] * inverse % prime
            for r in range(m):
                factor = work[r, c]
                if r != c and factor != np.uint64(0):
                    for k in range(c, m + 1):
                        work[r, k] = (work[r, k] + (prime - factor) * work[c, k]) % prime
        # the offset that is left
        total = rows[m, row]
        for k in range(m):
            result[k] = work[k, m]
            total = (total + (prime - result[k]) * rows[m, basis[k]]) % prime
            if result[k] != np.uint64(0):
                is_zero[k] = False
        if total != np.uint64(0):
            is_zero[m] = False
    return len(modular.primes) > 0
