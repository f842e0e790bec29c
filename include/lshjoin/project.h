/* Random projections: a vector's products with m directions whose coordinates are independent standard normal
 * numbers. */
#ifndef LSHJOIN_PROJECT_H
#define LSHJOIN_PROJECT_H

#include <stddef.h>
#include <stdint.h>

#include "lshjoin/product.h"

enum { PROJECT_PANEL = PRODUCT_PANEL }; /* directions that are worked on together */

struct project {
    uint32_t m;     /* directions */
    uint64_t width; /* coordinates */
    float *panel;   /* [m / PROJECT_PANEL rounded up][width][PROJECT_PANEL] */
    enum simd simd;
};

/* m directions drawn from the seed; direction k depends on seed, k and width alone. Free with project_free.
 */
struct project project_create(uint32_t m, uint64_t width, uint64_t seed, enum simd simd);
/* Directions [first, first + m) of those that the seed draws. */
struct project project_part(uint32_t first, uint32_t m, uint64_t width, uint64_t seed, enum simd simd);
void project_free(struct project *p);

/* out[n][m rounded up to PROJECT_PANEL, what is beyond m being rubbish] of the vectors x[n][width]. Each
 * product is one chain of fused multiply-adds over the coordinates in order, in single precision, so its bits
 * do not depend on n, on the place of the row, or on the SIMD level. */
void project_rows(const struct project *p, const float *x, uint64_t n, float *out);

static inline uint64_t project_stride(const struct project *p) {
    return ((uint64_t)p->m + PROJECT_PANEL - 1) / PROJECT_PANEL * PROJECT_PANEL;
}

/* A stream of random numbers that is the same on every machine: no function of libm has a part in it. */
struct random {
    uint64_t state;
};
double random_uniform(struct random *r); /* in (0, 1), a multiple of 2^-53 (plus half of it) */
double
random_normal(struct random *r); /* standard normal: Marsaglia's polar method, one of the two numbers used */

#endif
