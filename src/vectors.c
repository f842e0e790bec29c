/* The families of vectors: cosine similarity by sign random projections (Charikar 2002), Euclidean distance
 * by p-stable projections (Datar, Immorlica, Indyk, Mirrokni 2004). Both project; they differ in what a
 * product becomes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/distance.h"
#include "lshjoin/family.h"
#include "lshjoin/project.h"

struct signer {
    struct project project;
    struct drawing drawing;
    double *shift;    /* [m] of p-stable hashing, uniform in [0, width) */
    double *extra[2]; /* [m] inner product: the directions' coordinates that the transforms add */
};

static void *create(const struct drawing *d, const struct records *like) {
    struct signer *s = mem_alloc(1, sizeof *s);
    uint32_t m = d->bands * d->rows;
    *s = (struct signer){.drawing = *d, .project = project_create(m, like->width, d->seed, cpu_simd())};
    s->shift = mem_alloc(m, sizeof *s->shift);
    struct random r = {mix64(~d->seed)};
    for (uint32_t k = 0; k < m; k++)
        s->shift[k] = d->width * random_uniform(&r);
    for (int variant = 0; variant < 2; variant++) {
        s->extra[variant] = mem_alloc(m, sizeof *s->extra[variant]);
        for (uint32_t k = 0; k < m; k++)
            s->extra[variant][k] = random_normal(&r);
    }
    return s;
}

static void destroy(void *signer) {
    struct signer *s = signer;
    project_free(&s->project);
    free(s->extra[0]);
    free(s->extra[1]);
    free(s->shift);
    free(s);
}

/* Rows as floats: the records' own, or rounded to `room`. */
static const float *as_floats(const struct records *r, uint64_t lo, uint64_t hi, float *room) {
    if (r->item == sizeof(float))
        return records_row(r, lo);
    const double *wide = records_row(r, lo);
    for (uint64_t k = 0; k < (hi - lo) * r->width; k++)
        room[k] = (float)wide[k];
    return room;
}

/* What the products of a record x, [bands][rows], become. */
typedef void to_words(const struct signer *s, const float *product, const struct records *r, uint64_t row,
                      uint32_t *words);

static void sign(const struct signer *s, const struct records *r, uint64_t lo, uint64_t hi, uint32_t *words,
                 uint64_t n_words, bool *pairs, to_words *turn) {
    uint64_t n = hi - lo, stride = project_stride(&s->project);
    float *product = mem_alloc(n * stride, sizeof *product);
    float *room = r->item == sizeof(float) ? NULL : mem_alloc(n * r->width, sizeof *room);
    project_rows(&s->project, as_floats(r, lo, hi, room), n, product);
    for (uint64_t i = 0; i < n; i++) {
        pairs[i] = !isnan(product[i * stride]); /* a row left out holds a NaN */
        if (pairs[i])
            turn(s, product + i * stride, r, lo + i, words + i * n_words);
    }
    free(room);
    free(product);
}

static uint32_t words_of_bits(uint32_t rows) {
    return (rows + 31) / 32;
}

static void signs(const struct signer *s, const float *product, const struct records *r, uint64_t row,
                  uint32_t *words) {
    (void)r;
    (void)row;
    uint32_t each = words_of_bits(s->drawing.rows);
    memset(words, 0, (size_t)s->drawing.bands * each * sizeof *words);
    for (uint32_t band = 0; band < s->drawing.bands; band++, words += each)
        for (uint32_t k = 0; k < s->drawing.rows; k++)
            words[k / 32] |= (uint32_t)(*product++ >= 0) << k % 32;
}

static void cosine_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi,
                        uint32_t *words, bool *pairs) {
    const struct signer *s = signer;
    sign(s, r, lo, hi, words, (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows), pairs, signs);
}

/* cpu_simd, asked once: this is for every pair. */
static enum simd level(void) {
    static _Atomic int known = -1;
    if (known < 0)
        known = (int)cpu_simd();
    return (enum simd)known;
}

static bool cosine_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                          size_t item, double *value) {
    (void)nb;
    struct moments m = vector_moments(a, b, na, item, level());
    *value = m.xy / sqrt(m.xx * m.yy);
    return *value >= t->value;
}

const struct family family_cosine = {
    .metric = "cosine",
    .value = "similarity",
    .is_of_vectors = true,
    .refuses_zero = true,
    .words = words_of_bits,
    .create = create,
    .destroy = destroy,
    .sign = cosine_sign,
    .verify = cosine_verify,
};

static uint32_t words_of_buckets(uint32_t rows) {
    return rows;
}

/* floor((a.x + shift) / width), of which 32 bits tell buckets apart that are not 2^32 widths away. */
static void buckets(const struct signer *s, const float *product, const struct records *r, uint64_t row,
                    uint32_t *words) {
    (void)r;
    (void)row;
    const double most = 0x1p62, per_width = 1 / s->drawing.width;
    uint32_t m = s->drawing.bands * s->drawing.rows;
    for (uint32_t k = 0; k < m; k++) {
        double place = ((double)product[k] + s->shift[k]) * per_width;
        place = place < -most ? -most : place > most ? most : place;
        int64_t whole = (int64_t)place; /* towards zero */
        words[k] = (uint32_t)(whole - (place < (double)whole));
    }
}

static void l2_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint32_t *words,
                    bool *pairs) {
    const struct signer *s = signer;
    sign(s, r, lo, hi, words, (uint64_t)s->drawing.bands * s->drawing.rows, pairs, buckets);
}

static bool l2_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                      size_t item, double *value) {
    (void)nb;
    *value = sqrt(vector_moments(a, b, na, item, level()).difference);
    return *value <= t->value;
}

const struct family family_l2 = {
    .metric = "l2",
    .value = "distance",
    .smaller_is_nearer = true,
    .is_of_vectors = true,
    .words = words_of_buckets,
    .create = create,
    .destroy = destroy,
    .sign = l2_sign,
    .verify = l2_verify,
};

/* Inner product (Neyshabur and Srebro 2015, made symmetric in range): with M the largest norm, a record
 * stores P(y) = [y/M; 0; sqrt(1-|y/M|^2)] and asks with Q(x) = [x/M; sqrt(1-|x/M|^2); 0]. Both have norm 1
 * and Q(x).P(y) = x.y/M^2, whatever their norms; then sign random projections, with p = 1 - acos(x.y/M^2)/pi.
 */
static void transformed_signs(const struct signer *s, const float *product, const struct records *r,
                              uint64_t row, uint32_t *words) {
    uint32_t m = s->drawing.bands * s->drawing.rows, each = s->drawing.bands * words_of_bits(s->drawing.rows);
    const void *x = records_row(r, row);
    double scale = s->drawing.norm > 0 ? 1 / s->drawing.norm : 0;
    double rest = 1 - vector_moments(x, x, r->width, r->item, level()).xx * scale * scale;
    float *sum = mem_alloc(m, sizeof *sum);
    for (int variant = 0; variant < 2; variant++) {
        double tail = rest > 0 ? sqrt(rest) : 0;
        for (uint32_t k = 0; k < m; k++)
            sum[k] = (float)((double)product[k] * scale + tail * s->extra[variant][k]);
        signs(s, sum, r, row, words + (uint64_t)variant * each);
    }
    free(sum);
}

static void ip_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint32_t *words,
                    bool *pairs) {
    const struct signer *s = signer;
    sign(s, r, lo, hi, words, 2 * (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows), pairs,
         transformed_signs);
}

static bool ip_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                      size_t item, double *value) {
    (void)nb;
    *value = vector_moments(a, b, na, item, level()).xy;
    return *value >= t->value;
}

const struct family family_ip = {
    .metric = "ip",
    .value = "product",
    .is_of_vectors = true,
    .is_asymmetric = true,
    .words = words_of_bits,
    .create = create,
    .destroy = destroy,
    .sign = ip_sign,
    .verify = ip_verify,
};
