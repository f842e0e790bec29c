/* Cosine similarity, and inner product, by sign random projections (Charikar 2002). */
#include <math.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/bits.h"
#include "lshjoin/distance.h"
#include "lshjoin/glance.h"
#include "lshjoin/law.h"
#include "lshjoin/sketch.h"
#include "lshjoin/vectors.h"

static uint32_t words_of_bits(uint32_t rows) {
    return (rows + 31) / 32;
}

static void signs(const struct vector_signer *s, const float *product, uint32_t *words) {
    uint32_t each = words_of_bits(s->drawing.rows);
    memset(words, 0, (size_t)s->drawing.bands * each * sizeof *words);
    for (uint32_t band = 0, row = 0; band < s->drawing.bands; band++, words += each)
        for (uint32_t k = 0; k < s->drawing.rows; k++)
            words[k / 32] |= (uint32_t)(product[vectors_value(s, row++)] >= 0) << k % 32;
}

/* A record is as far from a sign's other value as its product is from 0. */
static uint32_t flips(const struct vector_signer *s, const float *product, uint32_t first,
                      struct move *move) {
    for (uint32_t k = 0; k < s->drawing.rows; k++) {
        double margin = (double)product[vectors_value(s, first + k)];
        move[k] = (struct move){margin * margin, k, 1};
    }
    return s->drawing.rows;
}

static void apply_flip(uint32_t *words, const struct move *move) {
    words[move->row / 32] ^= (uint32_t)1 << move->row % 32;
}

static const struct vector_probing probing_signs = {flips, apply_flip};

/* Words of the signs, then of their probes. */
static void probed_signs(const struct vector_signer *s, struct vector_work *w, const float *product,
                         uint32_t *words) {
    uint32_t each = words_of_bits(s->drawing.rows);
    signs(s, product, words);
    vectors_probe(s, w, &probing_signs, product, words, each, words + (uint64_t)s->drawing.bands * each);
}

/* Charikar 2002. */
static double agreement_of_cosine(double cosine) {
    const double pi = 3.14159265358979323846;
    return law_certain(1 - acos(fmax(-1, fmin(1, cosine))) / pi);
}

static double cosine_agreement(double cosine, const struct drawing *d) {
    (void)d;
    return agreement_of_cosine(cosine);
}

static void cosine_pair(double cosine, const struct drawing *d, float *pair) {
    (void)d;
    pair[0] = 1;
    pair[1] = 0;
    pair[2] = (float)cosine;
    pair[3] = (float)sqrt(fmax(0, 1 - cosine * cosine));
}

static uint32_t probes_of_signs(uint32_t rows) {
    return rows < 32 ? ((uint32_t)1 << rows) - 1 : UINT32_MAX;
}

static void cosine_words(const struct vector_signer *s, struct vector_work *w, const float *product,
                         const struct records *r, uint64_t row, uint32_t *words) {
    (void)r;
    (void)row;
    probed_signs(s, w, product, words);
}

static void cosine_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi,
                        uint64_t asking, uint32_t *words, bool *pairs) {
    const struct vector_signer *s = signer;
    uint64_t each = (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows);
    vectors_sign(s, r, lo, hi, asking, words, vectors_variants(s) * each, pairs, cosine_words);
}

static void sign_bits(const struct vector_signer *s, const float *product, uint64_t *words) {
    bits_of_signs(s->project.simd, product, sketch_words(&s->drawing), words);
}

static void cosine_sketch(const void *signer, const struct records *r, uint64_t lo, uint64_t hi,
                          uint64_t *words, bool *pairs) {
    vectors_sketch(signer, r, lo, hi, words, pairs, sign_bits);
}

static bool cosine_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                          size_t item, double *value) {
    (void)nb;
    if (item == sizeof(float) && glance_cosine_below(a, b, na, t->value, vectors_simd()))
        return false;
    struct moments m = vector_moments(a, b, na, item, vectors_simd());
    *value = m.xy / sqrt(m.xx * m.yy);
    return *value >= t->value;
}

const struct family family_cosine = {
    .metric = "cosine",
    .value = "similarity",
    .is_of_vectors = true,
    .refuses_zero = true,
    .words = words_of_bits,
    .probes = probes_of_signs,
    .create = vectors_create,
    .agreement = cosine_agreement,
    .pair_at = cosine_pair,
    .destroy = vectors_destroy,
    .sign = cosine_sign,
    .symbol_bits = 1,
    .sketch = cosine_sketch,
    .verify = cosine_verify,
};

/* Inner product (Neyshabur and Srebro 2015, made symmetric in range): with M the largest norm, a record
 * stores P(y) = [y/M; 0; sqrt(1-|y/M|^2)] and asks with Q(x) = [x/M; sqrt(1-|x/M|^2); 0]. Both have norm 1
 * and Q(x).P(y) = x.y/M^2, whatever their norms; then sign random projections, with p = 1 - acos(x.y/M^2)/pi.
 */
static void ip_words(const struct vector_signer *s, struct vector_work *w, const float *product,
                     const struct records *r, uint64_t row, uint32_t *words) {
    uint64_t each = (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows);
    const void *x = records_row(r, row);
    double scale = s->drawing.norm > 0 ? 1 / s->drawing.norm : 0;
    double rest = 1 - vector_moments(x, x, r->width, r->item, vectors_simd()).xx * scale * scale;
    double tail = rest > 0 ? sqrt(rest) : 0;
    for (int asks = 0; asks <= w->asks; asks++) {
        for (uint32_t k = 0; k < s->project.m; k++)
            w->sum[k] = (float)((double)product[k] * scale + tail * s->extra[asks][k]);
        if (asks)
            probed_signs(s, w, w->sum, words + each);
        else
            signs(s, w->sum, words);
    }
}

static double ip_agreement(double product, const struct drawing *d) {
    return agreement_of_cosine(product / (d->norm * d->norm));
}

/* All pairs of a product agree alike, so two of the largest norm will do. */
static void ip_pair(double product, const struct drawing *d, float *pair) {
    cosine_pair(product / (d->norm * d->norm), d, pair);
    for (int k = 0; k < 4; k++)
        pair[k] *= (float)d->norm;
}

static void ip_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t asking,
                    uint32_t *words, bool *pairs) {
    const struct vector_signer *s = signer;
    uint64_t each = (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows);
    vectors_sign(s, r, lo, hi, asking, words, (1 + vectors_variants(s)) * each, pairs, ip_words);
}

static bool ip_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                      size_t item, double *value) {
    (void)nb;
    if (item == sizeof(float) && glance_product_below(a, b, na, t->value, vectors_simd()))
        return false;
    *value = vector_moments(a, b, na, item, vectors_simd()).xy;
    return *value >= t->value;
}

const struct family family_ip = {
    .metric = "ip",
    .value = "product",
    .is_of_vectors = true,
    .is_asymmetric = true,
    .words = words_of_bits,
    .probes = probes_of_signs,
    .create = vectors_create,
    .agreement = ip_agreement,
    .pair_at = ip_pair,
    .destroy = vectors_destroy,
    .sign = ip_sign,
    .verify = ip_verify,
};
