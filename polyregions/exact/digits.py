"""Integers of any size for kernels: balanced digits, lowest first, never rounded.

A number is the sum of its digits times powers of 2^28, along one axis of an array. It is *carried*
where every digit is in [-2^27, 2^27). Then its sign is that of the highest digit that is not zero,
and sums of up to 2^9 products of two digits fit into 64 bits: so products of numbers are added up
digit by digit, and carried once.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np

from polyregions.arrays import Floats, Integers
from polyregions.compiled import exact_order_kernel, inlined_exact_order_kernel

__all__ = [
    "DIGIT_BITS",
    "PRODUCTS_IN_A_SUM",
    "add_product",
    "approximate",
    "carry",
    "carry_all",
    "digits_needed",
    "floats_as_digits",
    "integers_as_digits",
    "length_of",
]

DIGIT_BITS = 28
HALF_A_DIGIT = 1 << (DIGIT_BITS - 1)
# a digit after a carry and so many products of two carried digits stay below 2^63
PRODUCTS_IN_A_SUM = 500


def digits_needed(bits: float) -> int:
    """Return how many digits hold every carried integer below 2^bits, and products as large.

    A carried number with digits up to number j is at least 2^(28 j) / 2.01 in size: so two digits,
    numbers i and j, of factors whose product is below 2^bits have i + j below this.
    """
    return int((bits + 4) // DIGIT_BITS) + 1


def integers_as_digits(numbers: Iterable[int], digits: int) -> Integers:
    """Return integers as carried digits, shape (digits, len(numbers)).

    Examples
    --------
    >>> integers_as_digits([5, -1, 2**27], 2).tolist()
    [[5, -1, -134217728], [0, 0, 1]]
    """
    values = list(numbers)
    table = np.zeros((digits, len(values)), dtype=np.int64)
    for i, value in enumerate(values):
        rest = int(value)
        for j in range(digits):
            # the remainder in [-2^27, 2^27), so that the rest is divided without a remainder
            low = (rest + HALF_A_DIGIT) % (2 * HALF_A_DIGIT) - HALF_A_DIGIT
            table[j, i] = low
            rest = (rest - low) >> DIGIT_BITS
        assert rest == 0
    return table


def floats_as_digits(values: Floats, exponent: int | Integers, digits: int) -> Integers:
    """Return floats times 2^exponent, integers, as carried digits, shape (digits, len(values)).

    Each may have an exponent of its own.

    Examples
    --------
    >>> floats_as_digits(np.array([2.5, -0.5, 2.0**40]), 1, 3).tolist()
    [[5, -1, 0], [0, 0, 8192], [0, 0, 0]]
    """
    fractions, exponents = np.frexp(values)
    mantissas = (fractions * 2.0**53).astype(np.int64)
    shifts = np.where(mantissas == 0, 0, exponents.astype(np.int64) - 53 + exponent)
    mantissas >>= np.minimum(np.maximum(-shifts, 0), 63)  # the bits that leave are zeros
    # 53 bits, shifted, reach into three digits
    places, shifts = np.divmod(np.maximum(shifts, 0), DIGIT_BITS)
    low = (mantissas + HALF_A_DIGIT) % (2 * HALF_A_DIGIT) - HALF_A_DIGIT
    table = np.zeros((digits + 2, len(values)), dtype=np.int64)
    columns = np.arange(len(values))
    table[places, columns] = low << shifts
    table[places + 1, columns] = (mantissas - low) >> DIGIT_BITS << shifts
    for j in range(digits + 1):
        over = (table[j] + HALF_A_DIGIT) >> DIGIT_BITS
        table[j] -= over << DIGIT_BITS
        table[j + 1] += over
    assert not table[digits:].any()
    return np.ascontiguousarray(table[:digits])


@inlined_exact_order_kernel
def carry(number, length):
    """Carry the digits of one number, shape (at least length,), in place; it must fit."""
    over = np.int64(0)
    for j in range(length):
        digit = number[j] + over
        over = (digit + HALF_A_DIGIT) >> DIGIT_BITS
        number[j] = digit - (over << DIGIT_BITS)


@inlined_exact_order_kernel
def carry_all(table, length, count):
    """Carry numbers side by side, shape (at least length, at least count), in place."""
    for j in range(length - 1):
        digits, above = table[j], table[j + 1]
        for i in range(count):
            over = (digits[i] + HALF_A_DIGIT) >> DIGIT_BITS
            digits[i] -= over << DIGIT_BITS
            above[i] += over


@inlined_exact_order_kernel
def length_of(number, length):
    """Return how many digits a carried number has without zeros in front: 0 if it is zero."""
    while length > 0 and number[length - 1] == 0:
        length -= 1
    return length


@inlined_exact_order_kernel
def add_product(one, one_length, other, other_length, sign, out):
    """Add a product of carried numbers, times 1 or -1, to digits that are not carried."""
    # no carry in between: the caller counts the products
    for i in range(one_length):
        digit = sign * one[i]
        if digit != 0:  # digits of floats are mostly zero
            for j in range(other_length):
                out[i + j] += digit * other[j]


@exact_order_kernel
def approximate(number, length, highest):
    """Return about ``number / 2**(28 * highest)``, for a carried number of `length` digits.

    The four highest digits are added, each sum rounded; what is left out is below 2^-83 of the
    number, whose highest digit is not zero. So the relative error is below 2^-50, unless the
    quotient underflows, which changes it by 2^-1073 at most.
    """
    total = 0.0
    unit = 1.0
    for j in range(length - 1, max(-1, length - 5), -1):
        total += np.float64(number[j]) * unit
        unit *= 1.0 / (1 << DIGIT_BITS)
    return math.ldexp(total, int(DIGIT_BITS * (length - 1 - highest)))
