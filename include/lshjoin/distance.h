/* Products and distances of vectors, in double precision, the same to the last bit on every machine. */
#ifndef LSHJOIN_DISTANCE_H
#define LSHJOIN_DISTANCE_H

#include <stddef.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

/* Sums over the coordinates of two vectors. */
struct moments {
    double xy, xx, yy; /* of products, of squares */
};

/* x, y: n coordinates of `item` bytes (4: float, 8: double). Each sum runs in eight lanes (coordinate i in
 * lane i mod 8), which are then added in the order ((0+4)+(2+6)) + ((1+5)+(3+7)). */
struct moments vector_moments(const void *x, const void *y, uint64_t n, size_t item, enum simd simd);

/* The sum of squared differences, in the same order; or, as soon as a part of the coordinates gives more than
 * `most`, that part's. */
double vector_difference(const void *x, const void *y, uint64_t n, size_t item, double most, enum simd simd);

#endif
