from fractions import Fraction

import numpy as np
import pytest
from io_helpers import exact_forward, rationals

from polyregions.errors import NetworkError
from polyregions.io import blocks, lowering, signals
from polyregions.io.exact_floats import exact_product, exact_sum

TINY, HUGE = 5e-324, 1.7e308
NUMBERS = [0.0, -0.0, 1.0, -2.0, 0.1, 1 / 3, 2.0**-1074, TINY * 3, 1e-160, 1e160, HUGE, 2.0**1000]
NUMBERS += np.float64(np.float32(np.random.default_rng(0).normal(size=10))).tolist()


@pytest.mark.slow
@pytest.mark.parametrize("b", NUMBERS)
@pytest.mark.parametrize("a", NUMBERS)
def test_sums_and_products_are_exact_or_none(a, b):
    total = exact_sum(np.array([a]), np.array([b]))
    product = exact_product(np.array([a]), np.array([b]))
    if total is None:
        assert abs(a) + abs(b) > HUGE or Fraction(a) + Fraction(b) != Fraction(a + b)
    else:
        assert Fraction(float(total[0])) == Fraction(a) + Fraction(b)
    if product is not None:
        assert Fraction(float(product[0])) == Fraction(a) * Fraction(b)


def test_float32_products_always_merge():
    rng = np.random.default_rng(0)
    a, b = np.float64(np.float32(rng.normal(size=(2, 1000))))
    assert exact_product(a, b) is not None


def number(rng: np.random.Generator, shape: tuple[int, ...], kind: int) -> np.ndarray:
    match kind:
        case 0:
            return rng.integers(-3, 4, size=shape).astype(float)
        case 1:
            return rng.normal(size=shape).astype(np.float32).astype(float)
        case 2:
            return rng.normal(size=shape)
        case _:
            return 2.0 ** rng.integers(-3, 4, size=shape)


@pytest.mark.parametrize("seed", range(60))
def test_random_chains_equal_rational_arithmetic(seed):
    """Whatever is merged, the network is the same rational function."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 4))
    signal = signals.source((width,))
    point = rng.normal(size=width)
    values = rationals(point)
    for _ in range(int(rng.integers(3, 12))):
        operation, kind = rng.integers(7), int(rng.integers(4))
        if operation == 0:
            matrix = number(rng, (len(values), int(rng.integers(1, 4))), kind)
            signal = lowering.matmul_right(signal, matrix)
            rows = [rationals(column) for column in matrix.T]
            values = [sum(p * q for p, q in zip(row, values, strict=True)) for row in rows]
        elif operation in (1, 2):
            constant = number(rng, (len(values),), kind)
            signal = lowering.add(signal, constant)
            values = [p + q for p, q in zip(values, rationals(constant), strict=True)]
        elif operation == 3:
            constant = number(rng, (len(values),), kind)
            signal = lowering.multiply(signal, constant)
            values = [p * q for p, q in zip(values, rationals(constant), strict=True)]
        elif operation == 4:
            constant = number(rng, (len(values),), 3)
            signal = lowering.divide(signal, constant)
            values = [p / q for p, q in zip(values, rationals(constant), strict=True)]
        elif operation == 5:
            index = rng.integers(len(values), size=int(rng.integers(1, 4)))
            signal = signals.select(signal, index)
            values = [values[i] for i in index]
        else:
            signal = lowering.bend(signal, 0.0, 1.0)
            values = [max(value, Fraction(0)) for value in values]
    signal = lowering.bend(signal, -1.0, 1.0)
    network = signals.to_network(signal, "chain")
    assert exact_forward(network, rationals(point)) == [abs(value) for value in values]


def test_branches_do_not_disturb_each_other():
    trunk = lowering.matmul_right(signals.source((1, 2)), np.eye(2))
    shifted = lowering.add(trunk, np.ones(2))
    bent = lowering.bend(trunk, 0.0, 1.0)
    assert not trunk.layers[0].bias.any()
    assert shifted.layers[0].bias.all()
    assert bent.layers[0].bends.all()


def bent_often(times: int) -> None:
    signal = signals.source((2,))
    for _ in range(times):
        signal = lowering.bend(signal, 0.0, 1.0)
    signals.to_network(signal, "bent often")


def test_too_many_layers_and_weights_are_refused(monkeypatch):
    monkeypatch.setattr(blocks, "MAX_LAYERS", 3)
    with pytest.raises(NetworkError, match="more than 3 layers"):
        bent_often(5)
    monkeypatch.setattr(blocks, "MAX_LAYERS", 100)
    monkeypatch.setattr(blocks, "MAX_WEIGHTS", 10)
    with pytest.raises(NetworkError, match="more than the 10 weights and units"):
        bent_often(7)
    with pytest.raises(NetworkError, match="more than the 10 weights"):
        lowering.matmul_right(signals.source((11,)), np.ones((11, 1)))
    monkeypatch.setattr(blocks, "MAX_WEIGHTS", 14)
    # each block is small; what is carried past the layers is not
    x = signals.source((2,))
    bent = lowering.bend(signals.select(x, np.array([0])), 0.0, 1.0)
    for _ in range(3):
        bent = lowering.bend(bent, 0.0, 1.0)
    with pytest.raises(NetworkError, match=r"at most .* 14 weights"):
        signals.to_network(lowering.concatenate([bent, x], 0), "carried")


def test_a_chain_of_wide_layers_is_refused_while_it_grows(monkeypatch):
    monkeypatch.setattr(blocks, "MAX_WEIGHTS", 2**12)
    signal = signals.source((64,))
    # one weight and one unit per value and layer
    for _ in range(2**12 // 128):
        signal = lowering.bend(signal, 0.0, 1.0)
    with pytest.raises(NetworkError, match="weights and units allowed"):
        lowering.bend(signal, 0.0, 1.0)


def test_values_carried_past_too_many_layers_are_refused_before_the_work(monkeypatch):
    monkeypatch.setattr(blocks, "_MAX_CARRIED", 10)
    first = signal = lowering.bend(signals.source((1,)), 0.0, 1.0)
    for _ in range(12):
        signal = lowering.bend(signal, 0.0, 1.0)
    with pytest.raises(NetworkError, match="over 12 layers altogether"):
        signals.to_network(lowering.add_signals(signal, first), "long way")


def test_a_chain_is_laid_out_in_linear_time(monkeypatch):
    looked_at = []

    class Counting(list):
        def __iter__(self):
            return (looked_at.append(0) or block for block in super().__iter__())

    ordered = blocks._parents_first
    monkeypatch.setattr(blocks, "_parents_first", lambda result: Counting(ordered(result)))
    signal = signals.source((1,))
    for _ in range(500):
        signal = lowering.bend(signal, 0.0, 1.0)
    assert len(signals.to_network(signal, "chain").layers) == 501
    assert len(looked_at) < 10 * 501
