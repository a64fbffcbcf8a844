"""The table of closed forms in the literature."""

from fractions import Fraction

import pytest

from polyregions.theory import bounds

# n_0, widths: 2^N, Montúfar 17, Serra 18, Pascanu 13, Montúfar 14, Serra 18 lower
TABLE = [
    (1, (4, 4, 4), 4096, 125, 125, 80, 80, 125),
    (2, (4, 4), 256, 121, 121, 22, 44, None),
    (2, (8, 8), 65536, 1369, 1369, 148, 592, 925),
    (3, (9, 9), 262144, 16900, 16900, 390, 3510, 8320),
    (10, (8, 8), 65536, 65536, 39203, None, None, None),
    (784, (12, 10), 2**22, 4194304, 3096514, None, None, None),
]


@pytest.mark.parametrize("line", TABLE, ids=lambda line: f"{line[0]}-{line[1]}")
def test_table(line):
    n, widths, *expected = line
    functions = (
        bounds.montufar_2014,
        bounds.montufar_2017,
        bounds.serra_2018,
        bounds.pascanu_2013_lower,
        bounds.montufar_2014_lower,
        bounds.serra_2018_lower,
    )
    assert [function(n, widths) for function in functions] == expected


@pytest.mark.parametrize("n", range(1, 6))
@pytest.mark.parametrize("widths", [(3,), (5, 4), (6, 2, 6), (15, 15, 15)])
def test_bounds_are_in_order(n, widths):
    upper = [bounds.serra_2018(n, widths), bounds.montufar_2017(n, widths)]
    assert upper == sorted(upper)
    assert upper[-1] <= bounds.montufar_2014(n, widths)
    lower = [bounds.pascanu_2013_lower(n, widths), bounds.montufar_2014_lower(n, widths)]
    lower.append(bounds.serra_2018_lower(n, widths))
    known = [bound for bound in lower if bound is not None]
    assert known == sorted(known)
    assert all(bound <= upper[0] for bound in known)


def test_one_hidden_layer_is_zaslavsky():
    for m in range(8):
        for n in range(1, 6):
            assert bounds.zaslavsky(m, n) == bounds.serra_2018(n, (m,))
    assert bounds.zaslavsky(5, 7) == 2**5


def test_recursions_of_arrangements():
    for m in range(2, 9):
        for n in range(1, 6):
            # adding a hyperplane adds the regions of its trace
            before, trace = bounds.zaslavsky(m - 1, n), bounds.zaslavsky(m - 1, n - 1)
            assert bounds.zaslavsky(m, n) == before + trace
            assert bounds.central_regions(m, n) == 2 * bounds.zaslavsky(m - 1, n - 1)
            # a hyperplane cuts off as many bounded regions as its trace has, and opens none
            if m > 2 and n > 1:
                bounded = bounds.zaslavsky_bounded(m - 1, n)
                assert bounds.zaslavsky_bounded(m, n) == bounded + bounds.zaslavsky_bounded(
                    m - 1, n - 1
                )


def test_scale_is_exact():
    assert bounds.hanin_rolnick_scale(7, 3) == Fraction(343, 6)
    assert bounds.hanin_rolnick_scale(10**6, 20).denominator > 1
