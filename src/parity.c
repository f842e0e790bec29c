#include "lshjoin/parity.h"

#include <string.h>

void parity_of(const void *set, uint64_t n, size_t width, uint64_t bits[PARITY_WORDS]) {
    memset(bits, 0, PARITY_WORDS * sizeof *bits);
    for (uint64_t k = 0; k < n; k++) {
        uint64_t element = width == 4 ? ((const uint32_t *)set)[k] : ((const uint64_t *)set)[k];
        uint64_t place = element * 0x9e3779b97f4a7c15u >> 55;
        bits[place / 64] ^= (uint64_t)1 << place % 64;
    }
}

/* One text: where the processor counts bits, and where it does not. */
#define DEFINE(name, attribute)                                                                              \
    attribute static uint32_t name(const uint64_t *a, const uint64_t *b) {                                   \
        uint32_t distance = 0;                                                                               \
        for (int k = 0; k < PARITY_WORDS; k++)                                                               \
            distance += (uint32_t)__builtin_popcountll(a[k] ^ b[k]);                                         \
        return distance;                                                                                     \
    }
#define PLAIN
DEFINE(distance_scalar, PLAIN)
#if defined(__x86_64__)
#define COUNTS __attribute__((target("popcnt")))
DEFINE(distance_popcnt, COUNTS)
#else
#define distance_popcnt distance_scalar
#endif

uint32_t parity_distance(const uint64_t *a, const uint64_t *b, enum simd simd) {
    return simd == SIMD_SCALAR ? distance_scalar(a, b) : distance_popcnt(a, b);
}
