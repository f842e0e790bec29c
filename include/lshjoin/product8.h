/* Products of rows of bytes with a panel of others, in integers: sums that come out the same in any order, so
 * that the kernels agree by themselves. */
#ifndef LSHJOIN_PRODUCT8_H
#define LSHJOIN_PRODUCT8_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/cpu.h"

enum {
    PRODUCT8_PANEL = 64, /* columns that are worked on together */
    PRODUCT8_ROWS = 4,   /* rows, the same */
    PRODUCT8_QUAD = 4    /* coordinates, the same: rows are as long as so many quads, padded with zeros */
};

/* Columns of numbers from -127 to 127. */
struct panel8 {
    const int8_t *image; /* [quads][PRODUCT8_PANEL][PRODUCT8_QUAD] */
    const int32_t *sum;  /* [PRODUCT8_PANEL] of each column: for kernels that multiply numbers without sign */
    const int32_t *start; /* [PRODUCT8_PANEL] */
};

/* Bit k of reached[r]: whether start[k] + offset[r] + x[r] . column k >= 0, which 32 bits must hold; of up to
 * PRODUCT8_ROWS rows x of numbers from -127 to 127. False: no bit is set, and `reached` is left alone. */
bool product8_reach(enum simd simd, bool vnni, const struct panel8 *p, const int8_t *x, uint64_t rows,
                    uint64_t quads, const int32_t *offset, uint64_t *reached);

/* x . y of n such numbers, a multiple of PRODUCT8_QUAD, whose sum 32 bits hold. */
int32_t product8_pair(enum simd simd, const int8_t *x, const int8_t *y, uint64_t n);

#endif
