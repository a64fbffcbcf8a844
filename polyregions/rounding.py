"""The two constants of every bound on rounding errors."""

__all__ = ["ROUNDOFF", "TINY"]

ROUNDOFF = 2.0**-53  # the unit roundoff: relative error of one float operation
# Above the absolute error of all products of one row that underflow: each loses at most
# 2**-1075, and no row has 2**30 products. The sums of a bound that underflow are below it, too.
TINY = 2.0**-1040
