#include "lshjoin/family.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/delta.h"
#include "lshjoin/lanes.h"
#include "lshjoin/law.h"
#include "lshjoin/minhash.h"
#include "lshjoin/pivot.h"

static uint32_t one_word_each(uint32_t rows) {
    return rows;
}

struct jaccard_signer {
    struct minhash minhash;
    uint32_t *pick, n_picks; /* see drawing_picks */
    struct lanes lanes;      /* of sketches, instead of all these */
};

static void *jaccard_create(const struct drawing *d, const struct records *like) {
    (void)like;
    struct jaccard_signer *s = mem_zero(1, sizeof *s);
    if (d->symbol_bits) {
        s->lanes = lanes_create(d->pool, d->most_items, d->seed, cpu_simd());
        return s;
    }
    s->minhash = minhash_part(drawing_first_value(d), drawing_values(d), d->seed, cpu_simd());
    s->pick = drawing_picks(d);
    s->n_picks = d->bands * d->rows;
    return s;
}

static void jaccard_destroy(void *signer) {
    struct jaccard_signer *s = signer;
    minhash_free(&s->minhash);
    lanes_free(&s->lanes);
    free(s->pick);
    free(s);
}

static void jaccard_sign(const void *signer, const struct records *r, uint64_t lo, uint64_t hi,
                         uint64_t asking, uint32_t *words, bool *pairs) {
    (void)asking;
    const struct jaccard_signer *s = signer;
    uint32_t *symbols = s->pick ? mem_alloc(s->minhash.m + MINHASH_PADDING, sizeof *symbols) : NULL;
    for (uint64_t row = lo; row < hi; row++, words += s->n_picks) {
        uint64_t n = records_length(r, row);
        pairs[row - lo] = n > 0;
        if (n > 0)
            minhash_sign(&s->minhash, records_row(r, row), r->item, n, symbols ? symbols : words);
        for (uint32_t k = 0; symbols && n > 0 && k < s->n_picks; k++)
            words[k] = symbols[s->pick[k]];
    }
    free(symbols);
}

static void jaccard_sketch(const void *signer, const struct records *r, uint64_t lo, uint64_t hi,
                           uint64_t *words, bool *pairs) {
    const struct lanes *l = &((const struct jaccard_signer *)signer)->lanes;
    for (uint64_t row = lo; row < hi; row++, words += l->m / 8) {
        uint64_t n = records_length(r, row);
        pairs[row - lo] = n > 0;
        if (n > 0)
            lanes_sketch(l, records_row(r, row), r->item, n, words);
        else
            memset(words, 0, l->m);
    }
}

static bool jaccard_verify(const struct threshold *t, const void *a, uint64_t na, const void *b, uint64_t nb,
                           size_t item, double *value) {
    return jaccard_at_least(t->exact, a, na, b, nb, item, value);
}

/* Rows come in any order, from memory: ask for them some steps ahead. */
static void prefetch_rows(const struct records *r, const uint64_t *rows, uint64_t left) {
    enum { FAR = 16, NEAR = 8, MOST = 512 };
    if (left > FAR)
        __builtin_prefetch(&r->offset[rows[FAR]]);
    if (left > NEAR) {
        const char *row = records_row(r, rows[NEAR]);
        uint64_t bytes = min_u64(records_length(r, rows[NEAR]) * r->item, MOST);
        for (uint64_t at = 0; at < bytes + 63; at += 64)
            __builtin_prefetch(row + at);
    }
}

/* Sets that are much alike are told by their differences, others by a table of the one's elements. */
static void jaccard_verify_run(const struct threshold *t, const struct family_run *run, double *value) {
    const struct records *r = run->records;
    struct pivot pivot = {0};
    bool turned =
        deltas_turn_to(run->deltas, run->number, run->record, run->items, run->first, run->rows, run->n);
    for (uint64_t k = 0; k < run->n; k++) {
        prefetch_rows(r, run->rows + k, run->n - k);
        uint64_t row = run->rows[k], n = records_length(r, row);
        const void *set = records_row(r, row);
        uint64_t both = turned ? deltas_shared(run->deltas, run->first + row, set, n) : DELTAS_UNKNOWN;
        if (both == DELTAS_UNKNOWN && !pivot.set)
            pivot = pivot_create(run->record, run->items, r->item, cpu_simd());
        if (both == DELTAS_UNKNOWN ? !pivot_at_least(t->exact, &pivot, set, n, &value[k])
                                   : !jaccard_reaches(t->exact, run->items, n, both, &value[k]))
            value[k] = NAN;
    }
    pivot_free(&pivot);
}

static double jaccard_agreement(double similarity, const struct drawing *d) {
    /* of sketches at least so much: see lanes.h */
    return d->symbol_bits ? law_certain(similarity + (1 - similarity) / 256) : similarity;
}

const struct family family_jaccard = {
    .metric = "jaccard",
    .value = "similarity",
    .words = one_word_each,
    .agreement = jaccard_agreement,
    .create = jaccard_create,
    .destroy = jaccard_destroy,
    .sign = jaccard_sign,
    .symbol_bits = 8,
    .sketch = jaccard_sketch,
    .verify = jaccard_verify,
    .verify_run = jaccard_verify_run,
};

const struct family *family_find(const char *metric) {
    static const struct family *const all[] = {&family_jaccard,     &family_weighted_jaccard,
                                               &family_containment, &family_cosine,
                                               &family_l2,          &family_ip};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(metric, all[i]->metric) == 0)
            return all[i];
    return NULL;
}
