"""The network on a chart as flat float arrays with rounding bounds, for kernels.

`flatten` composes the chart with the first layer that bends in exact integers and
rounds each entry once; later layers keep the given floats. `region_rows` then
computes the rows of a pattern's polytope and a bound on their rounding error.
"""

from __future__ import annotations

from typing import NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.compiled import exact_order_kernel
from polyregions.geometry.chart import Chart
from polyregions.geometry.exact import ExactNetwork, exact_network
from polyregions.network import Network

__all__ = [
    "DEGENERATE",
    "LOST",
    "OK",
    "FlatNetwork",
    "first_map",
    "flatten",
    "region_rows",
    "row_scratch",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

OK = 0
DEGENERATE = 1
LOST = -1.0

UNIT = 2.0**-53
TINY = 2.0**-1050  # above the total absolute error of the underflowing products of one row


class FlatNetwork(NamedTuple):
    """A network on a chart, flattened for kernels.

    ``zero_offsets``: every unit's row has offset exactly 0 in every region (no biases).
    ``dimension`` m is the number of chart coordinates; ``units`` N the number of
    bent units; ``size`` = N + q the number of rows of a region. ``first`` (m + 1, h_0)
    is the affine map of the first bending layer, ``first_error`` (h_0,) the sum over
    columns of its rounding errors. ``weights`` holds the transposed weights of the
    following layers, ``biases``, ``lower``, ``upper`` and ``bit`` (the row of a unit,
    -1 for pass-through) all units layer by layer. ``domain`` (m + 1, q) are the
    domain's rows, normalised, with errors ``domain_error``.
    """

    dimension: int
    units: int
    size: int
    bias_column: int
    zero_offsets: bool
    widths: Integers
    weight_starts: Integers
    weights: Floats
    biases: Floats
    lower: Floats
    upper: Floats
    bit: Integers
    first: Floats
    first_error: Floats
    domain: Floats
    domain_error: Floats


def flatten(network: Network, chart: Chart) -> FlatNetwork:
    """Return the flat form of a network on a chart."""
    bending = [i for i, layer in enumerate(network.layers) if layer.bends.any()]
    start = bending[0]
    layers = network.layers[: bending[-1] + 1]
    first, first_error, no_offsets = _first_layer(network, chart, start)
    rest = layers[start + 1 :]
    kept = layers[start:]
    m = chart.dimension
    bends = np.concatenate([layer.bends for layer in kept])
    bit = np.where(bends, np.cumsum(bends) - 1, -1)
    sizes = [layer.weight.size for layer in rest]
    domain, domain_error = _domain_rows(chart)
    return FlatNetwork(
        dimension=m,
        units=int(bends.sum()),
        size=int(bends.sum()) + domain.shape[1],
        bias_column=chart.weight_column,
        zero_offsets=no_offsets
        and (chart.homogeneous or not any(layer.bias.any() for layer in rest)),
        widths=np.array([len(layer.bias) for layer in kept], dtype=np.int64),
        weight_starts=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        weights=np.concatenate([np.zeros(0), *(layer.weight.T.ravel() for layer in rest)]),
        biases=np.concatenate([np.zeros(len(kept[0].bias)), *(layer.bias for layer in rest)]),
        lower=np.concatenate([layer.lower for layer in kept]),
        upper=np.concatenate([layer.upper for layer in kept]),
        bit=bit.astype(np.int64),
        first=first,
        first_error=first_error,
        domain=domain,
        domain_error=domain_error,
    )


def _first_layer(network: Network, chart: Chart, start: int) -> tuple[Floats, Floats, bool]:
    """Return the first bending layer on the chart, its errors, and whether offsets vanish."""
    layer = network.layers[start]
    stretch = _stretch(chart)
    if start == 0 and stretch is not None:
        # multiplying by powers of two is exact unless it leaves the range of floats
        scaled = layer.weight * stretch
        if np.isfinite(scaled).all() and np.array_equal(scaled / stretch, layer.weight):
            first = np.ascontiguousarray(np.vstack([scaled.T, layer.bias]))
            return first, np.zeros(len(layer.bias)), not layer.bias.any()
    table, scale = first_map(exact_network(network, chart, depth=start + 1), start)
    first, error = _rounded(table, scale)
    return first, error, not any(row[-1] for row in table)


def _stretch(chart: Chart) -> float | None:
    """Return r if the chart is x = r u for a power of two r, else None."""
    transform = chart.transform.tolist()
    last = transform[-1]
    if chart.weight_column != chart.dimension or len(transform) != len(last):
        return None
    first = transform[0][0]
    for i, row in enumerate(transform[:-1]):
        if any(entry != (first if i == j else 0) for j, entry in enumerate(row)):
            return None
    ratio = quotient(int(first), int(last[-1]))
    return ratio if 0 < ratio < np.inf and np.frexp(ratio)[0] == 0.5 else None


def first_map(exact: ExactNetwork, index: int) -> tuple[list[list[flint.fmpz]], int]:
    """Compose the chart with all layers up to number `index`, which bends first."""
    table = exact.chart.transform.tolist()
    n = len(table) - 1
    values, one = flint.fmpz_mat(table[:n]), table[n]
    scale = 1 if exact.chart.homogeneous else int(table[n][-1])
    rows: list[list[flint.fmpz]] = []
    for number, layer in enumerate(exact.layers[: index + 1]):
        rows = [
            [entry + shift * unit for entry, unit in zip(row, one, strict=True)]
            for row, shift in zip((layer.weight * values).tolist(), layer.bias, strict=True)
        ]
        scale *= layer.weight_scale
        if number < index:
            slopes = layer.upper
            rows = [[s * entry for entry in row] for row, s in zip(rows, slopes, strict=True)]
            factor = layer.weight_scale * layer.slope_scale
            one = [factor * unit for unit in one]
            values = flint.fmpz_mat(rows)
            scale *= layer.slope_scale
    return rows, scale


def _rounded(table: list[list[flint.fmpz]], scale: int) -> tuple[Floats, Floats]:
    """Divide integer rows by `scale`, each entry correctly rounded, and bound the errors."""
    pairs = [[_quotient_and_exactness(int(entry), scale) for entry in row] for row in table]
    values = np.array([[value for value, _ in row] for row in pairs]).T
    inexact = np.array([[not exact for _, exact in row] for row in pairs]).T
    with np.errstate(invalid="ignore"):
        error = (np.abs(values) * (UNIT * 1.01) + 2.0**-1074) * inexact
    return np.ascontiguousarray(values), error.sum(axis=0) * 1.01


def quotient(numerator: int, denominator: int) -> float:
    """Return the float nearest to a quotient of integers, infinite beyond the range."""
    try:
        return numerator / denominator
    except OverflowError:
        return float("inf") if numerator > 0 else float("-inf")


def _quotient_and_exactness(numerator: int, denominator: int) -> tuple[float, bool]:
    value = quotient(numerator, denominator)
    if not np.isfinite(value):
        return value, False
    top, bottom = value.as_integer_ratio()
    return value, top * denominator == numerator * bottom


def _domain_rows(chart: Chart) -> tuple[Floats, Floats]:
    """Normalise the domain's rows to unit length and bound their rounding error."""
    columns = []
    errors = []
    for row in chart.rows.tolist():
        peak = max(abs(int(entry)) for entry in row)
        values = np.array([int(entry) / peak for entry in row])
        length = float(np.sqrt((values[:-1] ** 2).sum()))
        values = values / length
        exact = len([entry for entry in row[:-1] if entry]) == 1 and peak == 1
        errors.append(0.0 if exact else float(np.abs(values).sum()) * (len(row) + 8) * UNIT)
        columns.append(values)
    return np.ascontiguousarray(np.array(columns).T), np.array(errors)


class RowScratch(NamedTuple):
    """Work arrays of `region_rows`: maps of two successive layers and their bounds."""

    maps: Floats
    next_maps: Floats
    error: Floats
    next_error: Floats
    size: Floats


def row_scratch(flat: FlatNetwork) -> RowScratch:
    """Allocate the work arrays of `region_rows`."""
    width = int(flat.widths.max())
    m = flat.dimension
    return RowScratch(
        np.zeros((m + 1, width)),
        np.zeros((m + 1, width)),
        np.zeros(width),
        np.zeros(width),
        np.zeros(width),
    )


@exact_order_kernel
def _layer_maps(weights, start, below, above, m, coefficients, work, out):
    """out[d, :] = sum over units k of below with a coefficient of W[:, k] * work[d, k]."""
    for d in range(m + 1):
        for i in range(above):
            out[d, i] = 0.0
    k = 0
    k0 = k1 = k2 = k3 = 0
    while k < below:
        # gather up to four units with non-zero slope: four multiply-adds per load and store
        count = 0
        while k < below and count < 4:
            if coefficients[k] != 0.0:
                k0, k1, k2, k3 = k1, k2, k3, k
                count += 1
            k += 1
        if count == 4:
            s0 = start + k0 * above
            s1 = start + k1 * above
            s2 = start + k2 * above
            s3 = start + k3 * above
            for d in range(m + 1):
                g0, g1, g2, g3 = work[d, k0], work[d, k1], work[d, k2], work[d, k3]
                for i in range(above):
                    out[d, i] += (
                        weights[s0 + i] * g0
                        + weights[s1 + i] * g1
                        + weights[s2 + i] * g2
                        + weights[s3 + i] * g3
                    )
        else:
            for _ in range(count):
                s3 = start + k3 * above
                for d in range(m + 1):
                    g3 = work[d, k3]
                    for i in range(above):
                        out[d, i] += weights[s3 + i] * g3
                k1, k2, k3 = k0, k1, k2


@exact_order_kernel
def region_rows(flat, bits, rows, errors, scratch):
    """Compute the normalised rows of a pattern's polytope and bound their errors.

    Parameters
    ----------
    flat : FlatNetwork
    bits : uint8 array, shape (N,)
    rows : float64 array, shape (m + 1, N + q), out
        Column i is row i, normals above the offset; unit normals, the pattern's side
        non-negative.
    errors : float64 array, shape (N + q,), out
        ``errors[i]`` bounds, for every u in [-1, 1]^m, the difference between the
        float value of row i at u and the exact value of (the same multiple of) the
        exact row, evaluation included.
    scratch : RowScratch

    Returns
    -------
    int
        OK, or DEGENERATE if some unit's row is lost in its rounding error: it may
        vanish identically. Such a row is written as the constant 1, with error LOST.

    Notes
    -----
    *Algorithm.* With V_k the bound on unit k's row (summed over columns, because
    |u| <= 1) and q_k = |g_k|_1 + |e_k|, a unit of the next layer has
    V = sum_k |w_k| (|slope_k| V_k + gamma |slope_k| q_k) + gamma |b|,
    gamma = (h + 8) 2^-53: Higham's bound for a sum of h products in any order.
    Constants such as 1.01 cover the rounding of the bound itself.
    """
    m = flat.dimension
    maps, next_maps = scratch.maps, scratch.next_maps
    error, next_error = scratch.error, scratch.next_error
    size = scratch.size
    width = flat.widths[0]
    for d in range(m + 1):
        for i in range(width):
            maps[d, i] = flat.first[d, i]
    for i in range(width):
        error[i] = flat.first_error[i]
    base = 0
    status = OK
    for layer in range(len(flat.widths)):
        width = flat.widths[layer]
        if layer > 0:
            below = flat.widths[layer - 1]
            under = base - below
            gamma = (below + 8) * (UNIT * 1.05)
            # slopes are applied to the maps of the layer below, in place
            for k in range(below):
                row = flat.bit[under + k]
                slope = flat.upper[under + k]
                if row >= 0 and bits[row] == 0:
                    slope = flat.lower[under + k]
                size[k] = slope
                if slope != 1.0 and slope != 0.0:
                    for d in range(m + 1):
                        maps[d, k] *= slope
                total = 0.0
                if slope != 0.0:
                    for d in range(m + 1):
                        total += abs(maps[d, k])
                error[k] = (error[k] + TINY) * abs(slope) + gamma * total + TINY
            start = flat.weight_starts[layer - 1]
            _layer_maps(flat.weights, start, below, width, m, size, maps, next_maps)
            for i in range(width):
                next_maps[flat.bias_column, i] += flat.biases[base + i]
                next_error[i] = gamma * abs(flat.biases[base + i]) + TINY
            for k in range(below):
                if size[k] != 0.0:
                    sk = start + k * width
                    ek = error[k] * 1.0001
                    for i in range(width):
                        next_error[i] += abs(flat.weights[sk + i]) * ek
            maps, next_maps = next_maps, maps
            error, next_error = next_error, error
        for i in range(width):
            row = flat.bit[base + i]
            if row < 0:
                continue
            square = 0.0
            total = 0.0
            for d in range(m):
                square += maps[d, i] * maps[d, i]
                total += abs(maps[d, i])
            shift = maps[m, i]
            sign = 1.0 if bits[row] else -1.0
            # a row shorter than this, or lost in its error, is not normalised;
            # the thresholds only choose the route, "constant" is then proven
            if square > 1e-280 and error[i] * error[i] < 1e-10 * square and square < 1e280:
                scale = sign / np.sqrt(square)
                for d in range(m):
                    rows[d, row] = maps[d, i] * scale
                rows[m, row] = shift * scale
                errors[row] = (
                    1.01
                    * (error[i] * abs(scale) + (m + 6) * UNIT * (total + abs(shift)) * abs(scale))
                    + TINY
                )
            elif sign * shift - (total + 2.0 * error[i] + TINY) * 1.01 > 0.0:
                for d in range(m):
                    rows[d, row] = 0.0
                rows[m, row] = 1.0
                errors[row] = 0.0
            else:
                for d in range(m):
                    rows[d, row] = 0.0
                rows[m, row] = 1.0
                errors[row] = LOST
                status = DEGENERATE
        base += width
    q = flat.size - flat.units
    for i in range(q):
        for d in range(m + 1):
            rows[d, flat.units + i] = flat.domain[d, i]
        offset = abs(flat.domain[m, i])
        errors[flat.units + i] = flat.domain_error[i] + (m + 6) * UNIT * (m + 1.0 + offset)
    return status
