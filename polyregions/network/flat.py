"""The network on a chart as flat float arrays with rounding bounds, for kernels.

`flatten` composes the chart with the first layer that bends in exact integers and
rounds each entry once; later layers keep the given floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from math import frexp, isfinite
from typing import TYPE_CHECKING, Any, NamedTuple

import flint
import numpy as np
from numpy.typing import NDArray

from polyregions.arrays import Floats, Integers
from polyregions.domain.chart import Chart
from polyregions.network.exact_network import ExactNetwork, exact_network
from polyregions.network.storage import WeightMatrix, is_small, stored
from polyregions.network.value_numbering import value_numbers
from polyregions.rounding import ROUNDOFF

if TYPE_CHECKING:
    from polyregions.network.network import Network

__all__ = [
    "FlatNetwork",
    "dense_places",
    "first_map",
    "flatten",
    "layer_matrix",
    "quotient",
    "stretched_rows",
    "with_matrices",
]

_NOTHING: Integers = np.zeros(0, dtype=np.int64)

# A hint: a chart moves each coordinate by itself, so with many inputs its matrix is mostly zeros.
_MANY_INPUTS_HINT = 32

# A hint: products and quotients of such numbers are far from the ends of the range of floats;
# others are multiplied exactly.
_SPLIT_RANGE = 1e-100, 1e100


class FlatNetwork(NamedTuple):
    """A network on a chart, flattened for kernels.

    ``zero_offsets``: every unit's row has offset exactly 0 in every region (no biases).
    ``dimension`` m is the number of chart coordinates; ``units`` N the number of
    bent units; ``size`` = N + q the number of rows of a region. ``first`` (m + 1, h_0)
    is the affine map of the first bending layer, ``first_error`` (h_0,) the sum over
    columns of its rounding errors; ``first_numbers`` (h_0,) has for each row the number of
    the first one that equals it. ``biases``, ``lower``, ``upper`` and ``bit`` (the row
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


class _Form(NamedTuple):
    """What the slopes of a network's layers say, whatever its weights.

    The layers from the first that bends to the last are those from `start` up to `stop`; the
    fields up to ``row_ends`` are theirs, and go by the names that a `FlatNetwork` gives them.
    """

    start: int
    stop: int
    units: int
    widths: Integers
    lower: Floats
    upper: Floats
    bit: Integers
    unit_of_row: Integers
    row_ends: Integers


def _form_of(slopes: Sequence[tuple[bytes, bytes]]) -> _Form:
    """Return the form of layers with these lower and upper slopes."""
    ends = [(np.frombuffer(lower), np.frombuffer(upper)) for lower, upper in slopes]
    counts = [int(np.count_nonzero(lower != upper)) for lower, upper in ends]
    bending = [i for i, count in enumerate(counts) if count]
    start, stop = bending[0], bending[-1] + 1
    lower, upper = (np.concatenate(side) for side in zip(*ends[start:stop], strict=True))
    bends = lower != upper
    return _Form(
        start=start,
        stop=stop,
        units=sum(counts),
        widths=np.array([len(side) for side, _ in ends[start:stop]], dtype=np.int64),
        lower=lower,
        upper=upper,
        bit=np.where(bends, np.cumsum(bends) - 1, -1).astype(np.int64),
        unit_of_row=np.flatnonzero(bends),
        row_ends=np.cumsum(counts[start:stop]),
    )


_kept_form_of = lru_cache(maxsize=64)(_form_of)


def flatten(network: Network, chart: Chart) -> FlatNetwork:
    """Return the flat form of a network on a chart."""
    slopes = tuple((layer.lower.tobytes(), layer.upper.tobytes()) for layer in network.layers)
    # many small networks have one form; a large one is not worth its memory
    small = is_small(sum(len(layer.bias) for layer in network.layers))
    form = _kept_form_of(slopes) if small else _form_of(slopes)
    layers = network.layers[: form.stop]
    first, first_error, numbers, no_offsets = _first_layer(network, chart, form.start)
    rest = layers[form.start + 1 :]
    domain, domain_error = chart.float_rows
    flat = FlatNetwork(
        dimension=chart.dimension,
        units=form.units,
        size=form.units + domain.shape[1],
        bias_column=chart.weight_column,
        zero_offsets=no_offsets
        and (chart.homogeneous or not any(layer.bias.any() for layer in rest)),
        widths=form.widths,
        terms=_NOTHING,
        outgoing=_NOTHING,
        skipped=_NOTHING,
        targets=_NOTHING,
        weights=np.zeros(0),
        biases=np.concatenate([np.zeros(form.widths[0]), *(layer.bias for layer in rest)]),
        lower=form.lower,
        upper=form.upper,
        bit=form.bit,
        unit_of_row=form.unit_of_row,
        row_ends=form.row_ends,
        first=first,
        first_error=first_error,
        first_numbers=numbers,
        domain=domain,
        domain_error=domain_error,
    )
    return with_matrices(flat, [_transposed_matrix(layer.matrix) for layer in rest])


def _transposed_matrix(matrix: WeightMatrix) -> WeightMatrix:
    return matrix.T if isinstance(matrix, np.ndarray) else matrix.T.tocsr()


class _Places(NamedTuple):
    """Where the weights of dense layers are; see `FlatNetwork`."""

    terms: Integers
    outgoing: Integers
    skipped: Integers
    targets: Integers


@lru_cache(maxsize=64)
def dense_places(widths: bytes) -> _Places:
    """Return where the weights are between dense layers of these widths (of type int64)."""
    sizes = np.frombuffer(widths, dtype=np.int64)
    lengths = np.repeat(np.append(sizes[1:], 0), sizes)
    return _Places(
        terms=np.concatenate([[0], sizes[:-1]]),
        outgoing=np.concatenate([[0], np.cumsum(lengths)]),
        skipped=np.full(len(sizes), -1),
        targets=_NOTHING,
    )


def with_matrices(flat: FlatNetwork, matrices: Sequence[WeightMatrix]) -> FlatNetwork:
    """Return a flat network with the given weights, one matrix (below, above) per layer."""
    kept = [stored(matrix) for matrix in matrices]
    dense = [np.ascontiguousarray(m).ravel() for m in kept if isinstance(m, np.ndarray)]
    if len(dense) == len(kept):
        weights = np.concatenate(dense) if dense else np.zeros(0)
        return flat._replace(weights=weights, **dense_places(flat.widths.tobytes())._asdict())
    targets: list[Integers] = []
    data: list[Floats] = []
    lengths: list[Integers] = []
    terms, skipped = [0], [-1]
    for matrix in kept:
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
        targets=np.concatenate(targets),
        weights=np.concatenate(data),
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
    from scipy.sparse import csr_array

    return csr_array((weights, targets, outgoing - outgoing[0]), shape=(below, above))


def _first_layer(
    network: Network, chart: Chart, start: int
) -> tuple[Floats, Floats, Integers, bool]:
    """Return the first bending layer on the chart: map, errors, numbers, and "no offsets"."""
    layer = network.layers[start]
    if start == 0:
        stretched = stretched_rows(layer.weight, layer.bias, chart)
        if stretched is not None:
            # rows with biases of their own differ
            numbers = np.arange(len(layer.bias))
            if len(set(layer.bias.tolist())) < len(layer.bias):
                # adding zero makes -0.0 and 0.0 the same bytes
                rows = np.column_stack([layer.weight, layer.bias]) + 0.0
                numbers = value_numbers(row.tobytes() for row in rows)
            return *stretched, numbers, chart.homogeneous or not layer.bias.any()
    table, scale = first_map(exact_network(network, chart, depth=start + 1), start)
    first, error = _rounded_table(table, scale)
    numbers = value_numbers(tuple(map(int, row)) for row in table)
    return first, error, numbers, not any(row[-1] for row in table)


def stretched_rows(weight: Floats, bias: Floats, chart: Chart) -> tuple[Floats, Floats] | None:
    """Return first layers on a chart that only scales, or None where it takes exact integers.

    Parameters
    ----------
    weight : numpy.ndarray, shape (..., h, n)
    bias : numpy.ndarray, shape (..., h)
    chart : Chart

    Returns
    -------
    first, error : numpy.ndarray, shapes (..., m + 1, h) and (..., h)
        Each entry correctly rounded, and bounds on the errors of each row; see `FlatNetwork`.

    Examples
    --------
    >>> from polyregions.domain.chart import chart_of
    >>> from polyregions.domain import Box
    >>> chart = chart_of(Box.cube(2, 4.0), 2)
    >>> stretched_rows(np.array([[1.0, 2.0]]), np.array([0.5]), chart)[0].ravel().tolist()
    [4.0, 8.0, 0.5]
    """
    stretch = chart.stretch
    if stretch is None:
        return None
    with np.errstate(over="ignore", under="ignore"):
        scaled = weight * stretch
    if frexp(stretch)[0] == 0.5:
        # multiplying by powers of two is exact unless it leaves the range of floats
        # of what is infinite the quotient is no number of the network's
        if not (scaled / stretch == weight).all():
            return None
        error = np.zeros(bias.shape)
    else:
        size = np.abs(scaled[scaled != 0.0])
        smallest, largest = _SPLIT_RANGE
        if np.count_nonzero(scaled) < np.count_nonzero(weight) or not (
            (size > smallest).all() and (size < largest).all() and smallest < stretch < largest
        ):
            return None
        inexact = _rounding_of_product(weight, stretch, scaled) != 0.0
        error = _rounding_errors(scaled, inexact).sum(axis=-1) * 1.01
    columns = [np.swapaxes(scaled, -1, -2), bias[..., None, :]]
    if chart.homogeneous:
        columns.append(np.zeros((*bias.shape[:-1], 1, bias.shape[-1])))
    # adding zero lays the rows out in order, too
    return np.add(np.concatenate(columns, axis=-2), 0.0, order="C"), error


def _rounding_of_product(values: Floats, factor: float, products: Floats) -> Floats:
    """Return what rounding took from products, exactly (Dekker 1971, Veltkamp's splitting)."""
    big = values * (2.0**27 + 1.0)
    high = big - (big - values)
    low = values - high
    big_factor = factor * (2.0**27 + 1.0)
    high_factor = big_factor - (big_factor - factor)
    low_factor = factor - high_factor
    rest = ((high * high_factor - products) + high * low_factor) + low * high_factor
    return np.asarray(rest + low * low_factor)


def first_map(exact: ExactNetwork, index: int) -> tuple[list[list[flint.fmpz]], int]:
    """Compose the chart with all layers up to number `index`, which bends first."""
    table = exact.chart.transform.tolist()
    n = len(table) - 1
    values: flint.fmpz_mat | list[list[flint.fmpz]] = table[:n]
    if n < _MANY_INPUTS_HINT or not isinstance(exact.layers[0].weight, flint.fmpz_mat):
        values = flint.fmpz_mat(table[:n])
    one = table[n]
    scale = 1 if exact.chart.homogeneous else int(table[n][-1])
    rows: list[list[flint.fmpz]] = []
    for number, layer in enumerate(exact.layers[: index + 1]):
        rows = [
            [entry + shift * unit for entry, unit in zip(row, one, strict=True)]
            for row, shift in zip(_product(layer.weight, values), layer.bias, strict=True)
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


def _product(weight: Any, values: flint.fmpz_mat | list[list[flint.fmpz]]) -> list[Any]:
    """Return the rows of a product; the factor that comes as a list is mostly zeros."""
    if isinstance(values, flint.fmpz_mat):
        return list((weight * values).tolist())
    zero = flint.fmpz(0)
    columns = len(values[0])
    places = [[(j, row[j]) for j in compress(range(columns), row)] for row in values]
    rows = []
    for weights in weight.tolist():
        total = [zero] * columns
        for w, some in zip(weights, places, strict=True):
            if w:
                for j, entry in some:
                    total[j] += w * entry
        rows.append(total)
    return rows


def _rounded_table(table: list[list[flint.fmpz]], scale: int) -> tuple[Floats, Floats]:
    """Divide integer rows by `scale`, each entry correctly rounded, and bound the errors."""
    pairs = [[_quotient_and_exactness(int(entry), scale) for entry in row] for row in table]
    values = np.array([[value for value, _ in row] for row in pairs]).T
    inexact = np.array([[not exact for _, exact in row] for row in pairs]).T
    return np.ascontiguousarray(values), _rounding_errors(values, inexact).sum(axis=0) * 1.01


def _rounding_errors(values: Floats, inexact: NDArray[np.bool_]) -> Floats:
    """Bound the errors of correctly rounded numbers; those that are exact have none."""
    with np.errstate(invalid="ignore"):
        return np.asarray((np.abs(values) * (ROUNDOFF * 1.01) + 2.0**-1074) * inexact)


def quotient(numerator: int, denominator: int) -> float:
    """Return the float nearest to a quotient of integers, infinite beyond the range."""
    try:
        return numerator / denominator
    except OverflowError:
        return float("inf") if numerator > 0 else float("-inf")


def _quotient_and_exactness(numerator: int, denominator: int) -> tuple[float, bool]:
    value = quotient(numerator, denominator)
    if not isfinite(value):
        return value, False
    top, bottom = value.as_integer_ratio()
    return value, top * denominator == numerator * bottom
