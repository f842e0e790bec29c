#include "lshjoin/band.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

/* A chain of bijections: two symbols are folded in at a time, so keys differ unless 64 mixed bits meet by
 * chance. The band's number enters first, so that equal symbols in different bands have unrelated keys. */
uint64_t band_key(const uint32_t *symbols, uint32_t r, uint32_t band) {
    uint64_t key = mix64(band + 0x9e3779b97f4a7c15u);
    for (uint32_t i = 0; i + 1 < r; i += 2)
        key = mix64(key ^ ((uint64_t)symbols[i] << 32 | symbols[i + 1]));
    if (r % 2)
        key = mix64(key ^ symbols[r - 1]);
    return key == BAND_NO_KEY ? 1 : key;
}

struct sign_job {
    const struct family *family;
    const void *signer;
    const struct records *records;
    struct signatures *out;
    uint32_t rows, m;
    uint32_t *scratch; /* [threads][padded] */
    uint32_t padded;
};

static void sign_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct sign_job *job = ctx;
    struct signatures *s = job->out;
    uint32_t *symbols = job->scratch + (size_t)thread * job->padded;
    for (uint64_t row = lo; row < hi; row++) {
        bool pairs = job->family->sign(job->signer, job->records, row, symbols);
        for (uint32_t band = 0; band < s->bands; band++)
            s->keys[band * s->n + row] =
                pairs ? band_key(symbols + (size_t)band * job->rows, job->rows, band) : BAND_NO_KEY;
        if (pairs && s->digest.data)
            memcpy((uint32_t *)s->digest.data + row * job->m, symbols, job->m * sizeof *symbols);
    }
}

struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, uint32_t bands, uint32_t rows,
                                    uint64_t seed, bool keep_symbols) {
    uint32_t m = bands * rows, padded = (m + 63) / 64 * 64;
    struct signatures s = {.n = records->n, .bands = bands};
    s.keys = mem_alloc(s.n * bands, sizeof *s.keys);
    if (keep_symbols) {
        s.digest = (struct records){.n = s.n, .item = sizeof(uint32_t), .width = m};
        s.digest.data = mem_alloc(s.n * m, sizeof(uint32_t));
    }
    void *signer = family->create(m, seed);
    struct sign_job job = {family, signer, records, &s, rows, m, NULL, padded};
    job.scratch = mem_alloc((uint64_t)pool_threads(pool) * padded, sizeof *job.scratch);
    pool_for(pool, s.n, 128, sign_rows, &job);
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
    for (uint64_t band = 0; band < s->bands; band++)
        for (uint64_t i = lo; i < hi; i++)
            row[i * s->bands + band] = s->keys[band * s->n + i];
}

const struct records *signatures_digest(struct signatures *s, struct pool *pool) {
    if (!s->digest.data) {
        s->digest = (struct records){.n = s->n, .item = sizeof *s->keys, .width = s->bands};
        s->digest.data = mem_alloc(s->n * s->bands, sizeof *s->keys);
        pool_for(pool, s->n, 64, transpose_keys,
                 s); /* few rows at a time: they stay in the cache from band to band */
    }
    return &s->digest;
}

uint32_t band_collisions(const void *a, const void *b, size_t bytes, uint32_t bands, uint32_t first,
                         uint32_t end) {
    size_t part = bytes / bands;
    uint32_t n = 0;
    if (part == sizeof(uint64_t)) { /* keys: the compiler compares many at once */
        const uint64_t *x = a, *y = b;
        for (uint32_t band = first; band < end; band++)
            n += x[band] == y[band];
        return n;
    }
    for (size_t at = first * part; at < end * part; at += part)
        n += memcmp((const char *)a + at, (const char *)b + at, part) == 0;
    return n;
}
