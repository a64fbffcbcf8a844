/*
 * The piecewise-affine function of a ReLU network on its @REGIONS@ regions.
 * Network: @NETWORK@. Written by polyregions @VERSION@.
 *
 *     int @NAME@_value(const double x[@INPUTS@], double y[@OUTPUTS@]);
 *     int @NAME@_region(const double x[@INPUTS@]);
 *
 * Both return the number of a region whose closure holds x, from 0 to @LAST@; or -1, and leave y
 * alone, where x is not in the closed domain (@DOMAIN@) or is not a number.
 * Where regions meet, all have the same value; the number is that of the region in which units
 * that are zero at x are off, if there is such a region.
 *
 * y is exact: the value of the network, whose parameters and inputs are doubles, as real numbers,
 * rounded once, to the nearest double, ties to even. It does not depend on the compiler.
 *
 * How: the tree of units is gone down from its root; each node asks whether one unit is positive.
 * A sum of doubles decides where it is larger than a bound on its rounding error, and elsewhere
 * an exact sum of integers. An output is such an exact sum, rounded.
 *
 * At most, in one call of @NAME@_value:
 *     @SIGNS@ signs (@DEPTH@ units@WALL_TEXT@) and @OUTPUTS@ outputs,
 *     @MULTIPLICATIONS@ multiplications and @ADDITIONS@ additions of doubles, for signs alone,
 *     @DIGIT_PRODUCTS@ multiplications of 32-bit integers: @SIGN_PRODUCTS@ for signs that doubles leave
 *     open, which is rare, and @OUTPUT_PRODUCTS@ for outputs, which is always;
 *     @LIBRARY_CALLS@ calls of frexp, and as many and @OUTPUTS@ of ldexp,
 *     @WORD_STEPS@ words of 32 bits set, added, subtracted or compared,
 *     @STACK@ bytes for one exact sum on the stack; no other memory, no recursion.
 * The tables take @BYTES@ bytes.
 *
 * C99, with <math.h> (-lm). double must be IEEE 754 binary64 with subnormal numbers, rounded to
 * nearest, so do not compile with -ffast-math. Several threads may call it at the same time.
 */
#include <float.h>
#include <math.h>
#include <stdint.h>

#if FLT_RADIX != 2 || DBL_MANT_DIG != 53 || DBL_MAX_EXP != 1024
#error "double is not IEEE 754 binary64"
#endif
#ifdef __FAST_MATH__
#error "compile without -ffast-math, which gives up the rules of rounding"
#endif

int @NAME@_value(const double x[@INPUTS@], double y[@OUTPUTS@]);
int @NAME@_region(const double x[@INPUTS@]);

enum {
    INPUTS = @INPUTS@,
    FREE = @FREE@, /* inputs that the domain does not fix */
    OUTPUTS = @OUTPUTS@,
    WALLS = @WALLS@, /* rows that are not negative in the domain */
    ROOT = @ROOT@,
    ROW_WORDS = @ROW_WORDS@, /* of an integer of a row */
    MAP_WORDS = @MAP_WORDS@, /* of an integer of a map */
    WORDS = @WORDS@, /* of an exact sum */
    LOWEST = @LOWEST@, /* every double is an integer below 2^53 times 2^e with e >= LOWEST */
    EXPONENT = @EXPONENT@ + LOWEST /* of the sum of an output: integers of maps are times 2^@EXPONENT@ */
};

/* Bounds the rounding error of a sign's sum: SLACK times the sum of sizes, plus TINY. */
static const double SLACK = @SLACK@, TINY = @TINY@;

@TABLES@
/* An exact sum: the difference of two integers times a power of two, lowest word first. */
typedef struct {
    uint32_t plus[WORDS], minus[WORDS];
} sum;

/* Add c * x. The highest bit of c, lowest word first, is its sign. */
static void add_product(sum *total, const uint32_t c[], int words, double x)
{
    int exponent, i, j;
    uint64_t mantissa = (uint64_t)ldexp(frexp(fabs(x), &exponent), 53);
    int place = exponent - 53 - LOWEST, shift = place % 32;
    uint32_t digits[3], *at;

    at = ((c[words - 1] >> 31 != 0) != (x < 0) ? total->minus : total->plus) + place / 32;
    digits[0] = (uint32_t)(mantissa << shift);
    digits[1] = (uint32_t)((mantissa << shift) >> 32);
    digits[2] = (uint32_t)((mantissa >> 32) >> (32 - shift));
    for (j = 0; j < 3; j++) {
        uint64_t carry = 0;
        for (i = 0; i < words; i++) {
            uint32_t digit = i < words - 1 ? c[i] : c[i] & 0x7fffffffu;
            carry += at[i + j] + (uint64_t)digits[j] * digit;
            at[i + j] = (uint32_t)carry;
            carry >>= 32;
        }
        for (i += j; carry != 0; i++) {
            carry += at[i];
            at[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
}

/* Return 1, 0 or -1: the sign of an exact sum. */
static int exact_sign(const sum *total)
{
    int i = WORDS - 1;

    while (i > 0 && total->plus[i] == total->minus[i])
        i--;
    return (total->plus[i] > total->minus[i]) - (total->plus[i] < total->minus[i]);
}

/* Return the sign of a row at the free inputs u, by an exact sum. */
static int exact_sign_of(int row, const double u[])
{
    sum total = {{0}, {0}};
    int i;

    for (i = 0; i < FREE; i++)
        add_product(&total, ROW[row][i], ROW_WORDS, u[i]);
    add_product(&total, ROW[row][FREE], ROW_WORDS, 1.0);
    return exact_sign(&total);
}

/* Return the sign of a row at the free inputs u. */
static int sign_of(int row, const double u[])
{
    double value = ROUNDED[row][FREE], size = fabs(value), error;
    int i;

    for (i = 0; i < FREE; i++) {
        double term = ROUNDED[row][i] * u[i];
        value += term;
        size += fabs(term);
    }
    error = SLACK * size + TINY;
    if (value > error)
        return 1;
    if (value < -error)
        return -1;
    return exact_sign_of(row, u);
}

/* Return the double nearest to an exact sum times 2^EXPONENT; the sum is lost. */
static double rounded(sum *total)
{
    int sign = exact_sign(total), least = -1074 - EXPONENT, i, top, cut;
    uint32_t *large = sign > 0 ? total->plus : total->minus;
    const uint32_t *small = sign > 0 ? total->minus : total->plus;
    uint64_t borrow = 0, mantissa;

    if (sign == 0)
        return 0.0;
    for (i = 0; i < WORDS; i++) {
        uint64_t word = (uint64_t)large[i] - small[i] - borrow;
        large[i] = (uint32_t)word;
        borrow = word >> 63;
    }
    for (i = WORDS - 1; large[i] == 0; i--)
        ;
    for (top = 32 * i + 31; (large[i] >> top % 32 & 1) == 0; top--)
        ;
    /* the bits below `cut` are rounded away: 53 stay, and none below the least double */
    cut = top - 52 > least ? top - 52 : least;
    if (cut < 0)
        cut = 0;
    if (cut > top + 1)
        return sign * 0.0;
    i = cut / 32;
    mantissa = (large[i] | (uint64_t)large[i + 1] << 32) >> cut % 32;
    if (cut % 32 != 0)
        mantissa |= (uint64_t)large[i + 2] << (64 - cut % 32);
    if (cut > 0) {
        int half = cut - 1;
        uint32_t rest = large[half / 32] & (((uint32_t)1 << half % 32) - 1);
        for (i = 0; i < half / 32; i++)
            rest |= large[i];
        if (large[half / 32] >> half % 32 & 1)
            mantissa += rest != 0 || (mantissa & 1);
    }
    return sign * ldexp((double)mantissa, cut + EXPONENT);
}

/* Write the free inputs to u, and return the number of a region that x is in, or -1. */
static int locate(const double x[], double u[])
{
    int i, row, node = ROOT;

    for (i = 0; i < INPUTS; i++)
        if (!(LOWER[i] <= x[i] && x[i] <= UPPER[i]))
            return -1;
    for (i = 0; i < FREE; i++)
        u[i] = x[FREE_INPUT[i]];
    for (row = 0; row < WALLS; row++)
        if (sign_of(row, u) < 0)
            return -1;
    while (node >= 0)
        node = NODE[node][sign_of(NODE[node][0], u) > 0 ? 2 : 1];
    return -1 - node;
}

int @NAME@_region(const double x[@INPUTS@])
{
    double u[FREE];

    return locate(x, u);
}

int @NAME@_value(const double x[@INPUTS@], double y[@OUTPUTS@])
{
    double u[FREE];
    int region = locate(x, u), i, k;

    if (region < 0)
        return -1;
    for (k = 0; k < OUTPUTS; k++) {
        sum total = {{0}, {0}};
        for (i = 0; i < FREE; i++)
            add_product(&total, MAP[region][k][i], MAP_WORDS, u[i]);
        add_product(&total, MAP[region][k][FREE], MAP_WORDS, 1.0);
        y[k] = rounded(&total);
    }
    return region;
}
