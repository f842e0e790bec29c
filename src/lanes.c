#include "lshjoin/lanes.h"

#include <stdlib.h>
#include <string.h>

#include "lshjoin/base.h"

/* An element becomes two halves of 16 bits, low and high, of mix64(x ^ seed'). Function k of the first half
 * of the functions takes the low one, of the second half the high one: h = multiplier[k] * (half ^ offset[k])
 * modulo 2^16, the multiplier odd, a bijection of the half. Without the offset an element whose half is 0
 * would be the least of all functions. For two elements the draw of the offset makes either the least one
 * equally often, whatever they are; for more, the multiplier keeps their order from being the same in many
 * functions. */
enum { BLOCK = 256, GROUP = LANES_TOGETHER / 2, STEP = 4 };

struct lanes lanes_create(uint32_t m, uint64_t seed, enum simd simd) {
    uint32_t padded = (m + LANES_TOGETHER - 1) / LANES_TOGETHER * LANES_TOGETHER;
    struct lanes l = {.m = m, .seed = mix64(seed + 0x9e3779b97f4a7c15u), .simd = simd};
    l.multiplier = mem_alloc(padded, sizeof *l.multiplier);
    l.offset = mem_alloc(padded, sizeof *l.offset);
    uint64_t state = mix64(l.seed ^ 0xbb67ae8584caa73bu);
    for (uint32_t k = 0; k < padded; k++) {
        uint64_t drawn = mix64(state += 0x9e3779b97f4a7c15u);
        l.multiplier[k] = (uint16_t)(drawn >> 48) | 1;
        l.offset[k] = (uint16_t)(drawn >> 32);
    }
    return l;
}

void lanes_free(struct lanes *l) {
    free(l->multiplier);
    free(l->offset);
}

struct halves {
    uint16_t low[BLOCK], high[BLOCK];
};

/* Elements [0, n) mixed, and padded by repeats, which change no least value. Returns the padded number. */
static inline __attribute__((always_inline)) uint64_t mix(const void *elements, size_t width, uint64_t n,
                                                          uint64_t seed, struct halves *x) {
    const uint32_t *narrow = elements;
    const uint64_t *wide = elements;
    uint32_t mixed[BLOCK];
    if (width == sizeof *narrow)
        for (uint64_t i = 0; i < n; i++)
            mixed[i] = (uint32_t)mix64(narrow[i] ^ seed);
    else
        for (uint64_t i = 0; i < n; i++)
            mixed[i] = (uint32_t)mix64(wide[i] ^ seed);
    for (; n % STEP; n++)
        mixed[n] = mixed[0];
    for (uint64_t i = 0; i < n; i++) {
        x->low[i] = (uint16_t)mixed[i];
        x->high[i] = (uint16_t)(mixed[i] >> 16);
    }
    return n;
}

static inline __attribute__((always_inline)) uint16_t hash(uint16_t half, uint16_t multiplier,
                                                           uint16_t offset) {
    return (uint16_t)((uint32_t)multiplier * (uint16_t)(half ^ offset));
}

static inline __attribute__((always_inline)) uint16_t min_u16(uint16_t a, uint16_t b) {
    return a < b ? a : b;
}

/* least[GROUP] lowered by n halves, n a multiple of STEP. */
static inline __attribute__((always_inline)) void lower(const uint16_t *restrict half, uint64_t n,
                                                        const uint16_t *restrict multiplier,
                                                        const uint16_t *restrict offset,
                                                        uint16_t *restrict least) {
    for (uint64_t i = 0; i < n; i += STEP)
        for (int k = 0; k < GROUP; k++) {
            uint16_t a =
                min_u16(hash(half[i], multiplier[k], offset[k]), hash(half[i + 1], multiplier[k], offset[k]));
            uint16_t b = min_u16(hash(half[i + 2], multiplier[k], offset[k]),
                                 hash(half[i + 3], multiplier[k], offset[k]));
            least[k] = min_u16(least[k], min_u16(a, b));
        }
}

/* The meaning, and the text of every SIMD level: the least values of LANES_TOGETHER functions from k on. */
static inline __attribute__((always_inline)) void
sketch(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k, uint16_t *least) {
    struct halves x;
    for (uint64_t first = 0; first < n; first += BLOCK) {
        uint64_t piece =
            mix((const char *)elements + first * width, width, min_u64(BLOCK, n - first), l->seed, &x);
        lower(x.low, piece, l->multiplier + k, l->offset + k, least);
        lower(x.high, piece, l->multiplier + k + GROUP, l->offset + k + GROUP, least + GROUP);
    }
}

typedef void sketch_fn(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k,
                       uint16_t *least);

static void sketch_scalar(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k,
                          uint16_t *least) {
    sketch(l, elements, width, n, k, least);
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static void sketch_avx2(const struct lanes *l, const void *elements,
                                                        size_t width, uint64_t n, uint32_t k,
                                                        uint16_t *least) {
    sketch(l, elements, width, n, k, least);
}

__attribute__((target("avx512f,avx512bw,avx512dq,avx512vl"))) static void
sketch_avx512(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint32_t k,
              uint16_t *least) {
    sketch(l, elements, width, n, k, least);
}
#else
#define sketch_avx2 sketch_scalar
#define sketch_avx512 sketch_scalar
#endif

/* Both bytes: the low ones of two values are equal where those of the halves are, in all functions alike. */
static uint8_t symbol(uint16_t least) {
    return (uint8_t)(least ^ least >> 8);
}

void lanes_sketch(const struct lanes *l, const void *elements, size_t width, uint64_t n, uint64_t *words) {
    static sketch_fn *const sketch_at[] = {sketch_scalar, sketch_avx2, sketch_avx512};
    for (uint32_t k = 0; k < l->m; k += LANES_TOGETHER) {
        uint16_t least[LANES_TOGETHER];
        memset(least, 0xff, sizeof least);
        sketch_at[l->simd](l, elements, width, n, k, least);
        for (uint32_t word = k / 8; word < (uint32_t)min_u64(l->m / 8, k / 8 + LANES_TOGETHER / 8); word++) {
            words[word] = 0;
            for (int byte = 0; byte < 8; byte++)
                words[word] |= (uint64_t)symbol(least[word * 8 - k + byte]) << 8 * byte;
        }
    }
}
