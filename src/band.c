#include "lshjoin/band.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

enum { MOST_TOGETHER = 128 }; /* records signed at a time */

/* A chain of bijections: two words are folded in at a time, so keys differ unless 64 mixed bits meet by
 * chance. The band's number enters first, so that equal words in different bands have unrelated keys. */
uint64_t band_key(const uint32_t *words, uint32_t n, uint32_t band) {
    uint64_t key = mix64(band + 0x9e3779b97f4a7c15u);
    for (uint32_t i = 0; i + 1 < n; i += 2)
        key = mix64(key ^ ((uint64_t)words[i] << 32 | words[i + 1]));
    if (n % 2)
        key = mix64(key ^ words[n - 1]);
    key &= ~BAND_ASKS;
    return key == BAND_NO_KEY ? 2 : key;
}

struct sign_job {
    const struct family *family;
    const void *signer;
    const struct records *records;
    struct signatures *out;
    uint32_t words;    /* of a band */
    uint64_t split;    /* as of signatures_create */
    uint64_t first;    /* record of the slice that is worked on */
    uint64_t chunk;    /* records signed together */
    uint32_t *scratch; /* [threads][chunk][bands * words + padding] */
};

/* A signer may write somewhat past the last record's words (minhash rounds up to 64). */
enum { PADDING = 64 };

/* The keys of a record's words, or none where that is NULL or the record does not have this role. */
static void make_keys(const struct sign_job *job, uint64_t row, uint32_t variant, const uint32_t *words) {
    struct signatures *s = job->out;
    bool is_left = row < job->split, is_right = !is_left || job->split == UINT64_MAX;
    bool none = !words || (variant > 0 ? !is_left : s->is_asymmetric && !is_right);
    for (uint32_t band = 0; band < s->bands; band++)
        s->keys[((uint64_t)band * s->variants + variant) * s->n + row] =
            none
                ? BAND_NO_KEY
                : band_key(words + (uint64_t)band * job->words, job->words, band) | (variant ? BAND_ASKS : 0);
}

static void sign_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct sign_job *job = ctx;
    struct signatures *s = job->out;
    lo += job->first;
    hi += job->first;
    uint64_t each = (uint64_t)s->variants * s->bands * job->words;
    uint32_t *words = job->scratch + (uint64_t)thread * (job->chunk * each + PADDING);
    bool pairs[MOST_TOGETHER];
    job->family->sign(job->signer, job->records, lo, hi, words, pairs);
    for (uint64_t row = lo; row < hi; row++, words += each) {
        for (uint32_t variant = 0; variant < s->variants; variant++)
            make_keys(job, row, variant, pairs[row - lo] ? words + variant * (each / s->variants) : NULL);
        if (pairs[row - lo] && s->digest.data)
            memcpy((uint32_t *)s->digest.data + row * each, words, each * sizeof *words);
    }
}

struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, const struct drawing *drawing,
                                    uint64_t split, bool keep_symbols, void (*told)(void *ctx, uint64_t rows),
                                    void *ctx) {
    struct signatures s = {.n = records->n,
                           .bands = drawing->bands,
                           .variants = family_variants(family, drawing),
                           .is_asymmetric = family->is_asymmetric};
    struct sign_job job = {family, NULL, records, &s, family->words(drawing->rows), split, .chunk = 1};
    uint64_t each = (uint64_t)s.variants * s.bands * job.words;
    job.chunk = max_u64(1, min_u64(MOST_TOGETHER, ((uint64_t)1 << 18) / each)); /* a megabyte of words */
    s.keys = mem_alloc(s.n * s.variants * s.bands, sizeof *s.keys);
    if (keep_symbols && s.variants == 1) {
        s.digest = (struct records){.n = s.n, .item = sizeof(uint32_t), .width = each};
        s.digest.data = mem_alloc(s.n * each, sizeof(uint32_t));
    }
    void *signer = family->create(drawing, records);
    job.signer = signer;
    job.scratch = mem_alloc((uint64_t)pool_threads(pool) * (job.chunk * each + PADDING), sizeof *job.scratch);
    uint64_t slice = max_u64(1, s.n / 64 / job.chunk) * job.chunk * (uint64_t)pool_threads(pool);
    for (job.first = 0; job.first < s.n; job.first += slice) {
        pool_for(pool, min_u64(slice, s.n - job.first), job.chunk, sign_rows, &job);
        told(ctx, min_u64(s.n, job.first + slice));
    }
    free(job.scratch);
    family->destroy(signer);
    return s;
}

void signatures_free(struct signatures *s) {
    records_free(&s->digest);
    free(s->keys);
    *s = (struct signatures){0};
}

static void transpose_keys(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct signatures *s = ctx;
    uint64_t *row = s->digest.data;
    uint64_t each = (uint64_t)s->bands * s->variants;
    for (uint64_t k = 0; k < each; k++)
        for (uint64_t i = lo; i < hi; i++)
            row[i * each + k] = s->keys[k * s->n + i];
}

const struct records *signatures_digest(struct signatures *s, struct pool *pool) {
    if (!s->digest.data) {
        s->digest =
            (struct records){.n = s->n, .item = sizeof *s->keys, .width = (uint64_t)s->bands * s->variants};
        s->digest.data = mem_alloc(records_items(&s->digest), sizeof *s->keys);
        pool_for(pool, s->n, 64, transpose_keys,
                 s); /* few rows at a time: they stay in the cache from band to band */
    }
    return &s->digest;
}

/* Where nobody asks: the same symbols, or keys, of `part` bytes a band. */
static bool part_equal(const void *left, const void *right, size_t part, uint32_t band) {
    const char *a = (const char *)left + band * part, *b = (const char *)right + band * part;
    uint64_t x, y;
    if (part != sizeof x)
        return memcmp(a, b, part) == 0;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    return x == y;
}

/* Whether one of the keys behind the first asks for what is stored. */
static bool asks_for(const uint64_t *asking, uint32_t variants, uint64_t stored) {
    for (uint32_t v = 1; v < variants && stored != BAND_NO_KEY; v++)
        if (asking[v] == (stored | BAND_ASKS))
            return true;
    return false;
}

enum { NOWHERE = 2 };

/* Where the pair meets in a band: 0, 1, or NOWHERE. */
static uint32_t meeting(const struct signatures *s, const void *left, const void *right, uint32_t band) {
    size_t part = s->digest.width * s->digest.item / s->bands;
    if (s->variants == 1)
        return part_equal(left, right, part, band) ? 0 : NOWHERE;
    const uint64_t *a = (const uint64_t *)left + (uint64_t)band * s->variants;
    const uint64_t *b = (const uint64_t *)right + (uint64_t)band * s->variants;
    if ((!s->is_asymmetric && a[0] == b[0]) || asks_for(b, s->variants, a[0]))
        return 0;
    return asks_for(a, s->variants, b[0]) ? 1 : NOWHERE;
}

uint32_t band_first_slot(const struct signatures *s, const void *left, const void *right) {
    for (uint32_t band = 0; band < s->bands; band++) {
        uint32_t where = meeting(s, left, right, band);
        if (where != NOWHERE)
            return 2 * band + where;
    }
    return 2 * s->bands;
}

uint32_t band_count(const struct signatures *s, const void *left, const void *right) {
    uint32_t n = 0;
    for (uint32_t band = 0; band < s->bands; band++)
        n += meeting(s, left, right, band) != NOWHERE;
    return n;
}
