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
        if (pairs && s->digest.data != s->keys)
            memcpy((uint32_t *)s->digest.data + row * job->m, symbols, job->m * sizeof *symbols);
    }
}

struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, uint32_t bands, uint32_t rows,
                                    uint64_t seed, bool keep_symbols) {
    uint32_t m = bands * rows, padded = (m + 63) / 64 * 64;
    struct signatures s = {.n = records->n, .bands = bands};
    s.keys = mem_alloc(s.n * bands, sizeof *s.keys);
    if (keep_symbols)
        s.digest = (struct records){.n = s.n, .item = sizeof(uint32_t), .width = m, .stride = 1};
    else
        s.digest = (struct records){.n = s.n, .item = sizeof *s.keys, .width = bands, .stride = s.n};
    s.digest.data = keep_symbols ? mem_alloc(s.n * m, sizeof(uint32_t)) : (void *)s.keys;

    void *signer = family->create(m, seed);
    struct sign_job job = {family, signer, records, &s, rows, m, NULL, padded};
    job.scratch = mem_alloc((uint64_t)pool_threads(pool) * padded, sizeof *job.scratch);
    pool_for(pool, s.n, 128, sign_rows, &job);
    free(job.scratch);
    family->destroy(signer);
    return s;
}

void signatures_free(struct signatures *s) {
    if (s->digest.data != s->keys)
        records_free(&s->digest);
    free(s->keys);
    *s = (struct signatures){0};
}

struct collisions band_collisions(const struct records *a, uint64_t i, const struct records *b, uint64_t j,
                                  uint32_t bands) {
    struct collisions found = {0, bands};
    size_t symbols = records_length(a, i) / bands, bytes = symbols * a->item; /* of a band; contiguous */
    const char *x = records_row(a, i), *y = records_row(b, j);
    for (uint32_t band = 0; band < bands; band++)
        if (memcmp(x + band * a->stride * bytes, y + band * b->stride * bytes, bytes) == 0 &&
            found.count++ == 0)
            found.lowest = band;
    return found;
}
