#include "lshjoin/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

/* An element becomes two halves as wide as a lane, of mix64(x ^ seed'): its lowest bits and those above.
 * Function k of the first half of the functions takes the low one, of the second half the high one: h =
 * multiplier[k] * (half ^ offset[k])   modulo 2^16 or 2^32, the multiplier odd, a bijection of the half.
 * Without the offset an element whose half is 0 would be the least of all functions. For two elements the
 * draw of the offset makes either the least one equally often, whatever they are; for more, the multiplier
 * keeps their order from being the same in many functions. */
enum { BLOCK = 256, GROUP = LANES_TOGETHER / 2, STEP = 4 };

struct lanes lanes_create(uint32_t m, uint64_t most_elements, uint64_t seed, enum simd simd) {
    uint32_t padded = (m + LANES_TOGETHER - 1) / LANES_TOGETHER * LANES_TOGETHER;
    struct lanes l = {.m = m,
                      .bits = most_elements <= LANES_MOST_OF_16_BITS ? 16 : 32,
                      .seed = mix64(seed + 0x9e3779b97f4a7c15u),
                      .simd = simd};
    l.multiplier = mem_alloc(padded, l.bits / 8);
    l.offset = mem_alloc(padded, l.bits / 8);
    uint64_t state = mix64(l.seed ^ 0xbb67ae8584caa73bu);
    for (uint32_t k = 0; k < padded; k++) {
        uint64_t drawn = mix64(state += 0x9e3779b97f4a7c15u);
        if (l.bits == 16) {
            ((uint16_t *)l.multiplier)[k] = (uint16_t)(drawn >> 48) | 1;
            ((uint16_t *)l.offset)[k] = (uint16_t)(drawn >> 32);
        } else {
            ((uint32_t *)l.multiplier)[k] = (uint32_t)(drawn >> 32) | 1;
            ((uint32_t *)l.offset)[k] = (uint32_t)mix64(drawn);
        }
    }
    return l;
}

void lanes_free(struct lanes *l) {
    free(l->multiplier);
    free(l->offset);
}

/* Elements [0, n) mixed, and padded by repeats, which change no least value. Returns the padded number. */
static inline __attribute__((always_inline)) uint64_t mix(const void *elements, size_t width, uint64_t n,
                                                          uint64_t seed, uint64_t *mixed) {
    if (width == sizeof(uint32_t))
        for (uint64_t i = 0; i < n; i++)
            mixed[i] = mix64(((const uint32_t *)elements)[i] ^ seed);
    else
        for (uint64_t i = 0; i < n; i++)
            mixed[i] = mix64(((const uint64_t *)elements)[i] ^ seed);
    for (; n % STEP; n++)
        mixed[n] = mixed[0];
    return n;
}

/* The meaning, and the text of every SIMD level, for lanes of a type. lower_: least[GROUP] lowered by n
 * halves, n a multiple of STEP. sketch_: the symbols of LANES_TOGETHER functions from k on, of low and of
 * high halves by turns. All bytes of a least value count: the low ones of two are equal where those of the
 * halves are, in all functions alike. */
#define DEFINE_LANES(type)                                                                                   \
    static inline __attribute__((always_inline)) type hash_##type(type half, type multiplier, type offset) { \
        return (type)((uint32_t)multiplier * (type)(half ^ offset));                                         \
    }                                                                                                        \
    static inline __attribute__((always_inline)) type min_##type(type a, type b) {                           \
        return a < b ? a : b;                                                                                \
    }                                                                                                        \
    static inline __attribute__((always_inline)) uint8_t fold_##type(type least) {                           \
        uint32_t x = least;                                                                                  \
        x ^= x >> 16;                                                                                        \
        return (uint8_t)(x ^ x >> 8);                                                                        \
    }                                                                                                        \
    static inline __attribute__((always_inline)) void lower_##type(                                          \
        const type *restrict half, uint64_t n, const type *restrict multiplier, const type *restrict offset, \
        type *restrict least) {                                                                              \
        for (uint64_t i = 0; i < n; i += STEP)                                                               \
            for (int k = 0; k < GROUP; k++) {                                                                \
                type a = min_##type(hash_##type(half[i], multiplier[k], offset[k]),                          \
                                    hash_##type(half[i + 1], multiplier[k], offset[k]));                     \
                type b = min_##type(hash_##type(half[i + 2], multiplier[k], offset[k]),                      \
                                    hash_##type(half[i + 3], multiplier[k], offset[k]));                     \
                least[k] = min_##type(least[k], min_##type(a, b));                                           \
            }                                                                                                \
    }                                                                                                        \
    static inline __attribute__((always_inline)) void sketch_##type(                                         \
        const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k,                   \
        uint8_t *symbol) {                                                                                   \
        const type *multiplier = (const type *)l->multiplier + k, *offset = (const type *)l->offset + k;     \
        uint64_t mixed[BLOCK];                                                                               \
        type low[BLOCK], high[BLOCK], least_low[GROUP], least_high[GROUP];                                   \
        memset(least_low, 0xff, sizeof least_low);                                                           \
        memset(least_high, 0xff, sizeof least_high);                                                         \
        for (uint64_t first = 0; first < n; first += BLOCK) {                                                \
            const char *block = (const char *)elements + first * width;                                      \
            uint64_t piece = mix(block, width, min_u64(BLOCK, n - first), l->seed, mixed);                   \
            for (uint64_t i = 0; i < piece; i++) {                                                           \
                low[i] = (type)mixed[i];                                                                     \
                high[i] = (type)(mixed[i] >> 8 * sizeof(type));                                              \
            }                                                                                                \
            lower_##type(low, piece, multiplier, offset, least_low);                                         \
            lower_##type(high, piece, multiplier + GROUP, offset + GROUP, least_high);                       \
        }                                                                                                    \
        for (int i = 0; i < GROUP; i++) {                                                                    \
            symbol[2 * i] = fold_##type(least_low[i]);                                                       \
            symbol[2 * i + 1] = fold_##type(least_high[i]);                                                  \
        }                                                                                                    \
    }
DEFINE_LANES(uint16_t)
DEFINE_LANES(uint32_t)

typedef void sketch_fn(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k,
                       uint8_t *symbol);

static inline __attribute__((always_inline)) void
sketch(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k, uint8_t *symbol) {
    if (l->bits == 16)
        sketch_uint16_t(l, elements, width, n, k, symbol);
    else
        sketch_uint32_t(l, elements, width, n, k, symbol);
}

static void sketch_scalar(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k,
                          uint8_t *symbol) {
    sketch(l, elements, width, n, k, symbol);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void sketch_avx2(const struct lanes *l, const void *elements,
                                                        size_t width, uint64_t n, uint32_t k,
                                                        uint8_t *symbol) {
    sketch(l, elements, width, n, k, symbol);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static void
sketch_avx512(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k,
              uint8_t *symbol) {
    sketch(l, elements, width, n, k, symbol);
}
#else
#define sketch_avx2 sketch_scalar
#define sketch_avx512 sketch_scalar
#endif

void lanes_sketch(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint64_t *words) {
    static sketch_fn *const sketch_at[] = {sketch_scalar, sketch_avx2, sketch_avx512};
    for (uint32_t first = 0; first < l->m; first += LANES_TOGETHER) {
        uint8_t symbol[LANES_TOGETHER];
        sketch_at[l->simd](l, elements, width, n, first, symbol);
        for (uint32_t k = 0; k < LANES_TOGETHER && first + k < l->m; k += 8) {
            uint64_t word = 0;
            for (int byte = 0; byte < 8; byte++)
                word |= (uint64_t)symbol[k + (uint32_t)byte] << 8 * byte;
            words[(first + k) / 8] = word;
        }
    }
}
