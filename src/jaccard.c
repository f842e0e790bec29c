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

/* Parts [i, i_end) of a and [j, j_end) of b, whose common elements are still to be counted. */
struct span {
    uint64_t i, i_end, j, j_end;
};

/* No more than that many. */
static inline uint64_t reach(const struct span *s) {
    return s->i_end - s->i < s->j_end - s->j ? s->i_end - s->i : s->j_end - s->j;
}

/* A merge without branches on the data. Each of its steps waits for the one before, so it goes from both ends
 * at once, and of long sets in both halves; every few steps it looks whether `least` is still in reach. */
enum { STEPS = 8, LONG = 256 };

#define DEFINE_INTERSECTION(name, type)                                                                      \
    static inline uint64_t name##_ends(const type *a, const type *b, struct span *s) {                       \
        type x = a[s->i], y = b[s->j], u = a[s->i_end - 1], v = b[s->j_end - 1];                             \
        s->i += x <= y;                                                                                      \
        s->j += y <= x;                                                                                      \
        s->i_end -= u >= v;                                                                                  \
        s->j_end -= v >= u;                                                                                  \
        return (uint64_t)(x == y) + (u == v);                                                                \
    }                                                                                                        \
                                                                                                             \
    static uint64_t name##_one(const type *a, const type *b, struct span s, uint64_t both, uint64_t least) { \
        uint64_t rest;                                                                                       \
        while ((rest = reach(&s)) > 1) {                                                                     \
            if (both + rest < least)                                                                         \
                return both;                                                                                 \
            for (uint64_t step = rest / 2 < STEPS ? rest / 2 : STEPS; step > 0; step--)                      \
                both += name##_ends(a, b, &s);                                                               \
        }                                                                                                    \
        while (reach(&s) > 0) {                                                                              \
            type x = a[s.i], y = b[s.j];                                                                     \
            both += x == y;                                                                                  \
            s.i += x <= y;                                                                                   \
            s.j += y <= x;                                                                                   \
        }                                                                                                    \
        return both;                                                                                         \
    }                                                                                                        \
                                                                                                             \
    static uint64_t name##_two(const type *a, const type *b, struct span s, struct span t, uint64_t least) { \
        uint64_t both = 0, step;                                                                             \
        do {                                                                                                 \
            uint64_t rest = reach(&s), other = reach(&t);                                                    \
            if (both + rest + other < least)                                                                 \
                return both;                                                                                 \
            step = (rest < other ? rest : other) / 2;                                                        \
            step = step < STEPS ? step : STEPS;                                                              \
            for (uint64_t k = 0; k < step; k++)                                                              \
                both += name##_ends(a, b, &s) + name##_ends(a, b, &t);                                       \
        } while (step > 0);                                                                                  \
        both = name##_one(a, b, s, both, least > reach(&t) ? least - reach(&t) : 0);                         \
        return name##_one(a, b, t, both, least);                                                             \
    }                                                                                                        \
                                                                                                             \
    static uint64_t name(const type *a, uint64_t na, const type *b, uint64_t nb, uint64_t least) {           \
        if (na < LONG || nb < LONG)                                                                          \
            return name##_one(a, b, (struct span){0, na, 0, nb}, 0, least);                                  \
        uint64_t half = na / 2, lo = 0, hi = nb; /* b's first element of at least a[half] */                 \
        while (lo < hi) {                                                                                    \
            uint64_t mid = lo + (hi - lo) / 2;                                                               \
            if (b[mid] < a[half])                                                                            \
                lo = mid + 1;                                                                                \
            else                                                                                             \
                hi = mid;                                                                                    \
        }                                                                                                    \
        return name##_two(a, b, (struct span){0, half, 0, lo}, (struct span){half, na, lo, nb}, least);      \
    }
DEFINE_INTERSECTION(intersection_u32, uint32_t)
DEFINE_INTERSECTION(intersection_u64, uint64_t)

/* Of sets of very different sizes each element of the short one, a, is looked for in the other, from where
 * the last one was on, in steps that double and then halve. */
enum { MUCH_LONGER = 32 };

#define DEFINE_SEARCH(name, type)                                                                            \
    static uint64_t name(const type *a, uint64_t na, const type *b, uint64_t nb, uint64_t least) {           \
        uint64_t both = 0, lo = 0;                                                                           \
        for (uint64_t i = 0; i < na && lo < nb && both + (na - i) >= least; i++) {                           \
            uint64_t step = 1;                                                                               \
            while (step <= nb - lo && b[lo + step - 1] < a[i])                                               \
                step *= 2;                                                                                   \
            uint64_t hi = step <= nb - lo ? lo + step - 1 : nb; /* b[hi] >= a[i], or it is the end */        \
            for (lo += step / 2; lo < hi;) {                                                                 \
                uint64_t mid = lo + (hi - lo) / 2;                                                           \
                if (b[mid] < a[i])                                                                           \
                    lo = mid + 1;                                                                            \
                else                                                                                         \
                    hi = mid;                                                                                \
            }                                                                                                \
            both += lo < nb && b[lo] == a[i];                                                                \
        }                                                                                                    \
        return both;                                                                                         \
    }
DEFINE_SEARCH(search_u32, uint32_t)
DEFINE_SEARCH(search_u64, uint64_t)

uint64_t set_intersection(const void *a, uint64_t na, const void *b, uint64_t nb, size_t width,
                          uint64_t least) {
    if (na / MUCH_LONGER > nb)
        return set_intersection(b, nb, a, na, width, least);
    if (nb / MUCH_LONGER > na)
        return width == 4 ? search_u32(a, na, b, nb, least) : search_u64(a, na, b, nb, least);
    return width == 4 ? intersection_u32(a, na, b, nb, least) : intersection_u64(a, na, b, nb, least);
}

uint64_t jaccard_least(struct fraction t, uint64_t na, uint64_t nb) {
    /* i/(na+nb-i) >= p/q  <=>  i*(p+q) >= p*(na+nb): sets below 2^31 elements and q <= 10^9 keep it in 64
     * bits */
    return (t.p * (na + nb) + t.p + t.q - 1) / (t.p + t.q);
}

bool jaccard_at_least(struct fraction t, const void *a, uint64_t na, const void *b, uint64_t nb, size_t width,
                      double *similarity) {
    uint64_t least = jaccard_least(t, na, nb);
    return jaccard_reaches(t, na, nb, set_intersection(a, na, b, nb, width, least), similarity);
}
