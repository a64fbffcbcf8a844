"""One vocabulary: what is made of a constant is what the network of a signal computes there."""

from fractions import Fraction

import numpy as np
import pytest

from polyregions.errors import FormatError, NetworkError
from polyregions.errors import UnsupportedOperatorError as Unsupported
from polyregions.io import signals, values
from polyregions.io.lowering import bend
from polyregions.io.switches import Switch

OTHER = np.random.default_rng(0).integers(-8, 9, size=(2, 3)) / 4
MATRIX = np.random.default_rng(1).integers(-8, 9, size=(3, 2)) / 4

OPERATIONS = {
    "sum": lambda x: values.added(x, OTHER),
    "sum with a row": lambda x: values.added(OTHER[:1], x),
    "difference": lambda x: values.added(OTHER, x, -1.0),
    "product with numbers": lambda x: values.multiplied(OTHER, x),
    "product with truth values": lambda x: values.multiplied(x, OTHER > 0),
    "sum with truth values": lambda x: values.added(OTHER > 0, x, -1.0),
    "quotient": lambda x: values.divided(x, np.array([2.0, 0.25, -1.0])),
    "product": lambda x: values.product(x, MATRIX),
    "product from the left": lambda x: values.product(MATRIX, x),
    "product with a stack": lambda x: values.product(x, np.stack([MATRIX, 2 * MATRIX])),
    "total": lambda x: values.total_over(x, (1,), keep=True),
    "mean": lambda x: values.mean_over(x, (0,), keep=False),
    "relu": lambda x: values.bent(x, 0.0, 1.0),
    "slopes": lambda x: values.bent(x, np.array([0.5, -1.0, 2.0]), 0.25),
    "clipped": lambda x: values.clipped(x, -0.5, 1.0),
    "clipped above": lambda x: values.clipped(x, None, np.float32(0.5)),
    "clipped by itself": lambda x: values.clipped(OTHER, x, values.added(x, 1.0)),
    "greatest": lambda x: values.greatest([x, OTHER, 0.0]),
    "least": lambda x: values.least([OTHER, x]),
    "largest of rows": lambda x: values.extreme_over(x, (1,), keep=False, largest=True),
    "smallest of columns": lambda x: values.extreme_over(x, (0,), keep=True, largest=False),
    "where": lambda x: values.chosen(OTHER > 0, x, values.multiplied(x, 0.5)),
    "where positive": lambda x: values.chosen(values.compared(np.greater, x, 0.0), x, 0.0),
    "where less": lambda x: values.multiplied(
        values.compared(np.less, x, OTHER), values.added(x, OTHER, -1.0)
    ),
    "where not": lambda x: values.chosen(
        values.opposite(values.compared(np.less_equal, x, OTHER)), x, OTHER
    ),
    "joined": lambda x: values.joined([x, OTHER, x], 1),
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("seed", range(3))
def test_of_a_constant_is_what_the_network_computes(name, seed):
    point = np.random.default_rng(seed).integers(-8, 9, size=(2, 3)) / 4
    expected = OPERATIONS[name](point)
    # x = relu(x) - relu(-x), so that there is a unit that bends
    x = signals.source((2, 3))
    x = values.added(bend(x, 0.0, 1.0), bend(values.multiplied(x, -1.0), 0.0, 1.0), -1.0)
    result = OPERATIONS[name](x)
    assert result.shape == expected.shape
    network = signals.to_network(result, name)
    assert network.forward(point.ravel()).tolist() == expected.ravel().tolist()


def test_integers_stay_integers_and_quotients_do_not():
    a, b = np.array([3, -4]), np.array([2, 8])
    for result in (values.added(a, b), values.multiplied(a, b), values.bent(a, 0, 1)):
        assert result.dtype == np.int64
    quotient = values.divided(a, b)
    assert [Fraction(entry) for entry in quotient] == [Fraction(3, 2), Fraction(-1, 2)]


@pytest.mark.parametrize(
    ("operation", "error", "message"),
    [
        (lambda x: values.added(np.array(1.0), np.array(1e-30)), Unsupported, "would be rounded"),
        (lambda x: values.bent(np.array(0.1), 0.0, 0.1), Unsupported, "would be rounded"),
        (lambda x: values.multiplied(x, x), Unsupported, "both inputs depend"),
        (lambda x: values.divided(1.0, x), Unsupported, "divides by a value"),
        (lambda x: values.divided(np.ones(2), np.zeros(2)), NetworkError, "has a zero"),
        (lambda x: values.added(Switch(x), 1.0), Unsupported, "comparison, which may only choose"),
        (lambda x: values.chosen(x, 1.0, 2.0), Unsupported, "no comparison"),
        (values.opposite, Unsupported, "only comparisons"),
        (lambda x: values.constant_of(None, "its size"), Unsupported, "its size is missing"),
        (lambda x: values.signal_of(1.0), Unsupported, "are constants"),
        (
            lambda x: values.added(np.zeros((2**11, 1)), np.zeros(2**11)),
            FormatError,
            "4194304 entries, which is too large",
        ),
        (
            lambda x: values.compared(np.less, np.zeros((2**11, 1)), np.zeros(2**11)),
            FormatError,
            "too large",
        ),
        (lambda x: values.joined([np.zeros(2**19)] * 3, 0), FormatError, "too large"),
    ],
)
def test_refuses(operation, error, message):
    with pytest.raises(error, match=message):
        operation(signals.source((2,)))
