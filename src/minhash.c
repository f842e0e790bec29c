#include "lshjoin/minhash.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

/* An element x becomes two 32-bit words, the halves of mix64(x ^ seed'); function k is
 *     t = (low ^ salt[k]) * A;  h = (t ^ high ^ t >> 15) * B   modulo 2^32.
 * The mixer makes any structure of the ids (consecutive, multiples, small) look random; the salt between it
 * and two multiplications makes the functions differ; `high` keeps elements apart whose `low` is equal by
 * chance. */
enum { LANES = 64, BLOCK = 256 };

static const uint32_t mul_a = 0x9e3779b1u, mul_b = 0x85ebca77u;

struct minhash minhash_create(uint32_t m, uint64_t seed, enum simd simd) {
    return minhash_part(0, m, seed, simd);
}

struct minhash minhash_part(uint32_t first, uint32_t m, uint64_t seed, enum simd simd) {
    struct minhash h = {.m = m, .seed = mix64(seed + 0x9e3779b97f4a7c15u), .simd = simd};
    uint32_t padded = (m + LANES - 1) / LANES * LANES;
    h.salt = mem_alloc(padded, sizeof *h.salt);
    first += (uint32_t)mix64(h.seed);
    for (uint32_t k = 0; k < padded;
         k++) { /* murmur3's finaliser, a bijection: no two functions are the same */
        uint32_t s = first + k;
        s = (s ^ s >> 16) * 0x85ebca6bu;
        s = (s ^ s >> 13) * 0xc2b2ae35u;
        h.salt[k] = s ^ s >> 16;
    }
    return h;
}

void minhash_free(struct minhash *h) {
    free(h->salt);
}

static inline __attribute__((always_inline)) uint32_t hash(uint32_t low, uint32_t high, uint32_t salt) {
    uint32_t t = (low ^ salt) * mul_a;
    return (t ^ high ^ t >> 15) * mul_b;
}

static inline __attribute__((always_inline)) uint32_t min_u32(uint32_t a, uint32_t b) {
    return a < b ? a : b;
}

/* least[LANES] lowered by n mixed elements, n a multiple of 4: the meaning, and the text of every SIMD level.
 * Four elements at a time, so that the minima are loaded and stored a quarter as often. */
static inline __attribute__((always_inline)) void lower(const uint32_t *restrict low,
                                                        const uint32_t *restrict high, uint64_t n,
                                                        const uint32_t *restrict salt,
                                                        uint32_t *restrict least) {
    for (uint64_t i = 0; i < n; i += 4)
        for (int k = 0; k < LANES; k++) {
            uint32_t a = min_u32(hash(low[i], high[i], salt[k]), hash(low[i + 1], high[i + 1], salt[k]));
            uint32_t b =
                min_u32(hash(low[i + 2], high[i + 2], salt[k]), hash(low[i + 3], high[i + 3], salt[k]));
            least[k] = min_u32(least[k], min_u32(a, b));
        }
}

static void lower_scalar(const uint32_t *low, const uint32_t *high, uint64_t n, const uint32_t *salt,
                         uint32_t *least) {
    lower(low, high, n, salt, least);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void lower_avx2(const uint32_t *low, const uint32_t *high, uint64_t n,
                                                       const uint32_t *salt, uint32_t *least) {
    lower(low, high, n, salt, least);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static void
lower_avx512(const uint32_t *low, const uint32_t *high, uint64_t n, const uint32_t *salt, uint32_t *least) {
    lower(low, high, n, salt, least);
}
#else
#define lower_avx2 lower_scalar
#define lower_avx512 lower_scalar
#endif

typedef void lower_fn(const uint32_t *low, const uint32_t *high, uint64_t n, const uint32_t *salt,
                      uint32_t *least);

static lower_fn *const lower_at[] = {lower_scalar, lower_avx2, lower_avx512};

void minhash_sign(const struct minhash *h, const void *elements, size_t width, uint64_t n,
                  uint32_t *symbols) {
    uint32_t low[BLOCK], high[BLOCK];
    memset(symbols, 0xff, (h->m + LANES - 1) / LANES * LANES * sizeof *symbols);
    for (uint64_t first = 0; first < n; first += BLOCK) {
        uint64_t piece = min_u64(BLOCK, n - first);
        for (uint64_t i = 0; i < piece; i++) {
            uint64_t x = width == 4 ? ((const uint32_t *)elements)[first + i]
                                    : ((const uint64_t *)elements)[first + i];
            uint64_t mixed = mix64(x ^ h->seed);
            low[i] = (uint32_t)mixed;
            high[i] = (uint32_t)(mixed >> 32);
        }
        for (; piece % 4; piece++) { /* repeats change no minimum */
            low[piece] = low[0];
            high[piece] = high[0];
        }
        for (uint32_t k = 0; k < h->m; k += LANES)
            lower_at[h->simd](low, high, piece, h->salt + k, symbols + k);
    }
}
