#include "lshjoin/seal.h"

#include <pthread.h>
#include <string.h>

#include "lshjoin/base.h"
#include "lshjoin/cpu.h"

enum { WORDS = SEAL_BLOCK / 4 };

static uint32_t factor[WORDS];

static void draw_factors(void) {
    for (uint64_t i = 0; i < WORDS; i++)
        factor[i] = (uint32_t)mix64(0x9e3779b97f4a7c15u * (i + 1)) | 1;
}

/* Over n words. */
static inline __attribute__((always_inline)) uint64_t sum_words(const unsigned char *bytes,
                                                                const uint32_t *of, uint64_t n) {
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        uint32_t word;
        memcpy(&word, bytes + 4 * i, sizeof word);
        sum += (uint64_t)of[i] * word;
    }
    return sum;
}

static uint64_t sum_scalar(const unsigned char *bytes, const uint32_t *of, uint64_t n) {
    return sum_words(bytes, of, n);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t sum_avx2(const unsigned char *bytes, const uint32_t *of,
                                                         uint64_t n) {
    return sum_words(bytes, of, n);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static uint64_t
sum_avx512(const unsigned char *bytes, const uint32_t *of, uint64_t n) {
    return sum_words(bytes, of, n);
}
#else
#define sum_avx2 sum_scalar
#define sum_avx512 sum_scalar
#endif

static uint64_t (*const sum_at[])(const unsigned char *bytes, const uint32_t *of,
                                  uint64_t n) = {sum_scalar, sum_avx2, sum_avx512};

uint64_t seal_part(const void *bytes, uint64_t at, uint64_t n) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, draw_factors);
    const unsigned char *p = bytes, *end = p + n;
    uint64_t sum = 0;
    for (; p < end && at % 4; p++, at++)
        sum += factor[at / 4] * ((uint64_t)*p << at % 4 * 8);
    uint64_t words = (uint64_t)(end - p) / 4;
    if (words > 0)
        sum += sum_at[cpu_simd()](p, factor + at / 4, words);
    for (p += 4 * words, at += 4 * words; p < end; p++, at++)
        sum += factor[at / 4] * ((uint64_t)*p << at % 4 * 8);
    return sum;
}
