/* A glance at two vectors of floats, in single precision: enough to tell that most pairs miss a threshold,
 * in half the time or less of the sums that decide (distance.h). Where it says so, those sums say so too, at
 * every SIMD level; else it says nothing. Thresholds may be infinite. */
#ifndef LSHJOIN_GLANCE_H
#define LSHJOIN_GLANCE_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

/* Whether the cosine of x and y, of n coordinates, is certainly below `least`. */
bool glance_cosine_below(const float *x, const float *y, uint64_t n, double least, enum simd simd);

/* Whether their product is. */
bool glance_product_below(const float *x, const float *y, uint64_t n, double least, enum simd simd);

/* Whether the sum of their squared differences is certainly above `most`. */
bool glance_difference_above(const float *x, const float *y, uint64_t n, double most, enum simd simd);

#endif
