#include "lshjoin/band.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/minhash.h"

/* Records signed at a time: what is drawn for the hash functions is read once for all of them. */
enum { LEAST_TOGETHER = 64, MOST_TOGETHER = 128 };

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
    uint32_t band;     /* number of the first */
    uint64_t storing;  /* rows before this one do not store */
    uint64_t first;    /* record of the slice that is worked on */
    uint64_t chunk;    /* records signed together */
    uint32_t *scratch; /* [threads][chunk][variants * bands * words + padding] */
};

/* Whether a record takes part in a band. */
static bool takes_part(const struct sign_job *job, const uint32_t *words) {
    for (uint32_t k = 0; k < job->words && job->family->skips_bands; k++)
        if (words[k])
            return true;
    return !job->family->skips_bands;
}

/* The keys of a variant of rows [lo, hi), whose words lie `each` apart, or none where pairs[] is false or
 * they do not store. Band by band: those of one band lie together. */
static void make_keys(const struct sign_job *job, uint64_t lo, uint64_t hi, uint32_t variant,
                      const uint32_t *words, uint64_t each, const bool *pairs) {
    const struct band_keys *k = &job->out->keys;
    uint64_t *key = k->key + (variant ? k->n + (variant - 1) * k->asking : 0);
    words += (uint64_t)variant * k->bands * job->words;
    for (uint32_t band = 0; band < k->bands; band++, words += job->words, key += band_keys_each(k))
        for (uint64_t row = lo; row < hi; row++) {
            const uint32_t *of_row = words + (row - lo) * each;
            bool has = pairs[row - lo] && (variant || row >= job->storing) && takes_part(job, of_row);
            key[row] = has ? band_key(of_row, job->words, job->band + band) | (variant ? BAND_ASKS : 0)
                           : BAND_NO_KEY;
        }
}

static void sign_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    struct sign_job *job = ctx;
    const struct band_keys *k = &job->out->keys;
    lo += job->first;
    hi += job->first;
    uint64_t each = (uint64_t)k->variants * k->bands * job->words;
    uint32_t *words = job->scratch + (uint64_t)thread * (job->chunk * each + MINHASH_PADDING);
    bool pairs[MOST_TOGETHER];
    job->family->sign(job->signer, job->records, lo, hi, k->asking, words, pairs);
    make_keys(job, lo, hi, 0, words, each, pairs);
    for (uint32_t variant = 1; variant < k->variants; variant++)
        make_keys(job, lo, min_u64(hi, k->asking), variant, words, each, pairs);
    for (uint64_t row = lo; row < hi && job->out->digest.data; row++)
        if (pairs[row - lo])
            memcpy((uint32_t *)job->out->digest.data + row * each, words + (row - lo) * each,
                   each * sizeof *words);
}

static struct band_keys keys_create(uint64_t n, uint32_t bands, uint32_t variants, uint64_t asking) {
    struct band_keys k = {n, asking, bands, variants, NULL};
    k.key = mem_alloc(bands * band_keys_each(&k), sizeof *k.key);
    return k;
}

struct signatures signatures_create(struct pool *pool, const struct family *family,
                                    const struct records *records, const struct drawing *drawing,
                                    uint64_t split, bool keep_symbols, void (*told)(void *ctx, uint64_t rows),
                                    void *ctx) {
    uint64_t n = records->n;
    uint32_t variants = family_variants(family, drawing), words = family->words(drawing->rows);
    struct signatures s = {.keys =
                               keys_create(n, drawing->bands, variants, variants > 1 ? min_u64(n, split) : 0),
                           .is_asymmetric = family->is_asymmetric,
                           .is_directed = family->is_directed};
    uint64_t each = (uint64_t)variants * drawing->bands * words;
    struct sign_job job = {
        .family = family, .records = records, .out = &s, .words = words, .band = drawing->first_band};
    job.storing = family->is_asymmetric && split != UINT64_MAX ? split : 0;
    job.chunk =
        max_u64(LEAST_TOGETHER, min_u64(MOST_TOGETHER, ((uint64_t)1 << 18) / each)); /* a megabyte of words */
    if (keep_symbols && variants == 1) {
        s.digest = (struct records){.n = n, .item = sizeof(uint32_t), .width = each};
        s.digest.data = mem_alloc(n * each, sizeof(uint32_t));
    }
    void *signer = family->create(drawing, records);
    job.signer = signer;
    job.scratch =
        mem_alloc((uint64_t)pool_threads(pool) * (job.chunk * each + MINHASH_PADDING), sizeof *job.scratch);
    uint64_t slice = max_u64(1, n / 64 / job.chunk) * job.chunk * (uint64_t)pool_threads(pool);
    for (job.first = 0; job.first < n; job.first += slice) {
        pool_for(pool, min_u64(slice, n - job.first), job.chunk, sign_rows, &job);
        if (told)
            told(ctx, min_u64(n, job.first + slice));
    }
    free(job.scratch);
    family->destroy(signer);
    return s;
}

void signatures_free(struct signatures *s) {
    records_free(&s->digest);
    free(s->keys.key);
    *s = (struct signatures){0};
}

static void transpose_keys(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    const struct signatures *s = ctx;
    const struct band_keys *k = &s->keys;
    uint64_t *digest = s->digest.data, width = s->digest.width;
    for (uint32_t band = 0; band < k->bands; band++)
        for (uint32_t v = 0; v < k->variants; v++) {
            const uint64_t *key = k->key + band * band_keys_each(k) + (v ? k->n + (v - 1) * k->asking : 0);
            for (uint64_t row = lo; row < hi; row++)
                digest[row * width + band * k->variants + v] =
                    v == 0 || row < k->asking ? key[row] : BAND_NO_KEY;
        }
}

const struct records *signatures_digest(struct signatures *s, struct pool *pool) {
    if (!s->digest.data) {
        s->digest = (struct records){
            .n = s->keys.n, .item = sizeof *s->keys.key, .width = (uint64_t)s->keys.bands * s->keys.variants};
        s->digest.data = mem_alloc(records_items(&s->digest), s->digest.item);
        pool_for(pool, s->keys.n, 64, transpose_keys,
                 s); /* few rows at a time: they stay in the cache from band to band */
    }
    return &s->digest;
}

/* The words of a digest that belong to a band. */
static size_t words_of_band(const struct signatures *s) {
    return s->digest.width * (s->digest.item / sizeof(uint32_t)) / s->keys.bands;
}

/* Where nobody asks: the same symbols, or keys. Without branches: of similar records no word is likely to be
 * the first that differs. */
static inline bool part_equal(const uint32_t *a, const uint32_t *b, size_t words) {
    uint32_t differ = 0;
    for (size_t k = 0; k < words; k++)
        differ |= a[k] ^ b[k];
    return differ == 0;
}

/* Whether one of the keys behind the first asks for what is stored. */
static bool asks_for(const uint64_t *asking, uint32_t variants, uint64_t stored) {
    for (uint32_t v = 1; v < variants && stored != BAND_NO_KEY; v++)
        if (asking[v] == (stored | BAND_ASKS))
            return true;
    return false;
}

enum { NOWHERE = 2 };

/* Where the pair meets in a band of so many words: 0, 1, or NOWHERE. */
static inline uint32_t meeting(const struct signatures *s, const uint32_t *left, const uint32_t *right,
                               size_t words, uint32_t band) {
    left += band * words;
    right += band * words;
    if (s->keys.variants == 1)
        return part_equal(left, right, words) ? 0 : NOWHERE;
    const uint64_t *a = (const uint64_t *)(const void *)left, *b = (const uint64_t *)(const void *)right;
    if ((!s->is_asymmetric && a[0] == b[0]) || (!s->is_directed && asks_for(b, s->keys.variants, a[0])))
        return 0;
    return asks_for(a, s->keys.variants, b[0]) ? 1 : NOWHERE;
}

uint32_t band_first_slot(const struct signatures *s, const void *left, const void *right) {
    size_t words = words_of_band(s);
    for (uint32_t band = 0; band < s->keys.bands; band++) {
        uint32_t where = meeting(s, left, right, words, band);
        if (where != NOWHERE)
            return 2 * band + where;
    }
    return 2 * s->keys.bands;
}

uint32_t band_count(const struct signatures *s, const void *left, const void *right) {
    size_t words = words_of_band(s);
    uint32_t n = 0;
    for (uint32_t band = 0; band < s->keys.bands; band++)
        n += meeting(s, left, right, words, band) != NOWHERE;
    return n;
}
