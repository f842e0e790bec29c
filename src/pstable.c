/* Euclidean distance by p-stable projections (Datar, Immorlica, Indyk, Mirrokni 2004). */
#include <math.h>

#include "lshjoin/bits.h"
#include "lshjoin/distance.h"
#include "lshjoin/glance.h"
#include "lshjoin/law.h"
#include "lshjoin/sketch.h"
#include "lshjoin/vectors.h"

static uint32_t words_of_buckets(uint32_t rows) {
    return rows;
}

/* (a.x + shift) / width of hash function k. */
static double place_of(const struct vector_signer *s, const float *product, uint32_t k) {
    return bucket_place(product[k], s->shift[k], s->per_width);
}

/* Of the bucket's number 32 bits tell buckets apart that are not 2^32 widths away. */
static void buckets(const struct vector_signer *s, struct vector_work *w, const float *product,
                    uint32_t *words) {
    uint32_t n = s->drawing.bands * s->drawing.rows, *of_value = s->pick ? w->bucket : words;
    for (uint32_t k = 0; k < s->project.m; k++)
        of_value[k] = (uint32_t)bucket_number(place_of(s, product, k));
    for (uint32_t k = 0; s->pick && k < n; k++)
        words[k] = of_value[s->pick[k]];
}

/* To the bucket below and to that above. */
static uint32_t steps(const struct vector_signer *s, const float *product, uint32_t first,
                      struct move *move) {
    for (uint32_t k = 0; k < s->drawing.rows; k++) {
        double place = place_of(s, product, vectors_value(s, first + k));
        double into = place - (double)bucket_number(place);
        *move++ = (struct move){into * into, k, -1};
        *move++ = (struct move){(1 - into) * (1 - into), k, 1};
    }
    return 2 * s->drawing.rows;
}

static void apply_step(uint32_t *words, const struct move *move) {
    words[move->row] += (uint32_t)move->step;
}

static const struct vector_probing probing_buckets = {steps, apply_step};

static uint32_t probes_of_buckets(uint32_t rows) {
    uint32_t sets = 1;
    for (uint32_t k = 0; k < rows && k <= 20; k++)
        sets *= 3;
    return rows <= 20 ? sets - 1 : UINT32_MAX;
}

/* Whether buckets are odd or even, as +1 and -1 along a direction, is a square wave of period 2 widths,
 * s(u) = 4/pi * sum over odd k of sin(pi k u)/k, u in widths. The shift makes u uniform, so two places z
 * apart have E s(u) s(u+z) = 8/pi^2 * sum of cos(pi k z)/k^2; z is normal of deviation c = distance / width,
 * so E cos(pi k z) = exp(-(pi k c)^2 / 2); and two that agree with probability p have E s s = 2p - 1. Up to
 * c = 1/8 no z reaches another wave but with probability 1e-15, so the bits differ with probability
 * E|z|. */
static double agreement_of_parities(double c) {
    const double pi = 3.14159265358979323846;
    if (c <= 0.125)
        return 1 - c * sqrt(2 / pi);
    double sum = 0;
    for (int k = 1; k <= 21; k += 2)
        sum += exp(-(pi * k * c) * (pi * k * c) / 2) / (k * k);
    return 0.5 + 4 / (pi * pi) * sum;
}

/* Of buckets: Datar, Immorlica, Indyk and Mirrokni 2004, for the normal distribution. */
static double l2_agreement(double distance, const struct drawing *d) {
    const double pi = 3.14159265358979323846;
    if (distance <= 0)
        return 1;
    if (d->symbol_bits == 1)
        return law_certain(agreement_of_parities(distance / d->width));
    double t = d->width / distance;
    return law_certain(erf(t / sqrt(2)) + sqrt(2 / pi) / t * expm1(-t * t / 2));
}

static void l2_pair(double distance, const struct drawing *d, float *pair) {
    (void)d;
    pair[0] = pair[1] = pair[3] = 0;
    pair[2] = (float)distance;
}

static void l2_words(const struct vector_signer *s, struct vector_work *w, const float *product,
                     const struct records *r, uint64_t row, uint32_t *words) {
    (void)r;
    (void)row;
    uint32_t each = s->drawing.rows;
    buckets(s, w, product, words);
    vectors_probe(s, w, &probing_buckets, product, words, each, words + (uint64_t)s->drawing.bands * each);
}

static void l2_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t asking,
                    uint32_t *words, bool *pairs) {
    const struct vector_signer *s = signer;
    vectors_sign(s, r, lo, hi, asking, words, vectors_variants(s) * s->drawing.bands * s->drawing.rows, pairs,
                 l2_words);
}

static void parity_bits(const struct vector_signer *s, const float *product, uint64_t *words) {
    bits_of_buckets(s->project.simd, product, s->shift, s->per_width, sketch_words(&s->drawing), words);
}

static void l2_sketch(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t *words,
                      bool *pairs) {
    vectors_sketch(signer, r, lo, hi, words, pairs, parity_bits);
}

static bool l2_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                      size_t item, double *value) {
    (void)nb;
    double most = t->value * t->value * (1 + 1e-12); /* rounded up: the root decides */
    if (item == sizeof(float) && glance_difference_above(a, b, na, most, vectors_simd()))
        return false;
    *value = sqrt(vector_difference(a, b, na, item, most, vectors_simd()));
    return *value <= t->value;
}

const struct family family_l2 = {
    .metric = "l2",
    .value = "distance",
    .smaller_is_nearer = true,
    .is_of_vectors = true,
    .words = words_of_buckets,
    .probes = probes_of_buckets,
    .create = vectors_create,
    .agreement = l2_agreement,
    .pair_at = l2_pair,
    .destroy = vectors_destroy,
    .sign = l2_sign,
    .symbol_bits = 1,
    .sketch = l2_sketch,
    .verify = l2_verify,
};
