"""One vocabulary: what is made of a constant is what the network of a signal computes there."""

from fractions import Fraction

import numpy as np
import pytest

from polyregions.errors import FormatError, NetworkError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import algebra, signals
from polyregions.io.comparisons import Switch
from polyregions.io.lowering import bend

OTHER = np.random.default_rng(0).integers(-8, 9, size=(2, 3)) / 4
MATRIX = np.random.default_rng(1).integers(-8, 9, size=(3, 2)) / 4

OPERATIONS = {
    "sum": lambda x: algebra.added(x, OTHER),
    "sum with a row": lambda x: algebra.added(OTHER[:1], x),
    "difference": lambda x: algebra.added(OTHER, x, -1.0),
    "product with numbers": lambda x: algebra.multiplied(OTHER, x),
    "product with truth values": lambda x: algebra.multiplied(x, OTHER > 0),
    "sum with truth values": lambda x: algebra.added(OTHER > 0, x, -1.0),
    "quotient": lambda x: algebra.divided(x, np.array([2.0, 0.25, -1.0])),
    "product": lambda x: algebra.product(x, MATRIX),
    "product from the left": lambda x: algebra.product(MATRIX, x),
    "product with a stack": lambda x: algebra.product(x, np.stack([MATRIX, 2 * MATRIX])),
    "total": lambda x: algebra.total_over(x, (1,), keep=True),
    "mean": lambda x: algebra.mean_over(x, (0,), keep=False),
    "relu": lambda x: algebra.bent(x, 0.0, 1.0),
    "slopes": lambda x: algebra.bent(x, np.array([0.5, -1.0, 2.0]), 0.25),
    "clipped": lambda x: algebra.clipped(x, -0.5, 1.0),
    "clipped above": lambda x: algebra.clipped(x, None, np.float32(0.5)),
    "clipped by itself": lambda x: algebra.clipped(OTHER, x, algebra.added(x, 1.0)),
    "greatest": lambda x: algebra.greatest([x, OTHER, 0.0]),
    "least": lambda x: algebra.least([OTHER, x]),
    "largest of rows": lambda x: algebra.extreme_over(x, (1,), keep=False, largest=True),
    "smallest of columns": lambda x: algebra.extreme_over(x, (0,), keep=True, largest=False),
    "where": lambda x: algebra.chosen(OTHER > 0, x, algebra.multiplied(x, 0.5)),
    "where positive": lambda x: algebra.chosen(algebra.compared(np.greater, x, 0.0), x, 0.0),
    "where less": lambda x: algebra.multiplied(
        algebra.compared(np.less, x, OTHER), algebra.added(x, OTHER, -1.0)
    ),
    "where not": lambda x: algebra.chosen(
        algebra.opposite(algebra.compared(np.less_equal, x, OTHER)), x, OTHER
    ),
    "joined": lambda x: algebra.joined([x, OTHER, x], 1),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_of_a_constant_is_what_the_network_computes(name, seed):
    point = np.random.default_rng(seed).integers(-8, 9, size=(2, 3)) / 4
    expected = OPERATIONS[name](point)
    # x = relu(x) - relu(-x), so that there is a unit that bends
    x = signals.source((2, 3))
    x = algebra.added(bend(x, 0.0, 1.0), bend(algebra.multiplied(x, -1.0), 0.0, 1.0), -1.0)
    result = OPERATIONS[name](x)
    assert result.shape == expected.shape
    network = signals.to_network(result, name)
    assert network.forward(point.ravel()).tolist() == expected.ravel().tolist()


def test_integers_stay_integers_and_quotients_do_not():
    a, b = np.array([3, -4]), np.array([2, 8])
    for result in (algebra.added(a, b), algebra.multiplied(a, b), algebra.bent(a, 0, 1)):
        assert result.dtype == np.int64
    quotient = algebra.divided(a, b)
    assert [Fraction(entry) for entry in quotient] == [Fraction(3, 2), Fraction(-1, 2)]


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        (lambda x: algebra.added(np.array(1.0), np.array(1e-30)), Unsupported, "would be rounded"),
        (lambda x: algebra.bent(np.array(0.1), 0.0, 0.1), Unsupported, "would be rounded"),
        (lambda x: algebra.multiplied(x, x), Unsupported, "both inputs depend"),
        (lambda x: algebra.divided(1.0, x), Unsupported, "divides by a value"),
        (lambda x: algebra.divided(np.ones(2), np.zeros(2)), NetworkError, "has a zero"),
        (lambda x: algebra.added(Switch(x), 1.0), Unsupported, "comparison, which may only choose"),
        (lambda x: algebra.chosen(x, 1.0, 2.0), Unsupported, "no comparison"),
        (algebra.opposite, Unsupported, "only comparisons"),
        (lambda x: algebra.constant_of(None, "its size"), Unsupported, "its size is missing"),
        (lambda x: algebra.signal_of(1.0), Unsupported, "are constants"),
        (
            lambda x: algebra.added(np.zeros((2**11, 1)), np.zeros(2**11)),
            FormatError,
            "4194304 entries, which is too large",
        ),
        (
            lambda x: algebra.compared(np.less, np.zeros((2**11, 1)), np.zeros(2**11)),
            FormatError,
            "too large",
        ),
        (lambda x: algebra.joined([np.zeros(2**19)] * 3, 0), FormatError, "too large"),
    ],
)
def test_refuses(operation, error, message):
    with pytest.raises(error, match=message):
        operation(signals.source((2,)))
