/* The families of vectors: cosine similarity by sign random projections (Charikar 2002), Euclidean distance
 * by p-stable projections (Datar, Immorlica, Indyk, Mirrokni 2004). Both project; they differ in what a
 * product becomes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/distance.h"
#include "lshjoin/family.h"
#include "lshjoin/law.h"
#include "lshjoin/probe.h"
#include "lshjoin/project.h"

struct signer {
    struct project project;
    struct drawing drawing;
    uint32_t *pick;   /* see drawing_picks */
    double per_width; /* 1 / drawing.width */
    double *shift;    /* [m] of p-stable hashing, uniform in [0, width) */
    double *extra[2]; /* [m] inner product: the directions' coordinates that the transforms add */
};

/* The hash value that is row k of all bands' rows. */
static uint32_t value_of(const struct signer *s, uint32_t k) {
    return s->pick ? s->pick[k] : k;
}

static void *create(const struct drawing *d, const struct records *like) {
    struct signer *s = mem_alloc(1, sizeof *s);
    uint32_t m = drawing_values(d);
    *s = (struct signer){.drawing = *d,
                         .project = project_create(m, like->width, d->seed, cpu_simd()),
                         .pick = drawing_picks(d),
                         .per_width = 1 / d->width};
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
    free(s->pick);
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

/* What a call of `sign` needs for a while. */
struct work {
    float *product;   /* [rows of the call][stride] */
    float *sum;       /* [m] */
    uint32_t *bucket; /* [m] */
    struct probe probe;
    struct move *move; /* [2 * rows of a band] */
    uint32_t *chosen;  /* [rows of a band] */
    bool asks;         /* the record that is worked on */
};

/* What the products of a record, [m], become: the words of its variants. */
typedef void to_words(const struct signer *s, struct work *w, const float *product, const struct records *r,
                      uint64_t row, uint32_t *words);

static void sign(const struct signer *s, const struct records *r, uint64_t lo, uint64_t hi, uint64_t asking,
                 uint32_t *words, uint64_t n_words, bool *pairs, to_words *turn) {
    uint64_t n = hi - lo, stride = project_stride(&s->project), rows = s->drawing.rows;
    struct work w = {.product = mem_alloc(n * stride, sizeof *w.product),
                     .sum = mem_alloc(stride, sizeof *w.sum),
                     .bucket = mem_alloc(stride, sizeof *w.bucket),
                     .move = mem_alloc(2 * rows, sizeof *w.move),
                     .chosen = mem_alloc(rows, sizeof *w.chosen)};
    float *room = r->item == sizeof(float) ? NULL : mem_alloc(n * r->width, sizeof *room);
    project_rows(&s->project, as_floats(r, lo, hi, room), n, w.product);
    for (uint64_t i = 0; i < n; i++) {
        const float *product = w.product + i * stride;
        pairs[i] = !isnan(product[0]); /* a row left out holds a NaN */
        w.asks = lo + i < asking;
        if (pairs[i])
            turn(s, &w, product, r, lo + i, words + i * n_words);
    }
    free(room);
    probe_free(&w.probe);
    free(w.chosen);
    free(w.move);
    free(w.sum);
    free(w.bucket);
    free(w.product);
}

/* How a kind of symbols is probed. */
struct probing {
    /* The moves of a band by the record's products; row `first` of all bands' is its first. Returns how many.
     */
    uint32_t (*moves)(const struct signer *s, const float *product, uint32_t first, struct move *move);
    void (*apply)(uint32_t *words, const struct move *move); /* to a band's words */
};

/* The words [probes][bands][each] of the best probes around those at `base`. */
static void probe(const struct signer *s, struct work *w, const struct probing *probing, const float *product,
                  const uint32_t *base, uint32_t each, uint32_t *words) {
    const struct drawing *d = &s->drawing;
    for (uint32_t band = 0; band < d->bands && w->asks && d->probes > 0; band++, base += each) {
        probe_begin(&w->probe, w->move, probing->moves(s, product, band * d->rows, w->move), d->probes);
        for (uint32_t t = 0; t < d->probes; t++) {
            uint32_t *probed = words + ((uint64_t)t * d->bands + band) * each;
            memcpy(probed, base, each * sizeof *probed);
            for (uint32_t left = probe_next(&w->probe, w->chosen); left-- > 0;)
                probing->apply(probed, &w->move[w->chosen[left]]);
        }
    }
}

static uint64_t variants_of(const struct signer *s) {
    return 1 + s->drawing.probes;
}

static uint32_t words_of_bits(uint32_t rows) {
    return (rows + 31) / 32;
}

static void signs(const struct signer *s, const float *product, uint32_t *words) {
    uint32_t each = words_of_bits(s->drawing.rows);
    memset(words, 0, (size_t)s->drawing.bands * each * sizeof *words);
    for (uint32_t band = 0, row = 0; band < s->drawing.bands; band++, words += each)
        for (uint32_t k = 0; k < s->drawing.rows; k++)
            words[k / 32] |= (uint32_t)(product[value_of(s, row++)] >= 0) << k % 32;
}

/* A record is as far from a sign's other value as its product is from 0. */
static uint32_t flips(const struct signer *s, const float *product, uint32_t first, struct move *move) {
    for (uint32_t k = 0; k < s->drawing.rows; k++) {
        double margin = (double)product[value_of(s, first + k)];
        move[k] = (struct move){margin * margin, k, 1};
    }
    return s->drawing.rows;
}

static void apply_flip(uint32_t *words, const struct move *move) {
    words[move->row / 32] ^= (uint32_t)1 << move->row % 32;
}

static const struct probing probing_signs = {flips, apply_flip};

/* Words of the signs, then of their probes. */
static void probed_signs(const struct signer *s, struct work *w, const float *product, uint32_t *words) {
    uint32_t each = words_of_bits(s->drawing.rows);
    signs(s, product, words);
    probe(s, w, &probing_signs, product, words, each, words + (uint64_t)s->drawing.bands * each);
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

static void cosine_words(const struct signer *s, struct work *w, const float *product,
                         const struct records *r, uint64_t row, uint32_t *words) {
    (void)r;
    (void)row;
    probed_signs(s, w, product, words);
}

static void cosine_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi,
                        uint64_t asking, uint32_t *words, bool *pairs) {
    const struct signer *s = signer;
    uint64_t each = (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows);
    sign(s, r, lo, hi, asking, words, variants_of(s) * each, pairs, cosine_words);
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
    .probes = probes_of_signs,
    .create = create,
    .agreement = cosine_agreement,
    .pair_at = cosine_pair,
    .destroy = destroy,
    .sign = cosine_sign,
    .verify = cosine_verify,
};

static uint32_t words_of_buckets(uint32_t rows) {
    return rows;
}

/* (a.x + shift) / width of hash function k, and the whole number below. */
static double place_of(const struct signer *s, float product, uint32_t k, double *below) {
    const double most = 0x1p62;
    double place = ((double)product + s->shift[k]) * s->per_width;
    place = place < -most ? -most : place > most ? most : place;
    double whole = (double)(int64_t)place; /* towards zero */
    *below = whole - (place < whole);
    return place;
}

/* Of the bucket's number 32 bits tell buckets apart that are not 2^32 widths away. */
static void buckets(const struct signer *s, struct work *w, const float *product, uint32_t *words) {
    uint32_t n = s->drawing.bands * s->drawing.rows, *of_value = s->pick ? w->bucket : words;
    for (uint32_t k = 0; k < s->project.m; k++) {
        double below;
        place_of(s, product[k], k, &below);
        of_value[k] = (uint32_t)(int64_t)below;
    }
    for (uint32_t k = 0; s->pick && k < n; k++)
        words[k] = of_value[s->pick[k]];
}

/* To the bucket below and to that above. */
static uint32_t steps(const struct signer *s, const float *product, uint32_t first, struct move *move) {
    for (uint32_t k = 0; k < s->drawing.rows; k++) {
        uint32_t value = value_of(s, first + k);
        double below, into = place_of(s, product[value], value, &below) - below;
        *move++ = (struct move){into * into, k, -1};
        *move++ = (struct move){(1 - into) * (1 - into), k, 1};
    }
    return 2 * s->drawing.rows;
}

static void apply_step(uint32_t *words, const struct move *move) {
    words[move->row] += (uint32_t)move->step;
}

static const struct probing probing_buckets = {steps, apply_step};

static uint32_t probes_of_buckets(uint32_t rows) {
    uint32_t sets = 1;
    for (uint32_t k = 0; k < rows && k <= 20; k++)
        sets *= 3;
    return rows <= 20 ? sets - 1 : UINT32_MAX;
}

/* Datar, Immorlica, Indyk and Mirrokni 2004, for the normal distribution. */
static double l2_agreement(double distance, const struct drawing *d) {
    const double pi = 3.14159265358979323846;
    if (distance <= 0)
        return 1;
    double t = d->width / distance;
    return law_certain(erf(t / sqrt(2)) + sqrt(2 / pi) / t * expm1(-t * t / 2));
}

static void l2_pair(double distance, const struct drawing *d, float *pair) {
    (void)d;
    pair[0] = pair[1] = pair[3] = 0;
    pair[2] = (float)distance;
}

static void l2_words(const struct signer *s, struct work *w, const float *product, const struct records *r,
                     uint64_t row, uint32_t *words) {
    (void)r;
    (void)row;
    uint32_t each = s->drawing.rows;
    buckets(s, w, product, words);
    probe(s, w, &probing_buckets, product, words, each, words + (uint64_t)s->drawing.bands * each);
}

static void l2_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t asking,
                    uint32_t *words, bool *pairs) {
    const struct signer *s = signer;
    sign(s, r, lo, hi, asking, words, variants_of(s) * s->drawing.bands * s->drawing.rows, pairs, l2_words);
}

static bool l2_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                      size_t item, double *value) {
    (void)nb;
    double most = t->value * t->value * (1 + 1e-12); /* rounded up: the root decides */
    *value = sqrt(vector_difference(a, b, na, item, most, level()));
    return *value <= t->value;
}

const struct family family_l2 = {
    .metric = "l2",
    .value = "distance",
    .smaller_is_nearer = true,
    .is_of_vectors = true,
    .words = words_of_buckets,
    .probes = probes_of_buckets,
    .create = create,
    .agreement = l2_agreement,
    .pair_at = l2_pair,
    .destroy = destroy,
    .sign = l2_sign,
    .verify = l2_verify,
};

/* Inner product (Neyshabur and Srebro 2015, made symmetric in range): with M the largest norm, a record
 * stores P(y) = [y/M; 0; sqrt(1-|y/M|^2)] and asks with Q(x) = [x/M; sqrt(1-|x/M|^2); 0]. Both have norm 1
 * and Q(x).P(y) = x.y/M^2, whatever their norms; then sign random projections, with p = 1 - acos(x.y/M^2)/pi.
 */
static void ip_words(const struct signer *s, struct work *w, const float *product, const struct records *r,
                     uint64_t row, uint32_t *words) {
    uint64_t each = (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows);
    const void *x = records_row(r, row);
    double scale = s->drawing.norm > 0 ? 1 / s->drawing.norm : 0;
    double rest = 1 - vector_moments(x, x, r->width, r->item, level()).xx * scale * scale;
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
    const struct signer *s = signer;
    uint64_t each = (uint64_t)s->drawing.bands * words_of_bits(s->drawing.rows);
    sign(s, r, lo, hi, asking, words, (1 + variants_of(s)) * each, pairs, ip_words);
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
    .probes = probes_of_signs,
    .create = create,
    .agreement = ip_agreement,
    .pair_at = ip_pair,
    .destroy = destroy,
    .sign = ip_sign,
    .verify = ip_verify,
};
