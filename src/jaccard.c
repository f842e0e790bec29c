#include "lshjoin/jaccard.h"

#include <ctype.h>

static uint64_t gcd(uint64_t a, uint64_t b) {
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

bool fraction_parse(const char *text, struct fraction *f) {
    uint64_t p = 0, q = 1;
    int digits = 0, decimals = -1; /* -1: before the point */
    for (const char *c = text; *c; c++) {
        if (*c == '.' && decimals < 0) {
            decimals = 0;
            continue;
        }
        if (!isdigit((unsigned char)*c) || ++digits > 18 || (decimals >= 0 && ++decimals > 9))
            return false;
        p = 10 * p + (uint64_t)(*c - '0');
        if (decimals >= 0)
            q *= 10;
    }
    if (digits == 0)
        return false;
    uint64_t d = gcd(p, q);
    *f = (struct fraction){p / d, q / d};
    return true;
}

/* A merge without branches on the data; every 16 steps it looks whether `least` is still in reach. */
#define DEFINE_INTERSECTION(name, type)                                                                      \
    static uint64_t name(const type *a, uint64_t na, const type *b, uint64_t nb, uint64_t least) {           \
        uint64_t i = 0, j = 0, both = 0;                                                                     \
        while (i < na && j < nb) {                                                                           \
            uint64_t rest = na - i < nb - j ? na - i : nb - j;                                               \
            if (both + rest < least)                                                                         \
                return both;                                                                                 \
            for (uint64_t step = rest < 16 ? rest : 16; step > 0; step--) {                                  \
                type x = a[i], y = b[j];                                                                     \
                both += x == y;                                                                              \
                i += x <= y;                                                                                 \
                j += y <= x;                                                                                 \
            }                                                                                                \
        }                                                                                                    \
        return both;                                                                                         \
    }
DEFINE_INTERSECTION(intersection_u32, uint32_t)
DEFINE_INTERSECTION(intersection_u64, uint64_t)

uint64_t set_intersection(const void *a, uint64_t na, const void *b, uint64_t nb, size_t width,
                          uint64_t least) {
    return width == 4 ? intersection_u32(a, na, b, nb, least) : intersection_u64(a, na, b, nb, least);
}

uint64_t jaccard_overlap(struct fraction t, uint64_t na, uint64_t nb) {
    /* i/(na+nb-i) >= p/q  <=>  i*(p+q) >= p*(na+nb): sets below 2^31 elements and q <= 10^9 keep it in 64
     * bits */
    return (t.p * (na + nb) + t.p + t.q - 1) / (t.p + t.q);
}

bool jaccard_of_overlap(uint64_t both, uint64_t least, uint64_t na, uint64_t nb, double *similarity) {
    if (both < least)
        return false;
    *similarity = (double)both / (double)(na + nb - both);
    return true;
}

bool jaccard_at_least(struct fraction t, const void *a, uint64_t na, const void *b, uint64_t nb, size_t width,
                      double *similarity) {
    uint64_t least = jaccard_overlap(t, na, nb);
    return jaccard_of_overlap(set_intersection(a, na, b, nb, width, least), least, na, nb, similarity);
}
