#include "lshjoin/containment.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/band.h"
#include "lshjoin/base.h"
#include "lshjoin/family.h"
#include "lshjoin/law.h"
#include "lshjoin/minhash.h"

uint64_t containment_least(struct fraction t, uint64_t n) {
    return (t.p * n + t.q - 1) / t.q; /* sets below 2^31 elements and q <= 10^9 keep it in 64 bits */
}

bool containment_at_least(struct fraction t, const void *a, uint64_t na, const void *b, uint64_t nb,
                          size_t width, double *containment) {
    uint64_t least = containment_least(t, na);
    uint64_t both = set_intersection(a, na, b, nb, width, least);
    if (both < least)
        return false;
    *containment = (double)both / (double)na;
    return true;
}

static bool verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                   size_t item, double *value) {
    return containment_at_least(t->exact, a, na, b, nb, item, value);
}

/* Of a set that has that share of its elements in one that is `ratio` times as large: their Jaccard
 * similarity.
 */
static double agreement(double share, const struct drawing *d) {
    return law_certain(share / (1 + fmax(d->ratio, share) - share));
}

enum {
    WORDS = sizeof(uint64_t) / sizeof(uint32_t)
}; /* of a band: a key of its values and the right set's class */

static uint32_t words(uint32_t rows) {
    (void)rows;
    return WORDS;
}

/* Bands of one tier. */
struct signed_tier {
    struct drawing drawing; /* without tiers */
    int32_t step;
    uint32_t first; /* place of its first band */
    uint32_t *pick; /* [bands * rows] values, from the signer's first on */
};

struct signer {
    struct minhash minhash;
    bool any; /* no tiers: all meet */
    uint64_t classes[2];
    uint32_t bands, rows, n_tiers; /* rows: the most of any band */
    struct signed_tier *tier;
};

/* Whether drawn from a pool or not. */
static uint32_t *picks_of(const struct drawing *d, uint32_t first) {
    uint32_t *pick = drawing_picks(d), n = d->bands * d->rows;
    if (!pick)
        pick = mem_alloc(n, sizeof *pick);
    for (uint32_t k = 0; k < n; k++)
        pick[k] = (d->pool ? pick[k] : drawing_first_value(d) + k) - first;
    return pick;
}

static void add_tier(struct signer *s, const struct drawing *of, int32_t step, uint32_t first,
                     uint32_t first_value) {
    if (of->bands)
        s->tier[s->n_tiers++] = (struct signed_tier){*of, step, first, picks_of(of, first_value)};
}

static void *create(const struct drawing *d, const struct records *like) {
    (void)like;
    struct signer *s = mem_zero(1, sizeof *s);
    uint32_t first_value = drawing_first_value(d);
    s->minhash = minhash_part(first_value, drawing_values(d), d->seed, cpu_simd());
    s->any = d->n_tiers == 0;
    s->bands = d->bands;
    s->rows = d->rows;
    memcpy(s->classes, d->classes, sizeof s->classes);
    s->tier = mem_alloc(max_u64(1, d->n_tiers), sizeof *s->tier);
    for (uint32_t k = 0; k < d->n_tiers; k++) {
        struct drawing of = drawing_of_tier(d, &d->tier[k]);
        add_tier(s, &of, d->tier[k].step, d->tier[k].first + of.first_band - d->first_band, first_value);
    }
    if (s->any)
        add_tier(s, d, 0, 0, first_value);
    return s;
}

static void destroy(void *signer) {
    struct signer *s = signer;
    for (uint32_t k = 0; k < s->n_tiers; k++)
        free(s->tier[k].pick);
    free(s->tier);
    minhash_free(&s->minhash);
    free(s);
}

static bool has_class(uint64_t classes, int32_t class) {
    return class >= 0 && class < SIZE_CLASSES && classes >> class & 1;
}

/* What a set of that class stores (0) or asks for (1) in a tier: keys of the right set's class, if any set
 * may be the other one. */
static void sign_tier(const struct signer *s, const struct signed_tier *t, int role, int32_t class,
                      const uint32_t *symbols, uint32_t *values, uint32_t *out) {
    const struct drawing *d = &t->drawing;
    int32_t right = role ? class + t->step : class, left = right - t->step;
    if (!s->any && !(role ? has_class(s->classes[1], right) : has_class(s->classes[0], left)))
        return;
    for (uint32_t band = 0; band < d->bands; band++) {
        for (uint32_t k = 0; k < d->rows; k++)
            values[k] = symbols[t->pick[band * d->rows + k]];
        uint64_t key = band_key(values, d->rows, s->any ? 0 : (uint32_t)right);
        memcpy(out + (t->first + band) * WORDS, &key, sizeof key);
    }
}

static void sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi, uint64_t asking,
                 uint32_t *out, bool *pairs) {
    const struct signer *s = signer;
    uint64_t of_role = (uint64_t)s->bands * WORDS;
    uint32_t *symbols = mem_alloc(s->minhash.m + MINHASH_PADDING, sizeof *symbols);
    uint32_t *values = mem_alloc(s->rows, sizeof *values); /* of a band */
    memset(out, 0, (hi - lo) * 2 * of_role * sizeof *out);
    for (uint64_t row = lo; row < hi; row++, out += 2 * of_role) {
        uint64_t n = records_length(r, row);
        pairs[row - lo] = n > 0;
        if (n == 0)
            continue;
        minhash_sign(&s->minhash, records_row(r, row), r->item, n, symbols);
        for (uint32_t k = 0; k < s->n_tiers; k++)
            for (int role = 0; role < 1 + (row < asking); role++)
                sign_tier(s, &s->tier[k], role, (int32_t)size_class(n), symbols, values,
                          out + (uint64_t)role * of_role);
    }
    free(values);
    free(symbols);
}

const struct family family_containment = {
    .metric = "containment",
    .value = "containment",
    .is_directed = true,
    .is_asymmetric = true,
    .skips_bands = true,
    .words = words,
    .agreement = agreement,
    .create = create,
    .destroy = destroy,
    .sign = sign,
    .verify = verify,
};
