/* What the tests of sieves share: rows near each other or not, and what verify says of two of them. */
#ifndef NEAR_ROWS_H
#define NEAR_ROWS_H

#include "unit.h"

#include <math.h>
#include <stdlib.h>

#include "lshjoin/distance.h"
#include "lshjoin/sieve.h"

enum { ROWS = PRODUCT_PANEL };

static const struct family *const families[] = {&family_cosine, &family_ip, &family_l2};

static inline void set(struct records *r, uint64_t i, double x) {
    if (r->item == sizeof(float))
        ((float *)r->data)[i] = (float)x;
    else
        ((double *)r->data)[i] = x;
}

/* ROWS rows of one item, near each other or not, `shift` away from the origin. */
static inline struct records draw(uint64_t width, size_t item, double scale, double shift, uint64_t *seed) {
    struct records r = {.n = ROWS, .item = item, .width = width, .data = mem_alloc(ROWS * width, item)};
    for (uint64_t i = 0; i < ROWS * width; i++) {
        double spread = i / width % 4 ? 0.2 : 1, near = (double)(i % width % 7) - 3;
        set(&r, i, scale * (near + spread * ((double)random_below(seed, 2001) / 1000 - 1)) + shift);
    }
    return r;
}

/* Rows of which one is long and one is short by nine orders of magnitude. */
static inline struct records draw_far_lengths(uint64_t *seed) {
    struct records r = draw(40, sizeof(float), 1, 0, seed);
    for (uint64_t k = 0; k < 40; k++) {
        ((float *)r.data)[k] *= 1e9f;
        ((float *)r.data)[15 * 40 + k] *= 1e-9f;
    }
    return r;
}

static inline struct sieve sieve_of(const struct family *f, const struct records *r) {
    double *box = mem_alloc(2 * r->width, sizeof *box), most = 0;
    for (uint64_t i = 0; i < r->n; i++) {
        const void *x = records_row(r, i);
        most = fmax(most, vector_moments(x, x, r->width, r->item, SIMD_SCALAR).xx);
    }
    sieve_box(r, box);
    struct sieve s = sieve_create(f, r, sqrt(most), box, cpu_simd());
    free(box);
    return s;
}

static inline double value_of(const struct family *f, const struct records *r, uint64_t i, uint64_t j) {
    struct threshold all = {{0, 1}, f->smaller_is_nearer ? INFINITY : -INFINITY};
    double value;
    f->verify(&all, records_row(r, i), r->width, records_row(r, j), r->width, r->item, &value);
    return value;
}

/* Of the rows that `passed`, fails if one is missing whose value reaches its limit; returns how many others
 * there are. */
static inline uint64_t count_needless(const struct family *f, uint64_t passed, const double *limit,
                                      const double *value) {
    uint64_t n = 0;
    for (uint64_t k = 0; k < ROWS; k++) {
        bool reaches = f->smaller_is_nearer ? value[k] <= limit[k] : value[k] >= limit[k],
             passes = passed >> k & 1;
        if (reaches && !passes)
            fail_msg("%s: %.17g lost at %.17g", f->metric, value[k], limit[k]);
        n += passes && !reaches;
    }
    return n;
}

#endif
