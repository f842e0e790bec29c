#include "lshjoin/sketch.h"

#include <stdbool.h>
#include <stdlib.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "lshjoin/band.h"
#include "lshjoin/base.h"

struct sketching sketching_create(const struct drawing *d, enum simd simd) {
    struct sketching s = {.words = sketch_words(d),
                          .symbols = d->pool,
                          .symbol_bits = d->symbol_bits,
                          .bands = d->bands,
                          .rows = d->rows,
                          .cut = d->cut,
                          .pick = drawing_picks(d),
                          .simd = simd,
                          .counts_bits = simd == SIMD_AVX512 && cpu_counts_bits()};
    s.mask = mem_zero((uint64_t)s.bands * s.words, sizeof *s.mask);
    s.factor = mem_alloc(s.words, sizeof *s.factor);
    s.reads = mem_zero(((uint64_t)s.bands + 7) / 8 * 8, sizeof *s.reads);
    const uint64_t symbol = ((uint64_t)1 << s.symbol_bits) - 1;
    for (uint32_t band = 0; band < s.bands; band++)
        for (uint32_t k = 0; k < d->rows; k++) {
            uint32_t picked = s.pick[(uint64_t)band * d->rows + k], bit = picked * s.symbol_bits;
            s.reads[band] |= (uint64_t)1 << picked % 64;
            s.mask[(uint64_t)band * s.words + bit / 64] |= symbol << bit % 64;
        }
    for (uint32_t k = 0; k < s.words; k++)
        s.factor[k] = mix64(k + 0x3c6ef372fe94f82bu) | 1;
    return s;
}

void sketching_free(struct sketching *s) {
    free(s->pick);
    free(s->mask);
    free(s->reads);
    free(s->factor);
}

static inline uint64_t finish_key(uint64_t x) {
    uint64_t hash = mix64(x) & ~BAND_ASKS;
    return hash == BAND_NO_KEY ? 2 : hash;
}

/* A key of few bytes: all of them, and mixed. */
static inline __attribute__((always_inline)) void pack_keys(const uint32_t *pick, uint32_t rows,
                                                            uint32_t words, uint64_t salt,
                                                            const uint64_t *sketch, uint64_t n,
                                                            uint64_t *key) {
    for (uint64_t i = 0; i < n; i++, sketch += words) {
        uint64_t packed = 0;
        for (uint32_t k = 0; k < rows; k++)
            packed = packed << 8 | (sketch[pick[k] / 8] >> 8 * (pick[k] % 8) & 255);
        key[i] = finish_key(packed ^ salt);
    }
}

/* A key: the masked words by odd factors, both halves of the products, summed and mixed. Sums of different
 * words are equal by chance only, and then the symbols tell. */
static inline __attribute__((always_inline)) void make_keys(const uint64_t *mask, const uint64_t *factor,
                                                            uint32_t words, uint64_t salt,
                                                            const uint64_t *sketch, uint64_t n,
                                                            uint64_t *key) {
    for (uint64_t i = 0; i < n; i++) {
        uint64_t sum = salt;
        for (uint32_t k = 0; k < words; k++) {
            unsigned __int128 part = (unsigned __int128)(sketch[i * words + k] & mask[k]) * factor[k];
            sum += (uint64_t)part ^ (uint64_t)(part >> 64);
        }
        key[i] = finish_key(sum);
    }
}

void sketch_keys(const struct sketching *s, const uint64_t *sketch, uint64_t n, uint32_t band,
                 uint64_t *key) {
    const uint64_t *mask = s->mask + (uint64_t)band * s->words, salt = mix64(band + 0x9e3779b97f4a7c15u);
    const uint32_t *pick = s->pick + (uint64_t)band * s->rows;
    if (s->symbol_bits == 8 && s->rows <= 8)
        pack_keys(pick, s->rows, s->words, salt, sketch, n, key);
    else if (s->words == 8)
        make_keys(mask, s->factor, 8, salt, sketch, n, key);
    else if (s->words == 4)
        make_keys(mask, s->factor, 4, salt, sketch, n, key);
    else
        make_keys(mask, s->factor, s->words, salt, sketch, n, key);
}

enum { TOGETHER = 128 }; /* records that are sketched, or make keys, at a time */

struct sketch_job {
    const struct family *family;
    const void *signer;
    const struct records *records;
    struct sketches *out;
    uint64_t first; /* record of the slice that is worked on */
};

static void sketch_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct sketch_job *job = ctx;
    struct records *words = &job->out->words;
    lo += job->first;
    hi += job->first;
    job->family->sketch(job->signer, job->records, lo, hi, (uint64_t *)words->data + lo * words->width,
                        job->out->pairs + lo);
}

struct sketches sketches_create(struct pool *pool, const struct family *family, const struct records *records,
                                const struct drawing *drawing, void (*told)(void *ctx, uint64_t rows),
                                void *ctx) {
    uint64_t n = records->n;
    struct sketches s = {
        .words = {.n = n, .item = sizeof(uint64_t), .width = sketch_words(drawing)},
        .pairs = mem_alloc(n, sizeof *s.pairs),
    };
    s.words.data = mem_alloc(records_items(&s.words), s.words.item);
    struct sketch_job job = {.family = family, .records = records, .out = &s};
    void *signer = family->create(drawing, records);
    job.signer = signer;
    uint64_t slice = max_u64(1, n / 64 / TOGETHER) * TOGETHER * (uint64_t)pool_threads(pool);
    for (; job.first < n; job.first += slice) {
        pool_for(pool, min_u64(slice, n - job.first), TOGETHER, sketch_rows, &job);
        if (told)
            told(ctx, min_u64(n, job.first + slice));
    }
    family->destroy(signer);
    return s;
}

void sketches_free(struct sketches *s) {
    records_free(&s->words);
    free(s->pairs);
    *s = (struct sketches){0};
}

struct key_job {
    const struct sketches *sketches;
    const struct sketching *sketching;
    struct band_keys *keys;
    uint32_t band;
};

/* Few rows at a time: they stay in the cache from band to band. */
static void key_rows(void *ctx, uint64_t lo, uint64_t hi, int thread) {
    (void)thread;
    struct key_job *job = ctx;
    const struct records *words = &job->sketches->words;
    for (uint32_t band = 0; band < job->keys->bands; band++) {
        uint64_t *key = job->keys->key + band * job->keys->n;
        sketch_keys(job->sketching, records_row(words, lo), hi - lo, job->band + band, key + lo);
        for (uint64_t row = lo; row < hi; row++)
            if (!job->sketches->pairs[row])
                key[row] = BAND_NO_KEY;
    }
}

struct band_keys sketches_keys(const struct sketches *s, const struct sketching *sketching, struct pool *pool,
                               uint32_t band, uint32_t band_end) {
    struct band_keys k = {.n = s->words.n, .bands = band_end - band, .variants = 1};
    k.key = mem_alloc(k.bands * k.n, sizeof *k.key);
    pool_for(pool, k.n, TOGETHER, key_rows, &(struct key_job){s, sketching, &k, band});
    return k;
}

/* The number of symbols of 8 bits or of 1 that are zero in a word. */
static inline __attribute__((always_inline)) uint32_t zeros(uint64_t x, uint32_t symbol_bits) {
    if (symbol_bits == 1)
        return 64 - (uint32_t)__builtin_popcountll(x);
    const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
    uint64_t nonzero = ((x & low) + low) | x | low; /* the top bit of each byte: whether it is not zero */
    return (uint32_t)__builtin_popcountll(~nonzero);
}

static inline __attribute__((always_inline)) uint32_t agreeing(const uint64_t *a, const uint64_t *b,
                                                               uint32_t words, uint32_t symbol_bits) {
    uint32_t n = 0;
    for (uint32_t k = 0; k < words; k++)
        n += zeros(a[k] ^ b[k], symbol_bits);
    return n;
}

#if defined(__x86_64__)
__attribute__((target("popcnt"))) static uint32_t agreeing_popcnt(const struct sketching *s,
                                                                  const uint64_t *a, const uint64_t *b) {
    return agreeing(a, b, s->words, s->symbol_bits);
}
#endif

uint32_t sketch_agreeing(const struct sketching *s, const uint64_t *a, const uint64_t *b) {
#if defined(__x86_64__)
    if (s->simd >= SIMD_AVX2)
        return agreeing_popcnt(s, a, b);
#endif
    return agreeing(a, b, s->words, s->symbol_bits);
}

/* Whether a pair meets in the band and in none below. */
static inline __attribute__((always_inline)) bool is_lowest(const struct sketching *s, const uint64_t *a,
                                                            const uint64_t *b, uint32_t band) {
    const uint64_t *mask = s->mask;
    for (uint32_t t = 0; t <= band; t++, mask += s->words) {
        uint64_t differ = 0;
        for (uint32_t k = 0; k < s->words; k++)
            differ |= (a[k] ^ b[k]) & mask[k];
        if (!differ)
            return t == band;
    }
    return false;
}

typedef bool lowest_fn(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t band);

/* The meaning, and the text of the levels, which differ in how a pair is found to be lowest. */
static inline __attribute__((always_inline)) uint32_t pass(const struct sketching *s, const uint64_t *a,
                                                           const uint64_t *b, uint32_t n, uint32_t band,
                                                           uint32_t words, uint32_t symbol_bits,
                                                           lowest_fn *lowest, uint32_t *place) {
    uint32_t found = 0;
    for (uint32_t i = 0; i < n; i++, b += words)
        if (agreeing(a, b, words, symbol_bits) >= s->cut && lowest(s, a, b, band))
            place[found++] = i;
    return found;
}

typedef uint32_t pass_fn(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t n,
                         uint32_t band, uint32_t *place);

static uint32_t pass_scalar(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t n,
                            uint32_t band, uint32_t *place) {
    return pass(s, a, b, n, band, s->words, s->symbol_bits, is_lowest, place);
}

#if defined(__x86_64__)
/* Sketches of 4 words, and of 8: a band takes a test or two. */
__attribute__((target("avx2"))) static inline bool
is_lowest_of_4(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t band) {
    __m256i differ =
        _mm256_xor_si256(_mm256_loadu_si256((const void *)a), _mm256_loadu_si256((const void *)b));
    const uint64_t *mask = s->mask;
    for (uint32_t t = 0; t <= band; t++, mask += 4)
        if (_mm256_testz_si256(differ, _mm256_loadu_si256((const void *)mask)))
            return t == band;
    return false;
}

__attribute__((target("avx2"))) static inline bool
is_lowest_of_8(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t band) {
    __m256i low = _mm256_xor_si256(_mm256_loadu_si256((const void *)a), _mm256_loadu_si256((const void *)b));
    __m256i high = _mm256_xor_si256(_mm256_loadu_si256((const void *)(a + 4)),
                                    _mm256_loadu_si256((const void *)(b + 4)));
    const uint64_t *mask = s->mask;
    for (uint32_t t = 0; t <= band; t++, mask += 8)
        if (_mm256_testz_si256(low, _mm256_loadu_si256((const void *)mask)) &&
            _mm256_testz_si256(high, _mm256_loadu_si256((const void *)(mask + 4))))
            return t == band;
    return false;
}

/* Of sketches of 64 symbols of 8 bits, from a bit for each symbol that is equal. No branch depends on the
 * data: in which band two that are much alike meet first, nothing foretells. */
static inline __attribute__((always_inline)) bool is_lowest_of_symbols(const struct sketching *s,
                                                                       uint64_t equal, uint32_t band) {
    const uint64_t *reads = s->reads;
    uint64_t met = 0;
    for (uint32_t t = 0; t < band; t++)
        met |= (reads[t] & ~equal) == 0;
    return (met == 0) & ((reads[band] & ~equal) == 0);
}

__attribute__((target("popcnt,avx2"))) static uint32_t pass_symbols_avx2(const struct sketching *s,
                                                                         const uint64_t *a, const uint64_t *b,
                                                                         uint32_t n, uint32_t band,
                                                                         uint32_t *place) {
    uint32_t found = 0, cut = s->cut;
    __m256i low = _mm256_loadu_si256((const void *)a), high = _mm256_loadu_si256((const void *)(a + 4));
    for (uint32_t i = 0; i < n; i++, b += 8) {
        __m256i same_low = _mm256_cmpeq_epi8(low, _mm256_loadu_si256((const void *)b));
        __m256i same_high = _mm256_cmpeq_epi8(high, _mm256_loadu_si256((const void *)(b + 4)));
        uint64_t equal = (uint32_t)_mm256_movemask_epi8(same_low) |
                         (uint64_t)(uint32_t)_mm256_movemask_epi8(same_high) << 32;
        if ((uint32_t)__builtin_popcountll(equal) < cut)
            continue;
        place[found] = i;
        found += is_lowest_of_symbols(s, equal, band);
    }
    return found;
}

/* With the instruction that counts bits, which every processor of the AVX2 level has. */
__attribute__((target("popcnt,avx2"))) static uint32_t pass_avx2(const struct sketching *s, const uint64_t *a,
                                                                 const uint64_t *b, uint32_t n, uint32_t band,
                                                                 uint32_t *place) {
    if (s->words == 8 && s->symbol_bits == 8)
        return pass_symbols_avx2(s, a, b, n, band, place);
    if (s->words == 8)
        return pass(s, a, b, n, band, 8, 1, is_lowest_of_8, place);
    if (s->words == 4 && s->symbol_bits == 1)
        return pass(s, a, b, n, band, 4, 1, is_lowest_of_4, place);
    return pass(s, a, b, n, band, s->words, s->symbol_bits, is_lowest, place);
}

/* Sketches of 8 words: a band takes one test, and 64 symbols of 8 bits one comparison. */
__attribute__((target("avx512f"))) static inline bool
is_lowest_of_512(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t band) {
    __m512i differ = _mm512_xor_si512(_mm512_loadu_si512(a), _mm512_loadu_si512(b));
    const uint64_t *mask = s->mask;
    for (uint32_t t = 0; t <= band; t++, mask += 8)
        if (!_mm512_test_epi64_mask(differ, _mm512_loadu_si512(mask)))
            return t == band;
    return false;
}

/* is_lowest_of_symbols, of eight bands at once. */
__attribute__((target("avx512f"))) static inline bool is_lowest_of_eight(const struct sketching *s,
                                                                         uint64_t equal, uint32_t band) {
    const __m512i differ = _mm512_set1_epi64((long long)~equal);
    const uint64_t *reads = s->reads;
    uint32_t met = 0;
    for (; band >= 8; band -= 8, reads += 8)
        met |= _mm512_testn_epi64_mask(differ, _mm512_loadu_si512(reads));
    uint32_t last = _mm512_testn_epi64_mask(differ, _mm512_loadu_si512(reads)) & ((2u << band) - 1);
    return (met == 0) & (last == 1u << band);
}

/* 512 symbols of one bit are counted in one register. */
__attribute__((target("avx512f,avx512vpopcntdq"))) static uint32_t pass_bits(const struct sketching *s,
                                                                             const uint64_t *a,
                                                                             const uint64_t *b, uint32_t n,
                                                                             uint32_t band, uint32_t *place) {
    uint32_t found = 0;
    int64_t most = 512 - (int64_t)s->cut; /* that differ */
    __m512i mine = _mm512_loadu_si512(a);
    for (uint32_t i = 0; i < n; i++, b += 8) {
        __m512i differ = _mm512_xor_si512(mine, _mm512_loadu_si512(b));
        if (_mm512_reduce_add_epi64(_mm512_popcnt_epi64(differ)) <= most && is_lowest_of_512(s, a, b, band))
            place[found++] = i;
    }
    return found;
}

__attribute__((target("popcnt,avx2,avx512f,avx512bw"))) static uint32_t
pass_avx512(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t n, uint32_t band,
            uint32_t *place) {
    if (s->words != 8)
        return pass_avx2(s, a, b, n, band, place);
    if (s->symbol_bits != 8)
        return s->counts_bits ? pass_bits(s, a, b, n, band, place)
                              : pass(s, a, b, n, band, 8, 1, is_lowest_of_512, place);
    uint32_t found = 0, cut = s->cut;
    __m512i mine = _mm512_loadu_si512(a);
    for (uint32_t i = 0; i < n; i++, b += 8) {
        uint64_t equal = _mm512_cmpeq_epi8_mask(mine, _mm512_loadu_si512(b));
        if ((uint32_t)__builtin_popcountll(equal) < cut)
            continue;
        place[found] = i;
        found += is_lowest_of_eight(s, equal, band);
    }
    return found;
}
#else
#define pass_avx2 pass_scalar
#define pass_avx512 pass_scalar
#endif

uint32_t sketch_candidates(const struct sketching *s, const uint64_t *a, const uint64_t *b, uint32_t n,
                           uint32_t band, uint32_t *place) {
    static pass_fn *const pass_at[] = {pass_scalar, pass_avx2, pass_avx512};
    return pass_at[s->simd](s, a, b, n, band, place);
}
