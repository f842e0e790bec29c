/* One bit of each product: the symbols of sketches (sketch.h) of vectors. */
#ifndef LSHJOIN_BITS_H
#define LSHJOIN_BITS_H

#include <stdint.h>

#include "lshjoin/cpu.h"

/* Where a product lies in the row of buckets, in their widths; never more than 2^62 from 0, and there where
 * it is NaN, of a row that is left out. */
static inline double bucket_place(float product, double shift, double per_width) {
    const double most = 0x1p62;
    double place = ((double)product + shift) * per_width;
    return place < -most ? -most : place < most ? place : most;
}

/* The number of the bucket at a place: the whole number below, by conversion, which goes towards 0. */
static inline int64_t bucket_number(double place) {
    int64_t whole = (int64_t)place;
    return whole - (place < (double)whole);
}

/* Into words[n], the lowest bit first, of product[64 n]: whether it is not below 0. */
void bits_of_signs(enum simd simd, const float *product, uint32_t n, uint64_t *words);

/* The same, of product[64 n] and shift[64 n]: whether the bucket's number is odd. */
void bits_of_buckets(enum simd simd, const float *product, const double *shift, double per_width, uint32_t n,
                     uint64_t *words);

#endif
