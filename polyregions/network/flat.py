"""The network on a chart as flat float arrays with rounding bounds, for kernels.

`flatten` composes the chart with the first layer that bends in exact integers and
rounds each entry once; later layers keep the given floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import flint
import numpy as np
from scipy.sparse import csr_array

from polyregions.arrays import Floats, Integers
from polyregions.domain.chart import Chart
from polyregions.network.exact_network import ExactNetwork, exact_network
from polyregions.network.storage import WeightMatrix, stored
from polyregions.network.value_numbering import value_numbers
from polyregions.rounding import ROUNDOFF

if TYPE_CHECKING:
    from polyregions.network.network import Network

__all__ = [
    "FlatNetwork",
    "first_map",
    "flatten",
    "layer_matrix",
    "quotient",
    "with_matrices",
]


class FlatNetwork(NamedTuple):
    """A network on a chart, flattened for kernels.

    ``zero_offsets``: every unit's row has offset exactly 0 in every region (no biases).
    ``dimension`` m is the number of chart coordinates; ``units`` N the number of
    bent units; ``size`` = N + q the number of rows of a region. ``first`` (m + 1, h_0)
    is the affine map of the first bending layer, ``first_error`` (h_0,) the sum over
    columns of its rounding errors; ``first_numbers`` (h_0,) has equal numbers for equal
    rows. ``biases``, ``lower``, ``upper`` and ``bit`` (the row
    of a unit, -1 for pass-through) hold all units layer by layer; ``unit_of_row`` is the
    inverse of ``bit`` and ``row_ends[l]`` the number of rows of the layers up to l.
    ``domain`` (m + 1, q) are the domain's rows, normalised, with errors ``domain_error``.

    Weights are stored by the unit they come from: those of unit u into the layer above
    are ``weights[outgoing[u] : outgoing[u + 1]]``. In a dense layer they go to its units
    in turn; in a layer l with ``skipped[l] >= 0`` weight number t goes to unit
    ``targets[t - skipped[l]]``. ``terms[l]`` is the largest number of weights into a unit.
    """

    dimension: int
    units: int
    size: int
    bias_column: int
    zero_offsets: bool
    widths: Integers
    terms: Integers
    outgoing: Integers
    skipped: Integers
    targets: Integers
    weights: Floats
    biases: Floats
    lower: Floats
    upper: Floats
    bit: Integers
    unit_of_row: Integers
    row_ends: Integers
    first: Floats
    first_error: Floats
    first_numbers: Integers
    domain: Floats
    domain_error: Floats


def flatten(network: Network, chart: Chart) -> FlatNetwork:
    """Return the flat form of a network on a chart."""
    counts = [int(np.count_nonzero(layer.bends)) for layer in network.layers]
    bending = [i for i, count in enumerate(counts) if count]
    start, stop = bending[0], bending[-1] + 1
    layers = network.layers[:stop]
    first, first_error, numbers, no_offsets = _first_layer(network, chart, start)
    rest = layers[start + 1 :]
    kept = layers[start:]
    m = chart.dimension
    bends = np.concatenate([layer.bends for layer in kept])
    bit = np.where(bends, np.cumsum(bends) - 1, -1)
    domain, domain_error = _domain_rows(chart)
    flat = FlatNetwork(
        dimension=m,
        units=sum(counts),
        size=sum(counts) + domain.shape[1],
        bias_column=chart.weight_column,
        zero_offsets=no_offsets
        and (chart.homogeneous or not any(layer.bias.any() for layer in rest)),
        widths=np.array([len(layer.bias) for layer in kept], dtype=np.int64),
        terms=np.zeros(0, dtype=np.int64),
        outgoing=np.zeros(0, dtype=np.int64),
        skipped=np.zeros(0, dtype=np.int64),
        targets=np.zeros(0, dtype=np.int64),
        weights=np.zeros(0),
        biases=np.concatenate([np.zeros(len(kept[0].bias)), *(layer.bias for layer in rest)]),
        lower=np.concatenate([layer.lower for layer in kept]),
        upper=np.concatenate([layer.upper for layer in kept]),
        bit=bit.astype(np.int64),
        unit_of_row=np.flatnonzero(bends),
        row_ends=np.cumsum(counts[start:stop]),
        first=first,
        first_error=first_error,
        first_numbers=numbers,
        domain=domain,
        domain_error=domain_error,
    )
    return with_matrices(flat, [_transposed_matrix(layer.matrix) for layer in rest])


def _transposed_matrix(matrix: WeightMatrix) -> WeightMatrix:
    return matrix.T if isinstance(matrix, np.ndarray) else csr_array(matrix.T)


def with_matrices(flat: FlatNetwork, matrices: Sequence[WeightMatrix]) -> FlatNetwork:
    """Return a flat network with the given weights, one matrix (below, above) per layer."""
    targets: list[Integers] = []
    data: list[Floats] = []
    lengths: list[Integers] = []
    terms, skipped = [0], [-1]
    for matrix in map(stored, matrices):
        if isinstance(matrix, np.ndarray):
            below, above = matrix.shape
            terms.append(below)
            skipped.append(-1)
            lengths.append(np.full(below, above, dtype=np.int64))
            data.append(np.ascontiguousarray(matrix).ravel())
        else:
            terms.append(int(np.bincount(matrix.indices, minlength=1).max()))
            skipped.append(sum(len(d) for d in data) - sum(len(t) for t in targets))
            lengths.append(np.diff(matrix.indptr))
            targets.append(matrix.indices.astype(np.int64))
            data.append(matrix.data)
    lengths.append(np.zeros(int(flat.widths[-1]), dtype=np.int64))
    return flat._replace(
        terms=np.array(terms, dtype=np.int64),
        outgoing=np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64),
        skipped=np.array(skipped, dtype=np.int64),
        targets=np.concatenate([np.zeros(0), *targets]).astype(np.int64),
        weights=np.concatenate([np.zeros(0), *data]),
    )


def layer_matrix(flat: FlatNetwork, layer: int) -> WeightMatrix:
    """Return the weights into a layer (not the first), shape (below, above)."""
    under, base = int(flat.widths[: layer - 1].sum()), int(flat.widths[:layer].sum())
    below, above = base - under, int(flat.widths[layer])
    outgoing = flat.outgoing[under : base + 1]
    weights = flat.weights[outgoing[0] : outgoing[-1]]
    skipped = int(flat.skipped[layer])
    if skipped < 0:
        return weights.reshape(below, above)
    targets = flat.targets[outgoing[0] - skipped : outgoing[-1] - skipped]
    return csr_array((weights, targets, outgoing - outgoing[0]), shape=(below, above))


def _first_layer(
    network: Network, chart: Chart, start: int
) -> tuple[Floats, Floats, Integers, bool]:
    """Return the first bending layer on the chart: map, errors, numbers, and "no offsets"."""
    layer = network.layers[start]
    stretch = _stretch(chart)
    if start == 0 and stretch is not None:
        # multiplying by powers of two is exact unless it leaves the range of floats
        weight = layer.weight
        scaled = weight * stretch
        if np.isfinite(scaled).all() and (scaled / stretch == weight).all():
            first = np.ascontiguousarray(np.concatenate([scaled.T, layer.bias[None, :]])) + 0.0
            numbers = value_numbers(row.tobytes() for row in np.ascontiguousarray(first.T))
            return first, np.zeros(len(layer.bias)), numbers, not layer.bias.any()
    table, scale = first_map(exact_network(network, chart, depth=start + 1), start)
    first, error = _rounded_table(table, scale)
    numbers = value_numbers(tuple(map(int, row)) for row in table)
    return first, error, numbers, not any(row[-1] for row in table)


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


def _rounded_table(table: list[list[flint.fmpz]], scale: int) -> tuple[Floats, Floats]:
    """Divide integer rows by `scale`, each entry correctly rounded, and bound the errors."""
    pairs = [[_quotient_and_exactness(int(entry), scale) for entry in row] for row in table]
    values = np.array([[value for value, _ in row] for row in pairs]).T
    inexact = np.array([[not exact for _, exact in row] for row in pairs]).T
    with np.errstate(invalid="ignore"):
        error = (np.abs(values) * (ROUNDOFF * 1.01) + 2.0**-1074) * inexact
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
    table = [[int(entry) for entry in row] for row in chart.rows.tolist()]
    peaks = [max(map(abs, row)) for row in table]
    values = np.array([[e / peak for e in row] for row, peak in zip(table, peaks, strict=True)])
    values /= np.sqrt((values[:, :-1] ** 2).sum(axis=1))[:, None]
    errors = np.abs(values).sum(axis=1) * ((values.shape[1] + 8) * ROUNDOFF)
    # one coordinate of size 1: nothing was rounded
    alone = np.count_nonzero(values[:, :-1], axis=1) == 1
    errors[alone & (np.array(peaks) == 1)] = 0.0
    return np.ascontiguousarray(values.T), errors
