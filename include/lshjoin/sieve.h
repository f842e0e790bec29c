/* A sieve of pairs of vectors: single-precision products tell most pairs that miss a limit, and none that
 * reaches it. It stands behind the coarse one (coarse.h), for what bytes cannot tell.
 *
 * What is multiplied are images X of the records, rounded to floats: x/|x| for cosine, x/M for inner products
 * (M: the largest norm), (x-c)/2H for distances (c, H: middle and half diagonal of the box that holds all),
 * so that |X| <= 1. With n coordinates and u = 2^-24 a product P of two such images, n fused multiply-adds,
 * satisfies |P - X.Y| <= E |X||Y| + T, E = (n+16)u / (1-(n+16)u), T = (n+16) 2^-146: the chain errs by
 * gamma_n |X||Y| (Higham, Accuracy and Stability of Numerical Algorithms, 3.1; sum |X_i Y_i| <= |X||Y|), the
 * roundings of both images by little more than 2u |X||Y|, underflow by 2^-150 a step; the rest of the 16 is
 * for the evaluation of the bound itself and for the double precision of norms and of `verify`. A pair
 * reaches cosine S       only if P >= S - E - T, a product S    only if P >= S/M^2 - E |X||Y| - T, a distance
 * R   only if P >= |X|^2/2 + |Y|^2/2 - (R/2H)^2/2 - E |X||Y| - T. All are P >= (base_Y - weight_X size_Y) +
 * offset_X. */
#ifndef LSHJOIN_SIEVE_H
#define LSHJOIN_SIEVE_H

#include <stdbool.h>
#include <stdint.h>

#include "lshjoin/cpu.h"
#include "lshjoin/family.h"
#include "lshjoin/product.h"
#include "lshjoin/records.h"

struct sieve {
    enum { SIEVE_COSINE, SIEVE_PRODUCT, SIEVE_DISTANCE } kind;
    bool passes_all; /* of too many coordinates or beyond the range of floats, it lets everything through */
    uint64_t width;
    size_t item;
    double scale;   /* of products and distances */
    double *middle; /* [width] of distances */
    double error, tiny;
    enum simd simd;
};

/* For each coordinate the most, and the most of its negative, into box[2*width], of rows that are numbers;
 * where there is none it stays -infinity. */
void sieve_box(const struct records *r, double *box);

/* For records like these of a vector family. norm: the largest of the job (for inner products); box: that of
 * all rows of the job (for distances, else unused). Free with sieve_free. */
struct sieve sieve_create(const struct family *family, const struct records *like, double norm,
                          const double *box, enum simd simd);
void sieve_free(struct sieve *s);

/* What the bound needs of an image: half its square, where it counts, and its norm or more. */
struct image {
    double half;
    float size;
};

/* The image of a record, coordinate k to out[k * stride]. That of a row left out is NaN and reaches nothing.
 */
struct image sieve_image(const struct sieve *s, const void *row, float *out, uint64_t stride);

float sieve_base(const struct sieve *s, struct image y, double limit);
float sieve_offset(const struct sieve *s, struct image x);
float sieve_weight(const struct sieve *s, struct image x);

/* Bit k: whether product[k] >= (base[k] - weight * size[k]) + offset, of PRODUCT_PANEL columns. */
uint64_t sieve_pass(const struct sieve *s, const float *product, const float *base, const float *size,
                    float weight, float offset);

#endif
