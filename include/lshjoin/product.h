/* Products of vectors with a panel of others, in single precision: the one kernel under projections and exact
 * joins. */
#ifndef LSHJOIN_PRODUCT_H
#define LSHJOIN_PRODUCT_H

#include <stdint.h>

#include "lshjoin/cpu.h"

enum {
    PRODUCT_PANEL = 64, /* columns that are worked on together */
    PRODUCT_ROWS = 4    /* rows, the same */
};

/* out[rows][used] (rows `stride` apart, with room for `used` up to the next multiple of 16, what is beyond
 * being whatever the panel holds there) of up to PRODUCT_ROWS vectors x, `width` apart, with the first `used`
 * columns of panel[width][PRODUCT_PANEL]. Each product is one chain of fused multiply-adds over the
 * coordinates in order, so its bits depend on nothing but its row and its column. */
void product_panel(enum simd simd, const float *x, uint64_t rows, uint64_t width, const float *panel,
                   uint64_t used, float *out, uint64_t stride);

#endif
